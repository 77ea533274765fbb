//! Deltas of any bytes, applied to a feed of nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::empty;
use lockgate_model::Digest;
use lockgate_scan::feed::Delta;

fuzz_target!(|bytes: &[u8]| {
    let (from, feed) = empty();
    let to = Digest::of(bytes);
    let changed = String::from_utf8_lossy(bytes);
    let written = format!(r#"{{"changed":{changed},"end_of_life":{{}},"from":"{from}","removed":[],"to":"{to}"}}"#);
    for bytes in [bytes, written.as_bytes()] {
        if let Ok(step) = Delta::from_bytes(bytes) {
            let mut made = Vec::new();
            if step.apply(&feed, &mut made).is_ok() {
                assert_eq!(Digest::of(&made), step.to);
            }
        }
    }
});
