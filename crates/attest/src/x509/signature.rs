//! Signatures as X.509, CMS, CRLs and OCSP name their algorithms.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::hash::Hash;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// The key's kind.
const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
const ED: ObjectIdentifier = oid("1.3.101.112");
const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = oid("1.3.132.0.34");
const P521: ObjectIdentifier = oid("1.3.132.0.35");

/// The key's kind with a hash.
const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");

/// How a signature is made, apart from the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// ECDSA on the curve of the key.
    Ecdsa(Hash),
    /// RSA with PKCS#1 v1.5.
    Rsa(Hash),
    /// RSA-PSS, MGF1 with the same hash and a salt of its length.
    RsaPss(Hash),
    /// Ed25519.
    Ed25519,
}

impl Scheme {
    /// As an algorithm identifier says; `hash` is what the structure around says besides, where the identifier
    /// names only the key (CMS).
    pub(crate) fn of(algorithm: &AlgorithmIdentifierOwned, hash: Option<Hash>) -> Option<Self> {
        let said =
            |scheme: fn(Hash) -> Self, own: Hash| hash.is_none_or(|hash| hash == own).then(|| scheme(own));
        match algorithm.oid {
            ECDSA_SHA256 => said(Self::Ecdsa, Hash::Sha256),
            ECDSA_SHA384 => said(Self::Ecdsa, Hash::Sha384),
            ECDSA_SHA512 => said(Self::Ecdsa, Hash::Sha512),
            RSA_SHA256 => said(Self::Rsa, Hash::Sha256),
            RSA_SHA384 => said(Self::Rsa, Hash::Sha384),
            RSA_SHA512 => said(Self::Rsa, Hash::Sha512),
            RSA => hash.map(Self::Rsa),
            EC => hash.map(Self::Ecdsa),
            ED => Some(Self::Ed25519),
            RSA_PSS => said(Self::RsaPss, pss_hash(algorithm)?),
            _ => None,
        }
    }
}

/// The hash that RSASSA-PSS parameters name (RFC 4055, section 3.1), when they are of the usual form.
fn pss_hash(algorithm: &AlgorithmIdentifierOwned) -> Option<Hash> {
    let parameters = algorithm.parameters.as_ref()?.to_der().ok()?;
    // SEQUENCE, [0] SEQUENCE, OBJECT IDENTIFIER: whatever follows is checked by verifying.
    Hash::ALL.into_iter().find(|hash| {
        let last = match hash {
            Hash::Sha256 => 1,
            Hash::Sha384 => 2,
            Hash::Sha512 => 3,
        };
        let named = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last];
        parameters.get(6..17) == Some(&named[..])
    })
}

/// Whether `signature` is the one of the key `spki` over `message`, made by `scheme`.
pub(crate) fn verify_with(spki: &[u8], scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = SubjectPublicKeyInfoOwned::from_der(spki) else { return false };
    let curve = || key.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
    let algorithm: Option<&'static dyn VerificationAlgorithm> = match (scheme, key.algorithm.oid) {
        (Scheme::Ecdsa(hash), EC) => curve().and_then(|curve| ecdsa(curve, hash)),
        (Scheme::Rsa(Hash::Sha256), RSA) => Some(&RSA_PKCS1_2048_8192_SHA256),
        (Scheme::Rsa(Hash::Sha384), RSA) => Some(&RSA_PKCS1_2048_8192_SHA384),
        (Scheme::Rsa(Hash::Sha512), RSA) => Some(&RSA_PKCS1_2048_8192_SHA512),
        (Scheme::RsaPss(Hash::Sha256), RSA | RSA_PSS) => Some(&RSA_PSS_2048_8192_SHA256),
        (Scheme::RsaPss(Hash::Sha384), RSA | RSA_PSS) => Some(&RSA_PSS_2048_8192_SHA384),
        (Scheme::RsaPss(Hash::Sha512), RSA | RSA_PSS) => Some(&RSA_PSS_2048_8192_SHA512),
        (Scheme::Ed25519, ED) => Some(&ED25519),
        _ => None,
    };
    algorithm
        .is_some_and(|algorithm| UnparsedPublicKey::new(algorithm, spki).verify(message, signature).is_ok())
}

