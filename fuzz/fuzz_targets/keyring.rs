//! Changes of the keyring from any bytes, and members with subjects of any text: folded, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_model::keyring::Said;
use lockgate_model::{Event, Keyring, Timestamp, json, limits};

fuzz_target!(|bytes: &[u8]| {
    let mut keyring = Keyring::default();
    for (seq, line) in (0..).zip(bytes.split(|byte| *byte == b'\n')) {
        let Ok(Event::Keyring(change)) = json::from_slice::<Event>(line, limits::ENTRY_BYTES) else { continue };
        let said = Said { seq, at: Timestamp::from_unix(1_790_000_000), actor: "a".to_owned() };
        let before = keyring.clone();
        if keyring.apply(&said, &change).is_err() {
            assert_eq!(keyring, before);
        }
    }
});
