//! What nobody was asked about is unknown, how old an answer may be, and what lifts either.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod making;

use lockgate_judge::check_settings;
use lockgate_model::inventory::{Distribution, Silent, SilentReason};
use lockgate_model::{Answer, Decision, Effect, Finding, Inventory, Outcome, Package};
use making::{Making, answer, at, covered, inventory, package};
use serde_json::{Value, json};

const UNCOVERED: &str = "vulnerability.uncovered";

fn found<'a>(decision: &'a Decision, code: &str) -> Vec<&'a Finding> {
    let verdict = decision.verdicts.iter().find(|one| one.gate == "vulnerability").unwrap();
    verdict.findings.iter().filter(|one| one.code == code).collect()
}

/// Decides about this inventory, with these settings of the gate.
fn decided(inventory: &Inventory, settings: Value, outcome: Outcome) -> Decision {
    let mut making = Making::new();
    making.record.policies.clear();
    making.record.gates.remove("policy");
    making.set_inventory(inventory);
    making.set_gate(settings);
    making.expect(outcome)
}

fn of(id: &str, version: &str, packages: Vec<Package>) -> Inventory {
    let distribution = Some(Distribution { id: id.into(), version: version.into(), codename: String::new() });
    Inventory { distribution, packages, ..inventory() }
}

/// Inventories of which something was asked of nobody, each with the release that findings name.
fn silent() -> Vec<(String, Inventory)> {
    let apk = |ecosystem: &str| Package { ecosystem: ecosystem.into(), ..package("musl", "1.2.5-r10") };
    let mut cases: Vec<(String, Inventory)> =
        ["Alpine:v3.99", "Alpine:edge", "Alpine", "postmarketos:24.06", "openwrt", "npm", "Debian:12"]
            .into_iter()
            .map(|one| (one.to_owned(), of("alpine", "3.22.1", vec![apk(one)])))
            .collect();
    // Of two packages one was asked about.
    cases.push((
        "Alpine:v3.2".into(),
        of("alpine", "3.22.1", vec![package("musl", "1.2.5-r10"), apk("Alpine:v3.2")]),
    ));
    for (id, version, ecosystem) in [
        ("alpine", "3.22.1", "Alpine:v3.22"),
        ("debian", "12", "Debian:12"),
        ("arch", "", "Arch Linux"),
        ("gentoo", "2.17", "Gentoo"),
        ("buildroot", "2024.02", "buildroot:2024.02"),
    ] {
        cases.push((ecosystem.into(), of(id, version, vec![])));
    }
    for (manager, reason) in [
        ("pacman", SilentReason::Unread),
        ("apk", SilentReason::Empty),
        ("dpkg", SilentReason::Removed),
        ("dpkg", SilentReason::Incomplete),
        ("os-release", SilentReason::Elsewhere),
        ("os-release", SilentReason::Contradicted),
    ] {
        let silent = vec![Silent { manager: manager.into(), path: "/var/lib/x".into(), reason }];
        cases.push((manager.into(), Inventory { silent: silent.clone(), ..inventory() }));
        let nothing = Inventory { distribution: None, packages: vec![], ..inventory() };
        cases.push((manager.into(), Inventory { silent, ..nothing }));
    }
    for other in ["3.22.1", "3.21.0"] {
        let mut inventory = of("alpine", "3.22.1", vec![package("alpine-release", &format!("{other}-r0"))]);
        inventory.packages[0].ecosystem = "Alpine:v3.22".into();
        if other != "3.22.1" {
            cases.push(("Alpine:v3.22".into(), inventory));
        }
    }
    cases
}

#[test]
fn what_nobody_was_asked_about_is_unknown_until_somebody_accepts_it() {
    let cases = silent();
    assert!(cases.len() >= 20, "{}", cases.len());
    for (release, inventory) in &cases {
        let decision = decided(inventory, json!({}), Outcome::Pause);
        assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown, "{release}");
        let told = found(&decision, UNCOVERED);
        let told = told.iter().find(|one| one.effect == Effect::Pause).unwrap();
        assert_eq!(&told.subject, release);
        // The finding names the setting that lifts it.
        assert!(
            told.remediation.contains(&format!("coverage: {{accept: [{{release: \"{release}\"")),
            "{told:?}"
        );
        let accepting = |release: &str, until: &str| json!({"coverage": {"accept": [{"release": release, "until": until, "reason": "no feed yet"}]}});
        let accepted = decided(inventory, accepting(release, "2027-01-31"), Outcome::Proceed);
        let told = found(&accepted, UNCOVERED);
        assert!(told.iter().all(|one| one.effect == Effect::Advise), "{told:?}");
        let told = told.iter().find(|one| one.details.contains_key("accepted-until")).unwrap();
        assert!(told.title.contains("no feed yet") && told.title.contains("2027-01-31"), "{told:?}");
        // Another release, one that lapsed, and one without an end in sight lift nothing.
        for (other, until) in [
            ("Debian:99", "2027-01-31"),
            (release, "2026-11-23T12:00:00Z"),
            (release, "2026-01-01"),
            (release, "2027-12-01"),
            (release, "2126-01-01"),
        ] {
            decided(inventory, accepting(other, until), Outcome::Pause);
        }
    }
}

