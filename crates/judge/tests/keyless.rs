//! Signatures by holders of certificates: whom the stage asks for, and everything that is not that.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

#[path = "making/keyless.rs"]
mod holders;
#[path = "../../attest/tests/common/instance.rs"]
mod instance;
mod making;

use holders::{Keyless, statement};
use instance::{NOW, SUBJECT, Signing, Stamping, claim, holder_params};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::sigstore::{Artifact, Demands, Signed, Trust, verify};
use lockgate_attest::write::{cosign_bundle, cosign_signature_statement};
use lockgate_model::case::{Revocation, TrustedIdentity, TrustedKey};
use lockgate_model::keyring::{Role, Subject};
use lockgate_model::oci::media;
use lockgate_model::{Answer, Decision, Outcome, Timestamp};
use making::attach;
use rcgen::SanType;
use serde_json::{Value, json};

fn codes(decision: &Decision, gate: &str) -> Vec<String> {
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == gate).unwrap();
    verdict.findings.iter().map(|found| found.code.clone()).collect()
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds)
}

#[test]
fn whom_an_instance_vouches_for_counts() {
    let decision = Keyless::new().making.decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
    assert!(verdict.summary.contains(&format!("ci ({SUBJECT})")), "{}", verdict.summary);
    let relied = |prefix: &str| verdict.relied_on.iter().any(|one| one.to_string().starts_with(prefix));
    assert!(relied("identity:ci@sha256:") && relied("sigstore:public@sha256:") && relied("evidence:sha256:"));
    // By its role, by patterns, and with claims of its certificate.
    for (settings, subject) in [
        (json!({"role": "builder"}), Subject::Exact(SUBJECT.into())),
        (
            json!({"identities": ["ci"]}),
            Subject::Glob("https://github.com/acme/*/.github/workflows/*@refs/heads/main".into()),
        ),
        (
            json!({"identities": ["ci"]}),
            Subject::Regex("^https://github\\.com/acme/.+@refs/heads/main$".into()),
        ),
        (
            json!({"identities": ["ci"], "claims": {
                "source-repository-uri": "https://github.com/acme/{service}", "source-repository-ref": "refs/heads/*"}}),
            Subject::Exact(SUBJECT.into()),
        ),
    ] {
        let mut keyless = Keyless::new();
        keyless.identity().subject = subject;
        keyless.making.record.gates.insert("signature".into(), settings.clone());
        assert_eq!(keyless.making.decide().outcome, Outcome::Proceed, "{settings}");
    }
}

/// What is spoilt about the good Case, and the code that must be among the findings.
type Spoilt = (&'static str, &'static str, fn(&mut Keyless));

