//! Secrets in files and image configs: keys, tokens and passwords whose form can be checked.
//!
//! A rule here has a form that chance does not make: a checksum, a structure that decodes, or a prefix that only its issuer uses
//! with a length and an entropy. Nothing is guessed from names of variables. What is kept of a secret is the rule and the line:
//! never the secret, nor a digest of it.

mod check;
mod config;
mod files;
mod keys;
mod marks;
mod places;
mod rule;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use config::in_config;
pub(crate) use places::{passed_over, searches};
pub use rule::Rule;

use crate::{limits, paths};

/// How a file begins that is searched whatever its name is.
pub(crate) const KEY_START: &[u8] = b"-----BEGIN ";

/// A place that a rule speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// The line, counted from 1; 0 where the rule is about the whole file.
    pub line: u32,
    /// The rule.
    pub rule: Rule,
}

/// A text being searched.
#[derive(Clone, Copy)]
struct Text<'a> {
    /// The path, without a leading slash; empty for a text that is no file.
    path: &'a str,
    bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// The name without folders.
    fn name(&self) -> &'a str {
        paths::split(self.path).1
    }

    /// What follows the first `at` bytes.
    fn after(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }
}

/// The secrets in the file at `path`, by line; at most [`limits::SECRETS_PER_FILE`].
pub fn find(path: &str, bytes: &[u8]) -> Vec<Hit> {
    let text = Text { path, bytes };
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut hits = BTreeSet::new();
    for (at, rule) in marks::find(&text).take(limits::SECRETS_PER_FILE) {
        hits.insert(Hit { line: lines.of(at), rule });
    }
    // A token that has a rule of its own needs no second one for the file that it stands in.
    let told: BTreeSet<u32> = hits.iter().map(|hit| hit.line).collect();
    let of_format = files::find(&text).into_iter().filter(|hit| !told.contains(&hit.line));
    hits.extend(of_format);
    hits.into_iter().take(limits::SECRETS_PER_FILE).collect()
}

/// Counts lines, for places that come in order.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> u32 {
        let passed = self.bytes.get(self.at..at).unwrap_or_default();
        let breaks = memchr::memchr_iter(b'\n', passed).count();
        self.at = self.at.max(at);
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.line
    }
}

#[cfg(test)]
mod tests;
