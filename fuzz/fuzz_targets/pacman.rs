//! The cataloger `pacman` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("var/lib/pacman/local/a-1-1/desc", bytes);
    let _said = lockgate_scan::catalog::read("var/lib/pacman/local/a-1-1/files", bytes);
});
