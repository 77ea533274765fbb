//! Where Lockgate keeps things: the ledger and its tables in SQLite, feeds and analysed layers in folders.
//!
//! Everything is reached through the ports of `lockgate-model`. A store believes nothing about what it keeps:
//! readers compare digests, and `ledger verify` recomputes all of it.

mod feeds;
mod files;
mod head;
mod layers;
mod mapped;
mod sqlite;

pub use feeds::FeedFolder;
pub use head::HeadFile;
pub use layers::LayerFolder;
pub use mapped::map;
pub use sqlite::SqliteStore;
