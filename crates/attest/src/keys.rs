//! Keys: those that verify, and those that sign.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ED25519, EcdsaKeyPair,
    KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use data_encoding::BASE64;
use lockgate_model::Digest;
use pem::{EncodeConfig, LineEnding, Pem};

/// Largest key file that is read, in bytes.
const KEY_BYTES: usize = 16 << 10;

/// DER before the key itself (RFC 5280, section 4.1.2.7, with the algorithms of RFC 5480 and RFC 8410).
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const P384: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";
const ED25519_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// `rsaEncryption` with its NULL parameter, after the four bytes of the outer header.
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM.
    #[error("it is no PEM file with one key")]
    NotPem,
    /// PEM, but of something else.
    #[error("it holds a `{found}`, where a `{expected}` is needed")]
    Kind {
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// An encrypted key.
    #[error(
        "it is encrypted: give a PKCS#8 key (`openssl pkcs8 -topk8 -nocrypt`), or make one with `lockgate key generate`"
    )]
    Encrypted,
    /// A key of an algorithm that is not read.
    #[error("its algorithm is not read: ECDSA P-256 and P-384, Ed25519 and RSA of 2048 to 8192 bits are")]
    Algorithm,
    /// The cryptographic library refused.
    #[error("the cryptographic library refused the key")]
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    P256,
    P384,
    Ed25519,
    Rsa,
}

/// A public key, as SubjectPublicKeyInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` in PEM.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let pem = one_pem(bytes)?;
        expect_tag(&pem, "PUBLIC KEY")?;
        Self::from_der(pem.into_contents())
    }

    fn from_der(der: Vec<u8>) -> Result<Self, KeyError> {
        let exactly = |prefix: &[u8], key: usize| der.starts_with(prefix) && der.len() == prefix.len() + key;
        let algorithm = if exactly(P256, 65) {
            Algorithm::P256
        } else if exactly(P384, 97) {
            Algorithm::P384
        } else if exactly(ED25519_PREFIX, 32) {
            Algorithm::Ed25519
        } else if der.get(4..).is_some_and(|rest| rest.starts_with(RSA)) {
            Algorithm::Rsa
        } else {
            return Err(KeyError::Algorithm);
        };
        Ok(Self { algorithm, der })
    }

    /// The key as `PUBLIC KEY` in PEM.
    pub fn to_pem(&self) -> String {
        encode_pem("PUBLIC KEY", &self.der)
    }

    /// Digest of the DER bytes: the key's name wherever it is not called by another.
    pub fn id(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// What cosign writes as `publicKey.hint` of a bundle: the digest of the DER bytes in base64.
    pub fn hint(&self) -> String {
        BASE64.encode(self.id().as_bytes())
    }

    /// The algorithm, for people.
    pub fn algorithm(&self) -> &'static str {
        match self.algorithm {
            Algorithm::P256 => "ECDSA P-256",
            Algorithm::P384 => "ECDSA P-384",
            Algorithm::Ed25519 => "Ed25519",
            Algorithm::Rsa => "RSA",
        }
    }

    /// Whether `signature` (ECDSA: DER; RSA: PKCS#1 v1.5 with SHA-256) is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm {
            Algorithm::P256 => &ECDSA_P256_SHA256_ASN1,
            Algorithm::P384 => &ECDSA_P384_SHA384_ASN1,
            Algorithm::Ed25519 => &ED25519,
            Algorithm::Rsa => &RSA_PKCS1_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(algorithm, &self.der).verify(message, signature).is_ok()
    }
}

/// A private key, ECDSA P-256: what cosign makes, and what everyone verifies.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| KeyError::Refused)?;
        Self::from_pair(pair)
    }

    /// Reads a `PRIVATE KEY` (PKCS#8) in PEM.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let pem = one_pem(bytes)?;
        if pem.tag().contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        expect_tag(&pem, "PRIVATE KEY")?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pem.contents())
            .map_err(|_| KeyError::Algorithm)?;
        Self::from_pair(pair)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::from_der([P256, pair.public_key().as_ref()].concat())?;
        Ok(Self { pair, public })
    }

    /// The key as `PRIVATE KEY` (PKCS#8) in PEM. Whoever has this text can sign.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let der = self.pair.to_pkcs8v1().map_err(|_| KeyError::Refused)?;
        Ok(encode_pem("PRIVATE KEY", der.as_ref()))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// Signs `message`: ECDSA with SHA-256, in DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Refused)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public.id().short())
    }
}

fn one_pem(bytes: &[u8]) -> Result<Pem, KeyError> {
    if bytes.len() > KEY_BYTES {
        return Err(KeyError::NotPem);
    }
    let mut pems = pem::parse_many(bytes).map_err(|_| KeyError::NotPem)?;
    match (pems.pop(), pems.is_empty()) {
        (Some(pem), true) => Ok(pem),
        _ => Err(KeyError::NotPem),
    }
}

fn expect_tag(pem: &Pem, expected: &'static str) -> Result<(), KeyError> {
    if pem.tag() == expected {
        return Ok(());
    }
    Err(KeyError::Kind { expected, found: pem.tag().chars().take(60).collect() })
}

fn encode_pem(tag: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_read_and_used() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap();
        let public = PublicKey::from_pem(key.public().to_pem().as_bytes()).unwrap();
        assert_eq!(again.public(), public);
        let signature = again.sign(b"message").unwrap();
        assert!(public.verify(b"message", &signature));
        assert!(!public.verify(b"massage", &signature));
        assert!(!SigningKey::generate().unwrap().public().verify(b"message", &signature));
    }

    #[test]
    fn refuses_what_is_no_key_of_that_kind() {
        let key = SigningKey::generate().unwrap();
        let (private, public) = (key.to_pem().unwrap(), key.public().to_pem());
        assert!(matches!(PublicKey::from_pem(private.as_bytes()), Err(KeyError::Kind { .. })));
        assert!(matches!(SigningKey::from_pem(public.as_bytes()), Err(KeyError::Kind { .. })));
        let encrypted = private.replace("PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY");
        assert_eq!(SigningKey::from_pem(encrypted.as_bytes()).unwrap_err(), KeyError::Encrypted);
        assert_eq!(PublicKey::from_pem(format!("{public}{public}").as_bytes()), Err(KeyError::NotPem));
        assert_eq!(PublicKey::from_pem(b"nothing"), Err(KeyError::NotPem));
        let short = encode_pem("PUBLIC KEY", P256);
        assert_eq!(PublicKey::from_pem(short.as_bytes()), Err(KeyError::Algorithm));
    }
}