#[test]
fn what_was_asked_is_told() {
    let decision = decided(&inventory(), json!({}), Outcome::Proceed);
    let [told] = found(&decision, "vulnerability.coverage")[..] else { panic!("{decision:#?}") };
    assert_eq!((told.subject.as_str(), told.effect), ("Alpine:v3.22", Effect::Advise));
    assert_eq!(told.details["packages"].number(), Some(2));
    assert_eq!(told.details["advisories"].number(), Some(8275));
    assert_eq!(told.details["days-old"].number(), Some(1));
    assert_eq!(told.details["source"].as_str(), "secdb");
    let verdict = decision.verdicts.iter().find(|one| one.gate == "vulnerability").unwrap();
    assert!(
        verdict.summary.contains("asked of Alpine:v3.22 (8275 advisories, 2026-11-22)"),
        "{}",
        verdict.summary
    );
    let silent = of(
        "alpine",
        "3.22.1",
        vec![package("a", "1-r0"), Package { ecosystem: "Alpine:v3.9".into(), ..package("b", "1-r0") }],
    );
    let decision = decided(&silent, json!({}), Outcome::Pause);
    let verdict = decision.verdicts.iter().find(|one| one.gate == "vulnerability").unwrap();
    assert!(verdict.summary.ends_with(", 1 not asked about"), "{}", verdict.summary);
    // An image of files alone has nothing that could be asked about.
    let files = Inventory { analyser: "2026-3".into(), ..Inventory::default() };
    decided(&files, json!({}), Outcome::Proceed);
}

#[test]
fn an_old_or_undated_source_is_unknown() {
    let with = |fetched: Option<&str>, settings: Value, outcome: Outcome| {
        let mut making = Making::new();
        let mut has = covered();
        has.origin.fetched = fetched.map(at);
        making.set_coverage("Alpine:v3.22", Some(has));
        // A fresh source that nothing is asked of hides no other.
        making.set_coverage("npm", Some(covered()));
        making.set_gate(settings);
        making.expect(outcome)
    };
    let code = |decision: &Decision, code: &str| found(decision, code).len();
    for (fetched, settings, expected) in [
        (None, json!({}), Some("vulnerability.feed-undated")),
        (None, json!({"maxFeedAgeDays": 100_000}), Some("vulnerability.feed-undated")),
        (Some("2026-11-23T12:00:01Z"), json!({}), Some("vulnerability.feed-undated")),
        (
            Some("2027-07-09T15:54:00Z"),
            json!({"maxFeedAgeDays": 4_000_000_000_u32}),
            Some("vulnerability.feed-undated"),
        ),
        (Some("2099-01-01T00:00:00Z"), json!({}), Some("vulnerability.feed-undated")),
        (Some("2026-11-16T11:59:59Z"), json!({}), Some("vulnerability.feed-old")),
        (Some("2026-01-13T00:00:00Z"), json!({}), Some("vulnerability.feed-old")),
        (Some("2026-11-22T11:59:59Z"), json!({"maxFeedAgeDays": 1}), Some("vulnerability.feed-old")),
        (Some("0001-01-01T00:00:00Z"), json!({"maxFeedAgeDays": 365}), Some("vulnerability.feed-old")),
        (Some("2026-11-16T12:00:00Z"), json!({}), None),
        (Some("2026-11-23T12:00:00Z"), json!({"maxFeedAgeDays": 0}), None),
        (Some("2026-01-13T00:00:00Z"), json!({"maxFeedAgeDays": 400}), None),
    ] {
        let outcome = if expected.is_some() { Outcome::Pause } else { Outcome::Proceed };
        let decision = with(fetched, settings, outcome);
        for (named, command) in
            [("vulnerability.feed-undated", "--fetched"), ("vulnerability.feed-old", "maxFeedAgeDays")]
        {
            assert_eq!(code(&decision, named), usize::from(expected == Some(named)), "{fetched:?}");
            for told in found(&decision, named) {
                assert!(told.subject == "secdb" && told.remediation.contains(command), "{told:?}");
            }
        }
    }
}