#[test]
#[expect(clippy::too_many_lines, reason = "a row for each case")]
fn nobody_else_does() {
    let spoilt: [Spoilt; 20] = [
        ("another subject", "signature.holder-not-asked", |one| {
            one.identity().subject = Subject::Exact(format!("{SUBJECT}x"));
        }),
        ("a pattern for a part", "signature.holder-not-asked", |one| {
            one.identity().subject = Subject::Glob("https://github.com/acme/web/.github/*".into());
        }),
        ("another issuer asked for", "signature.holder-not-asked", |one| {
            one.identity().issuer = "https://gitlab.com".into();
        }),
        ("an instance that may not vouch for this issuer", "signature.not-counted", |one| {
            one.making.record.sigstore[0].issuers = ["https://gitlab.com".to_owned()].into();
        }),
        ("no instance", "signature.not-counted", |one| one.making.record.sigstore.clear()),
        ("another instance", "signature.not-counted", |one| {
            let other = instance::Instance::new();
            let root = one.making.inputs.insert(serde_json::to_vec(&other.document()).unwrap());
            one.making.record.sigstore[0].root = root;
        }),
        ("two logs asked for", "signature.not-counted", |one| one.making.record.sigstore[0].logs = 2),
        ("a timestamp asked for", "signature.not-counted", |one| {
            one.making.record.sigstore[0].timestamps = 1;
        }),
        ("two promises asked for", "signature.not-counted", |one| one.making.record.sigstore[0].scts = 2),
        ("a claim that differs", "signature.holder-not-asked", |one| {
            let settings = json!({"identities": ["ci"], "claims": {"build-trigger": "workflow_dispatch"}});
            one.making.record.gates.insert("signature".into(), settings);
        }),
        ("a claim that is not made", "signature.holder-not-asked", |one| {
            let settings = json!({"identities": ["ci"], "claims": {"deployment-environment": "prod"}});
            one.making.record.gates.insert("signature".into(), settings);
        }),
        ("another repository", "signature.holder-not-asked", |one| {
            let settings = json!({"identities": ["ci"], "claims": {"source-repository-uri": "https://github.com/acme/{service}"}});
            one.making.record.service = "shop".parse().unwrap();
            one.making.record.gates.insert("signature".into(), settings);
        }),
        ("revoked", "signature.identity-revoked", |one| {
            one.identity().standing.revoked = Some(Revocation { at: after(9), compromised_since: None });
        }),
        ("revoked since before", "signature.identity-revoked", |one| {
            one.identity().standing.revoked =
                Some(Revocation { at: after(9), compromised_since: Some(after(0)) });
        }),
        ("revoked under another name", "signature.identity-revoked", |one| {
            let mut other = one.identity().clone();
            other.name = "acme".into();
            other.subject = Subject::Glob("https://github.com/acme/**".into());
            other.standing.revoked = Some(Revocation { at: after(9), compromised_since: None });
            one.making.record.identities.push(other);
        }),
        ("retired before it signed", "signature.identity-retired", |one| {
            one.identity().standing.retired_at = Some(after(0));
        }),
        ("expired", "signature.identity-expired", |one| {
            one.identity().standing.valid_until = Some(one.making.record.as_of);
        }),
        ("for another stage", "signature.identity-other-stage", |one| {
            one.identity().standing.duty.as_mut().unwrap().stages = "prod".parse().unwrap();
        }),
        ("of another role", "signature.identity-other-role", |one| {
            one.identity().standing.duty.as_mut().unwrap().roles = [Role::Scanner].into();
        }),
        ("both ends in one hand", "signature.identity-not-apart", |one| {
            let mut other = one.identity().clone();
            other.name = "release".into();
            other.subject = Subject::Exact("ann@acme.example".into());
            other.standing.duty.as_mut().unwrap().roles = [Role::Releaser].into();
            one.making.record.identities.push(other);
        }),
    ];
    for (what, code, spoil) in spoilt {
        let mut keyless = Keyless::new();
        spoil(&mut keyless);
        let decision = keyless.making.decide();
        assert_ne!(decision.outcome, Outcome::Proceed, "{what}");
        assert!(codes(&decision, "signature").iter().any(|one| one == code), "{what}: {decision:#?}");
    }
}

#[test]
fn an_identity_counts_for_what_it_signed_before() {
    for (since, counts) in [(1, true), (0, false), (-1, false)] {
        let mut keyless = Keyless::new();
        let revoked = Revocation { at: after(90), compromised_since: Some(after(since)) };
        keyless.identity().standing.revoked = Some(revoked);
        assert_eq!(keyless.making.decide().outcome == Outcome::Proceed, counts, "{since}");
        let mut keyless = Keyless::new();
        keyless.identity().standing.retired_at = Some(after(since));
        assert_eq!(keyless.making.decide().outcome == Outcome::Proceed, counts, "{since}");
    }
    // Of two revocations the one that says more holds.
    let mut keyless = Keyless::new();
    let mut other = keyless.identity().clone();
    other.name = "acme".into();
    other.standing.revoked = Some(Revocation { at: after(9), compromised_since: None });
    keyless.making.record.identities.push(other);
    keyless.identity().standing.revoked =
        Some(Revocation { at: after(90), compromised_since: Some(after(1)) });
    assert_ne!(keyless.making.decide().outcome, Outcome::Proceed);
}

