//! Reads a TOC as runtimes do. Their JSON readers take keys in any case, and the last of two: a TOC with such keys is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufReader, Read};

use data_encoding::BASE64;
use flate2::bufread::MultiGzDecoder;
use lockgate_model::Digest;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Format;
use crate::layer::tar::{MemberKind, TarReader};
use crate::{limits, paths};

/// A table of contents, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toc {
    pub(super) format: Format,
    pub(super) rows: Vec<Row>,
}

/// What a TOC says of one entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its path in one spelling, or as it stands where that leaves the root.
    pub(super) path: Result<String, String>,
    pub(super) kind: MemberKind,
    pub(super) link: String,
    pub(super) size: u64,
    pub(super) mode: u16,
    pub(super) owner: i64,
    pub(super) group: i64,
    pub(super) capability: Option<Vec<u8>>,
    pub(super) digest: Option<Digest>,
    /// The pieces of its content, in order, without gaps; none where only the whole has a digest.
    pub(super) chunks: Vec<Chunk>,
}

/// A piece of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) size: u64,
    /// Nothing where it is zeros.
    pub(super) digest: Option<Digest>,
}

/// The bits of a mode that say rights.
const RIGHTS: i64 = 0o7777;
const CAPABILITY: &str = "security.capability";
/// Attributes by which overlayfs hides what lower layers have (kernel, `overlayfs.rst`, "whiteouts and opaque directories").
const OVERLAY: [&str; 2] = ["trusted.overlay.", "user.overlay."];

impl Toc {
    /// The TOC of zstd:chunked: its checksum is that of the compressed bytes.
    pub(super) fn of_zstd(bytes: &[u8], checksum: &Digest) -> Result<Self, String> {
        if Digest::of(bytes) != *checksum {
            return Err("its bytes have another digest than the annotation says".to_owned());
        }
        Self::parse(Format::ZstdChunked, decoder(bytes).map_err(unreadable)?)
    }

    /// The TOC of zstd:chunked, by the digest of what it is uncompressed.
    pub(super) fn of_zstd_plain(bytes: &[u8], digest: &Digest) -> Result<Self, String> {
        let mut json = Vec::new();
        let decoder = decoder(bytes).map_err(unreadable)?;
        decoder.take(limits::TOC_BYTES).read_to_end(&mut json).map_err(unreadable)?;
        Self::of_json(Format::ZstdPlain, &json, digest)
    }

    /// The TOC of eStargz: the first file of a tar.gz; its digest is that of the file.
    pub(super) fn of_stargz(bytes: &[u8], digest: &Digest) -> Result<Self, String> {
        // With what stands before it.
        let plain = MultiGzDecoder::new(bytes).take(limits::TOC_BYTES + 2 * limits::TAR_EXTENSION_BYTES);
        let mut tar = TarReader::new(BufReader::new(plain));
        let member = tar.next().map_err(unreadable)?.ok_or("it is an empty tar")?;
        if member.size > limits::TOC_BYTES {
            return Err(format!("it has {} bytes; at most {} are read", member.size, limits::TOC_BYTES));
        }
        let mut json = Vec::new();
        tar.content().read_to_end(&mut json).map_err(unreadable)?;
        Self::of_json(Format::EStargz, &json, digest)
    }

    fn of_json(format: Format, json: &[u8], digest: &Digest) -> Result<Self, String> {
        if Digest::of(json) != *digest {
            return Err("it has another digest than the annotation says".to_owned());
        }
        Self::parse(format, json)
    }

    fn parse(format: Format, json: impl Read) -> Result<Self, String> {
        let bounded = BufReader::new(json.take(limits::TOC_BYTES));
        let mut reader = serde_json::Deserializer::from_reader(bounded);
        let rows = Document.deserialize(&mut reader).and_then(|rows| reader.end().map(|()| rows));
        let rows = rows.map_err(|error| format!("it is not a table of contents that is read: {error}"))?;
        Ok(Self { format, rows })
    }
}

