//! Feeds: the same advisories give the same bytes in whatever order they come, a delta makes what it says, and damage is
//! told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::inventory::{Confidence, Package};
use lockgate_model::{Digest, Inventory, Timestamp};
use lockgate_scan::feed::{Delta, delta};
use lockgate_scan::{Feed, FeedBuilder, match_inventory};
use proptest::prelude::*;
use serde_json::{Value, json};

fn built(records: &[Value]) -> Vec<u8> {
    let mut builder = FeedBuilder::new();
    for record in records {
        builder.add("x", Cursor::new(record.to_string()), Timestamp::from_unix(0)).unwrap();
    }
    builder.finish().unwrap().0
}

fn opened(bytes: &[u8]) -> Feed {
    Feed::open(Arc::new(Bytes::copy_from_slice(bytes))).unwrap()
}

fn inventory() -> Inventory {
    let package = |ecosystem: &str, name: &str, version: &str| Package {
        ecosystem: ecosystem.into(),
        name: name.into(),
        version: version.into(),
        source: None,
        architecture: String::new(),
        purl: format!("pkg:x/{name}@{version}"),
        licenses: vec![],
        layer: Digest::of(b"l"),
        layer_index: 0,
        path: "/x".into(),
        cataloger: "x".into(),
        installed_by: String::new(),
        confidence: Confidence::Recorded,
    };
    let packages =
        vec![package("npm", "a", "1.5.0"), package("Debian:12", "b", "2.0-1"), package("PyPI", "c", "3.0")];
    Inventory { packages, ..Inventory::default() }
}

fn record() -> impl Strategy<Value = Value> {
    let version = "[0-3]\\.[0-9]\\.[0-9]";
    let range = (version, proptest::option::of(version));
    let affected = (
        prop::sample::select(vec![
            ("npm", "a"),
            ("Debian:12", "b"),
            ("Debian:11", "b"),
            ("PyPI", "c"),
            ("Go", "d"),
        ]),
        prop::collection::vec(range, 0..3),
        prop::collection::vec(version, 0..4),
    );
    ("[A-F]-[0-9]", 0..3i64, prop::collection::vec(affected, 0..3), prop::collection::vec("CVE-[0-4]", 0..2)).prop_map(
        |(id, day, affected, aliases)| {
            let affected: Vec<_> = affected
                .into_iter()
                .map(|((ecosystem, name), ranges, versions)| {
                    let ranges: Vec<_> = ranges
                        .into_iter()
                        .map(|(from, to)| {
                            let mut events = vec![json!({"introduced": from})];
                            events.extend(to.map(|to| json!({"fixed": to})));
                            json!({"type": "ECOSYSTEM", "events": events})
                        })
                        .collect();
                    json!({"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges, "versions": versions})
                })
                .collect();
            json!({"id": id, "modified": format!("2024-01-0{}T00:00:00Z", day + 1), "aliases": aliases, "affected": affected})
        },
    )
}

proptest! {
    #[test]
    fn the_order_of_records_says_nothing(mut records in prop::collection::vec(record(), 0..12)) {
        let first = built(&records);
        records.reverse();
        prop_assert_eq!(first, built(&records));
    }

    #[test]
    fn what_applies_is_found_without_reading_the_rest(records in prop::collection::vec(record(), 0..20)) {
        let (feed, inventory) = (opened(&built(&records)), inventory());
        let (extract, applying) = (feed.extract(&[&inventory]).unwrap(), feed.applying(&[&inventory]).unwrap());
        prop_assert_eq!(match_inventory(&inventory, &extract), match_inventory(&inventory, &applying));
        prop_assert!(applying.len() <= extract.len());
        let all: Vec<_> = feed.advisories().map(Result::unwrap).collect();
        prop_assert_eq!(match_inventory(&inventory, &all), match_inventory(&inventory, &extract));
        prop_assert_eq!(all.len() as u64, feed.summary().advisories);
    }

    #[test]
    fn a_delta_makes_the_feed_it_names(old in prop::collection::vec(record(), 0..10), new in prop::collection::vec(record(), 0..10)) {
        let (before, after) = (built(&old), built(&new));
        let step = delta(Digest::of(&before), &opened(&before), Digest::of(&after), &opened(&after)).unwrap();
        let step = Delta::from_bytes(&step.to_bytes().unwrap()).unwrap();
        let mut made = Vec::new();
        step.apply(&opened(&before), &mut made).unwrap();
        prop_assert_eq!(made, after);
        // On another feed it makes something else, and says so.
        let other = built(&[json!({"id": "Z-9", "modified": "2024-01-01T00:00:00Z"})]);
        prop_assert!(step.apply(&opened(&other), Vec::new()).is_err());
    }

    #[test]
    fn damage_is_told_or_does_no_harm(records in prop::collection::vec(record(), 1..6), at in any::<usize>(), bit in 0..8u8) {
        let mut bytes = built(&records);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(feed) = Feed::open(Arc::new(Bytes::from(bytes))) {
            let _extract = feed.extract(&[&inventory()]);
            let _applying = feed.applying(&[&inventory()]);
            let _all = feed.advisories().flatten().count();
        }
    }
}

#[test]
fn what_is_cut_off_is_told() {
    let bytes = built(&[
        json!({"id": "A", "modified": "2024-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "a"}}]}),
    ]);
    for end in [0, 1, 15, 16, 17, bytes.len() / 2, bytes.len() - 1] {
        assert!(Feed::open(Arc::new(Bytes::copy_from_slice(&bytes[..end]))).is_err(), "{end}");
    }
}
