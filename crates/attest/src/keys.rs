//! Keys: those that verify, and those that sign.

mod algorithms;
mod ed25519;
mod encrypted;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey, UnparsedPublicKey,
};
use data_encoding::BASE64;
use lockgate_model::Digest;
use pem::{EncodeConfig, LineEnding, Pem};

pub(crate) use ed25519::HEAD as ED25519_HEAD;

use algorithms::{ALGORITHMS, Algorithm, RSA};

use crate::reading::Reading;

/// Largest key file that is read, in bytes.
const KEY_BYTES: usize = 16 << 10;

/// What a P-256 key begins with (RFC 5480, section 2), and how long it then is: of these, there is one encoding.
const P256_HEAD: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const P256_BYTES: usize = 91;
/// What stands before the points of the larger curves.
const P384_HEAD: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
const P521_HEAD: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM.
    #[error("it is no PEM file with one key")]
    NotPem,
    /// PEM, but of something else.
    #[error("it holds a `{found}`, where a `{expected}` is needed: `openssl pkey` converts keys")]
    Kind {
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// An encrypted key, and no password.
    #[error("it is encrypted, and no password was given")]
    Encrypted,
    /// The password does not open it, or it was changed.
    #[error("the password is wrong, or the file was changed")]
    Password,
    /// It is encrypted in a way that is not read, or that takes too much.
    #[error("{0}")]
    Encryption(String),
    /// A public key that is malformed, or of an algorithm that the first reading knows not.
    #[error(
        "it is no well-formed key of an algorithm that is read: ECDSA P-256 and P-384, Ed25519 and RSA of 2048 to 8192 bits are"
    )]
    FirstAlgorithm,
    /// A public key that is malformed, or of an algorithm that is not read.
    #[error(
        "it is not a well-formed key of an algorithm that is read: ECDSA P-256, P-384 and P-521, Ed25519 and RSA of 2048 to 8192 bits are"
    )]
    Algorithm,
    /// A point of Ed25519 that is of small order, or in a second encoding.
    #[error(
        "its Ed25519 point is of small order or not in its one encoding: for such a key anybody can sign, without a private key. Make another: `lockgate key generate`"
    )]
    Anybodys,
    /// A private key that is malformed, or not of the one algorithm that signs.
    #[error(
        "it is no ECDSA P-256 key, the only kind that signs: `lockgate key generate` and `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` make one"
    )]
    NotP256,
    /// The cryptographic library refused.
    #[error("the cryptographic library refused the key")]
    Refused,
    /// The token that holds the key did not sign.
    #[error("the token did not sign: {0}")]
    Token(String),
}

