//! Feeds: pinned, immutable snapshots of advisories.
//!
//! A feed is one string of bytes, the same for the same records in whatever order they came. Its digest is its name. It
//! is read where it lies: opening one reads its index, a search reads what it finds.
//!
//! ```text
//! lockgate-feed-5 NL
//! records     advisories, each a head and its packages (record.rs), in the order of their ids
//! contributions  which sources gave an advisory that several have, and what each says where that is not what is judged by: of
//!             others, or withdrawn in part or in whole (contributions.rs); in the order of ids
//! facts       of each source what it says by the names of vulnerabilities (facts.rs), postcard
//! names       the keys of the index: ecosystem with its release, TAB (two for a package as it is installed), name
//! postings    pairs of places: of a record, and of a package in it
//! index       of each key: place and length in names, first posting, how many; in the order of the keys
//! header      FeedHeader, canonical JSON
//! footer      length of the header (8 bytes, least significant first), `LGFEED5` NL
//! ```
//!
//! Feeds of format 4 are read too: their sources withdraw nothing, and names are filed as they are spelt. So are those of format
//! 3: recorded Cases were judged with them. They have no sources, so that nothing in them is dated and nothing can be added to
//! them.

mod builder;
mod change;
mod collect;
mod contributions;
mod delta;
mod facts;
mod header;
mod matches;
mod name;
mod record;
mod source;
mod touched;
mod withdrawn;
mod writer;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::canon::{self, CanonError};
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Inventory, Package, Severity, Timestamp};
use serde::{Deserialize, Serialize};

pub use builder::{FeedBuilder, FeedSummary, Refused, is_malicious};
pub use change::{FeedChange, Loss, change};
pub use delta::{Delta, delta};
pub use header::{FeedHeader, FeedSource, Sections};
pub use touched::{PackageKey, touched};

use crate::version::family;
use contributions::Contributions;
use facts::{Facts, FourthFacts};
use record::{Layout, Walk};

/// The shape of the bytes; another one gets another number.
const FORMAT: &str = "lockgate-feed-5";
/// What a feed ends with.
const FOOTER: &[u8; 8] = b"LGFEED5\n";
/// The shapes that are read: what they begin and end with, which is as long in each.
const LAYOUTS: [(&str, &[u8; 8], Layout); 3] = [
    (FORMAT, FOOTER, Layout::Fifth),
    ("lockgate-feed-4", b"LGFEED4\n", Layout::Fourth),
    ("lockgate-feed-3", b"LGFEED3\n", Layout::Third),
];
/// Bytes of an entry of the index, and of a posting.
const INDEX_ENTRY: usize = 32;
const POSTING: usize = 16;

/// Why a feed cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The bytes are no feed of this format.
    #[error("the feed is damaged or of another version: {0}")]
    Damaged(String),
    /// It is of a format that does not remember its sources.
    #[error("it is of an earlier format, which does not remember what came from where")]
    Earlier,
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
    #[error(
        "{name}: it is neither OSV nor CSAF (JSON, JSON lines, zip, tar), nor Debian's tracker, nor Alpine's secdb, \
         nor CISA KEV, nor EPSS, nor of endoflife.date: {reason}"
    )]
    Unknown {
        /// The file.
        name: String,
        /// What was seen.
        reason: String,
    },
}

/// One advisory, normalised. Numbers are whole, so that its bytes are the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Advisory {
    /// Its id.
    pub id: String,
    /// Other names of the same vulnerability, sorted.
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
    /// Nobody rated it, neither its own source nor one that names it otherwise. Feeds of format 3 do not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrated: bool,
    /// The package itself is the attack (OSV, `MAL-`): `critical`, and there is no version to go to. Feeds of format 3 do
    /// not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malicious: bool,
}

impl Advisory {
    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id).chain(&self.aliases).map(String::as_str)
    }
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
    /// The name and the versions are those of a package as it is installed; else those of its source, for distributions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub binary: bool,
    /// The distribution says that the vulnerability is not there: not in `versions`, or in none where there are none.
    /// What others say about the vulnerability counts less.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unaffected: bool,
}

/// A point of a range (OSV schema, "affected[].ranges[].events").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeEvent {
    /// The vulnerability is there from this version on; `0` is before every version.
    Introduced(String),
    /// The first version without the vulnerability.
    Fixed(String),
    /// The last version with the vulnerability.
    LastAffected(String),
    /// The range says nothing about this version and those after it; `*` is after every version. Of several the last
    /// counts.
    Limit(String),
}

/// A feed that was opened: its index is in memory, its advisories are read where they lie.
#[derive(Clone)]
pub struct Feed {
    header: FeedHeader,
    bytes: Arc<dyn FeedBytes>,
    names: Bytes,
    index: Bytes,
    layout: Layout,
    /// Where records, contributions and facts end.
    ends: (u64, u64, u64),
}

