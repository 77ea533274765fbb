//! Reports of other scanners, bare and in cosign's predicate, of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::reports;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    for kind in [reports::PREDICATE_TYPE, reports::COSIGN_VULN, "https://cyclonedx.org/bom"] {
        let _said = reports::read(kind, &value);
    }
    let _wrapped = reports::wrap(value, lockgate_model::Timestamp::from_unix(0));
});
