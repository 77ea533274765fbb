//! Notary Project signatures in the signature gate: whom a trust policy admits, and whom not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

#[path = "../../attest/tests/common/mod.rs"]
mod common;
mod making;

use common::envelope::{Case, JWS, REPOSITORY, signer_params};
use common::instance::NOW;
use lockgate_model::case::{NotaryStore, NotaryTrust};
use lockgate_model::{Answer, Decision, Digest, Outcome, Timestamp};
use making::{Making, attach};
use serde_json::{Value, json};

/// An artifact that `Case` signs, judged by a strict policy for its repository.
fn notation(case: &mut Case, spoil: fn(&mut Value)) -> Making {
    let mut making = Making::new();
    making.record.as_of = Timestamp::from_unix(NOW + 60);
    making.record.evidence.clear();
    case.payload = json!({"targetArtifact": making.record.artifact.clone()});
    let mut envelope = case.jws();
    spoil(&mut envelope);
    let bytes = serde_json::to_vec(&envelope).unwrap();
    let evidence = attach(&mut making.inputs, &making.record.artifact, JWS, bytes);
    making.record.evidence.push(evidence);
    let policy = making.inputs.insert(serde_json::to_vec(&policy("strict", "*")).unwrap());
    let file = making.inputs.insert(case.root.der.clone());
    let stores = vec![NotaryStore { kind: "ca".into(), name: "acme".into(), file }];
    let repository = REPOSITORY.to_owned();
    making.record.notary = Some(NotaryTrust { repository, policy, stores, revocations: vec![] });
    making.record.gates = [("signature".into(), json!({"notation": true}))].into();
    making
}

fn policy(level: &str, identity: &str) -> Value {
    json!({"version": "1.0", "trustPolicies": [{
        "name": "web", "registryScopes": [REPOSITORY], "signatureVerification": {"level": level},
        "trustStores": ["ca:acme"], "trustedIdentities": [identity],
    }]})
}

fn signed() -> Making {
    notation(&mut Case::with(&signer_params()), |_| {})
}

fn codes(decision: &Decision) -> Vec<&str> {
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
    verdict.findings.iter().map(|found| found.code.as_str()).collect()
}

#[test]
fn whom_the_policy_admits_counts() {
    let decision = signed().decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
    assert!(
        verdict.relied_on.iter().any(|one| one.to_string().starts_with("notation:web@sha256:")),
        "{verdict:#?}"
    );
    // A key and a Notary Project signer are two signers.
    let mut making = signed();
    let gates = &mut making.record.gates;
    gates.insert("signature".into(), json!({"notation": true, "keys": ["build"], "required": 2}));
    assert!(codes(&making.decide()).contains(&"signature.too-few"));
    let made = Making::new();
    let evidence = made.record.evidence[0].clone();
    for digest in evidence.blobs.iter().chain([&evidence.manifest.digest]) {
        making.inputs.insert(made.inputs.get(digest).unwrap().clone());
    }
    making.inputs.insert(made.inputs.get(&made.record.keys[0].file).unwrap().clone());
    making.record.keys = made.record.keys.clone();
    making.record.evidence.push(evidence);
    assert_eq!(making.decide().outcome, Outcome::Proceed);
}

/// What is spoilt, and the code that must be told.
type Spoilt = (&'static str, &'static str, fn(&mut Making));

#[test]
fn nobody_else_does() {
    let spoilt: [Spoilt; 8] = [
        ("not asked for", "signature.not-counted", |making| {
            making.record.gates.insert("signature".into(), json!({"keys": ["build"]}));
        }),
        ("no trust policy", "signature.no-trust-policy", |making| making.record.notary = None),
        ("a policy that is gone", "signature.trust-unusable", |making| {
            making.record.notary.as_mut().unwrap().policy = Digest::of(b"gone");
        }),
        ("another repository", "signature.not-counted", |making| {
            making.record.notary.as_mut().unwrap().repository = "registry.example/other".into();
        }),
        ("another root", "signature.not-counted", |making| {
            let file = making.inputs.insert(Case::new().root.der);
            making.record.notary.as_mut().unwrap().stores[0].file = file;
        }),
        ("another signer asked for", "signature.not-counted", |making| {
            let policy = policy("strict", "x509.subject: C=US, ST=WA, O=acme, CN=someone");
            let digest = making.inputs.insert(serde_json::to_vec(&policy).unwrap());
            making.record.notary.as_mut().unwrap().policy = digest;
        }),
        ("an expired certificate", "signature.not-counted", |making| {
            making.record.as_of = Timestamp::from_unix(NOW + 86_400);
        }),
        // Under `audit` the policy enforces nothing; a stranger counts all the same for nobody.
        ("a stranger under audit", "signature.not-counted", |making| {
            let digest = making.inputs.insert(serde_json::to_vec(&policy("audit", "*")).unwrap());
            let file = making.inputs.insert(Case::new().root.der);
            let notary = making.record.notary.as_mut().unwrap();
            (notary.policy, notary.stores[0].file) = (digest, file);
        }),
    ];
    for (what, code, spoil) in spoilt {
        let mut making = signed();
        spoil(&mut making);
        let decision = making.decide();
        assert_ne!(decision.outcome, Outcome::Proceed, "{what}");
        assert!(codes(&decision).contains(&code), "{what}: {decision:#?}");
    }
    // Trust that is missing blinds the gate.
    let mut making = signed();
    making.record.notary = None;
    let verdict = making.decide().verdicts.into_iter().find(|verdict| verdict.gate == "signature");
    assert_eq!(verdict.unwrap().answer, Answer::Unknown);
}

