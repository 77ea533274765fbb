//! What was found in one layer: all that laying layers over each other needs, in the order of the tar; and its
//! compact form, under which a layer that was seen is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use lockgate_model::Digest;
use lockgate_model::inventory::Unread;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::toc::ComparedToc;
use crate::catalog::Reading;
use crate::limits;
use crate::secrets::Hit;

/// Elements of a list for which there is room before any was read.
const AT_ONCE: usize = 1 << 14;

/// What one layer does to the file system below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerContent {
    /// Digest of the uncompressed layer, computed.
    pub diff_id: Digest,
    /// The entries, in the order of the tar.
    #[serde(deserialize_with = "bounded")]
    pub entries: Vec<Entry>,
    /// What files say that were read; `Kind::Read` and `Kind::Looks` point here.
    #[serde(deserialize_with = "bounded")]
    pub said: Vec<Vec<Reading>>,
    /// The names under which files were read because somebody asked: the place of the entry, and the name.
    #[serde(deserialize_with = "bounded")]
    pub asked: Vec<(u32, String)>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// The secrets of files, by the place of the entry.
    pub secrets: BTreeMap<u32, Vec<Hit>>,
    /// The rights that files give to whoever runs them, by the place of the entry: of a file, or of a hard link to one.
    pub setuid: BTreeMap<u32, Rights>,
    /// What came of comparing the tar with the layer's tables of contents (TOC).
    pub tocs: Vec<ComparedToc>,
}

/// The rights that an executable file gives to whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The mode, setuid, setgid and sticky bits included.
    pub mode: u16,
    /// The number of its owner.
    pub owner: i64,
    /// The number of its group.
    pub group: i64,
    /// Its capabilities.
    pub capabilities: Capabilities,
}

/// The capabilities of a file (capabilities(7), "File capabilities").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capabilities {
    /// None.
    None,
    /// Those whose bits are set, permitted or inheritable.
    Of(u64),
    /// Some that are not in a form that is known.
    Unreadable,
}

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path, without a leading slash.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is (image-spec, layer.md, "File Types" and "Whiteouts").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A device, a pipe, or something of another system.
    Other,
    /// A file that was not read: nobody asked for its name, and it does not look like a description.
    File,
    /// A JSON document that names no package: as a `package.json` it would say nothing.
    Nameless,
    /// A file that was read as what it is called: its place in `said`.
    Read(u32),
    /// A file that was read as what it looks like or is asked for, which its name does not say: its place in `said`.
    Looks(u32),
    /// A symbolic link, with its target as written.
    Link(String),
    /// A hard link to a file, by its path.
    Hard(String),
    /// Removes this path of lower layers.
    Removed,
    /// Removes everything that lower layers have in this folder.
    Opaque,
}

/// Reads a list that is no longer than the entries of a layer: of bytes that say that there are more, none is read further.
fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Bounded(PhantomData))
}

/// A list of at most [`limits::LAYER_ENTRIES`].
struct Bounded<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} elements", limits::LAYER_ENTRIES)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let said = elements.size_hint().unwrap_or_default();
        if said > limits::LAYER_ENTRIES {
            return Err(A::Error::invalid_length(said, &self));
        }
        // What is said is not believed for more than this.
        let mut list = Vec::with_capacity(said.min(AT_ONCE));
        while let Some(element) = elements.next_element()? {
            if list.len() >= limits::LAYER_ENTRIES {
                return Err(A::Error::invalid_length(list.len(), &self));
            }
            list.push(element);
        }
        Ok(list)
    }
}

impl LayerContent {
    /// A layer with nothing in it.
    pub fn empty(diff_id: Digest) -> Self {
        Self {
            diff_id,
            entries: Vec::new(),
            said: Vec::new(),
            asked: Vec::new(),
            unread: Vec::new(),
            secrets: BTreeMap::new(),
            setuid: BTreeMap::new(),
            tocs: Vec::new(),
        }
    }

    /// Its compact form (postcard), for keeping; nothing when it cannot be written.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        postcard::to_allocvec(self).ok()
    }

    /// Reads what [`LayerContent::to_bytes`] wrote; nothing when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let content: Self = postcard::from_bytes(bytes).ok()?;
        let there = |entry: &Entry| match entry.kind {
            Kind::Read(index) | Kind::Looks(index) => content.said.get(index as usize).is_some(),
            _ => true,
        };
        content.entries.iter().all(there).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_points_to_what_is_there() {
        for (kind, right) in [(Kind::File, true), (Kind::Read(0), false), (Kind::Looks(7), false)] {
            let entries = vec![Entry { path: "x".to_owned(), kind }];
            let content = LayerContent { entries, ..LayerContent::empty(Digest::of(b"")) };
            assert_eq!(
                LayerContent::from_bytes(&content.to_bytes().unwrap()).is_some(),
                right,
                "{content:?}"
            );
        }
    }
}
