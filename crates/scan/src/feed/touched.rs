//! The packages that a step from one feed to another touches.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::delta::{Change, walk};
use super::{Advisory, Feed, FeedError};

/// A package as advisories name it: the ecosystem with its release, or without one for every release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageKey {
    /// The ecosystem.
    pub ecosystem: String,
    /// The name: that of the source package, for distributions.
    pub name: String,
}

/// Of each package that an advisory names which is new, changed or gone, before or after: the ids of these advisories.
pub fn touched(old: &Feed, new: &Feed) -> Result<BTreeMap<PackageKey, BTreeSet<String>>, FeedError> {
    let mut touched: BTreeMap<PackageKey, BTreeSet<String>> = BTreeMap::new();
    let mut note = |advisory: &Advisory| {
        for one in &advisory.affected {
            let key = PackageKey { ecosystem: one.ecosystem.clone(), name: one.name.clone() };
            touched.entry(key).or_default().insert(advisory.id.clone());
        }
    };
    walk(old, new, |change| match change {
        Change::Gone(one) | Change::Fresh(one) => note(&one),
        Change::Altered { before, after } => [&*before, &*after].into_iter().for_each(&mut note),
    })?;
    Ok(touched)
}
