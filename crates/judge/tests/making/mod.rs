//! A good Case, to be spoilt by tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "each test file uses its part of this, and a test may panic"
)]

use std::collections::BTreeMap;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_attest::write::{cosign_bundle, cosign_signature_statement};
use lockgate_judge::{Edition, SAMPLES, decide};
use lockgate_model::case::{FeedPin, Image, PolicyFile, TrustedKey};
use lockgate_model::evidence::Attachment;
use lockgate_model::feed::{FeedCoverage, FeedOrigin};
use lockgate_model::inventory::{Confidence, Distribution};
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::{
    Answer, Case, CaseRecord, Decision, Descriptor, Digest, Evidence, Inputs, Inventory, Outcome, Package,
    Timestamp, canon,
};
use serde_json::{Value, json};

/// Everything that a good Case is made of, to be spoilt by tests.
pub struct Making {
    pub inputs: Inputs,
    pub record: CaseRecord,
    pub key: SigningKey,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn package(name: &str, version: &str) -> Package {
    Package {
        ecosystem: "Alpine:v3.22".into(),
        name: name.into(),
        version: version.into(),
        source: None,
        architecture: "x86_64".into(),
        purl: format!("pkg:apk/alpine/{name}@{version}"),
        licenses: vec!["MIT".into()],
        layer: Digest::of(b"layer"),
        layer_index: 0,
        path: "/lib/apk/db/installed".into(),
        cataloger: "apk".into(),
        installed_by: String::new(),
        confidence: Confidence::Recorded,
    }
}

/// The one layer of the image. Its bytes are in no Case.
const LAYER: &[u8] = b"layer";

fn rootfs() -> Value {
    json!({"type": "layers", "diff_ids": [Digest::of(b"tar")]})
}

pub fn inventory() -> Inventory {
    Inventory {
        analyser: "2026-1".into(),
        distribution: Some(Distribution {
            id: "alpine".into(),
            version: "3.22.1".into(),
            codename: String::new(),
        }),
        accounts: None,
        packages: vec![package("musl", "1.2.5-r10"), package("zlib", "1.3.1-r2")],
        unread: vec![],
        silent: vec![],
        secrets: vec![],
        setuid: vec![],
    }
}

/// The artifact, an image of one layer, and its config.
fn image(inputs: &mut Inputs) -> (Descriptor, Digest) {
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"User": "65532", "Labels": {"org.opencontainers.image.base.name": "alpine:3.22.1"}},
        "rootfs": rootfs(),
    });
    let config = serde_json::to_vec(&config).unwrap();
    let config_size = config.len() as u64;
    let config = inputs.insert(config);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: None,
        config: Descriptor::new(media::OCI_CONFIG, config, config_size),
        layers: vec![Descriptor::of(media::OCI_LAYER_GZIP, LAYER)],
        subject: None,
        annotations: BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let artifact = Descriptor::of(media::OCI_MANIFEST, &manifest);
    inputs.insert(manifest);
    (artifact, config)
}

