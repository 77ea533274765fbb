//! What was found in one layer: all that laying layers over each other needs, in the order of the tar.

use lockgate_model::Digest;
use lockgate_model::inventory::Unread;
use serde::{Deserialize, Serialize};

use crate::catalog::Facts;

/// What one layer does to the file system below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerContent {
    /// Digest of the uncompressed layer, computed.
    pub diff_id: Digest,
    /// The entries, in the order of the tar.
    pub entries: Vec<Entry>,
    /// What catalogers found in the files that they asked for; `Kind::Wanted` points here.
    pub facts: Vec<Facts>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path, without a leading slash.
    #[serde(rename = "p")]
    pub path: String,
    /// What it is.
    #[serde(rename = "k")]
    pub kind: Kind,
}

/// What an entry is (image-spec, layer.md, "File Types" and "Whiteouts").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A folder.
    #[serde(rename = "d")]
    Folder,
    /// A file or device that no cataloger asked for.
    #[serde(rename = "f")]
    Other,
    /// A file that a cataloger read: its place in `facts`.
    #[serde(rename = "w")]
    Wanted(usize),
    /// A symbolic link, with its target as written.
    #[serde(rename = "s")]
    Link(String),
    /// A hard link to a file of a lower layer, by its path.
    #[serde(rename = "h")]
    Hard(String),
    /// Removes this path of lower layers.
    #[serde(rename = "x")]
    Removed,
    /// Removes everything that lower layers have in this folder.
    #[serde(rename = "o")]
    Opaque,
}
