//! Reads files of advisories into one feed. A record that is broken is kept out, counted and named; the rest goes in.
//! Records wait in a spool (a file, as a rule), so that memory does not grow with them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};

use bytes::Bytes;
use lockgate_model::{Digest, Severity, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::source::{Document, Rated, alpine, by_score, csaf, debian, eol, epss, kev, osv};
use super::writer::FeedWriter;
use super::{Advisory, FeedError, FeedHeader, record};
use crate::limits;

/// A record that was kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// File, and line or entry.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What became of everything that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedSummary {
    /// What the feed says about itself.
    pub header: FeedHeader,
    /// Records that were withdrawn by their publisher.
    pub withdrawn: u64,
    /// Records that were kept out.
    pub refused_count: u64,
    /// The first of them.
    pub refused: Vec<Refused>,
    /// CVEs known to be exploited, read from CISA's catalogue.
    pub kev_read: u64,
    /// CVEs with a probability of exploitation, read from EPSS.
    pub epss_read: u64,
}

/// A record in the spool.
struct Spooled {
    place: u64,
    length: usize,
    modified: Timestamp,
    rated: bool,
}

/// Collects records and makes a feed of them.
pub struct FeedBuilder<S = Cursor<Vec<u8>>> {
    spool: S,
    written: u64,
    records: BTreeMap<String, Spooled>,
    /// The worst score that anyone gave a CVE, for advisories that have none of their own.
    scores: BTreeMap<String, u8>,
    kev: BTreeSet<String>,
    epss: BTreeMap<String, u32>,
    end_of_life: BTreeMap<String, Timestamp>,
    withdrawn: u64,
    refused_count: u64,
    refused: Vec<Refused>,
}

/// What a file begins with.
const ZIP: &[u8] = b"PK\x03\x04";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const GZIP: &[u8] = b"\x1f\x8b";
/// What the header of a tar has at that place, and its length in bytes (POSIX, "ustar Interchange Format").
const TAR_MAGIC: &[u8] = b"ustar";
const TAR_MAGIC_AT: usize = 257;
const TAR_HEADER: u64 = 512;

impl FeedBuilder {
    /// Nothing read yet; records wait in memory.
    pub fn new() -> Self {
        Self::spooled(Cursor::default())
    }

    /// The feed, and what became of everything that was read.
    pub fn finish(self) -> Result<(Vec<u8>, FeedSummary), FeedError> {
        let mut bytes = Vec::new();
        let (_, summary) = self.write(&mut bytes)?;
        Ok((bytes, summary))
    }
}

impl Default for FeedBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Read + Write + Seek> FeedBuilder<S> {
    /// Nothing read yet; records wait in `spool`, which is empty.
    pub fn spooled(spool: S) -> Self {
        Self {
            spool,
            written: 0,
            records: BTreeMap::new(),
            scores: BTreeMap::new(),
            kev: BTreeSet::new(),
            epss: BTreeMap::new(),
            end_of_life: BTreeMap::new(),
            withdrawn: 0,
            refused_count: 0,
            refused: Vec::new(),
        }
    }

