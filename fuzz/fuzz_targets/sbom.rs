//! The cataloger `sbom` and attached bills of materials on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("x.spdx.json", bytes);
    let _said = lockgate_scan::catalog::read("x.cdx.json", bytes);
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    for kind in ["https://cyclonedx.org/bom", "https://spdx.dev/Document"] {
        let _said = lockgate_scan::sbom::read(kind, &value, lockgate_model::Digest::of(b""));
    }
});
