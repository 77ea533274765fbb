//! Something attached to an artifact, examined.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and not each test needs all of it"
)]

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{Demands, TrustedRoot};
use lockgate_attest::verify::{Believed, Carried, Examined, Instance, NamedKey, examine};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Timestamp};

use super::instance::{ARTIFACT, ISSUER, NOW};

pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
pub(crate) const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
pub(crate) const CHAIN: &str = "dev.sigstore.cosign/chain";
pub(crate) const BUNDLE: &str = "dev.sigstore.cosign/bundle";
pub(crate) const STAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// A layer with its content.
#[derive(Clone)]
pub(crate) struct Attached {
    pub(crate) media_type: &'static str,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) content: Vec<u8>,
}

impl Attached {
    pub(crate) fn bundle(bundle: &serde_json::Value) -> Self {
        let content = serde_json::to_vec(bundle).unwrap();
        Self { media_type: media::SIGSTORE_BUNDLE, annotations: BTreeMap::new(), content }
    }

    pub(crate) fn with(&self, annotation: &str, text: impl Into<String>) -> Self {
        let mut changed = self.clone();
        changed.annotations.insert(annotation.to_owned(), text.into());
        changed
    }

    /// What is said of it where `believed` are, attached to the artifact.
    pub(crate) fn examine(&self, believed: &Believed<'_>) -> Examined {
        let subject = Descriptor::of(media::OCI_MANIFEST, ARTIFACT);
        let mut layer = Descriptor::of(self.media_type, &self.content);
        layer.annotations = self.annotations.clone();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.into()),
            artifact_type: None,
            config: Descriptor::of(media::OCI_EMPTY, b"{}"),
            layers: vec![layer],
            subject: Some(subject.bare()),
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let evidence = Evidence {
            subject: subject.digest,
            attachment: Attachment::Referrer,
            manifest: Descriptor::of(media::OCI_MANIFEST, &manifest),
            blobs: vec![Digest::of(&self.content)],
        };
        let carried = Carried { evidence: &evidence, manifest: &manifest, blobs: vec![&self.content] };
        examine(&carried, believed).remove(0)
    }
}

/// Whom to believe: keys, and one instance.
pub(crate) struct Trusting<'a> {
    pub(crate) keys: Vec<NamedKey<'a>>,
    pub(crate) root: &'a TrustedRoot,
    pub(crate) name: &'a str,
    pub(crate) issuers: BTreeSet<String>,
    pub(crate) demands: Demands,
    pub(crate) reading: Reading,
}

impl<'a> Trusting<'a> {
    pub(crate) fn new(root: &'a TrustedRoot) -> Self {
        let (issuers, reading) = ([ISSUER.to_owned()].into(), Reading::NEWEST);
        Self { keys: vec![], root, name: "own", issuers, demands: Demands::PUBLIC, reading }
    }

    pub(crate) fn examine(&self, attached: &Attached) -> Examined {
        let instances =
            [Instance { name: self.name, root: self.root, issuers: &self.issuers, demands: self.demands }];
        attached.examine(&Believed {
            keys: &self.keys,
            instances: Some(&instances),
            notary: None,
            commits: &[],
            as_of: Timestamp::from_unix(NOW + 86_400),
            reading: self.reading,
        })
    }
}
