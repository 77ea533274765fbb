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
    /// The changes of which each makes the finding go away, the first to be tried first. Since the Edition 2026-3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
    /// Machine-readable details, such as `installed`, `fixed`, `layer`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Detail>,
}

/// A change that makes a finding go away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fix {
    /// Upgrade a package.
    Upgrade {
        /// The package's name.
        package: String,
        /// The source it is built from, where that has another name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// The first version that has the fix.
        to: String,
        /// The command that does it, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
    },
    /// Rebuild on a newer base image: what the base brought, it closes together.
    RebuildOnNewerBase {
        /// The base image, as the image names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<String>,
    },
    /// Rebuild on a base image that has the fix, where nothing is known of the present one.
    RebuildOnOtherBase,
    /// Remove a package of which no fixed version is known.
    Remove {
        /// The package's name.
        package: String,
    },
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upgrade { package, source, to, command } => {
                write!(f, "upgrade {package}")?;
                if let Some(source) = source {
                    write!(f, " (source {source})")?;
                }
                write!(f, " to {to}")?;
                command.as_ref().map_or(Ok(()), |command| write!(f, " or later: {command}"))
            }
            Self::RebuildOnNewerBase { base: Some(base) } => {
                write!(f, "rebuild on a newer base image than {base}")
            }
            Self::RebuildOnNewerBase { base: None } => f.write_str("rebuild on a newer base image"),
            Self::RebuildOnOtherBase => f.write_str("rebuild on a base image that has it"),
            Self::Remove { package } => write!(
                f,
                "no fixed version is known: remove {package} if it is not needed, or have the risk accepted"
            ),
        }
    }
}

/// A machine-readable detail of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// A whole number.
    Number(u64),
    /// A text.
    Text(String),
}

impl Detail {
    /// The text; empty for a number.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(_) => "",
            Self::Text(text) => text,
        }
    }

    /// The number. Decisions of Editions before 2026-3 have numbers as texts.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Detail {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl PartialEq<&str> for Detail {
    fn eq(&self, other: &&str) -> bool {
        matches!(self, Self::Text(text) if text == other)
    }
}

impl Finding {
    /// The order in which people want to read findings: what blocks first, worst first, then by name.
    pub fn reading_order(&self) -> impl Ord + '_ {
        let worst = (std::cmp::Reverse(self.effect), std::cmp::Reverse(self.severity));
        (worst, &self.code, &self.subject, &self.title, &self.details, &self.fixes)
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
