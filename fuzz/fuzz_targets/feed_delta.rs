//! Deltas of any bytes, applied to a feed of nothing.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use lockgate_fuzz::empty;
use lockgate_model::Digest;
use lockgate_scan::feed::Delta;

fuzz_target!(|bytes: &[u8]| {
    let (from, feed) = empty();
    let to = Digest::of(bytes);
    let changed = String::from_utf8_lossy(bytes);
    let source = r#"{"advisories":1,"ecosystems":{},"name":"x"}"#;
    let written = format!(
        r#"{{"changed":{{"x":{changed}}},"facts":{{}},"format":"lockgate-delta-2","from":"{from}","removed":{{}},"sources":[{source}],"to":"{to}"}}"#
    );
    for bytes in [bytes, written.as_bytes()] {
        if let Ok(step) = Delta::from_bytes(bytes) {
            let mut made = Vec::new();
            if step.apply(&feed, Cursor::new(Vec::new()), &mut made).is_ok() {
                assert_eq!(Digest::of(&made), step.to);
            }
        }
    }
});
