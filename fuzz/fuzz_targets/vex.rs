//! VEX documents of every format, of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    for kind in [
        "https://openvex.dev/ns",
        "https://cyclonedx.org/bom",
        "https://docs.oasis-open.org/csaf/csaf/v2.0",
    ] {
        let _said = lockgate_scan::vex::read(kind, &value);
    }
});
