//! Recorded promotions by the thousand: Cases with the signature gate alone, judged by the real `decide`, in the real
//! ledger; no registry is asked.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses its part of this")]

#[path = "../../../attest/tests/common/instance.rs"]
pub mod instance;

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_attest::keys::SigningKey;
use lockgate_attest::write::{cosign_bundle, cosign_signature_statement};
use lockgate_engine::{Workspace, keyring};
use lockgate_judge::{Edition, decide};
use lockgate_model::case::{Held, Image, SigstoreInstance, TrustedKey};
use lockgate_model::entry::{Decided, Intent};
use lockgate_model::evidence::Attachment;
use lockgate_model::keyring::{Duty, Member, Role};
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{
    Case, CaseRecord, Descriptor, Digest, Entry, Event, Evidence, Inputs, KeyringChange, Outcome, Timestamp,
    canon,
};
use serde_json::{Value, json};

/// A key of the keyring, with its private half.
pub struct Signer {
    pub name: &'static str,
    pub key: SigningKey,
}

impl Signer {
    /// A builder's key for every stage, added to the keyring. Its owner is called as it is.
    pub async fn builder(workspace: &Workspace, name: &'static str) -> Self {
        let key = SigningKey::generate().unwrap();
        add(workspace, name, name, Role::Builder, &key).await;
        Self { name, key }
    }

    pub fn id(&self) -> Digest {
        self.key.public().id()
    }
}

pub async fn add(workspace: &Workspace, name: &str, owner: &str, role: Role, key: &SigningKey) {
    keyring::change(workspace, KeyringChange::Added(Box::new(member(name, owner, role, key)))).await.unwrap();
}

pub fn member(name: &str, owner: &str, role: Role, key: &SigningKey) -> Member {
    Member {
        name: name.into(),
        credential: keyring::credential(key.public().to_pem().as_bytes()).unwrap(),
        duty: Duty {
            owner: owner.into(),
            roles: [role].into(),
            stages: "*".parse().unwrap(),
            rotate_every_days: None,
        },
        valid_from: None,
        valid_until: None,
    }
}

/// A promotion to record.
pub struct Wanted<'a> {
    pub service: String,
    pub number: usize,
    pub to: &'a str,
    pub signers: &'a [&'a Signer],
    pub required: usize,
    /// The Decision that released it below.
    pub below: Option<Digest>,
    pub at: Timestamp,
    /// Who proves that the signatures existed at `at`.
    pub stamped_by: Option<&'a instance::Instance>,
}

/// What was recorded.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    pub decision: Digest,
    pub artifact: Digest,
}

/// Records the Decision and the whole promotion.
pub async fn record(workspace: &Workspace, wanted: &Wanted<'_>) -> Recorded {
    let mut inputs = Inputs::new();
    let config = json!({
        "author": format!("{}-{}", wanted.service, wanted.number),
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"tar")]},
    });
    let config = config.to_string();
    let described = Descriptor::of(media::OCI_CONFIG, config.as_bytes());
    let config = inputs.insert(config);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: None,
        config: described,
        layers: vec![Descriptor::of(media::OCI_LAYER_GZIP, b"layer")],
        subject: None,
        annotations: BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let artifact = Descriptor::of(media::OCI_MANIFEST, &manifest);
    inputs.insert(manifest);
    let signed = wanted.signers.iter().map(|signer| signature(&mut inputs, &artifact, signer, wanted));
    let evidence = signed.collect();
    let sigstore = wanted.stamped_by.map(|instance| SigstoreInstance {
        name: "stamps".into(),
        root: inputs.insert(serde_json::to_vec(&instance.document()).unwrap()),
        issuers: [instance::ISSUER.to_owned()].into(),
        logs: 1,
        promises: false,
        timestamps: 0,
        scts: 1,
    });
    let keys = trusted(workspace, &mut inputs).await;
    let image = Image {
        platform: String::new(),
        manifest: artifact.digest,
        config,
        inventory: None,
        base: None,
        by_word: vec![],
    };
    let gate = json!({"role": "builder", "required": wanted.required});
    let mut record = CaseRecord {
        edition: Edition::CURRENT.name().into(),
        as_of: wanted.at,
        ledger_size: workspace.store.head().await.unwrap().size,
        service: wanted.service.parse().unwrap(),
        from: if wanted.to == "prod" { "staging" } else { "dev" }.parse().unwrap(),
        to: wanted.to.parse().unwrap(),
        release: wanted.below.map(|decision| Held { decision, since: wanted.at }),
        from_guarded: wanted.below.is_some(),
        images: vec![image],
        artifact,
        attestations: vec![],
        evidence,
        seen: None,
        companions: vec![],
        feed: None,
        keys,
        identities: vec![],
        sigstore: sigstore.into_iter().collect(),
        notary: None,
        policies: vec![],
        gates: [("signature".to_owned(), gate)].into(),
        gaps: vec![],
    };
    record.sort();
    append(workspace, Case { record, inputs }).await
}

