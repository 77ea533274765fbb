//! Which inventories have a package: an index of the inventories of recorded Cases, so that a new feed can ask without
//! loading them.
//!
//! The same inventories and the same ledger give the same bytes, in whatever order and in however many steps they came.
//!
//! ```text
//! lockgate-inventories-2 NL
//! subjects    artifact and inventory, two digests each, sorted
//! postings    of each key: the places of its subjects, ascending, each less the one before and 1, LEB128
//! names       the keys: ecosystem without release, FF (FE for a package as it is installed), name, FF, release with its
//!             colon; sorted. FF alone is the key of what was not read whole
//! index       of each key: where its name and its postings begin; at the end, where they end
//! header      canonical JSON
//! footer      length of the header (8 bytes, least significant first), `LGINVS2` NL
//! ```

mod batch;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Digest, Package, canon};
use serde::{Deserialize, Serialize};

use crate::feed::{PackageKey, names, one_spelling};
use crate::version::family;

pub use batch::Batch;
pub use writer::write_index;

/// The shape of the bytes; another one gets another number.
const FORMAT: &str = "lockgate-inventories-2";
/// What an index ends with.
const FOOTER: &[u8; 8] = b"LGINVS2\n";
/// Bytes of a subject, and of an entry of the index.
const SUBJECT: usize = 64;
const ENTRY: usize = 16;
/// Stand between the parts of a key: no text has these bytes.
const SEPARATOR: u8 = 0xff;
const BINARY: u8 = 0xfe;

/// Why an index cannot be read or made. Making it again from the ledger helps.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The bytes are no index of this format.
    #[error("the index of inventories is damaged or of another version: {0}")]
    Damaged(&'static str),
    /// It cannot be written.
    #[error("the index of inventories cannot be written: {0}")]
    Write(#[from] std::io::Error),
    /// More than fit.
    #[error("the index of inventories is full: it takes {} of them", u32::MAX)]
    Full,
}

/// What the index has an inventory of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The artifact.
    pub artifact: Digest,
    /// The inventory of one of its images; the manifest of an image that could not be read.
    pub inventory: Digest,
}

/// How much of a ledger is in an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Entries.
    pub size: u64,
    /// Digest of the last of them, by which the ledger is known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Digest>,
}

/// What an index says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    format: String,
    covered: Covered,
    subjects: u32,
    subjects_end: u64,
    postings_end: u64,
    names_end: u64,
    index_end: u64,
}

/// An index that was opened: its keys are in memory, the rest is read where it lies.
pub struct InventoryIndex {
    header: Header,
    bytes: Arc<dyn FeedBytes>,
    names: Bytes,
    index: Bytes,
}

fn damaged<T>(part: Option<T>, what: &'static str) -> Result<T, IndexError> {
    part.ok_or(IndexError::Damaged(what))
}

/// A number of 8 bytes.
fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// The key of what was not read whole: it may have any package.
const UNREAD: &[u8] = &[SEPARATOR];

/// The key of a package of an ecosystem with its release.
fn key(ecosystem: &str, name: &str, binary: bool) -> Vec<u8> {
    let (family, name) = (family(ecosystem), one_spelling(ecosystem, name));
    let release = ecosystem.get(family.len()..).unwrap_or_default();
    let first: &[u8] = if binary { &[BINARY] } else { &[SEPARATOR] };
    [family.as_bytes(), first, name.as_bytes(), &[SEPARATOR], release.as_bytes()].concat()
}

/// The keys that a package is filed under.
fn keys(package: &Package) -> impl Iterator<Item = Vec<u8>> {
    names(package).map(|(name, binary)| key(&package.ecosystem, name, binary))
}

impl InventoryIndex {
    /// Opens an index. Whether its bytes are whole is for the caller to know.
    pub fn open(bytes: Arc<dyn FeedBytes>) -> Result<Self, IndexError> {
        let read = |from: u64, to: u64| {
            let length = to.checked_sub(from).and_then(|length| usize::try_from(length).ok())?;
            bytes.read(from, length).ok()
        };
        let opened = || {
            let end = bytes.length().checked_sub(FOOTER.len() as u64)?;
            let start = read(0, FORMAT.len() as u64 + 1)?;
            if start.strip_suffix(b"\n")? != FORMAT.as_bytes() || read(end, bytes.length())? != FOOTER[..] {
                return None;
            }
            let header_end = end.checked_sub(8)?;
            let header_at = header_end.checked_sub(number(&read(header_end, end)?, 0)?)?;
            let header: Header = canon::from_bytes(&read(header_at, header_end)?).ok()?;
            let subjects = u64::from(header.subjects) * SUBJECT as u64;
            let sound = header.subjects_end == FORMAT.len() as u64 + 1 + subjects
                && header.subjects_end <= header.postings_end
                && header.postings_end <= header.names_end
                && header.names_end <= header.index_end
                && header.index_end == header_at
                && (header.index_end - header.names_end).is_multiple_of(ENTRY as u64)
                && header.index_end > header.names_end;
            let names = read(header.postings_end, header.names_end)?;
            let index = read(header.names_end, header.index_end)?;
            sound.then_some((header, names, index))
        };
        let (header, names, index) = damaged(opened(), "its frame")?;
        Ok(Self { header, bytes, names, index })
    }

