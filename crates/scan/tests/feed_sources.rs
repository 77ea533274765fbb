//! Feeds remember their sources: how old each is, what only it brings, what goes when it is read anew or taken out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::feed::{FeedOrigin, FeedPeaks};
use lockgate_model::{Digest, Severity, Timestamp};
use lockgate_scan::feed::{Delta, FeedChange, Loss, change, delta};
use lockgate_scan::{Advisory, Feed, FeedBuilder, FeedHeader, FeedSummary};
use proptest::prelude::*;
use serde_json::{Value, json};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-26T12:00:00Z")
}

fn opened(bytes: &[u8]) -> Feed {
    Feed::open(Arc::new(Bytes::copy_from_slice(bytes))).unwrap()
}

fn origin(name: &str, fetched: Option<&str>) -> FeedOrigin {
    FeedOrigin { name: name.into(), fetched: fetched.map(at), claimed: fetched.is_some() }
}

/// A source with its records, as lines.
#[derive(Debug, Clone)]
struct Given {
    name: &'static str,
    fetched: Option<&'static str>,
    text: String,
}

fn given(name: &'static str, fetched: Option<&'static str>, records: &[Value]) -> Given {
    let lines: Vec<_> = records.iter().map(|record| format!("{record}\n")).collect();
    let text = if lines.is_empty() { "[]".to_owned() } else { lines.concat() };
    Given { name, fetched, text }
}

/// The feed with `sources` after `base`, each in place of what it brought before.
fn with(base: Option<&[u8]>, sources: &[Given]) -> (Vec<u8>, FeedSummary) {
    let mut builder = FeedBuilder::new(now());
    if let Some(base) = base {
        let again: BTreeSet<_> = sources.iter().map(|source| source.name.to_owned()).collect();
        builder.carry(&opened(base), &again).unwrap();
    }
    for source in sources {
        builder.source(origin(source.name, source.fetched));
        builder.add(source.name, Cursor::new(&source.text)).unwrap();
    }
    builder.finish().unwrap()
}

fn made(sources: &[Given]) -> Vec<u8> {
    with(None, sources).0
}

fn header(sources: &[Given]) -> FeedHeader {
    opened(&made(sources)).summary().clone()
}

