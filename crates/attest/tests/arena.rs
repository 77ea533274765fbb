//! Against the material of others: real images signed by real cosign, managed keys, Google's verification summary, and
//! vectors made to break verifiers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use lockgate_attest::dsse::{Envelope, pae};
use lockgate_attest::keys::{KeyError, PublicKey};
use lockgate_attest::statement::Statement;
use lockgate_attest::verify::{Believed, Carried, Examined, NamedKey, Refusal, Speaks, examine};
use lockgate_attest::vsa;
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence};
use serde_json::{Value, json};
use xtask::parts::{self, or_skip};

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The files and folders in a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries(folder).into_iter().flat_map(below).collect()
}

/// Examines one layer as if it were found attached to `subject`.
fn examined(
    subject: Digest,
    attachment: Attachment,
    layer: &Descriptor,
    blob: &[u8],
    keys: &[(&str, &PublicKey)],
) -> Examined {
    let referred =
        (attachment == Attachment::Referrer).then(|| Descriptor::new(media::OCI_MANIFEST, subject, 1));
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_EMPTY, b"{}"),
        layers: vec![layer.clone()],
        subject: referred,
        annotations: std::collections::BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let evidence = Evidence {
        subject,
        attachment,
        manifest: Descriptor::of(media::OCI_MANIFEST, &manifest),
        blobs: vec![Digest::of(blob)],
    };
    let keys: Vec<_> = keys.iter().map(|(name, key)| NamedKey { name, key }).collect();
    let carried = Carried { evidence: &evidence, manifest: &manifest, blobs: vec![blob] };
    examine(&carried, &Believed::keys(&keys)).remove(0)
}

/// The layer and the payload of a signature as the `dir:` transport stores it.
fn stored_signature(path: &Path) -> (Descriptor, Vec<u8>) {
    let bytes = read(path);
    let value = value(bytes.strip_prefix(b"\0sigstore-json\n").unwrap());
    let payload = BASE64.decode(value["payload"].as_str().unwrap().as_bytes()).unwrap();
    let mut layer = Descriptor::of(value["mimeType"].as_str().unwrap(), &payload);
    layer.annotations = serde_json::from_value(value["annotations"].clone()).unwrap();
    (layer, payload)
}

/// Real images with real cosign signatures, as another program stored them. What is expected stands in the names.
#[test]
fn cosign_signatures_of_others() {
    let Some(arena) = or_skip(parts::arena_signing(), "cosign_signatures_of_others") else { return };
    let folder = arena.join("containers-image-cosign");
    let keys = ["cosign.pub", "cosign2.pub"];
    let keys = keys.map(|name| (name, PublicKey::from_pem(&read(folder.join(name))).unwrap()));
    let keys = [(keys[0].0, &keys[0].1), (keys[1].0, &keys[1].1)];
    let valid = Digest::of(&read(folder.join("dir-img-cosign-valid/manifest.json")));
    let (mut signed, mut refused) = (0, 0);
    let all = files(&folder).into_iter().filter(|path| name(path).contains("signature"));
    for path in all {
        // An image that is not there itself is that of the folder with the one signature.
        let beside = path.with_file_name("manifest.json");
        let subject = if beside.is_file() { Digest::of(&read(beside)) } else { valid };
        let (layer, payload) = stored_signature(&path);
        let by = examined(subject, Attachment::SignatureTag, &layer, &payload, &keys);
        let place = path.strip_prefix(&folder).unwrap().display().to_string();
        // Keyless signatures (fulcio) are not read yet: none of the keys may seem to have made them.
        if place.contains("fulcio") || place.contains("unknown") {
            assert_eq!(by.refusal, Some(Refusal::NoKey), "{place}");
            refused += 1;
        } else {
            assert_eq!((by.by.len(), by.speaks), (1, Some(Speaks::Signature)), "{place}");
            signed += 1;
        }
        // The manifest that someone changed is another artifact.
        let changed = Digest::of(&read(folder.join("dir-img-cosign-modified-manifest/manifest.json")));
        let moved = examined(changed, Attachment::SignatureTag, &layer, &payload, &keys);
        assert!(matches!(moved.refusal, Some(Refusal::OtherSubject(_))), "{place}");
    }
    assert!(signed >= 2 && refused >= 2, "{signed} {refused}");
}

