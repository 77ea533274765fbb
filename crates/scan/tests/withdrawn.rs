//! What its own database withdrew is not found by way of those who repeat it; what anybody who reviews still says is.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::feed::FeedOrigin;
use lockgate_model::{Digest, Timestamp};
use lockgate_scan::feed::{Delta, delta};
use lockgate_scan::{Feed, FeedBuilder};
use proptest::prelude::*;
use serde_json::{Value, json};

const EARLY: &str = "2024-01-01T00:00:00Z";
const LATE: &str = "2024-02-01T00:00:00Z";

fn record(id: &str, aliases: &[&str], ecosystems: &[&str], modified: &str) -> Value {
    let affected =
        |ecosystem: &&str| json!({"package": {"ecosystem": ecosystem, "name": "a"}, "versions": ["1.0.0"]});
    json!({"id": id, "modified": modified, "aliases": aliases,
        "affected": ecosystems.iter().map(affected).collect::<Vec<_>>()})
}

fn withdrawn(mut record: Value) -> Value {
    record["withdrawn"] = json!(LATE);
    record
}

type Sources<'a> = [(&'a str, Vec<Value>)];

fn read(builder: &mut FeedBuilder, sources: &Sources<'_>) {
    for (name, records) in sources {
        builder.source(FeedOrigin { name: (*name).to_owned(), fetched: None, claimed: false });
        builder.add(name, Cursor::new(json!(records).to_string())).unwrap();
    }
}

fn built(sources: &Sources<'_>) -> (Vec<u8>, u64) {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    read(&mut builder, sources);
    let (bytes, summary) = builder.finish().unwrap();
    (bytes, summary.withdrawn_elsewhere)
}

fn opened(bytes: &[u8]) -> Feed {
    Feed::open(Arc::new(Bytes::copy_from_slice(bytes))).unwrap()
}

/// The ids that are left, each with the ecosystems that it speaks about, and how many were left out or cut.
fn left(sources: &Sources<'_>) -> (Vec<String>, u64) {
    let (bytes, count) = built(sources);
    let told = |one: lockgate_scan::Advisory| {
        let ecosystems: Vec<_> = one.affected.iter().map(|one| one.ecosystem.clone()).collect();
        format!("{} {}", one.id, ecosystems.join(" "))
    };
    (opened(&bytes).advisories().map(|one| told(one.unwrap())).collect(), count)
}

#[test]
fn what_its_own_database_withdrew_is_withdrawn_where_it_is_repeated() {
    let taken = withdrawn(record("PYSEC-1", &["CVE-2022-0001"], &["PyPI"], LATE));
    let repeated = |aliases: &[&str], ecosystems: &[&str]| record("VCID-1", aliases, ecosystems, EARLY);
    let with = |more: Vec<Value>| left(&[("pypa", vec![taken.clone()]), ("vc", more)]);
    let gone = (Vec::<String>::new(), 1);
    assert_eq!(with(vec![repeated(&["CVE-2022-0001"], &["PyPI"])]), gone);
    assert_eq!(with(vec![repeated(&["PYSEC-1"], &["PyPI"])]), gone);
    assert_eq!(with(vec![repeated(&["CVE-2022-0001", "PYSEC-1"], &["PyPI"])]), gone);
    // Of what it says about other ecosystems that database knows nothing.
    let both = with(vec![repeated(&["CVE-2022-0001"], &["Debian:12", "PyPI"])]);
    assert_eq!(both, (vec!["VCID-1 Debian:12".to_owned()], 1));
}

#[test]
fn what_somebody_else_says_is_not_withdrawn() {
    let taken = withdrawn(record("PYSEC-1", &["CVE-2022-0001"], &["PyPI"], LATE));
    let with = |mut more: Vec<Value>| {
        more.push(taken.clone());
        left(&[("all", more)])
    };
    let stays = |more: Vec<Value>| {
        let ids: BTreeSet<String> = more.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        let (left, count) = with(more);
        let left: BTreeSet<String> =
            left.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!((left, count), (ids, 0));
    };
    let repeated = |aliases: &[&str]| record("VCID-1", aliases, &["PyPI"], EARLY);
    // Another CVE beside it; somebody who reviews says so too, under this name; a record of somebody who reviews.
    stays(vec![repeated(&["CVE-2022-0001", "CVE-2022-0002"])]);
    stays(vec![repeated(&["CVE-2022-0001"]), record("GHSA-1", &["CVE-2022-0001"], &["PyPI"], EARLY)]);
    stays(vec![record("GHSA-1", &["CVE-2022-0001", "PYSEC-1"], &["PyPI"], EARLY)]);
    stays(vec![repeated(&[]), record("X-1", &["CVE-2022-0001"], &["PyPI"], EARLY)]);
    // A database has no say in what others review.
    let other = withdrawn(record("RUSTSEC-1", &["CVE-2022-0003"], &["PyPI"], LATE));
    assert_eq!(left(&[("all", vec![other, record("VCID-1", &["CVE-2022-0003"], &["PyPI"], EARLY)])]).1, 0);
    // That a repeater withdraws says nothing about others.
    let other = withdrawn(record("VCID-2", &["CVE-2022-0003"], &["PyPI"], LATE));
    assert_eq!(left(&[("all", vec![other, record("VCID-1", &["CVE-2022-0003"], &["PyPI"], EARLY)])]).1, 0);
}

