//! The algorithms that verify with managed keys and the keys of certificates.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_FIXED,
    ED25519, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};

use crate::reading::Reading;

/// An algorithm that verifies: what cosign signs with for a key of that kind.
#[derive(Debug)]
pub(super) struct Algorithm {
    pub(super) name: &'static str,
    pub(super) verification: &'static dyn VerificationAlgorithm,
    /// ECDSA with signatures as the two numbers in a row.
    pub(super) p1363: Option<&'static dyn VerificationAlgorithm>,
    /// ECDSA with SHA-256 on a larger curve, as Sigstore's clients sign besides.
    pub(super) with_sha256: Option<&'static dyn VerificationAlgorithm>,
    /// Since when keys of it are read.
    pub(super) since: Reading,
}

pub(super) static ALGORITHMS: [Algorithm; 5] = [
    Algorithm {
        name: "ECDSA P-256",
        verification: &ECDSA_P256_SHA256_ASN1,
        p1363: Some(&ECDSA_P256_SHA256_FIXED),
        with_sha256: None,
        since: Reading::First,
    },
    Algorithm {
        name: "ECDSA P-384",
        verification: &ECDSA_P384_SHA384_ASN1,
        p1363: Some(&ECDSA_P384_SHA384_FIXED),
        with_sha256: Some(&ECDSA_P384_SHA256_ASN1),
        since: Reading::First,
    },
    // Ed25519 as such. cosign 3.1 signs with the prehashed variant, which it does not verify on images itself.
    Algorithm {
        name: "Ed25519",
        verification: &ED25519,
        p1363: None,
        with_sha256: None,
        since: Reading::First,
    },
    Algorithm {
        name: RSA,
        verification: &RSA_PKCS1_2048_8192_SHA256,
        p1363: None,
        with_sha256: None,
        since: Reading::First,
    },
    Algorithm {
        name: "ECDSA P-521",
        verification: &ECDSA_P521_SHA512_ASN1,
        p1363: Some(&ECDSA_P521_SHA512_FIXED),
        with_sha256: Some(&ECDSA_P521_SHA256_ASN1),
        since: Reading::Second,
    },
];
pub(super) const RSA: &str = "RSA";