/// Bundles by a managed key. They sign bare messages, which count for no image; the keys and signatures themselves are
/// checked wherever the message is there.
#[test]
fn managed_keys_of_others() {
    let Some(arena) = or_skip(parts::arena_signing(), "managed_keys_of_others") else { return };
    let mut checked = 0;
    for path in entries(&arena.join("sigstore-conformance")) {
        if !name(&path).starts_with("managed-key") {
            continue;
        }
        let bytes = read(path.join("bundle.sigstore.json"));
        let bundle = value(&bytes);
        let message = read(path.join("../a.txt"));
        let signature = bundle["messageSignature"]["signature"].as_str().unwrap();
        let signature = BASE64.decode(signature.as_bytes()).unwrap();
        // Without `key.pub` there is nothing to verify with: `managed-key-no-key_fail`.
        let key = path.join("key.pub");
        assert_eq!(key.is_file(), !name(&path).ends_with("_fail"), "{}", path.display());
        let key = key.is_file().then(|| PublicKey::from_pem(&read(key)).unwrap());
        let keys: Vec<_> = key.iter().map(|key| ("managed", key)).collect();
        for (_, key) in &keys {
            assert!(key.verify(&message, &signature), "{}", path.display());
            assert!(!key.verify(b"another message", &signature));
            assert_eq!(bundle["verificationMaterial"]["publicKey"]["hint"], key.hint());
            checked += 1;
        }
        let layer = Descriptor::of(media::SIGSTORE_BUNDLE, &bytes);
        let answer = examined(Digest::of(&message), Attachment::Referrer, &layer, &bytes, &keys);
        assert!(matches!(&answer.refusal, Some(Refusal::NotRead(why)) if why.contains("bare message")));
    }
    assert!(checked >= 2, "{checked}");
    // Its message is not there, so that only the hint can be compared.
    let folder = arena.join("sigstore-go");
    let bundle = value(&read(folder.join("bundles/public-key-validity.sigstore.json")));
    let key = PublicKey::from_pem(&read(folder.join("public-keys/public-key-validity.pem"))).unwrap();
    assert_eq!(bundle["verificationMaterial"]["publicKey"]["hint"], key.hint());
}

/// Keyless bundles, right and wrong ones: none counts, and the reason is said.
#[test]
fn keyless_bundles_do_not_count() {
    let Some(arena) = or_skip(parts::arena_signing(), "keyless_bundles_do_not_count") else { return };
    let key = PublicKey::from_pem(&read(arena.join("containers-image-cosign/cosign.pub"))).unwrap();
    let mut told = 0;
    for path in files(&arena).into_iter().filter(|path| name(path).contains("sigstore")) {
        let bytes = read(&path);
        let Ok(bundle) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let material = &bundle["verificationMaterial"];
        if material["certificate"].is_null() && material["x509CertificateChain"].is_null() {
            continue;
        }
        // The subject that the statement itself names, where there is one: what is refused is refused for its
        // certificate.
        let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap_or_default();
        let payload = BASE64.decode(payload.as_bytes()).unwrap_or_default();
        let statement = serde_json::from_slice::<Value>(&payload).unwrap_or_default();
        let subject = statement["subject"][0]["digest"]["sha256"].as_str().unwrap_or_default();
        let subject = format!("sha256:{subject}").parse().unwrap_or(Digest::of(b""));
        let layer = Descriptor::of(media::SIGSTORE_BUNDLE, &bytes);
        let answer = examined(subject, Attachment::Referrer, &layer, &bytes, &[("key", &key)]);
        assert!(answer.by.is_empty() && answer.statement.is_none(), "{}", path.display());
        let why = answer.refusal.unwrap().to_string();
        told += usize::from(why.contains("keyless"));
    }
    assert!(told >= 30, "{told}");
}

