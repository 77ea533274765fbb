//! Roles, the stages they are for, and which of them one hand may not hold together.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::route::StageName;

/// What a member of the keyring vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// That a build made an artifact.
    Builder,
    /// What a scan found in it.
    Scanner,
    /// That someone looked at it and says yes.
    Approver,
    /// That it may go out.
    Releaser,
    /// That a ledger showed everyone the same.
    Witness,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Builder, Self::Scanner, Self::Approver, Self::Releaser, Self::Witness];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builder => "builder",
            Self::Scanner => "scanner",
            Self::Approver => "approver",
            Self::Releaser => "releaser",
            Self::Witness => "witness",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Roles that one key may never hold together, nor one owner for the same stage: whoever makes a thing does not also
/// say that it may go out, and whoever reports on it does not decide about it (NIST SP 800-53, AC-5).
pub const APART: [(Role, Role); 3] =
    [(Role::Builder, Role::Approver), (Role::Builder, Role::Releaser), (Role::Scanner, Role::Releaser)];

/// The stages that a member may serve: none, some, or all. Written as a list of names, or `["*"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stages {
    /// Every stage there is or will be.
    All,
    /// These.
    Only(BTreeSet<StageName>),
}

/// Why a list of stages is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StagesError {
    /// A name that no stage can have.
    #[error("`{0}` is not a stage name: write names such as `staging`, or `*` for every stage")]
    Name(String),
    /// All and some.
    #[error("`*` stands for every stage: write it alone, or name the stages")]
    AllAndSome,
}

impl Stages {
    /// From names, or `*` alone.
    pub fn of<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Self, StagesError> {
        let (mut all, mut only) = (false, BTreeSet::new());
        for name in names {
            match name.as_ref() {
                "*" => all = true,
                name => {
                    let name =
                        name.parse().map_err(|_| StagesError::Name(name.chars().take(100).collect()))?;
                    only.insert(name);
                }
            }
        }
        match (all, only.is_empty()) {
            (true, true) => Ok(Self::All),
            (true, false) => Err(StagesError::AllAndSome),
            (false, _) => Ok(Self::Only(only)),
        }
    }

    /// Whether `stage` is among them.
    pub fn serve(&self, stage: &StageName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(stage),
        }
    }

    /// Whether some stage is among both.
    pub fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Only(one), Self::Only(two)) => !one.is_disjoint(two),
            (Self::All, Self::Only(names)) | (Self::Only(names), Self::All) => !names.is_empty(),
            (Self::All, Self::All) => true,
        }
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Self::All => vec!["*"],
            Self::Only(names) => names.iter().map(StageName::as_str).collect(),
        }
    }
}

impl FromStr for Stages {
    type Err = StagesError;

    /// Names with commas between them; nothing for no stage.
    fn from_str(text: &str) -> Result<Self, StagesError> {
        Self::of(text.split(',').map(str::trim).filter(|name| !name.is_empty()))
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.pad("every stage"),
            Self::Only(names) if names.is_empty() => f.pad("no stage"),
            Self::Only(_) => f.pad(&self.names().join(", ")),
        }
    }
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Stages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Vec::<String>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Whose a member is, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// The person or machine that holds it.
    pub owner: String,
    /// What it vouches for.
    pub roles: BTreeSet<Role>,
    /// Where.
    pub stages: Stages,
    /// It is to be rotated every so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_every_days: Option<u32>,
}

impl Duty {
    /// Two roles of this one duty that must be held apart.
    pub fn both_ends(&self) -> Option<(Role, Role)> {
        APART.into_iter().find(|(one, two)| self.roles.contains(one) && self.roles.contains(two))
    }

    /// The role of this duty and the role of `other` that one owner may not hold together for a stage that both
    /// serve.
    pub fn clash(&self, other: &Self) -> Option<(Role, Role)> {
        if self.owner != other.owner || !self.stages.meet(&other.stages) {
            return None;
        }
        let either = APART.into_iter().flat_map(|(one, two)| [(one, two), (two, one)]);
        either.into_iter().find(|(mine, theirs)| self.roles.contains(mine) && other.roles.contains(theirs))
    }

    /// The roles, for people.
    pub fn roles_text(&self) -> String {
        self.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
    }
}
