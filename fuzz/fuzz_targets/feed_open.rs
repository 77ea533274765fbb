//! Feeds of any bytes: opened, searched and read whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::Feed;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(feed) = Feed::open(std::sync::Arc::new(bytes::Bytes::copy_from_slice(bytes))) {
        let _read = feed.advisories().take(1000).filter(Result::is_ok).count();
    }
});
