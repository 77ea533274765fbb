//! How one advisory lies in a feed: a head, and apart from it what it says about each package, so that a search reads
//! no more than it needs. Both are postcard, each after its length.

use bytes::Bytes;
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::contributions::{Bare, Entry};
use super::{Advisory, Affected, FeedError, PackageKey};
use crate::matching::{Event, Said};

/// Bytes of a length.
const LENGTH: usize = 4;
/// The source of an advisory that several sources have: what each says lies in the contributions.
pub(super) const SEVERAL: u32 = u32::MAX;

/// In which format a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Without a source, and without what its own source said before others completed it.
    Third,
    /// Without what sources withdrew.
    Fourth,
    /// The present one.
    Fifth,
}

/// An advisory without its packages.
#[derive(Clone, Serialize, Deserialize)]
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
    /// The place of its source in the list of sources, or [`SEVERAL`].
    pub(super) source: u32,
    /// Nobody rated it.
    pub(super) unrated: bool,
    pub(super) malicious: bool,
    /// How its own source rated it.
    pub(super) own: Option<Severity>,
    /// The score that its own source gave.
    pub(super) own_tenths: Option<u8>,
}

/// A head of the third format.
#[derive(Deserialize)]
struct ThirdHead {
    id: String,
    aliases: Vec<String>,
    severity: Severity,
    cvss_tenths: Option<u8>,
    known_exploited: bool,
    epss_ppm: Option<u32>,
    summary: String,
    url: Option<String>,
    modified: i64,
}

impl From<ThirdHead> for Head {
    fn from(third: ThirdHead) -> Self {
        let ThirdHead {
            id,
            aliases,
            severity,
            cvss_tenths,
            known_exploited,
            epss_ppm,
            summary,
            url,
            modified,
        } = third;
        Self {
            id,
            aliases,
            severity,
            cvss_tenths,
            known_exploited,
            epss_ppm,
            summary,
            url,
            modified,
            source: SEVERAL,
            unrated: false,
            malicious: false,
            own: Some(severity),
            own_tenths: cvss_tenths,
        }
    }
}

impl Head {
    /// Its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id).chain(&self.aliases).map(String::as_str)
    }

    /// Its last change.
    pub(super) fn modified(&self) -> Timestamp {
        Timestamp::from_unix(self.modified)
    }

    /// As its own source gave it, before others completed it.
    pub(super) fn bare(&mut self) {
        self.severity = severity(self.own, self.malicious);
        self.cvss_tenths = self.own_tenths;
        self.unrated = self.own.is_none();
        self.known_exploited = false;
        self.epss_ppm = None;
    }

    fn read(bytes: &[u8], layout: Layout) -> Option<Self> {
        match layout {
            Layout::Third => postcard::from_bytes::<ThirdHead>(bytes).ok().map(Self::from),
            Layout::Fourth | Layout::Fifth => postcard::from_bytes(bytes).ok(),
        }
    }
}

/// The severity of what its source rated so, or did not.
fn severity(own: Option<Severity>, malicious: bool) -> Severity {
    if malicious { Severity::Critical } else { own.unwrap_or(Severity::Medium) }
}

/// What an advisory says about one package. Lists of versions are one text, a line each: most are only searched.
#[derive(Serialize, Deserialize)]
pub(super) struct Part<'a> {
    ecosystem: &'a str,
    name: &'a str,
    #[serde(borrow)]
    ranges: Vec<Vec<Event<'a>>>,
    versions: &'a str,
    fixed: &'a str,
    binary: bool,
    unaffected: bool,
}

impl<'a> Part<'a> {
    pub(super) fn said(&self) -> Said<'a> {
        Said::new(
            (self.ecosystem, self.binary, self.unaffected),
            self.ranges.iter().map(|range| range.iter().copied()),
            lines(self.versions),
            lines(self.fixed),
        )
    }

    /// Whether it can say anything about any package: it denies, names a version, or has a range that begins.
    fn says_something(&self) -> bool {
        let begins = |event: &Event<'_>| matches!(event, Event::Introduced(_));
        self.unaffected || !self.versions.is_empty() || self.ranges.iter().flatten().any(begins)
    }
}

/// The lines of a list.
fn lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split('\n').filter(|line| !line.is_empty())
}

