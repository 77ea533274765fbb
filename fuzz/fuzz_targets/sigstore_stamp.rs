//! Timestamps on any bytes: none but those that the authority made count.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::sigstore::{Artifact, Demands, Signed, SigstoreError, Trust, TrustedRoot, verify};
use lockgate_model::Timestamp;

const ROOT: &[u8] = include_bytes!("../../crates/attest/tests/fixtures/sigstore/trusted_root.json");
const BUNDLE: &[u8] = include_bytes!("../../crates/attest/tests/fixtures/sigstore/bundle.json");

fuzz_target!(|bytes: &[u8]| {
    let Ok(root) = TrustedRoot::from_json(ROOT) else { return };
    let Ok(mut signed) = Signed::from_bundle(BUNDLE) else { return };
    let made = std::mem::replace(&mut signed.stamps, vec![bytes.to_vec()]);
    let of_certificates = Demands { scts: 1, ..Demands::STAMPED };
    let trust = Trust { root: Some(&root), keys: &[], without_issuer: None, of_certificates, of_keys: Demands::KEY_ALONE };
    let said = verify(&signed, &Artifact::of(b"the artifact"), &trust, Timestamp::from_unix(1_767_300_000));
    // What counts differs from the authority's own in nothing that is signed: it is about as long.
    let same = made.iter().any(|made| made.len() == bytes.len());
    assert!(same || matches!(said, Err(SigstoreError::Stamp(_) | SigstoreError::TooFew { .. })));
});
