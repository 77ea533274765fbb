//! Proofs of time and publicity as they really come: timestamps in BER and of strangers, trusted roots with gaps, and what
//! cannot be read beside a key's signature.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::attached::{Attached, BUNDLE, CERTIFICATE, SIGNATURE, STAMP, Trusting};
use common::ber::{Chance, respelled};
use common::case::{Case, ask, too_few};
use common::instance::{Instance, Key, NOW, Stamping, base64, statement, trusted_authority};
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{Demands, RootError, TrustedRoot, Verified};
use lockgate_attest::verify::{NamedKey, Refusal, Told};
use lockgate_model::Timestamp;
use lockgate_model::oci::media;
use serde_json::{Value, json};

fn read_root(document: &Value) -> TrustedRoot {
    TrustedRoot::from_json(&serde_json::to_vec(document).unwrap()).unwrap()
}

/// The answer to the bundle that is dated by these timestamps alone.
fn stamped(case: &Case, stamps: &[Vec<u8>]) -> Result<Verified, lockgate_attest::sigstore::SigstoreError> {
    ask(&case.signing.bundle(&[], stamps), &case.root, Demands::STAMPED)
}

#[test]
fn timestamps_in_ber() {
    let case = Case::new();
    let right: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
    let der = case.instance.stamping().token(&case.signing.signature);
    let mut embedding = case.instance.stamping();
    embedding.embedded = vec![&case.instance.stamp_certificate, &case.instance.stamp_root.der];
    let with_certificates = embedding.token(&case.signing.signature);
    let stranger = Key::new();
    for seed in 0..60 {
        let chance = &mut Chance::new(seed);
        for der in [&der, &with_certificates] {
            let token = respelled(der, chance);
            assert_eq!(
                stamped(&case, std::slice::from_ref(&token)).unwrap().existed_by(),
                Some(right),
                "{seed}"
            );
            let verified = stamped(&case, &[token.clone(), der.clone()]);
            assert!(verified.is_ok(), "the same twice is one source");
            // Cut short, and longer.
            assert!(stamped(&case, &[token[..chance.below(token.len())].to_vec()]).is_err());
            assert!(stamped(&case, &[[&token[..], &[0, 0]].concat()]).is_err());
            // A bit: never another time.
            let mut changed = token.clone();
            let place = chance.below(token.len());
            changed[place] ^= 1 << chance.below(8);
            if let Ok(verified) = stamped(&case, &[changed]) {
                assert_eq!(verified.existed_by(), Some(right), "{seed} {place}");
            }
        }
        // Another key, another signature, another time: as in DER.
        let forged = Stamping { key: &stranger, ..case.instance.stamping() }.token(&case.signing.signature);
        assert!(stamped(&case, &[respelled(&forged, chance)]).is_err());
        let other = case.instance.stamping().token(b"another");
        assert!(stamped(&case, &[respelled(&other, chance)]).is_err());
        let late = Stamping { time: "20260101002000Z", ..case.instance.stamping() };
        assert!(stamped(&case, &[respelled(&late.token(&case.signing.signature), chance)]).is_err());
    }
}