/// The record of an advisory as its own source gave it, which it does not name.
pub(super) fn write(advisory: &Advisory) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let own = (!advisory.unrated).then_some(advisory.severity);
    let head = Head {
        id: advisory.id.clone(),
        aliases: advisory.aliases.clone(),
        severity: severity(own, advisory.malicious),
        cvss_tenths: advisory.cvss_tenths,
        known_exploited: advisory.known_exploited,
        epss_ppm: advisory.epss_ppm,
        summary: advisory.summary.clone(),
        url: advisory.url.clone(),
        modified: advisory.modified.unix(),
        source: SEVERAL,
        unrated: advisory.unrated,
        malicious: advisory.malicious,
        own,
        own_tenths: advisory.cvss_tenths,
    };
    put(&head, &mut bytes)?;
    put(&(advisory.affected.len() as u64), &mut bytes)?;
    for one in &advisory.affected {
        let (versions, fixed) = (one.versions.join("\n"), one.fixed.join("\n"));
        let part = Part {
            ecosystem: &one.ecosystem,
            name: &one.name,
            ranges: one.ranges.iter().map(|range| range.iter().map(Event::of).collect()).collect(),
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

/// What stands before a contribution.
pub(super) fn entry(entry: &Entry) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    put(entry, &mut bytes)?;
    Ok(bytes)
}

/// The head of a record.
pub(super) fn head(record: &[u8]) -> Option<Head> {
    Head::read(split(record)?.0, Layout::Fifth)
}

/// The same record with another head.
pub(super) fn with_head(record: &[u8], head: &Head) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(record.len() + 8);
    put(head, &mut bytes).ok()?;
    bytes.extend(split(record)?.1);
    Some(bytes)
}

/// The same record with those of its packages only whose ecosystem `keep` says yes to: how many these are, and of how many.
pub(super) fn retain(record: &[u8], keep: impl Fn(&str) -> bool) -> Option<(Vec<u8>, u64, u64)> {
    let (head, rest) = split(record)?;
    let (_, mut rest) = split(rest)?;
    let (mut kept, mut count, mut all) = (Vec::new(), 0, 0);
    while !rest.is_empty() {
        let (bytes, after) = split(rest)?;
        if keep(part(bytes)?.ecosystem) {
            put_bytes(bytes, &mut kept).ok()?;
            count += 1;
        }
        all += 1;
        rest = after;
    }
    let mut bytes = Vec::with_capacity(record.len());
    put_bytes(head, &mut bytes).ok()?;
    put(&count, &mut bytes).ok()?;
    bytes.extend(kept);
    Some((bytes, count, all))
}

/// A package of a record.
pub(super) struct Place {
    /// Where it begins.
    pub(super) at: usize,
    /// Its key.
    pub(super) key: PackageKey,
    /// Whether it can match anything.
    pub(super) says_something: bool,
}

/// The packages of a record.
pub(super) fn parts(record: &[u8]) -> Option<Vec<Place>> {
    let (_, mut rest) = split(split(record)?.1)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (bytes, after) = split(rest)?;
        let part: Part<'_> = postcard::from_bytes(bytes).ok()?;
        let key = PackageKey::new(part.ecosystem, part.name, part.binary);
        parts.push(Place { at: record.len() - rest.len(), key, says_something: part.says_something() });
        rest = after;
    }
    Some(parts)
}

fn put(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<(), String> {
    put_bytes(&postcard::to_allocvec(value).map_err(|error| error.to_string())?, bytes)
}

fn put_bytes(encoded: &[u8], bytes: &mut Vec<u8>) -> Result<(), String> {
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

/// What an advisory says about one package.
pub(super) fn part(bytes: &[u8]) -> Option<Part<'_>> {
    postcard::from_bytes(bytes).ok()
}

/// The advisory whose record begins at `at`, with the packages that begin at `parts`.
pub(super) fn read(
    feed: &dyn FeedBytes,
    layout: Layout,
    at: u64,
    parts: impl IntoIterator<Item = u64>,
) -> Option<Advisory> {
    let head = Head::read(&take(feed, at)?, layout)?;
    let affected = parts.into_iter().map(|part| whole(&take(feed, part)?));
    Some(joined(head, affected.collect::<Option<_>>()?))
}

/// The advisory of a record of the present format.
pub(super) fn advisory(record: &[u8]) -> Option<Advisory> {
    let (first, rest) = split(record)?;
    let (_, mut rest) = split(rest)?;
    let mut affected = Vec::new();
    while !rest.is_empty() {
        let (part, after) = split(rest)?;
        affected.push(whole(part)?);
        rest = after;
    }
    Some(joined(Head::read(first, Layout::Fifth)?, affected))
}

/// Bytes that a walk reads at once.
const PIECE: usize = 1 << 20;

/// Reads records one after the other, in large pieces.
pub(super) struct Walk<'a> {
    feed: &'a dyn FeedBytes,
    layout: Layout,
    at: u64,
    end: u64,
    piece: Bytes,
}

