//! Times: outside what was valid then, in the future, and stamped by certificates that are not for it
//! (GHSA-wqqc-jjcq-vfxm, GHSA-wfqv-66vq-46rm, GHSA-xm5m-wgh2-rrg3).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::case::{Case, ask, ask_at, log_error, stamp_error, too_few};
use common::instance::{
    Authority, Instance, Key, NOW, Signing, Stamping, authority_params, extended_key_usage, holder_params,
    stamper_params, statement, trusted_authority,
};
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::sigstore::{Demands, LogError, RootError, SigstoreError, TrustedRoot};
use lockgate_attest::stamp::StampError;
use lockgate_attest::x509::PathError;
use lockgate_model::Timestamp;
use rcgen::KeyUsagePurpose;
use serde_json::{Value, json};

// 3. Times outside what was valid then.

#[test]
fn a_time_outside_the_certificate() {
    let case = Case::new();
    for time in [NOW - 61, NOW + 541] {
        let entry = case.instance.log.entry(&case.signing.body(), time);
        let answer = case.with_entry(&entry);
        let at = Timestamp::from_unix(time);
        assert_eq!(answer, Err(SigstoreError::Path(PathError::NotValid { at })));
    }
    for time in [NOW - 60, NOW + 540] {
        let entry = case.instance.log.entry(&case.signing.body(), time);
        assert!(case.with_entry(&entry).is_ok(), "{time}");
    }
    // One good time does not excuse another: every source must say a time within.
    let late = Stamping { time: "20260101002000Z", ..case.instance.stamping() };
    let answer = case.stamped(late.token(&case.signing.signature));
    assert!(matches!(answer, Err(SigstoreError::Path(PathError::NotValid { .. }))), "{answer:?}");
}

#[test]
fn a_time_in_the_future() {
    let case = Case::new();
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    let early = ask_at(&bundle, &case.root, Demands::PUBLIC, NOW - 1);
    assert_eq!(log_error(early), LogError::Future(Timestamp::from_unix(NOW)));
    assert!(ask_at(&bundle, &case.root, Demands::PUBLIC, NOW).is_ok());
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[stamp]);
    let early = ask_at(&bundle, &case.root, Demands::PUBLIC, NOW + 9);
    assert!(stamp_error(early).to_string().contains("future"));
}

#[test]
fn an_authority_that_had_expired() {
    let case = Case::new();
    let mut expired = authority_params("between");
    expired.not_after = holder_params().not_before;
    let between = case.instance.root.below(expired);
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
    assert!(matches!(answer, Err(SigstoreError::Path(PathError::NotValid { .. }))), "{answer:?}");
    // A root that had expired, which the library does not look at.
    let mut old = authority_params("old root");
    old.not_after = holder_params().not_before;
    let old = Authority::of(old);
    let key = Key::new();
    let certificate = case.instance.certify_by(&old, &old.key.spki(), &holder_params(), &key);
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = key.signing.sign(&pae(IN_TOTO, &payload)).unwrap();
    let signing = Signing { key, certificate, payload, signature };
    let entry = case.instance.log.entry(&signing.body(), NOW);
    document["certificateAuthorities"] = json!([trusted_authority("f", &[&old.der])]);
    let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    let answer = ask(&signing.bundle(&[entry], &[]), &root, Demands::PUBLIC);
    assert!(matches!(answer, Err(SigstoreError::Path(PathError::NoAuthority { .. }))), "{answer:?}");
}

#[test]
fn what_is_trusted_is_trusted_for_its_time() {
    let case = Case::new();
    let past = json!({"start": "2025-01-01T00:00:00Z", "end": "2025-12-31T23:59:59Z"});
    let answer = case.trusting(|document| document["tlogs"][0]["publicKey"]["validFor"] = past.clone());
    assert_eq!(log_error(answer), LogError::OutsideWindow(Timestamp::from_unix(NOW)));
    let answer = case.trusting(|document| document["certificateAuthorities"][0]["validFor"] = past.clone());
    assert!(matches!(answer, Err(SigstoreError::Path(PathError::NoAuthority { .. }))));
    let answer = case.trusting(|document| document["ctlogs"][0]["publicKey"]["validFor"] = past.clone());
    assert!(matches!(answer, Err(SigstoreError::Sct(why)) if why.contains("not trusted for its time")));
    // The last instant belongs to it.
    let until = json!({"start": "2025-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"});
    assert!(case.trusting(|document| document["tlogs"][0]["publicKey"]["validFor"] = until.clone()).is_ok());
    // A log without times of its own is trusted for the time that others give.
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let entry = case.instance.tiles.entry(&case.signing.second_body());
    let mut document = case.instance.document();
    document["tlogs"][2]["publicKey"]["validFor"] = past;
    let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    let answer = ask(&case.signing.bundle(&[entry], &[stamp]), &root, Demands::PUBLIC);
    assert!(matches!(log_error(answer), LogError::OutsideWindow(_)));
}

