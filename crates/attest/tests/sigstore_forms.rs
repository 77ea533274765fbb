//! Types that are taken for others, certificates and keys that are not for this, endless data, and what two readers read
//! differently (GHSA-vjxv-45g9-9296, GHSA-88jx-383q-w4qc and their kin).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::case::{Case, ask, log_error, malformed, too_few};
use common::instance::{
    ARTIFACT, Instance, Key, NOW, Signing, authority_params, base64, claim, holder_params, statement,
    trusted_authority,
};
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::sigstore::{
    Artifact, Demands, LogError, Maker, Signed, SigstoreError, Trust, TrustedRoot, Verified, verify,
};
use lockgate_attest::verify::NamedKey;
use lockgate_attest::x509::PathError;
use lockgate_model::{Digest, Timestamp};
use rcgen::{IsCa, KeyUsagePurpose, SanType};
use serde_json::{Value, json};

// 5. Types, and failures to read.

#[test]
fn other_types_and_what_cannot_be_read() {
    let case = Case::new();
    let sign = |payload_type: &str, payload: &[u8]| {
        let mut signing = Signing::new(&case.instance);
        signing.payload = payload.to_vec();
        signing.signature = signing.key.signing.sign(&pae(payload_type, payload)).unwrap();
        let entry = case.instance.log.entry(&signing.body(), NOW);
        let mut bundle = signing.bundle(&[entry], &[]);
        bundle["dsseEnvelope"]["payloadType"] = json!(payload_type);
        ask(&bundle, &case.root, Demands::PUBLIC)
    };
    let right = serde_json::to_vec(&statement()).unwrap();
    assert!(sign(IN_TOTO, &right).is_ok());
    assert!(matches!(sign("application/vnd.in-toto+jsonA", &right), Err(SigstoreError::NotRead(_))));
    assert!(malformed(sign(IN_TOTO, b"not JSON")).contains("expected"));
    let twice =
        String::from_utf8(right.clone()).unwrap().replace("\"subject\"", "\"subject\":[],\"subject\"");
    assert!(malformed(sign(IN_TOTO, twice.as_bytes())).contains("twice"));
    let mut other = statement();
    other["_type"] = json!("https://in-toto.io/Statement/v9");
    assert!(malformed(sign(IN_TOTO, &serde_json::to_vec(&other).unwrap())).contains("not known"));
    let mut nobody = statement();
    nobody["subject"] = json!([]);
    assert_eq!(sign(IN_TOTO, &serde_json::to_vec(&nobody).unwrap()), Err(SigstoreError::OtherArtifact));
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert!(malformed(sign(IN_TOTO, deep.as_bytes())).contains("recursion"));
}

#[test]
fn the_signature_itself() {
    let case = Case::new();
    let with = |signature: Vec<u8>| {
        let mut signing = Signing::new(&case.instance);
        signing.signature = signature;
        let entry = case.instance.log.entry(&signing.body(), NOW);
        ask(&signing.bundle(&[entry], &[]), &case.root, Demands::PUBLIC)
    };
    // Another key's, over the right bytes; and garbage.
    assert_eq!(with(case.signing.signature.clone()), Err(SigstoreError::Signature));
    assert_eq!(with(vec![0; 64]), Err(SigstoreError::Signature));
    // The payload alone, without the type that DSSE signs with it.
    let mut signing = Signing::new(&case.instance);
    signing.signature = signing.key.signing.sign(&signing.payload).unwrap();
    let entry = case.instance.log.entry(&signing.body(), NOW);
    let answer = ask(&signing.bundle(&[entry], &[]), &case.root, Demands::PUBLIC);
    assert_eq!(answer, Err(SigstoreError::Signature));
    // Two signatures: which of them was logged?
    let answer = case.with(|bundle| {
        let one = bundle["dsseEnvelope"]["signatures"][0].clone();
        bundle["dsseEnvelope"]["signatures"] = json!([one, one]);
    });
    assert!(malformed(answer).contains("exactly one"));
}

#[test]
fn another_artifact() {
    let case = Case::new();
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    let signed = Signed::from_bundle(&serde_json::to_vec(&bundle).unwrap()).unwrap();
    let trust = Trust {
        root: Some(&case.root),
        keys: &[],
        without_issuer: None,
        of_certificates: Demands::PUBLIC,
        of_keys: Demands::PUBLIC,
    };
    let as_of = Timestamp::from_unix(NOW + 1);
    let other = Artifact::named(&Digest::of(b"another"));
    assert_eq!(verify(&signed, &other, &trust, as_of), Err(SigstoreError::OtherArtifact));
    assert!(verify(&signed, &Artifact::named(&Digest::of(ARTIFACT)), &trust, as_of).is_ok());
}

