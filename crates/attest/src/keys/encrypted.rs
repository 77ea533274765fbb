//! Private keys under a password: cosign's own way (go-securesystemslib, `encrypted.go`: scrypt, then NaCl's secretbox,
//! in JSON), and PKCS#8's (RFC 5958, RFC 8018).
//!
//! How much work a password takes is said by the file. A file of somebody else's may say anything, so that memory and time
//! have limits (`limits::PASSWORD_*`).

use aws_lc_rs::rand;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305};
use data_encoding::BASE64;
use lockgate_model::json;
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyError};
use crate::limits;

/// What cosign 2 and 3 write.
pub(super) const SIGSTORE: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What cosign 1 wrote.
pub(super) const COSIGN: &str = "ENCRYPTED COSIGN PRIVATE KEY";
/// PKCS#8.
pub(super) const PKCS8: &str = "ENCRYPTED PRIVATE KEY";

const SALT: usize = 32;
const NONCE: usize = 24;
/// What cosign 3 writes: 64 MiB.
const STRENGTH: Strength = Strength { cost: 65_536, block: 8, parallel: 1 };

#[derive(Serialize, Deserialize)]
struct Boxed {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Derivation {
    name: String,
    params: Strength,
    salt: String,
}

/// How much work scrypt does (RFC 7914, section 2).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Strength {
    #[serde(rename = "N")]
    cost: u64,
    #[serde(rename = "r")]
    block: u32,
    #[serde(rename = "p")]
    parallel: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

fn malformed(why: impl std::fmt::Display) -> KeyError {
    KeyError::Encryption(format!("it is malformed: {why}"))
}

impl Strength {
    /// The parameters, when they are ones that scrypt has and that this machine is spent on.
    fn checked(self) -> Result<scrypt::Params, KeyError> {
        let Self { cost, block, parallel } = self;
        let memory = cost.saturating_mul(u64::from(block)).saturating_mul(128);
        let work = memory.saturating_mul(u64::from(parallel));
        let (most, limit) = (memory.max(work), limits::PASSWORD_MEMORY);
        if most > limit {
            return Err(KeyError::Encryption(format!(
                "its password takes scrypt with N={cost}, r={block}, p={parallel}; at most {limit} bytes are worked through"
            )));
        }
        if !cost.is_power_of_two() || cost < 2 {
            return Err(malformed("N of scrypt is no power of two"));
        }
        let log = u8::try_from(cost.trailing_zeros()).map_err(malformed)?;
        scrypt::Params::new(log, block, parallel, 32).map_err(malformed)
    }

    fn derive(self, password: &[u8], salt: &[u8]) -> Result<XSalsa20Poly1305, KeyError> {
        let params = self.checked()?;
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(password, salt, &params, key.as_mut_slice()).map_err(malformed)?;
        Ok(XSalsa20Poly1305::new(key.as_slice().into()))
    }
}

/// The key's PKCS#8 bytes out of what `tag` holds.
pub(super) fn open(tag: &str, content: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if tag == PKCS8 { open_pkcs8(content, password) } else { open_box(content, password) }
}

fn open_box(content: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let boxed: Boxed = json::from_slice(content, KEY_BYTES).map_err(malformed)?;
    if boxed.kdf.name != "scrypt" || boxed.cipher.name != "nacl/secretbox" {
        let name = |text: &str| text.chars().take(40).collect::<String>();
        let (kdf, cipher) = (name(&boxed.kdf.name), name(&boxed.cipher.name));
        return Err(KeyError::Encryption(format!(
            "it is encrypted by `{kdf}` and `{cipher}`; `scrypt` and `nacl/secretbox` are read"
        )));
    }
    let decode = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| malformed("a field is not base64"));
    let nonce = <[u8; NONCE]>::try_from(decode(&boxed.cipher.nonce)?)
        .map_err(|_| malformed("its nonce has not 24 bytes"))?;
    let ciphertext = decode(&boxed.ciphertext)?;
    let cipher = boxed.kdf.params.derive(password, &decode(&boxed.kdf.salt)?)?;
    let opened = cipher.decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice());
    opened.map(Zeroizing::new).map_err(|_| KeyError::Password)
}