impl Making {
    pub fn new() -> Self {
        let mut inputs = Inputs::new();
        let (artifact, config) = image(&mut inputs);
        let key = SigningKey::generate().unwrap();
        let evidence = signature(&mut inputs, &artifact, &key);
        let inventory = inputs.insert(canon::to_bytes(&inventory()).unwrap());
        let extract = inputs.insert(canon::to_bytes(&json!([])).unwrap());
        let file = inputs.insert(key.public().to_pem());
        let policies = SAMPLES
            .iter()
            .map(|sample| PolicyFile { path: sample.path.into(), content: inputs.insert(sample.text) });
        let policies = policies.collect();
        let record = CaseRecord {
            edition: Edition::CURRENT.name().into(),
            as_of: at("2026-11-23T12:00:00Z"),
            ledger_size: 7,
            service: "web".parse().unwrap(),
            from: "dev".parse().unwrap(),
            to: "staging".parse().unwrap(),
            release: None,
            from_guarded: false,
            images: vec![Image {
                platform: "linux/amd64".into(),
                manifest: artifact.digest,
                config,
                inventory: Some(inventory),
                base: None,
                by_word: vec![],
            }],
            artifact,
            attestations: vec![],
            evidence: vec![evidence],
            seen: None,
            companions: vec![],
            feed: Some(FeedPin {
                feed: Digest::of(b"feed"),
                extract,
                newest: at("2026-11-20T00:00:00Z"),
                end_of_life: std::collections::BTreeMap::new(),
                uncovered: std::collections::BTreeSet::new(),
                coverage: ["Alpine:v3.22"].map(|one| (one.to_owned(), covered())).into(),
                origins: vec![covered().origin],
            }),
            keys: vec![TrustedKey::plain("build", file)],
            identities: vec![],
            sigstore: vec![],
            notary: None,
            policies,
            gates: [
                ("signature".into(), json!({"keys": ["build"]})),
                ("vulnerability".into(), json!({"maxFeedAgeDays": 30})),
                ("policy".into(), json!({})),
            ]
            .into(),
            gaps: vec![],
        };
        Self { inputs, record, key }
    }

    pub fn decide(&self) -> Decision {
        decide(&Case { record: self.record.clone(), inputs: self.inputs.clone() })
    }

    /// Decides, and expects the outcome.
    pub fn expect(&mut self, outcome: Outcome) -> Decision {
        self.record.sort();
        let decision = self.decide();
        assert_eq!(decision.outcome, outcome, "{decision:#?}");
        decision
    }

    /// A good Case whose vulnerability gate has these settings, which may name the key `security`; with that key.
    pub fn hearing(settings: Value) -> (Self, SigningKey) {
        let mut making = Self::new();
        let security = SigningKey::generate().unwrap();
        let file = making.inputs.insert(security.public().to_pem());
        making.record.keys.push(TrustedKey::plain("security", file));
        making.record.gates.insert("vulnerability".into(), settings);
        (making, security)
    }

    /// What the feed has about an ecosystem; nothing makes it one about which nobody was asked.
    pub fn set_coverage(&mut self, ecosystem: &str, has: Option<FeedCoverage>) {
        let coverage = &mut self.record.feed.as_mut().unwrap().coverage;
        coverage.remove(ecosystem);
        coverage.extend(has.map(|one| (ecosystem.to_owned(), one)));
    }

    pub fn set_gate(&mut self, settings: Value) {
        self.record.gates.insert("vulnerability".into(), settings);
    }

    /// Attaches a statement about the artifact, signed with `key`.
    pub fn attest(&mut self, key: &SigningKey, kind: &str, predicate: Value) {
        let statement = Statement::about(&self.record.artifact, kind, predicate);
        let evidence = attestation(&mut self.inputs, &self.record.artifact, key, &statement);
        self.record.evidence.push(evidence);
    }

    pub fn set_inventory(&mut self, inventory: &Inventory) {
        self.record.images[0].inventory = Some(self.inputs.insert(canon::to_bytes(inventory).unwrap()));
    }

    pub fn set_config(&mut self, config: &Value) {
        let mut config = config.clone();
        if let Some(config) = config.as_object_mut() {
            config.entry("rootfs").or_insert_with(rootfs);
        }
        self.set_config_bytes(serde_json::to_vec(&config).unwrap());
    }

    pub fn set_config_bytes(&mut self, config: Vec<u8>) {
        let size = config.len() as u64;
        let config = self.inputs.insert(config);
        let mut manifest: Manifest =
            serde_json::from_slice(self.inputs.get(&self.record.artifact.digest).unwrap()).unwrap();
        (manifest.config.digest, manifest.config.size) = (config, size);
        let manifest = serde_json::to_vec(&manifest).unwrap();
        self.record.artifact = Descriptor::of(media::OCI_MANIFEST, &manifest);
        self.record.images[0].manifest = self.inputs.insert(manifest);
        self.record.images[0].config = config;
        self.record.evidence = vec![signature(&mut self.inputs, &self.record.artifact, &self.key)];
    }

