//! What counts as a signature, and what does not: each check has a case that passes only while the check is there; real
//! cosign signatures and the vectors of others where they are there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

use data_encoding::{BASE64, HEXLOWER};
use lockgate_attest::dsse::{Envelope, IN_TOTO};
use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::statement::Statement;
use lockgate_attest::verify::{Carried, Examined, NamedKey, Refusal, Speaks, examine};
use lockgate_attest::write::{
    Attachable, cosign_bundle, cosign_legacy_attestation, cosign_legacy_signature, cosign_signature_statement,
};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Timestamp, limits};
use proptest::prelude::*;
use serde_json::{Value, json};
use xtask::parts::{self, or_skip};

fn artifact() -> Descriptor {
    Descriptor::of(media::OCI_MANIFEST, b"the artifact")
}

/// Something attached, as it would be fetched.
#[derive(Clone)]
struct Piece {
    attachment: Attachment,
    subject: Digest,
    manifest: Vec<u8>,
    blobs: Vec<Vec<u8>>,
}

impl Piece {
    fn of(attachable: Attachable, attachment: Attachment) -> Self {
        let layer = attachable.blobs.last().unwrap().clone();
        Self { attachment, subject: artifact().digest, manifest: attachable.manifest, blobs: vec![layer] }
    }

    fn examine(&self, key: &SigningKey) -> Vec<Examined> {
        let evidence = Evidence {
            subject: self.subject,
            attachment: self.attachment,
            manifest: Descriptor::of(media::OCI_MANIFEST, &self.manifest),
            blobs: self.blobs.iter().map(|blob| Digest::of(blob)).collect(),
        };
        let blobs = self.blobs.iter().map(Vec::as_slice).collect();
        let public = key.public();
        let keys = [NamedKey { name: "build", key: &public }];
        examine(&Carried { evidence: &evidence, manifest: &self.manifest, blobs }, &keys)
    }

    /// Whether it is a signature by `key`.
    fn signed(&self, key: &SigningKey) -> bool {
        self.examine(key).iter().any(|one| one.speaks == Some(Speaks::Signature) && one.by == ["build"])
    }

    /// The same with another layer, its manifest made to fit.
    fn with_blob(&self, blob: Vec<u8>) -> Self {
        let mut manifest: Manifest = serde_json::from_slice(&self.manifest).unwrap();
        manifest.layers[0].digest = Digest::of(&blob);
        manifest.layers[0].size = blob.len() as u64;
        Self { manifest: serde_json::to_vec(&manifest).unwrap(), blobs: vec![blob], ..self.clone() }
    }

    /// The same with the JSON of the layer changed.
    fn with_json(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut value: Value = serde_json::from_slice(&self.blobs[0]).unwrap();
        change(&mut value);
        self.with_blob(serde_json::to_vec(&value).unwrap())
    }
}

fn bundle(key: &SigningKey) -> Piece {
    let statement = cosign_signature_statement(&artifact());
    let made = cosign_bundle(&artifact(), key, &statement, Timestamp::from_unix(0)).unwrap();
    Piece::of(made, Attachment::Referrer)
}

fn legacy(key: &SigningKey) -> Piece {
    let made = cosign_legacy_signature(None, "example.com/web", &artifact(), key).unwrap();
    Piece::of(made, Attachment::SignatureTag)
}

/// A bundle over any statement, signed.
fn bundle_of(key: &SigningKey, payload_type: &str, statement: &Value) -> Piece {
    let payload = serde_json::to_vec(statement).unwrap();
    let envelope = serde_json::to_value(Envelope::sign(payload_type, &payload, key).unwrap()).unwrap();
    bundle(key).with_json(|value| value["dsseEnvelope"] = envelope)
}

#[test]
fn what_we_write_we_read() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    for piece in [bundle(&key), legacy(&key)] {
        assert!(piece.signed(&key));
        assert!(!piece.signed(&other));
        assert_eq!(piece.examine(&other)[0].refusal, Some(Refusal::NoKey));
    }
}

#[test]
fn an_attestation_is_no_signature() {
    let key = SigningKey::generate().unwrap();
    let statement = Statement::about(&artifact(), "https://slsa.dev/verification_summary/v1", json!({}));
    let made = cosign_bundle(&artifact(), &key, &statement, Timestamp::from_unix(0)).unwrap();
    let examined = Piece::of(made, Attachment::Referrer).examine(&key);
    assert_eq!(examined[0].by, ["build"]);
    assert!(matches!(examined[0].speaks, Some(Speaks::Attestation { .. })));
    // Nor is one under `.att` that calls itself cosign's signature: cosign never writes it there.
    let statement = cosign_signature_statement(&artifact());
    let made = cosign_legacy_attestation(None, &artifact(), &key, &statement).unwrap();
    assert!(!Piece::of(made, Attachment::AttestationTag).signed(&key));
}

