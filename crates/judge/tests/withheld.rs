//! Evidence that was seen and is gone: what could have said no pauses until something newer by the same signer says it
//! anew, what could only have helped is told, and what never counted is nobody's loss.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use std::rc::Rc;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::{COSIGN_SIGN, Statement};
use lockgate_attest::write::cosign_legacy_attestation;
use lockgate_judge::signed;
use lockgate_model::case::{Revocation, Seen, TrustedKey, Withheld};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::media;
use lockgate_model::{Answer, Case, Decision, Descriptor, Digest, Effect, Evidence, Finding, Outcome, canon};
use making::{Making, answer, at, attestation};
use serde_json::{Value, json};

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const BASELINE: &str = "https://lockgate.dev/baseline/v1";
const REPORT: &str = "https://lockgate.dev/report/v1";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";

const OLD: &str = "2026-11-10T00:00:00Z";
const MIDDLE: &str = "2026-11-15T00:00:00Z";
const NEW: &str = "2026-11-20T00:00:00Z";

/// The kinds of evidence, and what hiding one does.
const KINDS: [(&str, Option<Effect>); 5] = [
    (OPENVEX, Some(Effect::Pause)),
    (REPORT, Some(Effect::Pause)),
    (CYCLONEDX, Some(Effect::Pause)),
    (BASELINE, Some(Effect::Advise)),
    (COSIGN_SIGN, Some(Effect::Advise)),
];

/// A document of that kind, of that time.
fn document(kind: &str, time: &str) -> Value {
    match kind {
        OPENVEX => vex("affected", time, "Ann", "CVE-1"),
        REPORT => report("trivy", time),
        CYCLONEDX => bom(&["pkg:apk/alpine/left@1.0.0-r0?distro=alpine-3.22.1"], time),
        BASELINE => json!({
            "made": time, "until": "2026-12-01T00:00:00Z", "reason": "rebuilt in December",
            "findings": [{"advisory": "CVE-1", "package": "pkg:apk/alpine/zlib"}],
        }),
        _ => json!({}),
    }
}

/// One of that kind and time that says nothing about what the other one is about.
fn elsewhere(kind: &str, time: &str) -> Option<Value> {
    match kind {
        OPENVEX => Some(vex("not_affected", time, "Ann", "CVE-2")),
        REPORT => Some(report("grype", time)),
        CYCLONEDX => Some(bom(&["pkg:apk/alpine/right@1.0.0-r0?distro=alpine-3.22.1"], time)),
        _ => None,
    }
}

fn vex(status: &str, time: &str, author: &str, name: &str) -> Value {
    json!({
        "@context": OPENVEX, "@id": "x", "author": author, "timestamp": time, "version": 1,
        "statements": [{
            "vulnerability": {"name": name}, "products": [{"@id": "pkg:apk/alpine/zlib@1.3.1-r2"}],
            "status": status, "justification": "vulnerable_code_not_present",
        }],
    })
}

fn report(scanner: &str, time: &str) -> Value {
    match scanner {
        "trivy" => json!({
            "SchemaVersion": 2, "Trivy": {"Version": "0.76.0"}, "CreatedAt": time, "ArtifactName": "web",
            "Metadata": {"OS": {"Family": "alpine", "Name": "3.22.1"}},
            "Results": [{"Target": "web", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": []}],
        }),
        _ => json!({
            "descriptor": {"name": "grype", "version": "0.90.0", "timestamp": time},
            "source": {"type": "image", "target": {}}, "distro": {"name": "alpine", "version": "3.22.1"},
            "matches": [],
        }),
    }
}

fn bom(purls: &[&str], time: &str) -> Value {
    let components: Vec<_> = purls.iter().map(|purl| json!({"type": "library", "purl": purl})).collect();
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": time}, "components": components,
    })
}

/// A good Case whose stage hears two keys, and knows a third.
struct Shop {
    making: Making,
    security: Rc<SigningKey>,
    second: Rc<SigningKey>,
    other: Rc<SigningKey>,
    stranger: Rc<SigningKey>,
}

