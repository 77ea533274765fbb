//! Layers of any bytes: tar, gzip and zstd; and what lays them over each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::Descriptor;
use lockgate_model::oci::media;
use lockgate_scan::{LayerContent, analyse, merge};

fuzz_target!(|bytes: &[u8]| {
    for media_type in [media::OCI_LAYER, media::OCI_LAYER_GZIP, media::OCI_LAYER_ZSTD] {
        let layer = Descriptor::of(media_type, bytes);
        if let Ok(content) = analyse(bytes, &layer, None) {
            let kept = content.to_bytes().and_then(|bytes| LayerContent::from_bytes(&bytes));
            assert_eq!(kept.as_ref(), Some(&content));
            let _inventory = merge(&[(layer.clone(), content.clone()), (layer, content)]);
        }
    }
});
