//! Bundles on any bytes, verified against a root of our own: the one bundle aside that it signed, none verifies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::sigstore::{Artifact, Demands, Signed, Trust, TrustedRoot, verify};
use lockgate_model::Timestamp;

const ROOT: &[u8] = include_bytes!("../../crates/attest/tests/fixtures/sigstore/trusted_root.json");

fuzz_target!(|bytes: &[u8]| {
    let Ok(root) = TrustedRoot::from_json(ROOT) else { return };
    let Ok(signed) = Signed::from_bundle(bytes) else { return };
    let trust = Trust {
        root: Some(&root),
        keys: &[],
        without_issuer: None,
        of_certificates: Demands::PUBLIC,
        of_keys: Demands::KEY_ALONE,
    };
    let _said = verify(&signed, &Artifact::of(b"another"), &trust, Timestamp::from_unix(1_767_300_000))
        .map(|_| panic!("forged"));
    let _said = verify(&signed, &Artifact::of(b"the artifact"), &trust, Timestamp::from_unix(1_767_300_000));
});
