//! Two layers of any bytes, listed and compared: one of them damaged by what the other's first byte says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use lockgate_scan::{compare, list_verified};

fuzz_target!(|bytes: &[u8]| {
    let list = |bytes: &[u8]| {
        list_verified(bytes, &Descriptor::of(media::OCI_LAYER, bytes), &Digest::of(bytes))
    };
    let mut other = bytes.to_vec();
    if let Some(first) = bytes.first().copied().map(usize::from)
        && let Some(byte) = other.get_mut(first * 7)
    {
        *byte ^= 1;
    }
    if let (Ok(one), Ok(other)) = (list(bytes), list(&other)) {
        let _relation = compare::layers(&one, &other);
    }
});
