//! Walks the tar of a layer.

use std::collections::BTreeMap;
use std::io::Read;

use lockgate_model::Digest;
use lockgate_model::inventory::Unread;
use tar::{Archive, EntryType};

use super::{Entry, Kind, LayerContent, LayerError};
use crate::{catalog, limits, paths};

/// Marks a removed path (image-spec, layer.md, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Marks a folder whose lower content is removed.
const OPAQUE: &str = ".wh..wh..opq";

/// One layer being walked.
struct Walk<'a> {
    layer: &'a Digest,
    content: LayerContent,
    /// Where wanted and kept files of this layer are, for hard links.
    kept: BTreeMap<String, Kept>,
    kept_bytes: u64,
}

/// A file that a hard link may name.
enum Kept {
    Wanted(usize),
    Bytes(Vec<u8>),
}

pub(super) fn walk(reader: impl Read, layer: &Digest) -> Result<LayerContent, LayerError> {
    let content =
        LayerContent { diff_id: *layer, entries: Vec::new(), facts: Vec::new(), unread: Vec::new() };
    let mut walk = Walk { layer, content, kept: BTreeMap::new(), kept_bytes: 0 };
    let mut archive = Archive::new(reader);
    for entry in archive.entries().map_err(LayerError::Unreadable)? {
        let mut entry = entry.map_err(LayerError::Unreadable)?;
        if walk.content.entries.len() >= limits::LAYER_ENTRIES {
            return Err(LayerError::TooLarge { what: "entries", limit: limits::LAYER_ENTRIES as u64 });
        }
        match paths::normal(&entry.path_bytes()) {
            Ok(path) if path.is_empty() => {}
            Ok(path) => walk.entry(path, &mut entry)?,
            Err(why) => {
                let path = String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect();
                walk.unread(path, why);
            }
        }
    }
    Ok(walk.content)
}

impl Walk<'_> {
    fn entry(&mut self, path: String, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), LayerError> {
        let (folder, name) = paths::split(&path);
        if name == OPAQUE {
            let path = folder.to_owned();
            self.push(path, Kind::Opaque);
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(WHITEOUT) {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            self.push(path, Kind::Removed);
            return Ok(());
        }
        let kind = match entry.header().entry_type() {
            EntryType::Directory => Kind::Folder,
            EntryType::Symlink => Kind::Link(link_name(entry)),
            EntryType::Link => self.hard_link(&path, &link_name(entry)),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.file(&path, entry)?,
            _ => Kind::Other,
        };
        self.push(path, kind);
        Ok(())
    }

    fn push(&mut self, path: String, kind: Kind) {
        self.content.entries.push(Entry { path, kind });
    }

    fn unread(&mut self, path: String, reason: impl Into<String>) {
        self.content.unread.push(Unread { layer: *self.layer, path, reason: reason.into() });
    }

    fn file(&mut self, path: &str, entry: &mut tar::Entry<'_, impl Read>) -> Result<Kind, LayerError> {
        let size = entry.size();
        if !catalog::wants(path) {
            if let Some(bytes) = self.maybe_linked(size, entry)? {
                self.kept_bytes += size;
                self.kept.insert(path.to_owned(), Kept::Bytes(bytes));
            }
            return Ok(Kind::Other);
        }
        if size > limits::FILE_BYTES {
            let why = format!("it has {size} bytes; catalogers read up to {}", limits::FILE_BYTES);
            self.unread(path.to_owned(), why);
            return Ok(Kind::Other);
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(LayerError::Unreadable)?;
        let kind = self.read(path, &bytes);
        if let Kind::Wanted(index) = kind {
            self.kept.insert(path.to_owned(), Kept::Wanted(index));
        }
        Ok(kind)
    }

    /// The content of a file that nobody asked for, when it may be a package's description under another name:
    /// a later hard link may give it a wanted one.
    fn maybe_linked(
        &self,
        size: u64,
        entry: &mut tar::Entry<'_, impl Read>,
    ) -> Result<Option<Vec<u8>>, LayerError> {
        if size > limits::LINK_TARGET_BYTES || self.kept_bytes + size > limits::LINK_TARGETS_BYTES {
            return Ok(None);
        }
        let mut start = [0; 1];
        let read = entry.read(&mut start).map_err(LayerError::Unreadable)?;
        if read == 0 || !catalog::may_begin(start) {
            return Ok(None);
        }
        let mut bytes = Vec::from(start);
        entry.read_to_end(&mut bytes).map_err(LayerError::Unreadable)?;
        Ok(Some(bytes))
    }

    fn read(&mut self, path: &str, bytes: &[u8]) -> Kind {
        match catalog::read(path, bytes) {
            Ok(facts) => {
                self.content.facts.push(facts);
                Kind::Wanted(self.content.facts.len() - 1)
            }
            Err(why) => {
                self.unread(path.to_owned(), why);
                Kind::Other
            }
        }
    }

    /// A hard link has the content of its target even when the target goes away later.
    fn hard_link(&mut self, path: &str, target: &str) -> Kind {
        let Ok(target) = paths::normal(target.as_bytes()) else {
            self.unread(path.to_owned(), "its hard link leaves the root");
            return Kind::Other;
        };
        let same_name = catalog::wants(path);
        match self.kept.get(&target) {
            Some(Kept::Wanted(index)) if same_name => Kind::Wanted(*index),
            Some(Kept::Bytes(bytes)) if same_name => {
                let bytes = bytes.clone();
                self.read(path, &bytes)
            }
            _ if !same_name => Kind::Other,
            _ => Kind::Hard(target),
        }
    }
}

fn link_name(entry: &tar::Entry<'_, impl Read>) -> String {
    entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default()
}
