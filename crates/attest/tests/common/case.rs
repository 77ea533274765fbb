//! A signature in an instance of our own, and what is said of it when something about it is wrong.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and not each test needs all of it"
)]

use lockgate_attest::sigstore::{
    Artifact, Demands, LogError, Signed, SigstoreError, Trust, TrustedRoot, Verified, verify,
};
use lockgate_attest::stamp::StampError;
use lockgate_model::Timestamp;
use serde_json::Value;

use super::instance::{ARTIFACT, Instance, NOW, Signing, holder_params};

pub(crate) fn ask_at(
    bundle: &Value,
    root: &TrustedRoot,
    of_certificates: Demands,
    as_of: i64,
) -> Result<Verified, SigstoreError> {
    let trust = Trust {
        root: Some(root),
        keys: &[],
        without_issuer: None,
        of_certificates,
        of_keys: Demands::KEY_ALONE,
    };
    let signed = Signed::from_bundle(&serde_json::to_vec(bundle).unwrap())?;
    verify(&signed, &Artifact::of(ARTIFACT), &trust, Timestamp::from_unix(as_of))
}

pub(crate) fn ask(bundle: &Value, root: &TrustedRoot, demands: Demands) -> Result<Verified, SigstoreError> {
    ask_at(bundle, root, demands, NOW + 86_400 * 30)
}

/// A case: an instance, a signature, and its entry in the first log.
pub(crate) struct Case {
    pub(crate) instance: Instance,
    pub(crate) root: TrustedRoot,
    pub(crate) signing: Signing,
    pub(crate) entry: Value,
}

impl Case {
    pub(crate) fn new() -> Self {
        let instance = Instance::new();
        let signing = Signing::new(&instance);
        let entry = instance.log.entry(&signing.body(), NOW);
        Self { root: instance.trusted(), instance, signing, entry }
    }

    /// The answer to the bundle with this entry alone.
    pub(crate) fn with_entry(&self, entry: &Value) -> Result<Verified, SigstoreError> {
        ask(&self.signing.bundle(std::slice::from_ref(entry), &[]), &self.root, Demands::PUBLIC)
    }

    /// The answer to the bundle with the right entry, changed.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Value)) -> Result<Verified, SigstoreError> {
        let mut bundle = self.signing.bundle(std::slice::from_ref(&self.entry), &[]);
        change(&mut bundle);
        ask(&bundle, &self.root, Demands::PUBLIC)
    }

    /// The answer to the bundle with the right entry and this timestamp.
    pub(crate) fn stamped(&self, stamp: Vec<u8>) -> Result<Verified, SigstoreError> {
        ask(&self.signing.bundle(std::slice::from_ref(&self.entry), &[stamp]), &self.root, Demands::PUBLIC)
    }

    /// The answer when the trusted root is another.
    pub(crate) fn trusting(&self, change: impl FnOnce(&mut Value)) -> Result<Verified, SigstoreError> {
        let mut document = self.instance.document();
        change(&mut document);
        let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
        ask(&self.signing.bundle(std::slice::from_ref(&self.entry), &[]), &root, Demands::PUBLIC)
    }

    /// The answer to a signature by a certificate with other parameters.
    pub(crate) fn certified(
        &self,
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> Result<Verified, SigstoreError> {
        let mut params = holder_params();
        change(&mut params);
        let signing = Signing::of(&self.instance, &params);
        let entry = self.instance.log.entry(&signing.body(), NOW);
        ask(&signing.bundle(&[entry], &[]), &self.root, Demands::PUBLIC)
    }
}

pub(crate) fn log_error(answer: Result<Verified, SigstoreError>) -> LogError {
    match answer {
        Err(SigstoreError::Log { place: 0, why }) => why,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn too_few(answer: Result<Verified, SigstoreError>) -> (&'static str, usize, usize) {
    match answer {
        Err(SigstoreError::TooFew { what, actual, needed }) => (what, actual, needed),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn malformed(answer: Result<Verified, SigstoreError>) -> String {
    match answer {
        Err(SigstoreError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn stamp_error(answer: Result<Verified, SigstoreError>) -> StampError {
    match answer {
        Err(SigstoreError::Stamp(error)) => error,
        other => panic!("{other:?}"),
    }
}
