//! CRLs and OCSP responses on any bytes: nothing that is not signed says that a certificate is good.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::notary::{Revocation, RevocationStatus};
use lockgate_attest::x509::Certificate;
use lockgate_model::Timestamp;

const ROOT: &[u8] = include_bytes!("../../crates/attest/tests/fixtures/notary/root.pem");

fuzz_target!(|bytes: &[u8]| {
    let Ok(revocation) = Revocation::read(bytes) else { return };
    let Ok(roots) = Certificate::from_pem(ROOT) else { return };
    for root in &roots {
        let status = revocation.status(root, root, Timestamp::from_unix(1_767_225_600));
        assert!(matches!(status, RevocationStatus::Silent(_)));
    }
});
