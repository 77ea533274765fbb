//! Points of Ed25519 that are no key: of small order, or in a second encoding (RFC 8032, section 5.1.3).
//!
//! For a point of small order anybody can make a signature of anything, without a private key; a second encoding of a point
//! gives one key two names. The cryptographic library takes both.

/// What stands before the 32 bytes of a key in its `SubjectPublicKeyInfo` (RFC 8410, section 4).
pub(crate) const HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Of the last byte: the sign of the other coordinate.
const SIGN: u8 = 0x80;
/// The field's prime, 2^255 - 19, little-endian.
const PRIME: [u8; 32] = edge(0xed);
/// The coordinates of the eight points whose order divides 8, without their signs; each but the first two is two points'.
const SMALL: [[u8; 32]; 5] = [
    low(1),
    edge(0xec),
    low(0),
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

const fn low(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

const fn edge(first: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = first;
    bytes[31] = 0x7f;
    bytes
}

/// Whether the 32 bytes may be somebody's key: in the one encoding of a point, and of no small order.
pub(super) fn is_somebodys(point: &[u8; 32]) -> bool {
    let mut bare = *point;
    let [.., last] = &mut bare;
    *last &= !SIGN;
    // Little-endian: the last byte says most.
    let is_reduced = bare.iter().rev().lt(PRIME.iter().rev());
    is_reduced && !SMALL.contains(&bare)
}

/// The 32 bytes of a key, when `der` is an Ed25519 key's `SubjectPublicKeyInfo`.
pub(super) fn point(der: &[u8]) -> Option<&[u8; 32]> {
    der.strip_prefix(&HEAD)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

    use super::*;

    /// Every encoding of the eight points that a reader could take: y, and y + p where that has 255 bits, with each sign.
    fn encodings() -> Vec<[u8; 32]> {
        let mut all = vec![];
        for y in SMALL {
            let mut spellings = vec![y];
            if y[1..31].iter().all(|byte| *byte == 0) && y[0] < 19 && y[31] == 0 {
                spellings.push(edge(0xed + y[0]));
            }
            for spelling in spellings {
                let mut signed = spelling;
                signed[31] |= SIGN;
                all.extend([spelling, signed]);
            }
        }
        all
    }

    #[test]
    fn points_of_small_order_are_nobodys() {
        let all = encodings();
        assert_eq!(all.len(), 14);
        for point in &all {
            assert!(!is_somebodys(point), "{point:02x?}");
        }
        // That it matters: for the identity, the signature of R = identity and S = 0 is good for every message.
        let forged = [&low(1)[..], &[0; 32]].concat();
        let verifies =
            |key: &[u8; 32]| UnparsedPublicKey::new(&ED25519, key).verify(b"anything", &forged).is_ok();
        assert!(verifies(&low(1)));
    }

    #[test]
    fn numbers_that_are_not_reduced_are_no_encoding() {
        for first in 0xed..=0xff {
            for sign in [0, SIGN] {
                let mut point = edge(first);
                point[31] |= sign;
                assert!(!is_somebodys(&point), "{point:02x?}");
            }
        }
        // One below the prime's second byte is a number again.
        let mut below = edge(0xff);
        below[1] = 0xfe;
        assert!(is_somebodys(&below));
        let mut below = edge(0xeb);
        assert!(is_somebodys(&below));
        below[31] |= SIGN;
        assert!(is_somebodys(&below));
    }

    #[test]
    fn keys_that_are_made_are_somebodys() {
        for _ in 0..200 {
            let pair = Ed25519KeyPair::generate().unwrap();
            let der = [&HEAD[..], pair.public_key().as_ref()].concat();
            assert!(is_somebodys(point(&der).unwrap()));
        }
        assert_eq!(point(&HEAD), None);
        assert_eq!(point(&[&HEAD[..], &[2; 33]].concat()), None);
    }
}