/// A public key, as SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7).
#[derive(Debug, Clone)]
pub struct PublicKey {
    algorithm: &'static Algorithm,
    parsed: ParsedPublicKey,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Reads a `PUBLIC KEY` in PEM.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem_as(bytes, Reading::NEWEST)
    }

    /// The same, as a recorded Case was judged.
    pub fn from_pem_as(bytes: &[u8], reading: Reading) -> Result<Self, KeyError> {
        let pem = one_pem(bytes)?;
        expect_tag(&pem, "PUBLIC KEY")?;
        Self::from_der_as(pem.contents(), reading)
    }

    /// The ECDSA P-256 key with this uncompressed point (SEC 1, section 2.3.3): `4`, then two numbers of 32 bytes.
    pub fn from_p256_point(point: &[u8]) -> Result<Self, KeyError> {
        match point.split_first() {
            Some((4, numbers)) if numbers.len() == 64 => Self::from_der(&[&P256_HEAD[..], numbers].concat()),
            _ => Err(KeyError::Algorithm),
        }
    }

    /// The ECDSA key on P-256, P-384 or P-521 with this uncompressed point: which it is, its length says.
    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let head: &[u8] = match point.len() {
            65 => return Self::from_p256_point(point),
            97 => &P384_HEAD,
            133 => &P521_HEAD,
            _ => return Err(KeyError::Algorithm),
        };
        match point.split_first() {
            Some((4, _)) => Self::from_der(&[head, point].concat()),
            _ => Err(KeyError::Algorithm),
        }
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_der_as(der, Reading::NEWEST)
    }

    /// Only the one canonical encoding of a key is read: another would give the same key a second id, and one
    /// signature could count for two.
    pub(crate) fn from_der_as(der: &[u8], reading: Reading) -> Result<Self, KeyError> {
        if reading.is_second() && is_anybodys(der) {
            return Err(KeyError::Anybodys);
        }
        let read = |algorithm: &'static Algorithm| {
            let parsed = ParsedPublicKey::new(algorithm.verification, der).ok()?;
            let plain = der.len() == P256_BYTES && der.starts_with(&P256_HEAD);
            let canonical = plain || parsed.as_der().is_ok_and(|again| again.as_ref() == der);
            // The length of an RSA key is otherwise looked at only when it verifies.
            let long_enough = algorithm.name != RSA || PublicEncryptingKey::from_der(der).is_ok();
            (canonical && long_enough).then_some(Self { algorithm, parsed })
        };
        let refused = if reading.is_second() { KeyError::Algorithm } else { KeyError::FirstAlgorithm };
        let mut known = ALGORITHMS.iter().filter(|algorithm| algorithm.since <= reading);
        known.find_map(read).ok_or(refused)
    }

    pub(crate) fn der(&self) -> &[u8] {
        self.parsed.as_ref()
    }

    /// The key as `PUBLIC KEY` in PEM.
    pub fn to_pem(&self) -> String {
        encode_pem("PUBLIC KEY", self.der())
    }

    /// Digest of the DER bytes: the key's name wherever it is not called by another.
    pub fn id(&self) -> Digest {
        Digest::of(self.der())
    }

    /// What cosign writes as `publicKey.hint` of a bundle: the digest of the DER bytes in base64.
    pub fn hint(&self) -> String {
        BASE64.encode(self.id().as_bytes())
    }

    /// The algorithm, for people.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm.name
    }

    /// Whether `signature` is this key's over `message`. ECDSA: DER, with the hash of the curve's size; RSA:
    /// PKCS#1 v1.5 with SHA-256.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    /// Whether `signature` is this key's over the message with this hash; never for Ed25519, which signs no hashes.
    /// The larger curves also with SHA-256, see [`Self::verify_as_sigstore`].
    pub(crate) fn verify_hashed(&self, hash: &aws_lc_rs::digest::Digest, signature: &[u8]) -> bool {
        let with_sha256 = || self.with_sha256().is_some_and(|key| key.verify_digest(hash, signature).is_ok());
        self.parsed.verify_digest_sig(hash, signature).is_ok() || with_sha256()
    }

    /// As [`Self::verify`]; P-384 and P-521 also with SHA-256: so Sigstore's clients signed for years, CPython's releases
    /// too (sigstore/protobuf-specs, sigstore_common.proto, lists both among the deprecated).
    pub(crate) fn verify_as_sigstore(&self, message: &[u8], signature: &[u8]) -> bool {
        let with_sha256 = || self.with_sha256().is_some_and(|key| key.verify(message, signature).is_ok());
        self.verify(message, signature) || with_sha256()
    }

    fn with_sha256(&self) -> Option<UnparsedPublicKey<&[u8]>> {
        self.algorithm.with_sha256.map(|algorithm| UnparsedPublicKey::new(algorithm, self.der()))
    }

    /// Whether `signature`, the two numbers in a row (IEEE P1363), is this ECDSA key's over `message`. For
    /// signers that are known to write so; cosign does not, and nothing guesses.
    pub fn verify_p1363(&self, message: &[u8], signature: &[u8]) -> bool {
        self.algorithm.p1363.is_some_and(|algorithm| {
            UnparsedPublicKey::new(algorithm, self.der()).verify(message, signature).is_ok()
        })
    }
}

