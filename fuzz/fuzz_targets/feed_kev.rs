//! CISA's catalogue: its entries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::import_within;

fuzz_target!(|bytes: &[u8]| import_within(
    r#"{"catalogVersion":"1","vulnerabilities":"#,
    bytes,
    r#"}"#
));
