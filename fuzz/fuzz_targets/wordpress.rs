//! The cataloger `wordpress` on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("a/wp-includes/version.php", bytes);
    let _said = lockgate_scan::catalog::read("wp-content/plugins/a.php", bytes);
    let _said = lockgate_scan::catalog::read("wp-content/themes/a/style.css", bytes);
});
