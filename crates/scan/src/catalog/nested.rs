//! Archives in archives: where one is, and when looking for more ends.

use super::Facts;
use super::archive::each_member;
use super::budget::Budget;
use crate::{limits, paths};

/// An archive and where it is.
pub(super) struct Place<'a> {
    /// Its name without folders.
    pub(super) name: &'a str,
    /// Its place in the outermost archive; empty for that one.
    pub(super) inside: &'a str,
    /// How many archives it is in.
    pub(super) depth: usize,
}

impl<'a> Place<'a> {
    /// The outermost archive.
    pub(super) fn outermost(name: &'a str) -> Self {
        Self { name, inside: "", depth: 0 }
    }

    /// Where its member at `path` is, in the outermost archive.
    pub(super) fn joined(&self, path: &str) -> String {
        if self.inside.is_empty() { path.to_owned() } else { format!("{}!/{path}", self.inside) }
    }

    /// The place of its member at `path`, which is `inside` the outermost archive; nothing where that is too deep, which is
    /// told.
    pub(super) fn below<'b>(&self, path: &'b str, inside: &'b str, facts: &mut Facts) -> Option<Place<'b>> {
        if self.depth >= limits::NESTED_DEPTH {
            let why = format!("archives are nested more than {} deep", limits::NESTED_DEPTH);
            facts.unread.push((inside.to_owned(), why));
            return None;
        }
        Some(Place { name: paths::split(path).1, inside, depth: self.depth + 1 })
    }
}

/// Ends the budget where many archives could not be read; an error once it has ended.
pub(super) fn patience(budget: &Budget<'_>, facts: &Facts) -> Result<(), String> {
    budget.ended()?;
    if facts.unread.len() < limits::UNREAD_NAMED {
        return Ok(());
    }
    budget.end();
    Err(format!("{} archives in it cannot be read; the rest is not read", facts.unread.len()))
}

/// Looks into the members of a zip that are wanted by their names, until the budget or patience ends.
pub(super) fn each(
    place: &Place<'_>,
    bytes: &[u8],
    budget: &Budget<'_>,
    facts: &mut Facts,
    wants: fn(&str) -> bool,
    look: fn(&Place<'_>, &[u8], &Budget<'_>, &mut Facts),
) -> Result<(), String> {
    let mut deepest = false;
    each_member(bytes, budget, |member| {
        let path = member.name();
        if !wants(path) || deepest {
            return Ok(());
        }
        let inside = place.joined(path);
        let Some(place) = place.below(path, &inside, facts) else {
            deepest = true;
            return Ok(());
        };
        member.look_into(|bytes| look(&place, bytes, budget, facts))?;
        patience(budget, facts)
    })
}