// Certificates.

#[test]
fn certificates_that_are_not_for_this() {
    let case = Case::new();
    assert!(case.certified(|_| {}).is_ok());
    let wrong = |answer: Result<Verified, SigstoreError>, words: &str| match answer {
        Err(SigstoreError::Certificate(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    };
    wrong(case.certified(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]), "key usage");
    wrong(case.certified(|params| params.key_usages = vec![]), "key usage");
    wrong(case.certified(|params| params.subject_alt_names.clear()), "0 subjects");
    wrong(
        case.certified(|params| {
            params.subject_alt_names.push(SanType::Rfc822Name("a@acme.example".try_into().unwrap()));
        }),
        "2 subjects",
    );
    wrong(
        case.certified(|params| {
            params.subject_alt_names = vec![SanType::DnsName("acme.example".try_into().unwrap())];
        }),
        "neither",
    );
    wrong(case.certified(|params| params.custom_extensions.clear()), "no issuer");
    wrong(
        case.certified(|params| {
            let oid = [1, 3, 6, 1, 4, 1, 57264, 1, 1];
            let other = rcgen::CustomExtension::from_oid_content(&oid, b"https://other.example".to_vec());
            params.custom_extensions.push(other);
        }),
        "two issuers",
    );
    wrong(case.certified(|params| params.custom_extensions[0] = claim(8, "https://a\n.example")), "control");
    let usage = |answer: Result<Verified, SigstoreError>| match answer {
        Err(SigstoreError::Path(PathError::Usage(_))) => {}
        other => panic!("{other:?}"),
    };
    usage(case.certified(|params| params.extended_key_usages.clear()));
    usage(case.certified(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    }));
    usage(case.certified(|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained)));
    // What is critical and not known.
    let critical = case.certified(|params| {
        let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions.push(unknown);
    });
    assert!(matches!(critical, Err(SigstoreError::Path(PathError::Other(_)))), "{critical:?}");
    // One extension twice.
    let twice = case.certified(|params| params.custom_extensions.push(claim(8, "https://other.example")));
    assert!(malformed(twice).contains("twice"));
}

#[test]
fn a_stranger_s_certificate() {
    let case = Case::new();
    let other = Instance::new();
    let signing = Signing::new(&other);
    let entry = case.instance.log.entry(&signing.body(), NOW);
    let answer = ask(&signing.bundle(&[entry], &[]), &case.root, Demands::PUBLIC);
    assert_eq!(answer, Err(SigstoreError::Path(PathError::UnknownIssuer)));
}

#[test]
fn an_authority_that_may_not_certify() {
    let case = Case::new();
    let mut params = authority_params("between");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let between = case.instance.root.below(params);
    let key = Key::new();
    let certificate = case.instance.certify_by(&between, &between.key.spki(), &holder_params(), &key);
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = key.signing.sign(&pae(IN_TOTO, &payload)).unwrap();
    let signing = Signing { key, certificate, payload, signature };
    let entry = case.instance.log.entry(&signing.body(), NOW);
    let mut document = case.instance.document();
    document["certificateAuthorities"] =
        json!([trusted_authority("f", &[&between.der, &case.instance.root.der])]);
    let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    let answer = ask(&signing.bundle(&[entry], &[]), &root, Demands::PUBLIC);
    assert_eq!(answer, Err(SigstoreError::Path(PathError::UnknownIssuer)));
}

/// Steps to a trusted root may come along with the signer's certificate; they are no roots.
#[test]
fn certificates_that_come_along() {
    let case = Case::new();
    let mut document = case.instance.document();
    document["certificateAuthorities"] = json!([trusted_authority("f", &[&case.instance.root.der])]);
    let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    let with = |chain: &[&[u8]]| {
        let mut bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
        bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
        let material = bundle["verificationMaterial"].as_object_mut().unwrap();
        material.remove("certificate");
        let certificates: Vec<_> = chain.iter().map(|der| json!({"rawBytes": base64(der)})).collect();
        material.insert("x509CertificateChain".to_owned(), json!({"certificates": certificates}));
        ask(&bundle, &root, Demands::PUBLIC)
    };
    let (own, between) = (&case.signing.certificate, &case.instance.between.der);
    assert!(with(&[own, between]).is_ok());
    assert_eq!(with(&[own]), Err(SigstoreError::Path(PathError::UnknownIssuer)));
    let other = Instance::new();
    assert_eq!(with(&[own, &other.between.der]), Err(SigstoreError::Path(PathError::UnknownIssuer)));
    // A whole chain of strangers.
    let stranger = Signing::new(&other);
    let entry = case.instance.log.entry(&stranger.body(), NOW);
    let mut bundle = stranger.bundle(&[entry], &[]);
    bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
    let chain = [&stranger.certificate, &other.between.der, &other.root.der];
    let chain: Vec<_> = chain.iter().map(|der| json!({"rawBytes": base64(der)})).collect();
    bundle["verificationMaterial"]["certificate"] = Value::Null;
    bundle["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": chain});
    let answer = ask(&bundle, &root, Demands::PUBLIC);
    assert_eq!(answer, Err(SigstoreError::Path(PathError::UnknownIssuer)));
    assert!(matches!(
        with(&vec![own.as_slice(); 17]),
        Err(SigstoreError::TooMuch { what: "certificates", .. })
    ));
}