fn damaged(reason: &str) -> FeedError {
    FeedError::Damaged(reason.to_owned())
}

/// A number of 8 bytes.
fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(eight.try_into().ok()?))
}

impl Feed {
    /// Opens a feed. Its digest is for the caller to compare.
    pub fn open(bytes: Arc<dyn FeedBytes>) -> Result<Self, FeedError> {
        let cut = || damaged("it is cut off, or of another format: import it again");
        let read = |from: u64, to: u64| {
            let length =
                to.checked_sub(from).and_then(|length| usize::try_from(length).ok()).ok_or_else(cut)?;
            bytes.read(from, length).map_err(|error| FeedError::Damaged(error.to_string()))
        };
        let start = read(0, FORMAT.len() as u64 + 1)?;
        let end = bytes.length().checked_sub(FOOTER.len() as u64).ok_or_else(cut)?;
        let last = read(end, bytes.length())?;
        let known = LAYOUTS.iter().find(|(first, footer, _)| {
            start.strip_suffix(b"\n") == Some(first.as_bytes()) && last == footer[..]
        });
        let layout = known.map(|(_, _, layout)| *layout).ok_or_else(cut)?;
        let header_end = end.checked_sub(8).ok_or_else(cut)?;
        let header_at = number(&read(header_end, end)?, 0).and_then(|length| header_end.checked_sub(length));
        let header_at = header_at.ok_or_else(|| damaged("its header"))?;
        let header: FeedHeader = canon::from_bytes(&read(header_at, header_end)?)
            .map_err(|error| FeedError::Damaged(error.to_string()))?;
        let ends = header.sections.ordered(FORMAT.len() as u64 + 1, header_at);
        let ends = ends.ok_or_else(|| damaged("its sections"))?;
        let Sections { names_end, postings_end, index_end, .. } = header.sections;
        if !(index_end - postings_end).is_multiple_of(INDEX_ENTRY as u64) {
            return Err(damaged("its sections"));
        }
        let (names, index) = (read(ends.2, names_end)?, read(postings_end, index_end)?);
        Ok(Self { header, bytes, names, index, layout, ends })
    }

    /// Whether it remembers its sources, so that something can be added to it.
    pub fn remembers_sources(&self) -> bool {
        self.layout != Layout::Third
    }

    /// What the feed says about itself.
    pub fn summary(&self) -> &FeedHeader {
        &self.header
    }

    /// Every advisory that names a package of `inventories`, or its source package, for its release or for every
    /// one, each with what it says about those packages only; sorted.
    ///
    /// Errors: the feed is damaged where it was read.
    pub fn extract(&self, inventories: &[&Inventory]) -> Result<Vec<Advisory>, FeedError> {
        let packages = inventories.iter().flat_map(|inventory| &inventory.packages);
        let keys: BTreeSet<PackageKey> = packages.flat_map(searched).collect();
        let mut found = Places::new();
        for key in keys {
            for (record, part) in self.find(&writer::key(&key)).ok_or_else(|| damaged("its index"))? {
                found.entry(record).or_default().insert(part);
            }
        }
        self.read(found)
    }

    fn read(&self, found: Places) -> Result<Vec<Advisory>, FeedError> {
        let read = |(record, parts)| record::read(&*self.bytes, self.layout, record, parts);
        let advisories: Option<Vec<_>> = found.into_iter().map(read).collect();
        let mut advisories = advisories.ok_or_else(|| damaged("an advisory"))?;
        advisories.sort();
        Ok(advisories)
    }

