//! Marks on vulnerabilities: what others signed lowers what a vulnerability does, and only that; nothing else does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_judge::{check_settings, decide};
use lockgate_model::case::{Revocation, TrustedKey};
use lockgate_model::evidence::Attachment;
use lockgate_model::keyring::{Duty, Role};
use lockgate_model::oci::media;
use lockgate_model::{
    Answer, Case, Decision, Descriptor, Effect, Evidence, Finding, Outcome, Severity, canon,
};
use making::{Making, answer, at, attestation, codes};
use serde_json::{Value, json};

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const BASELINE: &str = "https://lockgate.dev/baseline/v1";
const ZLIB: &str = "pkg:apk/alpine/zlib@1.3.1-r2";

/// A Case with a vulnerability, and a second key.
struct Marked {
    making: Making,
    security: SigningKey,
}

impl Marked {
    fn new() -> Self {
        let settings = json!({"vex": {"keys": ["security"]}, "baseline": {"keys": ["security"]}});
        let (mut making, security) = Making::hearing(settings);
        making.set_advisory("high", &["1.3.1-r3"], false);
        Self { making, security }
    }

    fn attest_by(&mut self, key: &SigningKey, kind: &str, predicate: Value) {
        self.making.attest(key, kind, predicate);
    }

    fn attest(&mut self, kind: &str, predicate: Value) -> &mut Self {
        self.making.attest(&self.security, kind, predicate);
        self
    }

    fn vex(&mut self, status: &str, time: &str, author: &str) -> &mut Self {
        self.attest(OPENVEX, vex(status, time, author, ZLIB))
    }

    fn expect(&mut self, outcome: Outcome) -> Decision {
        let decision = self.making.expect(outcome);
        let case = Case { record: self.making.record.clone(), inputs: self.making.inputs.clone() };
        assert_eq!(canon::to_bytes(&decide(&case)).unwrap(), canon::to_bytes(&decision).unwrap());
        decision
    }
}

fn vex(status: &str, time: &str, author: &str, package: &str) -> Value {
    json!({
        "@context": OPENVEX, "@id": "x", "author": author, "timestamp": time, "version": 1,
        "statements": [{
            "vulnerability": {"name": "cve-1"}, "products": [{"@id": package}], "status": status,
            "justification": "vulnerable_code_not_present", "impact_statement": "built without it",
        }],
    })
}

fn baseline(change: impl FnOnce(&mut Value)) -> Value {
    let mut value = json!({
        "made": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "reason": "rebuilt in December",
        "findings": [{"advisory": "CVE-1", "package": "pkg:apk/alpine/zlib"}],
    });
    change(&mut value);
    value
}

fn vulnerability(decision: &Decision) -> &Finding {
    let mut findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    findings.find(|finding| finding.code == "vulnerability.known").unwrap()
}

