//! Trusted roots on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::sigstore::TrustedRoot;

fuzz_target!(|bytes: &[u8]| {
    let _read = TrustedRoot::from_json(bytes);
});
