//! The cataloger `swift` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("Package.resolved", bytes);
    let _said = lockgate_scan::catalog::read("Podfile.lock", bytes);
});
