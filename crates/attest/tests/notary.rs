//! Notary Project signatures made here: each check of the specification has a case that passes only while the check is
//! there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::envelope::{
    Case, JWS, REPOSITORY, artifact, failures, only, policies, policies_of, sign, signer_params,
};
use common::instance::{Authority, Instance, NOW, Stamping, base64, extended_key_usage};
use coset::cbor::value::Value as Cbor;
use coset::{CoseSign1Builder, HeaderBuilder, RegisteredLabelWithPrivate, TaggedCborSerializable, iana};
use data_encoding::BASE64URL_NOPAD;
use lockgate_attest::notary::{
    Check, Envelope, NotaryError, NotaryTrust, PolicyError, Revocation, SigningScheme, StoreError, StoreKind,
    TrustPolicies, TrustStores, verify,
};
use lockgate_attest::reading::Reading;
use lockgate_attest::verify::{Believed, Carried, Notary, Refusal, examine};
use lockgate_attest::x509::Certificate;
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Timestamp};
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyUsagePurpose};
use serde_json::{Value, json};

#[test]
fn what_is_right_verifies() {
    for (case, scheme) in
        [(Case::new(), SigningScheme::X509), (Case::new().by_authority(), SigningScheme::SigningAuthority)]
    {
        let outcome = case.ask(&policies(|_| {}), &case.stores(), &[], NOW + 10);
        assert_eq!(failures(&outcome), []);
        assert!(outcome.is_admitted() && outcome.is_authentic());
        assert_eq!(case.read().unwrap().scheme, scheme);
        let vouched = scheme == SigningScheme::SigningAuthority;
        assert_eq!(outcome.signed_at, vouched.then(|| Timestamp::from_unix(NOW)));
    }
}

#[test]
fn an_envelope_is_about_what_it_is_attached_to() {
    let case = Case::new();
    let (policies, stores) = (policies(|_| {}), case.stores());
    let trust =
        NotaryTrust { policies: &policies, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let artifact = artifact();
    let notary = Notary { trust, repository: REPOSITORY, artifact: &artifact };
    let as_of = Timestamp::from_unix(NOW + 10);
    let believed = Believed {
        keys: &[],
        instances: Some(&[]),
        notary: Some(notary),
        commits: &[],
        as_of,
        reading: Reading::NEWEST,
    };
    let envelope = serde_json::to_vec(&case.jws()).unwrap();
    let examined = |subject: &Descriptor| {
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.into()),
            artifact_type: None,
            config: Descriptor::of(media::OCI_EMPTY, b"{}"),
            layers: vec![Descriptor::of(JWS, &envelope)],
            subject: Some(subject.bare()),
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let evidence = Evidence {
            subject: subject.digest,
            attachment: Attachment::Referrer,
            manifest: Descriptor::of(media::OCI_MANIFEST, &manifest),
            blobs: vec![Digest::of(&envelope)],
        };
        examine(&Carried { evidence: &evidence, manifest: &manifest, blobs: vec![&envelope] }, &believed)
            .remove(0)
    };
    assert_eq!(examined(&artifact).refusal, None);
    // It is about the artifact, and says nothing about an image that it was attached to.
    let image = Descriptor::of(media::OCI_MANIFEST, b"an image of it");
    assert!(matches!(examined(&image).refusal, Some(Refusal::OtherSubject(_))));
}

#[test]
fn critical_headers() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut case = Case::new();
        change(&mut case.protected);
        case.error()
    };
    let critical = |error| matches!(error, NotaryError::Critical(_));
    assert!(critical(with(&|header| header["crit"] = json!([]))));
    assert!(critical(with(&|header| header["crit"] = json!(["io.cncf.notary.signingScheme", "x"]))));
    let twice = json!(["io.cncf.notary.signingScheme", "io.cncf.notary.signingScheme"]);
    assert!(critical(with(&|header| header["crit"] = twice.clone())));
    assert!(critical(with(&|header| header["io.cncf.notary.expiry"] = json!("2027-01-01T00:00:00Z"))));
    assert!(critical(with(&|header| header["io.cncf.notary.signingScheme"] = json!("notary.x509.other"))));
    let plugin = |error| matches!(error, NotaryError::Plugin(_));
    assert!(plugin(with(&|header| header["io.cncf.notary.verificationPlugin"] = json!("p"))));
    assert!(plugin(with(&|header| header["io.cncf.notary.verificationPluginMinVersion"] = json!("1.0.0"))));
    // Times of the other scheme.
    let mut case = Case::new().by_authority();
    case.protected["io.cncf.notary.signingTime"] = json!("2026-01-01T00:00:00Z");
    assert!(matches!(case.error(), NotaryError::Malformed(_)));
    let mut case = Case::new().by_authority();
    case.protected["crit"] = json!(["io.cncf.notary.signingScheme"]);
    assert!(matches!(case.error(), NotaryError::Critical(_)));
}

