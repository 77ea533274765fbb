//! Signed notes (C2SP signed-note) with Ed25519 keys.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use lockgate_model::Digest;

/// The signature type of Ed25519 (C2SP signed-note, "Signature types").
const ED25519_TYPE: u8 = 0x01;
/// Largest note that is read, in bytes.
const NOTE_BYTES: usize = 64 << 10;
/// Most signature lines that are read.
const SIGNATURES: usize = 64;

/// Why a note or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note has no text, no signatures, or malformed lines.
    #[error("the signed note is malformed: {0}")]
    Malformed(&'static str),
    /// No signature by the expected key.
    #[error("the note is not signed by {0}")]
    NotSigned(String),
    /// A signature by the expected key does not fit the text.
    #[error("the signature by {0} does not fit the note: it was changed")]
    WrongSignature(String),
    /// A key is malformed.
    #[error("the ledger key is malformed: {0}")]
    Key(&'static str),
    /// A name cannot stand in a note.
    #[error("`{0}` cannot name a ledger key: it must not be empty nor contain spaces or `+`")]
    Name(String),
    /// The machine gave no randomness, or the key was refused by the library.
    #[error("the cryptographic library refused: {0}")]
    Crypto(&'static str),
}

/// Verifies notes: a name and a public key, written `name+hash+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Signs notes: a name and a private key, written `PRIVATE+KEY+name+hash+key`.
pub struct SigningKey {
    name: String,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

fn checked_name(name: &str) -> Result<String, NoteError> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
        return Err(NoteError::Name(name.chars().take(100).collect()));
    }
    Ok(name.to_owned())
}

/// The first four bytes of SHA-256 over name, newline, type and key (C2SP signed-note, "Signatures").
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut bytes = Vec::from(name.as_bytes());
    bytes.extend([b'\n', ED25519_TYPE]);
    bytes.extend(public);
    let [a, b, c, d, ..] = *Digest::of(&bytes).as_bytes();
    [a, b, c, d]
}

/// `hash+base64(type, key)`, the end of both kinds of keys.
fn read_key(hash: &str, encoded: &str) -> Result<([u8; 4], [u8; 32]), NoteError> {
    let id = HEXLOWER.decode(hash.as_bytes()).ok().and_then(|id| id.try_into().ok());
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| NoteError::Key("it is not base64"))?;
    match (id, bytes.split_first()) {
        (Some(id), Some((&ED25519_TYPE, key))) => {
            Ok((id, key.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?))
        }
        (Some(_), _) => Err(NoteError::Key("only Ed25519 keys (type 1) are read")),
        (None, _) => Err(NoteError::Key("its hash is not eight hex digits")),
    }
}

