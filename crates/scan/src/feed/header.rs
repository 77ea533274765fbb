//! What a feed says about itself: its sources, how old they are, and what each brought.

use std::collections::BTreeMap;

use lockgate_model::Timestamp;
use lockgate_model::feed::{FeedCoverage, FeedOrigin};
use serde::{Deserialize, Serialize};

use crate::version::{family, is_ordered};

/// What a feed says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHeader {
    /// `lockgate-feed-5`, or an earlier one.
    pub format: String,
    /// Advisories.
    pub advisories: u64,
    /// Advisories by ecosystem, without releases.
    pub ecosystems: BTreeMap<String, u64>,
    /// Advisories that can match something, by ecosystem with its release. Feeds of earlier formats do not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<String, u64>,
    /// Advisories that are known to be exploited.
    pub known_exploited: u64,
    /// The newest change of any advisory.
    pub newest: Timestamp,
    /// When distributions are no longer maintained: from `debian:12` to the day.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub end_of_life: BTreeMap<String, Timestamp>,
    /// What each source brought, by name. Feeds of earlier formats do not remember their sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<FeedSource>,
    /// Where its parts end.
    pub sections: Sections,
}

/// What one source brought to a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSource {
    /// What the importer was told: a file name, or the `name:` under `feeds`.
    pub name: String,
    /// When it was fetched from its publisher; never later than the import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// Somebody said so (`--fetched`), rather than a download or the document itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// The newest change of a record; dates that cannot be true are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// Advisories.
    pub advisories: u64,
    /// Advisories that can match something, by ecosystem with its release: `Debian:12`, `Alpine:v3.22`, `npm`.
    pub ecosystems: BTreeMap<String, u64>,
    /// Those of them that no other source has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alone: BTreeMap<String, u64>,
    /// Advisories that can match nothing: they name no version.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_ranges: u64,
    /// Records with a date after `fetched`, or after the import where nobody knows when it was fetched.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub future_dates: u64,
    /// Records that were refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// CVEs known to be exploited, of CISA's catalogue.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub known_exploited: u64,
    /// CVEs with a probability of exploitation (EPSS).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub probabilities: u64,
    /// Releases of distributions with the day of their end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ends: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Where the parts of a feed end, in bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sections {
    /// The advisories.
    pub records_end: u64,
    /// What each of several sources says in advisories that they share. Feeds of format 3 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contributions_end: Option<u64>,
    /// What sources say by the names of vulnerabilities. Feeds of format 3 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts_end: Option<u64>,
    /// The keys of the index.
    pub names_end: u64,
    /// The postings.
    pub postings_end: u64,
    /// The index.
    pub index_end: u64,
}

impl Sections {
    /// Where the records and the contributions end, and the names begin; nothing when the parts are not in their order.
    pub(super) fn ordered(&self, begin: u64, end: u64) -> Option<(u64, u64, u64)> {
        let Self { records_end, contributions_end, facts_end, names_end, postings_end, index_end } = *self;
        let contributions_end = contributions_end.unwrap_or(records_end);
        let facts_end = facts_end.unwrap_or(contributions_end);
        let places = [begin, records_end, contributions_end, facts_end, names_end, postings_end, index_end];
        let ordered = places.is_sorted() && index_end == end;
        ordered.then_some((records_end, contributions_end, facts_end))
    }
}

impl FeedSource {
    /// Its name and its date.
    pub fn origin(&self) -> FeedOrigin {
        FeedOrigin { name: self.name.clone(), fetched: self.fetched, claimed: self.claimed }
    }
}

impl FeedHeader {
    /// Advisories by ecosystem, without releases, whose versions nobody here can compare: a range of them matches nothing.
    pub fn unordered(&self) -> impl Iterator<Item = (&str, u64)> {
        let unknown = self.ecosystems.iter().filter(|(ecosystem, _)| !is_ordered(ecosystem));
        unknown.map(|(ecosystem, count)| (ecosystem.as_str(), *count))
    }

    /// What the feed has about `ecosystem`, which has its release where there is one (`Debian:12`, `npm`); nothing when
    /// nobody was asked about it.
    ///
    /// It is as old as the oldest source that brings something about it that no other source has: a fresh source does not
    /// hide a dead one. Where every source has the same, the youngest counts. A source without a date is older than all.
    /// An advisory for a whole family answers for a release only in families whose advisories never name releases.
    pub fn coverage(&self, ecosystem: &str) -> Option<FeedCoverage> {
        let of_family = family(ecosystem);
        let by_release = |one: &String| one.contains(':') && family(one) == of_family;
        let key = if self.releases.keys().any(by_release) { ecosystem } else { of_family };
        let advisories = *self.releases.get(key)?;
        let count = |counts: &BTreeMap<String, u64>| counts.get(key).copied().unwrap_or_default();
        let has = |source: &&FeedSource| count(&source.ecosystems) > 0;
        let alone = self.sources.iter().filter(has).filter(|source| count(&source.alone) > 0);
        let oldest = alone.min_by_key(|source| (source.fetched, &source.name));
        let shared = || self.sources.iter().filter(has).max_by_key(|source| source.fetched);
        let deciding = oldest.or_else(shared)?;
        Some(FeedCoverage { advisories, origin: deciding.origin() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_out_of_order_or_past_the_end_are_refused() {
        let places = |at: [u64; 6]| Sections {
            records_end: at[0],
            contributions_end: Some(at[1]),
            facts_end: Some(at[2]),
            names_end: at[3],
            postings_end: at[4],
            index_end: at[5],
        };
        assert_eq!(places([10, 20, 30, 40, 50, 60]).ordered(5, 60), Some((10, 20, 30)));
        for at in 0..6 {
            let mut broken = [10, 20, 30, 40, 50, 60];
            broken[at] = if at == 0 { 0 } else { broken[at - 1] - 1 };
            assert_eq!(places(broken).ordered(5, 60), None, "{broken:?}");
        }
        assert_eq!(places([10, 20, 30, 40, 50, 60]).ordered(5, 61), None);
    }
}