/// What signs: a key in memory, or one that never leaves its token.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> PublicKey;

    /// Signs `message`: ECDSA with SHA-256, in DER.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
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

    /// Reads a `PRIVATE KEY` (PKCS#8) in PEM. An encrypted one is [`KeyError::Encrypted`].
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        let pem = one_pem(bytes)?;
        if is_encrypted(&pem) {
            return Err(KeyError::Encrypted);
        }
        expect_tag(&pem, "PRIVATE KEY")?;
        Self::from_pkcs8(pem.contents())
    }

    /// Reads a private key under `password`: cosign's, or PKCS#8's with PBES2. One in the open is read too.
    pub fn from_encrypted_pem(bytes: &[u8], password: &[u8]) -> Result<Self, KeyError> {
        let pem = one_pem(bytes)?;
        if !is_encrypted(&pem) {
            return Self::from_pem(bytes);
        }
        Self::from_pkcs8(&encrypted::open(pem.tag(), pem.contents(), password)?)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der);
        Self::from_pair(pair.map_err(|_| KeyError::NotP256)?)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let der = pair.public_key().as_der().map_err(|_| KeyError::Refused)?;
        let public = PublicKey::from_der(der.as_ref())?;
        Ok(Self { pair, public })
    }

    /// The key as `PRIVATE KEY` (PKCS#8) in PEM. Whoever has this text can sign.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let der = self.pair.to_pkcs8v1().map_err(|_| KeyError::Refused)?;
        Ok(encode_pem("PRIVATE KEY", der.as_ref()))
    }

    /// The key under `password` in cosign's form, in PEM.
    pub fn to_encrypted_pem(&self, password: &[u8]) -> Result<String, KeyError> {
        let der = self.pair.to_pkcs8v1().map_err(|_| KeyError::Refused)?;
        Ok(encode_pem(encrypted::SIGSTORE, &encrypted::seal(der.as_ref(), password)?))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// Signs `message`: ECDSA with SHA-256, in DER.
    #[expect(clippy::disallowed_methods, reason = "ECDSA draws a nonce for each signature")]
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Refused)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl Signer for SigningKey {
    fn public(&self) -> PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign(message)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public.id().short())
    }
}

/// An ECDSA P-256 signature in DER (RFC 3279, section 2.2.3) from its two numbers in a row, as tokens give it; nothing, when
/// there are not 64 bytes.
pub fn der_of_fixed(fixed: &[u8]) -> Option<Vec<u8>> {
    let number = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        let digits = bytes.get(start..)?;
        // Without it, the number would be negative.
        let sign: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
        let length = u8::try_from(sign.len() + digits.len()).ok()?;
        Some([&[2, length], sign, digits].concat())
    };
    let (r, s) = fixed.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    let numbers = [number(r)?, number(s)?].concat();
    Some([&[0x30, u8::try_from(numbers.len()).ok()?], numbers.as_slice()].concat())
}

/// The two numbers of an ECDSA P-256 signature in DER, in a row, as JWS has them (RFC 7518, section 3.4); nothing, when it is
/// not the one encoding of two numbers of at most 32 bytes.
pub fn fixed_of_der(der: &[u8]) -> Option<[u8; 64]> {
    let (r, s) = match der {
        [0x30, length, rest @ ..] if usize::from(*length) == rest.len() => {
            let (r, rest) = number_of_der(rest)?;
            let (s, rest) = number_of_der(rest)?;
            rest.is_empty().then_some((r, s))?
        }
        _ => return None,
    };
    let mut fixed = [0; 64];
    for (half, digits) in fixed.chunks_exact_mut(32).zip([r, s]) {
        half.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    }
    // What is written otherwise is not this signature's encoding.
    (der_of_fixed(&fixed).as_deref() == Some(der)).then_some(fixed)
}

/// The digits of an INTEGER, without the zero that keeps it positive, and what follows.
fn number_of_der(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (2, length, rest) = (*der.first()?, *der.get(1)?, der.get(2..)?) else { return None };
    let (digits, rest) = rest.split_at_checked(usize::from(length))?;
    Some((digits.strip_prefix(&[0]).unwrap_or(digits), rest))
}

