//! The cataloger `bundle` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("a.zip", bytes);
    let _said = lockgate_scan::catalog::read("a.tar.gz", bytes);
});
