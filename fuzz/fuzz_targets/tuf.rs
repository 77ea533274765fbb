//! TUF metadata of each kind, and keyrings that are published, on any bytes. The first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::tuf::write::{sign_root, signatures_of};
use lockgate_attest::tuf::{Root, Signed, Snapshot, Targets, TimestampMeta, Trusted};
use lockgate_model::keyring::{Lack, Published, Said};
use lockgate_model::{Keyring, Timestamp};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let at = Timestamp::from_unix(1_790_000_000);
    match kind {
        b'r' => {
            let _pinned = Trusted::pinned(bytes, at);
            let _counted = signatures_of(bytes);
            let key = lockgate_attest::keys::SigningKey::generate().expect("there is entropy");
            let _refused = sign_root(bytes, &key, None).expect_err("no root names a new key");
            let _read = Signed::<Root>::read("x", bytes);
        }
        b't' => drop(Signed::<TimestampMeta>::read("x", bytes)),
        b's' => drop(Signed::<Snapshot>::read("x", bytes)),
        b'g' => drop(Signed::<Targets>::read("x", bytes)),
        _ => keyring(bytes, at),
    }
});

/// A keyring that was read is written as it was, and can be taken in its order: what the rules let in.
fn keyring(bytes: &[u8], at: Timestamp) {
    let Ok(published) = Published::from_bytes(bytes) else { return };
    assert_eq!(published.to_bytes().expect("it was read"), bytes);
    let mut keyring = Keyring::default();
    for (seq, one) in (0..).zip(published.members()) {
        if let Lack::Change(change) = keyring.lacks(&published, one, at) {
            let said = Said { seq, at, actor: "a".to_owned() };
            let _refused = keyring.apply(&said, &change);
        }
    }
}