#[test]
fn a_cve_that_is_rejected_is_nothing_anywhere() {
    let rejected = withdrawn(record("CVE-2022-0001", &[], &[], LATE));
    let debian = record("DEBIAN-CVE-2022-0001", &["CVE-2022-0001"], &["Debian:12"], EARLY);
    assert_eq!(left(&[("cve", vec![rejected.clone()]), ("debian", vec![debian])]), (vec![], 1));
    let reviewed = record("GHSA-1", &["CVE-2022-0001"], &["npm"], EARLY);
    assert_eq!(left(&[("cve", vec![rejected]), ("gh", vec![reviewed])]).1, 0);
}

#[test]
fn under_one_id_the_later_word_counts() {
    let (alive, taken) = (
        |day| record("PYSEC-1", &[], &["PyPI"], day),
        |day| withdrawn(record("PYSEC-1", &[], &["PyPI"], day)),
    );
    assert_eq!(left(&[("a", vec![alive(EARLY)]), ("b", vec![taken(LATE)])]), (vec![], 1));
    assert_eq!(left(&[("a", vec![alive(LATE)]), ("b", vec![taken(LATE)])]), (vec![], 1));
    assert_eq!(left(&[("a", vec![alive(LATE)]), ("b", vec![taken(EARLY)])]).0.len(), 1);
}

#[test]
fn a_rating_that_was_withdrawn_rates_nothing() {
    let mut taken = withdrawn(record("GHSA-1", &["CVE-2022-0001"], &["npm"], LATE));
    taken["database_specific"] = json!({"severity": "CRITICAL"});
    let mut alive = record("GHSA-1", &["CVE-2022-0001"], &["npm"], EARLY);
    alive["database_specific"] = json!({"severity": "CRITICAL"});
    let other = record("X-1", &["CVE-2022-0001"], &["npm"], EARLY);
    let (bytes, _) = built(&[("a", vec![taken]), ("b", vec![alive, other])]);
    let all: Vec<_> = opened(&bytes).advisories().map(Result::unwrap).collect();
    assert_eq!(all.iter().map(|one| (one.id.as_str(), one.unrated)).collect::<Vec<_>>(), [("X-1", true)]);
}

fn records() -> impl Strategy<Value = Vec<Value>> {
    let id = prop::sample::select(vec![
        "PYSEC-1",
        "PYSEC-2",
        "GHSA-1",
        "VCID-1",
        "VCID-2",
        "CVE-2022-0001",
        "X-1",
    ]);
    let aliases = prop::collection::btree_set(
        prop::sample::select(vec!["CVE-2022-0001", "CVE-2022-0002", "PYSEC-1", "GHSA-1"]),
        0..3,
    );
    let ecosystems =
        prop::collection::btree_set(prop::sample::select(vec!["PyPI", "npm", "Debian:12"]), 0..3);
    let one = (id, aliases, ecosystems, any::<bool>(), any::<bool>());
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let write =
            |(id, aliases, ecosystems, late, gone): (&str, BTreeSet<&str>, BTreeSet<&str>, bool, bool)| {
                let (aliases, ecosystems) = (Vec::from_iter(aliases), Vec::from_iter(ecosystems));
                let one = record(id, &aliases, &ecosystems, if late { LATE } else { EARLY });
                if gone { withdrawn(one) } else { one }
            };
        all.into_iter().map(write).collect()
    })
}

proptest! {
    /// What is withdrawn is kept with its source: adding, taking out and carrying by a delta give what an import of all gives.
    #[test]
    fn withdrawals_come_and_go_with_their_source(a in records(), b in records(), c in records()) {
        let all: [(&str, Vec<Value>); 3] = [("a", a), ("b", b), ("c", c)];
        let whole = built(&all).0;
        let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        builder.carry(&opened(&whole), &BTreeSet::from(["b".to_owned()])).unwrap();
        let without = builder.finish().unwrap().0;
        let expected = built(&[all[0].clone(), all[2].clone()]).0;
        prop_assert_eq!(&without, &expected);
        let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        builder.carry(&opened(&without), &BTreeSet::new()).unwrap();
        read(&mut builder, &all[1..2]);
        prop_assert_eq!(&builder.finish().unwrap().0, &whole);
        let step = delta(Digest::of(&without), &opened(&without), Digest::of(&whole), &opened(&whole)).unwrap();
        let step = Delta::from_bytes(&step.to_bytes().unwrap()).unwrap();
        let mut made = Vec::new();
        step.apply(&opened(&without), Cursor::<Vec<u8>>::default(), &mut made).unwrap();
        prop_assert_eq!(made, whole);
    }
}