#[test]
fn what_cannot_be_used_blinds_the_gate() {
    let spoilt: [Spoilt; 3] = [
        ("no root", "signature.trust-unusable", |one| {
            one.making.record.sigstore[0].root = lockgate_model::Digest::of(b"gone");
        }),
        ("a root that is none", "signature.trust-unusable", |one| {
            one.making.record.sigstore[0].root = one.making.inputs.insert("{}");
        }),
        ("an identity that is not there", "signature.identity-unusable", |one| {
            one.identity().name = "other".into();
        }),
    ];
    for (what, code, spoil) in spoilt {
        let mut keyless = Keyless::new();
        spoil(&mut keyless);
        let decision = keyless.making.decide();
        let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
        assert_eq!(verdict.answer, Answer::Unknown, "{what}");
        assert!(codes(&decision, "signature").iter().any(|one| one == code), "{what}: {decision:#?}");
    }
}

#[test]
fn each_holder_and_owner_counts_once() {
    let two = json!({"identities": ["ci", "other"], "required": 2});
    let with = |spoil: fn(&mut TrustedIdentity)| {
        let mut keyless = Keyless::new();
        keyless.sign(&holder_params());
        let mut other = keyless.identity().clone();
        other.name = "other".into();
        spoil(&mut other);
        keyless.making.record.identities.push(other);
        keyless.making.record.gates.insert("signature".into(), two.clone());
        keyless
    };
    // Two signatures of one owner are one.
    assert_ne!(with(|_| {}).making.decide().outcome, Outcome::Proceed);
    let mut keyless = with(|other| {
        other.standing.duty.as_mut().unwrap().owner = "the shop team".into();
        other.subject = Subject::Exact("https://github.com/acme/shop/x@refs/heads/main".into());
    });
    assert_ne!(keyless.making.decide().outcome, Outcome::Proceed);
    let mut params = holder_params();
    let subject = "https://github.com/acme/shop/x@refs/heads/main";
    params.subject_alt_names = vec![SanType::URI(subject.try_into().unwrap())];
    keyless.sign(&params);
    assert_eq!(keyless.making.decide().outcome, Outcome::Proceed);
}

#[test]
fn no_byte_of_it_can_be_changed() {
    let mut keyless = Keyless::bare();
    let artifact = keyless.making.record.artifact.clone();
    let said = statement(&artifact.digest, "https://sigstore.dev/cosign/sign/v1", &json!({}));
    let mut bundle = keyless.bundle(&holder_params(), &said, &[]);
    // Empty lists and zeros may be called what one likes: they say what their absence says (protobuf's JSON).
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("timestampVerificationData");
    let proof = material["tlogEntries"][0]["inclusionProof"].as_object_mut().unwrap();
    for default in ["hashes", "logIndex"] {
        proof.remove(default).unwrap();
    }
    keyless.attach(&bundle);
    assert_eq!(keyless.making.decide().outcome, Outcome::Proceed);
    let blob = keyless.making.record.evidence[0].blobs[0];
    let good = keyless.making.inputs.get(&blob).unwrap().to_vec();
    for at in (0..good.len()).step_by(5) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let evidence = attach(&mut keyless.making.inputs, &artifact, media::SIGSTORE_BUNDLE, bad);
        keyless.making.record.evidence = vec![evidence];
        let place = String::from_utf8_lossy(&good[at.saturating_sub(30)..(at + 30).min(good.len())]);
        assert_ne!(keyless.making.decide().outcome, Outcome::Proceed, "{at}: {place}");
    }
}

/// What is changed about a stamped bundle.
type Spoil = fn(&mut Value, &instance::Instance);

