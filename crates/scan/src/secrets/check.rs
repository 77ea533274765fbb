//! What tells a secret from text that looks like one: checksums, entropy, and the words of placeholders.

use flate2::Crc;

/// Bytes of letters and digits.
pub(super) fn is_base62(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Bytes of base64url, which many tokens are made of.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Bytes of base64 with its padding.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Longest run that is taken for one token, in bytes.
const RUN: usize = 1024;

/// The bytes of that kind at the beginning.
pub(super) fn run(bytes: &[u8], is: fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().take(RUN).position(|byte| !is(*byte)).unwrap_or(bytes.len().min(RUN));
    bytes.get(..end).unwrap_or_default()
}

/// Whether a token may begin at `at`: a letter or digit before it would make it part of something else, unless that is the
/// letter of an escape (`\n`).
pub(super) fn begins(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| bytes.get(at)).copied();
    match before(1) {
        Some(b'n' | b'r' | b't') if before(2) == Some(b'\\') => true,
        Some(byte) => !is_word(byte) || byte == b'-',
        None => true,
    }
}

/// Shannon entropy of a byte, in bits.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(bytes.len().max(1)).unwrap_or(u32::MAX));
    let each = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
    -each.map(|share| share * share.log2()).sum::<f64>()
}

/// What stands in the place of a secret in documents, in small letters.
const PLACEHOLDERS: [&[u8]; 17] = [
    b"example",
    b"sample",
    b"placeholder",
    b"changeme",
    b"dummy",
    b"redacted",
    b"your_",
    b"your-",
    b"xxxx",
    b"****",
    b"....",
    b"0000000",
    b"1234567",
    b"abcdef",
    b"${",
    b"{{",
    b"$(",
];
/// Words that make a placeholder of a text that has no digits.
const WORDS: [&[u8]; 6] = [b"secret", b"token", b"passw", b"your", b"here", b"change"];
/// A longer text is not a placeholder: it is a document that may have any word in it.
const PLACEHOLDER: usize = 256;

/// Whether it stands in the place of a secret: by its words, or because it is a variable.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    if value.len() > PLACEHOLDER {
        return false;
    }
    let small = value.to_ascii_lowercase();
    let has = |word: &&[u8]| memchr::memmem::find(&small, word).is_some();
    let variable = matches!(small.first(), Some(b'$' | b'<' | b'%' | b'@' | b'{' | b'['));
    let spoken = !small.iter().any(u8::is_ascii_digit) && WORDS.iter().any(has);
    variable || spoken || PLACEHOLDERS.iter().any(has)
}

/// Whether a password that somebody chose is one: short texts and words of documents are not.
pub(super) fn is_password(value: &[u8]) -> bool {
    value.len() >= 6 && entropy(value) >= 2.0 && !is_placeholder(value)
}

/// Whether the last six characters are the checksum of those before: CRC-32 in base 62, as GitHub and npm have it
/// (github.blog, "Behind GitHub's new authentication token formats").
pub(super) fn crc_is_right(body: &[u8]) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((body, said)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    let mut crc = Crc::new();
    crc.update(body);
    let mut rest = crc.sum();
    let mut sum = [b'0'; 6];
    for digit in sum.iter_mut().rev() {
        *digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    said == sum
}

/// Whether a text in capitals is Bech32 (BIP 173): what precedes the last `1` is the prefix.
pub(super) fn is_bech32(text: &[u8]) -> bool {
    const DIGITS: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(one) = memchr::memrchr(b'1', text) else { return false };
    let (prefix, data) = (text.get(..one).unwrap_or_default(), text.get(one + 1..).unwrap_or_default());
    let small = prefix.to_ascii_lowercase();
    let mut values: Vec<u8> = small.iter().map(|byte| byte >> 5).collect();
    values.push(0);
    values.extend(small.iter().map(|byte| byte & 31));
    for byte in data {
        let Some(value) = DIGITS.iter().position(|digit| digit == byte) else { return false };
        values.push(u8::try_from(value).unwrap_or_default());
    }
    let sum =
        values.iter().fold(1_u32, |sum, value| {
            let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(*value);
            let top = sum >> 25;
            GENERATOR.iter().enumerate().fold(shifted, |sum, (bit, generator)| {
                if top >> bit & 1 == 1 { sum ^ generator } else { sum }
            })
        });
    data.len() > 6 && sum == 1
}

/// Whether bytes are a macaroon with a signature, in its second binary form (libmacaroons, "format.txt"): fields of a type, a
/// length and a content; an end after the first two and after each caveat; a signature of 32 bytes last.
pub(super) fn is_macaroon(bytes: &[u8]) -> bool {
    let Some((2, mut rest)) = bytes.split_first().map(|(first, rest)| (*first, rest)) else { return false };
    let (mut fields, mut ended) = (0, 0);
    while let Some((kind, after)) = rest.split_first() {
        rest = after;
        if *kind == 0 {
            ended += 1;
            continue;
        }
        let Some((length, after)) = varint(rest) else { return false };
        let Some((content, after)) = after.split_at_checked(length) else { return false };
        rest = after;
        fields += 1;
        if *kind == 6 {
            return content.len() == 32 && rest.is_empty() && fields > 2 && ended >= 2;
        }
    }
    false
}

/// A number of seven bits a byte, the lowest first.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(3) {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}
