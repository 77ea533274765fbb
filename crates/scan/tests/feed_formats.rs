//! Feeds of earlier formats are read as they were.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod sayings;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::Timestamp;
use lockgate_scan::{Feed, FeedBuilder, match_inventory};
use sayings::{inventory, package};

/// Names are filed as their advisories spell them, and nothing is withdrawn.
#[test]
fn feeds_of_format_4_are_read_and_added_to() {
    let feed = Feed::open(Arc::new(Bytes::from_static(include_bytes!("feed-formats/4.feed")))).unwrap();
    assert_eq!((feed.summary().format.as_str(), feed.summary().advisories), ("lockgate-feed-4", 2));
    let installed = |name: &str| inventory(vec![package("NuGet", name, "1.5.0")]);
    for (name, found) in [("Newtonsoft.Json", 1), ("newtonsoft.json", 0)] {
        let inventory = installed(name);
        let matches = feed.matches(&inventory).unwrap();
        assert_eq!(matches.matches.len(), found, "{name}");
        assert_eq!(match_inventory(&inventory, &feed.extract(&[&inventory]).unwrap()), matches);
    }
    // Carried over it is of the present format, and has what it had of each source.
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    builder.carry(&feed, &BTreeSet::new()).unwrap();
    let (bytes, summary) = builder.finish().unwrap();
    assert_eq!((summary.header.format.as_str(), summary.header.advisories), ("lockgate-feed-5", 2));
    assert_eq!(summary.header.sources, feed.summary().sources);
    assert_eq!((summary.header.known_exploited, summary.header.sources.len()), (1, 3));
    let now = Feed::open(Arc::new(Bytes::from(bytes))).unwrap();
    assert_eq!(now.matches(&installed("newtonsoft.json")).unwrap().matches.len(), 1);
    let before: Vec<_> = feed.advisories().map(Result::unwrap).collect();
    assert_eq!(now.advisories().map(Result::unwrap).collect::<Vec<_>>(), before);
}