fn relied_on(decision: &Decision) -> String {
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
    verdict.relied_on.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

const NOVEMBER: &str = "2026-11-10T00:00:00Z";

#[test]
fn vex_by_a_named_key_marks_the_vulnerability_and_stays_visible() {
    for status in ["not_affected", "fixed"] {
        let mut marked = Marked::new();
        marked.expect(Outcome::Rework);
        let decision = marked.vex(status, NOVEMBER, "Ann").expect(Outcome::Proceed);
        let vulnerability = vulnerability(&decision);
        assert_eq!((vulnerability.effect, vulnerability.severity), (Effect::Advise, Severity::High));
        let details = &vulnerability.details;
        assert_eq!((details["vex"].as_str(), details["vex-author"].as_str()), (status, "Ann"));
        assert_eq!(details["vex-justification"], "vulnerable_code_not_present: built without it");
        assert_eq!((details["vex-key"].as_str(), details["vex-at"].as_str()), ("security", NOVEMBER));
        let relied_on = relied_on(&decision);
        assert!(relied_on.contains(&format!("evidence:{}", details["vex-evidence"])), "{relied_on}");
        assert!(relied_on.contains("key:security@"), "{relied_on}");
        let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
        assert!(
            verdict.summary.contains("1 known vulnerabilities, 0 blocking, 1 marked, asked of"),
            "{}",
            verdict.summary
        );
    }
}

#[test]
fn a_key_of_the_keyring_marks_as_its_role_and_stage_allow() {
    type Spoil = fn(&mut TrustedKey);
    let cases: [(&str, Role, Spoil, Option<&str>); 9] = [
        ("vex", Role::Scanner, |_| {}, None),
        ("vex", Role::Builder, |_| {}, None),
        ("vex", Role::Witness, |_| {}, Some("is no builder or scanner or approver")),
        ("baseline", Role::Approver, |_| {}, None),
        ("baseline", Role::Scanner, |_| {}, Some("is no approver")),
        (
            "vex",
            Role::Scanner,
            |key| key.standing.retired_at = Some(at("2026-11-20T00:00:00Z")),
            Some("was retired"),
        ),
        (
            "vex",
            Role::Scanner,
            |key| key.standing.valid_until = Some(at("2026-11-20T00:00:00Z")),
            Some("was valid until"),
        ),
        (
            "vex",
            Role::Scanner,
            |key| key.standing.duty.as_mut().unwrap().stages = "prod".parse().unwrap(),
            Some("serves prod, not this stage"),
        ),
        (
            "vex",
            Role::Scanner,
            |key| {
                let at = at("2026-11-20T00:00:00Z");
                key.standing.revoked = Some(Revocation { at, compromised_since: Some(at) });
            },
            Some("was revoked"),
        ),
    ];
    for (kind, role, spoil, refused) in cases {
        let mut marked = Marked::new();
        let key = marked.making.record.keys.iter_mut().find(|key| key.name == "security").unwrap();
        let (owner, stages) = ("ann".to_owned(), "*".parse().unwrap());
        key.standing.duty = Some(Duty { owner, roles: [role].into(), stages, rotate_every_days: None });
        spoil(key);
        match kind {
            "vex" => marked.vex("not_affected", NOVEMBER, "Ann"),
            _ => marked.attest(BASELINE, baseline(|_| {})),
        };
        let decision = marked.expect(if refused.is_some() { Outcome::Rework } else { Outcome::Proceed });
        let code = format!("vulnerability.{kind}-not-counted");
        let told = decision.verdicts.iter().flat_map(|one| &one.findings).find(|one| one.code == code);
        assert_eq!(told.is_some(), refused.is_some(), "{kind} {role}");
        assert!(told.is_none_or(|told| told.title.contains(refused.unwrap())), "{kind} {role}: {told:?}");
    }
}

#[test]
fn a_stolen_key_marks_nothing_under_another_name_either() {
    let mut marked = Marked::new();
    let mut twin = marked.making.record.keys.iter().find(|key| key.name == "security").unwrap().clone();
    twin.name = "stolen".to_owned();
    twin.standing.revoked = Some(Revocation { at: at("2026-11-20T00:00:00Z"), compromised_since: None });
    marked.making.record.keys.push(twin);
    marked.vex("not_affected", NOVEMBER, "Ann").expect(Outcome::Rework);
}

#[test]
fn every_format_marks() {
    let cyclonedx = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": NOVEMBER},
        "components": [{"bom-ref": "z", "name": "zlib", "purl": ZLIB}],
        "vulnerabilities": [{
            "id": "CVE-1", "affects": [{"ref": "z"}],
            "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
        }],
    });
    let csaf = json!({
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0", "publisher": {"name": "Ann"},
            "tracking": {"status": "final", "current_release_date": NOVEMBER},
        },
        "product_tree": {"full_product_names": [
            {"product_id": "z", "name": "zlib", "product_identification_helper": {"purl": ZLIB}},
        ]},
        "vulnerabilities": [{
            "cve": "CVE-1", "product_status": {"known_not_affected": ["z"]},
            "flags": [{"label": "component_not_present", "product_ids": ["z"]}],
        }],
    });
    let plain = json!({
        "@context": "https://openvex.dev/ns", "author": "Ann", "timestamp": NOVEMBER,
        "statements": [{"vulnerability": "CVE-1", "products": [ZLIB], "status": "fixed"}],
    });
    for (kind, document) in [
        ("https://cyclonedx.org/bom", cyclonedx),
        ("https://docs.oasis-open.org/csaf/csaf/v2.0", csaf),
        ("https://openvex.dev/ns", plain),
    ] {
        let decision = Marked::new().attest(kind, document).expect(Outcome::Proceed);
        assert!(vulnerability(&decision).details.contains_key("vex"), "{kind}");
    }
}

