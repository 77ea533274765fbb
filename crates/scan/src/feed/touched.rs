//! The packages that a step from one feed to another touches.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::delta::{Change, walk};
use super::{Advisory, Feed, FeedError, one_spelling};

/// A package as advisories name it: the ecosystem with its release, or without one for every release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageKey {
    /// The ecosystem.
    pub ecosystem: String,
    /// The name, in the spelling by which packages are compared.
    pub name: String,
    /// Whether it is that of a package as it is installed; else that of its source, for distributions.
    pub binary: bool,
}

impl PackageKey {
    /// The key of a package, whatever the spelling of its name.
    pub fn new(ecosystem: &str, name: &str, binary: bool) -> Self {
        let name = one_spelling(ecosystem, name).into_owned();
        Self { ecosystem: ecosystem.to_owned(), name, binary }
    }
}

/// Of each package that an advisory names which is new, changed or gone, before or after: the ids of these advisories.
pub fn touched(old: &Feed, new: &Feed) -> Result<BTreeMap<PackageKey, BTreeSet<String>>, FeedError> {
    let mut touched: BTreeMap<PackageKey, BTreeSet<String>> = BTreeMap::new();
    let mut note = |advisory: &Advisory| {
        for one in &advisory.affected {
            let key = PackageKey::new(&one.ecosystem, &one.name, one.binary);
            touched.entry(key).or_default().insert(advisory.id.clone());
        }
    };
    walk(old, new, |change| match change {
        Change::Gone(one) | Change::Fresh(one) => note(&one),
        Change::Altered { before, after } => [&*before, &*after].into_iter().for_each(&mut note),
    })?;
    Ok(touched)
}
