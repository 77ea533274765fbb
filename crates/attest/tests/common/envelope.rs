//! A Notary Project signature made here, each part of which can be made wrong.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and not each test needs all of it"
)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::BASE64URL_NOPAD;
use lockgate_attest::notary::{
    Check, Envelope, NotaryError, NotaryTrust, Outcome, PolicyError, Revocation, StoreKind, TrustPolicies,
    TrustStores, verify,
};
use lockgate_attest::reading::Reading;
use lockgate_model::{Descriptor, Timestamp};
use rcgen::{CertificateParams, KeyUsagePurpose, SerialNumber};
use serde_json::{Value, json};

use super::instance::{Authority, Key, NOW, base64, extended_key_usage, params};

pub(crate) const JWS: &str = "application/jose+json";
pub(crate) const REPOSITORY: &str = "registry.example/web";

pub(crate) fn artifact() -> Descriptor {
    Descriptor::of("application/vnd.oci.image.manifest.v1+json", b"the artifact")
}

pub(crate) fn signer_params() -> CertificateParams {
    let mut params = params("signer", NOW - 60, 600);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.custom_extensions = vec![extended_key_usage(3, false)];
    params.serial_number = Some(SerialNumber::from(vec![7, 7]));
    params
}

/// A signer below an authority, and what it signs.
pub(crate) struct Case {
    pub(crate) root: Authority,
    pub(crate) key: Key,
    pub(crate) certificate: Vec<u8>,
    pub(crate) protected: Value,
    pub(crate) payload: Value,
    pub(crate) header: Value,
}

pub(crate) fn sign(key: &Key, message: &[u8]) -> Vec<u8> {
    let pkcs8 = pem::parse(key.signing.to_pem().unwrap()).unwrap().into_contents();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

impl Case {
    pub(crate) fn new() -> Self {
        Self::with(&signer_params())
    }

    pub(crate) fn with(params: &CertificateParams) -> Self {
        let root = Authority::root("root");
        let key = Key::new();
        let certificate = root.issue(params, &key);
        let chain = json!([base64(&certificate), base64(&root.der)]);
        Self {
            root,
            key,
            certificate,
            protected: json!({
                "alg": "ES256", "cty": "application/vnd.cncf.notary.payload.v1+json",
                "crit": ["io.cncf.notary.signingScheme"], "io.cncf.notary.signingScheme": "notary.x509",
                "io.cncf.notary.signingTime": "2026-01-01T00:00:00Z",
            }),
            payload: json!({"targetArtifact": artifact()}),
            header: json!({"x5c": chain}),
        }
    }

    /// The same by a signing authority.
    pub(crate) fn by_authority(mut self) -> Self {
        let protected = self.protected.as_object_mut().unwrap();
        protected.remove("io.cncf.notary.signingTime");
        protected.insert("io.cncf.notary.signingScheme".into(), json!("notary.x509.signingAuthority"));
        protected.insert("io.cncf.notary.authenticSigningTime".into(), json!("2026-01-01T00:00:00Z"));
        protected["crit"] = json!(["io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime"]);
        self
    }

    pub(crate) fn jws(&self) -> Value {
        self.jws_of(serde_json::to_vec(&self.protected).unwrap().as_slice())
    }

    pub(crate) fn jws_of(&self, protected: &[u8]) -> Value {
        let protected = BASE64URL_NOPAD.encode(protected);
        let payload = BASE64URL_NOPAD.encode(&serde_json::to_vec(&self.payload).unwrap());
        let signature = sign(&self.key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "header": self.header, "signature": BASE64URL_NOPAD.encode(&signature)})
    }

    pub(crate) fn read(&self) -> Result<Envelope, NotaryError> {
        Envelope::read(JWS, &serde_json::to_vec(&self.jws()).unwrap())
    }

    pub(crate) fn ask(
        &self,
        policies: &TrustPolicies,
        stores: &TrustStores,
        revocations: &[Revocation],
        at: i64,
    ) -> Outcome {
        let trust = NotaryTrust { policies, stores, revocations, reading: Reading::NEWEST };
        verify(&self.read().unwrap(), &artifact(), REPOSITORY, &trust, Timestamp::from_unix(at)).unwrap()
    }

    /// Its root, trusted for everything.
    pub(crate) fn stores(&self) -> TrustStores {
        let mut stores = TrustStores::default();
        stores.add(StoreKind::Ca, "acme", &self.root.der).unwrap();
        stores.add(StoreKind::SigningAuthority, "acme", &self.root.der).unwrap();
        stores
    }

    pub(crate) fn error(&self) -> NotaryError {
        self.read().unwrap_err()
    }
}

pub(crate) fn policies_of(change: impl FnOnce(&mut Value)) -> Result<TrustPolicies, PolicyError> {
    let mut document = json!({"version": "1.0", "trustPolicies": [{
        "name": "web", "registryScopes": [REPOSITORY],
        "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme", "signingAuthority:acme"],
        "trustedIdentities": ["x509.subject: C=US, ST=WA, O=acme, CN=signer"],
    }]});
    change(&mut document["trustPolicies"][0]);
    TrustPolicies::from_json(&serde_json::to_vec(&document).unwrap())
}

pub(crate) fn policies(change: impl FnOnce(&mut Value)) -> TrustPolicies {
    policies_of(change).unwrap()
}

/// The checks that failed, and why.
pub(crate) fn failures(outcome: &Outcome) -> Vec<(Check, &str)> {
    outcome.findings.iter().filter_map(|one| Some((one.check, one.failure.as_deref()?))).collect()
}

pub(crate) fn only(outcome: &Outcome, check: Check, words: &str) {
    let failures = failures(outcome);
    assert!(
        matches!(failures.as_slice(), [(found, why)] if *found == check && why.contains(words)),
        "{failures:?}"
    );
    assert!(!outcome.is_admitted());
}
