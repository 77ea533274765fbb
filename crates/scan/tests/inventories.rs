//! The index of inventories answers what a look at all of them would, and has the same bytes however it came to be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod sayings;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::inventory::{Package, Source};
use lockgate_model::{Digest, Inventory, Timestamp};
use lockgate_scan::feed::{PackageKey, touched};
use lockgate_scan::inventories::{Batch, Covered, IndexError, InventoryIndex, Subject, write_index};
use lockgate_scan::{Feed, FeedBuilder};
use proptest::prelude::*;
use serde_json::{Value, json};

fn package((ecosystem, name, source): &(&str, &str, Option<&str>)) -> Package {
    let source = source.map(|name| Source { name: name.into(), version: "1".into() });
    Package { source, purl: String::new(), ..sayings::package(ecosystem, name, "1") }
}

/// Names that begin with one another, with separators in them, and ecosystems with and without releases.
fn any_package() -> impl Strategy<Value = (&'static str, &'static str, Option<&'static str>)> {
    let ecosystem =
        prop::sample::select(vec!["npm", "Debian", "Debian:12", "Debian:1", "Debian:", "Alpine:v3.20"]);
    let name = || prop::sample::select(vec!["a", "ab", "a\tb", "b", "", "\u{ff}", "a\n"]);
    (ecosystem, name(), proptest::option::of(name()))
}

