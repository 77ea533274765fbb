//! A gate: one question about a Case, and what it declares about itself.
//!
//! Whoever closes Cases, tells of alerts, judges again or reads `lockgate.yaml` asks a gate's declarations, and keeps no list
//! of gates of its own: a gate that was forgotten in one would not be told of what could not be had.

use lockgate_model::Verdict;
use serde_json::Value;

use crate::docket::Docket;
use crate::edition::Edition;
use crate::settings::SettingsError;

/// One question about a Case.
pub struct Gate {
    /// Its name, in `lockgate.yaml` and in verdicts.
    pub name: &'static str,
    /// The question, for people.
    pub asks: &'static str,
    /// Whether it is asked for every stage, without settings.
    pub always: bool,
    /// The first Edition that has it.
    pub since: Edition,
    /// What it reads.
    pub reads: Reads,
    /// Whether people are alerted when it halts a promotion: because of whose work the artifact is, or how it was made.
    pub alerts: bool,
    /// The names of keys and identities that settings hold, with their places.
    pub members: fn(&Value) -> Vec<Members>,
    /// Whether settings are right.
    pub check_settings: fn(&Value) -> Result<(), SettingsError>,
    /// The answer, from the Case, the settings and the verdicts of the gates before it.
    pub judge: fn(&Docket<'_>, &Value, &[Verdict]) -> Verdict,
}

/// What a gate reads besides the artifact's own bytes: where one of these could not be had, the gate is blind.
pub struct Reads {
    /// Configs and inventories of the images.
    pub images: bool,
    /// Evidence that is attached, with such settings.
    pub evidence: fn(&Value) -> bool,
    /// Packages that attached bills of materials name, with such settings.
    pub declared: fn(&Value) -> bool,
    /// The feed.
    pub feed: bool,
    /// The findings of the gates before it.
    pub findings: bool,
}

impl Reads {
    /// Nothing but what the Case itself says.
    pub const NOTHING: Self =
        Self { images: false, evidence: |_| false, declared: |_| false, feed: false, findings: false };
    /// Evidence, and whose word counts.
    pub const EVIDENCE: Self = Self { evidence: |_| true, ..Self::NOTHING };

    /// Whether, with such settings, evidence and trust are all that it reads.
    pub fn rests_on_trust_alone(&self, settings: &Value) -> bool {
        (self.evidence)(settings) && !self.images && !self.feed && !self.findings
    }
}

/// Names of keys or identities in a gate's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Where, within the settings: `builders[0].signedBy.keys`.
    pub path: String,
    /// The names, in the settings' order; what is not a text is left out and keeps its place.
    pub names: Vec<Option<String>>,
    /// Whether they are keys; else identities.
    pub are_keys: bool,
}

impl Members {
    /// The names under `keys` and `identities` of `settings`, which stands at `path` (empty, or with a dot at its end).
    pub(crate) fn of(path: &str, settings: Option<&Value>) -> Vec<Self> {
        let named = |(field, are_keys): (&str, bool)| {
            let names = settings?.get(field)?.as_array()?;
            let names = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            Some(Self { path: format!("{path}{field}"), names, are_keys })
        };
        [("keys", true), ("identities", false)].into_iter().filter_map(named).collect()
    }
}
