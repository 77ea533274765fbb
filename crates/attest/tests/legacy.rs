//! Keyless signatures and attestations in cosign's older layouts, as other programs stored them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{entries, files, name, read};
use data_encoding::BASE64;
use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{
    Artifact, Demands, LogError, Maker, Signed, SigstoreError, SubjectKind, Trust, TrustedRoot, Verified,
    verify,
};
use lockgate_model::oci::Manifest;
use lockgate_model::{Descriptor, Digest, Timestamp};
use serde_json::{Value, json};
use xtask::parts::{self, or_skip};

type Annotations = BTreeMap<String, String>;

/// As the public good instance was when these were made: their logs gave promises, not proofs.
const PROMISED: Demands = Demands { promises: true, ..Demands::PUBLIC };
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

fn root(arena: &Path) -> TrustedRoot {
    TrustedRoot::from_json(&read(arena.join("sigstore-rust/embedded/trusted_root.json"))).unwrap()
}

fn judged(
    signed: Result<Signed, SigstoreError>,
    digest: Digest,
    root: &TrustedRoot,
    of_certificates: Demands,
) -> Result<Verified, SigstoreError> {
    let as_of: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    let trust = Trust {
        root: Some(root),
        keys: &[],
        without_issuer: None,
        of_certificates,
        of_keys: Demands::PUBLIC,
    };
    verify(&signed?, &Artifact::named(&digest), &trust, as_of)
}

/// The same annotations, the log's bundle changed.
fn with_bundle(annotations: &Annotations, change: impl FnOnce(&mut Value)) -> Annotations {
    let mut bundle: Value = serde_json::from_str(&annotations[BUNDLE]).unwrap();
    change(&mut bundle);
    let mut changed = annotations.clone();
    changed.insert(BUNDLE.to_owned(), bundle.to_string());
    changed
}

fn without(annotations: &Annotations, key: &str) -> Annotations {
    let mut changed = annotations.clone();
    changed.remove(key).unwrap();
    changed
}

/// Checks that a layer verifies, and none of what could be done to it.
fn checks(
    read: &dyn Fn(&Annotations) -> Result<Signed, SigstoreError>,
    annotations: &Annotations,
    digest: Digest,
    root: &TrustedRoot,
) -> Verified {
    let ask = |annotations: &Annotations| judged(read(annotations), digest, root, PROMISED);
    let verified = ask(annotations).unwrap();
    // A promise is no proof.
    let strict = judged(read(annotations), digest, root, Demands::PUBLIC);
    assert!(matches!(strict, Err(SigstoreError::TooFew { what: "transparency logs", .. })), "{strict:?}");
    let other = judged(read(annotations), Digest::of(b"another"), root, PROMISED);
    assert_eq!(other, Err(SigstoreError::OtherArtifact));
    let later = ask(&with_bundle(annotations, |bundle| {
        let time = bundle["Payload"]["integratedTime"].as_i64().unwrap();
        bundle["Payload"]["integratedTime"] = json!(time + 1);
    }));
    assert_eq!(later, Err(SigstoreError::Log { place: 0, why: LogError::Promise }));
    let moved = ask(&with_bundle(annotations, |bundle| bundle["Payload"]["logIndex"] = json!(1)));
    assert_eq!(moved, Err(SigstoreError::Log { place: 0, why: LogError::Promise }));
    let stranger = ask(&with_bundle(annotations, |bundle| {
        let id = bundle["Payload"]["logID"].as_str().unwrap().replace('c', "d");
        bundle["Payload"]["logID"] = json!(id);
    }));
    assert!(matches!(stranger, Err(SigstoreError::TooFew { what: "sources of time", .. })));
    let undated = ask(&without(annotations, BUNDLE));
    assert!(matches!(undated, Err(SigstoreError::TooFew { what: "sources of time", .. })));
    assert_eq!(ask(&without(annotations, CERTIFICATE)), Err(SigstoreError::NoKey));
    let mut twice = annotations.clone();
    twice.insert(CERTIFICATE.to_owned(), annotations[CERTIFICATE].repeat(2));
    assert!(matches!(ask(&twice), Err(SigstoreError::Malformed(why)) if why.contains("exactly one")));
    verified
}