/// Timestamps that nobody here can read, or whose signer nobody here knows.
fn unreadable(case: &Case) -> Vec<(&'static str, Vec<u8>)> {
    let right = case.instance.stamping().token(&case.signing.signature);
    let mut nested = vec![];
    for _ in 0..2000 {
        nested.extend([0x30, 0x80]);
    }
    let stranger = Instance::with_stampers("stranger").stamping().token(&case.signing.signature);
    vec![
        ("nothing", vec![]),
        ("a text", b"not a timestamp".to_vec()),
        ("a null", vec![5, 0]),
        ("an empty sequence", vec![0x30, 0]),
        ("refused", vec![0x30, 5, 0x30, 3, 2, 1, 2]),
        ("granted, without a token", vec![0x30, 5, 0x30, 3, 2, 1, 0]),
        ("cut short", right[..right.len() / 2].to_vec()),
        ("one byte short", right[..right.len() - 1].to_vec()),
        ("one byte long", [&right[..], &[0]].concat()),
        ("too deep", nested),
        ("too large", vec![0x30; (128 << 10) + 1]),
        ("zeros", vec![0; 64]),
        ("ones", vec![0xff; 64]),
        ("an end", vec![0x30, 0x80, 0, 0]),
        ("another's, cut short", stranger[..60].to_vec()),
        ("data that is not signed", {
            let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
            [&[0x30, 15][..], &oid, &[0xa0, 2, 4, 0]].concat()
        }),
        ("a reserved length", vec![0x30, 0xff, 1]),
        ("a long tag", vec![0x1f, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 1, 0]),
        ("PEM", b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n".to_vec()),
        ("JSON", br#"{"signedTimestamp": ""}"#.to_vec()),
    ]
}

#[test]
fn a_timestamp_that_cannot_be_read_is_nobodys() {
    let case = Case::new();
    let all = unreadable(&case);
    assert!(all.len() >= 20);
    let right = case.instance.stamping().token(&case.signing.signature);
    for (what, token) in all {
        let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), std::slice::from_ref(&token));
        // The log dates it; what cannot be read is told.
        let trusting = Trusting::new(&case.root);
        let examined = trusting.examine(&Attached::bundle(&bundle));
        assert_eq!(examined.refusal, None, "{what}");
        assert_eq!(examined.proven_at, Some(Timestamp::from_unix(NOW)), "{what}");
        assert!(matches!(examined.told.as_slice(), [Told::UnreadStamp(_)]), "{what}: {:?}", examined.told);
        // It dates nothing, and counts for no authority.
        assert_eq!(
            too_few(stamped(&case, std::slice::from_ref(&token))),
            ("sources of time", 0, 1),
            "{what}"
        );
        let alone = Trusting { demands: Demands::STAMPED, ..Trusting::new(&case.root) };
        let refusal =
            alone.examine(&Attached::bundle(&case.signing.bundle(&[], std::slice::from_ref(&token)))).refusal;
        assert!(
            matches!(&refusal, Some(Refusal::NotVouched(why)) if why.contains("(the ")),
            "{what}: {refusal:?}"
        );
        // Beside a good one, the good one counts.
        assert!(stamped(&case, &[token, right.clone()]).is_ok(), "{what}");
        // Recorded Cases: the whole bundle is refused.
        let first = Trusting { reading: Reading::First, ..Trusting::new(&case.root) };
        assert!(first.examine(&Attached::bundle(&bundle)).refusal.is_some(), "{what}");
    }
}

#[test]
fn what_a_trusted_authority_stamped_must_be_right_all_the_same() {
    let case = Case::new();
    let stranger = Key::new();
    let wrong = [
        case.instance.stamping().token(b"another"),
        Stamping { key: &stranger, ..case.instance.stamping() }.token(&case.signing.signature),
        Stamping { time: "20260101000010", ..case.instance.stamping() }.token(&case.signing.signature),
        Stamping { time: "20300101000010Z", ..case.instance.stamping() }.token(&case.signing.signature),
        Stamping { bound: b"another", ..case.instance.stamping() }.token(&case.signing.signature),
    ];
    for (place, token) in wrong.into_iter().enumerate() {
        assert!(case.stamped(token.clone()).is_err(), "{place}");
        let chance = &mut Chance::new(place as u64);
        assert!(case.stamped(respelled(&token, chance)).is_err(), "{place} in BER");
    }
}

