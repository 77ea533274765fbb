//! Private keys: PEM whose body is what its label says (RFC 7468, RFC 1421; OpenSSH, "PROTOCOL.key").

use data_encoding::{BASE64, BASE64_NOPAD};

use super::check;

/// What stands between the dashes before a key; those that say `ENCRYPTED` are left out.
const LABELS: [&[u8]; 5] =
    [b"RSA PRIVATE KEY", b"EC PRIVATE KEY", b"DSA PRIVATE KEY", b"PRIVATE KEY", b"OPENSSH PRIVATE KEY"];
/// Longest body of a key that is decoded, in bytes of base64.
const BODY: usize = 64 << 10;
/// How OpenSSH's own format begins.
const OPENSSH: &[u8] = b"openssh-key-v1\0";

/// Whether a private key without a passphrase begins here, after `-----BEGIN `. Its line breaks may be written as escapes.
/// Reads to the first byte that does not belong to it: what follows is looked at once, however often keys begin.
pub(super) fn is_key(after: &[u8]) -> bool {
    let label = LABELS.iter().find_map(|label| Some((*label, after.strip_prefix(*label)?)));
    let Some((label, rest)) = label.and_then(|(label, rest)| Some((label, rest.strip_prefix(b"-----")?)))
    else {
        return false;
    };
    let Some(body) = body(rest) else { return false };
    let padded = BASE64.decode(&body).or_else(|_| BASE64_NOPAD.decode(&body));
    let Ok(bytes) = padded else { return false };
    if label == b"OPENSSH PRIVATE KEY" {
        return bytes.strip_prefix(OPENSSH).is_some_and(|rest| rest.starts_with(b"\0\0\0\x04none"));
    }
    is_sequence(&bytes)
}

/// The base64 up to the dashes that end it; nothing where something else stands in between, as headers of an encrypted key
/// do.
fn body(rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut bytes = rest.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if matches!(bytes.next(), Some(b'n' | b'r')) => {}
            b'\n' | b'\r' | b' ' | b'\t' => {}
            b'-' => return Some(body),
            byte if check::is_base64(byte) && body.len() < BODY => body.push(byte),
            _ => return None,
        }
    }
    None
}

/// Whether bytes are one DER sequence, as long as it says, that begins with a small version number (RFC 8017, RFC 5915, RFC
/// 5958).
fn is_sequence(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"\x30") else { return false };
    let Some((first, rest)) = rest.split_first() else { return false };
    let (length, content) = match usize::from(*first) {
        short if short < 0x80 => (short, rest),
        long => {
            let Some((length, content)) = rest.split_at_checked(long - 0x80) else { return false };
            if length.len() > 3 {
                return false;
            }
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), content)
        }
    };
    let version = matches!(content, [2, 1, 0 | 1, ..]);
    // The smallest is a key of Ed25519 (RFC 8410): 46 bytes.
    version && length == content.len() && length >= 40
}

/// Whether a whole private key is in base64 here, as in a kubeconfig.
pub(super) fn is_encoded_key(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| !check::is_base64(*byte)).unwrap_or(text.len());
    let Some(encoded) = text.get(..end).filter(|encoded| encoded.len() <= BODY) else { return false };
    let Ok(pem) = BASE64.decode(encoded) else { return false };
    let begins = memchr::memmem::find(&pem, super::KEY_START);
    begins.and_then(|at| pem.get(at + super::KEY_START.len()..)).is_some_and(is_key)
}
