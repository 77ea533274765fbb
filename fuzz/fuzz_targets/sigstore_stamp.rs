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
    let of_certificates = Demands { scts: 1, ..Demands::STAMPED };
    let (keys, without_issuer, of_keys) = (&[][..], None, Demands::KEY_ALONE);
    let trust = Trust { root: Some(&root), keys, without_issuer, of_certificates, of_keys };
    let (artifact, as_of) = (Artifact::of(b"the artifact"), Timestamp::from_unix(1_767_300_000));
    let right = verify(&signed, &artifact, &trust, as_of).expect("the fixture is right").existed_by();
    signed.stamps = vec![bytes.to_vec()];
    // What counts is the authority's own, in whatever spelling: it says the same time.
    match verify(&signed, &artifact, &trust, as_of) {
        Ok(verified) => assert_eq!(verified.existed_by(), right),
        Err(error) => assert!(matches!(error, SigstoreError::Stamp(_) | SigstoreError::TooFew { .. })),
    }
});