/// Whether `der` is an Ed25519 key with which anybody can sign.
pub(crate) fn is_anybodys(der: &[u8]) -> bool {
    ed25519::point(der).is_some_and(|point| !ed25519::is_somebodys(point))
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

fn is_encrypted(pem: &Pem) -> bool {
    [encrypted::SIGSTORE, encrypted::COSIGN, encrypted::PKCS8].contains(&pem.tag())
}

fn expect_tag(pem: &Pem, expected: &'static str) -> Result<(), KeyError> {
    if pem.tag() == expected {
        return Ok(());
    }
    Err(KeyError::Kind { expected, found: pem.tag().chars().take(60).collect() })
}

pub(crate) fn encode_pem(tag: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make signatures")]
mod tests {
    use aws_lc_rs::encoding::PublicKeyX509Der;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        Ed25519KeyPair, RsaKeyPair,
    };

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
        for tag in ["ENCRYPTED PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"]
        {
            let encrypted = private.replace("PRIVATE KEY", tag);
            assert_eq!(SigningKey::from_pem(encrypted.as_bytes()).unwrap_err(), KeyError::Encrypted);
            let opened = SigningKey::from_encrypted_pem(encrypted.as_bytes(), b"");
            assert!(matches!(opened, Err(KeyError::Encryption(_))));
        }
        assert_eq!(PublicKey::from_pem(format!("{public}{public}").as_bytes()), Err(KeyError::NotPem));
        assert_eq!(PublicKey::from_pem(b"nothing"), Err(KeyError::NotPem));
        let long = format!("{public}{}", " ".repeat(KEY_BYTES));
        assert_eq!(PublicKey::from_pem(long.as_bytes()), Err(KeyError::NotPem));
    }

    /// A key of each other kind, as DER.
    fn others() -> [(&'static str, Vec<u8>); 4] {
        let p521 = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_ASN1_SIGNING).unwrap();
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        [
            ("ECDSA P-384", p384.public_key().as_der().unwrap().as_ref().to_vec()),
            ("ECDSA P-521", p521.public_key().as_der().unwrap().as_ref().to_vec()),
            ("Ed25519", ed25519.public_key().as_der().unwrap().as_ref().to_vec()),
            ("RSA", AsDer::<PublicKeyX509Der<'_>>::as_der(rsa.public_key()).unwrap().as_ref().to_vec()),
        ]
    }

    #[test]
    fn reads_each_algorithm_and_no_bent_key() {
        let p256 = SigningKey::generate().unwrap().public();
        assert_eq!(p256.algorithm(), "ECDSA P-256");
        for (name, der) in others().into_iter().chain([("ECDSA P-256", p256.der().to_vec())]) {
            let key = PublicKey::from_der(&der).unwrap();
            assert_eq!(key.algorithm(), name);
            let first = PublicKey::from_der_as(&der, Reading::First);
            let known = name != "ECDSA P-521";
            assert_eq!(first, if known { Ok(key) } else { Err(KeyError::FirstAlgorithm) });
            let cut = der.get(..der.len() - 1).unwrap();
            assert_eq!(PublicKey::from_der(cut), Err(KeyError::Algorithm), "{name} cut short");
            let longer = [&der[..], &[0]].concat();
            assert_eq!(PublicKey::from_der(&longer), Err(KeyError::Algorithm), "{name} with a byte too many");
        }
        // A point that is on no curve, and one in its short form.
        let mut off = p256.der().to_vec();
        *off.last_mut().unwrap() ^= 1;
        assert_eq!(PublicKey::from_der(&off), Err(KeyError::Algorithm));
        let (head, point) = p256.der().split_at(26);
        let mut short = [head, &[2 + (point[64] & 1)], &point[1..33]].concat();
        (short[1], short[24]) = (0x39, 0x22);
        assert_eq!(PublicKey::from_der(&short), Err(KeyError::Algorithm));
        // A bare point, as the library alone would take it.
        assert_eq!(PublicKey::from_der(point), Err(KeyError::Algorithm));
    }

    #[test]
    fn refuses_short_rsa_keys_and_other_spellings_of_long_ones() {
        // RSA of 1024 bits with the exponent 65537: the length decides, so any odd modulus serves.
        let modulus = |bytes: usize| [vec![0, 0xc1], vec![0x5b; bytes - 1]].concat();
        assert_eq!(PublicKey::from_der(&rsa_der(&modulus(128), true)), Err(KeyError::Algorithm));
        assert_eq!(PublicKey::from_der(&rsa_der(&modulus(2048), true)), Err(KeyError::Algorithm));
        assert!(PublicKey::from_der(&rsa_der(&modulus(256), true)).is_ok());
        assert_eq!(PublicKey::from_der(&rsa_der(&modulus(256), false)), Err(KeyError::Algorithm));
    }

    /// SubjectPublicKeyInfo of an RSA key, with or without the NULL that RFC 3279, section 2.3.1, asks for.
    fn rsa_der(modulus: &[u8], null: bool) -> Vec<u8> {
        let tagged = |tag: u8, content: &[u8]| {
            let size = u16::try_from(content.len()).unwrap().to_be_bytes();
            let length: &[u8] = match content.len() {
                0..128 => &size[1..],
                128..256 => &[0x81, size[1]],
                _ => &[0x82, size[0], size[1]],
            };
            [&[tag], length, content].concat()
        };
        let key = tagged(0x30, &[tagged(2, modulus), tagged(2, &[1, 0, 1])].concat());
        let oid = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
        let algorithm = tagged(0x30, &[&oid[..], if null { &[5, 0] } else { &[] }].concat());
        tagged(0x30, &[algorithm, tagged(3, &[&[0], &key[..]].concat())].concat())
    }

    #[test]
    fn points_of_ed25519_that_are_anybodys() {
        let identity = [&[1][..], &[0; 31]].concat();
        let der = [&ED25519_HEAD[..], &identity].concat();
        assert_eq!(PublicKey::from_der(&der), Err(KeyError::Anybodys));
        let pem = encode_pem("PUBLIC KEY", &der);
        assert_eq!(PublicKey::from_pem(pem.as_bytes()), Err(KeyError::Anybodys));
        // Recorded Cases go on as they were.
        assert!(PublicKey::from_pem_as(pem.as_bytes(), Reading::First).is_ok());
    }

    #[test]
    fn only_p256_signs() {
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
        let pem = encode_pem("PRIVATE KEY", p384.as_ref());
        assert_eq!(SigningKey::from_pem(pem.as_bytes()).unwrap_err(), KeyError::NotP256);
    }

    #[test]
    fn keys_and_signatures_of_tokens() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = PublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        let point = key.der().get(26..).unwrap();
        assert_eq!(PublicKey::from_p256_point(point), Ok(key.clone()));
        for wrong in [&point[1..], &point[..64], &[&[3], &point[1..]].concat(), &[4; 65]] {
            assert_eq!(PublicKey::from_p256_point(wrong), Err(KeyError::Algorithm));
        }
        // Often enough that numbers begin with zeros, and with ones.
        for round in 0..600_u32 {
            let message = round.to_be_bytes();
            let fixed = pair.sign(&SystemRandom::new(), &message).unwrap();
            let der = der_of_fixed(fixed.as_ref()).unwrap();
            assert!(key.verify(&message, &der), "{round}");
            assert_eq!(fixed_of_der(&der).as_ref().map(<[u8; 64]>::as_slice), Some(fixed.as_ref()));
        }
        let small = [[0; 31].as_slice(), &[1], &[0; 32]].concat();
        assert_eq!(der_of_fixed(&small).unwrap(), [0x30, 6, 2, 1, 1, 2, 1, 0]);
        for wrong in [0, 31, 32, 63, 65, 96] {
            assert_eq!(der_of_fixed(&vec![1; wrong]), None);
        }
    }

    #[test]
    fn numbers_of_signatures_have_one_encoding() {
        assert_eq!(
            fixed_of_der(&[0x30, 6, 2, 1, 1, 2, 1, 0]).unwrap()[31..],
            [[1].as_slice(), &[0; 32]].concat()
        );
        let long = [[0x30, 38, 2, 33].as_slice(), &[1; 33], &[2, 1, 1]].concat();
        for wrong in [
            &[][..],
            &[0x30],
            &[0x31, 6, 2, 1, 1, 2, 1, 0],
            &[0x30, 5, 2, 1, 1, 2, 1, 0],
            &[0x30, 7, 2, 1, 1, 2, 1, 0],
            &[0x30, 6, 2, 1, 1, 2, 1, 0, 0],
            &[0x30, 7, 2, 1, 1, 2, 1, 0, 0],
            &[0x30, 6, 2, 1, 1, 3, 1, 0],
            &[0x30, 6, 2, 1, 1, 2, 2, 0],
            &[0x30, 3, 2, 1, 1],
            // With a zero too many, and one too few: negative.
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 0],
            &[0x30, 6, 2, 1, 0x80, 2, 1, 0],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 0],
            &long,
        ] {
            assert_eq!(fixed_of_der(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn encodings_are_not_guessed() {
        let rng = SystemRandom::new();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = PublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        let fixed = pair.sign(&rng, b"message").unwrap();
        assert!(key.verify_p1363(b"message", fixed.as_ref()) && !key.verify(b"message", fixed.as_ref()));
        let key = SigningKey::generate().unwrap();
        let der = key.sign(b"message").unwrap();
        assert!(key.public().verify(b"message", &der) && !key.public().verify_p1363(b"message", &der));
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = PublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        let signature = pair.sign(b"message");
        assert!(key.verify(b"message", signature.as_ref()));
        assert!(!key.verify_p1363(b"message", signature.as_ref()));
    }
}