fn record(id: &str, ecosystem: &str, modified: &str, more: &Value) -> Value {
    let mut record = json!({"id": id, "modified": modified, "affected": [{"package": {"ecosystem": ecosystem, "name": "a"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]}]});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn plain(id: &str, ecosystem: &str) -> Value {
    record(id, ecosystem, "2026-11-20T00:00:00Z", &json!({}))
}

fn advisory(sources: &[Given], id: &str) -> Advisory {
    let feed = opened(&made(sources));
    feed.advisories().map(Result::unwrap).find(|one| one.id == id).unwrap()
}

const NAMES: [&str; 4] = ["alpine", "debian", "epss", "osv"];

fn any_record() -> impl Strategy<Value = Value> {
    let rating = prop::sample::select(vec![
        json!({}),
        json!({"database_specific": {"severity": "LOW"}}),
        json!({"database_specific": {"severity": "CRITICAL"}}),
        json!({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N"}]}),
        json!({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:N/I:N/A:N"}]}),
    ]);
    let ecosystem = prop::sample::select(vec!["npm", "Debian:12", "Debian:13", "PyPI", "Alpine:v3.22"]);
    let day = prop::sample::select(vec![1, 2, 28, 29]);
    ("[A-C]-[0-9]", ecosystem, day, prop::collection::vec("CVE-2026-000[0-4]", 0..3), rating, any::<bool>())
        .prop_map(|(id, ecosystem, day, aliases, rating, empty)| {
            let mut record = record(&id, ecosystem, &format!("2026-11-{day:02}T00:00:00Z"), &rating);
            record["aliases"] = json!(aliases);
            if empty {
                record["affected"][0]["ranges"] = json!([]);
            }
            record
        })
}

fn any_source(name: &'static str) -> impl Strategy<Value = Given> {
    let fetched =
        prop::sample::select(vec![None, Some("2026-11-25T00:00:00Z"), Some("2026-01-01T00:00:00Z")]);
    let lines = prop::collection::vec(any_record(), 0..8);
    let by_name = prop::collection::vec(("CVE-2026-000[0-4]", 0..100_u32), 0..4);
    (fetched, lines, by_name).prop_map(move |(fetched, records, by_name)| {
        if name != "epss" {
            return given(name, fetched, &records);
        }
        let lines: Vec<_> = by_name.iter().map(|(cve, part)| format!("{cve},0.{part:02},0.5\n")).collect();
        Given {
            name,
            fetched,
            text: format!("#score_date:2026-11-26T00:00:00+0000\ncve,epss,percentile\n{}", lines.concat()),
        }
    })
}

fn any_sources() -> impl Strategy<Value = Vec<Given>> {
    NAMES.map(any_source).into_iter().collect::<Vec<_>>()
}

proptest! {
    /// One after the other in any order, again, with something else in between: the same bytes as all at once.
    #[test]
    fn the_order_of_imports_says_nothing(
        sources in any_sources(),
        others in any_sources(),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        again in prop::collection::vec(0..4_usize, 0..5),
    ) {
        let all = made(&sources);
        let mut feed: Option<Vec<u8>> = None;
        for place in order {
            feed = Some(with(feed.as_deref(), &sources[place..=place]).0);
        }
        prop_assert_eq!(feed.as_ref().unwrap(), &all);
        for place in again {
            let between = with(feed.as_deref(), &others[place..=place]).0;
            feed = Some(with(Some(&between), &sources[place..=place]).0);
            prop_assert_eq!(feed.as_ref().unwrap(), &all);
        }
    }

    /// A source that is taken out leaves nothing behind: neither records nor ratings, nor probabilities.
    #[test]
    fn what_is_taken_out_is_as_if_it_had_never_been(sources in any_sources(), gone in 0..4_usize) {
        let mut builder = FeedBuilder::new(now());
        builder.carry(&opened(&made(&sources)), &BTreeSet::from([NAMES[gone].to_owned()])).unwrap();
        let mut rest = sources.clone();
        rest.remove(gone);
        prop_assert_eq!(builder.finish().unwrap().0, made(&rest));
    }

    #[test]
    fn a_delta_carries_sources_and_dates(old in any_sources(), new in any_sources(), gone in 0..4_usize) {
        let mut new = new;
        new.remove(gone);
        let (before, after) = (made(&old), made(&new));
        let step = delta(Digest::of(&before), &opened(&before), Digest::of(&after), &opened(&after)).unwrap();
        let step = Delta::from_bytes(&step.to_bytes().unwrap()).unwrap();
        let mut out = Vec::new();
        let header = step.apply(&opened(&before), Cursor::<Vec<u8>>::default(), &mut out).unwrap();
        prop_assert_eq!(header.sources, opened(&after).summary().sources.clone());
        prop_assert_eq!(out, after);
    }
}

#[test]
fn a_source_that_is_read_again_replaces_its_own_records_only() {
    let first = made(&[
        given("a", None, &[plain("A-1", "npm"), plain("S-1", "npm")]),
        given("b", None, &[plain("B-1", "PyPI"), plain("S-1", "npm")]),
    ]);
    let (second, _) = with(Some(&first), &[given("a", None, &[plain("A-2", "npm")])]);
    let ids: Vec<_> = opened(&second).advisories().map(|one| one.unwrap().id).collect();
    assert_eq!(ids, ["A-2", "B-1", "S-1"], "what the other source has too stays");
    let (third, _) = with(Some(&second), &[given("b", None, &[plain("B-1", "PyPI")])]);
    let ids: Vec<_> = opened(&third).advisories().map(|one| one.unwrap().id).collect();
    assert_eq!(ids, ["A-2", "B-1"]);
}

/// (What is imported, how old npm is then: nothing where nobody knows.)
#[test]
fn an_ecosystem_is_as_old_as_what_only_the_oldest_source_has() {
    let (fresh, dead) = (Some("2026-11-26T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
    let [one, two] = [plain("N-1", "npm"), plain("N-2", "npm")];
    for (sources, expected) in [
        (vec![given("a", fresh, std::slice::from_ref(&one))], fresh),
        (vec![given("a", dead, std::slice::from_ref(&one))], dead),
        (vec![given("a", None, std::slice::from_ref(&one))], None),
        // Another ecosystem, KEV or EPSS says nothing about this one.
        (
            vec![given("a", dead, std::slice::from_ref(&one)), given("b", fresh, &[plain("P-1", "PyPI")])],
            dead,
        ),
        (
            vec![given("a", fresh, std::slice::from_ref(&one)), given("b", dead, &[plain("P-1", "PyPI")])],
            fresh,
        ),
        // A fresh source does not hide a dead one that has something of its own.
        (
            vec![given("a", dead, std::slice::from_ref(&one)), given("b", fresh, std::slice::from_ref(&two))],
            dead,
        ),
        (
            vec![given("a", None, std::slice::from_ref(&one)), given("b", fresh, std::slice::from_ref(&two))],
            None,
        ),
        (
            vec![
                given("a", dead, &[one.clone(), two.clone()]),
                given("b", fresh, std::slice::from_ref(&two)),
            ],
            dead,
        ),
        // What it has is all in the fresh one as well: the dead one does no harm.
        (
            vec![
                given("a", dead, std::slice::from_ref(&one)),
                given("b", fresh, &[one.clone(), two.clone()]),
            ],
            fresh,
        ),
        (
            vec![given("a", dead, std::slice::from_ref(&one)), given("b", fresh, std::slice::from_ref(&one))],
            fresh,
        ),
    ] {
        let coverage = header(&sources).coverage("npm").unwrap();
        assert_eq!(coverage.origin.fetched, expected.map(at), "{sources:?}");
    }
}

#[test]
fn what_can_match_nothing_covers_nothing() {
    let empty =
        |affected: Value| json!({"id": "A-1", "modified": "2026-11-20T00:00:00Z", "affected": affected});
    let package = json!({"ecosystem": "npm", "name": "a"});
    for affected in [
        json!([]),
        json!([{"package": package}]),
        json!([{"package": package, "ranges": []}]),
        json!([{"package": package, "ranges": [{"type": "SEMVER", "events": []}]}]),
        json!([{"package": package, "ranges": [{"type": "SEMVER", "events": [{"fixed": "1"}]}]}]),
        json!([{"package": package, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}]),
        json!([{"package": package, "database_specific": {"fixed_versions": ["1"]}}]),
    ] {
        let header = header(&[given("a", None, &[empty(affected.clone())])]);
        assert_eq!(header.coverage("npm"), None, "{affected}");
        assert_eq!((header.sources[0].advisories, header.sources[0].without_ranges), (1, 1), "{affected}");
    }
}

#[test]
fn a_release_is_covered_by_its_own_advisories() {
    let header = header(&[given(
        "a",
        None,
        &[plain("D-1", "Debian:12"), plain("N-1", "npm"), plain("D-2", "Debian")],
    )]);
    for (ecosystem, covered) in [
        ("Debian:12", true),
        ("Debian:13", false),
        ("Debian:99", false),
        ("Debian:", false),
        ("npm", true),
        ("PyPI", false),
        ("Alpine:edge", false),
    ] {
        assert_eq!(header.coverage(ecosystem).is_some(), covered, "{ecosystem}");
    }
}

/// Dates that cannot be true: counted, not believed, and of no use against what others say.
#[test]
fn dates_in_the_future_are_not_believed() {
    for (fetched, modified, future, newest) in [
        (None, "2026-11-26T11:00:00Z", 0, Some("2026-11-26T11:00:00Z")),
        (None, "2026-11-26T12:00:01Z", 1, None),
        (None, "2099-01-01T00:00:00Z", 1, None),
        (None, "2027-07-09T00:00:00Z", 1, None),
        (Some("2026-11-20T00:00:00Z"), "2026-11-19T00:00:00Z", 0, Some("2026-11-19T00:00:00Z")),
        (Some("2026-11-20T00:00:00Z"), "2026-11-21T00:00:00Z", 1, None),
    ] {
        let header = header(&[given("a", fetched, &[record("A-1", "npm", modified, &json!({}))])]);
        let source = &header.sources[0];
        assert_eq!((source.future_dates, source.newest), (future, newest.map(at)), "{fetched:?} {modified}");
        assert_eq!(source.fetched, fetched.map(at), "a record's date is no date of fetching");
    }
    // Poison under somebody else's id: it neither replaces nor hides what the other source says.
    let poison = json!({"id": "A-1", "modified": "2099-01-01T00:00:00Z", "affected": []});
    let good = plain("A-1", "npm");
    let poisoned = advisory(
        &[given("a", None, std::slice::from_ref(&good)), given("b", None, std::slice::from_ref(&poison))],
        "A-1",
    );
    assert_eq!(poisoned.affected.len(), 1);
    let one_file = advisory(&[given("a", None, &[poison, good])], "A-1");
    assert_eq!(one_file.affected.len(), 1);
    // A withdrawn record is a sign of life too.
    let withdrawn =
        record("A-2", "npm", "2026-11-25T00:00:00Z", &json!({"withdrawn": "2026-11-25T00:00:00Z"}));
    let header = header(&[given("a", None, &[plain("A-1", "npm"), withdrawn])]);
    assert_eq!(header.sources[0].newest, Some(at("2026-11-25T00:00:00Z")));
}

#[test]
fn documents_with_a_date_of_their_own_give_it_to_their_source() {
    let kev = |date: &str| {
        json!({"catalogVersion": "1", "dateReleased": date, "vulnerabilities": [{"cveID": "CVE-2026-1"}]})
            .to_string()
    };
    let secdb = json!({"distroversion": "v3.22", "reponame": "main", "packages": [{"pkg": {"name": "a", "secfixes": {"1-r0": ["CVE-2026-1"]}}}]});
    for (text, expected) in [
        (kev("2026-11-25T15:00:00.0000Z"), Some("2026-11-25T15:00:00Z")),
        (kev("2026-11-25"), Some("2026-11-25T00:00:00Z")),
        (kev("2099-01-01T00:00:00Z"), None),
        (kev("soon"), None),
        ("#model_version:v2025,score_date:2026-11-25T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1,0.5,0.9\n".into(), Some("2026-11-25T00:00:00Z")),
        ("#model_version:v2025,score_date:2099-11-25T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1,0.5,0.9\n".into(), None),
        ("cve,epss,percentile\nCVE-2026-1,0.5,0.9\n".into(), None),
        (secdb.to_string(), None),
        (plain("A-1", "npm").to_string(), None),
        (r#"{"generated_at":"2026-11-20T00:00:00Z","result":{"name":"debian","releases":[{"name":"12","eolFrom":"2026-06-10"}]}}"#.into(), Some("2026-11-20T00:00:00Z")),
    ] {
        let source = &header(&[Given { name: "x", fetched: None, text: text.clone() }]).sources[0];
        assert_eq!((source.fetched, source.claimed), (expected.map(at), false), "{text}");
    }
    // One document without a date makes the source undated; what somebody claims stands.
    let mut builder = FeedBuilder::new(now());
    builder.source(origin("x", None));
    builder.add("kev", Cursor::new(kev("2026-11-25"))).unwrap();
    builder.add("secdb", Cursor::new(secdb.to_string())).unwrap();
    assert_eq!(builder.finish().unwrap().1.header.sources[0].fetched, None);
    let claimed = Given { name: "x", fetched: Some("2026-11-01T00:00:00Z"), text: kev("2026-11-25") };
    let source = &header(&[claimed]).sources[0];
    assert_eq!((source.fetched, source.claimed), (Some(at("2026-11-01T00:00:00Z")), true));
}

/// (Records of two sources, then the severity of A-1, and whether nobody rated it.)
#[test]
fn a_rating_comes_from_any_name_before_it_counts_as_unrated() {
    let zero =
        json!({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}]});
    let rate = |word: &str| json!({"database_specific": {"severity": word}});
    let merge = |a: &Value, b: Value| {
        let mut a = a.clone();
        a.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
        a
    };
    let names = |names: &[&str]| json!({"aliases": names});
    for (own, other, severity, unrated) in [
        (json!({}), json!({}), Severity::Medium, true),
        (rate("HIGH"), json!({}), Severity::High, false),
        (rate("whatever"), json!({}), Severity::Medium, true),
        (names(&["CVE-2026-1"]), merge(&rate("LOW"), names(&["CVE-2026-1"])), Severity::Low, false),
        (
            names(&["GHSA-2222-3333-4444"]),
            merge(&rate("CRITICAL"), names(&["GHSA-2222-3333-4444"])),
            Severity::Critical,
            false,
        ),
        (names(&["CVE-2026-1"]), merge(&rate("LOW"), names(&["CVE-2026-01"])), Severity::Medium, true),
        (names(&["B-1"]), rate("CRITICAL"), Severity::Critical, false),
        // That one sees no harm does not answer for who is silent.
        (names(&["CVE-2026-1"]), merge(&zero, names(&["CVE-2026-1"])), Severity::Medium, true),
        (zero.clone(), json!({}), Severity::Info, false),
        (merge(&zero, rate("HIGH")), json!({}), Severity::High, false),
        // Ubuntu's own word; the urgency of Debian.
        (json!({"severity": [{"type": "Ubuntu", "score": "high"}]}), json!({}), Severity::High, false),
        (json!({"severity": [{"type": "Ubuntu", "score": "negligible"}]}), json!({}), Severity::Low, false),
        (json!({"severity": [{"type": "Ubuntu", "score": "untriaged"}]}), json!({}), Severity::Medium, true),
        // The own word counts for more than that of others.
        (
            merge(&rate("LOW"), names(&["CVE-2026-1"])),
            merge(&rate("CRITICAL"), names(&["CVE-2026-1"])),
            Severity::Low,
            false,
        ),
    ] {
        let sources = [
            given("a", None, &[record("A-1", "npm", "2026-11-20T00:00:00Z", &own)]),
            given("b", None, &[record("B-1", "PyPI", "2026-11-20T00:00:00Z", &other)]),
        ];
        let one = advisory(&sources, "A-1");
        assert_eq!((one.severity, one.unrated), (severity, unrated), "{own} {other}");
    }
}

#[test]
fn malicious_packages_are_marked_and_critical() {
    for (id, more, malicious) in [
        ("MAL-2024-1", json!({}), true),
        ("GHSA-1", json!({"aliases": ["MAL-2024-1"]}), true),
        ("GHSA-1", json!({"upstream": ["MAL-2024-1"]}), true),
        ("GHSA-1", json!({"database_specific": {"cwe_ids": ["CWE-79", "CWE-506"]}}), true),
        ("X-1", json!({"database_specific": {"malicious-packages-origins": []}}), true),
        (
            "MAL-2024-1",
            json!({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}]}),
            true,
        ),
        ("MAL-2024-1", json!({"database_specific": {"severity": "LOW"}}), true),
        ("MALFORMED-1", json!({}), false),
        ("GHSA-1", json!({"database_specific": {"cwe_ids": ["CWE-79"]}}), false),
    ] {
        let one = advisory(&[given("a", None, &[record(id, "npm", "2026-11-20T00:00:00Z", &more)])], id);
        assert_eq!(one.malicious, malicious, "{id} {more}");
        assert_eq!(one.severity == Severity::Critical && !one.unrated, malicious, "{id} {more}");
    }
}

/// What kinds of losses a step has.
fn types(change: &FeedChange) -> Vec<String> {
    let kind = |loss: &Loss| serde_json::to_value(loss).unwrap()["type"].as_str().unwrap().to_owned();
    change.losses.iter().map(kind).collect()
}

/// Everything that a feed can have less, each with the word that tells it.
#[test]
fn what_a_feed_has_less_is_told() {
    let (fresh, before) = (Some("2026-11-26T00:00:00Z"), Some("2026-11-20T00:00:00Z"));
    let many =
        |count: usize| -> Vec<Value> { (0..count).map(|at| plain(&format!("N-{at}"), "npm")).collect() };
    let dated = |day: &str| vec![record("N-0", "npm", &format!("2026-11-{day}T00:00:00Z"), &json!({}))];
    let kev = |count: usize| {
        let list: Vec<_> = (0..count).map(|at| json!({"cveID": format!("CVE-2026-{at}")})).collect();
        let text =
            json!({"catalogVersion": "1", "dateReleased": "2026-11-20", "vulnerabilities": list}).to_string();
        Given { name: "kev", fetched: None, text }
    };
    let debian = |releases: &[&str]| -> Vec<Value> {
        releases.iter().map(|release| plain(&format!("D-{release}"), &format!("Debian:{release}"))).collect()
    };
    for (old, new, told) in [
        (vec![given("a", before, &many(20))], vec![given("a", fresh, &many(20))], &[][..]),
        (vec![given("a", before, &many(20))], vec![given("a", fresh, &many(18))], &[]),
        (vec![given("a", before, &many(20))], vec![given("a", fresh, &many(17))], &["ecosystem", "source"]),
        (
            vec![given("a", before, &many(20))],
            vec![given("a", fresh, &[])],
            &["ecosystem", "source", "older-records"],
        ),
        (vec![given("a", before, &many(20))], vec![given("b", fresh, &many(20))], &["source"]),
        (
            vec![given("a", before, &debian(&["12", "13"]))],
            vec![given("a", fresh, &debian(&["12"]))],
            &["ecosystem", "source"],
        ),
        (vec![given("a", before, &debian(&["12"]))], vec![given("a", fresh, &debian(&["12", "13"]))], &[]),
        (vec![given("a", fresh, &many(2))], vec![given("a", before, &many(2))], &["older"]),
        (vec![given("a", fresh, &many(2))], vec![given("a", None, &many(2))], &["older"]),
        (vec![given("a", None, &many(2))], vec![given("a", before, &many(2))], &[]),
        (vec![given("a", fresh, &dated("20"))], vec![given("a", fresh, &dated("18"))], &["older-records"]),
        (vec![given("a", fresh, &dated("20"))], vec![given("a", fresh, &dated("19"))], &[]),
        (vec![given("a", fresh, &many(2)), kev(20)], vec![given("a", fresh, &many(2)), kev(10)], &["facts"]),
        (vec![given("a", fresh, &many(2)), kev(20)], vec![given("a", fresh, &many(2))], &["source", "facts"]),
    ] {
        let change = change(Some(&header(&old)), &FeedPeaks::default(), &header(&new));
        assert_eq!(types(&change), told, "{old:?} {new:?}");
        assert!(change.losses.iter().map(Loss::to_string).all(|text| !text.is_empty()));
    }
}

type Made<'a> = (&'a str, &'a dyn Fn(usize) -> Vec<Given>);

/// Ten imports, each of which loses 9 %: of advisories, of KEV, of the newest record's age. What goes in small steps adds
/// up; a recorded reason begins anew.
#[test]
fn losses_of_several_imports_add_up() {
    let day = Some("2026-11-26T00:00:00Z");
    let many = |count: usize| -> Vec<Value> {
        let kept = (0..count).map(|at| plain(&format!("N-{at}"), "npm"));
        kept.chain([plain("P-1", "PyPI")]).collect()
    };
    let kev = |count: usize| {
        let list: Vec<_> = (0..count).map(|at| json!({"cveID": format!("CVE-2026-{at}")})).collect();
        let text = json!({"catalogVersion": "1", "dateReleased": "2026-11-20", "vulnerabilities": list});
        vec![given("a", day, &many(1)), Given { name: "kev", fetched: None, text: text.to_string() }]
    };
    let less = |left: &usize| Some(left - left * 9 / 100);
    let steps: Vec<usize> = std::iter::successors(Some(1000), less).take(11).collect();
    let newest = |count: usize| {
        let before = steps.iter().take_while(|one| **one > count).count();
        let at = now().plus_seconds(-86_400 * 7 - 82_000 * i64::try_from(before).unwrap());
        vec![given("a", day, &[record("N-1", "npm", &at.to_string(), &json!({}))])]
    };
    let npm = |count: usize| vec![given("a", day, &many(count))];
    let made: [Made<'_>; 3] = [("ecosystem source", &npm), ("facts", &kev), ("older-records", &newest)];
    for (told, of) in made {
        let headers: Vec<_> = steps.iter().map(|count| header(&of(*count))).collect();
        for reasons in [false, true] {
            let (mut last, mut peaks, mut refused) = (&headers[0], FeedPeaks::default(), 0);
            for header in &headers[1..] {
                let change = change(Some(last), &peaks, header);
                if change.losses.is_empty() {
                    (last, peaks) = (header, change.peaks);
                    continue;
                }
                assert_eq!(types(&change).join(" "), told);
                refused += 1;
                if reasons {
                    (last, peaks) = (header, FeedPeaks::default());
                }
            }
            // Without a reason the first step stays, and none after it comes; with one, every second step needs it.
            assert_eq!(refused, if reasons { 5 } else { 9 }, "{told}");
            let back = change(Some(last), &peaks, &headers[0]);
            assert!(back.losses.is_empty() && back.peaks.is_empty(), "{told}: {back:?}");
        }
    }
}

/// More that shrank a little than an entry could remember: nothing of it goes without a reason.
#[test]
fn what_cannot_be_remembered_may_not_go() {
    let of = |count: u32| {
        let mut header = header(&[given("a", None, &[plain("N-1", "npm")])]);
        header.releases = (0..400).map(|at| (format!("Ubuntu:{at}:LTS"), u64::from(count))).collect();
        header
    };
    let told = change(Some(&of(100)), &FeedPeaks::default(), &of(99));
    assert_eq!(told.losses.len(), 400);
}

/// What is cut off looks like all of it, unless somebody notices.
#[test]
fn files_that_are_cut_off_are_refused() {
    let record = plain("A-1", "npm").to_string();
    let lines = format!("{record}\n{}\n", plain("A-2", "npm"));
    let epss = "#score_date:2026-11-26T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1,0.5,0.9\nCVE-2026-2,0.25,0.9\n";
    let gzip = {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut out, lines.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    for name in ["1.json", "2.json"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(record.len() as u64);
        tar.append_data(&mut header, name, record.as_bytes()).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let read = |bytes: &[u8]| {
        let mut builder = FeedBuilder::new(now());
        builder.add("x", Cursor::new(bytes)).map(|()| builder.finish().unwrap().1)
    };
    for whole in [lines.as_bytes(), epss.as_bytes(), &gzip, &zstd, &tar] {
        assert!(read(whole).is_ok_and(|summary| summary.refused_count == 0));
    }
    let second = record.len() + 1;
    for end in (second + 1..lines.len() - 1).step_by(9) {
        assert!(read(&lines.as_bytes()[..end]).is_err(), "{end}");
    }
    for end in [epss.len() - 5, epss.len() - 8, epss.len() - 14] {
        assert!(read(&epss.as_bytes()[..end]).is_err() || end == epss.len() - 5, "{end}");
    }
    for end in [gzip.len() - 1, gzip.len() - 9, gzip.len() / 2] {
        assert!(read(&gzip[..end]).is_err(), "{end}");
    }
    for end in [zstd.len() - 1, zstd.len() / 2] {
        assert!(read(&zstd[..end]).is_err(), "{end}");
    }
    // In the middle of a file, between two files, and without the end.
    for end in [512, 600, 1024, 1536, 2048] {
        assert!(read(&tar[..end]).is_err(), "{end}");
    }
}

/// A feed that was made before format 4: it is read as before, and cannot be added to.
#[test]
fn feeds_of_format_3_are_read() {
    let bytes = include_bytes!("feed-formats/3.feed");
    let feed = opened(bytes);
    assert_eq!((feed.summary().format.as_str(), feed.summary().advisories), ("lockgate-feed-3", 2));
    assert!(!feed.remembers_sources() && feed.summary().coverage("npm").is_none());
    let all: Vec<_> = feed.advisories().map(Result::unwrap).collect();
    let said: Vec<_> = all.iter().map(|one| (one.id.as_str(), one.severity, one.known_exploited)).collect();
    assert_eq!(said, [("A-1", Severity::Critical, true), ("A-2", Severity::Medium, false)]);
    // The bytes of extracts are those that recorded Cases have: nothing that format 3 did not know.
    let written = String::from_utf8(lockgate_scan::write_extract(&all).unwrap()).unwrap();
    assert!(!written.contains("unrated") && !written.contains("malicious"), "{written}");
    assert!(FeedBuilder::new(now()).carry(&feed, &BTreeSet::new()).is_err());
    // Lost families are told, though it counted without releases.
    let new = header(&[given("a", None, &[plain("N-1", "npm")])]);
    let lost: Vec<_> = change(Some(feed.summary()), &FeedPeaks::default(), &new)
        .losses
        .iter()
        .map(Loss::to_string)
        .collect();
    assert!(lost.iter().any(|line| line.contains("`Debian` is lost")), "{lost:?}");
}
