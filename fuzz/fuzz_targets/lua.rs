//! The cataloger `lua` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("x/rocks/a/1-1/a-1-1.rockspec", bytes);
});