/// The keys of the keyring, as a Case pins them.
async fn trusted(workspace: &Workspace, inputs: &mut Inputs) -> Vec<TrustedKey> {
    let mut keys = Vec::new();
    for row in workspace.store.keyring().await.unwrap().rows() {
        let lockgate_model::keyring::Credential::Key { pem, .. } = &row.member.credential else { continue };
        let mut key = TrustedKey::plain(row.name(), inputs.insert(pem.clone()));
        key.standing.duty = Some(row.member.duty.clone());
        key.standing.in_use_since = Some(row.in_use_since());
        keys.push(key);
    }
    keys
}

async fn append(workspace: &Workspace, case: Case) -> Recorded {
    let decision = decide(&case);
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let (decision_bytes, digest) = canon::encode(&decision).unwrap();
    let (case_bytes, case_digest) = case.record.encode().unwrap();
    let artifact = case.record.artifact.clone();
    let decided = Event::Decided(Decided {
        decision: digest,
        case: case_digest,
        service: decision.service.clone(),
        from: decision.from.clone(),
        to: decision.to.clone(),
        artifact: artifact.digest,
        outcome: decision.outcome,
        ledger_size: Some(case.record.ledger_size),
        evidence: None,
    });
    let repository = |stage: &str| format!("oci:{stage}/{}", decision.service).parse().unwrap();
    let intent = Event::PromotionIntended(Box::new(Intent {
        decision: digest,
        service: decision.service.clone(),
        to: decision.to.clone(),
        artifact: artifact.clone(),
        source: repository("dev"),
        target: repository(decision.to.as_str()),
        tag: Some("1".into()),
        attachments: vec![],
    }));
    let completed = Event::PromotionCompleted { decision: digest };
    let entries = [decided, intent, completed].map(|event| Entry::new(decision.as_of, "ann", event));
    let mut blobs: Vec<Bytes> = vec![case_bytes.into(), decision_bytes.into()];
    blobs.extend(case.inputs.iter().map(|(_, bytes)| bytes.clone()));
    workspace.ledger.append(entries.into(), blobs).await.unwrap();
    Recorded { decision: digest, artifact: artifact.digest }
}

fn signature(inputs: &mut Inputs, artifact: &Descriptor, signer: &Signer, wanted: &Wanted<'_>) -> Evidence {
    let statement = cosign_signature_statement(artifact);
    let made = cosign_bundle(artifact, &signer.key, &statement, Timestamp::from_unix(0)).unwrap();
    let mut bundle = made.blobs.last().unwrap().clone();
    let mut manifest = made.manifest;
    if let Some(instance) = wanted.stamped_by {
        bundle = stamped(&bundle, instance, wanted.at);
        let mut changed: Manifest = serde_json::from_slice(&manifest).unwrap();
        changed.layers = vec![Descriptor::of(media::SIGSTORE_BUNDLE, &bundle)];
        manifest = serde_json::to_vec(&changed).unwrap();
    }
    let blob = inputs.insert(bundle);
    let descriptor = Descriptor::of(media::OCI_MANIFEST, &manifest);
    inputs.insert(manifest);
    let subject = artifact.digest;
    Evidence { subject, attachment: Attachment::Referrer, manifest: descriptor, blobs: vec![blob] }
}

/// The bundle with a timestamp of `at`.
fn stamped(bundle: &[u8], instance: &instance::Instance, at: Timestamp) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(bundle).unwrap();
    let signature = bundle.pointer("/dsseEnvelope/signatures/0/sig").and_then(Value::as_str).unwrap();
    let signature = data_encoding::BASE64.decode(signature.as_bytes()).unwrap();
    let time: String = at.to_string().chars().filter(|c| !"-:T".contains(*c)).collect();
    let token = instance::Stamping { time: &time, ..instance.stamping() }.token(&signature);
    let stamps = json!({"rfc3161Timestamps": [{"signedTimestamp": instance::base64(&token)}]});
    let material = bundle.pointer_mut("/verificationMaterial").and_then(Value::as_object_mut).unwrap();
    material.insert("timestampVerificationData".to_owned(), stamps);
    serde_json::to_vec(&bundle).unwrap()
}
