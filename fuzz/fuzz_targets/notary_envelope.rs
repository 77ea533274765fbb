//! Envelopes of the Notary Project on any bytes, in both forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_attest::notary::Envelope;

fuzz_target!(|bytes: &[u8]| {
    let _read = Envelope::read("application/jose+json", bytes);
    let _read = Envelope::read("application/cose", bytes);
});
