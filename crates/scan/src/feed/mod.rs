//! Feeds: pinned, immutable snapshots of advisories.
//!
//! A feed is one string of bytes, the same for the same records in whatever order they came: a line of header, an
//! index from package to advisories, and the advisories as canonical JSON. Its digest is its name.

mod builder;
mod osv;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lockgate_model::canon::{self, CanonError};
use lockgate_model::{Inventory, Package, Severity, Timestamp};
use serde::{Deserialize, Serialize};

pub use builder::{FeedBuilder, FeedSummary, Refused};

use crate::version::family;

/// The shape of the bytes; another one gets another number.
const FORMAT: &str = "lockgate-feed-1";
/// Longest header, in bytes.
const HEADER_BYTES: usize = 64 << 10;

/// Why a feed cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The bytes are no feed of this format.
    #[error("the feed is damaged or of another version: {0}")]
    Damaged(String),
    /// A file cannot be read.
    #[error("{name}: {source}")]
    File {
        /// The file.
        name: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is none that is read.
    #[error("{name}: it is neither OSV (JSON, JSON lines, zip), nor CISA KEV, nor EPSS: {reason}")]
    Unknown {
        /// The file.
        name: String,
        /// What was seen.
        reason: String,
    },
}

/// What a feed says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHeader {
    /// [`FORMAT`].
    pub format: String,
    /// Advisories.
    pub advisories: u64,
    /// Advisories by ecosystem, without releases.
    pub ecosystems: BTreeMap<String, u64>,
    /// Advisories that are known to be exploited.
    pub known_exploited: u64,
    /// The newest change of any advisory.
    pub newest: Timestamp,
    /// Length of the index, in bytes.
    pub index_bytes: u64,
}

/// One advisory, normalised. Numbers are whole, so that its bytes are the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Advisory {
    /// Its id.
    pub id: String,
    /// Other names of the same hole, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How bad it is. `critical` when it is known to be exploited, `medium` when nobody rated it: unrated must
    /// not pass as harmless.
    pub severity: Severity,
    /// CVSS score in tenths, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_tenths: Option<u8>,
    /// In CISA's catalogue of known exploited vulnerabilities.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known_exploited: bool,
    /// Probability of exploitation in the next 30 days (EPSS), in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss_ppm: Option<u32>,
    /// One line about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Where to read on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its last change.
    pub modified: Timestamp,
    /// The packages it speaks about.
    pub affected: Vec<Affected>,
}

/// One package that an advisory speaks about (OSV schema, "affected").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Affected {
    /// The ecosystem, with its release where there is one.
    pub ecosystem: String,
    /// The name, normalised as inventories do.
    pub name: String,
    /// Ranges of versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Vec<RangeEvent>>,
    /// Single versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Versions that have the fix, where no range says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
}

/// A point of a range (OSV schema, "affected[].ranges[].events").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeEvent {
    /// The hole is there from this version on; `0` is before every version.
    Introduced(String),
    /// The first version without the hole.
    Fixed(String),
    /// The last version with the hole.
    LastAffected(String),
}

/// From ecosystem (without release) and name to places among the records.
type PackageIndex = BTreeMap<(String, String), Vec<(usize, usize)>>;

/// A feed whose bytes were read and whose structure was checked.
#[derive(Debug, Clone)]
pub struct Feed {
    header: FeedHeader,
    index: PackageIndex,
    records: Bytes,
}

impl Feed {
    /// Opens a feed. Its digest is for the caller to compare.
    pub fn open(mut bytes: Bytes) -> Result<Self, FeedError> {
        let end = bytes.iter().take(HEADER_BYTES).position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| FeedError::Damaged("it has no header".to_owned()))?;
        let header = bytes.split_to(end);
        let _newline = bytes.split_to(1);
        let header: FeedHeader =
            canon::from_bytes(&header).map_err(|error| FeedError::Damaged(error.to_string()))?;
        if header.format != FORMAT {
            return Err(FeedError::Damaged(format!("format `{}`", header.format)));
        }
        let length = usize::try_from(header.index_bytes).ok().filter(|length| *length <= bytes.len());
        let length = length.ok_or_else(|| FeedError::Damaged("it is cut off".to_owned()))?;
        let index = read_index(&bytes.split_to(length), bytes.len());
        let index = index.ok_or_else(|| FeedError::Damaged("its index is malformed".to_owned()))?;
        Ok(Self { header, index, records: bytes })
    }

    /// What the feed says about itself.
    pub fn summary(&self) -> &FeedHeader {
        &self.header
    }

    /// Every advisory that names a package of `inventories`, or its source package, each with the packages of
    /// that name only; sorted.
    pub fn extract(&self, inventories: &[&Inventory]) -> Vec<Advisory> {
        let packages = inventories.iter().flat_map(|inventory| &inventory.packages);
        let names: BTreeSet<_> = packages.map(advisory_key).collect();
        let mut places: BTreeSet<&(usize, usize)> = BTreeSet::new();
        for (family, name) in &names {
            places.extend(self.index.get(&((*family).to_owned(), (*name).to_owned())).into_iter().flatten());
        }
        let mut advisories: Vec<Advisory> =
            places.into_iter().filter_map(|place| self.record(*place)).collect();
        for advisory in &mut advisories {
            advisory
                .affected
                .retain(|affected| names.contains(&(family(&affected.ecosystem), affected.name.as_str())));
        }
        advisories.sort();
        advisories
    }

    fn record(&self, (start, end): (usize, usize)) -> Option<Advisory> {
        serde_json::from_slice(self.records.get(start..end)?).ok()
    }
}

/// The name under which advisories speak of a package: that of its source, for distributions.
pub(crate) fn advisory_key(package: &Package) -> (&str, &str) {
    let name = package.source.as_ref().map_or(&package.name, |source| &source.name);
    (family(&package.ecosystem), name)
}

/// Lines of `family TAB name TAB start-end ...`.
fn read_index(bytes: &[u8], records: usize) -> Option<PackageIndex> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut index = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, '\t');
        let key = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let places = fields.next()?.split(' ').map(|place| {
            let (start, end) = place.split_once('-')?;
            let (start, end) = (start.parse().ok()?, end.parse().ok()?);
            (start <= end && end <= records).then_some((start, end))
        });
        index.insert(key, places.collect::<Option<_>>()?);
    }
    Some(index)
}

/// The canonical bytes of an extract.
pub fn write_extract(advisories: &[Advisory]) -> Result<Vec<u8>, CanonError> {
    canon::to_bytes(&advisories)
}

/// Reads what [`write_extract`] wrote.
pub fn read_extract(bytes: &[u8]) -> Result<Vec<Advisory>, CanonError> {
    canon::from_bytes(bytes)
}
