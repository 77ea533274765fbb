//! Indexes of inventories of any bytes: opened, asked, and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::feed::PackageKey;
use lockgate_scan::inventories::{Batch, InventoryIndex, write_index};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = InventoryIndex::open(std::sync::Arc::new(bytes::Bytes::copy_from_slice(bytes))) {
        let key = PackageKey { ecosystem: "npm".to_owned(), name: "a".to_owned(), binary: false };
        let _told = (index.having(&[key].into()), index.unread());
        let _told = write_index(Some(&index), &Batch::default(), index.covered(), std::io::sink());
    }
});