impl Shop {
    fn new() -> Self {
        let mut making = Making::new();
        let keys = [(); 4].map(|()| Rc::new(SigningKey::generate().unwrap()));
        for (name, key) in ["security", "second", "other"].into_iter().zip(&keys) {
            let file = making.inputs.insert(key.public().to_pem());
            making.record.keys.push(TrustedKey::plain(name, file));
        }
        let by = json!(["security", "second"]);
        let settings = json!({
            "vex": {"keys": by}, "baseline": {"keys": by}, "sboms": {"keys": by},
            "scanners": {"mode": "prefer", "keys": by, "maxAgeDays": 30},
        });
        making.record.gates.insert("vulnerability".into(), settings);
        let signers = json!({"keys": ["build", "security"]});
        making.record.gates.insert("signature".into(), signers);
        making.record.seen = Some(Seen::default());
        let [security, second, other, stranger] = keys;
        Self { making, security, second, other, stranger }
    }

    fn evidence(&mut self, key: &SigningKey, kind: &str, predicate: Value) -> Evidence {
        let artifact = self.making.record.artifact.clone();
        let statement = Statement::about(&artifact, kind, predicate);
        attestation(&mut self.making.inputs, &artifact, key, &statement)
    }

    /// It was seen, and is gone.
    fn hide(&mut self, evidence: Evidence) {
        let seen = self.making.record.seen.as_mut().unwrap();
        seen.decisions += 1;
        seen.withheld.push(Withheld { evidence, last_seen: at(MIDDLE), decision: Digest::of(b"decision") });
    }

    fn hide_by(&mut self, key: &SigningKey, kind: &str, predicate: Value) {
        let evidence = self.evidence(key, kind, predicate);
        self.hide(evidence);
    }

    fn attach(&mut self, key: &SigningKey, kind: &str, predicate: Value) {
        let evidence = self.evidence(key, kind, predicate);
        self.making.record.evidence.push(evidence);
    }

    /// Judges, and expects that what is gone does this.
    fn expect(&mut self, effect: Option<Effect>, what: &str) -> Decision {
        let outcome = if effect == Some(Effect::Pause) { Outcome::Pause } else { Outcome::Proceed };
        self.making.record.sort();
        let decision = self.making.decide();
        assert_eq!(decision.outcome, outcome, "{what}: {decision:#?}");
        assert_eq!(withheld(&decision).first().map(|one| one.effect), effect, "{what}: {decision:#?}");
        decision
    }
}

fn withheld(decision: &Decision) -> Vec<&Finding> {
    let findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    findings.filter(|one| one.code.ends_with(".evidence-withheld")).collect()
}

#[test]
fn what_would_not_count_is_nobodys_loss() {
    let mut variants = 0;
    for (kind, effect) in KINDS {
        let mut named = Shop::new();
        named.hide_by(&named.security.clone(), kind, document(kind, OLD));
        let decision = named.expect(effect, kind);
        let [told] = withheld(&decision)[..] else { panic!("{decision:#?}") };
        let evidence = &named.making.record.seen.as_ref().unwrap().withheld[0].evidence.manifest.digest;
        assert_eq!(told.subject, evidence.to_string());
        let door = format!("lockgate evidence forget {evidence} --reason");
        assert!(told.remediation.contains(&door), "{told:#?}");
        assert_eq!(
            (told.details["signer"].as_str(), told.details["last-seen"].as_str()),
            ("security", MIDDLE)
        );

        let mut other = Shop::new();
        other.hide_by(&other.other.clone(), kind, document(kind, OLD));
        other.expect(None, kind);

        let mut stranger = Shop::new();
        stranger.hide_by(&stranger.stranger.clone(), kind, document(kind, OLD));
        stranger.expect(None, kind);

        let mut revoked = Shop::new();
        revoked.hide_by(&revoked.security.clone(), kind, document(kind, OLD));
        let key = revoked.making.record.keys.iter_mut().find(|key| key.name == "security").unwrap();
        key.standing.revoked = Some(Revocation { at: at(NEW), compromised_since: None });
        revoked.expect(None, kind);

        let mut elsewhere = Shop::new();
        let mut evidence = elsewhere.evidence(&elsewhere.security.clone(), kind, document(kind, OLD));
        evidence.subject = Digest::of(b"another artifact");
        elsewhere.hide(evidence);
        elsewhere.expect(None, kind);

        // It is held against nobody that the Case does not say was there, and old Editions do not remember.
        let mut older = Shop::new();
        let before = {
            older.making.record.edition = "2026-2".to_owned();
            older.expect(None, kind)
        };
        older.hide_by(&older.security.clone(), kind, document(kind, OLD));
        let after = older.expect(None, kind);
        assert_eq!(before.verdicts, after.verdicts);
        variants += 6;
    }
    assert!(variants >= 20, "{variants}");
}

