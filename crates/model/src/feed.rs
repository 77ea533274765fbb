//! Where a feed of advisories comes from, and how old what it says is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A source of a feed, and when it was fetched from its publisher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedOrigin {
    /// What the importer was told: a file name, or the `name:` under `feeds`.
    pub name: String,
    /// When it was fetched; never later than the import. Nothing when nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// Somebody said so, rather than a download or the document itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

/// What a feed has about one ecosystem, with its release where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedCoverage {
    /// Advisories that can match a package of it.
    pub advisories: u64,
    /// The source that is the oldest of those that count. The others may be younger, and cannot hide it.
    pub origin: FeedOrigin,
}

/// How many advisories a step from one feed to the next took away from an ecosystem, or added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedStep {
    /// Advisories before.
    pub before: u64,
    /// Advisories now.
    pub now: u64,
}

/// Steps by ecosystem, with its release.
pub type FeedSteps = BTreeMap<String, FeedStep>;

/// High-water marks: the most that feeds in force had since a reason was last recorded, of what the feed has less of now.
/// What goes in small steps is held against them, so that it adds up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedPeaks {
    /// Advisories by ecosystem, with its release.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ecosystems: BTreeMap<String, u64>,
    /// Advisories by source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, u64>,
    /// What is said by the names of vulnerabilities: known exploitation, probabilities, ends of distributions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, u64>,
    /// The newest record of each source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub newest: BTreeMap<String, Timestamp>,
}

impl FeedPeaks {
    /// Whether the feed has less of nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// About how many bytes they take in an entry.
    pub fn bytes(&self) -> usize {
        /// Bytes of a mark besides its name.
        const AROUND: usize = 32;
        let counts = [&self.ecosystems, &self.sources, &self.facts].into_iter().flat_map(BTreeMap::keys);
        counts.chain(self.newest.keys()).map(|name| name.len() + AROUND).sum()
    }
}
