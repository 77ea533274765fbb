//! The keyring as others get it: what it says of each member, without where the ledger says it; and what another keyring
//! lacks of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Credential, Keyring, KeyringChange, Member, MemberRow, Rotated, fold};
use crate::canon::{self, CanonError};
use crate::limits;
use crate::time::Timestamp;

/// What the document calls itself.
const KIND: &str = "lockgate.dev/keyring/v1";

/// A keyring as it is given to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    kind: String,
    /// The members, by name.
    members: BTreeMap<String, PublishedMember>,
}

/// A member as it is given to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedMember {
    /// What was added.
    pub member: Member,
    /// The key whose place it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// First instant from which no new signature counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// That it is not to be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<PublishedRevocation>,
}

/// A revocation as it is given to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedRevocation {
    /// The instant from which others may have signed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// Why a document is no published keyring.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// Too large.
    #[error("{0} bytes, where at most {limit} are read", limit = limits::PUBLISHED_KEYRING_BYTES)]
    TooLarge(usize),
    /// No canonical JSON of that shape.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// Another document.
    #[error("it is `{0}`, where `{KIND}` must be")]
    Kind(String),
    /// Too many members.
    #[error("{0} members, where at most {limit} are read", limit = limits::KEYRING_MEMBERS)]
    TooMany(usize),
    /// A member under another's name.
    #[error("`{0}` stands under the name of another")]
    Name(String),
}

/// What a keyring lacks of a published one, for one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Nothing.
    Nothing,
    /// A change.
    Change(KeyringChange),
    /// That it is revoked.
    Revocation(PublishedRevocation),
    /// Nothing that is to be changed here, and why.
    Left(String),
    /// It says something else of a member of that name, or of that key: what differs, and what to do.
    Conflict {
        /// What differs.
        what: String,
        /// What to do.
        help: String,
    },
}

impl Published {
    /// What `keyring` says of its members.
    pub fn of(keyring: &Keyring) -> Self {
        let member = |row: &MemberRow| {
            let revoked = row.revoked.as_ref().map(|revoked| PublishedRevocation {
                compromised_since: revoked.what.compromised_since,
                reason: revoked.what.reason.clone(),
            });
            let member = PublishedMember {
                member: row.member.clone(),
                replaces: row.replaces.clone(),
                retired_at: row.retired_at,
                revoked,
            };
            (row.name().to_owned(), member)
        };
        Self { kind: KIND.to_owned(), members: keyring.rows().map(member).collect() }
    }