#[test]
fn algorithms_and_types() {
    let with = |field: &str, value: Value| {
        let mut case = Case::new();
        case.protected[field] = value;
        case.error()
    };
    for algorithm in ["none", "HS256", "RS256", "ES384", "PS256", "es256"] {
        assert!(matches!(with("alg", json!(algorithm)), NotaryError::Algorithm(_)), "{algorithm}");
    }
    assert!(matches!(with("cty", json!("application/json")), NotaryError::Malformed(_)));
    let twice = br#"{"alg":"none","alg":"ES256"}"#;
    let jws = Case::new().jws_of(twice);
    let error = Envelope::read(JWS, &serde_json::to_vec(&jws).unwrap()).unwrap_err();
    assert!(matches!(error, NotaryError::Malformed(why) if why.contains("twice")));
    let bytes = serde_json::to_vec(&Case::new().jws()).unwrap();
    assert!(matches!(Envelope::read("application/json", &bytes), Err(NotaryError::MediaType(_))));
    assert!(matches!(Envelope::read("application/cose", &bytes), Err(NotaryError::Malformed(_))));
    let large = vec![b' '; (4 << 20) + 1];
    for kind in [JWS, "application/cose"] {
        let error = Envelope::read(kind, &large).unwrap_err();
        assert!(matches!(error, NotaryError::Malformed(why) if why.contains("4194304")), "{kind}");
    }
    let mut case = Case::new();
    case.header["io.cncf.notary.timestamp"] = json!("AAAA");
    case.header["io.cncf.notary.timestampSignature"] = json!("AAAA");
    assert!(matches!(case.error(), NotaryError::Malformed(why) if why.contains("two timestamps")));
}

#[test]
fn the_signature_itself() {
    let case = Case::new();
    let mut jws = case.jws();
    let changed = BASE64URL_NOPAD.encode(&serde_json::to_vec(&json!({"targetArtifact": {}})).unwrap());
    jws["payload"] = json!(changed);
    assert_eq!(Envelope::read(JWS, &serde_json::to_vec(&jws).unwrap()).unwrap_err(), NotaryError::Signature);
    let mut jws = case.jws();
    jws["signature"] = Case::new().jws()["signature"].clone();
    assert_eq!(Envelope::read(JWS, &serde_json::to_vec(&jws).unwrap()).unwrap_err(), NotaryError::Signature);
    // DER where two numbers are asked for, and base64 in another spelling.
    let mut jws = case.jws();
    let message = format!("{}.{}", jws["protected"].as_str().unwrap(), jws["payload"].as_str().unwrap());
    jws["signature"] = json!(BASE64URL_NOPAD.encode(&case.key.signing.sign(message.as_bytes()).unwrap()));
    assert_eq!(Envelope::read(JWS, &serde_json::to_vec(&jws).unwrap()).unwrap_err(), NotaryError::Signature);
    let mut jws = case.jws();
    jws["signature"] = json!(jws["signature"].as_str().unwrap().to_owned() + "=");
    assert!(matches!(
        Envelope::read(JWS, &serde_json::to_vec(&jws).unwrap()),
        Err(NotaryError::Malformed(_))
    ));
}

