//! Lock files beside what was installed from them.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::{Confidence, Package};

use super::Looked;
use crate::catalog::PackageKind;
use crate::paths;

/// npm's record of what it installed, in the folder where it did (npm, "Hidden lockfiles").
const RECORD: &str = "node_modules/.package-lock.json";
/// The lock files that npm installs from.
const LOCKS: [&str; 2] = ["package-lock.json", "npm-shrinkwrap.json"];

/// A package by its name and version.
type Named<'a> = (&'a str, &'a str);

impl Looked<'_> {
    /// Drops what a lock file of npm's names and was not installed (a package for another system, say), where npm's own
    /// record beside says what was. That is believed where it names something, and all of that is there: otherwise somebody
    /// else wrote it, and what the lock file names may be anywhere.
    pub(super) fn forget_superseded(&self, packages: &mut Vec<(PackageKind, Package)>) {
        let mut records: BTreeMap<String, BTreeSet<Named<'_>>> = BTreeMap::new();
        for (path, place) in &self.places.at {
            if let Some(folder) = path.strip_suffix(RECORD) {
                let named = place.facts.packages.iter().map(|one| (one.name.as_str(), one.version.as_str()));
                records.insert(format!("/{folder}"), named.collect());
            }
        }
        records.retain(|folder, named| !named.is_empty() && has_all(packages, folder, named));
        packages.retain(|(kind, package)| {
            if *kind != PackageKind::Npm || package.confidence != Confidence::Declared {
                return true;
            }
            let (folder, name) = paths::split(&package.path);
            let record = records.get(&format!("{folder}/")).filter(|_| LOCKS.contains(&name));
            record.is_none_or(|named| named.contains(&(package.name.as_str(), package.version.as_str())))
        });
    }
}

/// Whether all of these are installed in the `node_modules` of a folder.
fn has_all(packages: &[(PackageKind, Package)], folder: &str, named: &BTreeSet<Named<'_>>) -> bool {
    let modules = format!("{folder}node_modules/");
    let installed: BTreeSet<Named<'_>> = packages
        .iter()
        .filter(|(kind, package)| {
            *kind == PackageKind::Npm
                && package.confidence == Confidence::Recorded
                && package.path.starts_with(&modules)
        })
        .map(|(_, package)| (package.name.as_str(), package.version.as_str()))
        .collect();
    named.is_subset(&installed)
}
