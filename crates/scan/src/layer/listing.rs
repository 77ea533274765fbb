//! Everything that a layer's tar says about each of its entries, in order: what two builds of one image are compared by.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use lockgate_model::{Descriptor, Digest, Hasher};

use super::header::{self, Format, until_nul};
use super::tar::{Content, MemberKind, TarReader};
use super::{LayerError, read_layer};
use crate::{limits, paths};

/// One entry of a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path as written, as text.
    pub path: String,
    /// What is written about it, by name: the fields of its header and its PAX records. Texts are cut at
    /// [`limits::COMPARED_TEXT_BYTES`].
    pub fields: BTreeMap<String, String>,
    /// Digest of its content, as stored; nothing where it has none.
    pub content: Option<Digest>,
}

/// The entries of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Digest of the uncompressed layer, computed.
    pub diff_id: Digest,
    /// The entries, in the order of the tar.
    pub entries: Vec<Listed>,
}

/// Lists the layer that `layer` describes from a stream that fails before its end unless its bytes have the layer's digest.
/// `diff_id` is what the image's config claims of it.
pub fn list_verified(blob: impl Read, layer: &Descriptor, diff_id: &Digest) -> Result<Listing, LayerError> {
    let listed = read_layer(blob, layer, Some(diff_id), false, |plain| list(plain));
    listed.map(|(entries, diff_id)| Listing { diff_id, entries })
}

/// The entries of a tar.
fn list(plain: impl BufRead) -> Result<Vec<Listed>, LayerError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut tar = TarReader::new(plain);
    while let Some(member) = tar.next().map_err(LayerError::Unreadable)? {
        if entries.len() >= limits::COMPARED_ENTRIES {
            return Err(LayerError::TooLarge {
                what: "entries to compare",
                limit: limits::COMPARED_ENTRIES as u64,
            });
        }
        let mut fields = of_header(&tar);
        for (key, value) in tar.records_of() {
            fields.insert(format!("PAX {}", text(key)), text(value));
        }
        fields.insert("kind".to_owned(), kind(member.kind).to_owned());
        fields.insert("size".to_owned(), member.size.to_string());
        if !member.link.is_empty() {
            fields.insert("link".to_owned(), text(&member.link));
        }
        let path = paths::text(&member.path);
        bytes += path.len() + fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        if bytes > limits::COMPARED_BYTES {
            return Err(LayerError::TooLarge {
                what: "bytes of headers to compare",
                limit: limits::COMPARED_BYTES as u64,
            });
        }
        let content = digest(tar.stored()).map_err(LayerError::Unreadable)?;
        entries.push(Listed { path, fields, content: (member.kind == MemberKind::File).then_some(content) });
    }
    Ok(entries)
}

/// The fields of its header, as it stands.
fn of_header<R: BufRead>(tar: &TarReader<R>) -> BTreeMap<String, String> {
    let header = tar.header_of();
    let format = header.format();
    let mut fields = BTreeMap::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            fields.insert(name.to_owned(), value);
        }
    };
    field("mode", number(header.field(100, 8), |mode| format!("{mode:04o}")));
    for (name, at, length) in [("uid", 108, 8), ("gid", 116, 8), ("mtime", 136, 12)] {
        field(name, number(header.field(at, length), |number| number.to_string()));
    }
    if format != Format::V7 {
        field("user", text(until_nul(header.field(265, 32))));
        field("group", text(until_nul(header.field(297, 32))));
        let device = |at| header::number(header.field(at, 8)).filter(|number| *number > 0);
        let (major, minor) = (device(329), device(337));
        if major.is_some() || minor.is_some() {
            field("device", format!("{}:{}", major.unwrap_or(0), minor.unwrap_or(0)));
        }
    }
    let format = match format {
        Format::V7 => "v7",
        Format::Ustar => "ustar",
        Format::Star => "star",
        Format::Gnu => "GNU",
    };
    field("format", format.to_owned());
    fields
}

/// A number of a header; headers whose numbers are not such are refused before.
fn number(field: &[u8], written: impl FnOnce(i64) -> String) -> String {
    let empty = field.iter().all(|byte| matches!(byte, 0 | b' '));
    match header::number(field) {
        Some(number) if !empty => written(number),
        _ => "not written".to_owned(),
    }
}

