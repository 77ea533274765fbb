//! Which advisories apply: what a record itself calls fixed, names and versions in several spellings, and old Editions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod sayings;

use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::Timestamp;
use lockgate_scan::{Feed, FeedBuilder, Matching, match_inventory};
use proptest::prelude::*;
use sayings::{inventory, package};
use serde_json::{Value, json};

fn feed(records: &[Value]) -> Feed {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    for record in records {
        builder.add("x", std::io::Cursor::new(record.to_string())).unwrap();
    }
    Feed::open(Arc::new(Bytes::from(builder.finish().unwrap().0))).unwrap()
}

#[allow(clippy::needless_pass_by_value, reason = "what is affected is written where it is asked for")]
fn record(id: &str, ecosystem: &str, name: &str, affected: Value) -> Value {
    let mut one = json!({"package": {"ecosystem": ecosystem, "name": name}});
    one.as_object_mut().unwrap().extend(affected.as_object().unwrap().clone());
    json!({"id": id, "modified": "2024-01-01T00:00:00Z", "affected": [one]})
}

/// Whether a version is affected by the newest rules and by the first ones, each asked of the feed and of an extract.
fn affected(record: &Value, version: &str) -> (bool, bool) {
    let (ecosystem, name) =
        (&record["affected"][0]["package"]["ecosystem"], &record["affected"][0]["package"]["name"]);
    let inventory = inventory(vec![package(ecosystem.as_str().unwrap(), name.as_str().unwrap(), version)]);
    let feed = feed(std::slice::from_ref(record));
    let extract = feed.extract(&[&inventory]).unwrap();
    let found = match_inventory(&inventory, &extract);
    assert_eq!(found, feed.matches(&inventory).unwrap());
    (!found.matches.is_empty(), !Matching::First.matches(&inventory, &extract, |_| false).matches.is_empty())
}

fn ranges(all: &[&[(&str, &str)]]) -> Value {
    let events = |range: &&[(&str, &str)]| {
        let events: Vec<_> = range.iter().map(|(kind, at)| json!({*kind: at})).collect();
        json!({"type": "ECOSYSTEM", "events": events})
    };
    json!(all.iter().map(events).collect::<Vec<_>>())
}

/// One range for each branch, as converters write it that know the fixes only.
#[test]
fn a_version_that_a_record_calls_fixed_is_fixed() {
    let branches = ranges(&[
        &[("introduced", "0"), ("fixed", "3.8-5")],
        &[("introduced", "0"), ("fixed", "3.11-4")],
        &[("introduced", "0"), ("fixed", "3.12-1")],
    ]);
    let one = record("X-1", "Debian:13", "grep", json!({"ranges": branches}));
    assert_eq!(affected(&one, "3.11-4"), (false, true));
    assert_eq!(affected(&one, "0:3.11-4"), (false, true), "in another spelling");
    assert_eq!(affected(&one, "3.8-5"), (false, true));
    assert_eq!(affected(&one, "3.12-1"), (false, false));
    // What the record does not name is as its ranges say.
    for version in ["3.8-4", "3.11-3", "3.11-5", "3.9-1"] {
        assert_eq!(affected(&one, version), (true, true), "{version}");
    }
}

#[test]
fn a_version_that_a_record_calls_affected_as_well_is_as_its_ranges_say() {
    let again =
        ranges(&[&[("introduced", "0"), ("fixed", "1.5.0")], &[("introduced", "1.5.0"), ("fixed", "1.6.0")]]);
    assert_eq!(affected(&record("X-1", "npm", "a", json!({"ranges": again})), "1.5.0"), (true, true));
    let last = ranges(&[
        &[("introduced", "0"), ("fixed", "1.5.0")],
        &[("introduced", "0"), ("last_affected", "1.5.0")],
    ]);
    assert_eq!(affected(&record("X-1", "npm", "a", json!({"ranges": last})), "1.5.0"), (true, true));
}

