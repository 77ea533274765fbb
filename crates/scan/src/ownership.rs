//! Which files that speak of packages belong to a package of the operating system. Debian's pip is Debian's, not
//! PyPI's, until someone changes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Owned, Sum};
use crate::merge::{Placed, Tree};

/// What is recorded about one file.
#[derive(Default)]
struct Claim<'a> {
    owner: &'a str,
    sums: Vec<&'a Sum>,
    /// The newest layer in which its list was written.
    layer: usize,
}

/// The owners of the files that have one, by path.
pub(crate) fn of<'a>(tree: &'a Tree<'_>) -> BTreeMap<&'a str, &'a str> {
    let installed: BTreeSet<&str> = tree
        .files
        .values()
        .flat_map(|placed| &placed.facts.packages)
        .filter(|found| found.kind.of_system())
        .map(|found| found.name.as_str())
        .collect();
    let mut claims: BTreeMap<&'a str, Claim<'a>> = BTreeMap::new();
    for placed in tree.files.values() {
        for owned in placed.facts.owned.iter().filter(|owned| installed.contains(owned.owner.as_str())) {
            if let Some((path, _)) = file(tree, owned) {
                let claim = claims.entry(path).or_default();
                claim.owner = &owned.owner;
                claim.sums.extend(&owned.sum);
                claim.layer = claim.layer.max(placed.layer);
            }
        }
    }
    let held = claims
        .into_iter()
        .filter(|(path, claim)| tree.files.get(*path).is_some_and(|file| claim.holds(file)));
    held.map(|(path, claim)| (path, claim.owner)).collect()
}

/// The file that is meant, through links such as `/lib`.
fn file<'a>(tree: &'a Tree<'_>, owned: &Owned) -> Option<(&'a str, &'a Placed<'a>)> {
    let speaks = |placed: &&Placed<'_>| !placed.facts.packages.is_empty();
    let at = |path: &str| tree.files.get_key_value(path).map(|(path, placed)| (path.as_str(), placed));
    at(&owned.path).or_else(|| at(&tree.resolve(&owned.path))).filter(|(_, placed)| speaks(placed))
}

impl Claim<'_> {
    /// Whether the file is still what the package brought: by its digest; where that was not taken (programs are not
    /// held whole), by its layer.
    fn holds(&self, file: &Placed<'_>) -> bool {
        match &file.facts.sums {
            Some(sums) if !self.sums.is_empty() => self.sums.iter().any(|sum| sums.is(sum)),
            _ => file.layer <= self.layer,
        }
    }
}
