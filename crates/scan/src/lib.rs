//! Layer bytes to inventory; inventory and feed to matches.
//!
//! [`analyse`] reads one layer, once, as it streams by, and verifies every byte; [`merge`] lays layers over each
//! other as a container runtime does; [`Feed`] holds advisories; [`match_inventory`] says which apply. Everything
//! is a function of its arguments.
#![forbid(unsafe_code)]

pub mod baseline;
pub mod catalog;
pub mod compare;
pub mod coverage;
pub mod feed;
pub mod inventories;
pub mod layer;
pub mod licenses;
pub mod limits;
pub mod matching;
pub mod plan;
pub mod purl;
pub mod reports;
pub mod sbom;
pub mod secrets;
pub mod version;
pub mod vex;

mod bom;
mod merge;
mod ownership;
mod paths;
mod shape;
mod vendor;

pub use feed::{
    Advisory, Feed, FeedBuilder, FeedError, FeedHeader, FeedSource, FeedSummary, read_extract, write_extract,
};
pub use inventories::InventoryIndex;
pub use layer::{
    LayerContent, LayerError, Listed, Listing, Tocs, analyse, analyse_again, analyse_verified, list_verified,
};
pub use matching::{Match, Matches, Matching, Uncomparable, match_inventory};
pub use merge::{Ask, Base, Laid, Missing, lay_onto, lay_whole, merge};
pub use plan::{Plan, plan};
pub use shape::{Read, Shapes};

/// The edition of the analyser: what it sees in the same bytes changes only with this name.
pub const ANALYSER: &str = "2026-8";