#[test]
fn what_is_not_signed_by_a_named_key_never_counts_and_is_told() {
    let told = |decision: &Decision, why: &str| {
        let mut findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
        let found = findings.find(|finding| finding.code == "vulnerability.vex-not-counted");
        let found = found.unwrap_or_else(|| panic!("{decision:#?}"));
        assert!(found.title.contains(why) && found.effect == Effect::Advise, "{}", found.title);
    };
    let document = || vex("not_affected", NOVEMBER, "Ann", ZLIB);
    // By a key that nobody knows.
    let mut marked = Marked::new();
    marked.attest_by(&SigningKey::generate().unwrap(), OPENVEX, document());
    told(&marked.expect(Outcome::Rework), "none of the keys");
    // By a key that is trusted for signatures only.
    let mut marked = Marked::new();
    let build = SigningKey::from_pem(marked.making.key.to_pem().unwrap().as_bytes()).unwrap();
    marked.attest_by(&build, OPENVEX, document());
    told(&marked.expect(Outcome::Rework), "none of the keys");
    // By a key that is named for baselines only.
    let mut marked = Marked::new();
    let settings = json!({"vex": {"keys": ["build"]}, "baseline": {"keys": ["security"]}});
    marked.making.record.gates.insert("vulnerability".into(), settings);
    told(&marked.vex("not_affected", NOVEMBER, "Ann").expect(Outcome::Rework), "security signed it, whom");
    // By a key that is no longer, or not yet, valid.
    let dates = [
        (None, Some("2026-11-23T12:00:00Z"), "security was valid until"),
        (Some("2026-11-23T12:00:01Z"), None, "security is valid from"),
    ];
    for (from, until, why) in dates {
        let mut marked = Marked::new();
        let key = marked.making.record.keys.last_mut().unwrap();
        (key.standing.valid_from, key.standing.valid_until) = (from.map(at), until.map(at));
        told(&marked.vex("not_affected", NOVEMBER, "Ann").expect(Outcome::Rework), why);
    }
    // Not signed at all: a file, and a bare statement.
    for (media_type, blobs) in [("application/vnd.openvex+json", 0), ("application/vnd.in-toto+json", 1)] {
        let mut marked = Marked::new();
        let bytes = serde_json::to_vec(&document()).unwrap();
        let layer = json!({
            "mediaType": media_type, "digest": lockgate_model::Digest::of(&bytes), "size": bytes.len(),
            "annotations": {"in-toto.io/predicate-type": OPENVEX},
        });
        let artifact = marked.making.record.artifact.clone();
        let manifest = json!({
            "schemaVersion": 2, "config": Descriptor::of(media::OCI_EMPTY, b"{}"), "layers": [layer],
            "subject": artifact.bare(),
        });
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let descriptor = Descriptor::of(media::OCI_MANIFEST, &manifest);
        marked.making.inputs.insert(manifest);
        let blob = marked.making.inputs.insert(bytes);
        let blobs = vec![blob; blobs];
        let subject = artifact.digest;
        let attachment = Attachment::Referrer;
        marked.making.record.evidence.push(Evidence { subject, attachment, manifest: descriptor, blobs });
        told(&marked.expect(Outcome::Rework), "it is not signed");
    }
    // Signed, and about another artifact.
    let mut marked = Marked::new();
    let other = Descriptor::of(media::OCI_MANIFEST, b"other");
    let statement = Statement::about(&other, OPENVEX, document());
    let evidence = attestation(&mut marked.making.inputs, &other, &marked.security, &statement);
    marked
        .making
        .record
        .evidence
        .push(Evidence { subject: marked.making.record.artifact.digest, ..evidence });
    let decision = marked.expect(Outcome::Rework);
    assert!(!vulnerability(&decision).details.contains_key("vex"));
    // Signed, and malformed: it may say that the artifact is affected.
    let decision = Marked::new().attest(OPENVEX, json!({"statements": []})).expect(Outcome::Rework);
    assert!(codes(&decision).contains(&"vulnerability.vex-unread"));
    assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown);
}

