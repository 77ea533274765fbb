//! Reports of other scanners: which count, and what they add.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use lockgate_attest::keys::SigningKey;
use lockgate_judge::check_settings;
use lockgate_model::case::TrustedKey;
use lockgate_model::inventory::{Confidence, Unread};
use lockgate_model::{Answer, Decision, Digest, Effect, Finding, Outcome, Severity};
use lockgate_scan::reports::{COSIGN_VULN, PREDICATE_TYPE, wrap};
use making::{Making, answer, at, codes, inventory};
use serde_json::{Value, json};

struct Scanned {
    making: Making,
    scanner: SigningKey,
}

impl Scanned {
    fn new(mode: &str) -> Self {
        let mut making = Making::new();
        let scanner = SigningKey::generate().unwrap();
        let file = making.inputs.insert(scanner.public().to_pem());
        let key = TrustedKey::plain("scanner", file);
        making.record.keys.push(key);
        let settings = json!({
            "scanners": {"mode": mode, "keys": ["scanner"], "maxAgeDays": 3, "names": ["trivy"]},
            "vex": {"keys": ["scanner"]},
        });
        making.record.gates.insert("vulnerability".into(), settings);
        Self { making, scanner }
    }

    /// A report of Trivy with these vulnerabilities, and what `change` makes of it.
    fn report(&mut self, vulnerabilities: &[Value], change: impl FnOnce(&mut Value)) -> &mut Self {
        let config = self.making.record.images[0].config;
        let mut report = json!({
            "SchemaVersion": 2, "Trivy": {"Version": "0.76.0"}, "CreatedAt": "2026-11-22T12:00:00Z",
            "ArtifactName": "web",
            "Metadata": {"ImageID": config, "OS": {"Family": "alpine", "Name": "3.22.1"}},
            "Results": [{"Target": "web", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": vulnerabilities}],
        });
        change(&mut report);
        self.attest(PREDICATE_TYPE, report)
    }

    fn attest(&mut self, kind: &str, predicate: Value) -> &mut Self {
        self.making.attest(&self.scanner, kind, predicate);
        self
    }

    fn attest_by(&mut self, key: &SigningKey, kind: &str, predicate: Value) -> &mut Self {
        self.making.attest(key, kind, predicate);
        self
    }

    fn expect(&mut self, outcome: Outcome) -> Decision {
        self.making.expect(outcome)
    }
}

fn vulnerability(id: &str, package: &str, version: &str, severity: &str, fixed: &str) -> Value {
    json!({
        "VulnerabilityID": id, "PkgName": package, "InstalledVersion": version, "Severity": severity,
        "FixedVersion": fixed, "PkgIdentifier": {"PURL": format!("pkg:apk/alpine/{package}@{version}?arch=x86_64&distro=3.22.1")},
    })
}

fn zlib(severity: &str) -> Value {
    vulnerability("CVE-1", "zlib", "1.3.1-r2", severity, "1.3.1-r3")
}

fn found<'a>(decision: &'a Decision, code: &str) -> Option<&'a Finding> {
    decision.verdicts.iter().flat_map(|verdict| &verdict.findings).find(|finding| finding.code == code)
}

#[test]
fn preferred_reports_add_what_only_they_see() {
    let mut scanned = Scanned::new("prefer");
    let decision = scanned.expect(Outcome::Proceed);
    assert!(found(&decision, "vulnerability.no-report").is_some_and(|one| one.effect == Effect::Advise));
    let decision = scanned.report(&[zlib("HIGH")], |_| ()).expect(Outcome::Rework);
    let reported = found(&decision, "vulnerability.reported").unwrap();
    assert_eq!((reported.severity, reported.subject.as_str()), (Severity::High, "zlib 1.3.1-r2"));
    let details = &reported.details;
    assert_eq!((details["seen-by"].as_str(), details["fixed"].as_str()), ("trivy 0.76.0", "1.3.1-r3"));
    assert_eq!(
        (details["scanner-key"].as_str(), details["scanned"].as_str()),
        ("scanner", "2026-11-22T12:00:00Z")
    );
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
    assert!(
        verdict
            .relied_on
            .iter()
            .any(|one| one.to_string() == format!("evidence:{}", details["scanner-evidence"]))
    );
    for (vulnerabilities, outcome) in [
        (vec![zlib("MEDIUM")], Outcome::Proceed),
        (vec![vulnerability("CVE-1", "zlib", "1.3.1-r2", "HIGH", "")], Outcome::Pause),
        (vec![], Outcome::Proceed),
    ] {
        Scanned::new("prefer").report(&vulnerabilities, |_| ()).expect(outcome);
    }
}

