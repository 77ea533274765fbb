//! Policies in Rego: reading files, their annotations, and evaluating them.
//!
//! Evaluation is bounded by counting instructions, not seconds, so that a slow machine gives the same answer as a
//! fast one. Functions that reach outside (network, clock, randomness), that print, or that make values of any size
//! from a number are refused before anything is evaluated.

mod annotations;
mod circles;
mod evaluate;

pub(crate) use annotations::{PolicySource, Rule, read_file};
pub(crate) use evaluate::evaluate;

/// What a rule's name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Deny,
    Pause,
    Warn,
}

/// The rules that are asked.
pub(crate) const KINDS: [(&str, Kind); 3] =
    [("deny", Kind::Deny), ("pause", Kind::Pause), ("warn", Kind::Warn)];

/// Why a policy file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub(crate) struct PolicyError {
    pub(crate) path: String,
    pub(crate) line: Option<usize>,
    pub(crate) reason: String,
}
