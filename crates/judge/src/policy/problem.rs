//! What is wrong with a policy: where, what, and how to correct it.

use regorus::unstable::Span;

/// Longest text that is kept of the library's errors, in characters.
const REASON: usize = 200;

/// A place in a file. Line and column count from 1; 0 means the whole file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// The whole file.
    pub(super) fn file(path: &str) -> Self {
        Self { path: path.to_owned(), line: 0, column: 0 }
    }

    pub(super) fn at(path: &str, line: usize, column: usize) -> Self {
        Self { path: path.to_owned(), line, column }
    }

    /// Where `span` begins.
    pub(super) fn of(path: &str, span: &Span) -> Self {
        let number = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        Self::at(path, number(span.line), number(span.col))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.path),
            (line, 0) => write!(f, "{}:{line}", self.path),
            (line, column) => write!(f, "{}:{line}:{column}", self.path),
        }
    }
}

/// Why policies cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    /// Which part of the contract is broken: docs/policies.md lists them.
    pub(crate) kind: &'static str,
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl Problem {
    /// Something that a rule says which is not a message.
    pub(crate) fn of_message(path: &str, what: String, fix: &str) -> Self {
        Self::new("message", Place::file(path), what, fix.to_owned())
    }

    pub(super) fn new(kind: &'static str, place: Place, what: String, fix: String) -> Self {
        Self { place, kind, what, fix }
    }
}

/// The library's error about reading or evaluating: `--> FILE:LINE:COLUMN`, an excerpt, `error: WHAT`. Only the place and
/// the sentence are kept: the rest may list what was in scope, in no fixed order.
pub(super) fn of_library(path: &str, error: &str) -> Problem {
    let place = error.lines().find_map(|line| line.strip_prefix("--> ")).and_then(place);
    let what = error.rsplit("error: ").next().unwrap_or(error);
    let what = what.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let what = what.split(" (").next().unwrap_or_default().trim();
    let what = what.chars().take(REASON).collect::<String>();
    let place = place.unwrap_or_else(|| Place::file(path));
    Problem::new("broken", place, what, "correct the file".to_owned())
}

fn place(text: &str) -> Option<Place> {
    let mut parts = text.trim().rsplitn(3, ':');
    let (column, line, path) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Place::at(path, line.parse().ok()?, column.parse().ok()?))
}
