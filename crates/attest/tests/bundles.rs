//! Bundles in the tests of other verifiers: each must verify under one of the trusted roots, or fail for the reason
//! that is written here.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod common;

use std::path::Path;

use common::{files, read};
use data_encoding::{BASE64, HEXLOWER};
use lockgate_attest::keys::PublicKey;
use lockgate_attest::predicate::Predicate;
use lockgate_attest::sigstore::{
    Artifact, Claim, Demands, Maker, Signed, Trust, TrustedRoot, Verified, verify,
};
use lockgate_attest::verify::NamedKey;
use lockgate_model::{Digest, Timestamp};
use serde_json::Value;
use xtask::parts::{self, or_skip};

fn as_of() -> Timestamp {
    "2026-11-25T00:00:00Z".parse().unwrap()
}

/// The bundles in a file: alone, one on a line, or in npm's list of attestations.
fn bundles(bytes: &[u8]) -> Vec<Value> {
    let whole: Vec<Value> =
        serde_json::Deserializer::from_slice(bytes).into_iter().filter_map(Result::ok).collect();
    let mut found = vec![];
    for value in whole {
        let list = match &value {
            Value::Array(list) => list.clone(),
            other => other["attestations"].as_array().cloned().unwrap_or_else(|| vec![other.clone()]),
        };
        found.extend(
            list.into_iter().map(|one| if one["bundle"].is_object() { one["bundle"].clone() } else { one }),
        );
    }
    found.retain(|one| one["mediaType"].as_str().is_some_and(|kind| kind.contains("sigstore.bundle")));
    found
}

/// The artifact that the statement names itself, or the file beside.
fn artifact(path: &Path, bundle: &Value) -> Option<Artifact> {
    let beside = [".sigstore.json", ".sigstore"].into_iter().find_map(|end| {
        let beside = path.to_str().unwrap().strip_suffix(end)?;
        Path::new(beside).is_file().then(|| Artifact::of(&read(beside)))
    });
    let payload =
        BASE64.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap_or_default().as_bytes()).ok()?;
    let statement: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let subjects = statement["subject"].as_array().cloned().unwrap_or_default();
    let strong =
        |subject: &&Value| !subject["digest"]["sha256"].is_null() || !subject["digest"]["sha512"].is_null();
    let digest = subjects.iter().find(strong).map_or(Value::Null, |subject| subject["digest"].clone());
    let sha256 = format!("sha256:{}", digest["sha256"].as_str().unwrap_or_default()).parse::<Digest>().ok();
    let sha512 = HEXLOWER.decode(digest["sha512"].as_str().unwrap_or_default().as_bytes()).ok();
    let sha512 = sha512.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    let named = match (sha256, sha512) {
        (Some(digest), _) => Some(Artifact::named(&digest)),
        (None, Some(digest)) => Some(Artifact::named(&Digest::of(b"unknown")).with_sha512(digest)),
        (None, None) => None,
    };
    let message = bundle["messageSignature"]["messageDigest"]["digest"].as_str().unwrap_or_default();
    let message = BASE64.decode(message.as_bytes()).unwrap_or_default();
    let message = format!("sha256:{}", HEXLOWER.encode(&message)).parse::<Digest>().ok();
    named.or(beside).or_else(|| message.map(|digest| Artifact::named(&digest)))
}

/// Words in the names of what is wrong on purpose; for what is known to be, [`REFUSED`] says the reason.
const WRONG: [&str; 12] = [
    "invalid",
    "mismatch",
    "_fail",
    "wrong",
    "expired",
    "cve",
    "missing",
    "bad",
    "no_",
    "unknown",
    "unsupported",
    "tamper",
];

/// What must not verify, and words of the reason.
const REFUSED: [(&str, &str); 13] = [
    ("dsse-2sigs.sigstore.json#0", "exactly one signature"),
    ("bundle_cve_2022_36056.txt.sigstore#0", "log entry 0: it is about another signature"),
    ("bundle_no_cert_v1.txt.sigstore#0", "certificate chain: it is empty"),
    ("bundle_v3_no_signed_time.txt.sigstore.json#0", "0 sources of time of the 1"),
    ("tsa/bundle.duplicate.sigstore#0", "it is there twice"),
    ("tsa/bundle.many_timestamp.sigstore#0", "33 timestamps; at most 32"),
    ("timestamps/payload_mismatch_bundle.json#0", "the timestamp is about other bytes"),
    ("bundle/invalid-dsse-sig.intoto.sigstore#0", "signature is not base64"),
    ("npm-att-mismatch-prov-payloadtype.intoto.sigstore#0", "holds a `application/vnd.in-toto+jsonA`"),
    ("npm-att-mismatch-pub-payloadtype.intoto.sigstore#0", "holds a `application/vnd.in-toto+jsonA`"),
    ("npm-stmt-mismatch-prov-predicatetype.intoto.sigstore#0", "key did not make the signature"),
    ("cosign_v3_missing_fields.json#0", "certificate"),
    ("invalidsigprov.tgz.json#1", "key did not make the signature"),
];