/// What one record calls fixed says nothing of what another one says, nor another part of it.
#[test]
fn each_source_counts_alone() {
    let fixed = |id: &str, at: &str| {
        record(id, "npm", "a", json!({"ranges": ranges(&[&[("introduced", "0"), ("fixed", at)]])}))
    };
    let (mut one, mut other) = (fixed("X-1", "1.5.0"), fixed("Y-1", "1.6.0"));
    for record in [&mut one, &mut other] {
        record["aliases"] = json!(["CVE-2024-0001"]);
    }
    let inventory = inventory(vec![package("npm", "a", "1.5.0")]);
    let found =
        match_inventory(&inventory, &feed(&[one.clone(), other.clone()]).extract(&[&inventory]).unwrap());
    assert_eq!(found.matches.len(), 1);
    assert_eq!(found.matches[0].fixed.as_deref(), Some("1.6.0"));
    let parts = one["affected"].as_array_mut().unwrap();
    parts.extend(other["affected"].as_array().unwrap().clone());
    assert_eq!(match_inventory(&inventory, &feed(&[one]).extract(&[&inventory]).unwrap()).matches.len(), 1);
}

#[test]
fn a_list_may_name_a_version_in_another_spelling() {
    for (ecosystem, listed, installed) in [
        ("PyPI", "1.0", "1.0.0"),
        ("PyPI", "1.0.0RC1", "1.0rc1"),
        ("PyPI", "1.0", "1.0.0+cu118"),
        ("NuGet", "1.0", "1.0.0"),
        ("Packagist", "v1.0", "1.0.0"),
        ("Maven", "1.0.0.Final", "1.0"),
        ("RubyGems", "1.0", "1.0.0"),
        ("Go", "v1.0.0+incompatible", "1.0.0"),
    ] {
        let one = record("X-1", ecosystem, "a", json!({"versions": [listed]}));
        assert_eq!(affected(&one, installed), (true, false), "{ecosystem} {listed} {installed}");
        // A list that comes with its fix: the fix in another spelling is the fix.
        let fixed = json!({"versions": [listed, "0.1.0"], "database_specific": {"fixed_versions": [listed]}});
        assert!(!affected(&record("X-1", ecosystem, "a", fixed), installed).0, "{ecosystem} {installed}");
    }
    let exact = record("X-1", "PyPI", "a", json!({"versions": ["1.0.post1", "1.0+cpu"]}));
    assert_eq!(affected(&exact, "1.0"), (false, false));
}

#[test]
fn registries_that_ignore_case_are_asked_so() {
    for ecosystem in ["NuGet", "Packagist"] {
        for (named, installed) in
            [("Newtonsoft.Json", "newtonsoft.json"), ("newtonsoft.json", "Newtonsoft.JSON")]
        {
            let one = record("X-1", ecosystem, named, json!({"versions": ["9.0.1"]}));
            let feed = feed(&[one]);
            let inventory = inventory(vec![package(ecosystem, installed, "9.0.1")]);
            let extract = feed.extract(&[&inventory]).unwrap();
            assert_eq!(match_inventory(&inventory, &extract).matches.len(), 1, "{ecosystem} {named}");
            assert_eq!(feed.matches(&inventory).unwrap().matches.len(), 1, "{ecosystem} {named}");
            assert_eq!(Matching::First.matches(&inventory, &extract, |_| false).matches.len(), 0);
        }
    }
    let one = record("X-1", "npm", "JSONStream", json!({"versions": ["1.0.0"]}));
    let inventory = inventory(vec![package("npm", "jsonstream", "1.0.0")]);
    assert!(feed(&[one]).extract(&[&inventory]).unwrap().is_empty(), "two packages of npm");
}

