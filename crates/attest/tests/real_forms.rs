//! Forms in which real signatures come and that were refused once: each verifies, and what lies beside it does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, and signs"
)]

mod common;

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P521_SHA256_ASN1_SIGNING, ECDSA_P521_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use common::attached::{Attached, BUNDLE, CERTIFICATE, CHAIN, SIGNATURE, STAMP, Trusting};
use common::ber::Chance;
use common::case::Case;
use common::instance::{
    ARTIFACT, Authority, ISSUER, Instance, Key, NOW, Signing, authority_params, base64, claim, holder_params,
    sha256, statement, trusted_authority,
};
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{Demands, SigstoreError, TrustedRoot, instance_issuer};
use lockgate_attest::verify::{NamedKey, Refusal, Speaks, Vouched};
use lockgate_model::Digest;
use lockgate_model::oci::media;
use rcgen::{KeyPair, KeyUsagePurpose, PKCS_ECDSA_P521_SHA512, PublicKeyData, SanType};
use serde_json::{Value, json};

// Base64 with line ends.

fn payload(of: &[u8]) -> Vec<u8> {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/web"},
            "image": {"docker-manifest-digest": Digest::of(of).to_string()},
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    serde_json::to_vec(&payload).unwrap()
}

/// A layer of a `.sig` tag, the signature in base64 spelled so.
fn layer(key: &SigningKey, of: &[u8], spell: impl Fn(&str) -> String) -> Attached {
    let content = payload(of);
    let signature = spell(&base64(&key.sign(&content).unwrap()));
    Attached {
        media_type: media::SIMPLE_SIGNING,
        annotations: BTreeMap::from([(SIGNATURE.to_owned(), signature)]),
        content,
    }
}

fn wrapped(text: &str, columns: usize, end: &str) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(columns).map(|line| String::from_utf8_lossy(line)).collect();
    lines.join(end) + end
}

/// `text` with `what` put in at places that look like chance.
fn sprinkled(text: &str, what: &[&str], chance: &mut Chance) -> String {
    let mut all = String::new();
    for letter in text.chars() {
        if chance.below(6) == 0 {
            all.push_str(what[chance.below(what.len())]);
        }
        all.push(letter);
    }
    all + what[chance.below(what.len())]
}

#[test]
fn line_ends_in_base64_of_a_keys_signature() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let instance = Instance::new();
    let root = instance.trusted();
    let public = key.public();
    let trusting = |reading| Trusting {
        keys: vec![NamedKey { name: "build", key: &public }],
        reading,
        ..Trusting::new(&root)
    };
    let counts = |layer: &Attached| {
        let examined = trusting(Reading::NEWEST).examine(layer);
        let counts = examined.refusal.is_none();
        assert_eq!(counts, examined.by == ["build"] && examined.speaks == Some(Speaks::Signature));
        assert!(counts || examined.by.is_empty());
        counts
    };
    let spellings: [fn(&str) -> String; 8] = [
        |text| format!("{text}\n"),
        |text| format!("{text}\r\n"),
        |text| format!("\n{text}\n\n"),
        |text| wrapped(text, 64, "\n"),
        |text| wrapped(text, 76, "\n"),
        |text| wrapped(text, 64, "\r\n"),
        |text| wrapped(text, 1, "\n"),
        |text| wrapped(text, 7, "\r"),
    ];
    for (place, spell) in spellings.iter().enumerate() {
        assert!(counts(&layer(&key, ARTIFACT, spell)), "{place}");
        assert!(!counts(&layer(&other, ARTIFACT, spell)), "{place}");
        assert!(!counts(&layer(&key, b"another", spell)), "{place}");
        // What Cases were judged by before goes on refusing it.
        let first = trusting(Reading::First).examine(&layer(&key, ARTIFACT, spell));
        assert!(
            matches!(first.refusal, Some(Refusal::Malformed(why)) if why.contains("no signature in base64"))
        );
    }
    for seed in 0..40 {
        let chance = &mut Chance::new(seed);
        let right = layer(&key, ARTIFACT, str::to_owned);
        let text = right.annotations[SIGNATURE].clone();
        assert!(counts(&right.with(SIGNATURE, sprinkled(&text, &["\n", "\r\n", "\r", "\n\n"], chance))));
        let others =
            [" ", "\t", "\u{b}", "\u{c}", "\0", "\\n", "\u{85}", "\u{2028}", "-", ".", "=", "\u{feff}"];
        let wrong = others[chance.below(others.len())];
        assert!(
            !counts(&right.with(SIGNATURE, sprinkled(&text, &["\n", wrong], chance) + wrong)),
            "{wrong:?}"
        );
        // A bit of the signature, in lines or not.
        let mut bytes = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
        let place = chance.below(bytes.len());
        bytes[place] ^= 1 << chance.below(8);
        assert!(!counts(&right.with(SIGNATURE, wrapped(&base64(&bytes), 64, "\n"))));
        let cut = chance.below(text.len());
        assert!(!counts(&right.with(SIGNATURE, format!("{}\n", &text[..cut]))));
    }
}