#[test]
fn without_settings_nobody_is_asked() {
    let mut marked = Marked::new();
    marked.making.record.gates.insert("vulnerability".into(), json!({}));
    let decision = marked
        .vex("not_affected", NOVEMBER, "Ann")
        .attest(BASELINE, baseline(|_| ()))
        .expect(Outcome::Rework);
    assert!(!codes(&decision).iter().any(|code| code.contains("not-counted")));
}

#[test]
fn another_product_version_or_vulnerability_is_not_marked() {
    for (package, name) in [
        ("pkg:apk/alpine/zlib@1.3.1-r3", "CVE-1"),
        ("pkg:apk/alpine/musl@1.2.5-r10", "CVE-1"),
        ("pkg:deb/debian/zlib@1.3.1-r2", "CVE-1"),
        ("pkg:oci/web@sha256%3A0000000000000000000000000000000000000000000000000000000000000000", "CVE-1"),
        ("pkg:oci/other", "CVE-1"),
        (ZLIB, "CVE-2"),
    ] {
        let mut document = vex("not_affected", NOVEMBER, "Ann", package);
        document["statements"][0]["vulnerability"]["name"] = json!(name);
        let decision = Marked::new().attest(OPENVEX, document).expect(Outcome::Rework);
        let elsewhere = vulnerability(&decision).details.get("vex-elsewhere");
        assert_eq!(elsewhere.is_some(), name == "CVE-1", "{package}: {elsewhere:?}");
    }
    for package in ["pkg:apk/alpine/zlib", "pkg:oci/web"] {
        let document = vex("not_affected", NOVEMBER, "Ann", package);
        Marked::new().attest(OPENVEX, document).expect(Outcome::Proceed);
    }
    let mut marked = Marked::new();
    let artifact = marked.making.record.artifact.digest.to_string().replace(':', "%3A");
    let mut document = vex("not_affected", NOVEMBER, "Ann", &format!("pkg:oci/anything@{artifact}"));
    document["statements"][0]["products"][0]["subcomponents"] = json!([{"@id": ZLIB}]);
    marked.attest(OPENVEX, document.clone()).expect(Outcome::Proceed);
    document["statements"][0]["products"][0]["subcomponents"] = json!([{"@id": "pkg:apk/alpine/musl"}]);
    Marked::new().attest(OPENVEX, document).expect(Outcome::Rework);
}