#[test]
fn what_others_see_and_nobody_rated_pauses_and_malicious_packages_are_rework() {
    let malicious = vulnerability("MAL-2026-1", "zlib", "1.3.1-r2", "LOW", "");
    for mode in ["prefer", "require", "crossCheck"] {
        Scanned::new(mode).report(&[zlib("UNKNOWN")], |_| ()).expect(Outcome::Pause);
        Scanned::new(mode).report(&[zlib("LOW")], |_| ()).expect(Outcome::Proceed);
        Scanned::new(mode).report(std::slice::from_ref(&malicious), |_| ()).expect(Outcome::Rework);
        let mut scanned = Scanned::new(mode);
        let mut settings = scanned.making.record.gates["vulnerability"].clone();
        settings["unrated"] = json!("advise");
        scanned.making.record.gates.insert("vulnerability".into(), settings);
        scanned.report(&[zlib("UNKNOWN")], |_| ()).expect(Outcome::Proceed);
    }
}

#[test]
fn what_both_see_is_one_finding_with_the_worse_rating() {
    let mut scanned = Scanned::new("prefer");
    scanned.making.set_advisory("medium", &["1.3.1-r3"], false);
    let decision = scanned.report(&[zlib("LOW")], |_| ()).expect(Outcome::Proceed);
    assert_eq!(found(&decision, "vulnerability.known").unwrap().details["seen-by"], "trivy 0.76.0");
    assert!(found(&decision, "vulnerability.reported").is_none());
    let mut scanned = Scanned::new("require");
    scanned.making.set_advisory("medium", &["1.3.1-r3"], false);
    let decision = scanned.report(&[zlib("CRITICAL")], |_| ()).expect(Outcome::Rework);
    let known = found(&decision, "vulnerability.known").unwrap();
    assert_eq!((known.severity, known.details["severity-by"].as_str()), (Severity::Critical, "trivy 0.76.0"));
    // Two reports of one vulnerability are one finding.
    let mut scanned = Scanned::new("prefer");
    let mut settings = scanned.making.record.gates["vulnerability"].clone();
    settings["scanners"]["names"] = json!([]);
    scanned.making.record.gates.insert("vulnerability".into(), settings);
    let grype = json!({
        "descriptor": {"name": "grype", "version": "1", "timestamp": "2026-11-22T12:00:00Z"},
        "matches": [{
            "vulnerability": {"id": "GHSA-1", "severity": "Critical"}, "relatedVulnerabilities": [{"id": "CVE-1"}],
            "artifact": {"name": "zlib", "version": "1.3.1-r2"},
        }],
    });
    let decision =
        scanned.report(&[zlib("HIGH")], |_| ()).attest(PREDICATE_TYPE, grype).expect(Outcome::Rework);
    let reported: Vec<_> =
        codes(&decision).into_iter().filter(|code| *code == "vulnerability.reported").collect();
    assert_eq!(reported.len(), 1);
    let reported = found(&decision, "vulnerability.reported").unwrap();
    assert_eq!(reported.details["seen-by"], "grype 1, trivy 0.76.0");
    assert_eq!(reported.severity, Severity::Critical);
}

#[test]
fn a_report_answers_for_what_our_scan_could_not_see() {
    let blinded = |mode: &str, report: bool| {
        let mut scanned = Scanned::new(mode);
        let mut inventory = inventory();
        let reason = "too large".into();
        let path = "/lib/apk/db/installed".into();
        inventory.unread = vec![Unread { layer: Digest::of(b"l"), path, reason }];
        scanned.making.set_inventory(&inventory);
        scanned.making.set_coverage("Alpine:v3.22", None);
        if report {
            scanned.report(&[], |_| ());
        }
        let outcome = if report && mode != "crossCheck" { Outcome::Proceed } else { Outcome::Pause };
        scanned.expect(outcome)
    };
    for mode in ["prefer", "require", "crossCheck"] {
        let answered = blinded(mode, true);
        let told = found(&answered, "vulnerability.unread").unwrap();
        assert_eq!(told.details.contains_key("answered-by"), mode != "crossCheck", "{mode}");
        blinded(mode, false);
    }
    // An input that is missing altogether is not answered for.
    let mut scanned = Scanned::new("prefer");
    scanned.making.record.images[0].inventory = None;
    scanned.report(&[], |_| ()).expect(Outcome::Pause);
    let mut scanned = Scanned::new("prefer");
    scanned.making.record.feed = None;
    scanned.report(&[], |_| ()).expect(Outcome::Pause);
}

