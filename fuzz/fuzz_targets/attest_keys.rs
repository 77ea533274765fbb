//! Keys and certificates on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::x509::Certificate;

fuzz_target!(|bytes: &[u8]| {
    let _read = PublicKey::from_pem(bytes);
    let _read = SigningKey::from_pem(bytes);
    let _read = SigningKey::from_encrypted_pem(bytes, b"secret");
    let _read = Certificate::from_pem(bytes);
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _said = (certificate.subject(), certificate.issuer(), certificate.serial());
        assert!(certificate.der() == bytes);
    }
});
