//! How one advisory lies in a feed: a head, and apart from it what it says about each package, so that a search reads
//! no more than it needs. Both are postcard, each after its length.

use bytes::Bytes;
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Package, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Advisory, Affected, PackageKey, RangeEvent};
use crate::matching::Said;

/// Bytes of a length.
const LENGTH: usize = 4;

/// An advisory without its packages.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    pub(super) severity: Severity,
    pub(super) cvss_tenths: Option<u8>,
    pub(super) known_exploited: bool,
    pub(super) epss_ppm: Option<u32>,
    summary: String,
    url: Option<String>,
    modified: i64,
}

impl Head {
    /// Its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.id).chain(&self.aliases)
    }

    /// Its last change.
    pub(super) fn modified(&self) -> Timestamp {
        Timestamp::from_unix(self.modified)
    }
}

/// What an advisory says about one package. Lists of versions are one text, a line each: most are only searched.
#[derive(Serialize, Deserialize)]
struct Part<'a> {
    ecosystem: &'a str,
    name: &'a str,
    ranges: Vec<Vec<RangeEvent>>,
    versions: &'a str,
    fixed: &'a str,
    binary: bool,
    unaffected: bool,
}

/// The lines of a list.
fn lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split('\n').filter(|line| !line.is_empty())
}

/// The record of an advisory.
pub(super) fn write(advisory: &Advisory) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let head = Head {
        id: advisory.id.clone(),
        aliases: advisory.aliases.clone(),
        severity: advisory.severity,
        cvss_tenths: advisory.cvss_tenths,
        known_exploited: advisory.known_exploited,
        epss_ppm: advisory.epss_ppm,
        summary: advisory.summary.clone(),
        url: advisory.url.clone(),
        modified: advisory.modified.unix(),
    };
    put(&head, &mut bytes)?;
    put(&(advisory.affected.len() as u64), &mut bytes)?;
    for one in &advisory.affected {
        let (versions, fixed) = (one.versions.join("\n"), one.fixed.join("\n"));
        let part = Part {
            ecosystem: &one.ecosystem,
            name: &one.name,
            ranges: one.ranges.clone(),
            versions: &versions,
            fixed: &fixed,
            binary: one.binary,
            unaffected: one.unaffected,
        };
        put(&part, &mut bytes)?;
    }
    Ok(bytes)
}

/// The value that begins a record or follows another, and the rest.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// The head of a record.
pub(super) fn head(record: &[u8]) -> Option<Head> {
    postcard::from_bytes(split(record)?.0).ok()
}

/// The same record with another head.
pub(super) fn with_head(record: &[u8], head: &Head) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(record.len() + 8);
    put(head, &mut bytes).ok()?;
    bytes.extend(split(record)?.1);
    Some(bytes)
}

/// Of each package of a record: where it begins, and its key.
pub(super) fn parts(record: &[u8]) -> Option<Vec<(usize, PackageKey)>> {
    let (_, mut rest) = split(split(record)?.1)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = split(rest)?;
        let Part { ecosystem, name, binary, .. } = postcard::from_bytes(part).ok()?;
        let key = PackageKey { ecosystem: ecosystem.to_owned(), name: name.to_owned(), binary };
        parts.push((record.len() - rest.len(), key));
        rest = after;
    }
    Some(parts)
}

fn put(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<(), String> {
    let encoded = postcard::to_allocvec(value).map_err(|error| error.to_string())?;
    bytes.extend(u32::try_from(encoded.len()).map_err(|_| "it is too large")?.to_le_bytes());
    bytes.extend(encoded);
    Ok(())
}

/// Bytes that are read at once: most values are shorter.
const READ: u64 = 2048;

/// The value that begins at `at`.
pub(super) fn take(feed: &dyn FeedBytes, at: u64) -> Option<Bytes> {
    let here = usize::try_from(feed.length().checked_sub(at)?.min(READ)).ok()?;
    let start = feed.read(at, here).ok()?;
    let length = u32::from_le_bytes(start.get(..LENGTH)?.try_into().ok()?) as usize;
    let end = LENGTH.checked_add(length)?;
    if end <= start.len() {
        return Some(start.slice(LENGTH..end));
    }
    feed.read(at.checked_add(LENGTH as u64)?, length).ok()
}

/// Whether what a part says applies to one of `packages`, or may; nothing when the part is damaged.
pub(super) fn may_apply<'a>(part: &[u8], packages: impl IntoIterator<Item = &'a Package>) -> Option<bool> {
    let part: Part<'_> = postcard::from_bytes(part).ok()?;
    let said = Said {
        ecosystem: part.ecosystem,
        ranges: &part.ranges,
        versions: lines(part.versions),
        fixed: lines(part.fixed),
        binary: part.binary,
        unaffected: part.unaffected,
    };
    Some(packages.into_iter().any(|package| said.may_apply(package)))
}

/// The advisory whose record begins at `at`, with the packages that begin at `parts`.
pub(super) fn read(feed: &dyn FeedBytes, at: u64, parts: impl IntoIterator<Item = u64>) -> Option<Advisory> {
    let head = postcard::from_bytes(&take(feed, at)?).ok()?;
    let affected = parts.into_iter().map(|part| whole(&take(feed, part)?));
    Some(joined(head, affected.collect::<Option<_>>()?))
}

/// The advisory whose record begins at `at`, whole, and where the record ends.
pub(super) fn read_whole(feed: &dyn FeedBytes, mut at: u64) -> Option<(Advisory, u64)> {
    let mut next = || {
        let value = take(feed, at)?;
        at = at.checked_add((LENGTH + value.len()) as u64)?;
        Some(value)
    };
    let head = postcard::from_bytes(&next()?).ok()?;
    let count: u64 = postcard::from_bytes(&next()?).ok()?;
    let mut affected = Vec::new();
    for _ in 0..count {
        affected.push(whole(&next()?)?);
    }
    Some((joined(head, affected), at))
}

fn whole(part: &[u8]) -> Option<Affected> {
    let Part { ecosystem, name, ranges, versions, fixed, binary, unaffected } =
        postcard::from_bytes(part).ok()?;
    let list = |text: &str| lines(text).map(str::to_owned).collect();
    Some(Affected {
        ecosystem: ecosystem.to_owned(),
        name: name.to_owned(),
        ranges,
        versions: list(versions),
        fixed: list(fixed),
        binary,
        unaffected,
    })
}

fn joined(head: Head, affected: Vec<Affected>) -> Advisory {
    let modified = head.modified();
    Advisory {
        id: head.id,
        aliases: head.aliases,
        severity: head.severity,
        cvss_tenths: head.cvss_tenths,
        known_exploited: head.known_exploited,
        epss_ppm: head.epss_ppm,
        summary: head.summary,
        url: head.url,
        modified,
        affected,
    }
}