fn open_pkcs8(content: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unread = || {
        KeyError::Encryption(
            "it is encrypted in a way that is not read: PBES2 with PBKDF2 or scrypt and AES-CBC is, as `openssl pkcs8 -topk8` writes it"
                .to_owned(),
        )
    };
    let info = EncryptedPrivateKeyInfo::try_from(content).map_err(|_| unread())?;
    let EncryptionScheme::Pbes2(scheme) = &info.encryption_algorithm else { return Err(unread()) };
    match &scheme.kdf {
        Kdf::Pbkdf2(work) if work.iteration_count > limits::PASSWORD_ITERATIONS => {
            let (actual, limit) = (work.iteration_count, limits::PASSWORD_ITERATIONS);
            return Err(KeyError::Encryption(format!(
                "its password takes {actual} rounds of PBKDF2; at most {limit} are made"
            )));
        }
        Kdf::Pbkdf2(_) => {}
        Kdf::Scrypt(work) => {
            let (block, parallel) = (work.block_size.into(), work.parallelization.into());
            let _within_limits = Strength { cost: work.cost_parameter, block, parallel }.checked()?;
        }
        _ => return Err(unread()),
    }
    let opened = info.decrypt(password).map_err(|_| KeyError::Password)?;
    Ok(Zeroizing::new(opened.as_bytes().to_vec()))
}