/// Images that cosign saved with their attestations. They are keyless: the key that made each is taken out of its
/// certificate here, so that envelope, statement and subject are checked against what GitHub really signs.
#[test]
fn attestations_of_real_images() {
    let Some(arena) = or_skip(parts::arena_signing(), "attestations_of_real_images") else { return };
    let mut checked = 0;
    for path in files(&arena.join("slsa-container-oci")) {
        if name(&path) != "index.json" {
            continue;
        }
        let folder = path.parent().unwrap();
        let blob = |digest: &str| read(folder.join("blobs").join(digest.replace(':', "/")));
        let index = value(&read(&path));
        let of_kind = |kind: &str| {
            let found = index["manifests"]
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["annotations"]["kind"].as_str().unwrap().ends_with(kind));
            found.unwrap()["digest"].as_str().unwrap().to_owned()
        };
        let subject: Digest = of_kind("imageIndex").parse().unwrap();
        let manifest: Manifest = serde_json::from_slice(&blob(&of_kind("atts"))).unwrap();
        for layer in &manifest.layers {
            let envelope = blob(&layer.digest.to_string());
            let key = certified(&layer.annotations["dev.sigstore.cosign/certificate"]);
            let by = |subject| {
                examined(subject, Attachment::AttestationTag, layer, &envelope, &[("github", &key)])
            };
            let answer = by(subject);
            assert_eq!((answer.by, answer.refusal), (vec!["github".to_owned()], None), "{}", path.display());
            let statement = answer.statement.unwrap();
            assert_eq!(statement.predicate_type, layer.annotations["predicateType"]);
            assert!(matches!(by(Digest::of(b"x")).refusal, Some(Refusal::OtherSubject(_))));
            checked += 1;
        }
    }
    assert!(checked >= 2, "{checked}");
}

/// The P-256 key in a certificate: found by the bytes that every such key starts with.
fn certified(certificate: &str) -> PublicKey {
    let start = HEXLOWER.decode(b"3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let text: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(text.as_bytes()).unwrap();
    let at = der.windows(start.len()).position(|window| window == start).unwrap();
    let key = BASE64.encode(&der[at..at + 91]);
    PublicKey::from_pem(format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n").as_bytes())
        .unwrap()
}

/// A verification summary that Google signed, with the two numbers of the signature in a row.
#[test]
fn verification_summary_of_google() {
    let Some(arena) = or_skip(parts::arena_signing(), "verification_summary_of_google") else { return };
    let folder = arena.join("slsa-vsa/vsa/gce/v1");
    let key = PublicKey::from_pem(&read(folder.join("vsa_signing_public_key.pem"))).unwrap();
    let bytes = read(folder.join("gke-gce-pre.bcid-vsa.jsonl"));
    let envelope = Envelope::read(&bytes).unwrap();
    let opened = envelope.open().unwrap();
    let signed = pae(&envelope.payload_type, &opened.payload);
    assert!(key.verify_p1363(&signed, &opened.signatures[0]));
    assert!(!key.verify_p1363(&opened.payload, &opened.signatures[0]));
    assert!(!key.verify(&signed, &opened.signatures[0]));
    let statement = Statement::read(&opened.payload).unwrap();
    assert_eq!(statement.predicate_type, vsa::PREDICATE_TYPE);
    assert_eq!(statement.predicate["verificationResult"], "PASSED");
    // It names its subject by a number of Google's, no digest: attached to an image it says nothing about it.
    let layer = Descriptor::of(media::DSSE, &bytes);
    let keys = [("google", &key)];
    let answer = examined(Digest::of(b"an image"), Attachment::AttestationTag, &layer, &bytes, &keys);
    assert!(matches!(answer.refusal, Some(Refusal::OtherSubject(_))));
}

/// Statements quoted in the in-toto specification, as far as they are JSON: many have dots where something was left out.
#[test]
fn statements_of_the_specification() {
    let Some(arena) = or_skip(parts::arena_signing(), "statements_of_the_specification") else { return };
    let mut whole = 0;
    for path in entries(&arena.join("in-toto-attestation-examples")) {
        let bytes = read(&path);
        let text = String::from_utf8(bytes).unwrap();
        let uncommented: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let text = uncommented.join("\n");
        let read = Statement::read(text.as_bytes());
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            assert!(read.is_err(), "{}", path.display());
            continue;
        };
        let statement = read.unwrap();
        assert_eq!(json!(statement.predicate_type), value["predicateType"]);
        assert_eq!(statement.predicate, value["predicate"]);
        whole += 1;
    }
    assert!(whole >= 4, "{whole}");
}

/// How the vectors of a file are to be verified.
#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Cosigns,
    P1363,
    /// RSA-PSS, which cosign does not write.
    Foreign,
}