#[test]
fn of_contradictory_statements_the_newest_of_an_author_and_affected_between_authors_count() {
    let (old, new) = ("2026-11-01T00:00:00Z", NOVEMBER);
    for (first, second, outcome) in [
        (("not_affected", old, "Ann"), ("affected", new, "Ann"), Outcome::Rework),
        (("affected", old, "Ann"), ("not_affected", new, "Ann"), Outcome::Proceed),
        (("not_affected", new, "Ann"), ("under_investigation", old, "Ann"), Outcome::Proceed),
        (("not_affected", old, "Ann"), ("under_investigation", new, "Ann"), Outcome::Rework),
        // Of one instant: the worse.
        (("not_affected", new, "Ann"), ("affected", new, "Ann"), Outcome::Rework),
        // Another author, however old what he says.
        (("not_affected", new, "Ann"), ("affected", old, "Bob"), Outcome::Rework),
        (("not_affected", new, "Ann"), ("under_investigation", new, "Bob"), Outcome::Proceed),
        // Who begins to look later lifts what was said before.
        (("not_affected", old, "Ann"), ("under_investigation", new, "Bob"), Outcome::Rework),
        (("not_affected", new, "Ann"), ("under_investigation", old, "Bob"), Outcome::Proceed),
        (("fixed", old, "Ann"), ("not_affected", new, "Bob"), Outcome::Proceed),
    ] {
        for (first, second) in [(first, second), (second, first)] {
            let mut marked = Marked::new();
            marked.vex(first.0, first.1, first.2).vex(second.0, second.1, second.2).expect(outcome);
        }
    }
    for status in ["affected", "under_investigation"] {
        let decision = Marked::new().vex(status, new, "Ann").expect(Outcome::Rework);
        assert_eq!(vulnerability(&decision).details["vex"], status, "it is told");
    }
}

#[test]
fn statements_of_the_future_do_not_count() {
    let decision = Marked::new().vex("not_affected", "2026-11-23T12:00:01Z", "Ann").expect(Outcome::Rework);
    assert!(codes(&decision).contains(&"vulnerability.vex-not-counted"));
    Marked::new().vex("not_affected", "2026-11-23T12:00:00Z", "Ann").expect(Outcome::Proceed);
    // What will be said does not undo what was said.
    let mut marked = Marked::new();
    marked.vex("not_affected", NOVEMBER, "Ann").vex("affected", "2027-01-01T00:00:00Z", "Ann");
    marked.expect(Outcome::Proceed);
}

#[test]
fn what_is_exploited_stays_critical_and_has_no_baseline() {
    let mut marked = Marked::new();
    marked.making.set_advisory("low", &["1.3.1-r3"], true);
    let decision = marked.vex("not_affected", NOVEMBER, "Ann").expect(Outcome::Proceed);
    assert_eq!(vulnerability(&decision).severity, Severity::Critical);
    let mut marked = Marked::new();
    marked.making.set_advisory("low", &["1.3.1-r3"], true);
    let decision = marked.attest(BASELINE, baseline(|_| ())).expect(Outcome::Rework);
    assert_eq!(vulnerability(&decision).details["baseline"], "not for what is known to be exploited");
}

#[test]
fn a_baseline_bears_with_vulnerabilities_for_a_while() {
    for fixed in [&["1.3.1-r3"][..], &[]] {
        let mut marked = Marked::new();
        marked.making.set_advisory("critical", fixed, false);
        let decision = marked.attest(BASELINE, baseline(|_| ())).expect(Outcome::Proceed);
        let details = &vulnerability(&decision).details;
        assert_eq!(details["baseline"], "until 2026-12-01T00:00:00Z");
        assert_eq!(
            (details["baseline-reason"].as_str(), details["baseline-key"].as_str()),
            ("rebuilt in December", "security")
        );
        assert!(relied_on(&decision).contains(details["baseline-evidence"].as_str()));
    }
    for (code, change) in [
        ("vulnerability.baseline-ended", ("until", json!("2026-11-23T12:00:00Z"))),
        ("vulnerability.baseline-not-counted", ("made", json!("2026-11-23T12:00:01Z"))),
        ("vulnerability.baseline-not-counted", ("made", json!("2025-11-30T00:00:00Z"))),
        ("vulnerability.baseline-not-counted", ("until", json!(null))),
        ("vulnerability.baseline-not-counted", ("reason", json!(""))),
    ] {
        let document = baseline(|value| value[change.0] = change.1);
        let decision = Marked::new().attest(BASELINE, document).expect(Outcome::Rework);
        assert!(codes(&decision).contains(&code), "{code}: {:?}", codes(&decision));
    }
    for (key, value) in [
        ("package", json!("pkg:apk/alpine/musl")),
        ("package", json!("pkg:apk/wolfi/zlib")),
        ("advisory", json!("CVE-2")),
        ("until", json!("2026-11-23T12:00:00Z")),
    ] {
        let document = baseline(|document| document["findings"][0][key] = value);
        Marked::new().attest(BASELINE, document).expect(Outcome::Rework);
    }
    let document = baseline(|value| value["until"] = json!("2026-11-23T12:00:01Z"));
    Marked::new().attest(BASELINE, document).expect(Outcome::Proceed);
    // By a key that nobody named.
    let mut marked = Marked::new();
    marked.attest_by(&SigningKey::generate().unwrap(), BASELINE, baseline(|_| ()));
    assert!(codes(&marked.expect(Outcome::Rework)).contains(&"vulnerability.baseline-not-counted"));
}