#[test]
fn a_stamp_proves_how_old_a_keys_signature_is() {
    let judged = |since: Option<i64>, spoil: Spoil| {
        let mut keyless = Keyless::bare();
        let Keyless { making, instance } = &mut keyless;
        let artifact = making.record.artifact.clone();
        let made = cosign_bundle(
            &artifact,
            &making.key,
            &cosign_signature_statement(&artifact),
            Timestamp::from_unix(0),
        );
        let bytes = made.unwrap().blobs.pop().unwrap();
        let mut bundle: Value = serde_json::from_slice(&bytes).unwrap();
        let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
        let signature = data_encoding::BASE64.decode(signature.as_bytes()).unwrap();
        let token = Stamping { time: "20260101000010Z", ..instance.stamping() }.token(&signature);
        bundle["verificationMaterial"]["timestampVerificationData"] =
            json!({"rfc3161Timestamps": [{"signedTimestamp": instance::base64(&token)}]});
        spoil(&mut bundle, instance);
        making.record.keys[0].standing.revoked =
            Some(Revocation { at: after(90), compromised_since: since.map(after) });
        making.record.gates.insert("signature".into(), json!({"keys": ["build"]}));
        keyless.attach(&bundle);
        keyless.making.decide()
    };
    let nothing: Spoil = |_, _| {};
    assert_eq!(judged(Some(11), nothing).outcome, Outcome::Proceed);
    for since in [Some(10), Some(9), None] {
        let decision = judged(since, nothing);
        assert!(codes(&decision, "signature").contains(&"signature.key-revoked".into()), "{since:?}");
        assert_ne!(decision.outcome, Outcome::Proceed);
    }
    // Without the stamp nothing is proven, and a stranger's is passed over.
    let without: Spoil =
        |bundle, _| bundle["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    assert_ne!(judged(Some(11), without).outcome, Outcome::Proceed);
    let strangers: Spoil = |bundle, _| stamp_another(bundle, &instance::Instance::with_stampers("strangers"));
    let decision = judged(Some(11), strangers);
    assert!(codes(&decision, "signature").contains(&"signature.key-revoked".into()), "{decision:#?}");
    // A trusted one over other bytes is a sign that somebody tampered: the signature counts for nothing at all.
    let tampered: Spoil = |bundle, instance| stamp_another(bundle, instance);
    let decision = judged(Some(11), tampered);
    assert!(codes(&decision, "signature").contains(&"signature.not-counted".into()), "{decision:#?}");
    assert_ne!(decision.outcome, Outcome::Proceed);
}

/// Puts a timestamp of something else into a bundle.
fn stamp_another(bundle: &mut Value, by: &instance::Instance) {
    let token = by.stamping().token(b"another signature");
    bundle["verificationMaterial"]["timestampVerificationData"] =
        json!({"rfc3161Timestamps": [{"signedTimestamp": instance::base64(&token)}]});
}

#[test]
fn attestations_and_bare_messages_are_no_signatures() {
    let mut keyless = Keyless::bare();
    keyless.attest(&holder_params(), "https://slsa.dev/provenance/v1", &json!({}));
    let decision = keyless.making.decide();
    assert!(codes(&decision, "signature").contains(&"signature.missing".into()), "{decision:#?}");
    let mut params = holder_params();
    params.custom_extensions = vec![claim(8, "https://issuer.invalid")];
    let mut keyless = Keyless::bare();
    keyless.sign(&params);
    let decision = keyless.making.decide();
    assert!(codes(&decision, "signature").contains(&"signature.not-counted".into()), "{decision:#?}");
}

#[test]
fn a_signature_on_the_bare_bytes_says_nothing_about_an_image() {
    let mut keyless = Keyless::bare();
    let artifact = keyless.making.record.artifact.digest;
    let bytes = keyless.making.inputs.get(&artifact).unwrap().clone();
    let mut signing = Signing::of(&keyless.instance, &holder_params());
    signing.signature = signing.key.signing.sign(&bytes).unwrap();
    let body = json!({
        "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": artifact.hex()}},
            "signature": {
                "content": instance::base64(&signing.signature),
                "publicKey": {"content": instance::base64(signing.pem().as_bytes())},
            },
        },
    });
    let entry = keyless.instance.log.entry(&body, NOW);
    let mut bundle = signing.bundle(&[entry], &[]);
    bundle.as_object_mut().unwrap().remove("dsseEnvelope");
    bundle["messageSignature"] = json!({
        "messageDigest": {"algorithm": "SHA2_256", "digest": instance::base64(artifact.as_bytes())},
        "signature": instance::base64(&signing.signature),
    });
    // It is a right signature, as of a file.
    let signed = Signed::from_bundle(&serde_json::to_vec(&bundle).unwrap()).unwrap();
    let root = keyless.instance.trusted();
    let (of_certificates, of_keys) = (Demands::PUBLIC, Demands::KEY_ALONE);
    let trust = Trust { root: Some(&root), keys: &[], without_issuer: None, of_certificates, of_keys };
    assert!(verify(&signed, &Artifact::named(&artifact), &trust, after(60)).is_ok());
    keyless.attach(&bundle);
    let decision = keyless.making.decide();
    assert_ne!(decision.outcome, Outcome::Proceed);
    assert!(codes(&decision, "signature").contains(&"signature.not-counted".into()), "{decision:#?}");
}

