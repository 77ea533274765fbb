//! Reads files of advisories into one feed. A record that is broken is kept out, counted and named; the rest goes in. A
//! file that is cut off is an error.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, Write};

use lockgate_model::feed::FeedOrigin;
use lockgate_model::{Digest, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::collect::Collected;
use super::source::{Document, Rated, UNDATED, alpine, csaf, debian, eol, epss, kev, osv};
use super::{Feed, FeedError, FeedHeader};
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
    /// Records of others that are left out, or cut, because whoever numbers what they repeat withdrew it.
    pub withdrawn_elsewhere: u64,
    /// Records that were kept out.
    pub refused_count: u64,
    /// The first of them.
    pub refused: Vec<Refused>,
    /// CVEs known to be exploited, read from CISA's catalogue.
    pub kev_read: u64,
    /// CVEs with a probability of exploitation, read from EPSS.
    pub epss_read: u64,
}

/// Collects records and makes a feed of them.
pub struct FeedBuilder<S = Cursor<Vec<u8>>> {
    collected: Collected<S>,
    /// The source of what is read; each file is one of its own before somebody says so.
    origin: Option<FeedOrigin>,
    /// Sources of which something was read here.
    read: BTreeSet<String>,
    withdrawn: u64,
    refused_count: u64,
    refused: Vec<Refused>,
}

/// Whether an advisory's name is that of a malicious package (github.com/ossf/malicious-packages).
pub fn is_malicious(name: &str) -> bool {
    name.starts_with("MAL-")
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
    /// Nothing read yet; records wait in memory. `now` is the instant of the import: what says that it is of a later one is
    /// not believed.
    pub fn new(now: Timestamp) -> Self {
        Self::spooled(Cursor::default(), now)
    }

    /// The feed, and what became of everything that was read.
    pub fn finish(self) -> Result<(Vec<u8>, FeedSummary), FeedError> {
        let mut bytes = Vec::new();
        let (_, summary) = self.write(&mut bytes)?;
        Ok((bytes, summary))
    }
}

impl<S: Read + Write + Seek> FeedBuilder<S> {
    /// As [`FeedBuilder::new`]; records wait in `spool`, which is empty.
    pub fn spooled(spool: S, now: Timestamp) -> Self {
        Self {
            collected: Collected::new(spool, now),
            origin: None,
            read: BTreeSet::new(),
            withdrawn: 0,
            refused_count: 0,
            refused: Vec::new(),
        }
    }

    /// Begins with what `feed` has, but for the sources in `without`: they are gone, or read anew.
    ///
    /// Errors: it is damaged, or of a format that does not remember its sources.
    pub fn carry(&mut self, feed: &Feed, without: &BTreeSet<String>) -> Result<(), FeedError> {
        if !feed.remembers_sources() {
            return Err(FeedError::Earlier);
        }
        self.collected.carry(feed, |source| !without.contains(source), |_, _| true)
    }

    /// What is added from now on is of this source.
    pub fn source(&mut self, origin: FeedOrigin) {
        self.origin = Some(origin);
    }