#[test]
fn a_strangers_timestamp_with_whatever_is_in_it() {
    // An authority of which the root has no certificate that signs, so that any below it might.
    let case = Case::new();
    let mut document = case.instance.document();
    document["timestampAuthorities"] =
        json!([trusted_authority("tsa.example", &[&case.instance.stamp_root.der])]);
    let unpinned = read_root(&document);
    let stranger = Instance::with_stampers("stranger");
    let embedded: [&[u8]; 2] = [&stranger.stamp_certificate, &stranger.stamp_root.der];
    for (what, time, message) in [
        ("right", "20260101000010Z", &case.signing.signature[..]),
        ("of another signature", "20260101000010Z", b"another"),
        ("without a zone", "20260101000010", &case.signing.signature),
        ("in the future", "20300101000010Z", &case.signing.signature),
    ] {
        let stamping = Stamping { embedded: embedded.to_vec(), time, ..stranger.stamping() };
        let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[stamping.token(message)]);
        for root in [&case.root, &unpinned] {
            let verified = ask(&bundle, root, Demands::PUBLIC).unwrap();
            assert_eq!(verified.times.len(), 1, "{what}");
        }
    }
    // Those that the authority vouches for count, and must be right.
    let ours: [&[u8]; 1] = [&case.instance.stamp_certificate];
    let stamping = || Stamping { embedded: ours.to_vec(), ..case.instance.stamping() };
    let with = |token: Vec<u8>| {
        ask(&case.signing.bundle(std::slice::from_ref(&case.entry), &[token]), &unpinned, Demands::PUBLIC)
    };
    assert_eq!(with(stamping().token(&case.signing.signature)).unwrap().times.len(), 2);
    assert!(with(stamping().token(b"another")).is_err());
    assert!(with(Stamping { time: "20260101000010", ..stamping() }.token(&case.signing.signature)).is_err());
}

// Trusted roots.

#[test]
fn an_authority_without_certificates_is_passed_over() {
    let case = Case::new();
    let document = case.instance.document();
    let gaps = [
        json!({"uri": "https://gone.example", "certChain": {"certificates": []}}),
        json!({"uri": "https://gone.example", "certChain": {}}),
        json!({"uri": "https://gone.example", "certChain": null}),
        json!({"uri": "https://gone.example"}),
        json!({"uri": "https://gone.example", "certChain": {"certificates": null}, "validFor": {"start": "2025-01-01T00:00:00Z"}}),
    ];
    let stamp = case.instance.stamping().token(&case.signing.signature);
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[stamp]);
    for gap in &gaps {
        for kind in ["certificateAuthorities", "timestampAuthorities"] {
            for place in [0, 1] {
                let mut with = document.clone();
                with[kind].as_array_mut().unwrap().insert(place, gap.clone());
                let bytes = serde_json::to_vec(&with).unwrap();
                let root = TrustedRoot::from_json(&bytes).unwrap();
                assert!(matches!(root.passed_over(), [one] if one.contains("https://gone.example")));
                let verified = ask(&bundle, &root, Demands { stamps: 1, ..Demands::PUBLIC }).unwrap();
                assert_eq!(verified.times.len(), 2);
                let first = TrustedRoot::from_json_as(&bytes, Reading::First).unwrap_err().to_string();
                assert!(
                    ["no certificates", "missing field", "invalid type"]
                        .iter()
                        .any(|why| first.contains(why)),
                    "{first}"
                );
            }
            // It is no authority itself.
            let mut alone = document.clone();
            alone[kind] = json!([gap]);
            let root = read_root(&alone);
            assert!(ask(&bundle, &root, Demands { stamps: 1, ..Demands::PUBLIC }).is_err(), "{kind}");
        }
    }
    assert_eq!(read_root(&document).passed_over(), &[] as &[String]);
    // One with certificates that cannot be read is no gap.
    for wrong in [
        json!([{"rawBytes": ""}]),
        json!([{"rawBytes": "AAAA"}]),
        json!([{}]),
        json!("AAAA"),
        json!([{"rawBytes": "AA A"}]),
    ] {
        let mut with = document.clone();
        with["certificateAuthorities"]
            .as_array_mut()
            .unwrap()
            .push(json!({"uri": "x", "certChain": {"certificates": wrong}}));
        let read = TrustedRoot::from_json(&serde_json::to_vec(&with).unwrap());
        assert!(matches!(read, Err(RootError::Authority { .. } | RootError::Malformed(_))), "{wrong}");
    }
}

