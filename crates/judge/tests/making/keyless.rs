//! Evidence by a Sigstore of our own, attached to the artifact of a Case.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test file uses its part of this, and a test may panic"
)]

use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_model::Digest;
use lockgate_model::case::{SigstoreInstance, Standing, TrustedIdentity};
use lockgate_model::keyring::{Duty, Role, Subject};
use lockgate_model::oci::media;
use rcgen::CertificateParams;
use serde_json::{Value, json};

use crate::instance::{ISSUER, Instance, NOW, SUBJECT, Signing, holder_params};
use crate::making::{Making, attach};

/// A Case whose artifact is signed by the holder of a certificate.
pub struct Keyless {
    pub making: Making,
    pub instance: Instance,
}

/// A statement about an artifact.
pub fn statement(artifact: &Digest, predicate_type: &str, predicate: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate,
        "subject": [{"name": "web", "digest": {"sha256": artifact.hex()}}],
    })
}

impl Keyless {
    /// Nothing is attached yet; the stage asks for the identity `ci`.
    pub fn bare() -> Self {
        let (mut making, instance) = (Making::new(), Instance::new());
        let root = making.inputs.insert(serde_json::to_vec(&instance.document()).unwrap());
        making.record.sigstore.push(SigstoreInstance {
            name: "public".into(),
            root,
            issuers: [ISSUER.to_owned()].into(),
            logs: 1,
            promises: false,
            timestamps: 0,
            scts: 1,
        });
        let duty = Duty {
            owner: "the web team".into(),
            roles: [Role::Builder].into(),
            stages: "*".parse().unwrap(),
            rotate_every_days: None,
        };
        making.record.identities.push(TrustedIdentity {
            name: "ci".into(),
            issuer: ISSUER.into(),
            subject: Subject::Exact(SUBJECT.into()),
            standing: Standing { duty: Some(duty), ..Standing::default() },
        });
        making.record.evidence.clear();
        making.record.gates = [("signature".into(), json!({"identities": ["ci"]}))].into();
        Self { making, instance }
    }

    /// The artifact is signed by `ci`.
    pub fn new() -> Self {
        let mut keyless = Self::bare();
        keyless.sign(&holder_params());
        keyless
    }

    /// Attaches a signature by a holder with such a certificate.
    pub fn sign(&mut self, params: &CertificateParams) {
        self.attest(params, "https://sigstore.dev/cosign/sign/v1", &json!({}));
    }

    /// Attaches a statement by a holder with such a certificate.
    pub fn attest(&mut self, params: &CertificateParams, predicate_type: &str, predicate: &Value) {
        let artifact = self.making.record.artifact.digest;
        self.say(params, &statement(&artifact, predicate_type, predicate));
    }

    /// Attaches a statement about whatever it is about.
    pub fn say(&mut self, params: &CertificateParams, statement: &Value) {
        let bundle = self.bundle(params, statement, &[]);
        self.attach(&bundle);
    }

    pub fn bundle(&self, params: &CertificateParams, statement: &Value, stamps: &[Vec<u8>]) -> Value {
        let mut signing = Signing::of(&self.instance, params);
        signing.payload = serde_json::to_vec(statement).unwrap();
        signing.signature = signing.key.signing.sign(&pae(IN_TOTO, &signing.payload)).unwrap();
        let entry = self.instance.log.entry(&signing.body(), NOW);
        signing.bundle(&[entry], stamps)
    }

    pub fn attach(&mut self, bundle: &Value) {
        let bytes = serde_json::to_vec(bundle).unwrap();
        let Making { inputs, record, .. } = &mut self.making;
        let evidence = attach(inputs, &record.artifact, media::SIGSTORE_BUNDLE, bytes);
        record.evidence.push(evidence);
    }

    pub fn identity(&mut self) -> &mut TrustedIdentity {
        &mut self.making.record.identities[0]
    }
}
