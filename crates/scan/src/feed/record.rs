//! How one advisory lies in a feed: a head, and apart from it what it says about each package, so that a search reads
//! no more than it needs. Both are postcard, each after its length.

use serde::{Deserialize, Serialize};

use super::{Advisory, Affected, RangeEvent};
use lockgate_model::{Severity, Timestamp};

/// Bytes of a length.
const LENGTH: usize = 4;

/// An advisory without its packages.
#[derive(Serialize, Deserialize)]
struct Head {
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

/// What an advisory says about one package.
#[derive(Serialize, Deserialize)]
struct Part {
    ecosystem: String,
    name: String,
    ranges: Vec<Vec<RangeEvent>>,
    versions: Vec<String>,
    fixed: Vec<String>,
}

/// Adds a record to `bytes`; gives back where each of its packages begins, counted from the record.
pub(super) fn write(advisory: &Advisory, bytes: &mut Vec<u8>) -> Result<Vec<usize>, String> {
    let start = bytes.len();
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
    put(&head, bytes)?;
    bytes.extend(u32::try_from(advisory.affected.len()).map_err(|_| "too many packages")?.to_le_bytes());
    let mut places = Vec::new();
    for one in &advisory.affected {
        places.push(bytes.len() - start);
        let part = Part {
            ecosystem: one.ecosystem.clone(),
            name: one.name.clone(),
            ranges: one.ranges.clone(),
            versions: one.versions.clone(),
            fixed: one.fixed.clone(),
        };
        put(&part, bytes)?;
    }
    Ok(places)
}

fn put(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<(), String> {
    let encoded = postcard::to_allocvec(value).map_err(|error| error.to_string())?;
    bytes.extend(u32::try_from(encoded.len()).map_err(|_| "it is too large")?.to_le_bytes());
    bytes.extend(encoded);
    Ok(())
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(LENGTH)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?) as usize)
}

/// The value that begins at `at`, and where it ends.
fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8], at: usize) -> Option<(T, usize)> {
    let end = at.checked_add(LENGTH)?.checked_add(length(bytes, at)?)?;
    Some((postcard::from_bytes(bytes.get(at + LENGTH..end)?).ok()?, end))
}

/// The advisory whose record begins at `at`, with the packages that begin at `parts`.
pub(super) fn read(bytes: &[u8], at: usize, parts: impl IntoIterator<Item = usize>) -> Option<Advisory> {
    let (head, _) = take::<Head>(bytes, at)?;
    let affected = parts.into_iter().map(|part| Some(whole(take::<Part>(bytes, part)?.0)));
    Some(joined(head, affected.collect::<Option<_>>()?))
}

/// The package that begins at `at`.
pub(super) fn part(bytes: &[u8], at: usize) -> Option<Affected> {
    take::<Part>(bytes, at).map(|(part, _)| whole(part))
}

/// The advisory whose record begins at `at`, whole, and where the record ends.
pub(super) fn read_whole(bytes: &[u8], at: usize) -> Option<(Advisory, usize)> {
    let (head, mut at) = take::<Head>(bytes, at)?;
    let count = length(bytes, at)?;
    at += LENGTH;
    let mut affected = Vec::new();
    for _ in 0..count {
        let (part, end) = take::<Part>(bytes, at)?;
        affected.push(whole(part));
        at = end;
    }
    Some((joined(head, affected), at))
}

fn whole(part: Part) -> Affected {
    let Part { ecosystem, name, ranges, versions, fixed } = part;
    Affected { ecosystem, name, ranges, versions, fixed }
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
    }
}