/// A layer of a `.sig` tag by the holder of a certificate, with the log's promise.
fn keyless_layer(instance: &Instance) -> Attached {
    let signing = Signing::new(instance);
    let content = payload(ARTIFACT);
    let signature = signing.key.signing.sign(&content).unwrap();
    let hash = data_encoding::HEXLOWER.encode(&sha256(&content));
    let body = serde_json::to_vec(&json!({
        "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hash}},
            "signature": {
                "content": base64(&signature), "publicKey": {"content": base64(signing.pem().as_bytes())},
            },
        },
    }));
    let body = body.unwrap();
    let bundle = json!({
        "SignedEntryTimestamp": base64(&instance.log.promise(&body, 5, NOW)),
        "Payload": {
            "body": base64(&body), "integratedTime": NOW, "logIndex": 5,
            "logID": data_encoding::HEXLOWER.encode(&instance.log.id()),
        },
    });
    let stamp = json!({"SignedRFC3161Timestamp": base64(&instance.stamping().token(&signature))});
    let annotations = [
        (SIGNATURE, base64(&signature)),
        (CERTIFICATE, signing.pem()),
        (CHAIN, String::new()),
        (BUNDLE, bundle.to_string()),
        (STAMP, stamp.to_string()),
    ];
    let annotations = annotations.map(|(name, text)| (name.to_owned(), text)).into();
    Attached { media_type: media::SIMPLE_SIGNING, annotations, content }
}

#[test]
fn line_ends_in_every_annotation() {
    let instance = Instance::new();
    let root = instance.trusted();
    let demands = Demands { promises: true, stamps: 1, times: 2, ..Demands::PUBLIC };
    let trusting = Trusting { demands, ..Trusting::new(&root) };
    let right = keyless_layer(&instance);
    let counts = |layer: &Attached| trusting.examine(layer).refusal.is_none();
    assert!(counts(&right));
    let field = |annotation: &str, place: &str, change: &dyn Fn(&str) -> String| {
        let mut value: Value = serde_json::from_str(&right.annotations[annotation]).unwrap();
        let text = value.pointer(place).unwrap().as_str().unwrap().to_owned();
        *value.pointer_mut(place).unwrap() = json!(change(&text));
        right.with(annotation, value.to_string())
    };
    let places =
        [(BUNDLE, "/SignedEntryTimestamp"), (BUNDLE, "/Payload/body"), (STAMP, "/SignedRFC3161Timestamp")];
    for (annotation, place) in places {
        assert!(counts(&field(annotation, place, &|text| wrapped(text, 64, "\n"))), "{place}");
        assert!(counts(&field(annotation, place, &|text| format!("{text}\r\n"))), "{place}");
        for wrong in [" ", "\t", "=", "A"] {
            assert!(
                !counts(&field(annotation, place, &|text| format!("{text}{wrong}"))),
                "{place} {wrong:?}"
            );
        }
        assert!(!counts(&field(annotation, place, &|text| text[4..].to_owned())), "{place}");
    }
    assert!(counts(&right.with(SIGNATURE, wrapped(&right.annotations[SIGNATURE], 64, "\n"))));
}