#[test]
fn promises_to_publish_the_certificate() {
    let case = Case::new();
    let resigned = |certificate: Vec<u8>, key: Key| {
        let payload = serde_json::to_vec(&statement()).unwrap();
        let signature = key.signing.sign(&pae(IN_TOTO, &payload)).unwrap();
        let signing = Signing { key, certificate, payload, signature };
        let entry = case.instance.log.entry(&signing.body(), NOW);
        signing.bundle(&[entry], &[])
    };
    // Without any.
    let key = Key::new();
    let bundle = resigned(case.instance.between.issue(&holder_params(), &key), key);
    let none = ask(&bundle, &case.root, Demands::PUBLIC);
    assert_eq!(too_few(none), ("promises to publish the certificate", 0, 1));
    assert!(ask(&bundle, &case.root, Demands { scts: 0, ..Demands::PUBLIC }).is_ok());
    // For another issuer's certificate.
    let key = Key::new();
    let said = case.instance.root.key.spki();
    let certificate = case.instance.certify_by(&case.instance.between, &said, &holder_params(), &key);
    let answer = ask(&resigned(certificate, key), &case.root, Demands::PUBLIC);
    assert!(matches!(answer, Err(SigstoreError::Sct(why)) if why.contains("does not verify")));
    // Of another log: passed over.
    let mut other = case.instance.document();
    other["ctlogs"] = json!([case.instance.log.trusted()]);
    let root = TrustedRoot::from_json(&serde_json::to_vec(&other).unwrap()).unwrap();
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    assert_eq!(too_few(ask(&bundle, &root, Demands::PUBLIC)), ("promises to publish the certificate", 0, 1));
}

// Managed keys.

fn managed(key: &SigningKey, entries: &[Value]) -> Value {
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = key.sign(&pae(IN_TOTO, &payload)).unwrap();
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "whatever"}, "tlogEntries": entries},
        "dsseEnvelope": {
            "payload": base64(&payload), "payloadType": IN_TOTO, "signatures": [{"sig": base64(&signature)}],
        },
    })
}

fn ask_keys(
    bundle: &Value,
    root: Option<&TrustedRoot>,
    keys: &[(&str, &PublicKey)],
    of_keys: Demands,
) -> Result<Verified, SigstoreError> {
    let keys: Vec<_> = keys.iter().map(|(name, key)| NamedKey { name, key }).collect();
    let trust = Trust { root, keys: &keys, without_issuer: None, of_certificates: Demands::PUBLIC, of_keys };
    let signed = Signed::from_bundle(&serde_json::to_vec(bundle).unwrap())?;
    verify(&signed, &Artifact::of(ARTIFACT), &trust, Timestamp::from_unix(NOW + 1))
}

