//! Logs: entries that are about something else, promises without proofs, one log that counts for two
//! (GHSA-whqx-f9j3-ch6m, GHSA-8gw7-4j42-w388, GHSA-9vcr-p3rj-q5q6 and their kin). Each case passes only while its check
//! is there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::case::{Case, ask, log_error, malformed, too_few};
use common::instance::{NOW, Signing, base64, leaf, note};
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::sigstore::{Claim, Demands, LogError, Maker, SigstoreError};
use lockgate_model::Timestamp;
use serde_json::{Value, json};

#[test]
fn what_is_right_verifies() {
    let case = Case::new();
    let verified = case.with(|_| {}).unwrap();
    let Maker::Holder(identity) = &verified.maker else { panic!() };
    assert_eq!(identity.claims[&Claim::Repository], "https://github.com/acme/web");
    assert_eq!(identity.claims[&Claim::Trigger], "push");
    assert_eq!(verified.existed_by(), Some(Timestamp::from_unix(NOW)));
    assert!(verified.logged[0].included);
    // With a timestamp besides: two sources of time.
    let demands = Demands { times: 2, stamps: 1, ..Demands::PUBLIC };
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[stamp]);
    assert_eq!(ask(&bundle, &case.root, demands).unwrap().times.len(), 2);
}

// 1. A log's entry that is not about this signature.

#[test]
fn an_entry_about_another_signature() {
    let case = Case::new();
    let again = case.signing.key.signing.sign(&pae(IN_TOTO, &case.signing.payload)).unwrap();
    let mut body = case.signing.body();
    body["spec"]["signatures"][0]["signature"] = json!(base64(&again));
    let entry = case.instance.log.entry(&body, NOW);
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Unrelated("signature"));
}

#[test]
fn an_entry_of_another_certificate() {
    let case = Case::new();
    let other = Signing::new(&case.instance);
    let entry = case.instance.log.entry(&case.signing.body_held_by(other.pem().as_bytes()), NOW);
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Unrelated("certificate"));
    let entry = case
        .instance
        .log
        .entry(&case.signing.body_held_by(other.key.signing.public().to_pem().as_bytes()), NOW);
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Unrelated("certificate"));
}

#[test]
fn an_entry_about_another_payload() {
    let case = Case::new();
    let mut body = case.signing.body();
    body["spec"]["payloadHash"]["value"] = json!("00".repeat(32));
    let entry = case.instance.log.entry(&body, NOW);
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Unrelated("payload"));
    let mut body = case.signing.body();
    let one = body["spec"]["signatures"][0].clone();
    body["spec"]["signatures"] = json!([one, one]);
    let entry = case.instance.log.entry(&body, NOW);
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Unrelated("number of signatures"));
}

#[test]
fn an_entry_whose_kind_is_another_than_its_body_says() {
    let case = Case::new();
    let answer = case.with(|bundle| {
        bundle["verificationMaterial"]["tlogEntries"][0]["kindVersion"] =
            json!({"kind": "intoto", "version": "0.0.2"});
    });
    assert!(matches!(log_error(answer), LogError::MalformedBody(why) if why.contains("kind")));
    let mut body = case.signing.body();
    body["kind"] = json!("rpm");
    let entry = case.instance.log.entry(&body, NOW);
    assert!(matches!(log_error(case.with_entry(&entry)), LogError::Kind(_)));
}

#[test]
fn the_second_generations_entries_are_bound_alike() {
    let case = Case::new();
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let ask = |body: &Value| {
        let entry = case.instance.tiles.entry(body);
        ask(&case.signing.bundle(&[entry], std::slice::from_ref(&stamp)), &case.root, Demands::PUBLIC)
    };
    let right = case.signing.second_body();
    assert_eq!(ask(&right).unwrap().logged[0].log, "tiles.example");
    let place = "hashedRekordV002";
    let mut other = right.clone();
    other["spec"][place]["data"]["digest"] = json!(base64(&[0; 32]));
    assert_eq!(log_error(ask(&other)), LogError::Unrelated("content"));
    let mut other = right.clone();
    other["spec"][place]["signature"]["content"] = json!(base64(b"another"));
    assert_eq!(log_error(ask(&other)), LogError::Unrelated("signature"));
    let mut other = right.clone();
    let stranger = Signing::new(&case.instance).certificate;
    other["spec"][place]["signature"]["verifier"]["x509Certificate"]["rawBytes"] = json!(base64(&stranger));
    assert_eq!(log_error(ask(&other)), LogError::Unrelated("certificate"));
    let mut other = right;
    other["spec"][place]["signature"]["verifier"] =
        json!({"publicKey": {"rawBytes": base64(&case.signing.key.spki())}});
    assert_eq!(log_error(ask(&other)), LogError::Unrelated("kind of key"));
}

