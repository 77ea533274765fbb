//! Trust policies and stores on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::notary::{StoreKind, TrustPolicies, TrustStores};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(policies) = TrustPolicies::from_json(bytes) {
        let _found = policies.of("registry.example/web");
    }
    let _added = TrustStores::default().add(StoreKind::Ca, "acme", bytes);
});
