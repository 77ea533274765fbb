//! Which files that speak of packages belong to a package of the operating system. Debian's pip is Debian's, not
//! PyPI's, until someone changes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Owned, Sum};
use crate::merge::{Place, Places, Tree};

/// What is recorded about one file.
#[derive(Default)]
struct Claim<'a> {
    owner: &'a str,
    sums: Vec<&'a Sum>,
    /// The newest layer in which its list was written.
    layer: usize,
}

/// The owners of the files that have one, by path.
pub(crate) fn of<'a>(tree: &Tree<'_>, places: &'a Places<'_>) -> BTreeMap<&'a str, &'a str> {
    let installed: BTreeSet<&str> = places
        .at
        .values()
        .flat_map(|place| &place.facts.packages)
        .filter(|found| found.kind.of_system())
        .map(|found| found.name.as_str())
        .collect();
    let mut claims: BTreeMap<&'a str, Claim<'a>> = BTreeMap::new();
    for place in places.at.values() {
        for owned in place.facts.owned.iter().filter(|owned| installed.contains(owned.owner.as_str())) {
            if let Some(path) = file(tree, places, owned) {
                let claim = claims.entry(path).or_default();
                claim.owner = &owned.owner;
                claim.sums.extend(&owned.sum);
                claim.layer = claim.layer.max(place.file.layer);
            }
        }
    }
    let held = claims
        .into_iter()
        .filter(|(path, claim)| places.at.get(*path).is_some_and(|place| claim.holds(place)));
    held.map(|(path, claim)| (path, claim.owner)).collect()
}

/// The path of the file that is meant, through links such as `/lib`.
fn file<'a>(tree: &Tree<'_>, places: &'a Places<'_>, owned: &Owned) -> Option<&'a str> {
    let speaks = |(path, place): (&'a Cow<'_, str>, &Place<'_>)| {
        (!place.facts.packages.is_empty()).then(|| path.as_ref())
    };
    let at = |path: &str| places.at.get_key_value(path);
    at(&owned.path).or_else(|| at(&tree.resolve(&owned.path))).and_then(speaks)
}

impl Claim<'_> {
    /// Whether the file is still what the package brought: by its digest; where that was not taken (programs are not
    /// held whole), by its layer.
    fn holds(&self, place: &Place<'_>) -> bool {
        match &place.facts.sums {
            Some(sums) if !self.sums.is_empty() => self.sums.iter().any(|sum| sums.is(sum)),
            _ => place.file.layer <= self.layer,
        }
    }
}
