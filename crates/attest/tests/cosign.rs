//! Against the bytes that the real cosign wrote (`fixtures/cosign/README.md`): we read them, and write the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use data_encoding::BASE64;
use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::statement::Statement;
use lockgate_attest::verify::{Believed, Carried, Examined, Form, NamedKey, Refusal, Speaks, examine};
use lockgate_attest::write::{
    WriteError, cosign_bundle, cosign_legacy_attestation, cosign_legacy_signature, cosign_referrer,
    cosign_signature_statement,
};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Timestamp, limits};
use serde_json::{Value, json};

const IMAGE: &[u8] = include_bytes!("fixtures/cosign/image.json");
const PREDICATE: &str = "https://example.com/p";

/// What cosign attached: its manifest and its only layer.
#[derive(Clone, Copy)]
struct Written {
    attachment: Attachment,
    manifest: &'static [u8],
    layer: &'static [u8],
}

/// What cosign wrote with one key.
struct Folder {
    name: &'static str,
    key: &'static [u8],
    sig: Written,
    att: Written,
    sign: Written,
    attest: Written,
}

macro_rules! written {
    ($attachment:ident, $folder:literal, $name:literal) => {
        Written {
            attachment: Attachment::$attachment,
            manifest: include_bytes!(concat!("fixtures/cosign/", $folder, "/", $name, ".manifest.json")),
            layer: include_bytes!(concat!("fixtures/cosign/", $folder, "/", $name, ".layer")),
        }
    };
}

macro_rules! folder {
    ($name:literal) => {
        Folder {
            name: $name,
            key: include_bytes!(concat!("fixtures/cosign/", $name, "/key.pub")),
            sig: written!(SignatureTag, $name, "sig"),
            att: written!(AttestationTag, $name, "att"),
            sign: written!(Referrer, $name, "sign"),
            attest: written!(Referrer, $name, "attest"),
        }
    };
}

const P256: Folder = folder!("p256");
/// What cosign verifies itself.
const VERIFIED: [Folder; 3] = [P256, folder!("p384"), folder!("rsa")];
const ED25519: Folder = folder!("ed25519");

fn artifact() -> Descriptor {
    Descriptor::of(media::DOCKER_MANIFEST, IMAGE)
}

