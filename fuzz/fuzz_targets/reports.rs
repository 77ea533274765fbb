//! Reports of other scanners, bare and in cosign's predicate, of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::{Read, Shapes, reports};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = lockgate_model::json::value(bytes, 1 << 20) else { return };
    for kind in [reports::PREDICATE_TYPE, reports::COSIGN_VULN, "https://cyclonedx.org/bom"] {
        for shapes in [Shapes::Lenient, Shapes::Strict] {
            let Read::Whole(report) = reports::read(kind, &value, shapes) else { continue };
            assert!(report.vulnerabilities.iter().all(|vulnerability| !vulnerability.names.is_empty() && !vulnerability.name.is_empty()));
            assert!(report.looked.iter().all(|one| !one.ecosystem.is_empty()));
        }
    }
    let _made = reports::made(&value);
    let _wrapped = reports::wrap(value, lockgate_model::Timestamp::from_unix(0));
});
