//! Bills of materials that others attached: which count, and that their packages are judged beside ours.
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
use lockgate_model::case::{Revocation, TrustedKey};
use lockgate_model::keyring::{Duty, Role};
use lockgate_model::{Answer, Decision, Effect, Finding, Outcome, canon};
use making::{Making, answer, at, codes, covered, inventory};
use serde_json::{Value, json};

const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const SPDX: &str = "https://spdx.dev/Document";

/// What takes a key's word away.
type Spoil = fn(&mut TrustedKey);

/// A Case whose feed knows a vulnerability of npm's `left`, which only a bill of materials names.
struct Declared {
    making: Making,
    ci: SigningKey,
}

impl Declared {
    fn new(settings: Value) -> Self {
        let mut making = Making::new();
        let ci = SigningKey::generate().unwrap();
        let file = making.inputs.insert(ci.public().to_pem());
        making.record.keys.push(TrustedKey::plain("ci", file));
        making.record.gates.insert("vulnerability".into(), settings);
        let vulnerability = |id: &str, ecosystem: &str, name: &str, fixed: &str| {
            json!({
                "id": id, "severity": "high", "modified": "2026-01-01T00:00:00Z",
                "affected": [{"ecosystem": ecosystem, "name": name, "ranges": [[{"introduced": "0"}, {"fixed": fixed}]]}],
            })
        };
        let vulnerabilities = json!([
            vulnerability("CVE-7", "npm", "left", "2.0.0"),
            vulnerability("CVE-8", "Alpine:v3.22", "zlib", "1.3.1-r3")
        ]);
        let extract = making.inputs.insert(canon::to_bytes(&vulnerabilities).unwrap());
        making.record.feed.as_mut().unwrap().extract = extract;
        making.set_coverage("npm", Some(covered()));
        Self { making, ci }
    }

    fn judging() -> Self {
        Self::new(json!({"declared": "judge", "failOn": "high", "sboms": {"keys": ["ci"]}}))
    }

    /// Without the vulnerability in what our own scan found.
    fn clean(mut self) -> Self {
        let mut found = inventory();
        found.packages.retain(|package| package.name != "zlib");
        self.making.set_inventory(&found);
        self
    }

    fn attest(&mut self, kind: &str, document: Value) -> &mut Self {
        self.making.attest(&self.ci, kind, document);
        self
    }

    fn attest_by(&mut self, key: &SigningKey, kind: &str, document: Value) -> &mut Self {
        self.making.attest(key, kind, document);
        self
    }

    fn expect(&mut self, outcome: Outcome) -> Decision {
        self.making.expect(outcome)
    }
}

fn bom(purls: &[&str]) -> Value {
    let components: Vec<_> = purls.iter().map(|purl| json!({"type": "library", "purl": purl})).collect();
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})
}

fn found<'a>(decision: &'a Decision, code: &str) -> Option<&'a Finding> {
    decision.verdicts.iter().flat_map(|verdict| &verdict.findings).find(|finding| finding.code == code)
}

fn summary(decision: &Decision) -> &str {
    &decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap().summary
}

#[test]
fn what_only_a_bill_of_materials_names_is_judged_and_told_as_such() {
    let mut declared = Declared::judging().clean();
    let decision = declared.expect(Outcome::Proceed);
    assert!(found(&decision, "vulnerability.no-sbom").is_some_and(|one| one.effect == Effect::Advise));
    let decision = declared.attest(CYCLONEDX, bom(&["pkg:npm/left@1.0.0"])).expect(Outcome::Rework);
    let vulnerability = found(&decision, "vulnerability.known").unwrap();
    let details = &vulnerability.details;
    assert_eq!((vulnerability.subject.as_str(), details["sbom-key"].as_str()), ("left 1.0.0", "ci"));
    assert!(details["declared"].as_str().contains("ci signed"), "{details:?}");
    assert!(!details.contains_key("layer") && !details.contains_key("path"), "{details:?}");
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
    assert!(
        verdict.relied_on.iter().any(|one| one.to_string() == format!("evidence:{}", details["sbom"])),
        "{verdict:?}"
    );
    assert!(verdict.relied_on.iter().any(|one| one.to_string().starts_with("key:ci@")), "{verdict:?}");
    assert!(!codes(&decision).contains(&"vulnerability.no-sbom"));

    // Whoever trusts declared packages less has them advise; what has no vulnerability does nothing.
    let mut declared = Declared::new(json!({"sboms": {"keys": ["ci"]}})).clean();
    let decision = declared.attest(CYCLONEDX, bom(&["pkg:npm/left@1.0.0"])).expect(Outcome::Proceed);
    assert_eq!(found(&decision, "vulnerability.known").unwrap().effect, Effect::Advise);
    let mut declared = Declared::judging().clean();
    let decision = declared.attest(CYCLONEDX, bom(&["pkg:npm/left@2.0.0"])).expect(Outcome::Proceed);
    assert!(found(&decision, "vulnerability.known").is_none());
}

