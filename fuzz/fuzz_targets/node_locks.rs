//! The cataloger `node_locks` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("package-lock.json", bytes);
    let _said = lockgate_scan::catalog::read("yarn.lock", bytes);
    let _said = lockgate_scan::catalog::read("pnpm-lock.yaml", bytes);
    let _said = lockgate_scan::catalog::read("bun.lock", bytes);
    let _said = lockgate_scan::catalog::read("bun.lockb", bytes);
    let _said = lockgate_scan::catalog::read("node_modules/.package-lock.json", bytes);
});
