//! The cataloger `dpkg` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("var/lib/dpkg/status", bytes);
    let _said = lockgate_scan::catalog::read("var/lib/dpkg/info/x.md5sums", bytes);
    let _said = lockgate_scan::catalog::read("var/lib/dpkg/status.d/x", bytes);
});