fn examined(written: Written, key: &[u8]) -> Examined {
    let key = PublicKey::from_pem(key).unwrap();
    let evidence = Evidence {
        subject: artifact().digest,
        attachment: written.attachment,
        manifest: Descriptor::of(media::OCI_MANIFEST, written.manifest),
        blobs: vec![Digest::of(written.layer)],
    };
    let carried = Carried { evidence: &evidence, manifest: written.manifest, blobs: vec![written.layer] };
    let mut answers = examine(&carried, &Believed::keys(&[NamedKey { name: "build", key: &key }]));
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn manifest(bytes: &[u8]) -> Manifest {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn signatures_of_each_kind_of_key_verify() {
    for folder in VERIFIED {
        for (written, form) in [(folder.sig, Form::SimpleSigning), (folder.sign, Form::Bundle)] {
            let examined = examined(written, folder.key);
            assert_eq!(
                (examined.form, &examined.speaks),
                (form, &Some(Speaks::Signature)),
                "{}",
                folder.name
            );
            assert_eq!((examined.by, examined.refusal), (vec!["build".to_owned()], None), "{}", folder.name);
        }
    }
}

#[test]
fn attestations_of_each_kind_of_key_verify_and_are_no_signatures() {
    for folder in VERIFIED {
        for (written, form) in [(folder.att, Form::Envelope), (folder.attest, Form::Bundle)] {
            let examined = examined(written, folder.key);
            let speaks = Some(Speaks::Attestation { predicate_type: PREDICATE.to_owned() });
            assert_eq!((examined.form, examined.speaks), (form, speaks), "{}", folder.name);
            assert_eq!(examined.by, ["build"], "{}", folder.name);
            assert_eq!(examined.statement.unwrap().predicate, json!({"a": 1}));
        }
    }
}

#[test]
fn no_other_key_verifies_them() {
    for folder in VERIFIED {
        for other in VERIFIED.iter().filter(|other| other.name != folder.name) {
            for written in [folder.sig, folder.att, folder.sign, folder.attest] {
                let examined = examined(written, other.key);
                assert_eq!(examined.refusal, Some(Refusal::NoKey), "{} by {}", folder.name, other.name);
                assert!(examined.by.is_empty() && examined.statement.is_none());
            }
        }
    }
}

#[test]
fn prehashed_ed25519_is_refused_as_cosign_refuses_it() {
    for written in [ED25519.sig, ED25519.att, ED25519.sign, ED25519.attest] {
        assert_eq!(examined(written, ED25519.key).refusal, Some(Refusal::NoKey));
    }
    let plain = examined(written!(SignatureTag, "ed25519", "attached"), ED25519.key);
    assert_eq!((plain.by, plain.speaks), (vec!["build".to_owned()], Some(Speaks::Signature)));
}

#[test]
fn the_hint_is_cosigns() {
    for folder in VERIFIED.into_iter().chain([ED25519]) {
        let key = PublicKey::from_pem(folder.key).unwrap();
        let bundle = value(folder.sign.layer);
        assert_eq!(bundle["verificationMaterial"]["publicKey"]["hint"], key.hint(), "{}", folder.name);
        assert_eq!(key.to_pem().as_bytes(), folder.key, "{}", folder.name);
    }
}

/// The bundle with what depends on key and randomness taken out, as text: the order of fields counts.
fn without_key(bundle: &[u8]) -> String {
    let read = value(bundle);
    let mut text = String::from_utf8(bundle.to_vec()).unwrap();
    let hint = &read["verificationMaterial"]["publicKey"]["hint"];
    let signature = &read["dsseEnvelope"]["signatures"][0]["sig"];
    for part in [hint, signature] {
        text = text.replace(part.as_str().unwrap(), "*");
    }
    text
}

#[test]
fn our_bundle_is_cosigns_byte_for_byte() {
    let key = SigningKey::generate().unwrap();
    let created = manifest(P256.sign.manifest).annotations["org.opencontainers.image.created"].clone();
    let statement = cosign_signature_statement(&artifact());
    let ours = cosign_bundle(&artifact(), &key, &statement, created.parse().unwrap()).unwrap();
    assert_eq!(without_key(&ours.blobs[1]), without_key(P256.sign.layer));
    let mut expected = value(P256.sign.manifest);
    expected["layers"][0]["digest"] = json!(Digest::of(&ours.blobs[1]));
    expected["layers"][0]["size"] = json!(ours.blobs[1].len());
    assert_eq!(value(&ours.manifest), expected);
    assert_eq!((ours.tag, ours.media_type), (None, media::OCI_MANIFEST));
}

#[test]
fn our_attestation_bundle_has_cosigns_manifest() {
    let key = SigningKey::generate().unwrap();
    let created = manifest(P256.attest.manifest).annotations["org.opencontainers.image.created"].clone();
    let statement = Statement::about(&artifact(), PREDICATE, json!({"a": 1}));
    let ours = cosign_bundle(&artifact(), &key, &statement, created.parse().unwrap()).unwrap();
    let mut expected = value(P256.attest.manifest);
    expected["layers"][0]["digest"] = json!(Digest::of(&ours.blobs[1]));
    expected["layers"][0]["size"] = json!(ours.blobs[1].len());
    assert_eq!(value(&ours.manifest), expected);
}

#[test]
fn our_signature_tag_is_cosigns() {
    let key = SigningKey::generate().unwrap();
    let ours = cosign_legacy_signature(None, "127.0.0.1:5871/p256", &artifact(), &key).unwrap();
    assert_eq!(ours.blobs[0], include_bytes!("fixtures/cosign/p256/sig.config"));
    assert_eq!(ours.blobs[1], P256.sig.layer);
    assert_eq!(ours.tag, Some(format!("sha256-{}.sig", artifact().digest.hex())));
    let mut expected = value(P256.sig.manifest);
    let annotations = &value(&ours.manifest)["layers"][0]["annotations"];
    expected["layers"][0]["annotations"] = annotations.clone();
    assert_eq!(value(&ours.manifest), expected);
    assert_eq!(
        annotations.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["dev.cosignproject.cosign/signature"]
    );
}

#[test]
fn our_attestation_tag_is_cosigns() {
    let key = SigningKey::generate().unwrap();
    let statement = Statement::about(&artifact(), PREDICATE, json!({"a": 1}));
    let ours = cosign_legacy_attestation(None, &artifact(), &key, &statement).unwrap();
    assert_eq!(ours.tag, Some(format!("sha256-{}.att", artifact().digest.hex())));
    let (mut written, mut expected) = (value(&ours.manifest), value(P256.att.manifest));
    for value in [&mut written, &mut expected] {
        for place in ["/layers/0", "/config"] {
            value.pointer_mut(place).unwrap()["digest"] = json!(null);
            value.pointer_mut(place).unwrap()["size"] = json!(null);
        }
    }
    assert_eq!(written, expected);
    let config = String::from_utf8(ours.blobs[0].clone()).unwrap();
    let config =
        config.replace(&Digest::of(&ours.blobs[1]).to_string(), &Digest::of(P256.att.layer).to_string());
    assert_eq!(config.as_bytes(), include_bytes!("fixtures/cosign/p256/att.config"));
}

#[test]
fn what_is_too_large_to_be_read_is_not_written() {
    let at = Timestamp::from_unix(0);
    let bundle = |bytes: usize| cosign_referrer(&artifact(), vec![b' '; bytes], PREDICATE, at);
    assert!(bundle(limits::EVIDENCE_BYTES).is_ok());
    let too_large = |result: Result<_, WriteError>| matches!(result, Err(WriteError::TooLarge { .. }));
    assert!(too_large(bundle(limits::EVIDENCE_BYTES + 1)));
    // Base64 is a third longer.
    let long = json!({"long": "a".repeat(limits::EVIDENCE_BYTES / 4 * 3)});
    let statement = Statement::about(&artifact(), PREDICATE, long);
    let key = SigningKey::generate().unwrap();
    assert!(too_large(cosign_legacy_attestation(None, &artifact(), &key, &statement)));
}

#[test]
fn we_add_to_cosigns_tags() {
    let key = SigningKey::generate().unwrap();
    let (public, theirs) = (key.public(), PublicKey::from_pem(P256.key).unwrap());
    let there = manifest(P256.sig.manifest);
    let ours = cosign_legacy_signature(Some(&there), "example.com/app", &artifact(), &key).unwrap();
    let evidence = Evidence {
        subject: artifact().digest,
        attachment: Attachment::SignatureTag,
        manifest: Descriptor::of(media::OCI_MANIFEST, &ours.manifest),
        blobs: vec![Digest::of(P256.sig.layer), Digest::of(&ours.blobs[1])],
    };
    let blobs = vec![P256.sig.layer, &ours.blobs[1]];
    let keys = [NamedKey { name: "cosign", key: &theirs }, NamedKey { name: "ours", key: &public }];
    let answers =
        examine(&Carried { evidence: &evidence, manifest: &ours.manifest, blobs }, &Believed::keys(&keys));
    let by: Vec<_> = answers.into_iter().map(|one| one.by).collect();
    assert_eq!(by, [["cosign"], ["ours"]]);
    let config = value(&ours.blobs[0]);
    assert_eq!(config["rootfs"]["diff_ids"], json!([Digest::of(P256.sig.layer), Digest::of(&ours.blobs[1])]));
    assert_eq!(config["history"].as_array().unwrap().len(), 2);
    assert_eq!(manifest(&ours.manifest).config.digest, Digest::of(&ours.blobs[0]));
}

#[test]
fn an_annotation_with_another_signature_does_not_count() {
    // The signature over another payload, by the same key: that of the bundle.
    let signature = &value(P256.sign.layer)["dsseEnvelope"]["signatures"][0]["sig"];
    assert!(BASE64.decode(signature.as_str().unwrap().as_bytes()).is_ok());
    let mut changed = value(P256.sig.manifest);
    changed["layers"][0]["annotations"]["dev.cosignproject.cosign/signature"] = signature.clone();
    let changed = serde_json::to_vec(&changed).unwrap().leak();
    assert_eq!(examined(Written { manifest: changed, ..P256.sig }, P256.key).refusal, Some(Refusal::NoKey));
}