// Certificates without an issuer.

/// As GitHub attests releases: no extension but Fulcio's usages, the name of the service, stamped.
fn release_params() -> rcgen::CertificateParams {
    let mut params = holder_params();
    params.custom_extensions = vec![];
    params.subject_alt_names = vec![SanType::URI("https://dotcom.releases.github.com".try_into().unwrap())];
    params
}

fn release() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://in-toto.io/attestation/release/v0.1",
        "predicate": {"ownerId": "1", "purl": "pkg:github/acme/web@v1", "releaseId": "2", "repository": "acme/web", "tag": "v1"},
        "subject": [
            {"uri": "pkg:github/acme/web@v1", "digest": {"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}},
            {"name": "web.tar", "digest": {"sha256": Digest::of(ARTIFACT).hex()}},
        ],
    })
}

fn released(instance: &Instance, params: &rcgen::CertificateParams, statement: &Value) -> Value {
    let mut signing = Signing::of(instance, params);
    signing.payload = serde_json::to_vec(statement).unwrap();
    signing.signature = signing.key.signing.sign(&pae(IN_TOTO, &signing.payload)).unwrap();
    signing.bundle(&[], &[instance.stamping().token(&signing.signature)])
}

#[test]
fn certificates_without_an_issuer_are_their_instances() {
    let instance = Instance::new();
    let root = instance.trusted();
    let github = |issuers: &[&str]| Trusting {
        name: "github",
        issuers: issuers.iter().map(|one| (*one).to_owned()).collect(),
        demands: Demands::STAMPED,
        ..Trusting::new(&root)
    };
    let own = instance_issuer("github");
    assert_eq!(own, "sigstore:github");
    let bundle = Attached::bundle(&released(&instance, &release_params(), &release()));
    let examined = github(&[&own]).examine(&bundle);
    assert_eq!(examined.refusal, None);
    let Some(Vouched::Holder { instance: name, identity }) = &examined.vouched else {
        panic!("{examined:?}")
    };
    assert_eq!((name.as_str(), identity.issuer.as_str()), ("github", "sigstore:github"));
    assert_eq!(identity.subject.name, "https://dotcom.releases.github.com");
    assert!(
        matches!(&examined.speaks, Some(Speaks::Attestation { predicate_type }) if predicate_type.contains("release"))
    );
    // Only where the instance says so, and only under its own name.
    for others in
        [&[ISSUER][..], &["sigstore:public"], &["sigstore:"], &["sigstore:GitHub"], &["github"], &[""], &[]]
    {
        let refusal = github(others).examine(&bundle).refusal;
        assert!(
            matches!(&refusal, Some(Refusal::NotVouched(why)) if why.contains("names no issuer")),
            "{refusal:?}"
        );
    }
    let first = Trusting { reading: Reading::First, ..github(&[&own]) };
    assert_eq!(
        first.examine(&bundle).refusal,
        Some(Refusal::NotVouched("github: the certificate is wrong: it names no issuer".to_owned()))
    );
    // A release without the artifact, whatever its sha1.
    let mut other = release();
    other["subject"].as_array_mut().unwrap().pop();
    let other = Attached::bundle(&released(&instance, &release_params(), &other));
    assert!(matches!(github(&[&own]).examine(&other).refusal, Some(Refusal::OtherSubject(_))));
}