fn decoder(bytes: &[u8]) -> io::Result<zstd::stream::read::Decoder<'_, &[u8]>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
    decoder.window_log_max(limits::ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

#[allow(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn unreadable(error: io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// An object whose keys are read as Go reads them: one that is a known one in another case is refused.
struct Keys<'k>(&'k [&'static str]);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        if let Some(known) = self.0.iter().find(|known| **known == key) {
            return Ok(Some(known));
        }
        // U+017F and U+212A are cases of `s` and `k`.
        let alike = self.0.iter().any(|known| known.eq_ignore_ascii_case(&key));
        if alike || !key.is_ascii() {
            let short: String = key.chars().take(50).collect();
            return Err(D::Error::custom(format!("the key `{short}` is read as another one by some")));
        }
        Ok(None)
    }
}

/// The whole document: its entries.
struct Document;

impl<'de> DeserializeSeed<'de> for Document {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Row>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `version` and `entries`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Row>, A::Error> {
        let (mut version, mut rows) = (None, None);
        while let Some(key) = map.next_key_seed(Keys(&["version", "entries"]))? {
            let twice = match key {
                Some("version") => version.replace(map.next_value::<u64>()?).is_some(),
                Some(_) => rows.replace(map.next_value_seed(Rows)?).is_some(),
                None => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if twice {
                return Err(A::Error::custom("a key is there twice"));
            }
        }
        match (version, rows) {
            (Some(1), Some(rows)) => Ok(rows),
            _ => Err(A::Error::custom("it has no entries, or another version than 1")),
        }
    }
}

/// The list of entries.
struct Rows;

impl<'de> DeserializeSeed<'de> for Rows {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Row>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Row>, A::Error> {
        let mut rows: Vec<Row> = Vec::new();
        let mut gathered: Option<(Entry, Vec<Piece>)> = None;
        let mut count = 0;
        while let Some(entry) = list.next_element::<Entry>()? {
            count += 1;
            if count > limits::TOC_ENTRIES {
                return Err(A::Error::custom(format!("it has more than {} entries", limits::TOC_ENTRIES)));
            }
            match (&mut gathered, entry.kind.as_str()) {
                (Some((file, pieces)), "chunk") if file.name == entry.name => {
                    pieces.push(Piece::of(&entry).map_err(A::Error::custom)?);
                }
                (_, "chunk") => return Err(A::Error::custom("a chunk does not follow its file")),
                _ => {
                    let before = gathered.replace((entry, Vec::new()));
                    rows.extend(before.map(row).transpose().map_err(A::Error::custom)?);
                }
            }
        }
        rows.extend(gathered.map(row).transpose().map_err(A::Error::custom)?);
        Ok(rows)
    }
}

/// An entry as it is written.
#[derive(Default)]
struct Entry {
    kind: String,
    name: String,
    link: String,
    size: u64,
    mode: i64,
    owner: i64,
    group: i64,
    device: [i64; 2],
    xattrs: BTreeMap<String, String>,
    digest: String,
    chunk_size: u64,
    chunk_offset: u64,
    chunk_digest: String,
    chunk_type: String,
}

/// Every key that a reader of TOCs knows.
const KEYS: [&str; 24] = [
    "type",
    "name",
    "linkName",
    "mode",
    "size",
    "uid",
    "gid",
    "userName",
    "groupName",
    "modtime",
    "accesstime",
    "changetime",
    "devMajor",
    "devMinor",
    "NumLink",
    "xattrs",
    "digest",
    "offset",
    "endOffset",
    "innerOffset",
    "chunkSize",
    "chunkOffset",
    "chunkDigest",
    "chunkType",
];

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let (mut entry, mut seen) = (Entry::default(), Vec::new());
        while let Some(key) = map.next_key_seed(Keys(&KEYS))? {
            let Some(key) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("the key `{key}` is there twice")));
            }
            seen.push(key);
            match key {
                "type" => entry.kind = map.next_value()?,
                "name" => entry.name = map.next_value()?,
                "linkName" => entry.link = map.next_value()?,
                "size" => entry.size = map.next_value()?,
                "mode" => entry.mode = map.next_value()?,
                "uid" => entry.owner = map.next_value()?,
                "gid" => entry.group = map.next_value()?,
                "devMajor" => entry.device[0] = map.next_value()?,
                "devMinor" => entry.device[1] = map.next_value()?,
                "xattrs" => entry.xattrs = map.next_value()?,
                "digest" => entry.digest = map.next_value()?,
                "chunkSize" => entry.chunk_size = map.next_value()?,
                "chunkOffset" => entry.chunk_offset = map.next_value()?,
                "chunkDigest" => entry.chunk_digest = map.next_value()?,
                "chunkType" => entry.chunk_type = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(entry)
    }
}

