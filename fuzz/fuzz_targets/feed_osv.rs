//! OSV records: what they say about packages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::import_within;

fuzz_target!(|bytes: &[u8]| import_within(
    r#"{"id":"A","modified":"2024-01-01T00:00:00Z","affected":"#,
    bytes,
    r#"}"#
));