#[test]
fn an_authority_vouches_at_every_time_that_is_proven() {
    // Trusted when the log took it, and no longer when it was stamped ten seconds later.
    let case = Case::new();
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[stamp]);
    let until = |end: &str| {
        let mut document = case.instance.document();
        document["certificateAuthorities"][0]["validFor"] =
            json!({"start": "2025-01-01T00:00:00Z", "end": end});
        let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
        ask(&bundle, &root, Demands::PUBLIC)
    };
    assert!(until("2026-01-01T00:00:10Z").is_ok());
    let answer = until("2026-01-01T00:00:09Z");
    assert!(matches!(answer, Err(SigstoreError::Path(PathError::NoAuthority { .. }))), "{answer:?}");
}

#[test]
fn trusted_roots() {
    let document = Instance::new().document();
    let read = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        TrustedRoot::from_json(&serde_json::to_vec(&changed).unwrap()).unwrap_err()
    };
    let window = |value: Value| read(&|root| root["tlogs"][0]["publicKey"]["validFor"] = value.clone());
    assert!(matches!(window(json!({})), RootError::Window(_)));
    assert!(matches!(window(json!({"end": "2026-01-01T00:00:00Z"})), RootError::Window(_)));
    let reversed = json!({"start": "2026-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z"});
    assert!(matches!(window(reversed), RootError::Window(_)));
    let twice = read(&|root| root["tlogs"][1] = root["tlogs"][0].clone());
    assert!(matches!(twice, RootError::Twice(_)));
    let malformed = read(&|root| {
        root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] = json!("AAAA");
    });
    assert!(matches!(malformed, RootError::Authority { .. }));
    let version = read(&|root| root["mediaType"] = json!("application/json"));
    assert!(matches!(version, RootError::Version(_)));
    let many = read(&|root| root["ctlogs"] = json!(vec![root["ctlogs"][0].clone(); 129]));
    assert!(matches!(many, RootError::TooMany { actual: 129, limit: 128, .. }));
    assert!(matches!(
        read(&|root| root["tlogs"][0]["logId"]["keyId"] = json!("AAAA")),
        RootError::Malformed(_)
    ));
    let twice = br#"{"mediaType": "a", "mediaType": "b"}"#;
    assert!(matches!(TrustedRoot::from_json(twice), Err(RootError::Malformed(why)) if why.contains("twice")));
}

// 4. Timestamps and their certificates.