/// Vectors made to break verifiers: those of the algorithms that are verified give their own answer, those of other
/// paddings never verify, and keys on other curves are not read.
#[test]
fn wycheproof() {
    let Some(arena) = or_skip(parts::arena_signing(), "wycheproof") else { return };
    let (mut checked, mut verified) = (0, 0);
    for path in entries(&arena.join("wycheproof")) {
        let document = value(&read(&path));
        let encoding = match document["schema"].as_str().unwrap() {
            "ecdsa_verify_schema_v1.json" | "rsassa_pkcs1_verify_schema_v1.json" => Encoding::Cosigns,
            "ecdsa_p1363_verify_schema_v1.json" => Encoding::P1363,
            "rsassa_pss_verify_schema_v1.json" => Encoding::Foreign,
            other => panic!("{}: {other} is new here", path.display()),
        };
        for group in document["testGroups"].as_array().unwrap() {
            let pem = group["publicKeyPem"].as_str().unwrap();
            let key = match PublicKey::from_pem(pem.as_bytes()) {
                Ok(key) => key,
                Err(error) => {
                    assert_eq!(error, KeyError::Algorithm, "{}", path.display());
                    assert_eq!(group["publicKey"]["curve"], "secp521r1", "{}", path.display());
                    continue;
                }
            };
            for test in group["tests"].as_array().unwrap() {
                let bytes = |field: &str| HEXLOWER.decode(test[field].as_str().unwrap().as_bytes()).unwrap();
                let (message, signature) = (bytes("msg"), bytes("sig"));
                let (der, fixed) = (key.verify(&message, &signature), key.verify_p1363(&message, &signature));
                let place = format!("{} {}", name(&path), test["tcId"]);
                let (answer, other) = if encoding == Encoding::P1363 { (fixed, der) } else { (der, fixed) };
                assert!(!other, "{place} verifies in the other encoding");
                match (encoding, test["result"].as_str().unwrap()) {
                    // Among the PSS vectors is one that must fail there because it is of the other padding: ours.
                    (Encoding::Foreign, _) => {
                        let ours = test["comment"] == "PKCS #1 v1.5 signature with SHA-256";
                        assert_eq!(answer, ours, "{place}");
                    }
                    (_, "invalid") => assert!(!answer, "{place}"),
                    // `acceptable`: an encoding without the NULL of PKCS#1, which some verifiers allow.
                    (_, "acceptable") => assert!(!answer, "{place}"),
                    (_, result) => assert!(answer, "{place} {result}"),
                }
                checked += 1;
                verified += usize::from(answer);
            }
        }
    }
    assert!(checked >= 1500 && verified >= 370, "{checked} {verified}");
}
