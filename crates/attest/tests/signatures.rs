//! What counts as a signature, and what does not: each check has a case that passes only while the check is there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL};
use lockgate_attest::dsse::{Envelope, IN_TOTO};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_attest::verify::{Believed, Carried, Examined, Form, NamedKey, Refusal, Speaks, examine};
use lockgate_attest::write::{
    Attachable, WriteError, cosign_bundle, cosign_legacy_attestation, cosign_legacy_signature,
    cosign_signature_statement,
};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Timestamp, limits};
use proptest::prelude::*;
use serde_json::{Value, json};

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

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

    fn evidence(&self) -> Evidence {
        Evidence {
            subject: self.subject,
            attachment: self.attachment,
            manifest: Descriptor::of(media::OCI_MANIFEST, &self.manifest),
            blobs: self.blobs.iter().map(|blob| Digest::of(blob)).collect(),
        }
    }

    fn examine_by(&self, keys: &[NamedKey<'_>]) -> Vec<Examined> {
        let blobs = self.blobs.iter().map(Vec::as_slice).collect();
        examine(
            &Carried { evidence: &self.evidence(), manifest: &self.manifest, blobs },
            &Believed::keys(keys),
        )
    }

    fn examine(&self, key: &SigningKey) -> Vec<Examined> {
        self.examine_by(&[NamedKey { name: "build", key: &key.public() }])
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

    /// The same with the JSON of the manifest changed.
    fn with_manifest(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut value: Value = serde_json::from_slice(&self.manifest).unwrap();
        change(&mut value);
        Self { manifest: serde_json::to_vec(&value).unwrap(), ..self.clone() }
    }

    /// The same with its layer `count` times.
    fn repeated(&self, count: usize) -> Self {
        let piece = self.with_manifest(|value| {
            let layer = value["layers"][0].clone();
            value["layers"] = json!(vec![layer; count]);
        });
        Self { blobs: vec![self.blobs[0].clone(); count], ..piece }
    }

    /// Why its first layer does not count.
    fn refusal(&self, key: &SigningKey) -> Refusal {
        assert!(!self.signed(key));
        self.examine(key)[0].refusal.clone().unwrap()
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

/// The `.sig` tag with any payload, rightly signed.
fn legacy_of(key: &SigningKey, payload: &[u8]) -> Piece {
    let signature = BASE64.encode(&key.sign(payload).unwrap());
    legacy(key).with_blob(payload.to_vec()).with_manifest(|value| {
        value["layers"][0]["annotations"][SIGNATURE] = json!(signature);
    })
}

fn attestation(key: &SigningKey) -> Piece {
    let statement = Statement::about(&artifact(), "https://example.com/p", json!({"a": 1}));
    let made = cosign_legacy_attestation(None, &artifact(), key, &statement).unwrap();
    Piece::of(made, Attachment::AttestationTag)
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
    let text = String::from_utf8(legacy(&key).blobs[0].clone()).unwrap();
    let wrong = text.replace("cosign container image signature", "atomic container signature");
    assert!(legacy_of(&key, text.as_bytes()).signed(&key));
    assert!(matches!(legacy_of(&key, wrong.as_bytes()).refusal(&key), Refusal::OtherSubject(_)));
    // What one form signs is no signature in the other.
    let envelope = attestation(&key).blobs[0].clone();
    let as_envelope = |value: &mut Value| value["layers"][0]["mediaType"] = json!(media::DSSE);
    let as_payload = |value: &mut Value| value["layers"][0]["mediaType"] = json!(media::SIMPLE_SIGNING);
    let as_image = |value: &mut Value| value["layers"][0]["mediaType"] = json!(media::OCI_LAYER_GZIP);
    assert!(matches!(legacy(&key).with_manifest(as_envelope).refusal(&key), Refusal::Malformed(_)));
    assert!(!legacy_of(&key, &envelope).with_manifest(as_payload).signed(&key));
    assert!(!bundle(&key).with_manifest(as_payload).signed(&key));
    let other = legacy(&key).with_manifest(as_image);
    assert!(matches!(other.refusal(&key), Refusal::NotRead(_)));
    assert_eq!(other.examine(&key)[0].form, Form::Other);
}

#[test]
fn simple_signing_payloads_are_read_strictly() {
    let key = SigningKey::generate().unwrap();
    let good: Value = serde_json::from_slice(&legacy(&key).blobs[0]).unwrap();
    let signed = |payload: &Value| legacy_of(&key, &serde_json::to_vec(payload).unwrap()).signed(&key);
    let with = |place: &str, new: Value| {
        let mut payload = good.clone();
        *payload.pointer_mut(place).unwrap() = new;
        payload
    };
    assert!(signed(&good) && signed(&with("/optional", json!({"who": "ci"}))));
    let digest = "/critical/image/docker-manifest-digest";
    let hex = artifact().digest.hex();
    for wrong in
        [hex.clone(), format!("sha512:{hex}"), format!("sha256:{}", hex.to_uppercase()), String::new()]
    {
        assert!(!signed(&with(digest, json!(wrong))), "{wrong}");
    }
    for part in ["/critical", "/critical/image", "/critical/type", digest] {
        assert!(!signed(&with(part, json!(null))), "{part}");
    }
    let text = String::from_utf8(legacy(&key).blobs[0].clone()).unwrap();
    let twice = text.replace("\"critical\":", "\"critical\":{},\"critical\":");
    assert!(!legacy_of(&key, twice.as_bytes()).signed(&key));
    assert!(!legacy_of(&key, format!("{text}{text}").as_bytes()).signed(&key));
    let long = with("/optional", json!("x".repeat(1 << 20)));
    assert!(!signed(&long));
}

#[test]
fn signatures_in_another_spelling_do_not_count() {
    let key = SigningKey::generate().unwrap();
    let text = |piece: &Piece| -> String {
        let manifest: Value = serde_json::from_slice(&piece.manifest).unwrap();
        manifest["layers"][0]["annotations"][SIGNATURE].as_str().unwrap().to_owned()
    };
    // One whose spellings differ: with padding, and with a character that has another form in URLs.
    let spelled = |piece: &Piece| text(piece).ends_with('=') && text(piece).contains(['+', '/']);
    let piece = std::iter::repeat_with(|| legacy(&key)).find(spelled).unwrap();
    let text = text(&piece);
    let raw = BASE64.decode(text.as_bytes()).unwrap();
    let with = |text: Value| piece.with_manifest(|value| value["layers"][0]["annotations"][SIGNATURE] = text);
    assert!(with(json!(text)).signed(&key));
    // Line ends do not count, see `real_forms.rs`.
    assert!(with(json!(format!("{text}\n"))).signed(&key));
    for wrong in [
        format!("{text} "),
        format!("{text}{text}"),
        format!(" {text}"),
        BASE64URL.encode(&raw),
        BASE64.encode(&[&raw[..], b"\0"].concat()),
        BASE64_NOPAD.encode(&raw),
        String::new(),
    ] {
        assert!(!with(json!(wrong)).signed(&key), "{wrong}");
    }
    let none = piece.with_manifest(|value| value["layers"][0]["annotations"] = json!({}));
    assert!(matches!(none.refusal(&key), Refusal::Malformed(_)));
    // The same numbers, not in DER: an encoding is not guessed.
    let fixed = BASE64.encode(&p1363(&raw));
    assert!(matches!(with(json!(fixed)).refusal(&key), Refusal::NoKey));
}

/// The two numbers of a DER signature in a row.
fn p1363(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(der[at + 1]);
        let bytes = &der[at + 2..at + 2 + length];
        let bytes = if length > 32 { &bytes[1..] } else { bytes };
        ([vec![0; 32 - bytes.len()], bytes.to_vec()].concat(), at + 2 + length)
    };
    let (r, next) = number(2);
    [r, number(next).0].concat()
}

#[test]
fn bundles_that_are_not_read_are_refused_with_words() {
    let key = SigningKey::generate().unwrap();
    let said = |piece: &Piece| piece.examine(&key)[0].refusal.clone().unwrap().to_string();
    let certificate =
        |value: &mut Value| value["verificationMaterial"] = json!({"certificate": {"rawBytes": "AA=="}});
    assert!(said(&bundle(&key).with_json(certificate)).contains("keyless"));
    let both = |value: &mut Value| value["verificationMaterial"]["certificate"] = json!({"rawBytes": "AA=="});
    assert!(said(&bundle(&key).with_json(both)).contains("keyless"));
    let chain = |value: &mut Value| {
        value["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": []});
    };
    assert!(said(&bundle(&key).with_json(chain)).contains("keyless"));
    let neither = |value: &mut Value| value["verificationMaterial"] = json!({});
    assert!(said(&bundle(&key).with_json(neither)).contains("neither"));
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

/// The bundle with its signature `count` times.
fn with_signatures(key: &SigningKey, count: usize) -> Piece {
    bundle(key).with_json(|value| {
        let one = value["dsseEnvelope"]["signatures"][0].clone();
        value["dsseEnvelope"]["signatures"] = json!(vec![one; count]);
    })
}

#[test]
fn numbers_of_signatures_are_capped() {
    const LIMIT: usize = limits::SIGNATURES_PER_EVIDENCE;
    let key = SigningKey::generate().unwrap();
    assert!(with_signatures(&key, LIMIT).signed(&key));
    assert!(matches!(with_signatures(&key, LIMIT + 1).refusal(&key), Refusal::Malformed(_)));
    assert!(matches!(with_signatures(&key, 0).refusal(&key), Refusal::Malformed(_)));
    // The cap holds for all layers together: what comes after it is said not to be read.
    let answers = with_signatures(&key, LIMIT / 2).repeated(3).examine(&key);
    assert_eq!((answers[0].by.len(), answers[1].by.len()), (1, 1));
    assert!(matches!(&answers[2].refusal, Some(Refusal::NotRead(why)) if why.contains("signatures")));
    assert!(answers[2].by.is_empty());
    let answers = legacy(&key).repeated(LIMIT + 1).examine(&key);
    assert_eq!((answers.len(), answers.iter().filter(|one| one.by == ["build"]).count()), (LIMIT + 1, LIMIT));
    assert!(matches!(&answers[LIMIT].refusal, Some(Refusal::NotRead(why)) if why.contains("layers")));
}

#[test]
fn a_full_tag_takes_no_more() {
    let key = SigningKey::generate().unwrap();
    let manifest = |count: usize| -> Manifest {
        serde_json::from_slice(&legacy(&key).repeated(count).manifest).unwrap()
    };
    let write = |count: usize| {
        cosign_legacy_signature(Some(&manifest(count)), "example.com/web", &artifact(), &key).map(drop)
    };
    assert!(write(limits::SIGNATURES_PER_EVIDENCE - 1).is_ok());
    assert!(matches!(write(limits::SIGNATURES_PER_EVIDENCE), Err(WriteError::Full { .. })));
}

#[test]
fn two_signatures_of_one_key_are_one_maker() {
    let (one, two) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let signature = |key: &SigningKey| {
        let value: Value = serde_json::from_slice(&bundle(key).blobs[0]).unwrap();
        value["dsseEnvelope"]["signatures"][0].clone()
    };
    let signed = |by: [&SigningKey; 2]| {
        let piece = bundle(&one).with_json(|value| {
            value["dsseEnvelope"]["signatures"] = json!([signature(by[0]), signature(by[1])]);
        });
        let (first, second) = (one.public(), two.public());
        let keys = [NamedKey { name: "two", key: &second }, NamedKey { name: "one", key: &first }];
        piece.examine_by(&keys).remove(0).by
    };
    assert_eq!(signed([&one, &one]), ["one"]);
    assert_eq!(signed([&two, &one]), ["one", "two"]);
    // A signature that is wrong does not spoil the one beside it, and does not count.
    assert_eq!(signed([&two, &SigningKey::generate().unwrap()]), ["two"]);
}

#[test]
fn what_carries_it_must_be_what_was_named() {
    let key = SigningKey::generate().unwrap();
    for piece in [bundle(&key), legacy(&key)] {
        // The manifest's bytes are not those that were named.
        let public = key.public();
        let keys = [NamedKey { name: "build", key: &public }];
        let evidence = Evidence {
            manifest: Descriptor::of(media::OCI_MANIFEST, b"another manifest"),
            ..piece.evidence()
        };
        let blobs = piece.blobs.iter().map(Vec::as_slice).collect();
        let carried = Carried { evidence: &evidence, manifest: &piece.manifest, blobs };
        let answers = examine(&carried, &Believed::keys(&keys));
        assert!(matches!(&answers[..], [one] if matches!(one.refusal, Some(Refusal::Malformed(_)))));
        // More or fewer blobs than layers, or others.
        let none = Piece { blobs: vec![], ..piece.clone() };
        assert!(matches!(none.refusal(&key), Refusal::NotRead(_)));
        let more = Piece { blobs: vec![piece.blobs[0].clone(); 2], ..piece.clone() };
        assert!(matches!(more.refusal(&key), Refusal::NotRead(_)));
        let other = Piece { blobs: vec![b"{}".to_vec()], ..piece.clone() };
        assert!(matches!(other.refusal(&key), Refusal::Malformed(_)));
    }
    // An index carries nothing that is read.
    let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": []}).to_string();
    let manifest = Descriptor::of(media::OCI_INDEX, index.as_bytes());
    let evidence = Evidence { manifest, ..legacy(&key).evidence() };
    let answers = examine(
        &Carried { evidence: &evidence, manifest: index.as_bytes(), blobs: vec![] },
        &Believed::keys(&[]),
    );
    assert!(matches!(answers[0].refusal, Some(Refusal::NotRead(_))));
}

#[test]
fn statements_are_believed_only_when_they_verify() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let piece = attestation(&key);
    assert_eq!(piece.examine(&key)[0].statement.as_ref().unwrap().predicate, json!({"a": 1}));
    assert_eq!(piece.examine(&other)[0].statement, None);
    // Both versions that are in use, and no other.
    for (kind, read) in [
        ("https://in-toto.io/Statement/v1", true),
        ("https://in-toto.io/Statement/v0.1", true),
        ("https://in-toto.io/Statement/v2", false),
    ] {
        let mut statement = serde_json::to_value(cosign_signature_statement(&artifact())).unwrap();
        statement["_type"] = json!(kind);
        assert_eq!(bundle_of(&key, IN_TOTO, &statement).signed(&key), read, "{kind}");
    }
    // One subject of several is enough, as in cosign; none is not.
    let mut statement = serde_json::to_value(cosign_signature_statement(&artifact())).unwrap();
    let first = json!({"digest": {"sha256": Digest::of(b"x").hex()}});
    statement["subject"].as_array_mut().unwrap().insert(0, first);
    assert!(bundle_of(&key, IN_TOTO, &statement).signed(&key));
    statement["subject"] = json!([]);
    assert!(!bundle_of(&key, IN_TOTO, &statement).signed(&key));
}

#[test]
fn duplicate_keys_and_other_encodings_are_refused() {
    let key = SigningKey::generate().unwrap();
    let piece = bundle(&key);
    let text = String::from_utf8(piece.blobs[0].clone()).unwrap();
    let twice = text.replacen("\"payloadType\":", "\"payloadType\":\"x\",\"payloadType\":", 1);
    assert!(!piece.with_blob(twice.into_bytes()).signed(&key));
    // Where only a strict reader looks: in parts that are passed over, or read as any value.
    let twice = text.replacen('{', "{\"x\":1,\"x\":2,", 1);
    assert!(matches!(piece.with_blob(twice.into_bytes()).refusal(&key), Refusal::Malformed(_)));
    let statement = serde_json::to_string(&cosign_signature_statement(&artifact())).unwrap();
    let signed = |statement: &str| {
        let envelope = Envelope::sign(IN_TOTO, statement.as_bytes(), &key).unwrap();
        bundle(&key)
            .with_json(|value| value["dsseEnvelope"] = serde_json::to_value(envelope).unwrap())
            .signed(&key)
    };
    assert!(signed(&statement) && signed(&statement.replace("{}}", "{\"x\":1}}")));
    assert!(!signed(&statement.replace("{}}", "{\"x\":1,\"x\":1}}")));
    let payload = String::from_utf8(legacy(&key).blobs[0].clone()).unwrap();
    assert!(legacy_of(&key, payload.replace("null", "{\"x\":1}").as_bytes()).signed(&key));
    assert!(!legacy_of(&key, payload.replace("null", "{\"x\":1,\"x\":1}").as_bytes()).signed(&key));
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

/// Every bit of the layer flipped, one at a time, with a manifest made to fit: the places where the flip did not
/// take the signature away.
fn unprotected(piece: &Piece, key: &SigningKey) -> Vec<usize> {
    let counts = |piece: &Piece| piece.examine(key).iter().any(|one| one.by == ["build"]);
    assert!(counts(piece));
    let blob = &piece.blobs[0];
    let flips = (0..blob.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let mut places: Vec<_> = flips
        .filter(|(at, bit)| {
            let mut blob = blob.clone();
            blob[*at] ^= 1 << bit;
            // Without a manifest that fits, nothing counts at all.
            assert!(!counts(&Piece { blobs: vec![blob.clone()], ..piece.clone() }), "byte {at}, bit {bit}");
            counts(&piece.with_blob(blob))
        })
        .map(|(at, _)| at)
        .collect();
    places.dedup();
    places
}

#[test]
fn a_flipped_bit_never_makes_a_signature() {
    let key = SigningKey::generate().unwrap();
    assert_eq!(unprotected(&legacy(&key), &key), [0; 0]);
    assert_eq!(unprotected(&attestation(&key), &key), [0; 0]);
    // In a bundle, only what is no part of the signed bytes may differ: the hint and its name.
    let piece = bundle(&key);
    let text = String::from_utf8(piece.blobs[0].clone()).unwrap();
    let hint = key.public().hint();
    let start = text.find(&hint).unwrap();
    let name = start - "hint\":\"".len();
    let allowed: Vec<_> = (name..start - "\":\"".len()).chain(start..start + hint.len()).collect();
    let places = unprotected(&piece, &key);
    assert!(places.iter().all(|at| allowed.contains(at)), "{places:?}");
    assert!(!places.is_empty());
}

#[test]
fn a_flipped_bit_in_the_annotation_never_makes_a_signature() {
    let key = SigningKey::generate().unwrap();
    let piece = legacy(&key);
    let text = String::from_utf8(piece.manifest.clone()).unwrap();
    let start = text.find(SIGNATURE).unwrap();
    let end = start + text[start..].find("\"}").unwrap();
    for at in start..end {
        for bit in 0..8 {
            let mut manifest = piece.manifest.clone();
            manifest[at] ^= 1 << bit;
            assert!(!Piece { manifest, ..piece.clone() }.signed(&key), "byte {at}, bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_read_without_panic(blob in prop::collection::vec(any::<u8>(), 0..300), form in 0..3usize) {
        let key = SigningKey::generate().unwrap();
        let piece = [legacy(&key), attestation(&key), bundle(&key)][form].clone();
        prop_assert!(!piece.with_blob(blob.clone()).signed(&key));
        let other = Piece { manifest: blob, ..piece };
        prop_assert!(!other.signed(&key));
    }
}
