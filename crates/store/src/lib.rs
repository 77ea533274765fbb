//! Where Lockgate keeps things: the ledger and its tables in SQLite, feeds and analysed layers in folders.
//!
//! Everything is reached through the ports of `lockgate-model`. A store believes nothing about what it keeps:
//! readers compare digests, and `ledger verify` recomputes all of it.
#![forbid(unsafe_code)]

mod feeds;
mod files;
mod head;
mod index;
mod layers;
mod sqlite;

pub use feeds::{FeedFile, FeedFolder};
pub use head::HeadFile;
pub use index::IndexFile;
pub use layers::LayerFolder;
pub use sqlite::SqliteStore;
