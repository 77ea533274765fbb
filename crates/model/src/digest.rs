//! SHA-256 digests in the OCI spelling, `sha256:` and 64 lower-case hex digits.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256 digest (OCI image-spec, descriptor.md, section "Digests").
///
/// Other algorithms are refused when parsed: one artifact then has one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest that Lockgate accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm is missing or is not `sha256`.
    #[error("`{0}` is not a sha256 digest: Lockgate accepts `sha256:` followed by 64 lower-case hex digits")]
    Algorithm(String),
    /// The part after `sha256:` is not 64 lower-case hex digits.
    #[error("`{0}` is malformed: `sha256:` must be followed by exactly 64 lower-case hex digits")]
    Hex(String),
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// A digest from its 32 raw bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hex digits, without the algorithm.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The first 12 hex digits: enough for people, never for machines.
    pub fn short(&self) -> String {
        self.hex().chars().take(12).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix("sha256:").ok_or_else(|| DigestError::Algorithm(clip(text)))?;
        let bytes = HEXLOWER.decode(hex.as_bytes()).map_err(|_| DigestError::Hex(clip(text)))?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| DigestError::Hex(clip(text)))?;
        Ok(Self(bytes))
    }
}

/// Foreign text may be long: an error quotes the first 100 characters.
fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Hashes bytes as they stream by.
#[derive(Clone)]
pub struct Hasher(Context);

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds `bytes` to what was hashed.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        into_digest(&self.0.finish())
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

fn into_digest(hash: &aws_lc_rs::digest::Digest) -> Digest {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    Digest(bytes)
}

/// The digest of several pieces laid end to end, without joining them.
pub fn digest_of_parts(parts: &[&[u8]]) -> Digest {
    match parts {
        [one] => into_digest(&digest(&SHA256, one)),
        many => {
            let mut hasher = Hasher::new();
            for part in many {
                hasher.update(part);
            }
            hasher.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_vector_and_round_trip() {
        let digest = Digest::of(b"abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(digest_of_parts(&[b"a", b"bc"]), digest);
    }

    #[test]
    fn refuses_other_spellings() {
        let upper = "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        for bad in ["", "abc", "sha512:00", "sha256:", "sha256:ab", upper] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
