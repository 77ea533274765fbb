//! Judging by the keyring: roles, stages, cadence, retirement, revocation, and both ends in one hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::keys::SigningKey;
use lockgate_attest::write::{cosign_bundle, cosign_signature_statement};
use lockgate_judge::{Edition, decide, decide_again};
use lockgate_model::case::{Image, Revocation, TrustedKey};
use lockgate_model::evidence::Attachment;
use lockgate_model::keyring::{Duty, Role};
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Case, CaseRecord, Decision, Descriptor, Evidence, Inputs, Outcome, Timestamp, canon};
use serde_json::{Value, json};

/// A Case with the signature gate alone: an image signed by a builder's key of the keyring.
struct Making {
    inputs: Inputs,
    record: CaseRecord,
}

const CONFIG: &str = r#"{"rootfs":{"type":"layers","diff_ids":["sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"]}}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Making {
    fn new() -> Self {
        let mut inputs = Inputs::new();
        let config = inputs.insert(CONFIG);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.into()),
            artifact_type: None,
            config: Descriptor::of(media::OCI_CONFIG, CONFIG.as_bytes()),
            layers: vec![Descriptor::of(media::OCI_LAYER_GZIP, b"layer")],
            subject: None,
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let artifact = Descriptor::of(media::OCI_MANIFEST, &manifest);
        inputs.insert(manifest);
        let key = SigningKey::generate().unwrap();
        let evidence = vec![signature(&mut inputs, &artifact, &key)];
        let file = inputs.insert(key.public().to_pem());
        let image = Image {
            platform: String::new(),
            manifest: artifact.digest,
            config,
            inventory: None,
            base: None,
            by_word: vec![],
        };
        let record = CaseRecord {
            edition: Edition::CURRENT.name().into(),
            as_of: at("2026-11-23T12:00:00Z"),
            ledger_size: 7,
            service: "web".parse().unwrap(),
            from: "dev".parse().unwrap(),
            to: "staging".parse().unwrap(),
            release: None,
            from_guarded: false,
            images: vec![image],
            artifact,
            attestations: vec![],
            evidence,
            seen: None,
            companions: vec![],
            feed: None,
            keys: vec![TrustedKey::plain("build", file)],
            identities: vec![],
            sigstore: vec![],
            notary: None,
            policies: vec![],
            gates: BTreeMap::new(),
            gaps: vec![],
        };
        let mut making = Self { inputs, record };
        in_keyring(&mut making, Role::Builder, "staging");
        making
    }

    fn decide(&self) -> Decision {
        decide(&Case { record: self.record.clone(), inputs: self.inputs.clone() })
    }
}

fn signature(inputs: &mut Inputs, artifact: &Descriptor, key: &SigningKey) -> Evidence {
    let statement = cosign_signature_statement(artifact);
    let made = cosign_bundle(artifact, key, &statement, Timestamp::from_unix(0)).unwrap();
    let blob = inputs.insert(made.blobs.last().unwrap().clone());
    let manifest = Descriptor::of(media::OCI_MANIFEST, &made.manifest);
    inputs.insert(made.manifest);
    Evidence { subject: artifact.digest, attachment: Attachment::Referrer, manifest, blobs: vec![blob] }
}

fn codes(decision: &Decision) -> Vec<&str> {
    let findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    findings.map(|finding| finding.code.as_str()).collect()
}

/// Spoils a good Case, and expects the outcome and a finding.
fn spoilt(outcome: Outcome, code: &str, spoil: impl FnOnce(&mut Making)) {
    let mut making = Making::new();
    spoil(&mut making);
    let decision = making.decide();
    assert_eq!(decision.outcome, outcome, "{code}: {decision:#?}");
    assert!(codes(&decision).contains(&code), "{code}: {:?}", codes(&decision));
    for finding in decision.verdicts.iter().flat_map(|verdict| &verdict.findings) {
        let said = [&finding.title, &finding.rationale, &finding.remediation, &finding.owner];
        assert!(said.iter().all(|text| !text.is_empty()), "{finding:?}");
    }
}

/// What the keyring says of the one key.
fn in_keyring(making: &mut Making, role: Role, stages: &str) {
    making.record.keys[0].standing.duty = Some(Duty {
        owner: "ann".into(),
        roles: [role].into(),
        stages: stages.parse().unwrap(),
        rotate_every_days: None,
    });
    making.record.keys[0].standing.in_use_since = Some(at("2026-11-01T00:00:00Z"));
    making.record.gates.insert("signature".into(), json!({"role": "builder"}));
}

