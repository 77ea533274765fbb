//! Asking a timestamp authority (RFC 3161, section 2.4).

use super::KeylessError;
use crate::hash::Hash;
use crate::reading::Reading;
use crate::stamp;

/// The media type of a request.
pub const QUERY: &str = "application/timestamp-query";
/// The media type of an answer.
pub const REPLY: &str = "application/timestamp-reply";

/// The fields of `TimeStampReq` up to the digest: version 1, SHA-256.
const HEAD: [u8; 22] =
    [2, 1, 1, 0x30, 49, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32];
/// `certReq`: the authority's certificates are to come along.
const CERTIFICATES: [u8; 3] = [1, 1, 0xff];

/// What is asked, in DER: when `signature` was there. `certificates` asks for the authority's own, which nothing signs: only
/// where the trusted root does not have the one that signs already.
///
/// It has no nonce: the signature is new, and no older answer is about it.
pub fn request(signature: &[u8], certificates: bool) -> Vec<u8> {
    let asked: &[u8] = if certificates { &CERTIFICATES } else { &[] };
    // 54 bytes, or 57: one byte of length is enough.
    let length = if certificates { 57 } else { 54 };
    [&[0x30, length], &HEAD[..], Hash::Sha256.of(signature).as_ref(), asked].concat()
}

/// The answer, when a timestamp was granted; whether it is the right one is judged with the bundle.
pub fn answer(bytes: Vec<u8>) -> Result<Vec<u8>, KeylessError> {
    let read = stamp::Token::read(&bytes, Reading::NEWEST);
    let wrong =
        |why: stamp::StampError| KeylessError::Answer { who: "timestamp authority", why: why.to_string() };
    read.map_err(wrong)?;
    Ok(bytes)
}