// 2. Promises without proofs, and one log that counts for two.

#[test]
fn a_promise_is_no_proof() {
    let case = Case::new();
    let answer = case.with(|bundle| {
        bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof");
    });
    assert!(malformed(answer).contains("no inclusion proof"));
    // In the first version, a promise alone is well formed; it counts only for those who say so.
    let mut first = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    first["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
    first["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof");
    assert_eq!(too_few(ask(&first, &case.root, Demands::PUBLIC)), ("transparency logs", 0, 1));
    let promised = ask(&first, &case.root, Demands { promises: true, ..Demands::PUBLIC }).unwrap();
    assert!(!promised.logged[0].included);
}

#[test]
fn one_log_is_one_log() {
    let case = Case::new();
    let two = Demands { logs: 2, ..Demands::PUBLIC };
    let again = case.instance.log.entry(&case.signing.body(), NOW + 1);
    let bundle = case.signing.bundle(&[case.entry.clone(), again], &[]);
    assert_eq!(too_few(ask(&bundle, &case.root, two)), ("transparency logs", 1, 2));
    let times = Demands { times: 2, ..Demands::PUBLIC };
    assert_eq!(too_few(ask(&bundle, &case.root, times)), ("sources of time", 1, 2));
    let other = case.instance.second_log.entry(&case.signing.body(), NOW);
    let bundle = case.signing.bundle(&[case.entry.clone(), other], &[]);
    assert!(ask(&bundle, &case.root, two).is_ok() && ask(&bundle, &case.root, times).is_ok());
}

#[test]
fn logs_are_no_timestamp_authorities() {
    let case = Case::new();
    let stamps = Demands { stamps: 1, ..Demands::PUBLIC };
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    assert_eq!(too_few(ask(&bundle, &case.root, stamps)), ("timestamp authorities", 0, 1));
}

#[test]
fn a_promise_for_another_time_place_or_entry() {
    let case = Case::new();
    for (field, value) in [("integratedTime", json!((NOW + 1).to_string())), ("logIndex", json!("6"))] {
        let answer = case.with(|bundle| bundle["verificationMaterial"]["tlogEntries"][0][field] = value);
        assert_eq!(log_error(answer), LogError::Promise, "{field}");
    }
    let mut entry = case.entry.clone();
    let other = case.instance.log.promise(b"{}", 5, NOW);
    entry["inclusionPromise"]["signedEntryTimestamp"] = json!(base64(&other));
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Promise);
    // Another log's promise under this log's name.
    let bytes = serde_json::to_vec(&case.signing.body()).unwrap();
    let other = case.instance.second_log.promise(&bytes, 5, NOW);
    entry["inclusionPromise"]["signedEntryTimestamp"] = json!(base64(&other));
    assert_eq!(log_error(case.with_entry(&entry)), LogError::Promise);
}

#[test]
fn a_time_without_a_promise_is_no_time() {
    let case = Case::new();
    let answer = case.with(|bundle| {
        bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionPromise");
    });
    assert_eq!(too_few(answer), ("sources of time", 0, 1));
}