#[test]
fn each_reason_not_to_count_is_told() {
    assert_eq!(Making::new().decide().outcome, Outcome::Proceed);
    let key = |making: &mut Making, change: fn(&mut TrustedKey, Timestamp)| {
        let as_of = making.record.as_of;
        change(&mut making.record.keys[0], as_of);
    };
    let stages = |making: &mut Making, stages: &str| in_keyring(making, Role::Builder, stages);
    spoilt(Outcome::Pause, "signature.key-other-stage", |making| stages(making, "prod"));
    spoilt(Outcome::Pause, "signature.key-other-stage", |making| stages(making, ""));
    spoilt(Outcome::Pause, "signature.key-not-asked", |making| in_keyring(making, Role::Scanner, "*"));
    // By its name a key serves, but not in another role than one that vouches for artifacts.
    let by_name = |making: &mut Making, role, settings: Value| {
        in_keyring(making, role, "*");
        making.record.gates.insert("signature".into(), settings);
    };
    spoilt(Outcome::Pause, "signature.key-other-role", |making| {
        by_name(making, Role::Scanner, json!({"keys": ["build"]}));
    });
    spoilt(Outcome::Pause, "signature.key-other-role", |making| {
        by_name(making, Role::Builder, json!({"keys": ["build"], "role": "releaser"}));
    });
    let mut making = Making::new();
    by_name(&mut making, Role::Releaser, json!({"keys": ["build"]}));
    assert_eq!(making.decide().outcome, Outcome::Proceed);
    spoilt(Outcome::Pause, "signature.key-retired", |making| {
        key(making, |key, as_of| key.standing.retired_at = Some(as_of));
    });
    spoilt(Outcome::Pause, "signature.key-revoked", |making| {
        key(making, |key, at| key.standing.revoked = Some(Revocation { at, compromised_since: None }));
    });
    // No trusted time says that the signature is older: nobody believes it.
    spoilt(Outcome::Pause, "signature.key-revoked", |making| {
        key(making, |key, at| key.standing.revoked = Some(Revocation { at, compromised_since: Some(at) }));
    });
    let cadence = |making: &mut Making, days| {
        making.record.keys[0].standing.duty.as_mut().unwrap().rotate_every_days = Some(days);
    };
    spoilt(Outcome::Proceed, "signature.key-rotation-due", |making| cadence(making, 30));
    spoilt(Outcome::Pause, "signature.key-overdue", |making| cadence(making, 22));
    let mut making = Making::new();
    in_keyring(&mut making, Role::Builder, "*");
    cadence(&mut making, 60);
    assert_eq!(codes(&making.decide()), Vec::<&str>::new());
    spoilt(Outcome::Pause, "signature.key-not-apart", |making| {
        let mut other = making.record.keys[0].clone();
        other.name = "release".into();
        other.file = making.inputs.insert(SigningKey::generate().unwrap().public().to_pem());
        other.standing.duty.as_mut().unwrap().roles = [Role::Releaser].into();
        making.record.keys.push(other);
    });
    for settings in [json!({}), json!({"role": "builder", "required": 0}), json!({"role": "bilder"})] {
        spoilt(Outcome::Pause, "signature.settings", |making| {
            making.record.gates.insert("signature".into(), settings);
        });
    }
}

#[test]
fn a_key_counts_once_whatever_it_is_called_and_whoever_holds_it_too() {
    // A key that was revoked in the keyring, and is in lockgate.yaml under another name.
    spoilt(Outcome::Pause, "signature.key-revoked", |making| {
        let plain = TrustedKey::plain("twin", making.record.keys[0].file);
        let revoked = Revocation { at: making.record.as_of, compromised_since: None };
        making.record.keys[0].standing.revoked = Some(revoked);
        making.record.keys.push(plain);
        making.record.gates.insert("signature".into(), json!({"keys": ["twin"]}));
    });
    // Two keys of one owner are one signer, two owners' are two.
    let second = |making: &mut Making, owner: &str| {
        in_keyring(making, Role::Builder, "*");
        let other = SigningKey::generate().unwrap();
        let mut key = making.record.keys[0].clone();
        (key.name, key.file) = ("other".into(), making.inputs.insert(other.public().to_pem()));
        key.standing.duty.as_mut().unwrap().owner = owner.into();
        making.record.keys.push(key);
        making.record.evidence.push(signature(&mut making.inputs, &making.record.artifact, &other));
        making.record.gates.insert("signature".into(), json!({"role": "builder", "required": 2}));
    };
    spoilt(Outcome::Pause, "signature.too-few", |making| second(making, "ann"));
    let mut making = Making::new();
    second(&mut making, "bob");
    assert_eq!(making.decide().outcome, Outcome::Proceed);
    // Where the other's is enough, a revoked one is told and does not stop it.
    spoilt(Outcome::Proceed, "signature.key-revoked", |making| {
        second(making, "bob");
        let revoked = Revocation { at: making.record.as_of, compromised_since: None };
        making.record.keys[0].standing.revoked = Some(revoked);
        making.record.gates.insert("signature".into(), json!({"role": "builder"}));
    });
}

/// What only the changed gate is asked for again is what judging the whole Case again gives.
#[test]
fn judging_one_gate_again_is_judging_again() {
    let mut making = Making::new();
    let recorded = making.decide();
    let revoked = Revocation { at: making.record.as_of, compromised_since: None };
    making.record.keys[0].standing.revoked = Some(revoked);
    let whole = making.decide();
    let gates: BTreeSet<_> = ["signature".to_owned()].into();
    // No more than that gate reads.
    let mut inputs = Inputs::new();
    for evidence in &making.record.evidence {
        for digest in evidence.blobs.iter().chain([&evidence.manifest.digest]) {
            inputs.insert(making.inputs.get(digest).unwrap().clone());
        }
    }
    inputs.insert(making.inputs.get(&making.record.keys[0].file).unwrap().clone());
    let case = Case { record: making.record.clone(), inputs };
    let again = decide_again(&case, &recorded, &gates);
    assert_eq!((again.outcome, whole.outcome), (Outcome::Pause, Outcome::Pause));
    assert_eq!(canon::to_bytes(&again.verdicts).unwrap(), canon::to_bytes(&whole.verdicts).unwrap());
    let untouched = decide_again(&case, &recorded, &BTreeSet::new());
    assert_eq!(untouched, recorded);
}