#[test]
fn a_changed_envelope_is_refused() {
    let spoilt: [fn(&mut Value); 4] = [
        |envelope| envelope["payload"] = json!("e30"),
        |envelope| envelope["protected"] = json!("e30"),
        |envelope| envelope["header"]["x5c"].as_array_mut().unwrap().truncate(1),
        |envelope| {
            let changed =
                envelope["signature"].as_str().unwrap().replacen(['A', 'B', 'C', 'd', 'e', 'f', '1'], "Z", 1);
            envelope["signature"] = json!(changed);
        },
    ];
    for (number, spoil) in spoilt.into_iter().enumerate() {
        let decision = notation(&mut Case::with(&signer_params()), spoil).decide();
        assert!(codes(&decision).contains(&"signature.untrusted"), "{number}: {decision:#?}");
    }
    // Of another artifact.
    let mut making = signed();
    let other = Making::new().record.artifact;
    making.record.artifact.size = other.size + 1;
    assert_ne!(making.decide().outcome, Outcome::Proceed);
}

/// A check that fails, and what of its finding names it.
type Failing = (&'static str, &'static str, fn(&mut Making, &mut Case));

/// An artifact whose signature fails a check, judged by a policy that says this of checks.
fn failing(verification: &Value, fail: fn(&mut Making, &mut Case)) -> Making {
    let mut case = Case::with(&signer_params());
    fail(&mut Making::new(), &mut case);
    let mut making = notation(&mut case, |_| {});
    fail(&mut making, &mut case);
    let mut document = policy("strict", "*");
    document["trustPolicies"][0]["signatureVerification"] = verification.clone();
    making.record.notary.as_mut().unwrap().policy =
        making.inputs.insert(serde_json::to_vec(&document).unwrap());
    making
}

/// The list of the authority on which the signer stands as revoked.
fn revoked(making: &mut Making, case: &mut Case) {
    let at = |seconds: i64| {
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(u64::try_from(seconds).unwrap())
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: at(NOW),
        next_update: at(NOW + 3600),
        crl_number: rcgen::SerialNumber::from(vec![1]),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(vec![7, 7]),
            revocation_time: at(NOW + 20),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let issuer = rcgen::Issuer::from_params(&case.root.params, &case.root.key.pair);
    let digest = making.inputs.insert(list.signed_by(&issuer).unwrap().der().to_vec());
    if let Some(notary) = &mut making.record.notary {
        notary.revocations.push(digest);
    }
}

const FAILING: [Failing; 3] = [
    ("revocation", "is revoked since", revoked),
    ("authenticTimestamp", "was not valid at", |making, _| {
        making.record.as_of = Timestamp::from_unix(NOW + 86_400);
    }),
    ("expiry", "the signature expired at", |_, case| {
        case.protected["io.cncf.notary.expiry"] = json!("2026-01-01T00:00:30Z");
        case.protected["crit"] = json!(["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"]);
    }),
];

#[test]
fn what_a_policy_only_logs_is_told() {
    let told = |decision: &Decision| {
        let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "signature").unwrap();
        let found = verdict.findings.iter().filter(|found| found.code == "signature.check-failed");
        found.cloned().collect::<Vec<_>>()
    };
    for (check, why, fail) in FAILING {
        let mut levels = vec![json!({"level": "permissive"}), json!({"level": "audit"})];
        for level in ["strict", "permissive", "audit"] {
            levels.push(json!({"level": level, "override": {check: "log"}}));
        }
        for level in &levels {
            let decision = failing(level, fail).decide();
            assert_eq!(decision.outcome, Outcome::Proceed, "{check} {level}: {decision:#?}");
            let found = told(&decision);
            let [one] = found.as_slice() else { panic!("{check} {level}: {found:#?}") };
            assert_eq!(one.effect, lockgate_model::Effect::Advise);
            assert!(one.title.contains(&format!("`{check}`")) && one.title.contains(why), "{one:#?}");
            assert!(one.title.contains("CN=signer") && one.remediation.contains("enforce"), "{one:#?}");
            // Recorded Cases said nothing.
            let mut before = failing(level, fail);
            before.record.edition = "2026-2".into();
            assert_eq!(told(&before.decide()), [], "{check} {level}");
        }
        // Where it is enforced, nothing counts.
        for level in ["strict", "permissive", "audit"] {
            let decision = failing(&json!({"level": level, "override": {check: "enforce"}}), fail).decide();
            assert_ne!(decision.outcome, Outcome::Proceed, "{check} {level}");
            assert_eq!(told(&decision), []);
        }
    }
    // Two at once are two; and what passes is not told.
    let both = failing(&json!({"level": "permissive"}), |making, case| {
        revoked(making, case);
        making.record.as_of = Timestamp::from_unix(NOW + 1200);
    });
    assert_eq!(told(&both.decide()).len(), 2);
    assert_eq!(told(&failing(&json!({"level": "permissive"}), |_, _| {}).decide()), []);
    // Revocation that the policy skips was not looked at, and did not fail.
    let skipped = failing(&json!({"level": "strict", "override": {"revocation": "skip"}}), revoked).decide();
    assert_eq!((skipped.outcome, told(&skipped)), (Outcome::Proceed, vec![]));
}
