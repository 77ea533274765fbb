//! Envelopes and trust stores of the reference implementation's own tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{files, name, read};
use lockgate_attest::notary::{
    Check, Envelope, NotaryError, NotaryTrust, Outcome, Revocation, StoreError, StoreKind, TrustPolicies,
    TrustStores, verify,
};
use lockgate_attest::reading::Reading;
use lockgate_attest::x509::{Certificate, CertificateError};
use lockgate_model::{Descriptor, Timestamp};
use xtask::parts::{self, or_skip};

const STORES: &str = "notation-go/verifier/testdata/truststore/x509";

/// Whether a file's name ends in one of `extensions`.
fn is(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one))
}

fn envelope(path: &Path) -> Result<Envelope, NotaryError> {
    let bytes = read(path);
    let kind = if bytes.starts_with(b"{") { "application/jose+json" } else { "application/cose" };
    Envelope::read(kind, &bytes)
}

fn policies(level: &str, stores: &str, timestamp: &str) -> TrustPolicies {
    let document = format!(
        r#"{{"version": "1.0", "trustPolicies": [{{
            "name": "all", "registryScopes": ["*"],
            "signatureVerification": {{"level": "{level}", "verifyTimestamp": "{timestamp}", "override": {{"revocation": "skip"}}}},
            "trustStores": [{stores}], "trustedIdentities": ["*"]
        }}]}}"#
    );
    TrustPolicies::from_json(document.as_bytes()).unwrap()
}

/// Every certificate of a kind that is there and fit, in one store named `all`.
fn stores(arena: &Path) -> TrustStores {
    let mut stores = TrustStores::default();
    for (folder, kind) in
        [("ca", StoreKind::Ca), ("signingAuthority", StoreKind::SigningAuthority), ("tsa", StoreKind::Tsa)]
    {
        for path in files(&arena.join(STORES).join(folder)) {
            let _unfit = stores.add(kind, "all", &read(path));
        }
    }
    stores
}

fn outcome(
    path: &Path,
    stores: &TrustStores,
    policies: &TrustPolicies,
    as_of: &str,
) -> Result<Outcome, NotaryError> {
    let envelope = envelope(path)?;
    let target = &envelope.target;
    let artifact = Descriptor::new(&target.media_type, target.digest.parse().unwrap(), target.size);
    let trust = NotaryTrust { policies, stores, revocations: &[], reading: Reading::NEWEST };
    verify(&envelope, &artifact, "registry.example/web", &trust, as_of.parse::<Timestamp>().unwrap())
}

/// The checks that failed.
fn failed(outcome: &Outcome) -> Vec<Check> {
    outcome.findings.iter().filter(|one| one.failure.is_some()).map(|one| one.check).collect()
}

