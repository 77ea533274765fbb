//! What is attached to an artifact, by keys and by whoever an instance of Sigstore or a trust policy vouches for, on any
//! bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use lockgate_attest::notary::{NotaryTrust, TrustPolicies, TrustStores};
use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{Demands, TrustedRoot};
use lockgate_attest::verify::{Believed, Carried, Instance, Notary, examine};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Timestamp};

static ROOT: LazyLock<TrustedRoot> = LazyLock::new(|| {
    let root = include_bytes!("../../crates/attest/tests/fixtures/sigstore/trusted_root.json");
    TrustedRoot::from_json(root).expect("the fixture is right")
});
static POLICIES: LazyLock<TrustPolicies> = LazyLock::new(|| {
    let policy = br#"{"version": "1.0", "trustPolicies": [{"name": "a", "registryScopes": ["*"],
        "signatureVerification": {"level": "audit"}, "trustStores": ["ca:a"], "trustedIdentities": ["*"]}]}"#;
    TrustPolicies::from_json(policy).expect("the policy is right")
});

fuzz_target!(|bytes: &[u8]| {
    let issuers = BTreeSet::from(["https://token.actions.githubusercontent.com".to_owned()]);
    let instances = [Instance { name: "a", root: &ROOT, issuers: &issuers, demands: Demands::PUBLIC }];
    let stores = TrustStores::default();
    let artifact = Descriptor::of(media::OCI_MANIFEST, b"the artifact");
    let trust =
        NotaryTrust { policies: &POLICIES, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let notary = Notary { trust, repository: "registry.example/web", artifact: &artifact };
    let as_of = Timestamp::from_unix(1_780_000_000);
    let believed = Believed {
        keys: &[],
        instances: Some(&instances),
        notary: Some(notary),
        commits: &[],
        as_of,
        reading: Reading::NEWEST,
    };
    let subject = Digest::of(b"the artifact");
    for kind in [media::SIMPLE_SIGNING, media::DSSE, media::SIGSTORE_BUNDLE, media::JOSE, media::COSE] {
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.to_owned()),
            artifact_type: None,
            config: Descriptor::of(media::OCI_EMPTY, b"{}"),
            layers: vec![Descriptor::of(kind, bytes)],
            subject: None,
            annotations: Default::default(),
        };
        let Ok(manifest) = serde_json::to_vec(&manifest) else { return };
        let evidence = Evidence {
            subject,
            attachment: Attachment::SignatureTag,
            manifest: Descriptor::of(media::OCI_MANIFEST, &manifest),
            blobs: vec![Digest::of(bytes)],
        };
        let _said =
            examine(&Carried { evidence: &evidence, manifest: &manifest, blobs: vec![bytes] }, &believed);
    }
});
