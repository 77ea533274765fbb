//! What services are asked while signing without a key, and what they answer: whatever they say, nothing panics, and what is
//! not what was asked for is refused with words. The services themselves are in `lockgate`'s tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::instance::{Instance, Key, NOW, Signing, base64, holder_params, sha256};
use lockgate_attest::dsse::{Envelope, IN_TOTO};
use lockgate_attest::keyless::{Evidence, IdentityToken, KeylessError, fulcio, rekor, tsa};
use lockgate_attest::sigstore::Signed;
use lockgate_attest::x509::Certificate;
use lockgate_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn why<T: std::fmt::Debug>(answer: Result<T, KeylessError>) -> String {
    answer.unwrap_err().to_string()
}

fn fulcio_answer(chain: &Value) -> Vec<u8> {
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}).to_string().into_bytes()
}

#[test]
fn certificates_are_for_the_key_that_asked() {
    let instance = Instance::new();
    let key = Key::new();
    let pem = |der: &[u8]| Certificate::from_der(der).unwrap().to_pem();
    let own = pem(&instance.certify(&holder_params(), &key));
    let read = |chain: Value| fulcio::answer(&fulcio_answer(&chain), &key.signing);
    assert!(read(json!([own, pem(&instance.between.der)])).is_ok());
    assert!(why(read(json!([pem(&instance.between.der), own]))).contains("another key"));
    assert!(why(read(json!([]))).contains("no certificate"));
    assert!(why(read(json!([format!("{own}{own}")]))).contains("more than one"));
    assert!(why(read(json!(["nothing"]))).contains("PEM"));
    let detached = json!({"signedCertificateDetachedSct": {"chain": {"certificates": [own]}}}).to_string();
    assert!(why(fulcio::answer(detached.as_bytes(), &key.signing)).contains("not in the certificate"));
    assert!(why(fulcio::answer(b"{}", &key.signing)).contains("no certificate"));
}