#[test]
fn a_mark_must_be_about_every_vulnerability_that_an_advisory_closes() {
    let several = || {
        let mut marked = Marked::new();
        let advisory = json!([{
            "id": "DSA-1", "aliases": ["CVE-1", "CVE-2"], "severity": "high", "modified": "2026-01-01T00:00:00Z",
            "affected": [{"ecosystem": "Alpine:v3.22", "name": "zlib", "ranges": [[{"introduced": "0"}, {"fixed": "9"}]]}],
        }]);
        let extract = marked.making.inputs.insert(canon::to_bytes(&advisory).unwrap());
        marked.making.record.feed.as_mut().unwrap().extract = extract;
        marked
    };
    let about = |name: &str, status: &str| {
        let mut document = vex(status, NOVEMBER, "Ann", ZLIB);
        document["statements"][0]["vulnerability"]["name"] = json!(name);
        document
    };
    let decision = several().attest(OPENVEX, about("CVE-1", "fixed")).expect(Outcome::Rework);
    assert_eq!(vulnerability(&decision).details["vex-partly"], "CVE-1");
    several().attest(OPENVEX, about("DSA-1", "fixed")).expect(Outcome::Rework);
    let mut both = several();
    both.attest(OPENVEX, about("CVE-1", "fixed")).attest(OPENVEX, about("CVE-2", "not_affected"));
    both.expect(Outcome::Proceed);
    let mut one = several();
    one.attest(OPENVEX, about("CVE-1", "fixed")).attest(OPENVEX, about("CVE-2", "affected"));
    assert_eq!(vulnerability(&one.expect(Outcome::Rework)).details["vex"], "affected");
    several().attest(BASELINE, baseline(|_| ())).expect(Outcome::Rework);
    let entry = |name: &str| json!({"advisory": name, "package": "pkg:apk/alpine/zlib"});
    let both = baseline(|value| value["findings"] = json!([entry("CVE-1"), entry("CVE-2")]));
    several().attest(BASELINE, both).expect(Outcome::Proceed);
}

#[test]
fn keys_and_evidence_that_are_missing_blind_the_gate() {
    let mut marked = Marked::new();
    marked.making.record.keys.pop();
    let decision = marked.expect(Outcome::Rework);
    assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown);
    assert!(codes(&decision).contains(&"vulnerability.key-unusable"));
    let mut marked = Marked::new();
    marked.vex("not_affected", NOVEMBER, "Ann");
    marked.making.record.evidence.last_mut().unwrap().blobs = vec![lockgate_model::Digest::of(b"gone")];
    let decision = marked.expect(Outcome::Rework);
    assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown);
    for bad in [
        json!({"vex": {}}),
        json!({"vex": {"keys": []}}),
        json!({"baseline": {"key": "a"}}),
        json!({"vex": ["a"]}),
    ] {
        assert!(check_settings("vulnerability", &bad).is_err(), "{bad}");
    }
}
