//! Feeds: the same advisories give the same bytes in whatever order they come, a delta makes what it says, and damage is
//! told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod sayings;

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::feed::FeedOrigin;
use lockgate_model::{Digest, Inventory, Timestamp};
use lockgate_scan::feed::{Delta, delta};
use lockgate_scan::{Feed, FeedBuilder, match_inventory};
use proptest::prelude::*;
use sayings::package;
use serde_json::{Value, json};

fn built(records: &[Value]) -> Vec<u8> {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    for record in records {
        builder.add("x", Cursor::new(record.to_string())).unwrap();
    }
    builder.finish().unwrap().0
}

fn opened(bytes: &[u8]) -> Feed {
    Feed::open(Arc::new(Bytes::copy_from_slice(bytes))).unwrap()
}

fn inventory() -> Inventory {
    sayings::inventory(vec![
        package("npm", "a", "1.5.0"),
        package("Debian:12", "b", "2.0-1"),
        package("PyPI", "c", "3.0"),
    ])
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
        let extract = feed.extract(&[&inventory]).unwrap();
        prop_assert_eq!(match_inventory(&inventory, &extract), feed.matches(&inventory).unwrap());
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
        step.apply(&opened(&before), Cursor::<Vec<u8>>::default(), &mut made).unwrap();
        prop_assert_eq!(made, after);
        // On another feed it makes something else, and says so; what leads to nothing leads there from everywhere.
        let other = built(&[json!({"id": "Z-9", "modified": "2024-01-01T00:00:00Z"})]);
        let made = step.apply(&opened(&other), Cursor::<Vec<u8>>::default(), Vec::new());
        prop_assert!(made.is_err() || new.is_empty());
    }

    #[test]
    fn damage_is_told_or_does_no_harm(records in prop::collection::vec(record(), 1..6), at in any::<usize>(), bit in 0..8u8) {
        let mut bytes = built(&records);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(feed) = Feed::open(Arc::new(Bytes::from(bytes))) {
            let _extract = feed.extract(&[&inventory()]);
            let _matches = feed.matches(&inventory());
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

/// A VEX document about the source package `b` of Debian 12.
fn vex(status: &str, cve: &str, day: &str) -> Value {
    let leaf = |id: &str, helper: Value| {
        json!({"category": "product_version", "name": id,
        "product": {"name": id, "product_id": id, "product_identification_helper": helper}})
    };
    json!({
        "document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "a hole",
            "publisher": {"category": "vendor", "name": "x", "namespace": "https://example.com"},
            "tracking": {"id": cve, "status": "final", "current_release_date": format!("{day}T00:00:00Z")}},
        "product_tree": {
            "branches": [leaf("d12", json!({"cpe": "cpe:/o:debian:debian_linux:12"})), leaf("b", json!({"purl": "pkg:deb/debian/b"}))],
            "relationships": [{"category": "default_component_of", "product_reference": "b", "relates_to_product_reference": "d12",
                "full_product_name": {"name": "b", "product_id": "d12:b"}}]},
        "vulnerabilities": [{"cve": cve, "product_status": {status: ["d12:b"]}}]
    })
}

fn vulnerabilities(records: &[Value]) -> Vec<String> {
    let (feed, inventory) = (opened(&built(records)), inventory());
    let all: Vec<_> = feed.advisories().map(Result::unwrap).collect();
    let found = feed.matches(&inventory).unwrap();
    assert_eq!(found, match_inventory(&inventory, &all));
    found
        .matches
        .into_iter()
        .map(|vulnerability| format!("{} {}", vulnerability.package, vulnerability.id))
        .collect()
}

#[test]
fn what_a_distribution_denies_is_not_found() {
    let osv = |id: &str, ecosystem: &str, aliases: &[&str]| {
        json!({"id": id, "modified": "2024-01-02T00:00:00Z", "aliases": aliases, "affected": [
            {"package": {"ecosystem": ecosystem, "name": "b"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]})
    };
    let denial = vex("known_not_affected", "CVE-1", "2024-01-02");
    assert_eq!(vulnerabilities(&[vex("known_affected", "CVE-1", "2024-01-02")]), ["1 CVE-1"]);
    assert_eq!(vulnerabilities(std::slice::from_ref(&denial)), [""; 0]);
    for ecosystem in ["Debian", "Debian:12"] {
        let one = osv("X-1", ecosystem, &["CVE-1"]);
        assert_eq!(vulnerabilities(std::slice::from_ref(&one)), ["1 CVE-1"]);
        assert_eq!(vulnerabilities(&[one, denial.clone()]), [""; 0], "{ecosystem}");
    }
    // Another vulnerability beside the one that is denied, no CVE at all, and another CVE.
    assert_eq!(vulnerabilities(&[osv("X-1", "Debian:12", &["CVE-1", "CVE-2"]), denial.clone()]), ["1 CVE-1"]);
    assert_eq!(vulnerabilities(&[osv("X-1", "Debian:12", &[]), denial.clone()]), ["1 X-1"]);
    assert_eq!(vulnerabilities(&[osv("X-1", "Debian:12", &["CVE-3"]), denial]), ["1 CVE-3"]);
    // The distribution said so later; others may say so as late as they like.
    let early = vex("known_not_affected", "CVE-1", "2024-01-01");
    assert_eq!(vulnerabilities(&[osv("X-1", "Debian:12", &["CVE-1"]), early.clone()]), ["1 CVE-1"]);
    assert_eq!(vulnerabilities(&[osv("X-1", "Debian", &["CVE-1"]), early]), [""; 0]);
}

/// A vendor may speak of packages as they are installed: of each by its own name and version.
#[test]
fn packages_as_they_are_installed_are_told_from_their_sources() {
    let leaf = |id: &str, helper: Value| {
        json!({"category": "product_version", "name": id,
        "product": {"name": id, "product_id": id, "product_identification_helper": helper}})
    };
    let of = |id: &str| {
        json!({"category": "default_component_of", "product_reference": id, "relates_to_product_reference": "sles",
        "full_product_name": {"name": id, "product_id": format!("sles:{id}")}})
    };
    let [fixed, other, source] = ["libz1-1.3-5.1.x86_64", "zlib-devel-1.3-5.1.x86_64", "zlib-1.3-5.1.src"];
    let with = |status: Value| {
        let mut document = vex("known_affected", "CVE-1", "2024-01-01");
        document["product_tree"] = json!({
            "branches": [leaf("sles", json!({"cpe": "cpe:/o:suse:sles:15:sp5"})), leaf(fixed, json!({})), leaf(other, json!({})), leaf(source, json!({}))],
            "relationships": [of(fixed), of(other), of(source)]});
        document["vulnerabilities"][0]["product_status"] = status;
        document
    };
    let mut inventory = inventory();
    inventory.packages.truncate(2);
    for (package, name) in inventory.packages.iter_mut().zip(["libz1", "libminizip1"]) {
        package.ecosystem = "SUSE:15.5".into();
        (package.name, package.version, package.cataloger) = (name.into(), "1.3-5.0".into(), "rpm".into());
        // The source has another version, as some have.
        package.source =
            Some(lockgate_model::inventory::Source { name: "zlib".into(), version: "1.3-9.9".into() });
    }
    let vulnerabilities = |status: Value| {
        let feed = opened(&built(&[with(status)]));
        let extract = feed.extract(&[&inventory]).unwrap();
        let found = match_inventory(&inventory, &extract);
        assert_eq!(found, feed.matches(&inventory).unwrap());
        let name = |vulnerability: &lockgate_scan::Match| {
            format!(
                "{} {}",
                inventory.packages[vulnerability.package].name,
                vulnerability.fixed.clone().unwrap_or_default()
            )
        };
        found.matches.iter().map(name).collect::<Vec<_>>()
    };
    let all =
        |key: &str, ids: &[&str]| json!({key: ids.iter().map(|id| format!("sles:{id}")).collect::<Vec<_>>()});
    assert_eq!(vulnerabilities(all("recommended", &[fixed, other])), ["libz1 1.3-5.1"]);
    assert_eq!(vulnerabilities(all("recommended", &[other])), [""; 0]);
    assert_eq!(vulnerabilities(all("recommended", &[source])), [""; 0], "the source is newer than its fix");
    // The whole source is open, one package of it is not affected in the version that is installed.
    inventory.packages[0].version = "1.3-5.1".into();
    let vulnerabilities = |status: Value| {
        let feed = opened(&built(&[with(status)]));
        match_inventory(&inventory, &feed.extract(&[&inventory]).unwrap()).matches.len()
    };
    let open = json!({"first_affected": [format!("sles:{source}")]});
    assert_eq!(vulnerabilities(open.clone()), 2);
    let mut but_one = open;
    but_one["known_not_affected"] = json!([format!("sles:{fixed}")]);
    assert_eq!(vulnerabilities(but_one), 1);
    // A denial is no finding, whatever it names and has no name of.
    let mut nameless = with(all("known_not_affected", &[fixed]));
    nameless["vulnerabilities"][0].as_object_mut().unwrap().remove("cve");
    let feed = opened(&built(&[nameless]));
    assert_eq!(feed.summary().advisories, 1);
    assert_eq!(match_inventory(&inventory, &feed.extract(&[&inventory]).unwrap()).matches.len(), 0);
}

/// What one range says about version 1.5.0 of the npm package `a`.
fn in_range(kind: &str, events: &Value) -> bool {
    let record = json!({"id": "A-1", "modified": "2024-01-01T00:00:00Z", "affected": [
        {"package": {"ecosystem": "npm", "name": "a"}, "ranges": [{"type": kind, "events": events}]}]});
    !vulnerabilities(&[record]).is_empty()
}

/// OSV schema, "affected[].ranges[].events" and "Evaluation".
#[test]
fn ranges_mean_what_the_schema_says() {
    for kind in ["SEMVER", "ECOSYSTEM"] {
        for (events, expected) in [
            (json!([{"introduced": "0"}]), true),
            (json!([{"introduced": "1.5.0"}]), true),
            (json!([{"introduced": "1.5.1"}]), false),
            (json!([{"introduced": "0"}, {"fixed": "1.5.0"}]), false),
            (json!([{"introduced": "0"}, {"fixed": "1.5.1"}]), true),
            (json!([{"introduced": "0"}, {"last_affected": "1.5.0"}]), true),
            (json!([{"introduced": "0"}, {"last_affected": "1.4.9"}]), false),
            (json!([{"fixed": "1.2.0"}, {"introduced": "1.4.0"}, {"introduced": "0"}]), true),
            (json!([{"introduced": "0"}, {"fixed": "1.2.0"}, {"introduced": "1.6.0"}]), false),
            (json!([{"introduced": "0"}, {"limit": "1.5.0"}]), false),
            (json!([{"introduced": "0"}, {"limit": "1.5.1"}]), true),
            (json!([{"introduced": "0"}, {"limit": "1.0.0"}, {"limit": "2.0.0"}]), true),
            (json!([{"introduced": "0"}, {"limit": "1.0.0"}, {"introduced": "1.2.0"}]), false),
            (json!([{"introduced": "0"}, {"limit": "1.0.0"}, {"limit": "*"}]), true),
            (json!([]), false),
        ] {
            assert_eq!(in_range(kind, &events), expected, "{kind} {events}");
        }
    }
    assert!(!in_range("GIT", &json!([{"introduced": "0"}])), "commits are no versions");
}

#[test]
fn tags_of_commits_and_listed_versions_count() {
    let found = |versions: Value, ranges: Value| {
        let record = json!({"id": "A-1", "modified": "2024-01-01T00:00:00Z", "affected": [
            {"package": {"ecosystem": "npm", "name": "a"}, "versions": versions, "ranges": ranges}]});
        !vulnerabilities(&[record]).is_empty()
    };
    let git = json!([{"type": "GIT", "repo": "https://example.com/a", "events": [{"introduced": "0"}, {"fixed": "abc"}]}]);
    assert!(found(json!(["1.4.0", "1.5.0"]), json!([])));
    assert!(!found(json!(["1.4.0", "1.5.1"]), json!([])));
    assert!(found(json!(["1.5.0"]), git.clone()));
    assert!(found(json!(["v1.5.0"]), git.clone()), "a tag is the version with a letter before it");
    assert!(found(json!(["v1.5.0"]), json!([])), "the same version in another spelling");
    assert!(!found(json!(["v1.5.1"]), git.clone()));
    assert!(!found(json!(["version-1.5.0", "v"]), git.clone()));
    let both = json!([git[0], {"type": "SEMVER", "events": [{"introduced": "1.5.0"}]}]);
    assert!(found(json!([]), both));
}

#[test]
fn names_of_one_vulnerability_are_joined_and_related_ones_are_not() {
    let record = |id: &str, more: Value| {
        let mut record = json!({"id": id, "modified": "2024-01-01T00:00:00Z",
            "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1.5.0"]}]});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let one = record("GHSA-1", json!({"aliases": ["CVE-1"]}));
    assert_eq!(vulnerabilities(&[one.clone(), record("X-1", json!({"upstream": ["CVE-1"]}))]), ["0 CVE-1"]);
    assert_eq!(
        vulnerabilities(&[one.clone(), record("X-1", json!({"related": ["CVE-1"]}))]),
        ["0 CVE-1", "0 X-1"]
    );
    assert_eq!(
        vulnerabilities(&[one, record("X-1", json!({"withdrawn": "2024-01-02T00:00:00Z"}))]),
        ["0 CVE-1"]
    );
    assert_eq!(vulnerabilities(&[record("X-1", json!({"withdrawn": "2024-01-02T00:00:00Z"}))]), [""; 0]);
}

/// The severity and score that a record gets.
fn rated(more: &Value) -> (String, Option<u8>) {
    let mut record = json!({"id": "A", "modified": "2024-01-01T00:00:00Z"});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let advisory = opened(&built(&[record])).advisories().next().unwrap().unwrap();
    (advisory.severity.to_string(), advisory.cvss_tenths)
}

/// Vectors and scores: CVE-2002-0392 of the guide to version 2; CVE-2014-0160 and CVE-2021-44228 in 3.0 and 3.1 as the
/// CVE list has them; the examples of FIRST for version 4.0.
#[test]
fn scores_are_those_of_their_vectors() {
    for (vector, tenths, word) in [
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 78, "high"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75, "high"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100, "critical"),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 54, "medium"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", 87, "high"),
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 73, "high"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 100, "critical"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0, "info"),
    ] {
        let said = rated(&json!({"severity": [{"type": "CVSS", "score": vector}]}));
        assert_eq!(said, (word.to_owned(), Some(tenths)), "{vector}");
    }
    // The newer versions count before version 2, and the worst of them.
    let two = json!({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"},
        {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N"},
        {"type": "CVSS_V4", "score": "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]});
    assert_eq!(rated(&two), ("high".to_owned(), Some(73)));
    for bad in ["", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N/AC:L", "7.5"] {
        let said = rated(&json!({"severity": [{"type": "CVSS", "score": bad}]}));
        assert_eq!(said, ("medium".to_owned(), None), "unrated is not harmless: {bad}");
    }
    for (word, severity) in [
        ("CRITICAL", "critical"),
        ("Important", "high"),
        ("moderate", "medium"),
        ("negligible", "low"),
        ("whatever", "medium"),
    ] {
        assert_eq!(
            rated(&json!({"database_specific": {"severity": word}})),
            (severity.to_owned(), None),
            "{word}"
        );
    }
}

/// The word of a distribution decides about its packages: what upstream says of the same name is about another package.
#[test]
fn upstream_adds_nothing_to_a_package_of_a_distribution() {
    let record = |id: &str, ecosystem: &str, events: Value| {
        json!({"id": id, "modified": "2024-01-01T00:00:00Z", "aliases": ["CVE-1"], "affected": [
            {"package": {"ecosystem": ecosystem, "name": "b"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]})
    };
    let upstream = ["OSS-Fuzz", "Bitnami", "PyPI", "Debian:11", "Ubuntu:22.04"];
    let upstream = upstream.map(|ecosystem| record(ecosystem, ecosystem, json!([{"introduced": "0"}])));
    assert_eq!(vulnerabilities(&upstream), [""; 0]);
    let fixed = record("DSA-1", "Debian:12", json!([{"introduced": "0"}, {"fixed": "2.0-1"}]));
    let all: Vec<_> = upstream.iter().cloned().chain([fixed]).collect();
    assert_eq!(vulnerabilities(&all), [""; 0], "Debian says that 2.0-1 has the fix");
    let open = record("DSA-1", "Debian:12", json!([{"introduced": "0"}, {"fixed": "2.0-2"}]));
    assert_eq!(vulnerabilities(&[open]), ["1 CVE-1"]);
    // A Python package that dpkg installed is Debian's, when Debian's advisories are there.
    let python = json!({"id": "P-1", "modified": "2024-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "c"}, "versions": ["3.0"]}]});
    let mut inventory = inventory();
    let found = |inventory: &Inventory| {
        let feed = opened(&built(&[python.clone(), all[all.len() - 1].clone()]));
        match_inventory(inventory, &feed.extract(&[inventory]).unwrap()).matches.len()
    };
    assert_eq!(found(&inventory), 1);
    inventory.packages[2].installed_by = "b".into();
    inventory.packages[2].path = "/usr/lib/python3/dist-packages/c-3.0.dist-info/METADATA".into();
    inventory.distribution = Some(lockgate_model::inventory::Distribution {
        id: "debian".into(),
        version: "12".into(),
        codename: String::new(),
    });
    assert_eq!(found(&inventory), 0);
}

/// Documents in every wrapping give one feed.
#[test]
fn csaf_comes_alone_in_lines_lists_zips_and_tars() {
    let documents =
        [vex("known_affected", "CVE-1", "2024-01-01"), vex("known_not_affected", "CVE-2", "2024-01-01")];
    let expected = built(&documents);
    let lines = documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n").into_bytes();
    let list = Value::from(documents.to_vec()).to_string().into_bytes();
    let mut tar = tar::Builder::new(Vec::new());
    for (index, document) in documents.iter().enumerate() {
        let bytes = serde_json::to_vec_pretty(document).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, format!("2026/{index}-{}.json", "long".repeat(60)), bytes.as_slice())
            .unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    tar.append_data(&mut header, "README", b"text".as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (index, document) in documents.iter().enumerate() {
        zip.start_file(format!("{index}.json"), zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, document.to_string().as_bytes()).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    for (kind, bytes) in [
        ("lines", lines.clone()),
        ("list", list),
        ("tar", tar.clone()),
        ("tar.zst", zstd::encode_all(tar.as_slice(), 1).unwrap()),
        ("zip", zip),
    ] {
        let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        builder.source(FeedOrigin { name: "x".into(), fetched: None, claimed: false });
        builder.add(kind, Cursor::new(bytes)).unwrap();
        let (made, summary) = builder.finish().unwrap();
        assert_eq!((made, summary.refused_count), (expected.clone(), 0), "{kind}");
    }
    // A broken one is kept out and named; a tar that is cut off is an error.
    let mut broken = documents[0].clone();
    broken["document"]["tracking"] = Value::Null;
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    let text = format!("{}\n{broken}", documents[1]);
    builder.add("x", Cursor::new(text)).unwrap();
    let (_, summary) = builder.finish().unwrap();
    assert_eq!((summary.refused_count, summary.refused[0].place.as_str()), (1, "x: line 2"));
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    assert!(builder.add("x", Cursor::new(&tar[..700])).is_err());
}

proptest! {
    #[test]
    fn csaf_documents_of_any_shape_are_read_or_refused(
        cut in any::<proptest::sample::Index>(),
        key in prop::sample::select(vec!["branches", "relationships", "product_status", "cve", "scores", "document", "d12:b", "d12"]),
        with in "[ -~]{0,12}",
    ) {
        let text = vex("known_affected", "CVE-1", "2024-01-01").to_string();
        let at = cut.index(text.len());
        for bytes in [text.replace(key, &with.replace(['"', '\\'], "")), format!("{}{with}{}", &text[..at], &text[at..]), text[..at].to_owned()] {
            let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
            let added = builder.add("x", Cursor::new(&bytes));
            let (_, summary) = builder.finish().unwrap();
            let told = summary.header.advisories + summary.refused_count + summary.withdrawn;
            prop_assert!(added.is_err() || told > 0, "nothing was said about {}", bytes);
        }
    }

    #[test]
    fn every_reader_tells_what_it_makes_of_damage(
        sample in prop::sample::select(vec![
            r#"{"openssl":{"CVE-2024-1":{"description":"x","releases":{"bookworm":{"status":"resolved","fixed_version":"1","urgency":"high"}}}}}"#,
            r#"{"distroversion":"v3.20","reponame":"main","packages":[{"pkg":{"name":"a","secfixes":{"1":["CVE-2024-1"]}}}]}"#,
            r#"{"title":"x","catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2024-1"},{}]}"#,
            r#"{"result":{"name":"debian","releases":[{"name":"12","eolFrom":"2026-06-10"}]}}"#,
            "#model\ncve,epss,percentile\nCVE-2024-1,0.5,0.9\nx\n",
            r#"{"id":"A","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}"#,
        ]),
        at in any::<proptest::sample::Index>(),
        with in "[ -~]{0,6}",
    ) {
        let at = at.index(sample.len());
        for bytes in [format!("{}{with}{}", &sample[..at], &sample[at..]), sample[..at].to_owned(), sample.to_owned()] {
            let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
            let _told = builder.add("x", Cursor::new(bytes.as_bytes()));
            let (made, summary) = builder.finish().unwrap();
            let feed = opened(&made);
            prop_assert_eq!(feed.advisories().flatten().count() as u64, summary.header.advisories);
            prop_assert_eq!(summary.refused.len() as u64, summary.refused_count.min(100));
        }
    }

    #[test]
    fn a_delta_of_any_shape_is_read_or_refused(at in any::<proptest::sample::Index>(), with in "[ -~]{0,6}") {
        let (before, after) = (built(&[]), built(&[vex("known_affected", "CVE-1", "2024-01-01")]));
        let step = delta(Digest::of(&before), &opened(&before), Digest::of(&after), &opened(&after)).unwrap();
        let mut bytes = step.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes.splice(at..at, with.bytes());
        if let Ok(read) = Delta::from_bytes(&bytes) {
            let made = read.apply(&opened(&before), Cursor::<Vec<u8>>::default(), Vec::new());
            prop_assert_eq!(made.is_ok(), read == step);
        }
    }
}
