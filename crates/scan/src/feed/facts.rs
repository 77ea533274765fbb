//! What sources say about vulnerabilities by name, whatever packages have them: which are exploited, and how likely that
//! is; and when distributions end.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::Name;
use super::source::osv;
use super::withdrawn::Withdrawal;
use crate::version::family;

/// What one source says by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// Known to be exploited.
    pub(super) exploited: BTreeSet<Name>,
    /// Probabilities of exploitation, in parts per million.
    pub(super) probabilities: BTreeMap<Name, u32>,
    /// From `debian:12` to the day on which it ends.
    pub(super) ends: BTreeMap<String, i64>,
    /// Records that it withdrew, by id.
    pub(super) withdrawn: BTreeMap<Name, Withdrawal>,
}

/// What one source says by name in feeds of format 4.
#[derive(Deserialize)]
pub(super) struct FourthFacts {
    exploited: BTreeSet<Name>,
    probabilities: BTreeMap<Name, u32>,
    ends: BTreeMap<String, i64>,
}

impl From<FourthFacts> for Facts {
    fn from(FourthFacts { exploited, probabilities, ends }: FourthFacts) -> Self {
        Self { exploited, probabilities, ends, withdrawn: BTreeMap::new() }
    }
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

    /// Of two withdrawals of one record the later one counts; of one date each is a part. `modified` is its date as far as it
    /// is believed.
    pub(super) fn withdrawn(&mut self, record: &osv::Withdrawn, modified: Option<Timestamp>) {
        let withdrawal = Withdrawal {
            modified: modified.map(Timestamp::unix),
            aliases: record.aliases.iter().map(|name| Name::from(name.as_str())).collect(),
            families: record.ecosystems.iter().map(|one| family(one).to_owned()).collect(),
        };
        let id = Name::from(record.id.as_str());
        let Some(known) = self.withdrawn.get_mut(&id) else {
            self.withdrawn.insert(id, withdrawal);
            return;
        };
        match known.modified.cmp(&withdrawal.modified) {
            Ordering::Less => *known = withdrawal,
            Ordering::Equal => {
                known.aliases.extend(withdrawal.aliases);
                known.families.extend(withdrawal.families);
            }
            Ordering::Greater => {}
        }
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
