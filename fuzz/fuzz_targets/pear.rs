//! The cataloger `pear` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("usr/share/php/.registry/a.reg", bytes);
});