#[test]
fn another_artifact_or_repository() {
    let case = Case::new();
    let (policies, stores) = (policies(|_| {}), case.stores());
    let trust =
        NotaryTrust { policies: &policies, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let at = Timestamp::from_unix(NOW + 10);
    let ask = |artifact: &Descriptor, repository: &str| {
        verify(&case.read().unwrap(), artifact, repository, &trust, at)
    };
    assert!(ask(&artifact(), REPOSITORY).is_ok());
    let other = Descriptor::of(&artifact().media_type, b"another");
    assert_eq!(ask(&other, REPOSITORY), Err(NotaryError::OtherArtifact));
    let mut typed = artifact();
    typed.media_type = "application/vnd.oci.image.index.v1+json".to_owned();
    assert_eq!(ask(&typed, REPOSITORY), Err(NotaryError::OtherArtifact));
    let mut longer = artifact();
    longer.size += 1;
    assert_eq!(ask(&longer, REPOSITORY), Err(NotaryError::OtherArtifact));
    for repository in ["registry.example/webs", "registry.example/web/api", "other.example/web", "*"] {
        assert!(matches!(ask(&artifact(), repository), Err(NotaryError::NoPolicy(_))), "{repository}");
    }
}

#[test]
fn stores_of_the_other_kind() {
    let mut ca = TrustStores::default();
    let case = Case::new().by_authority();
    ca.add(StoreKind::Ca, "acme", &case.root.der).unwrap();
    ca.add(StoreKind::SigningAuthority, "acme", &Authority::root("other").der).unwrap();
    let outcome = case.ask(&policies(|_| {}), &ca, &[], NOW + 10);
    only(&outcome, Check::Authenticity, "signingAuthority");
    // The time is the word of somebody who is not trusted for it.
    assert_eq!((outcome.signed_at, outcome.is_authentic()), (None, false));
    let case = Case::new();
    let mut authority = TrustStores::default();
    authority.add(StoreKind::SigningAuthority, "acme", &case.root.der).unwrap();
    authority.add(StoreKind::Ca, "acme", &Authority::root("other").der).unwrap();
    only(&case.ask(&policies(|_| {}), &authority, &[], NOW + 10), Check::Authenticity, "`ca`");
    // A store that the policy names and nobody filled.
    let trust = NotaryTrust {
        policies: &policies(|_| {}),
        stores: &TrustStores::default(),
        revocations: &[],
        reading: Reading::NEWEST,
    };
    let error = verify(&case.read().unwrap(), &artifact(), REPOSITORY, &trust, Timestamp::from_unix(NOW))
        .unwrap_err();
    assert_eq!(error, NotaryError::NoStore("ca:acme".to_owned()));
    let refused = TrustStores::default().add(StoreKind::Tsa, "x", &case.certificate).unwrap_err();
    assert!(matches!(refused, StoreError::NoRoot { .. }));
    let refused = TrustStores::default().add(StoreKind::Ca, "x", &case.certificate).unwrap_err();
    assert!(matches!(refused, StoreError::Leaf { .. }));
}

#[test]
fn a_root_of_the_same_name() {
    // The chain's own root is not the trusted one, although both have one name.
    let case = Case::new();
    let mut stores = TrustStores::default();
    stores.add(StoreKind::Ca, "acme", &Authority::root("root").der).unwrap();
    stores.add(StoreKind::SigningAuthority, "acme", &case.root.der).unwrap();
    only(&case.ask(&policies(|_| {}), &stores, &[], NOW + 10), Check::Authenticity, "no trust store");
    // The trusted root stands in the chain, and did not issue the signer's certificate.
    let mut case = Case::new();
    let other = Authority::root("root");
    case.header["x5c"][1] = json!(base64(&other.der));
    let mut stores = TrustStores::default();
    stores.add(StoreKind::Ca, "acme", &other.der).unwrap();
    only(
        &case.ask(&policies(|_| {}), &stores_with(&stores, &other), &[], NOW + 10),
        Check::Authenticity,
        "no trusted authority issued",
    );
}

fn stores_with(stores: &TrustStores, authority: &Authority) -> TrustStores {
    let mut stores = stores.clone();
    stores.add(StoreKind::SigningAuthority, "acme", &authority.der).unwrap();
    stores
}

#[test]
fn certificates_that_are_not_as_the_specification_asks() {
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = signer_params();
        change(&mut params);
        match Case::with(&params).read() {
            Ok(_) => String::new(),
            Err(NotaryError::Certificates(why)) => why,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(with(&|_| {}), "");
    assert_eq!(with(&|params| params.custom_extensions.clear()), "");
    assert!(with(&|params| params.key_usages.clear()).contains("key usage"));
    assert!(
        with(&|params| params.key_usages.push(KeyUsagePurpose::KeyEncipherment)).contains("nothing else")
    );
    assert!(
        with(&|params| params.custom_extensions = vec![extended_key_usage(1, false)])
            .contains("signing code")
    );
    assert!(
        with(&|params| params.custom_extensions = vec![extended_key_usage(8, true)]).contains("signing code")
    );
    assert!(
        with(&|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained))
            .contains("authority")
    );
    // Chains: out of order, cut short, empty.
    let chain = |change: &dyn Fn(&Case) -> Value| {
        let mut case = Case::new();
        case.header["x5c"] = change(&case);
        case.error()
    };
    let certificates = |error| matches!(error, NotaryError::Certificates(_));
    assert!(certificates(chain(&|case| json!([base64(&case.certificate)]))));
    assert!(certificates(chain(&|_| json!([]))));
    assert!(certificates(chain(&|case| json!(vec![base64(&case.certificate); 17]))));
    assert_eq!(
        chain(&|case| json!([base64(&case.root.der), base64(&case.certificate)])),
        NotaryError::Signature
    );
    let between = chain(&|case| {
        json!([base64(&case.certificate), base64(&Authority::root("x").der), base64(&case.root.der)])
    });
    assert!(certificates(between));
}

#[test]
fn identities() {
    let case = Case::new();
    let with = |identity: &str| {
        let policies = policies(|policy| policy["trustedIdentities"] = json!([identity]));
        case.ask(&policies, &case.stores(), &[], NOW + 10)
    };
    assert!(with("*").is_admitted());
    assert!(with("x509.subject: O=acme,C=US,ST=WA").is_admitted());
    for other in ["C=US, ST=WA, O=acme, CN=signers", "C=US, ST=WA, O=acm", "C=US, ST=WA, O=acme, OU=x"] {
        only(&with(&format!("x509.subject: {other}")), Check::Authenticity, "none of the trusted identities");
    }
}

#[test]
fn validity_and_expiry() {
    let case = Case::new();
    let ask = |case: &Case, at| case.ask(&policies(|_| {}), &case.stores(), &[], at);
    only(&ask(&case, NOW - 61), Check::AuthenticTimestamp, "was not valid");
    only(&ask(&case, NOW + 541), Check::AuthenticTimestamp, "was not valid");
    assert!(ask(&case, NOW + 540).is_admitted());
    // A signing authority vouches for the time: its certificate was valid then.
    let vouched = Case::new().by_authority();
    assert!(ask(&vouched, NOW + 86_400).is_admitted());
    let mut late = Case::new().by_authority();
    late.protected["io.cncf.notary.authenticSigningTime"] = json!("2026-01-01T01:00:00Z");
    only(&ask(&late, NOW + 86_400), Check::AuthenticTimestamp, "was not valid");
    only(&ask(&vouched, NOW - 1), Check::AuthenticTimestamp, "future");
    let mut expiring = Case::new();
    expiring.protected["io.cncf.notary.expiry"] = json!("2026-01-01T00:05:00Z");
    expiring.protected["crit"] = json!(["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"]);
    assert!(ask(&expiring, NOW + 299).is_admitted());
    only(&ask(&expiring, NOW + 300), Check::Expiry, "expired");
}

#[test]
fn timestamps() {
    let mut case = Case::new();
    let instance = Instance::new();
    let mut stores = case.stores();
    stores.add(StoreKind::Tsa, "acme", &instance.stamp_root.der).unwrap();
    let stamped = |case: &mut Case, stamping: &Stamping<'_>| {
        let signature = BASE64URL_NOPAD.decode(case.jws()["signature"].as_str().unwrap().as_bytes()).unwrap();
        case.header["io.cncf.notary.timestampSignature"] = json!(base64(&stamping.token(&signature)));
    };
    let with_stores =
        |policy: &mut Value| policy["trustStores"].as_array_mut().unwrap().push(json!("tsa:acme"));
    let always = policies(with_stores);
    let later = policies(|policy| {
        with_stores(policy);
        policy["signatureVerification"]["verifyTimestamp"] = json!("afterCertExpiry");
    });
    only(&case.ask(&always, &stores, &[], NOW + 10), Check::AuthenticTimestamp, "there is none");
    assert!(case.ask(&later, &stores, &[], NOW + 10).is_admitted());
    // ECDSA signs anew each time: the signature that is stamped must be the one in the envelope.
    let stamping = Stamping { embedded: vec![&instance.stamp_certificate], ..instance.stamping() };
    stamped(&mut case, &stamping);
    let outcome = case.ask(&always, &stores, &[], NOW + 86_400);
    only(&outcome, Check::AuthenticTimestamp, "about other bytes");
    assert_eq!(outcome.signed_at, None);
}