fn ecdsa(curve: ObjectIdentifier, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, hash) {
        (P256, Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
        (P256, Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
        (P256, Hash::Sha512) => &ECDSA_P256_SHA512_ASN1,
        (P384, Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
        (P384, Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
        (P384, Hash::Sha512) => &ECDSA_P384_SHA512_ASN1,
        (P521, Hash::Sha256) => &ECDSA_P521_SHA256_ASN1,
        (P521, Hash::Sha384) => &ECDSA_P521_SHA384_ASN1,
        (P521, Hash::Sha512) => &ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test reads files")]
pub(crate) mod tests {
    use data_encoding::HEXLOWER;
    use serde_json::Value;
    use xtask::parts::{arena_signing, or_skip};

    use super::*;

    /// Asks `verify` about each Wycheproof vector of the arena whose file `scheme` has an answer for: key, message and
    /// signature. Only what is `valid` may verify.
    pub(crate) fn wycheproof<T: Copy>(
        test: &str,
        scheme: impl Fn(&str, Hash, &str) -> Option<T>,
        verify: impl Fn(T, &[u8], &[u8], &[u8]) -> bool,
    ) -> Option<usize> {
        let arena = or_skip(arena_signing(), test)?;
        let mut verified = 0;
        for entry in std::fs::read_dir(arena.join("wycheproof")).unwrap() {
            let document: Value =
                serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
            for group in document["testGroups"].as_array().unwrap() {
                // Hashes that are not relied on, and other salts and masks than the usual ones, are not verified.
                let hash = group["sha"].as_str().unwrap_or_default().to_lowercase().replace('-', "");
                let Some(hash) = Hash::named(&hash) else { continue };
                let salt =
                    group["sLen"].as_u64().is_none_or(|salt| salt == hash.of(b"").as_ref().len() as u64);
                let mask = group["mgfSha"].is_null() || group["mgfSha"] == group["sha"];
                let curve = group["publicKey"]["curve"].as_str().unwrap_or("secp256r1");
                let read = ["secp256r1", "secp384r1", "secp521r1"].contains(&curve) && salt && mask;
                let scheme = scheme(document["schema"].as_str().unwrap_or_default(), hash, curve);
                let Some(scheme) = scheme.filter(|_| read) else { continue };
                let key = pem::parse(group["publicKeyPem"].as_str().unwrap()).unwrap().into_contents();
                for vector in group["tests"].as_array().unwrap() {
                    let bytes =
                        |field: &str| HEXLOWER.decode(vector[field].as_str().unwrap().as_bytes()).unwrap();
                    let answer = verify(scheme, &key, &bytes("msg"), &bytes("sig"));
                    assert_eq!(answer, vector["result"] == "valid", "{} {vector}", document["schema"]);
                    verified += usize::from(answer);
                }
            }
        }
        Some(verified)
    }

    #[test]
    fn vectors_made_to_break_verifiers() {
        let scheme = |schema: &str, hash: Hash, _: &str| match schema {
            "ecdsa_verify_schema_v1.json" => Some(Scheme::Ecdsa(hash)),
            "rsassa_pkcs1_verify_schema_v1.json" => Some(Scheme::Rsa(hash)),
            "rsassa_pss_verify_schema_v1.json" => Some(Scheme::RsaPss(hash)),
            _ => None,
        };
        let verify = |scheme, key: &[u8], message: &[u8], signature: &[u8]| {
            verify_with(key, scheme, message, signature)
        };
        if let Some(verified) = wycheproof("vectors_made_to_break_verifiers", scheme, verify) {
            assert!(verified >= 400, "{verified}");
        }
    }

    #[test]
    fn a_key_of_another_kind_does_not_verify() {
        let key = crate::keys::SigningKey::generate().unwrap();
        let signature = key.sign(b"message").unwrap();
        let spki = key.public();
        assert!(verify_with(spki.der(), Scheme::Ecdsa(Hash::Sha256), b"message", &signature));
        for scheme in [
            Scheme::Ecdsa(Hash::Sha384),
            Scheme::Rsa(Hash::Sha256),
            Scheme::RsaPss(Hash::Sha256),
            Scheme::Ed25519,
        ] {
            assert!(!verify_with(spki.der(), scheme, b"message", &signature), "{scheme:?}");
        }
        assert!(!verify_with(b"no key", Scheme::Ecdsa(Hash::Sha256), b"message", &signature));
    }
}