#[test]
fn spdx_and_packages_of_a_distribution_count_too() {
    let spdx = |purl: &str| {
        json!({"spdxVersion": "SPDX-2.3", "packages": [
            {"externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]},
        ]})
    };
    for purl in ["pkg:npm/left@1.0.0", "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1"] {
        let mut declared = Declared::judging().clean();
        let decision = declared.attest(SPDX, spdx(purl)).expect(Outcome::Rework);
        assert_eq!(found(&decision, "vulnerability.known").unwrap().details["sbom-key"], "ci");
    }
    // A release that is not said: nobody can be asked, and it is told.
    let mut declared = Declared::judging().clean();
    let decision = declared.attest(SPDX, spdx("pkg:apk/alpine/zlib@1.3.1-r2")).expect(Outcome::Proceed);
    assert!(found(&decision, "vulnerability.sbom-nameless").unwrap().title.contains("zlib"));
}

#[test]
fn a_package_that_is_there_anyway_is_counted_once() {
    let mut declared = Declared::judging();
    let alone = declared.expect(Outcome::Rework);
    let purl = "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1";
    declared.attest(CYCLONEDX, bom(&[purl, "pkg:npm/left@1.0.0"]));
    declared.attest(CYCLONEDX, bom(&["pkg:npm/left@1.0.0", "pkg:npm/right@1.0.0"]));
    let decision = declared.expect(Outcome::Rework);
    let vulnerabilities = codes(&decision).iter().filter(|code| **code == "vulnerability.known").count();
    assert_eq!(vulnerabilities, 2, "{decision:#?}");
    assert!(summary(&alone).starts_with("2 packages, 1 known vulnerabilities"), "{}", summary(&alone));
    assert!(summary(&decision).starts_with("4 packages, 2 known vulnerabilities"), "{}", summary(&decision));
    let zlib = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let zlib = zlib.clone().find(|one| one.subject.starts_with("zlib")).unwrap();
    assert!(!zlib.details.contains_key("sbom") && zlib.details.contains_key("layer"));
}

#[test]
fn what_does_not_count_is_told_and_changes_nothing() {
    let document = || bom(&["pkg:npm/left@1.0.0"]);
    // By a stranger; by a key that is trusted and not named for it.
    let stranger = SigningKey::generate().unwrap();
    let mut declared = Declared::judging().clean();
    let decision = declared.attest_by(&stranger, CYCLONEDX, document()).expect(Outcome::Proceed);
    assert!(found(&decision, "vulnerability.sbom-not-counted").unwrap().title.contains("none of the keys"));
    let build = SigningKey::from_pem(declared.making.key.to_pem().unwrap().as_bytes()).unwrap();
    let mut declared = Declared::judging().clean();
    declared.making.key = build;
    let settings = json!({"declared": "judge", "sboms": {"keys": ["ci"]}, "vex": {"keys": ["build"]}});
    declared.making.record.gates.insert("vulnerability".into(), settings);
    let key = SigningKey::from_pem(declared.making.key.to_pem().unwrap().as_bytes()).unwrap();
    let file = declared.making.inputs.insert(key.public().to_pem());
    declared.making.record.keys[0] = TrustedKey::plain("build", file);
    let artifact = declared.making.record.artifact.clone();
    declared.making.record.evidence = vec![making::signature(&mut declared.making.inputs, &artifact, &key)];
    let decision = declared.attest_by(&key, CYCLONEDX, document()).expect(Outcome::Proceed);
    assert!(found(&decision, "vulnerability.sbom-not-counted").unwrap().title.contains("build signed it"));
    assert!(found(&decision, "vulnerability.known").is_none());

    // By a key that was revoked, that expired, or that has another role.
    let spoils: [(&str, Spoil); 3] = [
        ("was revoked", |key| {
            key.standing.revoked =
                Some(Revocation { at: at("2026-11-01T00:00:00Z"), compromised_since: None });
        }),
        ("was valid until", |key| key.standing.valid_until = Some(at("2026-11-01T00:00:00Z"))),
        ("who is no builder or scanner", |key| {
            key.standing.in_use_since = Some(at("2026-01-01T00:00:00Z"));
            let (owner, stages) = ("ann".to_owned(), "*".parse().unwrap());
            key.standing.duty =
                Some(Duty { owner, roles: [Role::Approver].into(), stages, rotate_every_days: None });
        }),
    ];
    for (why, spoil) in spoils {
        let mut declared = Declared::judging().clean();
        let key = declared.making.record.keys.iter_mut().find(|key| key.name == "ci").unwrap();
        spoil(key);
        declared.attest(CYCLONEDX, document());
        declared.making.record.sort();
        let decision = declared.making.decide();
        let told =
            found(&decision, "vulnerability.sbom-not-counted").unwrap_or_else(|| panic!("{decision:#?}"));
        assert!(told.title.contains(why), "{}", told.title);
        assert!(found(&decision, "vulnerability.known").is_none());
    }
    // Nobody asked: nothing is said of it.
    let mut declared = Declared::new(json!({"declared": "judge"})).clean();
    let decision = declared.attest(CYCLONEDX, document()).expect(Outcome::Proceed);
    assert!(!codes(&decision).iter().any(|code| code.contains("sbom")));
}

#[test]
fn one_that_is_required_must_be_there_and_one_that_counts_must_be_readable() {
    let required =
        || Declared::new(json!({"declared": "judge", "sboms": {"keys": ["ci"], "required": true}})).clean();
    let decision = required().expect(Outcome::Pause);
    assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown);
    assert!(found(&decision, "vulnerability.no-sbom").is_some());
    let stranger = SigningKey::generate().unwrap();
    let decision = required().attest_by(&stranger, CYCLONEDX, bom(&[])).expect(Outcome::Pause);
    assert!(found(&decision, "vulnerability.no-sbom").is_some());
    required().attest(CYCLONEDX, bom(&["pkg:npm/right@1.0.0"])).expect(Outcome::Proceed);

    for document in
        [json!({"bomFormat": "other"}), json!([]), json!({"spdxVersion": "SPDX-2.3", "packages": "x"})]
    {
        let decision = Declared::judging().clean().attest(SPDX, document.clone()).expect(Outcome::Pause);
        assert!(found(&decision, "vulnerability.sbom-unread").is_some(), "{document}");
        assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown);
    }
}

#[test]
fn the_feed_is_silent_only_about_what_counts() {
    for (by_stranger, outcome) in [(true, Outcome::Proceed), (false, Outcome::Pause)] {
        let mut declared = Declared::judging().clean();
        let key = SigningKey::generate().unwrap();
        let document = bom(&["pkg:maven/org.a/b@1"]);
        let declared = if by_stranger {
            declared.attest_by(&key, CYCLONEDX, document)
        } else {
            declared.attest(CYCLONEDX, document)
        };
        let decision = declared.expect(outcome);
        assert_eq!(found(&decision, "vulnerability.uncovered").is_some(), !by_stranger);
    }
}

#[test]
fn settings_are_read_strictly() {
    for (settings, good) in [
        (json!({"keys": ["ci"]}), true),
        (json!({"keys": ["ci"], "required": true}), true),
        (json!({"keys": []}), false),
        (json!({}), false),
        (json!({"keys": ["ci"], "mode": "prefer"}), false),
        (json!({"keys": ["ci"], "required": "yes"}), false),
    ] {
        let checked = check_settings("vulnerability", &json!({"sboms": settings}));
        assert_eq!(checked.is_ok(), good, "{settings}: {checked:?}");
    }
}