#[test]
fn envelopes_of_the_reference_implementation() {
    let Some(arena) = or_skip(parts::arena_signing(), "envelopes_of_the_reference_implementation") else {
        return;
    };
    let stores = stores(&arena);
    let policies = policies("strict", r#""ca:all", "signingAuthority:all""#, "always");
    let (mut right, mut wrong) = (0, 0);
    let envelopes = files(&arena.join("notation-go")).into_iter();
    for path in envelopes.filter(|path| is(path, &["json", "sig"])) {
        let place = name(&path);
        let outcome = outcome(&path, &stores, &policies, "2026-11-25T00:00:00Z");
        // What names and test code of the reference implementation say of each.
        let expected: Result<&[Check], &str> = match place.as_str() {
            _ if place.contains("plugin") => Err("asks for the verification plugin"),
            "ca_invalid_sig_env.json" => Err("payload is not base64url"),
            "ca_expired_sig_env.json" | "sa_expired_sig_env.json" => Ok(&[Check::Expiry]),
            "coseWithTimestamp.sig" => Ok(&[]),
            // Its signer is in no store, and its certificate was valid for a day.
            "sig_env_with_metadata.json" => Ok(&[Check::Authenticity, Check::AuthenticTimestamp]),
            "cose_signature.sig" => Ok(&[Check::Authenticity]),
            "withoutTimestamp.sig" => Ok(&[]),
            "timestampBeforeNotBefore.sig" => Ok(&[Check::AuthenticTimestamp]),
            "coseExpiredWithTimestamp.sig" | "timestampAfterNotAfter.sig" => {
                Ok(&[Check::Authenticity, Check::AuthenticTimestamp])
            }
            _ if place.contains("expired") => Ok(&[Check::Expiry]),
            _ if place.contains("_valid_") => Ok(&[]),
            // New ones must at least be read, if their names do not say that something is wrong with them.
            _ => {
                assert!(outcome.is_ok() || place.contains("invalid"), "{place}: {outcome:?}");
                continue;
            }
        };
        match (&outcome, expected) {
            (Ok(outcome), Ok(checks)) => {
                assert_eq!(failed(outcome), checks, "{place}: {outcome:?}");
                right += 1;
            }
            (Err(error), Err(words)) if error.to_string().contains(words) => wrong += 1,
            _ => panic!("{place}: {outcome:?}"),
        }
    }
    assert!(right >= 9 && wrong >= 6, "{right} {wrong}");
}

#[test]
fn timestamps_of_the_reference_implementation() {
    let Some(arena) = or_skip(parts::arena_signing(), "timestamps_of_the_reference_implementation") else {
        return;
    };
    let folder = arena.join("notation-go/verifier/testdata/timestamp/sigEnv");
    let stores = stores(&arena);
    let ask = |file: &str, policies: &TrustPolicies, as_of: &str| -> Result<(), String> {
        let outcome = outcome(&folder.join(file), &stores, policies, as_of).unwrap();
        let timestamp =
            outcome.findings.into_iter().find(|one| one.check == Check::AuthenticTimestamp).unwrap();
        timestamp.failure.map_or(Ok(()), Err)
    };
    let always = policies("strict", r#""ca:all", "tsa:all""#, "always");
    let later = policies("strict", r#""ca:all", "tsa:all""#, "afterCertExpiry");
    let (now, late) = ("2026-11-25T00:00:00Z", "2040-01-01T00:00:00Z");
    assert_eq!(ask("coseWithTimestamp.sig", &always, now), Ok(()));
    // After its certificate expired: the stamp says that it was valid.
    assert_eq!(ask("coseWithTimestamp.sig", &always, late), Ok(()));
    assert_eq!(ask("coseExpiredWithTimestamp.sig", &always, now), Ok(()));
    assert_eq!(ask("coseExpiredWithTimestamp.sig", &later, now), Ok(()));
    // Before the time that the stamp gives.
    let early = ask("coseWithTimestamp.sig", &always, "2024-06-01T00:00:00Z").unwrap_err();
    assert!(early.contains("future"), "{early}");
    for file in ["timestampAfterNotAfter.sig", "timestampBeforeNotBefore.sig"] {
        let why = ask(file, &always, now).unwrap_err();
        assert!(why.contains("was not valid at"), "{file}: {why}");
    }
    assert!(ask("withoutTimestamp.sig", &always, now).unwrap_err().contains("there is none"));
    assert_eq!(ask("withoutTimestamp.sig", &later, now), Ok(()));
    // Without an authority of its own: DigiCert's root alone.
    let mut mismatched = TrustStores::default();
    mismatched
        .add(
            StoreKind::Tsa,
            "all",
            &read(arena.join(STORES).join("tsa/test-mismatch/DigiCertTSARootSHA384.cer")),
        )
        .unwrap();
    mismatched
        .add(StoreKind::Ca, "all", &read(arena.join(STORES).join("ca/valid-trust-store/TestTimestamp.crt")))
        .unwrap();
    let outcome = outcome(&folder.join("coseWithTimestamp.sig"), &mismatched, &always, now).unwrap();
    assert_eq!(failed(&outcome), [Check::AuthenticTimestamp]);
    assert_eq!(outcome.signed_at, None);
}

#[test]
fn trust_stores_of_the_reference_implementation() {
    let Some(arena) = or_skip(parts::arena_signing(), "trust_stores_of_the_reference_implementation") else {
        return;
    };
    let (mut fit, mut unfit) = (0, 0);
    for path in files(&arena.join(STORES)) {
        let place = path.strip_prefix(&arena).unwrap().display().to_string();
        let kind = if place.contains("/tsa/") { StoreKind::Tsa } else { StoreKind::Ca };
        let added = TrustStores::default().add(kind, "x", &read(&path));
        let expected = match place.as_str() {
            _ if place.ends_with("non-ca.crt") || place.contains("RootAndLeafCerts") => {
                matches!(added, Err(StoreError::Leaf { .. }))
            }
            _ if place.contains("test-nonCA") || place.contains("nonSelfIssued") => {
                matches!(added, Err(StoreError::NoRoot { .. }))
            }
            _ if place.contains("SYMLINK") || place.ends_with("invalid") || place.ends_with(".gitkeep") => {
                matches!(added, Err(StoreError::Certificate { error: CertificateError::Pem(_), .. }))
            }
            _ => added.is_ok() || place.contains("invalid"),
        };
        assert!(expected, "{place}: {added:?}");
        fit += usize::from(added.is_ok());
        unfit += usize::from(added.is_err());
    }
    assert!(fit >= 14 && unfit >= 7, "{fit} {unfit}");
}

#[test]
fn lists_and_certificates_of_the_reference_implementation() {
    let test = "lists_and_certificates_of_the_reference_implementation";
    let Some(arena) = or_skip(parts::arena_signing(), test) else { return };
    let folder = arena.join("notation-core-go");
    let list = read(folder.join("revocation/crl/testdata/crlWithMultipleFreshestCRLs.crl"));
    let list = pem::parse(list).map_or_else(
        |_| read(folder.join("revocation/crl/testdata/crlWithMultipleFreshestCRLs.crl")),
        pem::Pem::into_contents,
    );
    assert!(Revocation::read(&list).is_ok());
    let certificates: Vec<PathBuf> =
        files(&folder).into_iter().filter(|path| is(path, &["crt"]) || name(path) == "der.der").collect();
    let mut read_ones = 0;
    for path in certificates {
        let bytes = read(&path);
        let found = if bytes.starts_with(b"\x30") {
            Certificate::from_der(&bytes).map(|one| vec![one])
        } else {
            Certificate::from_pem(&bytes)
        };
        read_ones += found.unwrap().len();
    }
    assert!(read_ones >= 5, "{read_ones}");
    // Two certificates in one DER file are none.
    assert!(Certificate::from_der(&read(folder.join("x509/testdata/multi-der.der"))).is_err());
}
