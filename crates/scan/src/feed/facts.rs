//! What sources say about vulnerabilities by name, whatever packages have them: which are exploited, and how likely that
//! is; and when distributions end.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::Name;

/// What one source says by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// Known to be exploited.
    pub(super) exploited: BTreeSet<Name>,
    /// Probabilities of exploitation, in parts per million.
    pub(super) probabilities: BTreeMap<Name, u32>,
    /// From `debian:12` to the day on which it ends.
    pub(super) ends: BTreeMap<String, i64>,
}

impl Facts {
    pub(super) fn exploited(&mut self, cve: &str) {
        self.exploited.insert(Name::from(cve));
    }

    /// Of two probabilities of one source the greater one counts, so that their order says nothing.
    pub(super) fn probability(&mut self, cve: &str, ppm: u32) {
        let known = self.probabilities.entry(Name::from(cve)).or_default();
        *known = ppm.max(*known);
    }

    /// Of two days the earlier one counts.
    pub(super) fn ends(&mut self, release: String, day: Timestamp) {
        let day = day.unix();
        self.ends.entry(release).and_modify(|known| *known = day.min(*known)).or_insert(day);
    }
}

/// When distributions end, by all sources.
pub(super) fn ends<'a>(facts: impl Iterator<Item = &'a Facts>) -> BTreeMap<String, Timestamp> {
    let mut ends = BTreeMap::new();
    for (release, day) in facts.flat_map(|facts| &facts.ends) {
        let day = Timestamp::from_unix(*day);
        ends.entry(release.clone()).and_modify(|known| *known = day.min(*known)).or_insert(day);
    }
    ends
}