#[test]
fn an_issuer_that_is_named_is_never_the_instance() {
    let instance = Instance::new();
    let root = instance.trusted();
    let old =
        |text: &str| rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 1], text.into());
    let raw = |content: &[u8]| {
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], content.to_vec())
    };
    let named = [
        vec![claim(8, ISSUER)],
        vec![old(ISSUER)],
        vec![claim(8, "sigstore:github")],
        vec![old("sigstore:github")],
        vec![claim(8, "sigstore:github"), old("sigstore:github")],
        vec![claim(8, "sigstore:")],
        vec![claim(8, "sigstore:public")],
        // There and empty, or unreadable, is not absent.
        vec![claim(8, "")],
        vec![old("")],
        vec![claim(8, ""), old("sigstore:github")],
        vec![raw(b"sigstore:github")],
        vec![raw(&[])],
        vec![raw(&[5, 0])],
        vec![raw(&[0x16, 1, b'a'])],
        vec![claim(8, " sigstore:github")],
        vec![claim(8, "Sigstore:github")],
        vec![claim(8, "\u{200b}sigstore:github")],
        vec![claim(8, "sigstore:github\n")],
        vec![old(ISSUER), claim(8, "sigstore:github")],
        vec![claim(8, "github")],
    ];
    for (place, extensions) in named.into_iter().enumerate() {
        let mut params = release_params();
        params.custom_extensions = extensions;
        let bundle = Attached::bundle(&released(&instance, &params, &release()));
        let trusting = Trusting {
            name: "github",
            issuers: [instance_issuer("github")].into(),
            demands: Demands::STAMPED,
            ..Trusting::new(&root)
        };
        let examined = trusting.examine(&bundle);
        assert!(matches!(examined.refusal, Some(Refusal::NotVouched(_))), "{place}: {examined:?}");
    }
    // Nor does it matter that its instance may vouch for issuers besides.
    let both = Trusting {
        name: "github",
        issuers: [instance_issuer("github"), ISSUER.to_owned()].into(),
        demands: Demands::STAMPED,
        ..Trusting::new(&root)
    };
    let mut params = release_params();
    params.custom_extensions = vec![claim(8, ISSUER)];
    let examined = both.examine(&Attached::bundle(&released(&instance, &params, &release())));
    let Some(Vouched::Holder { identity, .. }) = examined.vouched else { panic!("{examined:?}") };
    assert_eq!(identity.issuer, ISSUER);
}

#[test]
fn forged_neighbours_of_a_release() {
    let instance = Instance::new();
    let root = instance.trusted();
    let trusting = Trusting {
        name: "github",
        issuers: [instance_issuer("github")].into(),
        demands: Demands::STAMPED,
        ..Trusting::new(&root)
    };
    let counts = |params: &rcgen::CertificateParams, of: &Instance| {
        trusting.examine(&Attached::bundle(&released(of, params, &release()))).refusal.is_none()
    };
    assert!(counts(&release_params(), &instance));
    // Another instance of the same shape; and names, uses and times that are not right.
    assert!(!counts(&release_params(), &Instance::new()));
    let changes: [fn(&mut rcgen::CertificateParams); 6] = [
        |params| params.subject_alt_names.clear(),
        |params| params.subject_alt_names.push(SanType::URI("https://x.example".try_into().unwrap())),
        |params| params.extended_key_usages.clear(),
        |params| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::TimeStamping],
        |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
        |params| params.not_after = params.not_before + std::time::Duration::from_secs(9),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut params = release_params();
        change(&mut params);
        assert!(!counts(&params, &instance), "{place}");
    }
}

// Keys on P-521.

/// A key on P-521, as rcgen and as aws-lc-rs have it.
struct Large {
    pair: KeyPair,
}

impl Large {
    fn new() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap() }
    }

    fn sign_by(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pair.serialize_der()).unwrap();
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    fn pem(&self) -> String {
        pem::encode(&pem::Pem::new("PUBLIC KEY", self.pair.subject_public_key_info()))
    }
}

/// A signature by the holder of a certificate on P-521.
fn large_signing(instance: &Instance, large: &Large, algorithm: &'static EcdsaSigningAlgorithm) -> Signing {
    let (between, said) = (&instance.between, instance.between.key.spki());
    let certificate = instance.promised(between, &said, NOW, &holder_params(), &large.pair);
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = large.sign_by(algorithm, &pae(IN_TOTO, &payload));
    Signing { key: Key::new(), certificate, payload, signature }
}

fn logged(instance: &Instance, signing: &Signing) -> Attached {
    Attached::bundle(&signing.bundle(&[instance.log.entry(&signing.body(), NOW)], &[]))
}