    /// Reads a file called `name`, plain, or compressed with zip, zstd or gzip: OSV records and CSAF documents (one, a
    /// list, or lines; in a tar too), Debian's tracker, Alpine's secdb, KEV, EPSS, endoflife.date. What it is is told by its content. `modified` is
    /// the date of what has none of its own.
    pub fn add(
        &mut self,
        name: &str,
        mut reader: impl Read + Seek,
        modified: Timestamp,
    ) -> Result<(), FeedError> {
        let trouble = |source| FeedError::File { name: name.to_owned(), source };
        let mut start = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut start).map_err(trouble)?;
        reader.rewind().map_err(trouble)?;
        let file = Source { name, modified };
        match start.as_slice() {
            start if start.starts_with(ZIP) => self.zip(&file, reader),
            start if start.starts_with(ZSTD) => {
                let mut decoder = zstd::stream::read::Decoder::new(reader).map_err(trouble)?;
                decoder.window_log_max(limits::ZSTD_WINDOW_LOG).map_err(trouble)?;
                self.text(&file, BufReader::with_capacity(1 << 20, decoder))
            }
            start if start.starts_with(GZIP) => {
                let decoder = flate2::bufread::MultiGzDecoder::new(BufReader::new(reader));
                self.text(&file, BufReader::with_capacity(1 << 20, decoder))
            }
            _ => self.text(&file, BufReader::with_capacity(1 << 20, reader)),
        }
    }

    fn zip(&mut self, file: &Source<'_>, reader: impl Read + Seek) -> Result<(), FeedError> {
        let damaged = |error: zip::result::ZipError| file.unknown(format!("a damaged zip: {error}"));
        let mut archive = zip::ZipArchive::new(reader).map_err(damaged)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            if !entry.is_file() || !is_json(&name) {
                continue;
            }
            let place = format!("{}: {name}", file.name);
            let mut bytes = Vec::new();
            match entry.by_ref().take(limits::RECORD_BYTES + 1).read_to_end(&mut bytes) {
                Ok(_) => self.record(&place, &bytes)?,
                Err(error) => self.refuse(&place, &error.to_string()),
            }
        }
        Ok(())
    }

    fn text(&mut self, file: &Source<'_>, mut reader: impl BufRead) -> Result<(), FeedError> {
        let mut start = Vec::new();
        reader.by_ref().take(TAR_HEADER).read_to_end(&mut start).map_err(|error| file.trouble(error))?;
        let is_tar = start.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(TAR_MAGIC));
        let reader = Cursor::new(start).chain(reader);
        if is_tar { self.tar(file, reader) } else { self.lines(file, reader) }
    }

    /// Records in a tar. Its entries are taken as they lie: names that are too long for them are in messages only.
    fn tar(&mut self, file: &Source<'_>, reader: impl Read) -> Result<(), FeedError> {
        let mut archive = tar::Archive::new(reader);
        let entries = archive.entries().map_err(|error| file.trouble(error))?.raw(true);
        for (index, entry) in entries.enumerate() {
            let mut entry = entry.map_err(|error| file.trouble(error))?;
            if index >= limits::ARCHIVE_RECORDS {
                return Err(file.unknown(format!("more than {} files", limits::ARCHIVE_RECORDS)));
            }
            let place = format!("{}: {}", file.name, String::from_utf8_lossy(&entry.path_bytes()));
            let mut bytes = Vec::new();
            if !entry.header().entry_type().is_file() {
                continue;
            }
            entry
                .by_ref()
                .take(limits::RECORD_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| file.trouble(error))?;
            if bytes.trim_ascii_start().starts_with(b"{") {
                self.record(&place, &bytes)?;
            }
        }
        Ok(())
    }

    fn lines(&mut self, file: &Source<'_>, mut reader: impl BufRead) -> Result<(), FeedError> {
        let mut line = Vec::new();
        read_line(&mut reader, &mut line).map_err(|error| file.trouble(error))?;
        if line.starts_with(b"#") || line.starts_with(b"cve,") {
            return self.epss(file, line, reader);
        }
        // Lines of records: the first line is a whole record, and more follows.
        let first = serde_json::from_slice::<Value>(&line).ok().and_then(|value| Document::of(&value));
        if matches!(first, Some(Document::Osv | Document::Csaf)) {
            let mut number = 1_u64;
            while !line.is_empty() {
                if !line.trim_ascii().is_empty() {
                    self.record(&format!("{}: line {number}", file.name), &line)?;
                }
                line.clear();
                read_line(&mut reader, &mut line).map_err(|error| file.trouble(error))?;
                number += 1;
            }
            return Ok(());
        }
        reader
            .take(limits::DOCUMENT_BYTES + 1)
            .read_to_end(&mut line)
            .map_err(|error| file.trouble(error))?;
        if line.len() as u64 > limits::DOCUMENT_BYTES {
            return Err(file.unknown(format!("one document of more than {} bytes", limits::DOCUMENT_BYTES)));
        }
        self.document(file, &line)
    }

    /// One JSON document.
    fn document(&mut self, file: &Source<'_>, bytes: &[u8]) -> Result<(), FeedError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| file.unknown(error.to_string()))?;
        match Document::of(&value) {
            Some(Document::Osv | Document::Csaf) => self.record(file.name, bytes)?,
            Some(Document::List) => {
                for (index, entry) in value.as_array().into_iter().flatten().enumerate() {
                    self.record(&format!("{}: [{index}]", file.name), entry.to_string().as_bytes())?;
                }
            }
            Some(Document::Kev) => {
                for cve in kev::read(&value) {
                    match cve {
                        Ok(cve) => drop(self.kev.insert(cve)),
                        Err(at) => {
                            self.refuse(
                                &format!("{}: vulnerabilities[{at}]", file.name),
                                "it has no `cveID`",
                            );
                        }
                    }
                }
            }
            Some(Document::Alpine) => {
                for rated in alpine::read(&value, file.modified) {
                    self.keep(&rated)?;
                }
            }
            Some(Document::Debian) => {
                for rated in debian::read(&value, file.modified) {
                    self.keep(&rated)?;
                }
            }
            Some(Document::EndOfLife) => self.end_of_life.extend(eol::read(&value)),
            None => return Err(file.unknown("JSON of another shape".to_owned())),
        }
        Ok(())
    }

    fn epss(&mut self, file: &Source<'_>, first: Vec<u8>, mut reader: impl BufRead) -> Result<(), FeedError> {
        let (mut line, mut number, mut headed) = (first, 1_u64, false);
        while !line.is_empty() {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            headed |= text.starts_with("cve,");
            if !(text.is_empty() || text.starts_with('#') || text.starts_with("cve,")) {
                if !headed {
                    let reason = format!("line {number} is not the `cve,epss,...` that EPSS begins with");
                    return Err(file.unknown(reason));
                }
                if let Some((cve, ppm)) = epss::line(text) {
                    self.epss.insert(cve, ppm);
                } else {
                    let place = format!("{}: line {number}", file.name);
                    self.refuse(&place, "it is not `cve,epss,percentile`");
                }
            }
            line.clear();
            read_line(&mut reader, &mut line).map_err(|error| file.trouble(error))?;
            number += 1;
        }
        Ok(())
    }

    fn record(&mut self, place: &str, bytes: &[u8]) -> Result<(), FeedError> {
        if bytes.len() as u64 > limits::RECORD_BYTES {
            self.refuse(place, &format!("it has more than {} bytes", limits::RECORD_BYTES));
            return Ok(());
        }
        match osv::read(bytes) {
            Ok(osv::Read::Withdrawn) => self.withdrawn += 1,
            Ok(osv::Read::Advisory(rated)) => self.keep(&rated)?,
            Err(_) if csaf::is_csaf(bytes) => self.csaf(place, bytes)?,
            Err(reason) => self.refuse(place, &reason),
        }
        Ok(())
    }

    fn csaf(&mut self, place: &str, bytes: &[u8]) -> Result<(), FeedError> {
        match csaf::read(bytes) {
            Ok(read) => {
                self.withdrawn += read.withdrawn;
                for (part, reason) in &read.refused {
                    self.refuse(&format!("{place}: {part}"), reason);
                }
                read.advisories.iter().try_for_each(|rated| self.keep(rated))?;
            }
            Err(reason) => self.refuse(place, &reason),
        }
        Ok(())
    }

    /// Spools a record. Of two with one id the later one counts; two of one date are parts of one, as in dumps that
    /// are split by ecosystem. Their order does not matter.
    fn keep(&mut self, rated: &Rated) -> Result<(), FeedError> {
        let Rated { advisory, rated } = rated;
        match self.records.get(&advisory.id).map(|other| other.modified.cmp(&advisory.modified)) {
            Some(Ordering::Greater) => return Ok(()),
            Some(Ordering::Equal) => {
                let (other, other_rated) = self.spooled_record(&advisory.id)?;
                if other != *advisory {
                    return self.put(&merged(&other, advisory), *rated || other_rated);
                }
            }
            Some(Ordering::Less) | None => return self.put(advisory, *rated),
        }
        Ok(())
    }

    fn put(&mut self, advisory: &Advisory, rated: bool) -> Result<(), FeedError> {
        if let Some(tenths) = advisory.cvss_tenths {
            let names = std::iter::once(&advisory.id).chain(&advisory.aliases);
            for cve in names.filter(|name| name.starts_with("CVE-")) {
                let score = self.scores.entry(cve.clone()).or_default();
                *score = tenths.max(*score);
            }
        }
        let bytes = record::write(advisory).map_err(FeedError::Damaged)?;
        self.spool.write_all(&bytes).map_err(spool)?;
        let (place, length) = (self.written, bytes.len());
        self.written += length as u64;
        let spooled = Spooled { place, length, modified: advisory.modified, rated };
        self.records.insert(advisory.id.clone(), spooled);
        Ok(())
    }

    /// The record that waits under `id`, and whether it was rated; the spool is at its end again.
    fn spooled_record(&mut self, id: &str) -> Result<(Advisory, bool), FeedError> {
        let Some(spooled) = self.records.get(id) else {
            return Err(spool(io::Error::other("it lost a record")));
        };
        let (place, length, rated) = (spooled.place, spooled.length, spooled.rated);
        let bytes = Bytes::from(self.read_spool(place, length)?);
        let (advisory, _) = record::read_whole(&bytes, 0).ok_or_else(damaged)?;
        self.spool.seek(SeekFrom::Start(self.written)).map_err(spool)?;
        Ok((advisory, rated))
    }

    fn read_spool(&mut self, place: u64, length: usize) -> Result<Vec<u8>, FeedError> {
        let mut bytes = vec![0; length];
        self.spool.seek(SeekFrom::Start(place)).map_err(spool)?;
        self.spool.read_exact(&mut bytes).map_err(spool)?;
        Ok(bytes)
    }

    fn refuse(&mut self, place: &str, reason: &str) {
        self.refused_count += 1;
        if self.refused.len() < limits::REFUSED_NAMED {
            let reason = reason.chars().take(200).collect();
            self.refused.push(Refused { place: place.to_owned(), reason });
        }
    }

    /// Writes the feed to `out`; its digest, and what became of everything that was read.
    pub fn write(mut self, out: impl Write) -> Result<(Digest, FeedSummary), FeedError> {
        let mut writer = FeedWriter::new(out)?;
        self.spool.flush().map_err(spool)?;
        for spooled in std::mem::take(&mut self.records).values() {
            writer.add_record(&self.completed(spooled)?)?;
        }
        let (digest, header) = writer.finish(self.end_of_life)?;
        let summary = FeedSummary {
            header,
            withdrawn: self.withdrawn,
            refused_count: self.refused_count,
            refused: self.refused,
            kev_read: self.kev.len() as u64,
            epss_read: self.epss.len() as u64,
        };
        Ok((digest, summary))
    }

    /// A record with what others know about the hole.
    fn completed(&mut self, spooled: &Spooled) -> Result<Vec<u8>, FeedError> {
        let bytes = self.read_spool(spooled.place, spooled.length)?;
        let mut head = record::head(&bytes).ok_or_else(damaged)?;
        let epss = head.names().filter_map(|name| self.epss.get(name)).max().copied();
        let exploited = head.names().any(|name| self.kev.contains(name));
        // The word of its own source counts for more than a score that others gave.
        let score = head.names().filter_map(|name| self.scores.get(name)).max().filter(|_| !spooled.rated);
        let score = score.copied();
        if epss.is_none() && !exploited && score.is_none() {
            return Ok(bytes);
        }
        head.epss_ppm = epss;
        if let Some(tenths) = score {
            head.cvss_tenths = Some(tenths);
            head.severity = by_score(tenths);
        }
        if exploited {
            head.known_exploited = true;
            head.severity = Severity::Critical;
        }
        record::with_head(&bytes, &head).ok_or_else(damaged)
    }
}

