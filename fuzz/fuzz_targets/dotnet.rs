//! The cataloger `dotnet` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("x.deps.json", bytes);
    let _said = lockgate_scan::catalog::read("packages.lock.json", bytes);
    let _said = lockgate_scan::catalog::read("a/packages.config", bytes);
});