#[test]
fn certificates_with_keys_on_p521() {
    let instance = Instance::new();
    let root = instance.trusted();
    let (trusting, large) = (Trusting::new(&root), Large::new());
    let ask = |signing: &Signing| trusting.examine(&logged(&instance, signing)).refusal;
    assert_eq!(ask(&large_signing(&instance, &large, &ECDSA_P521_SHA512_ASN1_SIGNING)), None);
    // As Sigstore's clients once signed with every curve.
    assert_eq!(ask(&large_signing(&instance, &large, &ECDSA_P521_SHA256_ASN1_SIGNING)), None);
    let first = Trusting { reading: Reading::First, ..Trusting::new(&root) };
    let right = large_signing(&instance, &large, &ECDSA_P521_SHA512_ASN1_SIGNING);
    let before = first.examine(&logged(&instance, &right)).refusal;
    assert!(
        matches!(&before, Some(Refusal::NotVouched(why)) if why.contains("P-256 and P-384, Ed25519")),
        "{before:?}"
    );
    // Another hash, the two numbers in a row, another key, a bit, and a shorter one.
    assert!(ask(&large_signing(&instance, &large, &ECDSA_P521_SHA384_ASN1_SIGNING)).is_some());
    assert!(ask(&large_signing(&instance, &large, &ECDSA_P521_SHA512_FIXED_SIGNING)).is_some());
    let with = |signature: Vec<u8>| {
        let signing = Signing {
            key: Key::new(),
            certificate: right.certificate.clone(),
            payload: right.payload.clone(),
            signature,
        };
        ask(&signing)
    };
    let message = pae(IN_TOTO, &right.payload);
    assert!(with(Large::new().sign_by(&ECDSA_P521_SHA512_ASN1_SIGNING, &message)).is_some());
    for seed in 0..40 {
        let chance = &mut Chance::new(seed);
        let mut signature = right.signature.clone();
        let place = chance.below(signature.len());
        signature[place] ^= 1 << chance.below(8);
        assert!(with(signature).is_some(), "{place}");
        assert!(with(right.signature[..place].to_vec()).is_some(), "{place}");
    }
}

#[test]
fn authorities_with_keys_on_p521() {
    let instance = Instance::new();
    let large = Large::new();
    let params = authority_params("large");
    let der = params.self_signed(&large.pair).unwrap().der().to_vec();
    let said = large.pair.subject_public_key_info();
    let authority =
        Authority { key: Key { signing: SigningKey::generate().unwrap(), pair: large.pair }, der, params };
    let key = Large::new();
    let certificate = instance.promised(&authority, &said, NOW, &holder_params(), &key.pair);
    let payload = serde_json::to_vec(&statement()).unwrap();
    let signature = key.sign_by(&ECDSA_P521_SHA512_ASN1_SIGNING, &pae(IN_TOTO, &payload));
    let signing = Signing { key: Key::new(), certificate, payload, signature };
    let bundle = logged(&instance, &signing);
    let trusting = |der: &[u8]| {
        let mut document = instance.document();
        document["certificateAuthorities"] = json!([trusted_authority("large", &[der])]);
        TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap()
    };
    assert_eq!(Trusting::new(&trusting(&authority.der)).examine(&bundle).refusal, None);
    // Another authority of that name, with another key.
    let other = authority.params.self_signed(&Large::new().pair).unwrap().der().to_vec();
    assert!(Trusting::new(&trusting(&other)).examine(&bundle).refusal.is_some());
}

#[test]
fn managed_keys_on_p521() {
    let (large, other) = (Large::new(), Large::new());
    let key = PublicKey::from_pem(large.pem().as_bytes()).unwrap();
    assert_eq!(key.algorithm(), "ECDSA P-521");
    assert!(PublicKey::from_pem_as(large.pem().as_bytes(), Reading::First).is_err());
    let signature = large.sign_by(&ECDSA_P521_SHA512_ASN1_SIGNING, b"message");
    assert!(key.verify(b"message", &signature) && !key.verify(b"massage", &signature));
    assert!(!key.verify(b"message", &other.sign_by(&ECDSA_P521_SHA512_ASN1_SIGNING, b"message")));
    let fixed = large.sign_by(&ECDSA_P521_SHA512_FIXED_SIGNING, b"message");
    assert!(key.verify_p1363(b"message", &fixed) && !key.verify(b"message", &fixed));
}