    pub fn set_advisory(&mut self, severity: &str, fixed: &[&str], exploited: bool) {
        let mut events = vec![json!({"introduced": "0"})];
        events.extend(fixed.iter().map(|version| json!({"fixed": version})));
        let mut advisory = json!({
            "id": "CVE-1", "severity": severity, "modified": "2026-01-01T00:00:00Z",
            "affected": [{"ecosystem": "Alpine:v3.22", "name": "zlib", "ranges": [events]}],
        });
        if exploited {
            advisory["known_exploited"] = json!(true);
        }
        let extract = self.inputs.insert(canon::to_bytes(&json!([advisory])).unwrap());
        self.record.feed.as_mut().unwrap().extract = extract;
    }

    pub fn set_policy(&mut self, text: &str) {
        let content = self.inputs.insert(text.to_owned());
        self.record.policies = vec![PolicyFile { path: "policy/p.rego".into(), content }];
    }
}

pub fn signature(inputs: &mut Inputs, artifact: &Descriptor, key: &SigningKey) -> Evidence {
    attestation(inputs, artifact, key, &cosign_signature_statement(artifact))
}

/// A statement about `artifact`, signed and attached to it.
pub fn attestation(
    inputs: &mut Inputs,
    artifact: &Descriptor,
    key: &SigningKey,
    statement: &Statement,
) -> Evidence {
    let made = cosign_bundle(artifact, key, statement, Timestamp::from_unix(0)).unwrap();
    let blob = inputs.insert(made.blobs.last().unwrap().clone());
    let manifest = Descriptor::of(media::OCI_MANIFEST, &made.manifest);
    inputs.insert(made.manifest);
    Evidence { subject: artifact.digest, attachment: Attachment::Referrer, manifest, blobs: vec![blob] }
}

pub fn codes(decision: &Decision) -> Vec<&str> {
    decision
        .verdicts
        .iter()
        .flat_map(|verdict| &verdict.findings)
        .map(|finding| finding.code.as_str())
        .collect()
}

pub fn answer(decision: &Decision, gate: &str) -> Answer {
    decision.verdicts.iter().find(|verdict| verdict.gate == gate).unwrap().answer
}

/// Spoils a good Case, and expects the outcome and a finding.
pub fn spoilt(outcome: Outcome, code: &str, spoil: impl FnOnce(&mut Making)) -> Decision {
    let mut making = Making::new();
    spoil(&mut making);
    let decision = making.decide();
    assert_eq!(decision.outcome, outcome, "{code}: {decision:#?}");
    assert!(codes(&decision).contains(&code), "{code}: {:?}", codes(&decision));
    for finding in decision.verdicts.iter().flat_map(|verdict| &verdict.findings) {
        let said = [&finding.title, &finding.rationale, &finding.remediation, &finding.owner];
        assert!(said.iter().all(|text| !text.is_empty()), "{finding:?}");
    }
    decision
}

/// Attaches a document to `artifact`.
pub fn attach(inputs: &mut Inputs, artifact: &Descriptor, media_type: &str, bytes: Vec<u8>) -> Evidence {
    let layer = Descriptor::of(media_type, &bytes);
    let blob = inputs.insert(bytes);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: Some(media_type.into()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers: vec![layer],
        subject: Some(artifact.bare()),
        annotations: BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let descriptor = Descriptor::of(media::OCI_MANIFEST, &manifest);
    inputs.insert(manifest);
    let subject = artifact.digest;
    Evidence { subject, attachment: Attachment::Referrer, manifest: descriptor, blobs: vec![blob] }
}

/// What the feed has about an ecosystem: fetched the day before the Case.
pub fn covered() -> FeedCoverage {
    let fetched = Some(at("2026-11-22T12:00:00Z"));
    let origin = FeedOrigin { name: "secdb".into(), fetched, claimed: false };
    FeedCoverage { advisories: 8275, origin }
}