proptest! {
    /// Nothing that the first rules leave out is found by the newest ones, where names and versions are spelt alike and
    /// nothing is named as fixed.
    #[test]
    fn the_newest_rules_take_back_only_what_is_called_fixed(
        fixes in prop::collection::vec("[0-3]\\.[0-3]\\.[0-3]", 0..4),
        versions in prop::collection::vec("[0-3]\\.[0-3]\\.[0-3]", 0..4),
        installed in "[0-3]\\.[0-3]\\.[0-3]",
    ) {
        let ranges: Vec<Value> = fixes.iter()
            .map(|fix| json!({"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fix}]})).collect();
        let one = record("X-1", "npm", "a", json!({"ranges": ranges, "versions": versions}));
        let (now, before) = affected(&one, &installed);
        prop_assert_eq!(now, before && !fixes.contains(&installed));
    }
}

/// Packages that a distribution installed: `python3-a` of the source `python-a` owns the Python package `a`.
fn owned(distribution: &str, release: &str) -> lockgate_model::Inventory {
    let mut owner = package("Debian:12", "python3-a", "1.0-1");
    owner.source =
        Some(lockgate_model::inventory::Source { name: "python-a".into(), version: "1.0-1".into() });
    let mut python = package("PyPI", "a", "1.0");
    python.installed_by = "python3-a".into();
    python.path = "/usr/lib/python3/dist-packages/a-1.0.dist-info/METADATA".into();
    let mut inventory = inventory(vec![owner, python]);
    inventory.distribution = Some(lockgate_model::inventory::Distribution {
        id: distribution.into(),
        version: release.into(),
        codename: String::new(),
    });
    inventory
}

/// What is found about packages of an inventory, with whether the vendor is silent; the extract says the same as the feed.
fn found(records: &[Value], inventory: &lockgate_model::Inventory) -> Vec<(String, bool)> {
    let feed = feed(records);
    let extract = feed.extract(&[inventory]).unwrap();
    let covered = |release: &str| feed.summary().coverage(release).is_some();
    let found = Matching::NEWEST.matches(inventory, &extract, covered);
    assert_eq!(found, feed.matches(inventory).unwrap());
    found.matches.into_iter().map(|one| (one.id, one.vendor_silent)).collect()
}

#[test]
fn what_a_distribution_that_is_not_covered_installed_is_judged_by_its_own_ecosystem() {
    let own = record("PYSEC-1", "PyPI", "a", json!({"versions": ["1.0"]}));
    let silent = [("PYSEC-1".to_owned(), true)];
    // Another release of it, and another distribution, cover nothing here.
    let others = [
        own.clone(),
        record("D-1", "Debian:11", "python-a", json!({"versions": ["1.0-1"]})),
        record("A-1", "Alpine:v3.20", "python-a", json!({"versions": ["1.0-1"]})),
    ];
    for inventory in [owned("debian", "12"), owned("debian", ""), owned("wolfi", "1"), owned("other", "12")] {
        assert_eq!(found(std::slice::from_ref(&own), &inventory), silent);
        assert_eq!(found(&others, &inventory), silent);
    }
    // Whatever a covered distribution says, and if it says nothing: it answers.
    let fixed = json!({"ranges": ranges(&[&[("introduced", "0"), ("fixed", "0.9-1")]])});
    for (name, said) in [("python-a", fixed), ("python-b", json!({"versions": ["1.0-1"]}))] {
        assert_eq!(found(&[own.clone(), record("D-1", "Debian:12", name, said)], &owned("debian", "12")), []);
    }
}

/// What is written into an image cannot make a distribution answer for what it does not distribute.
#[test]
fn a_distribution_answers_for_what_its_packages_bring_to_its_own_folders() {
    let both = [
        record("PYSEC-1", "PyPI", "a", json!({"versions": ["1.0"]})),
        record("D-1", "Debian:12", "python-b", json!({"versions": ["1.0-1"]})),
    ];
    let silent = [("PYSEC-1".to_owned(), true)];
    let mut inventory = owned("debian", "12");
    assert_eq!(found(&both, &inventory), []);
    for path in
        ["/opt/vendor/lib/a-1.0.dist-info/METADATA", "/srv/app/a-1.0.dist-info/METADATA", "/usr/local/a"]
    {
        inventory.packages[1].path = path.into();
        assert_eq!(found(&both, &inventory), silent, "{path}");
    }
    // An owner that is not there answers for nothing.
    let mut inventory = owned("debian", "12");
    inventory.packages.remove(0);
    assert_eq!(found(&both, &inventory), silent);
}
