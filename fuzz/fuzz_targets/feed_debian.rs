//! Debian's tracker: the releases of one vulnerability.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::import_within;

fuzz_target!(|bytes: &[u8]| import_within(
    r#"{"openssl":{"CVE-2024-1":{"releases":"#,
    bytes,
    r#"}}}"#
));