fn damaged() -> FeedError {
    spool(io::Error::other("a record is damaged"))
}

/// Two parts of one record.
fn merged(one: &Advisory, other: &Advisory) -> Advisory {
    let mut whole = one.max(other).clone();
    let lesser = one.min(other);
    whole.aliases.extend(lesser.aliases.iter().cloned());
    whole.aliases.sort();
    whole.aliases.dedup();
    whole.severity = whole.severity.max(lesser.severity);
    whole.cvss_tenths = whole.cvss_tenths.max(lesser.cvss_tenths);
    if whole.summary.is_empty() {
        whole.summary.clone_from(&lesser.summary);
    }
    whole.url = whole.url.or_else(|| lesser.url.clone());
    whole.affected.extend(lesser.affected.iter().cloned());
    whole.affected.sort();
    whole.affected.dedup();
    whole
}

/// A file being read.
struct Source<'a> {
    name: &'a str,
    modified: Timestamp,
}

impl Source<'_> {
    fn trouble(&self, source: io::Error) -> FeedError {
        FeedError::File { name: self.name.to_owned(), source }
    }

    fn unknown(&self, reason: String) -> FeedError {
        FeedError::Unknown { name: self.name.to_owned(), reason }
    }
}

fn spool(source: io::Error) -> FeedError {
    FeedError::File { name: "the spool of the import".to_owned(), source }
}

fn is_json(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
}

/// One line of at most a record's length and what follows of it; a longer one is cut, and then refused as JSON.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    reader.take(limits::RECORD_BYTES + 2).read_until(b'\n', line).map(drop)
}
