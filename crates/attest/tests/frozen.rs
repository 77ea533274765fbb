//! What verified once verifies for ever, byte for byte the same: a Decision judged again must say the same.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lockgate_attest::notary::{Envelope, NotaryTrust, StoreKind, TrustPolicies, TrustStores};
use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{Artifact, Demands, Maker, Signed, Trust, TrustedRoot};
use lockgate_attest::{notary, sigstore};
use lockgate_model::{Descriptor, Timestamp};
use serde_json::Value;

const ARTIFACT: &[u8] = b"the artifact";

fn later() -> Timestamp {
    "2046-01-01T00:00:00Z".parse().unwrap()
}

#[test]
fn a_bundle_with_two_logs_and_a_timestamp() {
    let root = TrustedRoot::from_json(include_bytes!("fixtures/sigstore/trusted_root.json")).unwrap();
    let bundle = include_bytes!("fixtures/sigstore/bundle.json");
    let of_certificates = Demands { logs: 2, times: 2, stamps: 1, ..Demands::PUBLIC };
    let trust = Trust {
        root: Some(&root),
        keys: &[],
        without_issuer: None,
        of_certificates,
        of_keys: Demands::PUBLIC,
    };
    let ask = |bytes: &[u8]| {
        sigstore::verify(&Signed::from_bundle(bytes)?, &Artifact::of(ARTIFACT), &trust, later())
    };
    let verified = ask(bundle).unwrap();
    assert!(matches!(&verified.maker, Maker::Holder(identity) if identity.subject.name.contains("acme/web")));
    assert_eq!(verified.existed_by(), Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(verified.logged.len(), 2);
    // Nothing of it can be changed and still count for something else: what JSON's spelling allows, and what nobody
    // signs, at most leaves the answer as it is.
    for place in (0..bundle.len()).step_by(3) {
        let mut changed = bundle.to_vec();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        if let Ok(answer) = ask(&changed) {
            assert_eq!(answer, verified, "byte {place}");
        }
    }
}

#[test]
fn an_envelope() {
    let bytes = include_bytes!("fixtures/notary/envelope.jws.json");
    let policies = br#"{"version": "1.0", "trustPolicies": [{
        "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme"], "trustedIdentities": ["x509.subject: C=US, ST=WA, O=acme, CN=signer"]
    }]}"#;
    let policies = TrustPolicies::from_json(policies).unwrap();
    let mut stores = TrustStores::default();
    stores.add(StoreKind::Ca, "acme", include_bytes!("fixtures/notary/root.pem")).unwrap();
    let artifact = Descriptor::of("application/vnd.oci.image.manifest.v1+json", ARTIFACT);
    let trust =
        NotaryTrust { policies: &policies, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let ask = |bytes: &[u8]| {
        let envelope = Envelope::read("application/jose+json", bytes)?;
        notary::verify(&envelope, &artifact, "r.example/web", &trust, "2026-01-01T00:05:00Z".parse().unwrap())
    };
    let outcome = ask(bytes).unwrap();
    assert!(outcome.is_admitted() && outcome.is_authentic());
    for place in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        if ask(&changed).is_ok_and(|outcome| outcome.is_admitted()) {
            // Only white space was changed to other white space.
            let same = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            assert_eq!(same(&changed), same(bytes), "byte {place}");
        }
    }
}

/// What notation 1.3 signed, in both forms, with the certificate that its `cert generate-test` made.
#[test]
fn envelopes_of_notation() {
    let image = include_bytes!("fixtures/notary/notation-image.json");
    let artifact = Descriptor::of("application/vnd.oci.image.manifest.v1+json", image);
    let policies = br#"{"version": "1.0", "trustPolicies": [{
        "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme"],
        "trustedIdentities": ["x509.subject: C=US, ST=WA, L=Seattle, O=Notary, CN=acme"]
    }]}"#;
    let policies = TrustPolicies::from_json(policies).unwrap();
    let mut stores = TrustStores::default();
    stores.add(StoreKind::Ca, "acme", include_bytes!("fixtures/notary/notation.crt")).unwrap();
    let trust =
        NotaryTrust { policies: &policies, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let forms: [(&str, &[u8], bool); 2] = [
        ("application/jose+json", include_bytes!("fixtures/notary/notation.jws.json"), false),
        ("application/cose", include_bytes!("fixtures/notary/notation.cose"), true),
    ];
    for (media_type, bytes, expires) in forms {
        let envelope = Envelope::read(media_type, bytes).unwrap();
        assert_eq!(envelope.expiry.is_some(), expires);
        let ask = |artifact: &Descriptor| {
            notary::verify(
                &envelope,
                artifact,
                "r.example/web",
                &trust,
                "2026-11-25T12:00:00Z".parse().unwrap(),
            )
        };
        let outcome = ask(&artifact).unwrap();
        assert!(outcome.is_admitted() && outcome.is_authentic(), "{media_type}: {outcome:?}");
        assert!(ask(&Descriptor::of(&artifact.media_type, b"another")).is_err());
    }
}