/// A chunk as it is written.
#[derive(Clone, Copy)]
struct Piece {
    offset: u64,
    size: u64,
    digest: Option<Digest>,
    zeros: bool,
}

impl Piece {
    fn of(entry: &Entry) -> Result<Self, String> {
        let zeros = entry.chunk_type == "zeros";
        let digest = digest(entry, &entry.chunk_digest)?.filter(|_| !zeros);
        Ok(Self { offset: entry.chunk_offset, size: entry.chunk_size, digest, zeros })
    }
}

/// Something about an entry, for people.
fn about(entry: &Entry, why: &str) -> String {
    format!("`{}` {why}", entry.name.chars().take(200).collect::<String>())
}

fn digest(entry: &Entry, text: &str) -> Result<Option<Digest>, String> {
    match text {
        "" => Ok(None),
        text => text.parse::<Digest>().map(Some).map_err(|_| about(entry, "has a digest that is none")),
    }
}

/// The chunks of a file, behind each other and together all of it.
fn chunks(entry: &Entry, pieces: &[Piece]) -> Result<Vec<Chunk>, String> {
    let mut chunks = Vec::with_capacity(pieces.len());
    let mut at = 0;
    for (index, piece) in pieces.iter().enumerate() {
        let left = entry.size.checked_sub(at).filter(|left| *left > 0 && piece.offset == at);
        let left = left.ok_or_else(|| about(entry, "has chunks that do not lie behind each other"))?;
        // The last one need not say its size.
        let is_last = index + 1 == pieces.len();
        let size = if is_last && piece.size == 0 { left } else { piece.size };
        if size == 0 || size > left || piece.digest.is_none() && !piece.zeros {
            return Err(about(entry, "has a chunk without a size or a digest"));
        }
        chunks.push(Chunk { size, digest: piece.digest });
        at += size;
    }
    if at != entry.size {
        return Err(about(entry, "has chunks that do not make the whole file"));
    }
    Ok(chunks)
}

/// What an entry says, with the chunks that follow it.
fn row((entry, more): (Entry, Vec<Piece>)) -> Result<Row, String> {
    let kind = match entry.kind.as_str() {
        "reg" => MemberKind::File,
        "hardlink" => MemberKind::Hard,
        "symlink" => MemberKind::Symlink,
        "dir" => MemberKind::Folder,
        "char" | "block" | "fifo" => MemberKind::Other,
        _ => return Err(about(&entry, "is of a type that is not known")),
    };
    if entry.xattrs.keys().any(|key| OVERLAY.iter().any(|start| key.starts_with(start))) {
        return Err(about(&entry, "has an attribute of overlayfs, which would hide files of other layers"));
    }
    if entry.kind == "char" && entry.device == [0, 0] {
        return Err(about(&entry, "is a device that overlayfs takes for a whiteout"));
    }
    if !more.is_empty() && (kind != MemberKind::File || entry.size == 0) {
        return Err(about(&entry, "has chunks and no content"));
    }
    let whole = digest(&entry, &entry.digest)?;
    let is_file = kind == MemberKind::File && entry.size > 0;
    let is_whole = more.is_empty() && entry.chunk_digest.is_empty() && entry.chunk_type.is_empty();
    let chunks = if is_file && !is_whole {
        let first = Piece::of(&entry)?;
        chunks(&entry, &std::iter::once(first).chain(more).collect::<Vec<_>>())?
    } else {
        Vec::new()
    };
    if is_file && whole.is_none() && chunks.is_empty() {
        return Err(about(&entry, "has no digest"));
    }
    let capability = entry.xattrs.get(CAPABILITY).map(|text| BASE64.decode(text.as_bytes()));
    let capability =
        capability.transpose().map_err(|_| about(&entry, "has capabilities that are not base64"))?;
    Ok(Row {
        path: paths::normal(entry.name.as_bytes()).map_err(|_| entry.name.clone()),
        kind,
        link: entry.link.clone(),
        size: entry.size,
        mode: u16::try_from(entry.mode & RIGHTS).unwrap_or_default(),
        owner: entry.owner,
        group: entry.group,
        capability,
        digest: whole,
        chunks,
    })
}