#[test]
fn managed_keys() {
    let case = Case::new();
    let key = SigningKey::generate().unwrap();
    let (public, other) = (key.public(), SigningKey::generate().unwrap().public());
    let bundle = managed(&key, &[]);
    // Alone: no log, no time, no root.
    let verified = ask_keys(&bundle, None, &[("a", &public), ("b", &other)], Demands::KEY_ALONE).unwrap();
    assert_eq!((verified.maker, verified.times.len()), (Maker::Keys(vec!["a".to_owned()]), 0));
    assert_eq!(ask_keys(&bundle, None, &[("b", &other)], Demands::KEY_ALONE), Err(SigstoreError::NoKey));
    assert_eq!(ask_keys(&bundle, None, &[], Demands::KEY_ALONE), Err(SigstoreError::NoKey));
    let logged = Demands { logs: 1, times: 1, ..Demands::KEY_ALONE };
    let answer = ask_keys(&bundle, Some(&case.root), &[("a", &public)], logged);
    assert_eq!(too_few(answer), ("transparency logs", 0, 1));
    // In a log: the entry must name the same key.
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = data_encoding::BASE64
        .decode(bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap().as_bytes());
    let signing = Signing { key: Key::new(), certificate: vec![], payload, signature: signature.unwrap() };
    let entry_of = |pem: &str| case.instance.log.entry(&signing.body_held_by(pem.as_bytes()), NOW);
    let with = |entry: Value| {
        let mut bundle = bundle.clone();
        bundle["verificationMaterial"]["tlogEntries"] = json!([entry]);
        ask_keys(&bundle, Some(&case.root), &[("a", &public)], logged)
    };
    assert_eq!(with(entry_of(&public.to_pem())).unwrap().existed_by(), Some(Timestamp::from_unix(NOW)));
    assert_eq!(log_error(with(entry_of(&other.to_pem()))), LogError::Unrelated("key"));
    assert_eq!(log_error(with(entry_of(&case.signing.pem()))), LogError::Unrelated("key"));
}

#[test]
fn a_certificate_is_no_managed_key() {
    let case = Case::new();
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    let public = case.signing.key.signing.public();
    let answer = ask_keys(&bundle, None, &[("a", &public)], Demands::KEY_ALONE);
    assert!(matches!(answer, Err(SigstoreError::Certificate(why)) if why.contains("no trusted root")));
    // Both at once: which of them counts?
    let answer = case.with(|bundle| bundle["verificationMaterial"]["publicKey"] = json!({"hint": "x"}));
    assert!(malformed(answer).contains("more than one"));
}

// 8. Endless data, and 15. what two readers read differently.

#[test]
fn endless_data() {
    let case = Case::new();
    let entries = vec![case.entry.clone(); 33];
    let answer = ask(&case.signing.bundle(&entries, &[]), &case.root, Demands::PUBLIC);
    assert_eq!(answer, Err(SigstoreError::TooMuch { what: "log entries", actual: 33, limit: 32 }));
    assert!(ask(&case.signing.bundle(&entries[..32], &[]), &case.root, Demands::PUBLIC).is_ok());
    let stamps = vec![vec![0]; 33];
    let answer = ask(&case.signing.bundle(&[], &stamps), &case.root, Demands::PUBLIC);
    assert_eq!(answer, Err(SigstoreError::TooMuch { what: "timestamps", actual: 33, limit: 32 }));
    let large = case.stamped(vec![0x30; (128 << 10) + 1]).unwrap();
    assert!(large.unread.iter().any(|why| why.contains("at most 131072")));
    let answer = case.with(|bundle| {
        bundle["verificationMaterial"]["certificate"]["rawBytes"] =
            json!(base64(&vec![0x30; (64 << 10) + 1]));
    });
    assert!(malformed(answer).contains("at most 65536"));
    let answer = case.with(|bundle| {
        let body = base64(&vec![b' '; (4 << 20) + 1]);
        bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"] = json!(body);
    });
    assert!(matches!(answer, Err(SigstoreError::TooMuch { what: "bytes of a log entry", .. })));
    let huge = Signed::from_bundle(&vec![b' '; (32 << 20) + 1]);
    assert!(matches!(huge, Err(SigstoreError::Malformed(why)) if why.contains("33554432")));
}

#[test]
fn what_two_readers_read_differently() {
    let case = Case::new();
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    let text = bundle.to_string();
    let read = |text: &str| Signed::from_bundle(text.as_bytes());
    assert!(read(&text).is_ok());
    let twice = text.replacen("\"payloadType\"", "\"payloadType\":\"x\",\"payloadType\"", 1);
    assert!(matches!(read(&twice), Err(SigstoreError::Malformed(why)) if why.contains("twice")));
    // Base64 in other spellings: for URLs, without padding, with unused bits set.
    let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
    for other in [
        signature.replace('+', "-").replace('/', "_") + "-",
        signature.trim_end_matches('=').to_owned() + " ",
        signature.to_owned() + "\n",
    ] {
        let answer = case.with(|bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(other));
        assert!(malformed(answer).contains("base64"));
    }
    // Numbers that are none, or too large for others.
    for number in [json!("-1"), json!(-1), json!("1e3"), json!("9223372036854775808"), json!("+1"), json!("")]
    {
        let answer =
            case.with(|bundle| bundle["verificationMaterial"]["tlogEntries"][0]["logIndex"] = number);
        assert!(malformed(answer).contains("number"));
    }
    let answer =
        case.with(|bundle| bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.9+json"));
    assert!(matches!(answer, Err(SigstoreError::NotRead(_))));
}