    /// The places of what is filed under `key`; nothing when the index is damaged.
    fn find(&self, key: &str) -> Option<Vec<(u64, u64)>> {
        let (mut low, mut high) = (0, self.index.len() / INDEX_ENTRY);
        while low < high {
            let middle = usize::midpoint(low, high);
            let entry = self.index.get(middle * INDEX_ENTRY..(middle + 1) * INDEX_ENTRY)?;
            let place = |at| number(entry, at).and_then(|number| usize::try_from(number).ok());
            let (name, length) = (place(0)?, place(8)?);
            let here = self.names.get(name..name.checked_add(length)?)?;
            match here.cmp(key.as_bytes()) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return self.postings(number(entry, 16)?, place(24)?),
            }
        }
        Some(Vec::new())
    }

    fn postings(&self, first: u64, count: usize) -> Option<Vec<(u64, u64)>> {
        let Sections { names_end, postings_end, .. } = self.header.sections;
        let start = names_end.checked_add(first.checked_mul(POSTING as u64)?)?;
        let length = count.checked_mul(POSTING)?;
        if start.checked_add(length as u64)? > postings_end {
            return None;
        }
        let run = self.bytes.read(start, length).ok()?;
        run.chunks_exact(POSTING).map(|pair| Some((number(pair, 0)?, number(pair, 8)?))).collect()
    }

    /// Every advisory, in the order of their ids; an error where the feed is damaged.
    pub fn advisories(&self) -> impl Iterator<Item = Result<Advisory, FeedError>> + '_ {
        let mut walk = Walk::new(&*self.bytes, self.layout, FORMAT.len() as u64 + 1, self.ends.0);
        std::iter::from_fn(move || walk.advisory())
    }

    /// What each source says in each advisory, as it gave it, in the order of ids, then of sources: the record and its head.
    /// Nothing of feeds that do not remember their sources.
    fn contributions(&self) -> Contributions<'_> {
        Contributions::of(self, FORMAT.len() as u64 + 1)
    }

    /// What each source says by the names of vulnerabilities, in the order of the sources.
    fn facts(&self) -> Result<Vec<Facts>, FeedError> {
        if !self.remembers_sources() {
            return Ok(Vec::new());
        }
        let (_, from, to) = self.ends;
        let length = to.checked_sub(from).and_then(|length| usize::try_from(length).ok());
        let bytes = length.and_then(|length| self.bytes.read(from, length).ok());
        let fourth = |bytes: &[u8]| -> Option<Vec<Facts>> {
            let facts: Vec<FourthFacts> = postcard::from_bytes(bytes).ok()?;
            Some(facts.into_iter().map(Facts::from).collect())
        };
        let facts: Option<Vec<Facts>> = bytes.and_then(|bytes| match self.layout {
            Layout::Fourth => fourth(&bytes),
            Layout::Third | Layout::Fifth => postcard::from_bytes(&bytes).ok(),
        });
        facts
            .filter(|facts| facts.len() == self.header.sources.len())
            .ok_or_else(|| damaged("what its sources say by name"))
    }
}

/// Records, each with packages in it, by place.
type Places = BTreeMap<u64, BTreeSet<u64>>;

/// The keys that advisories about a package have: under its release, or under its ecosystem for every release.
pub fn keys_of(package: &Package) -> impl Iterator<Item = PackageKey> {
    let family = family(&package.ecosystem);
    names(package).flat_map(move |(name, binary)| {
        let own = (package.ecosystem != family).then_some(package.ecosystem.as_str());
        own.into_iter().chain([family]).map(move |ecosystem| PackageKey::new(ecosystem, name, binary))
    })
}

/// The keys that are searched for: feeds of earlier formats file what is said about a package under its name as the advisory
/// spells it.
fn searched(package: &Package) -> impl Iterator<Item = PackageKey> {
    let spelt = names(package).filter(|(name, _)| one_spelling(&package.ecosystem, name) != *name);
    let own = spelt.map(|(name, binary)| PackageKey {
        ecosystem: family(&package.ecosystem).to_owned(),
        name: name.to_owned(),
        binary,
    });
    keys_of(package).chain(own)
}

/// A name in the spelling by which packages are compared: the registries of some ecosystems have one package under a name
/// whatever its case (NuGet, "ID"; composer, "name").
pub(crate) fn one_spelling<'a>(ecosystem: &str, name: &'a str) -> Cow<'a, str> {
    let folds = matches!(family(ecosystem), "NuGet" | "Packagist");
    if folds && name.chars().any(char::is_uppercase) {
        return Cow::Owned(name.to_lowercase());
    }
    Cow::Borrowed(name)
}

/// The names under which advisories speak of a package: that of its source, and for distributions its own, which is told
/// apart.
pub(crate) fn names(package: &Package) -> impl Iterator<Item = (&str, bool)> {
    let source = package.source.as_ref().map_or(&package.name, |source| &source.name);
    let own = is_of_distribution(package).then_some((package.name.as_str(), true));
    std::iter::once((source.as_str(), false)).chain(own)
}

/// Whether it was installed by a package manager whose distribution's advisories name binaries and sources.
pub(crate) fn is_of_distribution(package: &Package) -> bool {
    matches!(package.cataloger.as_str(), "dpkg" | "apk" | "rpm")
}

/// The version that advisories speak about.
pub(crate) fn version(package: &Package, binary: bool) -> &str {
    package.source.as_ref().filter(|_| !binary).map_or(&package.version, |source| &source.version)
}

/// The canonical bytes of an extract.
pub fn write_extract(advisories: &[Advisory]) -> Result<Vec<u8>, CanonError> {
    canon::to_bytes(&advisories)
}

/// Reads what [`write_extract`] wrote.
pub fn read_extract(bytes: &[u8]) -> Result<Vec<Advisory>, CanonError> {
    canon::from_bytes(bytes)
}