type Stored = (u8, Vec<(&'static str, &'static str, Option<&'static str>)>);

fn stored() -> impl Strategy<Value = Vec<Stored>> {
    prop::collection::vec((0..6u8, prop::collection::vec(any_package(), 0..5)), 0..12)
}

/// Each with its subject; the inventory of a subject is always the same.
fn subjects(stored: &[Stored]) -> Vec<(Subject, Inventory)> {
    let one = |(artifact, packages): &Stored| {
        let inventory = sayings::inventory(packages.iter().map(package).collect());
        let digest = Digest::of(format!("{packages:?}").as_bytes());
        (Subject { artifact: Digest::of(&[*artifact]), inventory: digest }, inventory)
    };
    stored.iter().map(one).collect()
}

const COVERED: Covered = Covered { size: 3, last: None };

fn indexed(old: Option<&InventoryIndex>, added: &[(Subject, Inventory)]) -> Vec<u8> {
    let mut batch = Batch::default();
    for (subject, inventory) in added {
        batch.add(*subject, inventory);
    }
    let mut bytes = Vec::new();
    write_index(old, &batch, COVERED, &mut bytes).unwrap();
    bytes
}

fn opened(bytes: &[u8]) -> InventoryIndex {
    InventoryIndex::open(Arc::new(Bytes::copy_from_slice(bytes))).unwrap()
}

/// What advisories with these keys are about, by a look at every package of every inventory.
fn by_looking(all: &[(Subject, Inventory)], keys: &BTreeSet<PackageKey>) -> BTreeSet<Subject> {
    let has = |inventory: &Inventory| {
        inventory.packages.iter().any(|package| {
            let source = package.source.as_ref().map_or(&package.name, |source| &source.name);
            let family = package.ecosystem.split(':').next().unwrap();
            keys.iter().any(|key| {
                let installed = key.binary && key.name == package.name && package.cataloger == "dpkg";
                (installed || !key.binary && key.name == *source)
                    && (key.ecosystem == package.ecosystem || key.ecosystem == family)
            })
        })
    };
    all.iter().filter(|(_, inventory)| has(inventory)).map(|(subject, _)| *subject).collect()
}

/// Keys of packages: as they are installed, where a source is given.
fn keys(packages: &[(&str, &str, Option<&str>)]) -> BTreeSet<PackageKey> {
    packages
        .iter()
        .map(|(ecosystem, name, source)| PackageKey {
            binary: source.is_some(),
            ecosystem: (*ecosystem).into(),
            name: (*name).into(),
        })
        .collect()
}

proptest! {
    #[test]
    fn it_answers_what_a_look_at_all_would(all in stored(), asked in prop::collection::vec(any_package(), 0..4)) {
        let all = subjects(&all);
        let index = opened(&indexed(None, &all));
        let asked = keys(&asked);
        prop_assert_eq!(index.having(&asked).unwrap(), by_looking(&all, &asked));
        let different: BTreeSet<_> = all.iter().map(|(subject, _)| *subject).collect();
        prop_assert_eq!(index.len() as usize, different.len());
        for subject in &different {
            prop_assert!(index.contains(subject).unwrap());
        }
        let other = Subject { artifact: Digest::of(b"other"), inventory: Digest::of(b"other") };
        prop_assert!(!index.contains(&other).unwrap());
    }

    #[test]
    fn its_bytes_say_nothing_about_how_it_came_to_be(all in stored(), steps in prop::collection::vec(1..4usize, 0..6)) {
        let mut all = subjects(&all);
        let whole = indexed(None, &all);
        all.reverse();
        let (mut made, mut rest) = (indexed(None, &[]), all.as_slice());
        for step in steps.into_iter().chain([usize::MAX]) {
            let (now, later) = rest.split_at(step.min(rest.len()));
            made = indexed(Some(&opened(&made)), now);
            rest = later;
        }
        prop_assert_eq!(&made, &whole);
        prop_assert_eq!(indexed(Some(&opened(&made)), &all), whole, "what is in it already changes nothing");
    }

    #[test]
    fn damage_is_told_or_does_no_harm(all in stored(), at in any::<prop::sample::Index>(), bit in 0..8u8, asked in prop::collection::vec(any_package(), 1..4)) {
        let mut bytes = indexed(None, &subjects(&all));
        let at = at.index(bytes.len());
        prop_assert!(InventoryIndex::open(Arc::new(Bytes::copy_from_slice(&bytes[..at]))).is_err());
        bytes[at] ^= 1 << bit;
        if let Ok(index) = InventoryIndex::open(Arc::new(Bytes::from(bytes))) {
            let _told = index.having(&keys(&asked));
            let _told = write_index(Some(&index), &Batch::default(), COVERED, std::io::sink());
        }
    }
}

fn feed(records: &[Value]) -> Feed {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    for record in records {
        builder.add("x", std::io::Cursor::new(record.to_string())).unwrap();
    }
    Feed::open(Arc::new(Bytes::from(builder.finish().unwrap().0))).unwrap()
}

#[test]
fn a_step_touches_what_was_named_before_or_is_named_after() {
    let record = |id: &str, day: u8, names: &[&str]| {
        let affected: Vec<_> = names
            .iter()
            .map(|name| json!({"package": {"ecosystem": "npm", "name": name}, "versions": ["1"]}))
            .collect();
        json!({"id": id, "modified": format!("2026-01-0{day}T00:00:00Z"), "affected": affected})
    };
    let old =
        feed(&[record("A", 1, &["gone"]), record("B", 1, &["before", "both"]), record("C", 1, &["same"])]);
    let new = feed(&[
        record("B", 2, &["both", "after"]),
        record("C", 1, &["same"]),
        record("D", 1, &["fresh", "both"]),
    ]);
    let found: Vec<_> = touched(&old, &new)
        .unwrap()
        .into_iter()
        .map(|(key, ids)| format!("{} {}", key.name, ids.into_iter().collect::<Vec<_>>().join(",")))
        .collect();
    assert_eq!(found, ["after B", "before B", "both B,D", "fresh D", "gone A"]);
    assert!(touched(&new, &new).unwrap().is_empty());
}

#[test]
fn what_was_not_read_whole_is_known() {
    let subject = |artifact: u8| Subject { artifact: Digest::of(&[artifact]), inventory: Digest::of(b"i") };
    let whole = Inventory { packages: vec![package(&("npm", "a", None))], ..Inventory::default() };
    let unread =
        lockgate_model::inventory::Unread { layer: Digest::of(b"l"), path: "x".into(), reason: "y".into() };
    let part = Inventory { unread: vec![unread], ..whole.clone() };
    let mut batch = Batch::default();
    batch.add(subject(1), &whole);
    let bytes = |batch: &Batch| {
        let mut bytes = Vec::new();
        write_index(None, batch, COVERED, &mut bytes).unwrap();
        bytes
    };
    assert!(opened(&bytes(&batch)).unread().unwrap().is_empty());
    batch.add(subject(2), &part);
    batch.add_unread(subject(3));
    let index = opened(&bytes(&batch));
    assert_eq!(index.unread().unwrap(), [subject(2), subject(3)].into());
    assert_eq!(index.having(&keys(&[("npm", "a", None)])).unwrap(), [subject(1), subject(2)].into());
}

#[test]
fn an_index_of_another_format_is_refused() {
    let bytes = indexed(None, &[]);
    let other = [b"lockgate-inventories-9".as_slice(), &bytes[22..]].concat();
    let told = InventoryIndex::open(Arc::new(Bytes::from(other))).err().unwrap();
    assert!(matches!(told, IndexError::Damaged(_)), "{told}");
    assert_eq!(opened(&bytes).covered(), COVERED);
    assert!(opened(&bytes).is_empty());
}