#[test]
fn a_signature_on_something_else_does_not_count() {
    let key = SigningKey::generate().unwrap();
    let other = Digest::of(b"another artifact");
    for piece in [bundle(&key), legacy(&key)] {
        assert!(!Piece { subject: other, ..piece.clone() }.signed(&key));
    }
    // A referrer whose manifest names the artifact and whose statement does not.
    let mut statement = serde_json::to_value(cosign_signature_statement(&artifact())).unwrap();
    statement["subject"][0]["digest"]["sha256"] = json!(other.hex());
    assert!(!bundle_of(&key, IN_TOTO, &statement).signed(&key));
    statement["subject"][0]["digest"] = json!({"sha512": artifact().digest.hex()});
    assert!(!bundle_of(&key, IN_TOTO, &statement).signed(&key));
    // A manifest with another subject, or none.
    for subject in [json!(null), json!(Descriptor::of("x", b"y"))] {
        let piece = bundle(&key);
        let mut manifest: Value = serde_json::from_slice(&piece.manifest).unwrap();
        manifest["subject"] = subject;
        assert!(!Piece { manifest: serde_json::to_vec(&manifest).unwrap(), ..piece }.signed(&key));
    }
}

#[test]
fn types_are_not_confused() {
    let key = SigningKey::generate().unwrap();
    let good = serde_json::to_value(cosign_signature_statement(&artifact())).unwrap();
    assert!(bundle_of(&key, IN_TOTO, &good).signed(&key));
    assert!(!bundle_of(&key, "text/plain", &good).signed(&key));
    let mut other = good.clone();
    other["_type"] = json!("https://example.com/Statement");
    assert!(!bundle_of(&key, IN_TOTO, &other).signed(&key));
    let mut other = good.clone();
    other["predicateType"] = json!("https://sigstore.dev/cosign/sign/v1x");
    assert!(!bundle_of(&key, IN_TOTO, &other).signed(&key));
    // The payload type is signed: changing it in the envelope alone breaks the signature.
    let typed = |value: &mut Value| value["dsseEnvelope"]["payloadType"] = json!(IN_TOTO);
    assert!(!bundle_of(&key, "text/plain", &good).with_json(typed).signed(&key));
    // A simple signing payload of another type, rightly signed.
    let piece = legacy(&key);
    let text = String::from_utf8(piece.blobs[0].clone()).unwrap();
    let wrong = text.replace("cosign container image signature", "atomic container signature").into_bytes();
    let signature = BASE64.encode(&key.sign(&wrong).unwrap());
    let piece = piece.with_blob(wrong);
    let mut manifest: Manifest = serde_json::from_slice(&piece.manifest).unwrap();
    manifest.layers[0].annotations.insert("dev.cosignproject.cosign/signature".into(), signature);
    assert!(!Piece { manifest: serde_json::to_vec(&manifest).unwrap(), ..piece }.signed(&key));
}

#[test]
fn bundles_that_are_not_read_are_refused_with_words() {
    let key = SigningKey::generate().unwrap();
    let said = |piece: &Piece| piece.examine(&key)[0].refusal.clone().unwrap().to_string();
    let certificate =
        |value: &mut Value| value["verificationMaterial"] = json!({"certificate": {"rawBytes": "AA=="}});
    assert!(said(&bundle(&key).with_json(certificate)).contains("keyless"));
    let future =
        |value: &mut Value| value["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v9+json");
    assert!(said(&bundle(&key).with_json(future)).contains("0.1 to 0.3"));
    let message = bundle(&key).with_json(|value| {
        value.as_object_mut().unwrap().remove("dsseEnvelope");
        value["messageSignature"] = json!({});
    });
    assert!(said(&message).contains("bare message"));
    let both = bundle(&key).with_json(|value| value["messageSignature"] = json!({}));
    assert!(!both.signed(&key));
}

#[test]
fn numbers_of_signatures_are_capped() {
    let key = SigningKey::generate().unwrap();
    let many = bundle(&key).with_json(|value| {
        let one = value["dsseEnvelope"]["signatures"][0].clone();
        value["dsseEnvelope"]["signatures"] = json!(vec![one; limits::SIGNATURES_PER_EVIDENCE + 1]);
    });
    assert!(!many.signed(&key));
    assert!(!bundle(&key).with_json(|value| value["dsseEnvelope"]["signatures"] = json!([])).signed(&key));
}