/// What [`SIGSTORE`] holds for the key with these PKCS#8 bytes.
#[expect(clippy::disallowed_methods, reason = "a salt and a nonce for each key that is written")]
pub(super) fn seal(der: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    rand::fill(&mut salt).map_err(|_| KeyError::Refused)?;
    rand::fill(&mut nonce).map_err(|_| KeyError::Refused)?;
    let cipher = STRENGTH.derive(password, &salt)?;
    let ciphertext = cipher.encrypt(Nonce::from_slice(&nonce), der).map_err(|_| KeyError::Refused)?;
    let boxed = Boxed {
        kdf: Derivation { name: "scrypt".to_owned(), params: STRENGTH, salt: BASE64.encode(&salt) },
        cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: BASE64.encode(&nonce) },
        ciphertext: BASE64.encode(&ciphertext),
    };
    serde_json::to_vec(&boxed).map_err(|_| KeyError::Refused)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{SigningKey, encode_pem};
    use super::*;

    /// Made by cosign 3.1 with the password `secret`, and its public key.
    const THEIRS: &str = include_str!("../../tests/fixtures/cosign/encrypted.key");
    const THEIR_PUBLIC: &str = include_str!("../../tests/fixtures/cosign/encrypted.pub");
    /// By `openssl pkcs8 -topk8`, with the password `secret`: PBKDF2, and scrypt.
    const PBKDF2: &str = include_str!("../../tests/fixtures/pkcs8/pbkdf2.key");
    const SCRYPT: &str = include_str!("../../tests/fixtures/pkcs8/scrypt.key");
    /// With the cipher of RFC 8018, appendix A.4, that nobody should use.
    const OLD: &str = include_str!("../../tests/fixtures/pkcs8/pbe-sha1-des.key");

    fn read(pem: &str, password: &str) -> Result<SigningKey, KeyError> {
        SigningKey::from_encrypted_pem(pem.as_bytes(), password.as_bytes())
    }

    #[test]
    fn what_others_encrypted() {
        for pem in [THEIRS.to_owned(), THEIRS.replace("SIGSTORE", "COSIGN")] {
            assert_eq!(read(&pem, "secret").unwrap().public().to_pem(), THEIR_PUBLIC);
        }
        assert_eq!(
            read(PBKDF2, "secret").unwrap().public(),
            read(SCRYPT, "secret").unwrap().public(),
            "one key"
        );
        for pem in [THEIRS, PBKDF2, SCRYPT] {
            assert_eq!(read(pem, "Secret").unwrap_err(), KeyError::Password);
            assert_eq!(SigningKey::from_pem(pem.as_bytes()).unwrap_err(), KeyError::Encrypted);
        }
        assert!(matches!(read(OLD, "secret"), Err(KeyError::Encryption(why)) if why.contains("PBES2")));
    }

    #[test]
    fn what_we_encrypt() {
        let key = SigningKey::generate().unwrap();
        let pem = key.to_encrypted_pem(b"secret").unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        assert_ne!(pem, key.to_encrypted_pem(b"secret").unwrap(), "another salt and nonce each time");
        assert_eq!(read(&pem, "secret").unwrap().public(), key.public());
        assert_eq!(read(&pem, "").unwrap_err(), KeyError::Password);
        // A key that is in the open needs no password, and has none that could be wrong.
        assert!(read(&key.to_pem().unwrap(), "secret").is_ok());
    }

    /// The file with its JSON changed.
    fn bent(change: impl FnOnce(&mut Value)) -> String {
        let mut boxed: Value = serde_json::from_slice(pem::parse(THEIRS).unwrap().contents()).unwrap();
        change(&mut boxed);
        encode_pem(SIGSTORE, &serde_json::to_vec(&boxed).unwrap())
    }

    fn why(pem: &str) -> String {
        match read(pem, "secret") {
            Err(KeyError::Encryption(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    /// None of these costs memory or time: the limits come first.
    #[test]
    fn hostile_files() {
        let strength = |cost: u64, block: u64, parallel: u64| {
            bent(|boxed| boxed["kdf"]["params"] = json!({"N": cost, "r": block, "p": parallel}))
        };
        for (cost, block, parallel) in [
            (1 << 40, 8, 1),
            (u64::MAX, 8, 1),
            (65_536, 1 << 20, 1),
            (65_536, 8, 1 << 20),
            (1 << 63, u64::from(u32::MAX), u64::from(u32::MAX)),
            (262_144 * 2, 8, 1),
        ] {
            let why = why(&strength(cost, block, parallel));
            assert!(why.contains("at most 268435456"), "{why}");
        }
        for (cost, block, parallel) in [(0, 8, 1), (1, 8, 1), (65_535, 8, 1), (65_536, 0, 1), (65_536, 8, 0)]
        {
            assert!(why(&strength(cost, block, parallel)).contains("malformed"), "{cost} {block} {parallel}");
        }
        assert!(why(&bent(|boxed| boxed["kdf"]["name"] = json!("argon2"))).contains("argon2"));
        assert!(why(&bent(|boxed| boxed["cipher"]["name"] = json!("none"))).contains("none"));
        assert!(why(&bent(|boxed| boxed["cipher"]["nonce"] = json!("AAAA"))).contains("24 bytes"));
        assert!(why(&bent(|boxed| boxed["ciphertext"] = json!("?"))).contains("base64"));
        assert!(why(&bent(|boxed| boxed["kdf"]["params"]["N"] = json!(-1))).contains("malformed"));
        assert!(why(&encode_pem(SIGSTORE, b"{}")).contains("malformed"));
        for short in [json!(""), json!("AAAA")] {
            assert_eq!(
                read(&bent(|boxed| boxed["ciphertext"] = short), "secret").unwrap_err(),
                KeyError::Password
            );
        }
    }

    /// The file with a number of two bytes replaced by one of four; each sequence around it grows by two.
    fn costlier(pem: &str, number: [u8; 4], by: [u8; 6]) -> String {
        let mut der = pem::parse(pem).unwrap().into_contents();
        let place = der.windows(4).position(|window| window == number).unwrap();
        der.splice(place..place + 4, by);
        for length in [2, 4, 17, 19, 32] {
            der[length] += 2;
        }
        encode_pem(PKCS8, &der)
    }

    #[test]
    fn hostile_pkcs8() {
        // 20 million rounds in place of 2048, and N of 2^24 in place of 2^14, which would take 16 GiB.
        let rounds = costlier(PBKDF2, [2, 2, 8, 0], [2, 4, 1, 0x31, 0x2d, 0]);
        assert!(why(&rounds).contains("20000000 rounds"));
        let memory = costlier(SCRYPT, [2, 2, 0x40, 0], [2, 4, 1, 0, 0, 0]);
        assert!(why(&memory).contains("N=16777216"));
        for cut in [0, 1, 50, 100] {
            assert!(
                why(&encode_pem(PKCS8, &pem::parse(PBKDF2).unwrap().contents()[..cut])).contains("not read")
            );
        }
    }
}