#[test]
fn an_attestation_by_a_certificate_is_told_where_keys_are_asked_for() {
    let mut keyless = Keyless::new();
    let key = SigningKey::generate().unwrap();
    let file = keyless.making.inputs.insert(key.public().to_pem());
    keyless.making.record.keys.push(TrustedKey::plain("security", file));
    keyless.making.record.gates.insert("vulnerability".into(), json!({"vex": {"keys": ["security"]}}));
    keyless.attest(&holder_params(), "https://openvex.dev/ns/v0.2.0", &json!({}));
    let decision = keyless.making.decide();
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
    let told = verdict.findings.iter().find(|found| found.code == "vulnerability.vex-not-counted").unwrap();
    let why = "signed it by a certificate, and the settings name keys";
    assert!(told.title.contains(SUBJECT) && told.title.contains(why), "{told:?}");
}

/// The findings of the signature gate with this code.
fn told(decision: &Decision, code: &str) -> Vec<lockgate_model::Finding> {
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
    verdict.findings.iter().filter(|found| found.code == code).cloned().collect()
}

fn before(mut keyless: Keyless) -> Decision {
    keyless.making.record.edition = "2026-2".into();
    keyless.making.decide()
}

#[test]
fn a_timestamp_that_cannot_be_read_is_told() {
    let signed = || {
        let mut keyless = Keyless::bare();
        let artifact = keyless.making.record.artifact.digest;
        let said = statement(&artifact, "https://sigstore.dev/cosign/sign/v1", &json!({}));
        let bundle = keyless.bundle(&holder_params(), &said, &[b"not a timestamp".to_vec()]);
        keyless.attach(&bundle);
        keyless
    };
    let decision = signed().making.decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let found = told(&decision, "signature.timestamp-unread");
    assert!(matches!(found.as_slice(), [one] if one.effect == lockgate_model::Effect::Advise), "{found:#?}");
    // Where an authority must have dated it, it does not count, and why is said.
    let mut asked = signed();
    asked.making.record.sigstore[0].timestamps = 1;
    let decision = asked.making.decide();
    assert_ne!(decision.outcome, Outcome::Proceed);
    let found = told(&decision, "signature.not-counted");
    assert!(found[0].title.contains("the timestamp is malformed"), "{found:#?}");
    // Recorded Cases refused the whole of it.
    let decision = before(signed());
    assert_ne!(decision.outcome, Outcome::Proceed);
    assert_eq!(told(&decision, "signature.timestamp-unread"), []);
}