    /// How much of the ledger is in it.
    pub fn covered(&self) -> Covered {
        self.header.covered
    }

    /// How many inventories are in it, each counted once for each artifact that has it.
    pub fn len(&self) -> u32 {
        self.header.subjects
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an inventory is in it.
    pub fn contains(&self, subject: &Subject) -> Result<bool, IndexError> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = u32::midpoint(low, high);
            match self.subject(middle)?.cmp(subject) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(true),
            }
        }
        Ok(false)
    }

    /// The inventories that have a package with one of these keys, as advisories name packages: one without a release
    /// is about every release.
    pub fn having(&self, packages: &BTreeSet<PackageKey>) -> Result<BTreeSet<Subject>, IndexError> {
        let mut places = BTreeSet::new();
        for PackageKey { ecosystem, name, binary } in packages {
            let key = key(ecosystem, name, *binary);
            let of_one_release = family(ecosystem) != ecosystem;
            for at in self.first(&key)?..self.keys() {
                let (here, postings) = self.entry(at)?;
                let same = if of_one_release { here == key } else { here.starts_with(&key) };
                if !same {
                    break;
                }
                places.extend(self.postings(postings)?);
            }
        }
        places.into_iter().map(|place| self.subject(place)).collect()
    }

    /// What was not read whole: it may have any package.
    pub fn unread(&self) -> Result<BTreeSet<Subject>, IndexError> {
        let at = self.first(UNREAD)?;
        if at >= self.keys() {
            return Ok(BTreeSet::new());
        }
        let (key, postings) = self.entry(at)?;
        let places = if key == UNREAD { self.postings(postings)? } else { Vec::new() };
        places.into_iter().map(|place| self.subject(place)).collect()
    }

    /// How many keys there are: the last entry says where the others end.
    fn keys(&self) -> usize {
        (self.index.len() / ENTRY).saturating_sub(1)
    }

    /// The first key that is not before `key`.
    fn first(&self, key: &[u8]) -> Result<usize, IndexError> {
        let (mut low, mut high) = (0, self.keys());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.entry(middle)?.0 < key { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// A key, and where its postings lie.
    fn entry(&self, at: usize) -> Result<(&[u8], std::ops::Range<u64>), IndexError> {
        let read = || {
            let place =
                |entry: usize, half| number(&self.index, entry.checked_mul(ENTRY)?.checked_add(half)?);
            let name = usize::try_from(place(at, 0)?).ok()?..usize::try_from(place(at + 1, 0)?).ok()?;
            Some((self.names.get(name)?, place(at, 8)?..place(at + 1, 8)?))
        };
        damaged(read(), "its keys")
    }

    /// The places that lie there, ascending.
    fn postings(&self, range: std::ops::Range<u64>) -> Result<Vec<u32>, IndexError> {
        let read = || {
            let length = range.end.checked_sub(range.start)?;
            let at = self.header.subjects_end.checked_add(range.start)?;
            let inside = at.checked_add(length)? <= self.header.postings_end;
            let bytes =
                if inside { self.bytes.read(at, usize::try_from(length).ok()?).ok()? } else { return None };
            writer::decode(&bytes, self.len())
        };
        damaged(read(), "its postings")
    }

    fn subject(&self, place: u32) -> Result<Subject, IndexError> {
        let read = || {
            let at = FORMAT.len() as u64 + 1 + u64::from(place) * SUBJECT as u64;
            let bytes = (place < self.len()).then(|| self.bytes.read(at, SUBJECT).ok())??;
            let (artifact, inventory) = bytes.split_first_chunk::<32>()?;
            let [artifact, inventory] = [*artifact, inventory.try_into().ok()?].map(Digest::from_bytes);
            Some(Subject { artifact, inventory })
        };
        damaged(read(), "its subjects")
    }
}