    /// Reads a file called `name`, plain, or compressed with zip, zstd or gzip: OSV records and CSAF documents (one, a
    /// list, or lines; in a tar too), Debian's tracker, Alpine's secdb, KEV, EPSS, endoflife.date. What it is is told by its
    /// content.
    ///
    /// Errors: it is none of these, or cut off: what is left of it would look like all of it.
    pub fn add(&mut self, name: &str, mut reader: impl Read + Seek) -> Result<(), FeedError> {
        let trouble = |source| FeedError::File { name: name.to_owned(), source };
        let mut start = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut start).map_err(trouble)?;
        reader.rewind().map_err(trouble)?;
        let own = || FeedOrigin { name: name.to_owned(), fetched: None, claimed: false };
        let origin = self.origin.clone().unwrap_or_else(own);
        let file = Source { name, place: self.collected.source(&origin) };
        self.read.insert(origin.name);
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
                Ok(_) => self.record(file, &place, &bytes)?,
                Err(error) => self.refuse(file, &place, &error.to_string()),
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
        let mut reader = Tail { reader, last: [1; TAR_BLOCK], at: 0 };
        let mut archive = tar::Archive::new(&mut reader);
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
                self.record(file, &place, &bytes)?;
            }
        }
        // POSIX, "ustar Interchange Format": blocks of zeros say that there is no more.
        if reader.last.iter().any(|byte| *byte != 0) {
            return Err(file.unknown("it is cut off: a tar ends with blocks of zeros".to_owned()));
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
                    if !line.ends_with(b"\n") && is_cut(&line) {
                        return Err(file.unknown(format!("it is cut off: line {number} ends in the middle")));
                    }
                    self.record(file, &format!("{}: line {number}", file.name), &line)?;
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
            Some(Document::Osv | Document::Csaf) => self.record(file, file.name, bytes)?,
            Some(Document::List) => {
                for (index, entry) in value.as_array().into_iter().flatten().enumerate() {
                    let place = format!("{}: [{index}]", file.name);
                    self.record(file, &place, entry.to_string().as_bytes())?;
                }
            }
            Some(Document::Kev) => self.kev(file, &value),
            Some(Document::Alpine) => {
                self.collected.dated(file.place, None);
                alpine::read(&value).into_iter().try_for_each(|rated| self.keep(file, rated))?;
            }
            Some(Document::Debian) => {
                self.collected.dated(file.place, None);
                debian::read(&value).try_for_each(|rated| self.keep(file, rated))?;
            }
            Some(Document::EndOfLife) => {
                self.collected.dated(file.place, eol::generated(&value));
                for (release, day) in eol::read(&value) {
                    self.collected.facts(file.place).ends(release, day);
                }
            }
            None => return Err(file.unknown("JSON of another shape".to_owned())),
        }
        Ok(())
    }

    fn kev(&mut self, file: &Source<'_>, value: &Value) {
        self.collected.dated(file.place, kev::released(value));
        for cve in kev::read(value) {
            match cve {
                Ok(cve) => self.collected.facts(file.place).exploited(&cve),
                Err(at) => {
                    let place = format!("{}: vulnerabilities[{at}]", file.name);
                    self.refuse(file, &place, "it has no `cveID`");
                }
            }
        }
    }

    fn epss(&mut self, file: &Source<'_>, first: Vec<u8>, mut reader: impl BufRead) -> Result<(), FeedError> {
        let (mut line, mut number, mut headed, mut date) = (first, 1_u64, false, None);
        while !line.is_empty() {
            let text = String::from_utf8_lossy(&line);
            let whole = text.ends_with('\n');
            let text = text.trim();
            headed |= text.starts_with("cve,");
            date = date.or_else(|| epss::score_date(text));
            if !(text.is_empty() || text.starts_with('#') || text.starts_with("cve,")) {
                if !headed {
                    let reason = format!("line {number} is not the `cve,epss,...` that EPSS begins with");
                    return Err(file.unknown(reason));
                }
                if !whole && text.split(',').count() < 3 {
                    return Err(file.unknown(format!("it is cut off: line {number} ends in the middle")));
                }
                if let Some((cve, ppm)) = epss::line(text) {
                    self.collected.facts(file.place).probability(&cve, ppm);
                } else {
                    let place = format!("{}: line {number}", file.name);
                    self.refuse(file, &place, "it is not `cve,epss,percentile`");
                }
            }
            line.clear();
            read_line(&mut reader, &mut line).map_err(|error| file.trouble(error))?;
            number += 1;
        }
        self.collected.dated(file.place, date);
        Ok(())
    }

    fn record(&mut self, file: &Source<'_>, place: &str, bytes: &[u8]) -> Result<(), FeedError> {
        // When a record was changed says nothing about when the others were fetched.
        self.collected.dated(file.place, None);
        if bytes.len() as u64 > limits::RECORD_BYTES {
            self.refuse(file, place, &format!("it has more than {} bytes", limits::RECORD_BYTES));
            return Ok(());
        }
        match osv::read(bytes) {
            Ok(osv::Read::Withdrawn(record)) => {
                self.withdrawn += 1;
                let modified = record.modified.map(|modified| self.collected.date(file.place, modified));
                self.collected.facts(file.place).withdrawn(&record, modified);
            }
            Ok(osv::Read::Advisory(rated)) => self.keep(file, *rated)?,
            Err(_) if csaf::is_csaf(bytes) => self.csaf(file, place, bytes)?,
            Err(reason) => self.refuse(file, place, &reason),
        }
        Ok(())
    }

    fn csaf(&mut self, file: &Source<'_>, place: &str, bytes: &[u8]) -> Result<(), FeedError> {
        match csaf::read(bytes) {
            Ok(read) => {
                self.withdrawn += read.withdrawn;
                for (part, reason) in &read.refused {
                    self.refuse(file, &format!("{place}: {part}"), reason);
                }
                read.advisories.into_iter().try_for_each(|rated| self.keep(file, rated))?;
            }
            Err(reason) => self.refuse(file, place, &reason),
        }
        Ok(())
    }

    fn keep(&mut self, file: &Source<'_>, rated: Rated) -> Result<(), FeedError> {
        let Rated { mut advisory, rated } = rated;
        let named = advisory.names().any(is_malicious);
        advisory.malicious |= named;
        advisory.unrated = !rated;
        if advisory.modified != UNDATED {
            advisory.modified = self.collected.date(file.place, advisory.modified);
        }
        self.collected.keep(file.place, &advisory)
    }

    fn refuse(&mut self, file: &Source<'_>, place: &str, reason: &str) {
        self.collected.refused(file.place);
        self.refused_count += 1;
        if self.refused.len() < limits::REFUSED_NAMED {
            let reason = reason.chars().take(200).collect();
            self.refused.push(Refused { place: place.to_owned(), reason });
        }
    }

    /// Writes the feed to `out`; its digest, and what became of everything that was read.
    pub fn write(self, out: impl Write) -> Result<(Digest, FeedSummary), FeedError> {
        let (kev_read, epss_read) = self.collected.counts(&self.read);
        let (digest, header, withdrawn_elsewhere) = self.collected.write(out)?;
        let summary = FeedSummary {
            header,
            withdrawn: self.withdrawn,
            withdrawn_elsewhere,
            refused_count: self.refused_count,
            refused: self.refused,
            kev_read,
            epss_read,
        };
        Ok((digest, summary))
    }
}

/// A file being read.
struct Source<'a> {
    name: &'a str,
    /// The place of the source that it is of.
    place: u32,
}

impl Source<'_> {
    fn trouble(&self, source: io::Error) -> FeedError {
        FeedError::File { name: self.name.to_owned(), source }
    }

    fn unknown(&self, reason: String) -> FeedError {
        FeedError::Unknown { name: self.name.to_owned(), reason }
    }
}

fn is_json(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
}

/// One line of at most a record's length and what follows of it; a longer one is cut, and then refused as JSON.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    reader.take(limits::RECORD_BYTES + 2).read_until(b'\n', line).map(drop)
}

/// Whether JSON ends before it is whole.
fn is_cut(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// Bytes of a block of a tar.
const TAR_BLOCK: usize = 512;

/// Remembers the last block of what is read through it.
struct Tail<R> {
    reader: R,
    last: [u8; TAR_BLOCK],
    at: usize,
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        for byte in read.iter().rev().take(TAR_BLOCK).rev() {
            if let Some(place) = self.last.get_mut(self.at) {
                *place = *byte;
            }
            self.at = (self.at + 1) % TAR_BLOCK;
        }
        Ok(count)
    }
}