#[test]
fn levels() {
    // Everything wrong that can be: a stranger's, expired.
    let mut case = Case::new();
    case.protected["io.cncf.notary.expiry"] = json!("2026-01-01T00:05:00Z");
    case.protected["crit"] = json!(["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"]);
    let stores = Case::new().stores();
    let at = |level: &str, stores: &TrustStores| {
        let policies = policies(|policy| policy["signatureVerification"]["level"] = json!(level));
        case.ask(&policies, stores, &[], NOW + 86_400)
    };
    let strict = at("strict", &stores);
    assert_eq!(failures(&strict).len(), 3);
    assert!(!strict.is_admitted() && !at("permissive", &stores).is_admitted());
    // Admitted under `audit`, and not authentic: it counts for nobody who counts signatures.
    let audit = at("audit", &stores);
    assert!(audit.is_admitted() && !audit.is_authentic());
    let permissive = at("permissive", &case.stores());
    assert!(permissive.is_admitted() && permissive.is_authentic());
    assert!(!at("strict", &case.stores()).is_admitted());
}

#[test]
fn trust_policies_that_are_none() {
    let with = |field: &str, value: Value| policies_of(|policy| policy[field] = value).unwrap_err();
    let level = |level: &str| with("signatureVerification", json!({"level": level}));
    assert!(level("skip").to_string().contains("does not count here"));
    assert!(matches!(level("Strict"), PolicyError::Level { .. }));
    let overridden = |check: &str, action: &str| {
        with("signatureVerification", json!({"level": "strict", "override": {check: action}}))
    };
    for (check, action) in [
        ("integrity", "log"),
        ("authenticity", "skip"),
        ("expiry", "skip"),
        ("revocation", "ignore"),
        ("x", "log"),
    ] {
        assert!(matches!(overridden(check, action), PolicyError::Override { .. }), "{check} {action}");
    }
    for scopes in [
        json!([]),
        json!(["*", "r.example/a"]),
        json!(["r.example"]),
        json!(["r.example/*"]),
        json!(["https://r.example/a"]),
    ] {
        assert!(matches!(with("registryScopes", scopes.clone()), PolicyError::Scope { .. }), "{scopes}");
    }
    for stores in [
        json!([]),
        json!(["tsa:acme"]),
        json!(["acme"]),
        json!(["ca:"]),
        json!(["CA:acme"]),
        json!(["ca:../x"]),
    ] {
        assert!(matches!(with("trustStores", stores.clone()), PolicyError::Store { .. }), "{stores}");
    }
    for identities in [
        json!([]),
        json!(["*", "x509.subject: C=US, ST=WA, O=acme"]),
        json!(["C=US, ST=WA, O=acme"]),
        json!(["x509.subject: C=US, ST=WA"]),
        json!(["x509.subject: C=US, ST=WA, O=acme, O=other"]),
        json!(["x509.subject: C=US, ST=WA, O=acme, XX=1"]),
        json!(["x509.subject: C=US, ST=WA, O=acme+CN=a"]),
        json!(["x509.subject: C=US, ST=WA, O=acme", "x509.subject: C=US, ST=WA, O=acme, CN=signer"]),
    ] {
        assert!(
            matches!(with("trustedIdentities", identities.clone()), PolicyError::Identity { .. }),
            "{identities}"
        );
    }
    assert!(matches!(with("trustedidentities", json!(["*"])), PolicyError::Malformed(_)));
    assert!(matches!(with("name", json!("")), PolicyError::Name(_)));
    let twice = br#"{"version": "1.0", "trustPolicies": [], "trustPolicies": []}"#;
    assert!(matches!(TrustPolicies::from_json(twice), Err(PolicyError::Malformed(_))));
    let other = br#"{"version": "2.0", "trustPolicies": []}"#;
    assert!(matches!(TrustPolicies::from_json(other), Err(PolicyError::Version(_))));
}

