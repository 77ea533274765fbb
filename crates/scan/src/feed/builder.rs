//! Reads OSV, CISA KEV and EPSS files into one feed. A record that is broken is kept out, counted and named; the
//! rest goes in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Seek};

use lockgate_model::{Severity, Timestamp, canon};
use serde::Serialize;
use serde_json::Value;

use super::osv::{self, Read as Became};
use super::{Advisory, FORMAT, FeedError, FeedHeader};
use crate::limits;
use crate::version::family;

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

/// Collects records and makes a feed of them.
#[derive(Debug, Default)]
pub struct FeedBuilder {
    advisories: BTreeMap<String, Advisory>,
    kev: BTreeSet<String>,
    epss: BTreeMap<String, u32>,
    withdrawn: u64,
    refused_count: u64,
    refused: Vec<Refused>,
}

/// What a file begins with.
const ZIP: &[u8] = b"PK\x03\x04";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const GZIP: &[u8] = b"\x1f\x8b";

impl FeedBuilder {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file called `name`: a zip of OSV records, one record, lines of records, KEV or EPSS, each of the
    /// latter plain or compressed with zstd or gzip. What it is is told by its content.
    pub fn add(&mut self, name: &str, mut reader: impl Read + Seek) -> Result<(), FeedError> {
        let trouble = |source| FeedError::File { name: name.to_owned(), source };
        let mut start = [0; 4];
        let read = read_start(&mut reader, &mut start).map_err(trouble)?;
        reader.rewind().map_err(trouble)?;
        match start.get(..read).unwrap_or_default() {
            start if start.starts_with(ZIP) => self.zip(name, reader),
            start if start.starts_with(ZSTD) => {
                let mut decoder = zstd::stream::read::Decoder::new(reader).map_err(trouble)?;
                decoder.window_log_max(limits::ZSTD_WINDOW_LOG).map_err(trouble)?;
                self.text(name, BufReader::with_capacity(1 << 20, decoder))
            }
            start if start.starts_with(GZIP) => {
                let decoder = flate2::bufread::MultiGzDecoder::new(BufReader::new(reader));
                self.text(name, BufReader::with_capacity(1 << 20, decoder))
            }
            _ => self.text(name, BufReader::with_capacity(1 << 20, reader)),
        }
    }

