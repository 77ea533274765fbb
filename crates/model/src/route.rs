//! The way of a service through its stages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::reference::{Repository, repository_name};

/// Why a route or a name in it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A name has characters that are not allowed.
    #[error("`{0}` is not a valid {1}: use lower-case letters, digits and `-`")]
    Name(String, &'static str),
    /// Fewer than two stages.
    #[error("a route needs at least two stages; this one has {0}")]
    TooShort(usize),
    /// A stage appears twice.
    #[error("the stage `{0}` appears twice")]
    Twice(StageName),
    /// No stage of that name.
    #[error("there is no stage `{name}`; the route is {route}")]
    NoStage {
        /// The name asked for.
        name: String,
        /// The stages there are.
        route: String,
    },
    /// The first stage is where builds arrive; nothing is promoted to it.
    #[error("`{0}` is the first stage: builds arrive there, nothing is promoted to it")]
    First(StageName),
    /// Two stages share a registry prefix, so promoting between them would do nothing.
    #[error("the stages `{0}` and `{1}` share a registry prefix: each stage needs its own")]
    SharedRegistry(StageName, StageName),
}

/// The name of a stage, such as `staging`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageName(String);

/// What a team ships: a repository name that appears in every stage, such as `team/web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service(String);

macro_rules! name_as_text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

name_as_text!(StageName);
name_as_text!(Service);

impl FromStr for StageName {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if inner && edge(text.chars().next()) && edge(text.chars().last()) && text.len() <= 63 {
            Ok(Self(text.to_owned()))
        } else {
            Err(RouteError::Name(text.chars().take(100).collect(), "stage name"))
        }
    }
}

impl FromStr for Service {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        match repository_name(text) {
            Ok(name) if name.len() <= 200 => Ok(Self(name)),
            _ => Err(RouteError::Name(text.chars().take(100).collect(), "service name")),
        }
    }
}

/// A guarded place: a registry prefix and the gates that stand before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// Where its repositories are.
    pub registry: Repository,
    /// The gates to pass to enter it, each with its settings as the gate itself reads them. Empty only for
    /// the first stage.
    pub gates: BTreeMap<String, Value>,
}

/// The stages a service climbs, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    stages: Vec<Stage>,
}

/// One step of a route: from a stage to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// Where the artifact is.
    pub from: &'a Stage,
    /// Where it is to go.
    pub to: &'a Stage,
    /// Whether `from` has gates of its own, so that it holds Releases; false for the first stage.
    pub from_guarded: bool,
}

impl Route {
    /// A route from its stages, lowest first.
    pub fn new(stages: Vec<Stage>) -> Result<Self, RouteError> {
        if stages.len() < 2 {
            return Err(RouteError::TooShort(stages.len()));
        }
        let mut names = BTreeSet::new();
        let mut registries = BTreeMap::new();
        for stage in &stages {
            if !names.insert(&stage.name) {
                return Err(RouteError::Twice(stage.name.clone()));
            }
            if let Some(other) = registries.insert(&stage.registry, &stage.name) {
                return Err(RouteError::SharedRegistry(other.clone(), stage.name.clone()));
            }
        }
        Ok(Self { stages })
    }

    /// The stages, lowest first.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The stage called `name`.
    pub fn stage(&self, name: &str) -> Result<&Stage, RouteError> {
        self.stages.iter().find(|stage| stage.name.as_str() == name).ok_or_else(|| self.no_stage(name))
    }

    /// The step that leads to the stage called `name`.
    pub fn step_to(&self, name: &str) -> Result<Step<'_>, RouteError> {
        let at = self
            .stages
            .iter()
            .position(|stage| stage.name.as_str() == name)
            .ok_or_else(|| self.no_stage(name))?;
        match (at.checked_sub(1).and_then(|below| self.stages.get(below)), self.stages.get(at)) {
            (Some(from), Some(to)) => Ok(Step { from, to, from_guarded: at > 1 }),
            (_, Some(to)) => Err(RouteError::First(to.name.clone())),
            (_, None) => Err(self.no_stage(name)),
        }
    }

    fn no_stage(&self, name: &str) -> RouteError {
        RouteError::NoStage { name: name.chars().take(100).collect(), route: self.to_string() }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
        f.write_str(&names.join(" -> "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str) -> Stage {
        Stage {
            name: name.parse().unwrap(),
            registry: format!("oci:r/{name}").parse().unwrap(),
            gates: BTreeMap::new(),
        }
    }

    #[test]
    fn steps_lead_one_stage_up() {
        let route = Route::new(vec![stage("dev"), stage("staging"), stage("prod")]).unwrap();
        let step = route.step_to("staging").unwrap();
        assert_eq!((step.from.name.as_str(), step.from_guarded), ("dev", false));
        let step = route.step_to("prod").unwrap();
        assert_eq!((step.from.name.as_str(), step.from_guarded), ("staging", true));
        assert!(matches!(route.step_to("dev"), Err(RouteError::First(_))));
        let error = route.step_to("production").unwrap_err().to_string();
        assert!(error.contains("dev -> staging -> prod"), "{error}");
    }

    #[test]
    fn refuses_short_doubled_and_shared() {
        assert_eq!(Route::new(vec![stage("dev")]), Err(RouteError::TooShort(1)));
        assert!(matches!(Route::new(vec![stage("dev"), stage("dev")]), Err(RouteError::Twice(_))));
        let mut shared = stage("prod");
        shared.registry = "oci:r/dev".parse().unwrap();
        assert!(matches!(Route::new(vec![stage("dev"), shared]), Err(RouteError::SharedRegistry(..))));
    }

    #[test]
    fn names_are_narrow() {
        for bad in ["", "Dev", "-dev", "dev-", "a b", "dev/x"] {
            assert!(bad.parse::<StageName>().is_err(), "{bad}");
        }
        for bad in ["", "Web", "/web", "web/", "../web", "a b"] {
            assert!(bad.parse::<Service>().is_err(), "{bad}");
        }
        assert!("team/web".parse::<Service>().is_ok());
    }
}