impl<'a> Walk<'a> {
    /// The records from `at` to `end`.
    pub(super) fn new(feed: &'a dyn FeedBytes, layout: Layout, at: u64, end: u64) -> Self {
        Self { feed, layout, at, end, piece: Bytes::new() }
    }

    /// The next `length` bytes.
    fn bytes(&mut self, length: usize) -> Option<Bytes> {
        if self.piece.len() < length {
            let left = usize::try_from(self.end.checked_sub(self.at)?).ok()?;
            if left < length {
                return None;
            }
            self.piece = self.feed.read(self.at, left.min(PIECE.max(length))).ok()?;
        }
        self.at += length as u64;
        Some(self.piece.split_to(length))
    }

    fn value(&mut self) -> Option<Bytes> {
        let length = u32::from_le_bytes(self.bytes(LENGTH)?.as_ref().try_into().ok()?);
        self.bytes(usize::try_from(length).ok()?)
    }

    fn parts(&mut self) -> Option<Vec<Bytes>> {
        let count: u64 = postcard::from_bytes(&self.value()?).ok()?;
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(self.value()?);
        }
        Some(parts)
    }

    fn next_whole(&mut self) -> Option<Advisory> {
        let head = Head::read(&self.value()?, self.layout)?;
        let parts = self.parts()?;
        Some(joined(head, parts.iter().map(|part| whole(part)).collect::<Option<_>>()?))
    }

    fn next_bare(&mut self) -> Option<(Head, Vec<u8>)> {
        let mut head = Head::read(&self.value()?, self.layout)?;
        head.bare();
        let mut record = Vec::new();
        put(&head, &mut record).ok()?;
        let parts = self.parts()?;
        put(&(parts.len() as u64), &mut record).ok()?;
        for part in parts {
            record.extend(u32::try_from(part.len()).ok()?.to_le_bytes());
            record.extend(part);
        }
        Some((head, record))
    }

    fn next_entry(&mut self) -> Option<(Entry, Option<Bare>)> {
        let entry: Entry = postcard::from_bytes(&self.value()?).ok()?;
        let own = if entry.follows { Some(self.next_bare()?) } else { None };
        Some((entry, own))
    }

    /// A walk that has nothing more.
    pub(super) fn ended(&self) -> Self {
        Self::new(self.feed, self.layout, self.end, self.end)
    }

    /// The next entry of the contributions, and the record that follows it, as its own source gave it.
    pub(super) fn entry(&mut self) -> Option<Result<(Entry, Option<Bare>), FeedError>> {
        self.step(Self::next_entry)
    }

    /// What `read` makes of the next record; an error where it is damaged, and then nothing more.
    fn step<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Result<T, FeedError>> {
        if self.at >= self.end {
            return None;
        }
        let read = read(self).ok_or_else(|| FeedError::Damaged("an advisory".to_owned()));
        if read.is_err() {
            self.at = self.end;
        }
        Some(read)
    }

    /// The next advisory, whole.
    pub(super) fn advisory(&mut self) -> Option<Result<Advisory, FeedError>> {
        self.step(Self::next_whole)
    }

    /// The next record as its own source gave it, and its head.
    pub(super) fn bare(&mut self) -> Option<Result<(Head, Vec<u8>), FeedError>> {
        self.step(Self::next_bare)
    }
}

fn whole(part: &[u8]) -> Option<Affected> {
    let Part { ecosystem, name, ranges, versions, fixed, binary, unaffected } =
        postcard::from_bytes(part).ok()?;
    let list = |text: &str| lines(text).map(str::to_owned).collect();
    Some(Affected {
        ecosystem: ecosystem.to_owned(),
        name: name.to_owned(),
        ranges: ranges.into_iter().map(|range| range.into_iter().map(Event::owned).collect()).collect(),
        versions: list(versions),
        fixed: list(fixed),
        binary,
        unaffected,
    })
}

fn joined(head: Head, affected: Vec<Affected>) -> Advisory {
    Advisory {
        id: head.id,
        aliases: head.aliases,
        severity: head.severity,
        cvss_tenths: head.cvss_tenths,
        known_exploited: head.known_exploited,
        epss_ppm: head.epss_ppm,
        summary: head.summary,
        url: head.url,
        modified: Timestamp::from_unix(head.modified),
        affected,
        unrated: head.unrated,
        malicious: head.malicious,
    }
}
