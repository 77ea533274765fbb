//! The cataloger `portage` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("var/db/pkg/a/b-1/CONTENTS", bytes);
});