// COSE.

fn cose(case: &Case, algorithm: iana::Algorithm, scheme: &str, stray: bool) -> Vec<u8> {
    let critical = RegisteredLabelWithPrivate::Text("io.cncf.notary.signingScheme".to_owned());
    let protected = HeaderBuilder::new()
        .algorithm(algorithm)
        .add_critical_label(critical)
        .content_type("application/vnd.cncf.notary.payload.v1+json".to_owned())
        .text_value("io.cncf.notary.signingScheme".to_owned(), Cbor::Text(scheme.to_owned()))
        .text_value(
            "io.cncf.notary.signingTime".to_owned(),
            Cbor::Tag(1, Box::new(Cbor::Integer(NOW.into()))),
        );
    let chain = Cbor::Array(vec![Cbor::Bytes(case.certificate.clone()), Cbor::Bytes(case.root.der.clone())]);
    let mut unprotected = HeaderBuilder::new().value(33, chain);
    if stray {
        let time = Cbor::Tag(1, Box::new(Cbor::Integer(NOW.into())));
        unprotected = unprotected.text_value("io.cncf.notary.expiry".to_owned(), time);
    }
    let payload = serde_json::to_vec(&case.payload).unwrap();
    CoseSign1Builder::new()
        .protected(protected.build())
        .unprotected(unprotected.build())
        .payload(payload)
        .create_signature(b"", |message| sign(&case.key, message))
        .build()
        .to_tagged_vec()
        .unwrap()
}