#[test]
fn one_key_under_two_names_is_one_log() {
    let case = Case::new();
    let mut document = case.instance.document();
    let mut twin = document["tlogs"][0].clone();
    twin["baseUrl"] = json!("https://twin.example");
    twin["logId"]["keyId"] = json!(base64(&[7; 32]));
    document["tlogs"].as_array_mut().unwrap().push(twin);
    let root = read_root(&document);
    // The twin's entry: the same key promises under the other id.
    let body = serde_json::to_vec(&case.signing.body()).unwrap();
    let promised =
        json!({"body": base64(&body), "integratedTime": NOW, "logIndex": 5, "logID": "07".repeat(32)});
    let promise =
        case.instance.log.key.signing.sign(&lockgate_model::canon::to_bytes(&promised).unwrap()).unwrap();
    let leaf = common::instance::leaf(&body);
    let text = format!("twin.example - 7\n1\n{}\n", base64(&leaf));
    let signature = case.instance.log.key.signing.sign(text.as_bytes()).unwrap();
    let mut entry = case.entry.clone();
    entry["logId"]["keyId"] = json!(base64(&[7; 32]));
    entry["inclusionPromise"]["signedEntryTimestamp"] = json!(base64(&promise));
    entry["inclusionProof"]["checkpoint"]["envelope"] =
        json!(common::instance::note(&text, "twin.example", &[7; 32], &signature));
    let bundle = case.signing.bundle(&[case.entry.clone(), entry], &[]);
    let demands = |logs: usize, times: usize| Demands { logs, times, ..Demands::PUBLIC };
    assert!(ask(&bundle, &root, demands(1, 1)).is_ok());
    assert_eq!(too_few(ask(&bundle, &root, demands(2, 1))), ("transparency logs", 1, 2));
    assert_eq!(too_few(ask(&bundle, &root, demands(1, 2))), ("sources of time", 1, 2));
    let two = Trusting { demands: demands(2, 2), ..Trusting::new(&root) };
    assert!(two.examine(&Attached::bundle(&bundle)).refusal.is_some());
    // Recorded Cases counted names.
    let first = Trusting { demands: demands(2, 2), reading: Reading::First, ..Trusting::new(&root) };
    assert_eq!(first.examine(&Attached::bundle(&bundle)).refusal, None);
    // Two logs are two.
    let second = case.instance.second_log.entry(&case.signing.body(), NOW);
    let bundle = case.signing.bundle(&[case.entry.clone(), second], &[]);
    assert!(ask(&bundle, &root, demands(2, 2)).is_ok());
}

// Beside a key's own signature.

/// A bundle by a managed key, with this material besides.
fn by_key(key: &SigningKey, material: &Value, signatures: usize) -> Attached {
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = key.sign(&pae(IN_TOTO, &payload)).unwrap();
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "dsseEnvelope": {
            "payload": base64(&payload), "payloadType": IN_TOTO,
            "signatures": vec![json!({"sig": base64(&signature)}); signatures],
        },
    });
    for (name, value) in material.as_object().unwrap() {
        bundle["verificationMaterial"][name] = value.clone();
    }
    Attached::bundle(&bundle)
}

#[test]
fn a_log_entry_that_cannot_be_read_beside_a_key() {
    let case = Case::new();
    let key = SigningKey::generate().unwrap();
    let public = key.public();
    let with = |reading| Trusting {
        keys: vec![NamedKey { name: "build", key: &public }],
        reading,
        ..Trusting::new(&case.root)
    };
    let ask = |attached: &Attached| with(Reading::NEWEST).examine(attached);
    // Nobody can say whose entry it is: a trusted log's would have to be right.
    let entry = &case.entry;
    let without = |field: &str| {
        let mut changed = entry.clone();
        changed.as_object_mut().unwrap().remove(field).unwrap();
        changed
    };
    let set = |place: &str, value: Value| {
        let mut changed = entry.clone();
        *changed.pointer_mut(place).unwrap() = value;
        changed
    };
    let unread = [
        json!({}),
        json!("entry"),
        json!(7),
        json!(null),
        json!([]),
        without("logId"),
        without("kindVersion"),
        without("inclusionProof"),
        without("canonicalizedBody"),
        set("/logIndex", json!("-1")),
        set("/logIndex", json!("1x")),
        set("/integratedTime", json!({})),
        set("/canonicalizedBody", json!("!!")),
        set("/canonicalizedBody", json!(1)),
        set("/logId/keyId", json!("AA A")),
        set("/inclusionProof/hashes", json!(["AAAA"])),
        set("/inclusionProof/checkpoint", json!({})),
        set("/inclusionProof/hashes", json!(vec![base64(&[0; 32]); 64])),
        set("/inclusionPromise", json!("x")),
        set("/inclusionProof/treeSize", json!(1.5)),
        set("/kindVersion", json!({"kind": "dsse"})),
    ];
    assert!(unread.len() >= 20);
    for one in &unread {
        let attached = by_key(&key, &json!({"tlogEntries": [one]}), 1);
        let examined = ask(&attached);
        assert!(
            matches!(examined.refusal, Some(Refusal::Malformed(_))) && examined.by.is_empty(),
            "{one}: {examined:?}"
        );
        // Recorded Cases: undated, and it counts.
        assert_eq!(with(Reading::First).examine(&attached).refusal, None, "{one}");
    }
    for shape in [json!({}), json!("x"), json!({"a": []}), json!(true), json!(0)] {
        let examined = ask(&by_key(&key, &json!({"tlogEntries": shape}), 1));
        assert!(matches!(examined.refusal, Some(Refusal::Malformed(_))), "{shape}");
    }
    let many = by_key(&key, &json!({"tlogEntries": vec![entry.clone(); 33]}), 1);
    assert!(
        matches!(ask(&many).refusal, Some(Refusal::Malformed(why)) if why.contains("33") && why.contains("32"))
    );
}

