//! What a cache gives back for a layer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::Descriptor;
use lockgate_scan::{LayerContent, merge};

fuzz_target!(|bytes: &[u8]| {
    if let Some(content) = LayerContent::from_bytes(bytes) {
        let _inventory = merge(&[(Descriptor::of("x", bytes), content)]);
    }
});