#[test]
fn keyless_signature_layers() {
    let Some(arena) = or_skip(parts::arena_signing(), "keyless_signature_layers") else { return };
    let root = root(&arena);
    let folder = arena.join("containers-image-cosign");
    let mut checked = 0;
    for path in files(&folder).iter().filter(|path| name(path).starts_with("signature-")) {
        let bytes = read(path);
        let stored: Value =
            serde_json::from_slice(bytes.strip_prefix(b"\0sigstore-json\n").unwrap()).unwrap();
        let annotations: Annotations = serde_json::from_value(stored["annotations"].clone()).unwrap();
        let changed = path.to_str().unwrap().contains("modified");
        if changed || !annotations.contains_key(CERTIFICATE) {
            continue;
        }
        let payload = BASE64.decode(stored["payload"].as_str().unwrap().as_bytes()).unwrap();
        let digest = Digest::of(&read(path.with_file_name("manifest.json")));
        let read = |annotations: &Annotations| Signed::from_signature_layer(annotations, &payload);
        let verified = checks(&read, &annotations, digest, &root);
        let Maker::Holder(identity) = &verified.maker else { panic!("{verified:?}") };
        if path.to_str().unwrap().contains("fulcio-rekor-valid") {
            assert_eq!(identity.subject.kind, SubjectKind::Email);
            assert_eq!(verified.existed_by(), Some("2023-01-20T20:51:33Z".parse().unwrap()));
        }
        // Any byte of the payload, the digest's aside, and any of the signature.
        for place in [0, 60, payload.len() - 3] {
            let mut changed = payload.clone();
            changed[place] ^= 1;
            let signed = Signed::from_signature_layer(&annotations, &changed);
            assert!(judged(signed, digest, &root, PROMISED).is_err());
        }
        let unsigned = read(&without(&annotations, SIGNATURE));
        assert!(matches!(unsigned, Err(SigstoreError::Malformed(why)) if why.contains("signature")));
        checked += 1;
    }
    assert!(checked >= 1);
}

#[test]
fn keyless_attestation_layers() {
    let Some(arena) = or_skip(parts::arena_signing(), "keyless_attestation_layers") else { return };
    let root = root(&arena);
    let mut kinds = vec![];
    for path in files(&arena.join("slsa-container-oci")).iter().filter(|path| name(path) == "index.json") {
        let folder = path.parent().unwrap();
        let blob = |digest: &str| read(folder.join("blobs").join(digest.replace(':', "/")));
        let index: Value = serde_json::from_slice(&read(path)).unwrap();
        let of_kind = |kind: &str| {
            let all = index["manifests"].as_array().unwrap();
            let found = all.iter().find(|one| one["annotations"]["kind"].as_str().unwrap().ends_with(kind));
            Some(found?["digest"].as_str().unwrap().to_owned())
        };
        let image = of_kind("imageIndex").or_else(|| of_kind("image")).unwrap();
        let subject: Digest = image.parse().unwrap();
        let manifest: Manifest = serde_json::from_slice(&blob(&of_kind("atts").unwrap())).unwrap();
        for layer in &manifest.layers {
            let envelope = blob(&layer.digest.to_string());
            let read = |annotations: &Annotations| Signed::from_attestation_layer(annotations, &envelope);
            let verified = checks(&read, &layer.annotations, subject, &root);
            assert_eq!(
                judged(Signed::from_layer(layer, &envelope, Reading::NEWEST), subject, &root, PROMISED)
                    .as_ref(),
                Ok(&verified)
            );
            let statement = verified.statement.unwrap();
            assert_eq!(statement.predicate_type, layer.annotations["predicateType"]);
            let (kind, version) = read(&layer.annotations).unwrap().entries[0].kind.clone();
            let by_bytes = (kind.as_str(), version.as_str()) == ("intoto", "0.0.1");
            kinds.push(kind);
            // The same envelope in other words: the oldest entries are about its very bytes.
            let spaced = [b" ", envelope.as_slice()].concat();
            let spaced = Signed::from_attestation_layer(&layer.annotations, &spaced);
            let verdict = judged(spaced, subject, &root, PROMISED);
            assert_eq!(verdict.is_ok(), !by_bytes, "{verdict:?}");
        }
    }
    assert!(kinds.contains(&"intoto".to_owned()) && kinds.contains(&"dsse".to_owned()), "{kinds:?}");
    assert!(entries(&arena).len() > 1);
}

#[test]
fn layers_by_their_media_type() {
    let bundle = include_bytes!("fixtures/sigstore/bundle.json");
    let layer = |media_type: &str| Descriptor::of(media_type, bundle);
    let right = layer("application/vnd.dev.sigstore.bundle.v0.3+json");
    assert_eq!(Signed::from_layer(&right, bundle, Reading::NEWEST), Signed::from_bundle(bundle));
    // Under another type, or with other content than the manifest names, it is nothing.
    let other = Signed::from_layer(&layer("application/vnd.oci.image.layer.v1.tar"), bundle, Reading::NEWEST);
    assert!(matches!(other, Err(SigstoreError::NotRead(_))));
    let envelope =
        Signed::from_layer(&layer("application/vnd.dsse.envelope.v1+json"), bundle, Reading::NEWEST);
    assert!(matches!(envelope, Err(SigstoreError::Malformed(_))));
    let swapped = Signed::from_layer(&right, &bundle[1..], Reading::NEWEST);
    assert!(matches!(swapped, Err(SigstoreError::Malformed(why)) if why.contains("another digest")));
}
