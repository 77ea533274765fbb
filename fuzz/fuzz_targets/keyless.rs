//! What services answer while signing without a key, and identity tokens, on any bytes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lockgate_attest::keyless::{IdentityToken, fulcio, rekor, tsa};
use lockgate_attest::keys::SigningKey;
use lockgate_model::Timestamp;

static KEY: LazyLock<Option<SigningKey>> = LazyLock::new(|| SigningKey::generate().ok());

fuzz_target!(|bytes: &[u8]| {
    let Some(key) = &*KEY else { return };
    // Nobody but this process has the key: no certificate can be for it.
    assert!(fulcio::answer(bytes, key).is_err());
    let _read = rekor::answer(bytes);
    let _read = tsa::answer(bytes.to_vec());
    let _read = IdentityToken::read(bytes, Timestamp::from_unix(0));
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(path) = rekor::existing(text)
    {
        assert!(path.starts_with(rekor::PATH) && !path.contains(".."));
    }
});