#[test]
fn what_is_beside_a_key_without_being_a_proof() {
    let case = Case::new();
    let key = SigningKey::generate().unwrap();
    let public = key.public();
    let trusting =
        Trusting { keys: vec![NamedKey { name: "build", key: &public }], ..Trusting::new(&case.root) };
    let ask = |attached: &Attached| trusting.examine(attached);
    for nothing in [
        json!({}),
        json!({"tlogEntries": []}),
        json!({"tlogEntries": null}),
        json!({"timestampVerificationData": {}}),
        json!({"timestampVerificationData": {"rfc3161Timestamps": []}}),
        json!({"timestampVerificationData": null}),
    ] {
        let examined = ask(&by_key(&key, &nothing, 1));
        assert_eq!((examined.refusal, examined.by), (None, vec!["build".to_owned()]), "{nothing}");
    }
    // An entry of an unknown log is passed over, as before.
    let mut stranger = case.entry.clone();
    stranger["logId"]["keyId"] = json!(base64(&[9; 32]));
    assert_eq!(ask(&by_key(&key, &json!({"tlogEntries": [stranger]}), 1)).refusal, None);
    // Several signatures: of which would the entry be?
    assert_eq!(ask(&by_key(&key, &json!({}), 2)).refusal, None);
    assert!(matches!(
        ask(&by_key(&key, &json!({"tlogEntries": [case.entry]}), 2)).refusal,
        Some(Refusal::Malformed(_))
    ));
    // Where no instance is trusted, no log is, and none of it is read.
    let attached = by_key(&key, &json!({"tlogEntries": [{}]}), 1);
    let keys = [NamedKey { name: "build", key: &public }];
    assert_eq!(attached.examine(&lockgate_attest::verify::Believed::keys(&keys)).refusal, None);
}

#[test]
fn a_timestamp_that_cannot_be_read_beside_a_key() {
    let case = Case::new();
    let key = SigningKey::generate().unwrap();
    let public = key.public();
    let trusting =
        Trusting { keys: vec![NamedKey { name: "build", key: &public }], ..Trusting::new(&case.root) };
    let stamps = |stamps: Value| json!({"timestampVerificationData": {"rfc3161Timestamps": stamps}});
    let examined = trusting.examine(&by_key(&key, &stamps(json!([{"signedTimestamp": base64(b"none")}])), 1));
    assert_eq!((examined.refusal, examined.proven_at), (None, None));
    assert!(matches!(examined.told.as_slice(), [Told::UnreadStamp(_)]));
    // Not even base64, or no timestamp at all: the bundle is not one.
    for wrong in [json!([{"signedTimestamp": "!"}]), json!([{}]), json!({"a": 1}), json!([7])] {
        let examined = trusting.examine(&by_key(&key, &stamps(wrong.clone()), 1));
        assert!(matches!(examined.refusal, Some(Refusal::Malformed(_))), "{wrong}");
    }
}

