//! Baselines, and the package URLs in them, of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _purl = std::str::from_utf8(bytes).map(lockgate_scan::purl::Purl::parse);
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    for shapes in [lockgate_scan::Shapes::Lenient, lockgate_scan::Shapes::Strict] {
        let _said = lockgate_scan::baseline::Baseline::read(&value, shapes);
    }
});
