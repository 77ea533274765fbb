//! The cataloger `python_locks` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("requirements.txt", bytes);
    let _said = lockgate_scan::catalog::read("poetry.lock", bytes);
    let _said = lockgate_scan::catalog::read("Pipfile.lock", bytes);
});
