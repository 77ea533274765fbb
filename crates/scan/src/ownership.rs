//! Which files that speak of packages belong to a package of the operating system. Debian's pip is Debian's, not
//! PyPI's, until someone changes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Owned, Sum};
use crate::merge::{Place, Places, Tree};
use crate::paths;

/// What is recorded about one file.
#[derive(Default)]
struct Claim<'a> {
    owner: &'a str,
    sums: Vec<&'a Sum>,
    /// The newest layer in which its list was written.
    layer: usize,
}

/// The names of the operating system's packages that are installed.
fn installed<'a>(places: &'a Places<'_>) -> BTreeSet<&'a str> {
    let found = places.at.values().flat_map(|place| &place.facts.packages);
    found.filter(|found| found.kind.of_system()).map(|found| found.name.as_str()).collect()
}

/// The files that lists of installed packages name, each with the layer in which the list was written.
fn listed<'a>(
    places: &'a Places<'_>,
    installed: &BTreeSet<&'a str>,
) -> impl Iterator<Item = (&'a Owned, usize)> {
    places.at.values().flat_map(move |place| {
        let owned = place.facts.owned.iter().filter(|owned| installed.contains(owned.owner.as_str()));
        owned.map(|owned| (owned, place.file.layer))
    })
}

/// The owners of the files that have one, by path.
pub(crate) fn of<'a>(tree: &Tree<'_>, places: &'a Places<'_>) -> BTreeMap<&'a str, &'a str> {
    let installed = installed(places);
    let mut claims: BTreeMap<&'a str, Claim<'a>> = BTreeMap::new();
    for (owned, layer) in listed(places, &installed) {
        if let Some(path) = file(tree, places, owned) {
            let claim = claims.entry(path).or_default();
            claim.owner = &owned.owner;
            claim.sums.extend(&owned.sum);
            claim.layer = claim.layer.max(layer);
        }
    }
    let held = claims
        .into_iter()
        .filter(|(path, claim)| places.at.get(*path).is_some_and(|place| claim.holds(place)));
    held.map(|(path, claim)| (path, claim.owner)).collect()
}

/// The owners of `files`, which may say nothing about packages, by path; with each file the layer that brought it or changed
/// its mode. A package owns what was there when its list was written, and nothing that came later.
pub(crate) fn of_files<'a>(
    tree: &Tree<'_>,
    places: &'a Places<'_>,
    files: &BTreeMap<&str, usize>,
) -> BTreeMap<String, &'a str> {
    let names: BTreeSet<&str> = files.keys().map(|path| paths::split(path).1).collect();
    let mut owners = BTreeMap::new();
    if names.is_empty() {
        return owners;
    }
    let installed = installed(places);
    // Following links costs more than a look at the name, which rules nearly all files out.
    for (owned, layer) in
        listed(places, &installed).filter(|(owned, _)| names.contains(paths::split(&owned.path).1))
    {
        let path = tree.resolve(&owned.path);
        if files.get(path.as_str()).is_some_and(|brought| *brought <= layer) {
            owners.insert(path, owned.owner.as_str());
        }
    }
    owners
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
