//! Alpine's secdb: its packages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::import_within;

fuzz_target!(|bytes: &[u8]| import_within(
    r#"{"distroversion":"v3.20","reponame":"main","packages":"#,
    bytes,
    r#"}"#
));