#[test]
fn the_key_signs_the_token_s_subject() {
    let claims = data_encoding::BASE64URL_NOPAD.encode(br#"{"iss":"i","sub":"who","exp":2}"#);
    let token = IdentityToken::read(format!("e30.{claims}.AA").as_bytes(), Timestamp::from_unix(1)).unwrap();
    let key = Key::new();
    let asked: Value = serde_json::from_slice(&fulcio::request(&token, &key.signing).unwrap()).unwrap();
    assert_eq!(asked["credentials"]["oidcIdentityToken"], token.text());
    let asked = &asked["publicKeyRequest"];
    assert_eq!(asked["publicKey"]["content"], key.signing.public().to_pem());
    let proof = asked["proofOfPossession"].as_str().unwrap().as_bytes();
    assert!(key.signing.public().verify(b"who", &data_encoding::BASE64.decode(proof).unwrap()));
}

/// An answer of Rekor about `body`.
fn rekor_answer(body: &Value) -> Value {
    json!({"24296fb24b8ad77a": {
        "body": base64(body.to_string().as_bytes()), "integratedTime": NOW, "logID": "c0d2", "logIndex": 5,
        "verification": {"signedEntryTimestamp": "AAAA", "inclusionProof": {
            "checkpoint": "c", "hashes": ["aa"], "logIndex": 5, "rootHash": "bb", "treeSize": 6,
        }},
    }})
}

#[test]
fn a_log_s_answer_becomes_the_bundle_s_entry() {
    let instance = Instance::new();
    let signing = Signing::new(&instance);
    let envelope = Envelope::sign(IN_TOTO, &signing.payload, &signing.key.signing).unwrap();
    let answer = rekor_answer(&signing.body());
    let entry = rekor::answer(answer.to_string().as_bytes()).unwrap();
    let certificate = signing.holder();
    let evidence = Evidence { envelope, certificate, entries: vec![entry], stamps: vec![vec![1, 2, 3]] };
    let signed = Signed::from_bundle(&evidence.bundle().unwrap());
    // Hashes of one byte are no hashes; that is seen when the bundle is read.
    assert!(signed.unwrap_err().to_string().contains("32 bytes"));
    let bundle: Value = serde_json::from_slice(&evidence.bundle().unwrap()).unwrap();
    let material = &bundle["verificationMaterial"];
    let written = &material["tlogEntries"][0];
    assert_eq!(written["logId"]["keyId"], "wNI=");
    assert_eq!(written["kindVersion"], json!({"kind": "dsse", "version": "0.0.1"}));
    assert_eq!(written["inclusionProof"]["treeSize"], "6");
    assert_eq!(material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"], "AQID");
}

#[test]
fn answers_of_a_log_that_are_none() {
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse"});
    let with = |change: &dyn Fn(&mut Value)| {
        let mut answer = rekor_answer(&body);
        change(&mut answer);
        why(rekor::answer(answer.to_string().as_bytes()))
    };
    assert!(with(&|answer| *answer = json!({})).contains("one entry"));
    assert!(with(&|answer| answer["other"] = answer["24296fb24b8ad77a"].clone()).contains("one entry"));
    let entry = |answer: &mut Value, name: &str, value: Value| answer["24296fb24b8ad77a"][name] = value;
    assert!(with(&|answer| entry(answer, "body", json!("?"))).contains("base64"));
    assert!(with(&|answer| entry(answer, "body", json!("e30="))).contains("apiVersion"));
    assert!(with(&|answer| entry(answer, "logID", json!("C0"))).contains("hex"));
    assert!(with(&|answer| entry(answer, "logIndex", json!(-1))).contains("-1"));
    assert!(with(&|answer| entry(answer, "verification", json!({}))).contains("inclusionProof"));
}

#[test]
fn only_the_log_s_own_entries_are_fetched() {
    let id = "24296fb24b8ad77a".repeat(5);
    let own = format!("/api/v1/log/entries/{id}");
    assert_eq!(rekor::existing(&own), Some(own.clone()));
    assert_eq!(
        rekor::existing(&format!("https://other.example{own}")),
        Some(own.clone()),
        "the path alone counts"
    );
    for other in [
        "",
        "/",
        "/api/v1/log/entries/",
        "/api/v1/log/entries/ab",
        &format!("{own}?x"),
        &format!("{own}/.."),
        &own[1..20],
    ] {
        assert_eq!(rekor::existing(other), None, "{other}");
    }
}

#[test]
fn timestamps_are_asked_for_in_der() {
    for certificates in [false, true] {
        let asked = tsa::request(b"signature", certificates);
        let read = <der::Any as der::Decode>::from_der(&asked).unwrap();
        assert_eq!(der::Encode::to_der(&read).unwrap(), asked);
        assert!(asked.windows(32).any(|window| window == sha256(b"signature")));
        assert_eq!(asked.ends_with(&[1, 1, 0xff]), certificates);
    }
    let refused = [0x30, 5, 0x30, 3, 2, 1, 2];
    assert!(why(tsa::answer(refused.to_vec())).contains("did not grant"));
    let instance = Instance::new();
    let granted = instance.stamping().token(b"signature");
    assert!(tsa::answer(granted.clone()).is_ok());
    // Granted with modifications.
    let mut modified = granted;
    modified[8] = 1;
    assert!(why(tsa::answer(modified)).contains("status 1"));
}

proptest! {
    #[test]
    fn no_answer_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let key = Key::new();
        prop_assert!(fulcio::answer(&bytes, &key.signing).is_err());
        prop_assert!(rekor::answer(&bytes).is_err());
        prop_assert!(tsa::answer(bytes.clone()).is_err());
        prop_assert!(IdentityToken::read(&bytes, Timestamp::from_unix(0)).is_err());
    }

    #[test]
    fn no_bent_answer_is_a_panic(place in 0usize..500, byte in any::<u8>()) {
        let mut bytes = rekor_answer(&json!({"apiVersion": "0.0.1", "kind": "dsse"})).to_string().into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        let _read = rekor::answer(&bytes);
    }
}