#[test]
fn only_newer_words_by_the_same_signer_about_the_same_take_the_place() {
    let mut variants = 0;
    for (kind, effect) in KINDS {
        let mut play = |what: &str, expected: Option<Effect>, add: &dyn Fn(&mut Shop)| {
            let mut shop = Shop::new();
            shop.hide_by(&shop.security.clone(), kind, document(kind, MIDDLE));
            add(&mut shop);
            shop.expect(expected, &format!("{kind}, {what}"));
            variants += 1;
        };
        let same = |shop: &mut Shop| shop.attach(&shop.security.clone(), kind, document(kind, MIDDLE));
        play("the same", None, &same);
        let newer = |shop: &mut Shop| shop.attach(&shop.security.clone(), kind, document(kind, NEW));
        play("newer", None, &newer);
        // A bill of materials has no time that counts, and neither has a signature: the same is said.
        let timeless = [CYCLONEDX, COSIGN_SIGN].contains(&kind);
        let older = |shop: &mut Shop| shop.attach(&shop.security.clone(), kind, document(kind, OLD));
        play("older", effect.filter(|_| !timeless), &older);
        let second = |shop: &mut Shop| shop.attach(&shop.second.clone(), kind, document(kind, NEW));
        play("newer, by another named key", effect, &second);
        let other = |shop: &mut Shop| shop.attach(&shop.other.clone(), kind, document(kind, NEW));
        play("newer, by a key that is not named", effect, &other);
        let stranger = |shop: &mut Shop| shop.attach(&shop.stranger.clone(), kind, document(kind, NEW));
        play("newer, by a stranger", effect, &stranger);
        if elsewhere(kind, NEW).is_some() {
            let about = |shop: &mut Shop| {
                shop.attach(&shop.security.clone(), kind, elsewhere(kind, NEW).unwrap());
            };
            play("newer, about something else", effect, &about);
            let both = |shop: &mut Shop| {
                about(shop);
                newer(shop);
            };
            play("newer, about something else and about the same", None, &both);
        }
        let cut = |shop: &mut Shop| {
            // The newer one is there, and its bytes are not what its signature says.
            newer(shop);
            let evidence = shop.making.record.evidence.last_mut().unwrap();
            evidence.subject = Digest::of(b"another artifact");
        };
        play("newer, of another artifact", effect, &cut);
    }
    assert!(variants >= 35, "{variants}");
}

#[test]
fn each_refusal_of_a_document_must_be_answered_by_its_author() {
    let statements = |list: &[(&str, &str)], time: &str, author: &str| {
        let mut document = vex("affected", time, author, "CVE-1");
        let statements = list.iter().map(|(name, status)| {
            json!({
                "vulnerability": {"name": name}, "products": [{"@id": "pkg:apk/alpine/zlib@1.3.1-r2"}],
                "status": status, "justification": "vulnerable_code_not_present",
            })
        });
        document["statements"] = statements.collect();
        document
    };
    let hidden = [("CVE-1", "affected"), ("CVE-2", "under_investigation"), ("CVE-3", "not_affected")];
    let play = |what: &str, expected: Option<Effect>, newer: &[Value]| {
        let mut shop = Shop::new();
        shop.hide_by(&shop.security.clone(), OPENVEX, statements(&hidden, MIDDLE, "Ann"));
        for document in newer {
            shop.attach(&shop.security.clone(), OPENVEX, document.clone());
        }
        shop.expect(expected, what);
    };
    let pause = Some(Effect::Pause);
    let all = [("cve-1", "fixed"), ("CVE-2", "not_affected")];
    play("all", None, &[statements(&all, NEW, "Ann")]);
    play(
        "all, in two documents",
        None,
        &[statements(&all[..1], NEW, "Ann"), statements(&all[1..], NEW, "Ann")],
    );
    play("one of two", pause, &[statements(&all[..1], NEW, "Ann")]);
    play("the other one", pause, &[statements(&all[1..], NEW, "Ann")]);
    play("another author", pause, &[statements(&all, NEW, "Bob")]);
    play(
        "one of an author, one of another",
        pause,
        &[statements(&all[..1], NEW, "Ann"), statements(&all[1..], NEW, "Bob")],
    );
    play("of the same time", pause, &[statements(&all, MIDDLE, "Ann")]);
    play("nothing", pause, &[statements(&[], NEW, "Ann")]);
    let mut product = statements(&all, NEW, "Ann");
    for statement in product["statements"].as_array_mut().unwrap() {
        statement["products"] = json!([{"@id": "pkg:apk/alpine/musl"}]);
    }
    play("of another package", pause, &[product.clone()]);
    for statement in product["statements"].as_array_mut().unwrap() {
        statement["products"] =
            json!([{"@id": "pkg:apk/alpine/musl"}, {"@id": "pkg:apk/alpine/zlib@1.3.1-r2"}]);
    }
    play("of another package as well", None, &[product]);
    // A document in the future says nothing today.
    let future = statements(&all, "2027-01-01T00:00:00Z", "Ann");
    play("in the future", pause, &[future]);
}