#[test]
fn a_log_that_is_not_trusted_counts_for_nothing() {
    let case = Case::new();
    let answer = case.trusting(|document| {
        document["tlogs"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(too_few(answer), ("sources of time", 0, 1));
}

#[test]
fn checkpoints() {
    let case = Case::new();
    let with = |envelope: String| {
        let mut entry = case.entry.clone();
        entry["inclusionProof"]["checkpoint"]["envelope"] = json!(envelope);
        log_error(case.with_entry(&entry))
    };
    let body = serde_json::to_vec(&case.signing.body()).unwrap();
    let right = case.instance.log.checkpoint(&body);
    // Another log's, under this one's hint.
    let text = right.split("\n\n").next().unwrap().to_owned() + "\n";
    let other = case.instance.second_log.key.signing.sign(text.as_bytes()).unwrap();
    assert_eq!(
        with(note(&text, "rekor.example", &case.instance.log.id(), &other)),
        LogError::UnsignedCheckpoint
    );
    assert_eq!(with(case.instance.second_log.checkpoint(&body)), LogError::UnsignedCheckpoint);
    // The log's own, of another tree: its proof is for this one.
    assert_eq!(with(case.instance.log.checkpoint(b"{}")), LogError::OtherTree);
    for (changed, words) in [
        (right.replace("\n1\n", "\n01\n"), "size"),
        (right.replace("\n1\n", "\n-1\n"), "size"),
        (right.replace("\u{2014} ", "- "), "signature"),
        (right.replace("\n\n", "\n"), "no signatures"),
        (right.replace(&base64(&leaf(&body)), "AAAA"), "root"),
        (right.clone() + &"x".repeat(16 << 10), "at most 16384"),
        (right.clone() + &"\u{2014} witness AAAAAAAA\n".repeat(32), "33 signatures"),
    ] {
        let error = with(changed);
        assert!(
            matches!(&error, LogError::MalformedCheckpoint(why) if why.contains(words)),
            "{words}: {error:?}"
        );
    }
    // Witnesses that nobody knows are passed over.
    let mut entry = case.entry.clone();
    entry["inclusionProof"]["checkpoint"]["envelope"] = json!(right + "\u{2014} witness AAAAAAAA\n");
    assert!(case.with_entry(&entry).is_ok());
}

#[test]
fn inclusion_proofs() {
    let case = Case::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut entry = case.entry.clone();
        change(&mut entry["inclusionProof"]);
        case.with_entry(&entry)
    };
    assert_eq!(log_error(with(&|proof| proof["treeSize"] = json!("2"))), LogError::OtherTree);
    assert_eq!(log_error(with(&|proof| proof["rootHash"] = json!(base64(&[0; 32])))), LogError::OtherTree);
    assert_eq!(log_error(with(&|proof| proof["logIndex"] = json!("1"))), LogError::NotIncluded);
    assert_eq!(log_error(with(&|proof| proof["hashes"] = json!([base64(&[0; 32])]))), LogError::NotIncluded);
    assert!(malformed(with(&|proof| proof["hashes"] = json!([base64(&[0; 31])]))).contains("32 bytes"));
    let many = with(&|proof| proof["hashes"] = json!(vec![base64(&[0; 32]); 64]));
    assert!(matches!(many, Err(SigstoreError::TooMuch { actual: 64, limit: 63, .. })));
}

#[test]
fn the_second_generation_names_its_log_and_gives_no_times() {
    let case = Case::new();
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let body = case.signing.second_body();
    let right = case.instance.tiles.entry(&body);
    let with = |entry: &Value, stamps: &[Vec<u8>]| {
        ask(&case.signing.bundle(std::slice::from_ref(entry), stamps), &case.root, Demands::PUBLIC)
    };
    assert!(with(&right, std::slice::from_ref(&stamp)).is_ok());
    // No time of its own, whatever the entry claims.
    let mut dated = right.clone();
    dated["integratedTime"] = json!(NOW.to_string());
    assert_eq!(too_few(with(&dated, &[])), ("sources of time", 0, 1));
    // A promise of a log that gives none.
    let bytes = serde_json::to_vec(&body).unwrap();
    let mut promised = dated;
    promised["inclusionPromise"] =
        json!({"signedEntryTimestamp": base64(&case.instance.log.promise(&bytes, 0, NOW))});
    assert_eq!(log_error(with(&promised, std::slice::from_ref(&stamp))), LogError::Promise);
    // The same key for a log of another name.
    let mut renamed = right.clone();
    let checkpoint = case.instance.tiles.checkpoint_of("other.example", &bytes);
    renamed["inclusionProof"]["checkpoint"]["envelope"] = json!(checkpoint);
    assert_eq!(log_error(with(&renamed, std::slice::from_ref(&stamp))), LogError::UnsignedCheckpoint);
    let mut moved = right;
    moved["logIndex"] = json!("1");
    assert_eq!(log_error(with(&moved, &[stamp])), LogError::OtherTree);
}