    /// Its bytes (RFC 8785).
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonError> {
        canon::to_bytes(self)
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PublishedError> {
        if bytes.len() > limits::PUBLISHED_KEYRING_BYTES {
            return Err(PublishedError::TooLarge(bytes.len()));
        }
        let this: Self = canon::from_bytes(bytes)?;
        if this.kind != KIND {
            return Err(PublishedError::Kind(this.kind.chars().take(100).collect()));
        }
        if this.members.len() > limits::KEYRING_MEMBERS {
            return Err(PublishedError::TooMany(this.members.len()));
        }
        if let Some((_, other)) = this.members.iter().find(|(name, one)| **name != one.member.name) {
            return Err(PublishedError::Name(other.member.name.chars().take(100).collect()));
        }
        Ok(this)
    }

    /// The members in an order in which another keyring can take them: what is to end first, so that what takes its place
    /// is not held apart from it; then keys before those that took their place.
    pub fn members(&self) -> Vec<&PublishedMember> {
        let depth = |one: &PublishedMember| {
            let before = |one: &PublishedMember| self.members.get(one.replaces.as_ref()?);
            std::iter::successors(before(one), |one| before(one)).take(self.members.len()).count()
        };
        let mut members: Vec<_> = self.members.values().collect();
        members.sort_by_cached_key(|one| {
            (one.revoked.is_none(), one.retired_at.is_none(), depth(one), one.member.name.clone())
        });
        members
    }
}

impl PublishedMember {
    fn name(&self) -> &str {
        &self.member.name
    }
}

impl Keyring {
    /// What this keyring lacks at `at` of what is published about one member.
    pub fn lacks(&self, published: &Published, one: &PublishedMember, at: Timestamp) -> Lack {
        let Some(row) = self.get(one.name()) else { return self.lacks_member(published, one, at) };
        if let Some(what) = difference(&row.member, &one.member) {
            let name = one.name();
            return Lack::Conflict {
                what: format!("`{name}` is in the keyring here with {what}"),
                help: format!(
                    "`lockgate key show {name}` shows it; agree with its keeper which of them is meant, retire that one, and add it by another name"
                ),
            };
        }
        match (&one.revoked, &row.revoked) {
            (Some(there), None) => return Lack::Revocation(there.clone()),
            (Some(there), Some(here))
                if fold::earlier(there.compromised_since, here.what.compromised_since) =>
            {
                return Lack::Revocation(there.clone());
            }
            (None, Some(_)) => return Lack::Left("revoked here, and not there: it stays revoked".to_owned()),
            (Some(_), Some(_)) => return Lack::Nothing,
            (None, None) => {}
        }
        let over = |retired: Option<Timestamp>| retired.is_some_and(|retired| retired <= at);
        match (over(one.retired_at), over(row.retired_at)) {
            (true, false) => Lack::Change(KeyringChange::Retired { name: one.name().to_owned() }),
            (false, true) => Lack::Left("retired here, and not there: it stays retired".to_owned()),
            _ => Lack::Nothing,
        }
    }

    /// For a name that is not known here.
    fn lacks_member(&self, published: &Published, one: &PublishedMember, at: Timestamp) -> Lack {
        let same = |row: &&MemberRow| fold::same(&row.member.credential, &one.member.credential);
        if let Some(known) = self.rows().find(same) {
            let known = known.name();
            let revoked = if one.revoked.is_some() { ", and is revoked there" } else { "" };
            return Lack::Conflict {
                what: format!("`{}` is in the keyring here as `{known}`{revoked}", one.name()),
                help: format!("what is said of it there, say of `{known}`: `lockgate key --help` lists how"),
            };
        }
        if one.revoked.is_some() {
            return Lack::Left("revoked there, and never was in the keyring here".to_owned());
        }
        let ended = [one.retired_at, one.member.valid_until].into_iter().flatten().any(|end| end <= at);
        if ended {
            return Lack::Left("over there, and never was in the keyring here".to_owned());
        }
        Lack::Change(
            self.rotation(published, one)
                .unwrap_or_else(|| KeyringChange::Added(Box::new(one.member.clone()))),
        )
    }

    /// The new key beside the old one, when the old one is here and nobody has rotated it.
    fn rotation(&self, published: &Published, new: &PublishedMember) -> Option<KeyringChange> {
        let old = published.members.get(new.replaces.as_ref()?)?;
        let here = self.get(old.name())?;
        let Credential::Key { id, pem } = &new.member.credential else { return None };
        let as_it_was = here.member == old.member
            && old.member.duty == new.member.duty
            && new.member.valid_from.is_none()
            && here.retired_at.is_none()
            && here.revoked.is_none();
        as_it_was.then_some(KeyringChange::Rotated(Rotated {
            old: old.name().to_owned(),
            new: new.name().to_owned(),
            id: *id,
            pem: pem.clone(),
            valid_until: new.member.valid_until,
            overlap_until: old.retired_at?,
        }))
    }
}

/// What differs between two members of one name.
fn difference(here: &Member, there: &Member) -> Option<&'static str> {
    if !fold::same(&here.credential, &there.credential) {
        return Some(match here.credential {
            Credential::Key { .. } => "another key",
            Credential::Identity { .. } => "another identity",
        });
    }
    if here.duty != there.duty {
        return Some("another owner, other roles, stages or another cadence");
    }
    let dates = |member: &Member| (member.valid_from, member.valid_until);
    (dates(here) != dates(there)).then_some("other dates")
}
