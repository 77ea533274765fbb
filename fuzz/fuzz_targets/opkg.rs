//! The cataloger `opkg` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("usr/lib/opkg/status", bytes);
    let _said = lockgate_scan::catalog::read("usr/lib/opkg/info/a.list", bytes);
});