#[test]
fn an_unreadable_entry_in_cosigns_annotations() {
    let case = Case::new();
    let key = SigningKey::generate().unwrap();
    let public = key.public();
    let content = serde_json::to_vec(&json!({"critical": {
        "identity": {"docker-reference": "registry.example/web"}, "type": "cosign container image signature",
        "image": {"docker-manifest-digest": lockgate_model::Digest::of(common::instance::ARTIFACT).to_string()},
    }}));
    let content = content.unwrap();
    let annotations = [(SIGNATURE.to_owned(), base64(&key.sign(&content).unwrap()))].into();
    let right = Attached { media_type: media::SIMPLE_SIGNING, annotations, content };
    let with = |reading| Trusting {
        keys: vec![NamedKey { name: "build", key: &public }],
        reading,
        ..Trusting::new(&case.root)
    };
    assert_eq!(with(Reading::NEWEST).examine(&right).refusal, None);
    for (annotation, text) in
        [(BUNDLE, "{}"), (BUNDLE, ""), (BUNDLE, "null"), (STAMP, "{}"), (STAMP, "x"), (STAMP, "")]
    {
        let wrong = right.with(annotation, text);
        let refusal = with(Reading::NEWEST).examine(&wrong).refusal;
        assert!(
            matches!(&refusal, Some(Refusal::Malformed(why)) if why.contains(annotation)),
            "{text}: {refusal:?}"
        );
        assert_eq!(with(Reading::First).examine(&wrong).refusal, None, "{text}");
    }
}

// Words.

/// What the refusal must say, and what is changed.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Value));

#[test]
fn what_is_malformed_is_called_so() {
    let case = Case::new();
    let right = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    let refused = |change: &dyn Fn(&mut Value), reading| {
        let mut bundle = right.clone();
        change(&mut bundle);
        let trusting = Trusting { reading, ..Trusting::new(&case.root) };
        trusting.examine(&Attached::bundle(&bundle)).refusal.unwrap()
    };
    let material = "verificationMaterial";
    let changes: [Change<'_>; 7] = [
        ("33 log entries; at most 32", &|bundle| {
            let entry = bundle[material]["tlogEntries"][0].clone();
            bundle[material]["tlogEntries"] = json!(vec![entry; 33]);
        }),
        ("the certificate", &|bundle| bundle[material]["certificate"] = json!({"rawBytes": "AAAA"})),
        ("the certificate", &|bundle| bundle[material]["certificate"] = json!({})),
        ("the log entries", &|bundle| bundle[material]["tlogEntries"] = json!([{}])),
        ("the envelope has 0 signatures", &|bundle| bundle["dsseEnvelope"]["signatures"] = json!([])),
        ("more than one", &|bundle| bundle[material]["publicKey"] = json!({"hint": ""})),
        ("the timestamps", &|bundle| {
            bundle[material]["timestampVerificationData"] = json!({"rfc3161Timestamps": [{}]});
        }),
    ];
    for (words, change) in changes {
        let refusal = refused(change, Reading::NEWEST);
        assert!(matches!(&refusal, Refusal::Malformed(why) if why.contains(words)), "{words}: {refusal:?}");
        let before = refused(change, Reading::First).to_string();
        assert!(before.contains("keyless signatures are not read by this version"), "{before}");
    }
    // A promise does not do in place of a proof where the format asks for one, and that is said.
    let without_proof = |bundle: &mut Value| {
        bundle[material]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof").unwrap();
    };
    let refusal = refused(&without_proof, Reading::NEWEST).to_string();
    assert!(
        refusal.contains("`promises` is for bundles of version 0.1 and cosign's annotations"),
        "{refusal}"
    );
    let layer = Attached {
        media_type: media::SIMPLE_SIGNING,
        annotations: [(SIGNATURE.to_owned(), "AAAA".to_owned()), (CERTIFICATE.to_owned(), "none".to_owned())]
            .into(),
        content: b"{}".to_vec(),
    };
    let refusal = Trusting::new(&case.root).examine(&layer).refusal;
    assert!(matches!(&refusal, Some(Refusal::Malformed(why)) if why.contains(CERTIFICATE)), "{refusal:?}");
}
