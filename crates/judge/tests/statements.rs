//! A valid signature over a statement that cannot be read: the gate does not answer as if nobody had said anything.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use std::rc::Rc;

use lockgate_attest::dsse::{Envelope, IN_TOTO};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_attest::write::cosign_referrer;
use lockgate_judge::Edition;
use lockgate_model::case::{Seen, Withheld};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::media;
use lockgate_model::{Answer, Decision, Descriptor, Digest, Effect, Evidence, Outcome, Timestamp};
use lockgate_scan::baseline;
use making::{Making, answer, codes, covered};
use serde_json::{Value, json};

const CODE: &str = "vulnerability.statement-unread";
const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const REPORT: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
const SPDX: &str = "https://spdx.dev/Document";

/// A good Case whose vulnerability gate hears the key `security` as `settings` say.
struct Heard {
    making: Making,
    key: Rc<SigningKey>,
}

impl Heard {
    fn new(settings: Value) -> Self {
        let (mut making, key) = Making::hearing(settings);
        making.set_coverage("npm", Some(covered()));
        Self { making, key: Rc::new(key) }
    }

    fn vex() -> Self {
        Self::new(json!({"vex": {"keys": ["security"]}}))
    }

    /// Evidence with these bytes as the payload, signed by `key`.
    fn signed(&mut self, payload: &[u8], key: &SigningKey) -> Evidence {
        let bundle = json!({
            "mediaType": media::SIGSTORE_BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": key.public().hint()}},
            "dsseEnvelope": Envelope::sign(IN_TOTO, payload, key).unwrap(),
        });
        let (artifact, bundle) = (&self.making.record.artifact, serde_json::to_vec(&bundle).unwrap());
        let made = cosign_referrer(artifact, bundle, "x", Timestamp::from_unix(0)).unwrap();
        let blobs = vec![self.making.inputs.insert(made.blobs.last().unwrap().clone())];
        let manifest = Descriptor::of(media::OCI_MANIFEST, &made.manifest);
        self.making.inputs.insert(made.manifest);
        Evidence { subject: artifact.digest, attachment: Attachment::Referrer, manifest, blobs }
    }

    fn attach(&mut self, payload: &[u8]) -> Decision {
        let key = self.key.clone();
        let evidence = self.signed(payload, &key);
        self.making.record.evidence.push(evidence);
        self.making.record.sort();
        self.making.decide()
    }

    fn statement(&self, kind: &str) -> Value {
        let predicate = json!({"statements": [{"status": "affected"}]});
        serde_json::to_value(Statement::about(&self.making.record.artifact, kind, predicate)).unwrap()
    }

    /// What is not a statement, and may have been one of this kind.
    fn illegible(&self, kind: &str) -> Vec<Vec<u8>> {
        let good = self.statement(kind);
        let text = good.to_string();
        let with = |name: &str, value: Value| {
            let mut changed = good.clone();
            changed[name] = value;
            changed.to_string().into_bytes()
        };
        let without = |name: &str| {
            let mut changed = good.clone();
            changed.as_object_mut().unwrap().remove(name);
            changed.to_string().into_bytes()
        };
        let mut all: Vec<Vec<u8>> = vec![
            vec![],
            b"null".to_vec(),
            b"[]".to_vec(),
            b"\"affected\"".to_vec(),
            text.as_bytes()[..text.len() - 1].to_vec(),
            format!("{text}{text}").into_bytes(),
            format!("\u{feff}{text}").into_bytes(),
            text.replacen('{', "{\"predicateType\":\"https://slsa.dev/provenance/v1\",", 1).into_bytes(),
            text.replacen('{', "{\"subject\":[],", 1).into_bytes(),
            [text.as_bytes(), b"\xff"].concat(),
        ];
        for kind in ["https://in-toto.io/Statement/v2", "https://in-toto.io/statement/v1", "", "x"] {
            all.push(with("_type", json!(kind)));
        }
        for value in [json!(null), json!({}), json!("x"), json!([1]), json!([{"digest": {"sha256": 1}}])] {
            all.push(with("subject", value));
        }
        for value in [json!(null), json!(1), json!([kind])] {
            all.push(with("predicateType", value));
        }
        all.extend(["_type", "subject", "predicateType"].map(without));
        all
    }
}

fn is_blind(decision: &Decision) -> bool {
    let blind = answer(decision, "vulnerability") == Answer::Unknown && codes(decision).contains(&CODE);
    assert!(!blind || decision.outcome != Outcome::Proceed);
    blind
}