    fn zip(&mut self, name: &str, reader: impl Read + Seek) -> Result<(), FeedError> {
        let damaged = |error: zip::result::ZipError| FeedError::Unknown {
            name: name.to_owned(),
            reason: format!("a damaged zip: {error}"),
        };
        let mut archive = zip::ZipArchive::new(reader).map_err(damaged)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(damaged)?;
            let entry_name = entry.name().map_err(damaged)?.into_owned();
            if !entry.is_file() || !is_json(&entry_name) {
                continue;
            }
            let place = format!("{name}: {entry_name}");
            let mut bytes = Vec::new();
            match entry.by_ref().take(limits::RECORD_BYTES + 1).read_to_end(&mut bytes) {
                Ok(_) => self.record(&place, &bytes),
                Err(error) => self.refuse(&place, &error.to_string()),
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str, mut reader: impl BufRead) -> Result<(), FeedError> {
        let mut line = Vec::new();
        let trouble = |source| FeedError::File { name: name.to_owned(), source };
        read_line(&mut reader, &mut line).map_err(trouble)?;
        if line.starts_with(b"#") || line.starts_with(b"cve,") {
            return self.epss(name, &line, reader);
        }
        // Lines of records: the first line is a whole document.
        if serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok() && !is_catalogue(&line) {
            let mut number = 1_u64;
            while !line.is_empty() {
                if !line.trim_ascii().is_empty() {
                    self.record(&format!("{name}: line {number}"), &line);
                }
                line.clear();
                read_line(&mut reader, &mut line).map_err(trouble)?;
                number += 1;
            }
            return Ok(());
        }
        reader.take(limits::RECORD_BYTES * 8).read_to_end(&mut line).map_err(trouble)?;
        self.document(name, &line)
    }

    /// One JSON document: a record, a list of records, or CISA's catalogue.
    fn document(&mut self, name: &str, bytes: &[u8]) -> Result<(), FeedError> {
        let unknown = |reason: String| FeedError::Unknown { name: name.to_owned(), reason };
        let value: Value = serde_json::from_slice(bytes).map_err(|error| unknown(error.to_string()))?;
        if let Some(list) = value.get("vulnerabilities").and_then(Value::as_array) {
            for (index, entry) in list.iter().enumerate() {
                match entry.get("cveID").and_then(Value::as_str) {
                    Some(cve) => drop(self.kev.insert(cve.to_owned())),
                    None => self.refuse(&format!("{name}: vulnerabilities[{index}]"), "it has no `cveID`"),
                }
            }
            return Ok(());
        }
        match value {
            Value::Array(list) => {
                for (index, entry) in list.iter().enumerate() {
                    self.record(&format!("{name}: [{index}]"), entry.to_string().as_bytes());
                }
                Ok(())
            }
            Value::Object(object) if object.contains_key("id") => {
                self.record(name, bytes);
                Ok(())
            }
            _ => Err(unknown("JSON of another shape".to_owned())),
        }
    }

    fn epss(&mut self, name: &str, first: &[u8], mut reader: impl BufRead) -> Result<(), FeedError> {
        let (mut line, mut number, mut headed) = (first.to_vec(), 1_u64, false);
        while !line.is_empty() {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            headed |= text.starts_with("cve,");
            if !(text.is_empty() || text.starts_with('#') || text.starts_with("cve,")) {
                if !headed {
                    let reason = format!("line {number} is not the `cve,epss,...` that EPSS begins with");
                    return Err(FeedError::Unknown { name: name.to_owned(), reason });
                }
                match epss_line(text) {
                    Some((cve, ppm)) => drop(self.epss.insert(cve, ppm)),
                    None => self.refuse(&format!("{name}: line {number}"), "it is not `cve,epss,percentile`"),
                }
            }
            line.clear();
            let read = read_line(&mut reader, &mut line);
            read.map_err(|source| FeedError::File { name: name.to_owned(), source })?;
            number += 1;
        }
        Ok(())
    }

    fn record(&mut self, place: &str, bytes: &[u8]) {
        if bytes.len() as u64 > limits::RECORD_BYTES {
            self.refuse(place, &format!("it has more than {} bytes", limits::RECORD_BYTES));
            return;
        }
        match osv::read(bytes) {
            Ok(Became::Withdrawn) => self.withdrawn += 1,
            Ok(Became::Advisory(advisory)) => self.keep(*advisory),
            Err(reason) => self.refuse(place, &reason),
        }
    }

    /// Of two records with one id the later one counts, whatever their order.
    fn keep(&mut self, advisory: Advisory) {
        let other = self.advisories.get(&advisory.id);
        let newer = |other: &Advisory| (advisory.modified, &advisory) > (other.modified, other);
        if other.is_none_or(newer) {
            self.advisories.insert(advisory.id.clone(), advisory);
        }
    }

    fn refuse(&mut self, place: &str, reason: &str) {
        self.refused_count += 1;
        if self.refused.len() < limits::REFUSED_NAMED {
            let reason = reason.chars().take(200).collect();
            self.refused.push(Refused { place: place.to_owned(), reason });
        }
    }

    /// The feed, and what became of everything that was read.
    pub fn finish(mut self) -> (Vec<u8>, FeedSummary) {
        for advisory in self.advisories.values_mut() {
            let names = || std::iter::once(&advisory.id).chain(&advisory.aliases);
            advisory.epss_ppm = names().filter_map(|name| self.epss.get(name)).max().copied();
            if names().any(|name| self.kev.contains(name)) {
                advisory.known_exploited = true;
                advisory.severity = Severity::Critical;
            }
        }
        let (bytes, header) = write(&self.advisories);
        let summary = FeedSummary {
            header,
            withdrawn: self.withdrawn,
            refused_count: self.refused_count,
            refused: self.refused,
            kev_read: self.kev.len() as u64,
            epss_read: self.epss.len() as u64,
        };
        (bytes, summary)
    }
}

fn write(advisories: &BTreeMap<String, Advisory>) -> (Vec<u8>, FeedHeader) {
    let mut records = Vec::new();
    let mut index: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let mut ecosystems: BTreeMap<String, u64> = BTreeMap::new();
    for advisory in advisories.values() {
        let Ok(bytes) = canon::to_bytes(advisory) else { continue };
        let start = records.len();
        records.extend(bytes);
        let place = format!("{start}-{}", records.len());
        records.push(b'\n');
        let names: BTreeSet<_> =
            advisory.affected.iter().map(|one| (family(&one.ecosystem), one.name.as_str())).collect();
        let families: BTreeSet<_> = names.iter().map(|(family, _)| *family).collect();
        for family in families {
            *ecosystems.entry(family.to_owned()).or_default() += 1;
        }
        for name in names {
            index.entry(name).or_default().push(place.clone());
        }
    }
    let writable = |text: &str| !text.contains(['\t', '\n']);
    let mut lines = String::new();
    for ((family, name), places) in index {
        if writable(family) && writable(name) {
            lines.push_str(&format!("{family}\t{name}\t{}\n", places.join(" ")));
        }
    }
    let header = FeedHeader {
        format: FORMAT.to_owned(),
        advisories: advisories.len() as u64,
        ecosystems,
        known_exploited: advisories.values().filter(|advisory| advisory.known_exploited).count() as u64,
        newest: advisories.values().map(|one| one.modified).max().unwrap_or(Timestamp::from_unix(0)),
        index_bytes: lines.len() as u64,
    };
    let mut bytes = canon::to_bytes(&header).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend(lines.into_bytes());
    bytes.extend(records);
    (bytes, header)
}

fn is_json(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
}

/// Whether a document on one line is CISA's catalogue or a list.
fn is_catalogue(line: &[u8]) -> bool {
    let value = serde_json::from_slice::<Value>(line).unwrap_or_default();
    value.is_array() || value.get("vulnerabilities").is_some()
}

fn epss_line(text: &str) -> Option<(String, u32)> {
    let mut fields = text.split(',');
    let (cve, score) = (fields.next()?, fields.next()?.trim().parse::<f64>().ok()?);
    if !cve.starts_with("CVE-") || !(0.0..=1.0).contains(&score) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the score is 0 to 1")]
    let ppm = (score * 1_000_000.0).round() as u32;
    Some((cve.to_owned(), ppm))
}

fn read_start(reader: &mut impl Read, start: &mut [u8; 4]) -> std::io::Result<usize> {
    let mut bytes = Vec::new();
    reader.take(4).read_to_end(&mut bytes)?;
    for (to, from) in start.iter_mut().zip(&bytes) {
        *to = *from;
    }
    Ok(bytes.len())
}

/// One line of at most a record's length and what follows of it; a longer one is cut, and then refused as JSON.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    reader.take(limits::RECORD_BYTES + 2).read_until(b'\n', line).map(drop)
}