#[test]
fn settings_of_coverage_are_read_strictly() {
    let accept = |one: Value| json!({"coverage": {"accept": [one]}});
    let good = json!({"release": "Debian:sid", "until": "2027-01-31", "reason": "tests only"});
    let without = |field: &str| {
        let mut one = good.clone();
        one.as_object_mut().unwrap().remove(field);
        accept(one)
    };
    let with = |field: &str, value: Value| {
        let mut one = good.clone();
        one[field] = value;
        accept(one)
    };
    for (settings, right) in [
        (accept(good.clone()), true),
        (with("until", json!("2027-01-31T12:00:00Z")), true),
        (json!({"coverage": {}}), true),
        (json!({"coverage": {"accept": []}}), true),
        (json!({"unrated": "advise"}), true),
        (without("release"), false),
        (without("until"), false),
        (without("reason"), false),
        (with("reason", json!("")), false),
        (with("reason", json!(" \t")), false),
        (with("reason", json!("a\nb")), false),
        (with("release", json!("")), false),
        (with("release", json!(["Debian:sid"])), false),
        (with("until", json!("soon")), false),
        (with("until", json!("2027-13-01")), false),
        (with("until", json!(null)), false),
        (with("untill", json!("2027-01-31")), false),
        (json!({"coverage": {"accept": [good, good]}}), false),
        (json!({"coverage": {"accept": good}}), false),
        (json!({"coverage": {"accepts": []}}), false),
        (json!({"coverage": "advise"}), false),
        (json!({"uncovered": "advise"}), false),
        (json!({"unrated": "ignore"}), false),
    ] {
        assert_eq!(check_settings("vulnerability", &settings).is_ok(), right, "{settings}");
    }
}

/// An extract with one advisory about zlib, with these fields besides.
fn knowing(making: &mut Making, fields: &Value) {
    let mut advisory = json!({
        "id": "MAL-2026-1", "severity": "medium", "modified": "2026-01-01T00:00:00Z",
        "affected": [{"ecosystem": "Alpine:v3.22", "name": "zlib", "ranges": [[{"introduced": "0"}, {"fixed": "9-r0"}]]}],
    });
    for (name, value) in fields.as_object().unwrap() {
        advisory[name] = value.clone();
    }
    let extract = making.inputs.insert(lockgate_model::canon::to_bytes(&json!([advisory])).unwrap());
    making.record.feed.as_mut().unwrap().extract = extract;
}

#[test]
fn what_nobody_rated_pauses_and_malicious_packages_block() {
    let unfixed = json!([{"ecosystem": "Alpine:v3.22", "name": "zlib", "ranges": [[{"introduced": "0"}]]}]);
    let unrated = |more: Value| {
        let mut fields = json!({"id": "CVE-1", "unrated": true});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    let malicious = json!({"malicious": true, "severity": "critical"});
    let unfixed_malicious = json!({"malicious": true, "severity": "critical", "affected": unfixed});
    let declared = |making: &mut Making| {
        let mut inventory = inventory();
        for package in &mut inventory.packages {
            package.confidence = lockgate_model::inventory::Confidence::Declared;
        }
        // Of the database itself something is recorded.
        inventory.packages.push(package("busybox", "1.37.0-r18"));
        making.set_inventory(&inventory);
    };
    let mut variants = 0;
    for (fields, settings, outcome) in [
        (unrated(json!({})), json!({}), Outcome::Pause),
        (unrated(json!({})), json!({"failOn": "critical"}), Outcome::Pause),
        (unrated(json!({"affected": unfixed})), json!({}), Outcome::Pause),
        (unrated(json!({"affected": unfixed})), json!({"unfixed": "advise"}), Outcome::Proceed),
        (unrated(json!({})), json!({"unrated": "advise"}), Outcome::Proceed),
        (unrated(json!({})), json!({"unrated": "advise", "failOn": "medium"}), Outcome::Rework),
        (unrated(json!({})), json!({"failOn": "low"}), Outcome::Rework),
        (unrated(json!({"known_exploited": true})), json!({"unrated": "advise"}), Outcome::Rework),
        (json!({"id": "CVE-1"}), json!({}), Outcome::Proceed),
    ] {
        let mut making = Making::new();
        knowing(&mut making, &fields);
        making.set_gate(settings.clone());
        let decision = making.expect(outcome);
        let told = found(&decision, "vulnerability.unrated");
        assert_eq!(told.len(), usize::from(fields["unrated"] == true), "{fields} {settings}");
        for told in told {
            assert_eq!((told.subject.as_str(), told.details["count"].number()), ("secdb", Some(1)));
        }
        variants += 1;
    }
    for fields in [&malicious, &unfixed_malicious] {
        for settings in [
            json!({}),
            json!({"failOn": "critical"}),
            json!({"unfixed": "advise"}),
            json!({"unrated": "advise", "unfixed": "advise", "declared": "advise", "failOn": "critical"}),
        ] {
            for spoil in [|_: &mut Making| (), declared] {
                let mut making = Making::new();
                knowing(&mut making, fields);
                spoil(&mut making);
                making.set_gate(settings.clone());
                let decision = making.expect(Outcome::Rework);
                let [told] = found(&decision, "vulnerability.known")[..] else { panic!("{decision:#?}") };
                assert_eq!(told.details["malicious"].as_str(), "yes");
                variants += 1;
            }
        }
    }
    assert!(variants >= 22, "{variants}");
}