#[test]
fn duplicate_keys_and_other_encodings_are_refused() {
    let key = SigningKey::generate().unwrap();
    let piece = bundle(&key);
    let text = String::from_utf8(piece.blobs[0].clone()).unwrap();
    let twice = text.replacen("\"payloadType\":", "\"payloadType\":\"x\",\"payloadType\":", 1);
    assert!(!piece.with_blob(twice.into_bytes()).signed(&key));
    let spaced = piece.with_json(|value| {
        let sig = value["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap().to_owned();
        value["dsseEnvelope"]["signatures"][0]["sig"] = json!(format!("{sig}\n"));
    });
    assert!(!spaced.signed(&key));
}

#[test]
fn a_hint_neither_helps_nor_hinders() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let wrong = bundle(&key).with_json(|value| {
        value["verificationMaterial"]["publicKey"]["hint"] = json!(other.public().hint());
    });
    assert!(wrong.signed(&key) && !wrong.signed(&other));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_flipped_byte_never_makes_a_signature(legacy_form in any::<bool>(), at in any::<usize>(), bit in 0u8..8) {
        let key = SigningKey::generate().unwrap();
        let piece = if legacy_form { legacy(&key) } else { bundle(&key) };
        let mut blob = piece.blobs[0].clone();
        let at = at % blob.len();
        blob[at] ^= 1 << bit;
        let changed = piece.with_blob(blob.clone());
        if changed.signed(&key) {
            // Only what is no part of the signed bytes may differ: the hint and its name.
            let hint = key.public().hint();
            let text = String::from_utf8(piece.blobs[0].clone()).unwrap();
            let start = text.find(&hint).unwrap_or(usize::MAX) - "hint\":\"".len();
            prop_assert!(!legacy_form && (start..start + 7 + hint.len()).contains(&at), "byte {at}");
        }
        // Without a manifest that fits, nothing counts at all.
        let other = Piece { blobs: vec![blob], ..piece };
        prop_assert!(!other.signed(&key));
    }

    #[test]
    fn any_bytes_are_read_without_panic(blob in prop::collection::vec(any::<u8>(), 0..300), form in 0..3) {
        let key = SigningKey::generate().unwrap();
        let piece = if form == 0 { legacy(&key) } else { bundle(&key) };
        prop_assert!(!piece.with_blob(blob.clone()).signed(&key));
        let other = Piece { manifest: blob, ..piece };
        prop_assert!(!other.signed(&key));
    }
}

/// Real images with real cosign signatures, as another program stored them.
#[test]
fn cosign_signatures_of_others() {
    let Some(arena) = or_skip(parts::arena_signing(), "containers-image-cosign") else { return };
    let folder = arena.join("containers-image-cosign");
    let key = |name: &str| PublicKey::from_pem(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    let (first, second) = (key("cosign.pub"), key("cosign2.pub"));
    let by = |manifest: &str, signature: &str| -> Vec<String> {
        let subject = Digest::of(&std::fs::read(folder.join(manifest)).unwrap());
        let bytes = std::fs::read(folder.join(signature)).unwrap();
        let json = bytes.strip_prefix(b"\0sigstore-json\n").unwrap();
        let value: Value = serde_json::from_slice(json).unwrap();
        let payload = BASE64.decode(value["payload"].as_str().unwrap().as_bytes()).unwrap();
        let mut layer = Descriptor::of(media::SIMPLE_SIGNING, &payload);
        layer.annotations = serde_json::from_value(value["annotations"].clone()).unwrap();
        let manifest = json!({"schemaVersion": 2, "config": Descriptor::of("x", b"{}"), "layers": [layer]});
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let evidence = Evidence {
            subject,
            attachment: Attachment::SignatureTag,
            manifest: Descriptor::of(media::OCI_MANIFEST, &manifest),
            blobs: vec![Digest::of(&payload)],
        };
        let keys = [NamedKey { name: "first", key: &first }, NamedKey { name: "second", key: &second }];
        let carried = Carried { evidence: &evidence, manifest: &manifest, blobs: vec![&payload] };
        examine(&carried, &keys).remove(0).by
    };
    let valid = "dir-img-cosign-valid/manifest.json";
    assert_eq!(by(valid, "dir-img-cosign-valid/signature-1"), ["first"]);
    assert_eq!(by(valid, "dir-img-cosign-valid-2/signature-2").len(), 1);
    let none: [String; 0] = [];
    assert_eq!(
        by("dir-img-cosign-modified-manifest/manifest.json", "dir-img-cosign-valid/signature-1"),
        none
    );
    assert_eq!(by(valid, "unknown-cosign-key.signature"), none);
    let keyless = "dir-img-cosign-fulcio-rekor-valid";
    assert_eq!(by(&format!("{keyless}/manifest.json"), &format!("{keyless}/signature-1")), none);
}

/// Vectors made to break verifiers, for the algorithms that are verified.
#[test]
fn wycheproof() {
    let Some(arena) = or_skip(parts::arena_signing(), "wycheproof") else { return };
    let mut checked = 0;
    for entry in std::fs::read_dir(arena.join("wycheproof")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        // Other encodings (P1363), paddings (PSS) and curves are not what cosign writes with a key.
        if !matches!(
            document["schema"].as_str(),
            Some("ecdsa_verify_schema_v1.json" | "rsassa_pkcs1_verify_schema_v1.json")
        ) {
            continue;
        }
        for group in document["testGroups"].as_array().unwrap() {
            let key = PublicKey::from_pem(group["publicKeyPem"].as_str().unwrap().as_bytes()).unwrap();
            for test in group["tests"].as_array().unwrap() {
                let bytes = |field: &str| HEXLOWER.decode(test[field].as_str().unwrap().as_bytes()).unwrap();
                let verified = key.verify(&bytes("msg"), &bytes("sig"));
                match test["result"].as_str().unwrap() {
                    "valid" => assert!(verified, "{name} {}", test["tcId"]),
                    "invalid" => assert!(!verified, "{name} {}", test["tcId"]),
                    _ => {}
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}
