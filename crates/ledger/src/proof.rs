//! Proofs that travel with an artifact (C2SP tlog-proof): index, hashes, and the signed checkpoint they
//! lead to.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::Hash;
use crate::note::VerifierKey;
use crate::prove::verify_inclusion;

/// The first line of every proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Most hashes of a proof: a tree of 2^63 entries is that deep.
const HASHES: usize = 63;
/// Largest proof that is read, in bytes.
const PROOF_BYTES: usize = 64 << 10;

/// A proof that an entry is in a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry's place.
    pub index: u64,
    /// The hashes that lead to the root.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text is not a proof.
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    /// Its checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the entry to the root.
    #[error("the proof does not lead from the entry at {index} to the root of the checkpoint of size {size}")]
    Wrong {
        /// Place of the entry.
        index: u64,
        /// Size of the checkpoint.
        size: u64,
    },
}

impl Proof {
    /// Verifies that `entry` is in the ledger whose checkpoints `key` verifies; gives back the checkpoint.
    pub fn verify(&self, entry: &[u8], key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        if verify_inclusion(entry, self.index, checkpoint.size, &self.hashes, &checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(ProofError::Wrong { index: self.index, size: checkpoint.size })
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}\nindex {}\n", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", BASE64.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        if text.len() > PROOF_BYTES {
            return Err(ProofError::Malformed("it is too long"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(ProofError::Malformed("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(ProofError::Malformed("it must begin with c2sp.org/tlog-proof@v1"));
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .filter(|index| index.chars().all(|c| c.is_ascii_digit()))
            .and_then(|index| index.parse().ok())
            .ok_or(ProofError::Malformed("it has no index"))?;
        let hashes = lines
            .map(|line| BASE64.decode(line.as_bytes()).ok()?.try_into().ok())
            .collect::<Option<Vec<Hash>>>()
            .ok_or(ProofError::Malformed("a hash is not 32 bytes in base64"))?;
        if hashes.len() > HASHES {
            return Err(ProofError::Malformed("it has too many hashes"));
        }
        Ok(Self { index, hashes, checkpoint: checkpoint.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash::{leaf_hash, node_hash};
    use crate::note::SigningKey;

    fn proof() -> (Proof, VerifierKey) {
        let key = SigningKey::from_seed("example.com/ledger", [7; 32]).unwrap();
        let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
        let checkpoint =
            Checkpoint { origin: "example.com/ledger".into(), size: 2, root: node_hash(&left, &right) };
        let proof = Proof { index: 1, hashes: vec![left], checkpoint: checkpoint.sign(&key).unwrap() };
        (proof, key.verifier())
    }

    #[test]
    fn a_proof_is_written_read_and_verified() {
        let (proof, key) = proof();
        let read: Proof = proof.to_string().parse().unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.verify(b"right", &key).unwrap().size, 2);
        assert_eq!(read.verify(b"wrong", &key), Err(ProofError::Wrong { index: 1, size: 2 }));
    }

    #[test]
    fn reads_the_extra_line_of_the_specification() {
        let (proof, key) = proof();
        let text = proof.to_string().replace("index", "extra AAAA\nindex");
        assert!(text.parse::<Proof>().unwrap().verify(b"right", &key).is_ok());
    }

    proptest! {
        #[test]
        fn a_changed_proof_does_not_verify(at in any::<usize>(), bit in 0u8..7) {
            let (proof, key) = proof();
            let mut bytes = proof.to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let verified = String::from_utf8(bytes).ok()
                .and_then(|text| text.parse::<Proof>().ok())
                .is_some_and(|proof| proof.verify(b"right", &key).is_ok());
            prop_assert!(!verified);
        }
    }
}