// Chains in bundles v0.3.

fn with_chain(case: &Case, chain: &[&[u8]]) -> Value {
    let mut bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate").unwrap();
    let chain: Vec<_> = chain.iter().map(|der| json!({"rawBytes": base64(der)})).collect();
    material.insert("x509CertificateChain".into(), json!({"certificates": chain}));
    bundle
}

#[test]
fn chains_in_bundles_of_version_0_3() {
    let case = Case::new();
    let (leaf, between, root) =
        (case.signing.certificate.as_slice(), &case.instance.between.der[..], &case.instance.root.der[..]);
    let ask = |chain: &[&[u8]], trusted: &TrustedRoot| {
        Trusting::new(trusted).examine(&Attached::bundle(&with_chain(&case, chain))).refusal
    };
    let stranger = Authority::root("root");
    let rights: [&[&[u8]]; 5] =
        [&[leaf], &[leaf, between], &[leaf, between, root], &[leaf, root, between], &[leaf, &stranger.der]];
    for (place, right) in rights.into_iter().enumerate() {
        assert_eq!(ask(right, &case.root), None, "{place}");
    }
    let before = Trusting { reading: Reading::First, ..Trusting::new(&case.root) };
    let refusal = before.examine(&Attached::bundle(&with_chain(&case, rights[0]))).refusal;
    assert!(
        matches!(refusal, Some(Refusal::NotRead(why)) if why.contains("keyless signatures are not read"))
    );
    // The signer comes first, and there is one.
    for wrong in [&[between, leaf][..], &[root, between, leaf], &[between], &[root], &[]] {
        assert!(ask(wrong, &case.root).is_some());
    }
    // The root lists the authority's root alone: then the step must come along, and it may.
    let mut document = case.instance.document();
    document["certificateAuthorities"] = json!([trusted_authority("f", &[root])]);
    let bare = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    assert_eq!(ask(&[leaf, between], &bare), None);
    assert!(ask(&[leaf], &bare).is_some());
    // What comes along is never trusted by itself.
    let mut document = case.instance.document();
    document["certificateAuthorities"] = json!([trusted_authority("f", &[&stranger.der])]);
    let other = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    for chain in [
        &[leaf][..],
        &[leaf, between],
        &[leaf, between, root],
        &[leaf, root],
        &[leaf, between, root, &stranger.der],
    ] {
        assert!(ask(chain, &other).is_some());
    }
    // Both a certificate and a chain, too long a chain, and one that is malformed.
    let mut both = with_chain(&case, &[leaf]);
    both["verificationMaterial"]["certificate"] = json!({"rawBytes": base64(leaf)});
    let refusal = |bundle: &Value| Trusting::new(&case.root).examine(&Attached::bundle(bundle)).refusal;
    assert!(matches!(refusal(&both), Some(Refusal::Malformed(why)) if why.contains("more than one")));
    let long = with_chain(&case, &[leaf; 17]);
    assert!(
        matches!(refusal(&long), Some(Refusal::Malformed(why)) if why.contains("17") && why.contains("16"))
    );
    for place in 0..20 {
        let chance = &mut Chance::new(place);
        let mut changed = leaf.to_vec();
        let at = chance.below(changed.len());
        changed[at] ^= 1 << chance.below(8);
        assert!(ask(&[&changed, between, root], &case.root).is_some(), "{at}");
    }
}

#[test]
fn the_library_refuses_what_names_no_issuer_unless_it_is_told() {
    let case = Case::new();
    let answer = case.certified(|params| params.custom_extensions.clear());
    assert!(
        matches!(answer, Err(SigstoreError::Certificate(why)) if why.contains("names no issuer") && why.contains("sigstore:NAME"))
    );
}