#[test]
fn an_authority_without_certificates_is_told() {
    let with = || {
        let mut keyless = Keyless::new();
        let mut document = keyless.instance.document();
        document["timestampAuthorities"]
            .as_array_mut()
            .unwrap()
            .push(json!({"uri": "https://tsa.gone.example"}));
        let root = keyless.making.inputs.insert(serde_json::to_vec(&document).unwrap());
        keyless.making.record.sigstore[0].root = root;
        keyless
    };
    let decision = with().making.decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let found = told(&decision, "signature.authority-passed-over");
    assert!(matches!(found.as_slice(), [one] if one.title.contains("tsa.gone.example")), "{found:#?}");
    let decision = before(with());
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
    assert_eq!(verdict.answer, Answer::Unknown);
    assert_eq!(told(&decision, "signature.trust-unusable").len(), 1);
}

#[test]
fn certificates_without_an_issuer() {
    let own = "sigstore:public";
    let release = |change: fn(&mut Keyless)| {
        let mut keyless = Keyless::bare();
        keyless.making.record.sigstore[0].issuers.insert(own.to_owned());
        keyless.identity().issuer = own.into();
        keyless.identity().subject = Subject::Exact("https://dotcom.releases.github.com".into());
        change(&mut keyless);
        let mut params = holder_params();
        params.custom_extensions = vec![];
        params.subject_alt_names =
            vec![SanType::URI("https://dotcom.releases.github.com".try_into().unwrap())];
        keyless.sign(&params);
        keyless
    };
    let decision = release(|_| {}).making.decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
    assert!(verdict.summary.contains("ci (https://dotcom.releases.github.com)"), "{}", verdict.summary);
    assert_ne!(before(release(|_| {})).outcome, Outcome::Proceed);
    let wrong: [fn(&mut Keyless); 6] = [
        |one| one.making.record.sigstore[0].issuers = [instance::ISSUER.to_owned()].into(),
        |one| one.making.record.sigstore[0].name = "other".into(),
        |one| one.identity().issuer = instance::ISSUER.into(),
        |one| one.identity().issuer = "sigstore:other".into(),
        |one| one.identity().subject = Subject::Exact("https://dotcom.releases.github.com.evil".into()),
        |one| one.identity().subject = Subject::Glob("https://*.releases.github.com/x".into()),
    ];
    for (place, change) in wrong.into_iter().enumerate() {
        assert_ne!(release(change).making.decide().outcome, Outcome::Proceed, "{place}");
    }
    // Whoever has an issuer is never admitted as one without, under the same subject.
    let mut keyless = Keyless::bare();
    keyless.making.record.sigstore[0].issuers.insert(own.to_owned());
    keyless.identity().issuer = own.into();
    keyless.sign(&holder_params());
    assert_ne!(keyless.making.decide().outcome, Outcome::Proceed);
}

#[test]
fn keys_with_which_anybody_can_sign() {
    // R is the identity, S is 0: good for every message by the key whose point is the identity.
    let key = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0, 1][..], &[0; 31]].concat();
    let signature = [&[1][..], &[0; 63]].concat();
    let decide = |edition: &str| {
        let mut keyless = Keyless::bare();
        let artifact = keyless.making.record.artifact.digest;
        let said = statement(&artifact, "https://sigstore.dev/cosign/sign/v1", &json!({}));
        keyless.attach(&json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": {
                "payload": instance::base64(&serde_json::to_vec(&said).unwrap()),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": instance::base64(&signature)}],
            },
        }));
        let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", key.clone()));
        let file = keyless.making.inputs.insert(pem);
        keyless.making.record.keys = vec![TrustedKey::plain("anybody", file)];
        keyless.making.record.gates = [("signature".into(), json!({"keys": ["anybody"]}))].into();
        keyless.making.record.edition = edition.into();
        keyless.making.decide()
    };
    let decision = decide("2026-3");
    assert_ne!(decision.outcome, Outcome::Proceed);
    let found = told(&decision, "signature.key-unusable");
    assert!(found[0].title.contains("anybody can sign"), "{found:#?}");
    // That it matters: what was recorded before stays, and may not be promoted on.
    assert_eq!(decide("2026-2").outcome, Outcome::Proceed);
}