/// Where GitHub's own root stands among them: its instance has no logs.
const GITHUB: usize = 2;

/// Verified by the first root that does; otherwise, all the reasons.
fn verified(
    signed: &Signed,
    artifact: &Artifact,
    roots: &[TrustedRoot],
    key: &PublicKey,
) -> Result<Verified, String> {
    let mut reasons = vec![];
    for (place, root) in roots.iter().enumerate() {
        // Bundles v0.1 of that time have promises only.
        let public = Demands { promises: true, ..Demands::PUBLIC };
        let of_certificates = if place == GITHUB { Demands::STAMPED } else { public };
        let of_keys = Demands { stamps: 1, ..Demands::KEY_ALONE };
        let keys = [NamedKey { name: "managed", key }];
        let trust = Trust { root: Some(root), keys: &keys, without_issuer: None, of_certificates, of_keys };
        match verify(signed, artifact, &trust, as_of()) {
            Ok(verified) => return Ok(verified),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    Err(reasons.join("; "))
}

/// Whether what GitHub's builders write into provenance is what Fulcio saw in their tokens: repository and commit.
fn agrees_with_certificate(place: &str, verified: &Verified) -> bool {
    let Maker::Holder(identity) = &verified.maker else { return false };
    let Some(statement) = &verified.statement else { return false };
    let Ok(Predicate::Provenance(provenance)) = Predicate::read(statement) else { return false };
    // Made up for a test of the log, not by a builder.
    if provenance.build_type.contains("sigstore-conformance") || place.contains("dsse-2sigs") {
        return false;
    }
    let source = provenance.source.unwrap();
    assert_eq!(identity.claims.get(&Claim::Repository), Some(&source.repository), "{place}");
    assert_eq!(identity.claims.get(&Claim::Commit), source.commit.as_ref(), "{place}");
    true
}

fn by_sha1_alone(bundle: &Value) -> bool {
    let payload = BASE64.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap_or_default().as_bytes());
    let statement: Value = serde_json::from_slice(&payload.unwrap_or_default()).unwrap_or_default();
    let digests = statement["subject"].to_string();
    digests.contains("\"sha1\"") && !digests.contains("sha256") && !digests.contains("sha512")
}

#[test]
fn bundles_of_others() {
    let Some(arena) = or_skip(parts::arena_signing(), "bundles_of_others") else { return };
    let roots = [
        "sigstore-rust/embedded/trusted_root.json",
        "sigstore-rust/embedded/trusted_root_staging.json",
        "sigstore-rust/embedded/trusted_root_github.json",
        "sigstore-go/trusted-roots/scaffolding.json",
        "sigstore-go/trusted-roots/public-key-validity.json",
    ];
    let roots = roots.map(|root| TrustedRoot::from_json(&read(arena.join(root))).unwrap());
    let key =
        PublicKey::from_pem(&read(arena.join("sigstore-go/public-keys/public-key-validity.pem"))).unwrap();
    let (mut passed, mut refused, mut keys, mut agreeing) = (0, 0, 0, 0);
    for path in files(&arena).iter().filter(|path| !path.to_str().unwrap().contains("/sigstore-conformance/"))
    {
        for (index, bundle) in bundles(&read(path)).iter().enumerate() {
            let place = format!("{}#{index}", path.strip_prefix(&arena).unwrap().display());
            // npm's publish attestations are by a key of npm's, which is not there: nothing could be said but that.
            let managed = bundle["verificationMaterial"]["publicKey"].is_object();
            if managed && !place.contains("public-key-validity") {
                keys += 1;
                continue;
            }
            let signed =
                Signed::from_bundle(&serde_json::to_vec(bundle).unwrap()).map_err(|error| error.to_string());
            let artifact = artifact(path, bundle).unwrap_or_else(|| Artifact::of(b""));
            let answer = signed.and_then(|signed| verified(&signed, &artifact, &roots, &key));
            let expected = REFUSED.iter().find(|(end, _)| place.ends_with(end));
            match (&answer, expected) {
                (Ok(verified), None) => {
                    agreeing += usize::from(agrees_with_certificate(&place, verified));
                    passed += 1;
                }
                (Err(why), Some((_, words))) if why.contains(words) => refused += 1,
                // GitHub's releases name commits by SHA-1 alone: nothing that is relied on.
                (Err(why), None) if why.contains("another artifact") && by_sha1_alone(bundle) => refused += 1,
                // New ones whose names say that something is wrong with them.
                (Err(_), None) if WRONG.iter().any(|word| place.contains(word)) => refused += 1,
                _ => panic!("{place}: {answer:?}"),
            }
        }
    }
    assert!(agreeing >= 25, "{agreeing}");
    assert!(passed >= 40 && refused >= 16 && keys >= 15, "{passed} {refused} {keys}");
}
