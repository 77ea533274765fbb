//! Sigstore's own conformance cases, and bundles of other clients' tests: every one that is there, with its expected
//! answer, and for those that must fail the reason, too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod common;

use std::path::Path;

use common::{entries, name, read, text};
use lockgate_attest::keys::PublicKey;
use lockgate_attest::sigstore::{
    Artifact, Demands, IdentityRule, LogError, Maker, Pattern, RootError, Signed, SigstoreError, Trust,
    TrustedRoot, Verified, verify,
};
use lockgate_attest::stamp::StampError;
use lockgate_attest::verify::NamedKey;
use lockgate_attest::x509::PathError;
use lockgate_model::Timestamp;
use xtask::parts::{self, or_skip};

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";

/// What came of a case.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when a case fails")]
enum Answer {
    Verified(Box<Verified>),
    Root(RootError),
    Refused(SigstoreError),
    Identity(String),
}

fn as_of() -> Timestamp {
    "2026-11-25T00:00:00Z".parse().unwrap()
}

/// One folder of the conformance cases, verified as its README says.
fn answer(case: &Path, public_good: &Path) -> Answer {
    let or = |file: &str, default: &str| {
        let path = case.join(file);
        if path.is_file() { text(path).trim().to_owned() } else { default.to_owned() }
    };
    let root = case.join("trusted_root.json");
    let root = TrustedRoot::from_json(&read(if root.is_file() { &root } else { public_good }));
    let root = match root {
        Ok(root) => root,
        Err(error) => return Answer::Root(error),
    };
    let artifact = case.join("artifact");
    let artifact = if artifact.is_file() { artifact } else { case.join("../a.txt") };
    let artifact = Artifact::of(&read(artifact));
    let key = case.join("key.pub");
    let key = key.is_file().then(|| PublicKey::from_pem(&read(key)).unwrap());
    let keys: Vec<_> = key.iter().map(|key| NamedKey { name: "managed", key }).collect();
    let trust = Trust {
        root: Some(&root),
        keys: &keys,
        // The suite lets a promise stand for a proof where the bundle's version does.
        without_issuer: None,
        of_certificates: Demands { promises: true, ..Demands::PUBLIC },
        of_keys: Demands { scts: 0, promises: true, ..Demands::PUBLIC },
    };
    let signed = Signed::from_bundle(&read(case.join("bundle.sigstore.json")));
    let verified = signed.and_then(|signed| verify(&signed, &artifact, &trust, as_of()));
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => return Answer::Refused(error),
    };
    let rule = IdentityRule {
        issuer: Pattern::exact(&or("issuer", ACTIONS)).unwrap(),
        subject: Pattern::exact(&or("identity", BEACON)).unwrap(),
        kind: None,
        claims: std::collections::BTreeMap::new(),
    };
    match &verified.maker {
        Maker::Holder(identity) => {
            let admitted = rule.admits(identity);
            admitted.map_or_else(Answer::Identity, |()| Answer::Verified(Box::new(verified)))
        }
        Maker::Keys(names) => {
            assert_eq!(names, &["managed"]);
            Answer::Verified(Box::new(verified))
        }
    }
}

/// Whether a case that must fail does so for the reason that its README gives.
fn for_its_reason(case: &str, answer: &Answer) -> bool {
    use LogError as L;
    use SigstoreError as E;
    let refused =
        |wanted: &dyn Fn(&SigstoreError) -> bool| matches!(answer, Answer::Refused(error) if wanted(error));
    let says = |error: &SigstoreError, words: &str| error.to_string().contains(words);
    let logged = |wanted: &dyn Fn(&LogError) -> bool| {
        refused(&|error| matches!(error, E::Log { why, .. } if wanted(why)))
    };
    match case.strip_suffix("_fail").unwrap() {
        "bundle-empty-certificate-chain" => refused(&|error| says(error, "chain: it is empty")),
        "bundle-invalid-base64-signature" => refused(&|error| says(error, "signature: it is not base64")),
        "bundle-negative-log-index" => refused(&|error| says(error, "a number from 0")),
        "checkpoint-wrong-roothash" => logged(&|why| *why == L::OtherTree),
        "dsse-invalid-sig" | "rekor2-dsse-invalid-sig" => refused(&|error| *error == E::Signature),
        "dsse-mismatch-envelope" => logged(&|why| *why == L::Unrelated("payload")),
        "dsse-mismatch-sig" => logged(&|why| *why == L::Unrelated("signature")),
        "inclusion-proof-corrupted-hash" => logged(&|why| *why == L::NotIncluded),
        "integrated-time-in-future"
        | "intoto-expired-certificate"
        | "intoto-set-outside-signing-cert-validity"
        | "intoto-tsa-timestamp-outside-cert-validity" => {
            refused(&|error| matches!(error, E::Path(PathError::NotValid { .. })))
        }
        "invalid-ct-key" => refused(&|error| {
            matches!(error, E::TooFew { what: "promises to publish the certificate", actual: 0, needed: 1 })
        }),
        // Its proof is old and, besides, without checkpoint: docs/conformance.md.
        "invalid-inclusion-proof" => refused(&|error| says(error, "proof has no checkpoint")),
        "managed-key-no-key" => refused(&|error| *error == E::NoKey),
        "message-digest-mismatch" | "wrong-material" => refused(&|error| *error == E::OtherArtifact),
        "rekor2-checkpoint-missing-log-signature" => {
            logged(&|why| matches!(why, L::MalformedCheckpoint(why) if why.contains("signature")))
        }
        "rekor2-checkpoint-missing-root-hash" => {
            logged(&|why| matches!(why, L::MalformedCheckpoint(why) if why.contains("root")))
        }
        "rekor2-checkpoint-no-matching-signature" => logged(&|why| *why == L::UnsignedCheckpoint),
        "rekor2-no-inclusion-proof" => refused(&|error| says(error, "no inclusion proof")),
        "rekor2-timestamp-outside-trust-root-tsa-validity" => {
            refused(&|error| matches!(error, E::Stamp(StampError::OutsideWindow(_))))
        }
        "rekor2-timestamp-payload-mismatch" => refused(&|error| *error == E::Stamp(StampError::OtherMessage)),
        "trust-root-tlog-missing-validity-start" => matches!(answer, Answer::Root(RootError::Window(_))),
        "wrong-hashedrekord-artifact" | "wrong-hashedrekord-entry" => {
            logged(&|why| *why == L::Unrelated("content"))
        }
        // A case that is new: any refusal but one for want of a key or a reader, unless that is what it is about.
        name => {
            let excused = |error: &SigstoreError| match error {
                E::NoKey => name.contains("key"),
                E::NotRead(_) => name.contains("type") || name.contains("version"),
                _ => true,
            };
            matches!(answer, Answer::Root(_) | Answer::Identity(_)) || refused(&excused)
        }
    }
}

#[test]
fn sigstore_conformance() {
    let Some(arena) = or_skip(parts::arena_signing(), "sigstore_conformance") else { return };
    let public_good = arena.join("sigstore-rust/embedded/trusted_root.json");
    let (mut passed, mut failed) = (0, 0);
    for case in entries(&arena.join("sigstore-conformance")) {
        if !case.is_dir() {
            continue;
        }
        let (name, answer) = (name(&case), answer(&case, &public_good));
        if name.ends_with("_fail") {
            assert!(for_its_reason(&name, &answer), "{name}: {answer:?}");
            failed += 1;
        } else {
            assert!(matches!(answer, Answer::Verified(_)), "{name}: {answer:?}");
            passed += 1;
        }
    }
    assert!(passed >= 15 && failed >= 27, "{passed} {failed}");
}
