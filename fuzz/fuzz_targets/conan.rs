//! The cataloger `conan` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("a/conan.lock", bytes);
    let _said = lockgate_scan::catalog::read("data/a/1/_/_/package/0/conaninfo.txt", bytes);
});