#[test]
fn a_hidden_refusal_is_not_outvoted_by_what_it_refused() {
    // As it was done: `affected` is hidden, the older `not_affected` is left.
    let mut shop = Shop::new();
    shop.making.set_advisory("high", &["1.3.1-r3"], false);
    shop.attach(&shop.security.clone(), OPENVEX, vex("not_affected", OLD, "Ann", "CVE-1"));
    shop.expect(None, "nothing is hidden");
    let refusal = shop.evidence(&shop.security.clone(), OPENVEX, vex("affected", MIDDLE, "Ann", "CVE-1"));
    shop.making.record.evidence.push(refusal.clone());
    assert_eq!(shop.making.expect(Outcome::Rework).outcome, Outcome::Rework);
    shop.making.record.evidence.retain(|one| *one != refusal);
    shop.hide(refusal);
    let decision = shop.expect(Some(Effect::Pause), "the refusal is hidden");
    assert_eq!(answer(&decision, "vulnerability"), Answer::Fail);
    shop.attach(&shop.security.clone(), OPENVEX, vex("not_affected", NEW, "Ann", "CVE-1"));
    shop.expect(None, "it was answered");
}

#[test]
fn a_report_that_is_too_old_or_of_another_scanner_is_no_loss() {
    for (what, change) in [
        ("too old", json!({"mode": "prefer", "keys": ["security"], "maxAgeDays": 3})),
        ("other", json!({"mode": "prefer", "keys": ["security"], "maxAgeDays": 30, "names": ["grype"]})),
    ] {
        let mut shop = Shop::new();
        shop.making.record.gates.insert("vulnerability".into(), json!({"scanners": change}));
        shop.hide_by(&shop.security.clone(), REPORT, document(REPORT, MIDDLE));
        shop.expect(None, what);
    }
}

#[test]
fn what_could_not_be_read_may_have_said_anything() {
    let broken = |kind: &str, time: &str| {
        let mut document = document(kind, time);
        match kind {
            OPENVEX => document["statements"][0]["status"] = json!("afected"),
            REPORT => document["Results"] = json!({"Class": "os-pkgs"}),
            _ => {
                document["components"] = json!({"purl": "pkg:apk/alpine/left@1.0.0-r0?distro=alpine-3.22.1"});
            }
        }
        document
    };
    for kind in [OPENVEX, REPORT, CYCLONEDX] {
        let mut shop = Shop::new();
        shop.attach(&shop.security.clone(), kind, broken(kind, MIDDLE));
        let there = shop.making.expect(Outcome::Pause);
        assert_eq!(answer(&there, "vulnerability"), Answer::Unknown, "{kind}");
        let mut shop = Shop::new();
        shop.hide_by(&shop.security.clone(), kind, broken(kind, MIDDLE));
        shop.expect(Some(Effect::Pause), kind);
        for (key, expected) in [(shop.second.clone(), Some(Effect::Pause)), (shop.security.clone(), None)] {
            shop.attach(&key, kind, document(kind, NEW));
            // Which packages a bill of materials named that could not be read, no other one says.
            let expected = if kind == CYCLONEDX { Some(Effect::Pause) } else { expected };
            shop.expect(expected, kind);
        }
    }
    // Of a name that is no type of its own, the content counts.
    let mut shop = Shop::new();
    shop.hide_by(&shop.security.clone(), "https://example.com/vuln", document(REPORT, MIDDLE));
    shop.expect(Some(Effect::Pause), "a report under another type");
}