#[test]
fn required_reports_must_be_there() {
    for mode in ["require", "crossCheck"] {
        let mut scanned = Scanned::new(mode);
        let decision = scanned.expect(Outcome::Pause);
        assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown);
        assert!(codes(&decision).contains(&"vulnerability.no-report"));
        scanned.report(&[], |_| ()).expect(Outcome::Proceed);
    }
}

#[test]
fn cross_checks_tell_who_sees_what() {
    // Only they see it: it pauses when it is bad enough.
    let decision = Scanned::new("crossCheck").report(&[zlib("HIGH")], |_| ()).expect(Outcome::Pause);
    let one = found(&decision, "vulnerability.seen-by-one").unwrap();
    assert_eq!(
        (one.effect, one.title.as_str()),
        (Effect::Pause, "CVE-1: trivy 0.76.0 sees it, Lockgate does not")
    );
    let decision = Scanned::new("crossCheck").report(&[zlib("LOW")], |_| ()).expect(Outcome::Proceed);
    assert_eq!(found(&decision, "vulnerability.seen-by-one").unwrap().effect, Effect::Advise);
    // Only we see it: it is judged as ever, and told.
    let mut scanned = Scanned::new("crossCheck");
    scanned.making.set_advisory("high", &["1.3.1-r3"], false);
    let decision = scanned.report(&[], |_| ()).expect(Outcome::Rework);
    let one = found(&decision, "vulnerability.seen-by-one").unwrap();
    assert_eq!(
        (one.effect, one.title.as_str()),
        (Effect::Advise, "CVE-1: Lockgate sees it, trivy 0.76.0 does not")
    );
    // Both see it.
    let mut scanned = Scanned::new("crossCheck");
    scanned.making.set_advisory("high", &["1.3.1-r3"], false);
    let decision = scanned.report(&[zlib("CRITICAL")], |_| ()).expect(Outcome::Rework);
    assert!(found(&decision, "vulnerability.seen-by-one").is_none());
    assert_eq!(
        found(&decision, "vulnerability.known").unwrap().severity,
        Severity::High,
        "our own rating stays"
    );
    // The same vulnerability of another version is another one.
    let mut scanned = Scanned::new("crossCheck");
    scanned.making.set_advisory("high", &["1.3.1-r3"], false);
    let other = vulnerability("CVE-1", "zlib", "1.3.1-r1", "HIGH", "");
    let decision = scanned.report(&[other], |_| ()).expect(Outcome::Rework);
    assert_eq!(codes(&decision).iter().filter(|code| **code == "vulnerability.seen-by-one").count(), 2);
}