#[test]
fn a_signed_statement_that_cannot_be_read_blinds() {
    for (settings, kind) in [
        (json!({"vex": {"keys": ["security"]}}), OPENVEX),
        (json!({"scanners": {"mode": "prefer", "keys": ["security"], "maxAgeDays": 3}}), REPORT),
        (json!({"sboms": {"keys": ["security"], "required": false}}), SPDX),
    ] {
        Heard::new(settings.clone()).making.expect(Outcome::Proceed);
        for payload in Heard::new(settings.clone()).illegible(kind) {
            let mut heard = Heard::new(settings.clone());
            let text = String::from_utf8_lossy(&payload).into_owned();
            let decision = heard.attach(&payload);
            assert!(is_blind(&decision), "{kind}: {text}: {:?}", codes(&decision));
            let found = decision.verdicts.iter().flat_map(|one| &one.findings).find(|one| one.code == CODE);
            assert!(found.unwrap().remediation.contains("lockgate evidence forget sha256:"));
        }
    }
}

/// Whoever is not heard can blind nobody, and neither can what is known to be of another kind or about another artifact.
#[test]
fn what_nobody_hears_blinds_nothing() {
    let other = Descriptor::of(media::OCI_MANIFEST, b"other");
    for payload in Heard::vex().illegible(OPENVEX) {
        let mut heard = Heard::vex();
        let stranger = SigningKey::generate().unwrap();
        let evidence = heard.signed(&payload, &stranger);
        heard.making.record.evidence.push(evidence);
        heard.making.expect(Outcome::Proceed);
        // A baseline says no to nothing.
        let mut bearing = Heard::new(json!({"baseline": {"keys": ["security"]}}));
        let decision = bearing.attach(&payload);
        assert!(!is_blind(&decision) && codes(&decision).contains(&CODE), "{:?}", codes(&decision));
    }
    let newer = |heard: &Heard, kind: &str| {
        let mut statement = heard.statement(kind);
        statement["_type"] = json!("https://in-toto.io/Statement/v2");
        statement
    };
    for kind in [
        "https://slsa.dev/provenance/v1",
        "https://slsa.dev/verification_summary/v1",
        baseline::PREDICATE_TYPE,
        REPORT,
        SPDX,
    ] {
        let mut heard = Heard::vex();
        let payload = newer(&heard, kind).to_string();
        let decision = heard.attach(payload.as_bytes());
        assert!(!is_blind(&decision) && codes(&decision).contains(&CODE), "{kind}: {:?}", codes(&decision));
    }
    // Under a type that nobody knows it may be VEX all the same.
    let mut heard = Heard::vex();
    let payload = newer(&heard, "https://example.com/x").to_string();
    assert!(is_blind(&heard.attach(payload.as_bytes())));
    let mut heard = Heard::vex();
    let mut payload = newer(&heard, OPENVEX);
    payload["subject"][0]["digest"]["sha256"] = json!(other.digest.hex());
    let decision = heard.attach(payload.to_string().as_bytes());
    assert_eq!(decision.outcome, Outcome::Proceed, "{:?}", codes(&decision));
}

#[test]
fn one_that_was_seen_and_is_gone_holds_the_artifact_up() {
    let mut heard = Heard::vex();
    let payload = heard.illegible(OPENVEX).swap_remove(4);
    let key = heard.key.clone();
    let evidence = heard.signed(&payload, &key);
    let mut seen = Seen::default();
    let (last_seen, decision) = (Timestamp::from_unix(1_790_000_000), Digest::of(b"decision"));
    seen.withheld.push(Withheld { evidence, last_seen, decision });
    heard.making.record.seen = Some(seen);
    let decision = heard.making.decide();
    let told = decision.verdicts.iter().flat_map(|one| &one.findings);
    let told: Vec<_> = told.filter(|one| one.code == "vulnerability.evidence-withheld").collect();
    assert!(told.len() == 1 && told[0].effect == Effect::Pause, "{:?}", codes(&decision));
}

/// What was judged before keeps its bytes.
#[test]
fn earlier_editions_do_not_say_who_signed_it() {
    for edition in [Edition::E2026_1, Edition::E2026_2] {
        let mut heard = Heard::vex();
        heard.making.record.edition = edition.name().to_owned();
        let payload = heard.illegible(OPENVEX).swap_remove(4);
        assert!(!codes(&heard.attach(&payload)).contains(&CODE), "{edition}");
    }
}