#[test]
fn words_that_are_too_old_to_count_are_no_loss() {
    let old = vex("not_affected", "2026-01-01T00:00:00Z", "Ann", "CVE-1");
    let mut shop = Shop::new();
    shop.hide_by(&shop.security.clone(), OPENVEX, old.clone());
    shop.expect(None, "too old");
    // And take no refusal's place, which never is.
    let mut shop = Shop::new();
    shop.hide_by(&shop.security.clone(), OPENVEX, vex("affected", "2025-12-01T00:00:00Z", "Ann", "CVE-1"));
    shop.attach(&shop.security.clone(), OPENVEX, old);
    shop.expect(Some(Effect::Pause), "answered too long ago");
}

#[test]
fn words_attached_in_another_way_are_there() {
    let mut shop = Shop::new();
    let (artifact, key) = (shop.making.record.artifact.clone(), shop.security.clone());
    shop.hide_by(&key, OPENVEX, document(OPENVEX, MIDDLE));
    let statement = Statement::about(&artifact, OPENVEX, document(OPENVEX, MIDDLE));
    let made = cosign_legacy_attestation(None, &artifact, &*key, &statement).unwrap();
    let blob = shop.making.inputs.insert(made.blobs.last().unwrap().clone());
    let manifest = Descriptor::of(media::OCI_MANIFEST, &made.manifest);
    shop.making.inputs.insert(made.manifest);
    let (subject, attachment) = (artifact.digest, Attachment::AttestationTag);
    shop.making.record.evidence.push(Evidence { subject, attachment, manifest, blobs: vec![blob] });
    shop.expect(None, "by a tag");
}

#[test]
fn what_is_missing_of_it_blinds_the_gate() {
    let mut shop = Shop::new();
    let (artifact, key) = (shop.making.record.artifact.clone(), shop.security.clone());
    let statement = Statement::about(&artifact, OPENVEX, document(OPENVEX, OLD));
    let evidence = attestation(&mut lockgate_model::Inputs::new(), &artifact, &key, &statement);
    shop.hide(evidence);
    let decision = shop.making.decide();
    assert_eq!((decision.outcome, answer(&decision, "vulnerability")), (Outcome::Pause, Answer::Unknown));
}

#[test]
fn judging_again_gives_the_same_bytes() {
    let mut shop = Shop::new();
    for (kind, _) in KINDS {
        shop.hide_by(&shop.security.clone(), kind, document(kind, OLD));
    }
    let (once, twice) = (shop.making.decide(), shop.making.decide());
    assert_eq!(canon::to_bytes(&once).unwrap(), canon::to_bytes(&twice).unwrap());
    assert_eq!(withheld(&once).len(), KINDS.len());
}

#[test]
fn it_is_known_who_signed_and_what() {
    let mut shop = Shop::new();
    let keys = [&shop.security, &shop.other, &shop.stranger].map(Rc::clone);
    let pieces: Vec<Evidence> =
        keys.iter().map(|key| shop.evidence(key, OPENVEX, document(OPENVEX, OLD))).collect();
    let case = Case { record: shop.making.record.clone(), inputs: shop.making.inputs.clone() };
    let told = signed(&case, &pieces);
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!((told[0][0].what.as_str(), &told[1][0].by), (OPENVEX, &vec!["other".to_owned()]));
    // What is about the source counts for whoever signed it.
    let artifact = shop.making.record.artifact.clone();
    let mut statement = Statement::about(&artifact, lockgate_attest::vsa::PREDICATE_TYPE, json!({}));
    statement.subject[0].digest = [("gitCommit".to_owned(), "a".repeat(40))].into();
    let key = shop.security.clone();
    let piece = attestation(&mut shop.making.inputs, &artifact, &key, &statement);
    let case = Case { record: shop.making.record.clone(), inputs: shop.making.inputs.clone() };
    assert_eq!(signed(&case, &[piece])[0].len(), 1);
}
