//! Policies in Rego: reading files, holding them to their contract, and evaluating them (docs/policies.md).
//!
//! A policy is read from its syntax tree: each rule is asked, used by one that is, or told. What it may call is a list of
//! pure functions, and what it may make and do is bounded by counting, so that a slow machine gives the same answer as a
//! fast one and no policy ends the process.

pub(crate) mod before;

mod builtins;
mod contract;
mod evaluate;
mod file;
mod guard;
mod limits;
mod metadata;
mod meter;
mod problem;
mod schema;
mod shapes;
mod tokens;
mod tree;
mod uses;
mod wrap;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use contract::Asked;
pub(crate) use evaluate::Said;
pub(crate) use metadata::Annotation;
pub(crate) use problem::Problem;
pub use schema::json_schema;

use file::File;
use problem::Place;

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

/// Why a policy file cannot be used, in Editions before 2026-3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub(crate) struct PolicyError {
    pub(crate) path: String,
    pub(crate) line: Option<usize>,
    pub(crate) reason: String,
}

/// Policies that keep their contract.
pub(crate) struct Policies {
    files: Vec<File>,
    /// The rules that are asked, in the order of the files.
    pub(crate) asked: Vec<Asked>,
}

impl Policies {
    /// Reads the files, each with its path; the error holds everything that is wrong with them, in the order of the files.
    pub(crate) fn read(files: &[(&str, &[u8])]) -> Result<Self, Vec<Problem>> {
        let read = catch_unwind(AssertUnwindSafe(|| read(files)));
        read.unwrap_or_else(|_| {
            let what = "the reader of policies gave up".to_owned();
            let fix = "tell the authors of Lockgate, with the policies".to_owned();
            Err(vec![Problem::new("broken", Place::file("policies"), what, fix)])
        })
    }

    /// Whether a file has this package.
    pub(crate) fn has_package(&self, name: &str) -> bool {
        self.files.iter().any(|file| !file.is_test() && file.package_name() == name)
    }

    /// What the rules of `packages` say of `input`; of all packages, when none are named.
    pub(crate) fn evaluate(&self, asked: &[&Asked], input: &serde_json::Value) -> Result<Vec<Said>, Problem> {
        evaluate::evaluate(&self.files, asked, input)
    }
}

fn read(files: &[(&str, &[u8])]) -> Result<Policies, Vec<Problem>> {
    let all: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if files.len() > limits::FILES || all > limits::ALL_BYTES {
        let what = format!(
            "there are more than {} policy files, or {} bytes of them",
            limits::FILES,
            limits::ALL_BYTES
        );
        return Err(vec![Problem::new("limit", Place::file("policies"), what, "take some out".to_owned())]);
    }
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        match file::read(path, bytes) {
            Ok((file, found)) => {
                problems.extend(found);
                read.push(file);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let broken = problems.iter().any(|problem| problem.kind != "metadata");
    let mut asked = Vec::new();
    if !broken {
        let uses = uses::Uses::of(&read);
        let evaluated = || read.iter().filter(|file| !file.is_test());
        problems.extend(evaluated().flat_map(|file| builtins::check(file, &uses)));
        let circles = uses.circles();
        let (found, untold) = contract::check(&read, &uses);
        problems.extend(untold);
        if circles.is_empty() {
            problems.extend(shapes::check(&read, &uses));
        }
        problems.extend(circles);
        asked = found.into_iter().map(|(_, asked)| asked).collect();
    }
    problems.sort();
    problems.dedup();
    problems.truncate(limits::PROBLEMS);
    if problems.is_empty() { Ok(Policies { files: read, asked }) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
