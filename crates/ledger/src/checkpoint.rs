//! Checkpoints (C2SP tlog-checkpoint): origin, size and root, as a signed note.

use data_encoding::BASE64;

use crate::hash::Hash;
use crate::note::{NoteError, SigningKey, VerifierKey};

/// A ledger's size and root under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The ledger's name.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not origin, size, root.
    #[error("the checkpoint is malformed: {0}")]
    Malformed(&'static str),
    /// It belongs to another ledger.
    #[error("the checkpoint belongs to the ledger `{actual}`, not to `{expected}`")]
    Origin {
        /// The name expected.
        expected: String,
        /// The name found.
        actual: String,
    },
}

impl Checkpoint {
    /// The signed note.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        key.sign(&format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root)))
    }

    /// Reads `note` after verifying that `key` signed it. The ledger's name is the key's name.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read(key.open(note)?)?;
        if checkpoint.origin != key.name() {
            let (expected, actual) = (key.name().to_owned(), checkpoint.origin);
            return Err(CheckpointError::Origin { expected, actual });
        }
        Ok(checkpoint)
    }

    /// Reads the text of a note; further lines are extensions, which are passed over.
    fn read(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Malformed("it needs three lines: origin, size, root"));
        };
        if origin.is_empty() {
            return Err(CheckpointError::Malformed("it has no origin"));
        }
        let canonical = !size.is_empty()
            && size.chars().all(|c| c.is_ascii_digit())
            && (size == "0" || !size.starts_with('0'));
        let size = size
            .parse()
            .ok()
            .filter(|_| canonical)
            .ok_or(CheckpointError::Malformed("its size is not a decimal number"))?;
        let root = BASE64
            .decode(root.as_bytes())
            .ok()
            .and_then(|root| root.try_into().ok())
            .ok_or(CheckpointError::Malformed("its root is not 32 bytes in base64"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("example.com/ledger", [7; 32]).unwrap()
    }

    #[test]
    fn what_is_signed_is_read() {
        let checkpoint = Checkpoint { origin: "example.com/ledger".into(), size: 42, root: [9; 32] };
        let note = checkpoint.sign(&key()).unwrap();
        assert_eq!(Checkpoint::open(&note, &key().verifier()), Ok(checkpoint));
    }

    #[test]
    fn refuses_malformed_and_foreign_ones() {
        let root = BASE64.encode(&[9; 32]);
        for bad in [
            "example.com/ledger\n".to_owned(),
            "example.com/ledger\n1\n".to_owned(),
            format!("example.com/ledger\n01\n{root}\n"),
            format!("example.com/ledger\n-1\n{root}\n"),
            format!("example.com/ledger\n+1\n{root}\n"),
            "example.com/ledger\n1\nAAAA\n".to_owned(),
        ] {
            let note = key().sign(&bad).unwrap();
            let error = Checkpoint::open(&note, &key().verifier()).unwrap_err();
            assert!(matches!(error, CheckpointError::Malformed(_)), "{bad}: {error}");
        }
        let foreign = key().sign(&format!("example.com/other\n1\n{root}\n")).unwrap();
        let error = Checkpoint::open(&foreign, &key().verifier()).unwrap_err();
        assert!(matches!(error, CheckpointError::Origin { .. }));
    }
}
