//! The cataloger `sbom` and attached bills of materials on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::{Read, Shapes, sbom};

fuzz_target!(|bytes: &[u8]| {
    let _said = lockgate_scan::catalog::read("x.spdx.json", bytes);
    let _said = lockgate_scan::catalog::read("x.cdx.json", bytes);
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    for kind in ["https://cyclonedx.org/bom", "https://spdx.dev/Document"] {
        let read = |shapes| sbom::read(kind, &value, lockgate_model::Digest::of(b""), shapes);
        let (lenient, strict) = (read(Shapes::Lenient), read(Shapes::Strict));
        // The feed is asked about what lenient reading names.
        if let Read::Whole(strict) = strict {
            assert!(matches!(lenient, Read::Whole(lenient) if lenient.packages == strict.packages));
        }
    }
});
