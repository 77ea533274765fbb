//! Layers of cosign's older layouts on any bytes: annotations as JSON in the first line, the content after it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::sigstore::{Artifact, Demands, Signed, Trust, TrustedRoot, verify};
use lockgate_model::Timestamp;

const ROOT: &[u8] = include_bytes!("../../crates/attest/tests/fixtures/sigstore/trusted_root.json");

fuzz_target!(|bytes: &[u8]| {
    let Ok(root) = TrustedRoot::from_json(ROOT) else { return };
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (annotations, content) = bytes.split_at(at);
    let Ok(annotations) = serde_json::from_slice(annotations) else { return };
    let trust = Trust {
        root: Some(&root),
        keys: &[],
        without_issuer: None,
        of_certificates: Demands::PUBLIC,
        of_keys: Demands::KEY_ALONE,
    };
    for signed in [
        Signed::from_signature_layer(&annotations, content),
        Signed::from_attestation_layer(&annotations, content),
    ] {
        let Ok(signed) = signed else { continue };
        let _said =
            verify(&signed, &Artifact::of(b"the artifact"), &trust, Timestamp::from_unix(1_767_300_000));
    }
});
