//! What a cache gives back for a layer, and what others say that is in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::Descriptor;
use lockgate_scan::{LayerContent, merge};

fuzz_target!(|bytes: &[u8]| {
    if let Some(content) = LayerContent::from_bytes(bytes) {
        let others = LayerContent::from_others(bytes, &content.diff_id);
        assert!(others.is_err() || others.as_ref() == Ok(&content));
        let _inventory = merge(&[(Descriptor::of("x", bytes), content)]);
    }
});