impl SigningKey {
    /// A new key called `name`.
    #[expect(clippy::disallowed_methods, reason = "a key is drawn once")]
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| NoteError::Crypto("no randomness"))?;
        Self::from_seed(name, seed)
    }

    /// The key with that seed: the same seed gives the same key.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteError::Crypto("a bad seed"))?;
        Ok(Self { name: checked_name(name)?, seed, pair })
    }

    /// The key as it is kept in a file. Whoever has this text can sign checkpoints.
    pub fn to_text(&self) -> String {
        let mut key = vec![ED25519_TYPE];
        key.extend(self.seed);
        let id = HEXLOWER.encode(&key_id(&self.name, &self.verifier().public));
        format!("PRIVATE+KEY+{}+{id}+{}", self.name, BASE64.encode(&key))
    }

    /// Reads what [`SigningKey::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self, NoteError> {
        let rest =
            text.trim().strip_prefix("PRIVATE+KEY+").ok_or(NoteError::Key("it is not a private key"))?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it must read PRIVATE+KEY+name+hash+key"));
        };
        let (id, seed) = read_key(hash, key)?;
        let this = Self::from_seed(name, seed)?;
        if key_id(name, &this.verifier().public) != id {
            return Err(NoteError::Key("its hash does not fit the key"));
        }
        Ok(this)
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        let mut public = [0; 32];
        for (to, from) in public.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        VerifierKey { name: self.name.clone(), public }
    }

    /// Signs `text`, which must end with a newline and have no empty line at its end.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        if !text.ends_with('\n') || text.ends_with("\n\n") {
            return Err(NoteError::Malformed("the text must end with one newline"));
        }
        let mut signature = Vec::from(key_id(&self.name, &self.verifier().public));
        signature.extend(self.pair.sign(text.as_bytes()).as_ref());
        Ok(format!("{text}\n\u{2014} {} {}\n", self.name, BASE64.encode(&signature)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}

impl VerifierKey {
    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of `note`, after its signature by this key was verified. Signatures by other keys are passed
    /// over, as the specification demands.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        if note.len() > NOTE_BYTES {
            return Err(NoteError::Malformed("it is too long"));
        }
        let at = note.rfind("\n\n").ok_or(NoteError::Malformed("it has no signature"))?;
        let (text, signatures) = (note.get(..=at).unwrap_or(""), note.get(at + 2..).unwrap_or(""));
        let signatures =
            signatures.strip_suffix('\n').ok_or(NoteError::Malformed("it must end with a newline"))?;
        let mut signed = false;
        for (n, line) in signatures.split('\n').enumerate() {
            if n >= SIGNATURES {
                return Err(NoteError::Malformed("it has too many signatures"));
            }
            signed |= self.signed_by(text, line)?;
        }
        if signed { Ok(text) } else { Err(NoteError::NotSigned(self.name.clone())) }
    }

    /// Whether `line` is this key's good signature; an error when it is this key's bad one.
    fn signed_by(&self, text: &str, line: &str) -> Result<bool, NoteError> {
        let malformed = NoteError::Malformed("a signature line must read `\u{2014} name base64`");
        let rest = line.strip_prefix("\u{2014} ").ok_or(malformed.clone())?;
        let (name, encoded) = rest.split_once(' ').ok_or(malformed.clone())?;
        let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| malformed.clone())?;
        let (id, signature) = bytes.split_at_checked(4).ok_or(malformed)?;
        if name != self.name || id != key_id(&self.name, &self.public) {
            return Ok(false);
        }
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(text.as_bytes(), signature)
            .map(|()| true)
            .map_err(|_| NoteError::WrongSignature(self.name.clone()))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend(self.public);
        let id = HEXLOWER.encode(&key_id(&self.name, &self.public));
        write!(f, "{}+{id}+{}", self.name, BASE64.encode(&key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it must read name+hash+key"));
        };
        let (id, public) = read_key(hash, key)?;
        let name = checked_name(name)?;
        if key_id(&name, &public) != id {
            return Err(NoteError::Key("its hash does not fit name and key"));
        }
        Ok(Self { name, public })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("example.com/ledger", [7; 32]).unwrap()
    }

    #[test]
    fn keys_are_written_and_read() {
        let key = key();
        let again = SigningKey::from_text(&key.to_text()).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        assert_eq!(key.verifier().to_string().parse::<VerifierKey>().unwrap(), key.verifier());
        for bad in ["", "a+b+c", "PRIVATE+KEY+x", "example.com/ledger+00000000+AQ=="] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
            assert!(SigningKey::from_text(bad).is_err(), "{bad}");
        }
        let other = SigningKey::from_seed("other", [7; 32]).unwrap().verifier().to_string();
        assert!(other.replace("other", "third").parse::<VerifierKey>().is_err());
    }

    #[test]
    fn other_signatures_are_passed_over_and_ours_is_demanded() {
        let other = SigningKey::from_seed("example.com/witness", [8; 32]).unwrap();
        let note = key().sign("text\n").unwrap();
        let line = other.sign("text\n").unwrap().split_off("text\n\n".len());
        assert_eq!(key().verifier().open(&format!("{note}{line}")), Ok("text\n"));
        assert_eq!(other.verifier().open(&note), Err(NoteError::NotSigned("example.com/witness".into())));
        assert!(matches!(key().verifier().open("text\n"), Err(NoteError::Malformed(_))));
    }

    /// The worked examples of the specification parse as notes; they are signed by others.
    #[test]
    fn a_note_may_contain_empty_lines() {
        let note = key().sign("a\n\nb\n").unwrap();
        assert_eq!(key().verifier().open(&note), Ok("a\n\nb\n"));
    }

    proptest! {
        #[test]
        fn a_changed_note_is_refused(at in any::<usize>(), bit in 0u8..7) {
            let note = key().sign("example.com/ledger\n12\nroot\n").unwrap();
            let mut bytes = note.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(key().verifier().open(&changed).is_err());
            }
        }

        #[test]
        fn any_text_is_read_without_panic(note in "\\PC*") {
            let _answer = key().verifier().open(&note);
        }
    }
}