fn kind(kind: MemberKind) -> &'static str {
    match kind {
        MemberKind::File => "file",
        MemberKind::Folder => "folder",
        MemberKind::Symlink => "symbolic link",
        MemberKind::Hard => "hard link",
        MemberKind::Other => "device or pipe",
        MemberKind::Global => "PAX global header",
    }
}

/// Bytes as text, cut where they are long; then with their digest, so that two long ones stay apart.
fn text(raw: &[u8]) -> String {
    match raw.get(..limits::COMPARED_TEXT_BYTES) {
        Some(start) if raw.len() > start.len() => format!("{}... {}", paths::text(start), Digest::of(raw)),
        _ => paths::text(raw),
    }
}

fn digest(mut content: Content<'_, impl BufRead>) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new();
    loop {
        let here = content.fill_buf()?;
        if here.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(here);
        let read = here.len();
        content.consume(read);
    }
}

#[cfg(test)]
mod tests {
    use lockgate_model::oci::media;
    use proptest::prelude::*;

    use super::*;

    fn listed(tar: &[u8]) -> Result<Listing, LayerError> {
        list_verified(tar, &Descriptor::of(media::OCI_LAYER, tar), &Digest::of(tar))
    }

    fn tar(
        path: &str,
        content: &[u8],
        records: &[(&str, &[u8])],
        change: impl FnOnce(&mut tar::Header),
    ) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions(records.iter().copied()).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o4755);
        header.set_mtime(7);
        change(&mut header);
        tar.append_data(&mut header, path, content).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn everything_that_is_written_is_listed() {
        let bytes = tar("bin/a", b"x", &[("mtime", b"7.25"), ("SCHILY.xattr.user.a", b"\xff")], |header| {
            header.set_uid(1000);
            header.set_username("ann").unwrap();
        });
        let listing = listed(&bytes).unwrap();
        assert_eq!(listing.diff_id, Digest::of(&bytes));
        let [entry] = listing.entries.as_slice() else { panic!("{listing:?}") };
        assert_eq!((entry.path.as_str(), entry.content), ("bin/a", Some(Digest::of(b"x"))));
        for (name, value) in [
            ("kind", "file"),
            ("size", "1"),
            ("mode", "4755"),
            ("mtime", "7"),
            ("uid", "1000"),
            ("gid", "not written"),
            ("user", "ann"),
            ("format", "ustar"),
            ("PAX mtime", "7.25"),
            ("PAX SCHILY.xattr.user.a", "\u{fffd}ff"),
        ] {
            assert_eq!(entry.fields.get(name).map(String::as_str), Some(value), "{name}");
        }
        let old =
            listed(&tar("a", b"", &[], |header| header.set_entry_type(tar::EntryType::Directory))).unwrap();
        assert_eq!((old.entries[0].content, old.entries[0].fields["kind"].as_str()), (None, "folder"));
    }

    #[test]
    fn records_of_one_entry_are_not_those_of_the_next() {
        let mut both = tar("a", b"x", &[("mtime", b"1.5")], |_| ());
        both.truncate(both.len() - 1024);
        both.extend(tar("b", b"x", &[], |_| ()));
        let listing = listed(&both).unwrap();
        let has = |at: usize| listing.entries[at].fields.contains_key("PAX mtime");
        assert!(has(0) && !has(1));
    }

    #[test]
    fn long_texts_stay_apart_and_what_lies_is_refused() {
        let long =
            |last: &str| tar("a", b"", &[("x", format!("{}{last}", "y".repeat(3000)).as_bytes())], |_| ());
        let text = |bytes: &[u8]| listed(bytes).unwrap().entries[0].fields["PAX x"].clone();
        let (one, other) = (text(&long("1")), text(&long("2")));
        assert!(one != other && one.len() < 1200, "{one}");
        let bytes = long("1");
        let described = Descriptor::of(media::OCI_LAYER, &bytes);
        assert!(matches!(
            list_verified(&bytes[..], &described, &Digest::of(b"other")),
            Err(LayerError::WrongDiffId { .. })
        ));
        assert!(listed(&bytes[..700]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _listing = listed(&bytes);
        }
    }
}
