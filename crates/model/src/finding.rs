//! Findings: one fact each, with a stable code, and what to do about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// CVSS 0.1 to 3.9, or not rated.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0, or known to be exploited.
    Critical,
}

/// What a finding does to the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing: it is told.
    Advise,
    /// The promotion waits until someone provides what is missing.
    Pause,
    /// The artifact must change.
    Rework,
}

/// One fact drawn from evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code, `<gate>.<what>` for Lockgate's own (`signature.missing`), a policy author's own for
    /// policies. Codes are never reused for another meaning.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it does to the outcome.
    pub effect: Effect,
    /// What it is about: an artifact, a package, a file.
    pub subject: String,
    /// One line: what is wrong.
    pub title: String,
    /// Why the rule exists.
    pub rationale: String,
    /// The smallest change that makes the gate pass.
    pub remediation: String,
    /// Who is told.
    pub owner: String,
    /// Machine-readable details, such as `installed`, `fixed`, `layer`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl Finding {
    /// The order in which people want to read findings: what blocks first, worst first, then by name.
    pub fn reading_order(&self) -> impl Ord + '_ {
        let worst = (std::cmp::Reverse(self.effect), std::cmp::Reverse(self.severity));
        (worst, &self.code, &self.subject, &self.title, &self.details)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Advise => "advise",
            Self::Pause => "pause",
            Self::Rework => "rework",
        })
    }
}