#[test]
fn timestamps() {
    let case = Case::new();
    let signature = &case.signing.signature;
    let instance = &case.instance;
    assert!(case.stamped(instance.stamping().token(signature)).is_ok());
    // RFC 3161 allows fractions of a second.
    let fraction = Stamping { time: "20260101000010.25Z", ..instance.stamping() };
    assert!(case.stamped(fraction.token(signature)).is_ok());
    assert_eq!(stamp_error(case.stamped(instance.stamping().token(b"another"))), StampError::OtherMessage);
    for time in [
        "20260101000010+0100",
        "260101000010Z",
        "20261301000010Z",
        "20260101000010.Z",
        "20260101000010.1a",
        "20260101000010",
    ] {
        let wrong = Stamping { time, ..instance.stamping() };
        assert!(
            matches!(stamp_error(case.stamped(wrong.token(signature))), StampError::Malformed(_)),
            "{time}"
        );
    }
    // Another key under the authority's name.
    let stranger = Key::new();
    let forged = Stamping { key: &stranger, ..instance.stamping() };
    assert!(matches!(stamp_error(case.stamped(forged.token(signature))), StampError::Signature(_)));
    // The right key, bound to another certificate.
    let other = instance.stamp_root.issue(&stamper_params(), &Key::new());
    let unbound = Stamping { bound: &other, ..instance.stamping() };
    assert!(matches!(stamp_error(case.stamped(unbound.token(signature))), StampError::Certificate(_)));
    // Twice the same is not two.
    let token = instance.stamping().token(signature);
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[token.clone(), token.clone()]);
    assert!(stamp_error(ask(&bundle, &case.root, Demands::PUBLIC)).to_string().contains("twice"));
    // Cut short, lengthened, and with any byte changed: never a time of its own.
    let stamped = |token: Vec<u8>| ask(&case.signing.bundle(&[], &[token]), &case.root, Demands::STAMPED);
    assert_eq!(too_few(stamped(token[..token.len() - 1].to_vec())), ("sources of time", 0, 1));
    assert_eq!(too_few(stamped([&token[..], &[0]].concat())), ("sources of time", 0, 1));
    assert!(stamped(token.clone()).is_ok());
    for place in 0..token.len() {
        let mut changed = token.clone();
        changed[place] ^= 1;
        let answer = stamped(changed);
        assert!(answer.is_err(), "byte {place}: {answer:?}");
    }
}

#[test]
fn a_stranger_s_timestamp_is_passed_over() {
    let case = Case::new();
    let other = Instance::with_stampers("stranger");
    let token = other.stamping().token(&case.signing.signature);
    assert!(case.stamped(token.clone()).is_ok());
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[token]);
    let stamps = Demands { stamps: 1, ..Demands::PUBLIC };
    assert_eq!(too_few(ask(&bundle, &case.root, stamps)), ("timestamp authorities", 0, 1));
}

#[test]
fn a_certificate_that_is_not_for_stamping() {
    let case = Case::new();
    let with = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = stamper_params();
        change(&mut params);
        let key = Key::new();
        let certificate = case.instance.stamp_root.issue(&params, &key);
        let mut document = case.instance.document();
        let chain: [&[u8]; 2] = [&certificate, &case.instance.stamp_root.der];
        document["timestampAuthorities"] = json!([trusted_authority("tsa.example", &chain)]);
        let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
        let stamping = Stamping {
            key: &key,
            certificate: &certificate,
            bound: &certificate,
            ..case.instance.stamping()
        };
        let token = stamping.token(&case.signing.signature);
        ask(&case.signing.bundle(&[], &[token]), &root, Demands { scts: 1, ..Demands::STAMPED })
    };
    assert!(with(&|_| {}).is_ok());
    let wrong = |answer| matches!(stamp_error(answer), StampError::Certificate(_));
    assert!(wrong(with(&|params| params.custom_extensions = vec![extended_key_usage(8, false)])));
    assert!(wrong(with(&|params| params.custom_extensions = vec![extended_key_usage(3, true)])));
    assert!(wrong(with(&|params| params.custom_extensions = vec![])));
    assert!(wrong(with(&|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment])));
    // It had expired when it stamped.
    let expired = with(&|params| params.not_after = params.not_before + std::time::Duration::from_mins(1));
    assert!(matches!(stamp_error(expired), StampError::Path(PathError::NotValid { .. })));
}

#[test]
fn an_authority_lends_its_time_to_no_other() {
    let case = Case::new();
    let token = case.instance.stamping().token(&case.signing.signature);
    let mut document = case.instance.document();
    let past = json!({"start": "2025-01-01T00:00:00Z", "end": "2025-12-31T00:00:00Z"});
    document["timestampAuthorities"][0]["validFor"] = past;
    // Another authority, trusted now, of another key.
    let other = Instance::with_stampers("other");
    let chain: [&[u8]; 2] = [&other.stamp_certificate, &other.stamp_root.der];
    document["timestampAuthorities"].as_array_mut().unwrap().push(trusted_authority("other", &chain));
    let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    let answer =
        ask(&case.signing.bundle(std::slice::from_ref(&case.entry), &[token]), &root, Demands::PUBLIC);
    assert!(matches!(stamp_error(answer), StampError::OutsideWindow(_)));
}