#[test]
fn cose_envelopes() {
    let case = Case::new();
    let read = |bytes: &[u8]| Envelope::read("application/cose", bytes);
    let right = cose(&case, iana::Algorithm::ES256, "notary.x509", false);
    let envelope = read(&right).unwrap();
    let (policies, stores) = (policies(|_| {}), case.stores());
    let trust =
        NotaryTrust { policies: &policies, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let outcome = verify(&envelope, &artifact(), REPOSITORY, &trust, Timestamp::from_unix(NOW + 10)).unwrap();
    assert!(outcome.is_admitted() && outcome.is_authentic());
    assert_eq!(envelope.signing_time, Some(Timestamp::from_unix(NOW)));
    let other = read(&cose(&case, iana::Algorithm::ES384, "notary.x509", false));
    assert!(matches!(other, Err(NotaryError::Algorithm(_))));
    let other = read(&cose(&case, iana::Algorithm::EdDSA, "notary.x509", false));
    assert!(matches!(other, Err(NotaryError::Algorithm(_))));
    assert!(matches!(read(&cose(&case, iana::Algorithm::ES256, "x", false)), Err(NotaryError::Critical(_))));
    let stray = read(&cose(&case, iana::Algorithm::ES256, "notary.x509", true));
    assert!(matches!(stray, Err(NotaryError::Malformed(why)) if why.contains("must be signed")));
    // Untagged, cut short, lengthened, and with any byte changed.
    assert!(matches!(read(&right[1..]), Err(NotaryError::Malformed(_))));
    assert!(matches!(read(&right[..right.len() - 1]), Err(NotaryError::Malformed(_))));
    assert!(matches!(read(&[&right[..], &[0]].concat()), Err(NotaryError::Malformed(_))));
    for place in 0..right.len() {
        let mut changed = right.clone();
        changed[place] ^= 1;
        let believed = read(&changed).is_ok_and(|envelope| {
            verify(&envelope, &artifact(), REPOSITORY, &trust, Timestamp::from_unix(NOW + 10))
                .is_ok_and(|outcome| outcome.is_admitted())
        });
        assert!(!believed, "byte {place}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _read = Envelope::read(JWS, &bytes);
        let _read = Envelope::read("application/cose", &bytes);
        let _read = Revocation::read(&bytes);
        let _read = TrustPolicies::from_json(&bytes);
        let _read = Certificate::from_der(&bytes);
    }
}