#[test]
fn reports_that_do_not_count_are_told_with_the_reason() {
    let told = |why: &str, change: &dyn Fn(&mut Value)| {
        let mut scanned = Scanned::new("require");
        let decision = scanned.report(&[], change).expect(Outcome::Pause);
        let told = found(&decision, "vulnerability.report-not-counted").unwrap();
        assert!(told.title.contains(why) && told.effect == Effect::Advise, "{why}: {}", told.title);
        assert!(codes(&decision).contains(&"vulnerability.no-report"));
    };
    let other = Digest::of(b"other").to_string();
    told("at most 3 days", &|report| report["CreatedAt"] = json!("2026-11-20T11:59:59Z"));
    told("after the instant", &|report| report["CreatedAt"] = json!("2026-11-23T12:00:01Z"));
    told("another artifact", &|report| report["Metadata"]["ImageID"] = json!(other));
    told("names nothing", &|report| report["Results"] = json!([]));
    let edge = |time: &str| {
        Scanned::new("require")
            .report(&[], |report| report["CreatedAt"] = json!(time))
            .expect(Outcome::Proceed)
    };
    edge("2026-11-20T12:00:00Z");
    edge("2026-11-23T12:00:00Z");
    // Another scanner than those that are named.
    let mut scanned = Scanned::new("require");
    let mut settings = scanned.making.record.gates["vulnerability"].clone();
    settings["scanners"]["names"] = json!(["grype"]);
    scanned.making.record.gates.insert("vulnerability".into(), settings);
    let decision = scanned.report(&[], |_| ()).expect(Outcome::Pause);
    assert!(found(&decision, "vulnerability.report-not-counted").unwrap().title.contains("it is of trivy"));
    // By a key that nobody named, or that is no longer valid.
    let report = json!({"SchemaVersion": 2, "ArtifactName": "web", "CreatedAt": "2026-11-22T12:00:00Z",
        "Metadata": {"OS": {"Family": "alpine", "Name": "3.22.1"}}, "Results": [{"Class": "os-pkgs", "Type": "alpine"}]});
    let mut scanned = Scanned::new("require");
    scanned.attest_by(&SigningKey::generate().unwrap(), PREDICATE_TYPE, report.clone());
    assert!(codes(&scanned.expect(Outcome::Pause)).contains(&"vulnerability.report-not-counted"));
    let mut scanned = Scanned::new("require");
    scanned.making.record.keys.last_mut().unwrap().standing.valid_until = Some(at("2026-11-23T12:00:00Z"));
    assert!(
        codes(&scanned.attest(PREDICATE_TYPE, report.clone()).expect(Outcome::Pause))
            .contains(&"vulnerability.report-not-counted")
    );
    Scanned::new("require").attest(PREDICATE_TYPE, report).expect(Outcome::Proceed);
}

#[test]
fn of_one_scanner_the_newest_report_counts_and_marks_count_for_theirs() {
    let mut scanned = Scanned::new("require");
    scanned.report(&[zlib("HIGH")], |report| report["CreatedAt"] = json!("2026-11-22T00:00:00Z"));
    scanned.expect(Outcome::Rework);
    scanned.report(&[], |_| ()).expect(Outcome::Proceed);
    let vex = json!({
        "@context": "https://openvex.dev/ns", "author": "Ann", "timestamp": "2026-11-01T00:00:00Z",
        "statements": [{"vulnerability": "CVE-1", "products": ["pkg:apk/alpine/zlib"], "status": "fixed"}],
    });
    for mode in ["prefer", "crossCheck"] {
        let mut scanned = Scanned::new(mode);
        scanned.report(&[zlib("HIGH")], |_| ()).attest("https://openvex.dev/ns", vex.clone());
        scanned.expect(Outcome::Proceed);
    }
    // What CISA knows to be exploited is critical, whoever sees it.
    let mut scanned = Scanned::new("prefer");
    scanned.making.set_advisory("low", &["1.3.1-r2"], true);
    let decision = scanned.report(&[zlib("LOW")], |_| ()).expect(Outcome::Rework);
    assert_eq!(found(&decision, "vulnerability.reported").unwrap().severity, Severity::Critical);
}

#[test]
fn cosigns_predicate_and_lock_files() {
    let config = Scanned::new("require").making.record.images[0].config;
    let report = json!({
        "SchemaVersion": 2, "ArtifactName": "web", "CreatedAt": "2026-11-22T12:00:00Z", "Metadata": {"ImageID": config},
        "Results": [{"Class": "os-pkgs", "Vulnerabilities": [zlib("HIGH")]}],
    });
    let predicate = wrap(report, at("2026-11-22T12:00:00Z")).unwrap();
    Scanned::new("require").attest(COSIGN_VULN, predicate.clone()).expect(Outcome::Rework);
    let mut scanned = Scanned::new("require");
    let mut inventory = inventory();
    inventory.packages[1].confidence = Confidence::Declared;
    scanned.making.set_inventory(&inventory);
    scanned.attest(COSIGN_VULN, predicate).expect(Outcome::Proceed);
}

#[test]
fn settings_are_read_strictly() {
    let good = json!({"mode": "prefer", "keys": ["a"], "maxAgeDays": 7});
    assert!(check_settings("vulnerability", &json!({"scanners": good})).is_ok());
    for (key, value) in [
        ("mode", json!("crosscheck")),
        ("mode", json!(null)),
        ("keys", json!([])),
        ("maxAgeDays", json!(-1)),
        ("maxAgeDays", json!(null)),
        ("age", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert!(check_settings("vulnerability", &json!({"scanners": bad})).is_err(), "{bad}");
    }
}
