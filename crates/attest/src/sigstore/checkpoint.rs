//! Checkpoints: a log's size and root, signed (C2SP tlog-checkpoint and signed-note; Rekor v1 writes them alike).

use data_encoding::BASE64;

use super::merkle::Node;
use super::root::Log;
use crate::limits;

/// A checkpoint, taken apart; nothing is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint<'a> {
    /// What is signed.
    text: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) size: u64,
    pub(crate) root: Node,
    signatures: Vec<Line<'a>>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line<'a> {
    name: &'a str,
    hint: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Checkpoint<'a> {
    /// Reads a checkpoint; the error says what is wrong with it.
    pub(crate) fn read(note: &'a str) -> Result<Self, String> {
        if note.len() > limits::CHECKPOINT_BYTES {
            let (actual, most) = (note.len(), limits::CHECKPOINT_BYTES);
            return Err(format!("it has {actual} bytes, where at most {most} are read"));
        }
        let (head, lines) = note.rsplit_once("\n\n").ok_or("it has no signatures")?;
        let text = note.get(..=head.len()).unwrap_or_default();
        let mut body = head.split('\n');
        let origin = body.next().filter(|origin| !origin.is_empty()).ok_or("it has no origin")?;
        let size = body.next().and_then(decimal).ok_or("its second line is no size")?;
        let root = body.next().and_then(|line| BASE64.decode(line.as_bytes()).ok());
        let root = root.and_then(|root| Node::try_from(root).ok()).ok_or("its third line is no root")?;
        let signatures: Option<Vec<_>> =
            lines.strip_suffix('\n').unwrap_or(lines).split('\n').map(line).collect();
        let signatures = signatures.ok_or("one of its signature lines is malformed")?;
        if signatures.len() > limits::CHECKPOINT_SIGNATURES {
            let most = limits::CHECKPOINT_SIGNATURES;
            return Err(format!("it has {} signatures; at most {most} are read", signatures.len()));
        }
        Ok(Self { text, origin, size, root, signatures })
    }

    /// Whether `log` signed it. Lines of others, witnesses for example, are passed over. `named` asks that origin and
    /// line name the log, as Rekor v2's must: there the name is part of the key's id. Rekor v1's origin is the line's name
    /// and the tree's number, whatever the log's address is.
    pub(crate) fn is_signed_by(&self, log: &Log, named: bool) -> bool {
        let Some(key) = &log.key else { return false };
        let of_origin = |line: &Line<'_>| {
            let rest = self.origin.strip_prefix(line.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" - "))
        };
        let ours = |line: &&Line<'_>| {
            let name = if named { line.name == log.name && self.origin == log.name } else { of_origin(line) };
            log.id.starts_with(&line.hint) && name
        };
        self.signatures.iter().filter(ours).any(|line| key.verify(self.text.as_bytes(), &line.signature))
    }
}

/// A number without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+', '-']);
    text.parse().ok().filter(|_| canonical)
}

fn line(text: &str) -> Option<Line<'_>> {
    let (name, signature) = text.strip_prefix("\u{2014} ")?.rsplit_once(' ')?;
    let bytes = BASE64.decode(signature.as_bytes()).ok()?;
    let (hint, signature) = bytes.split_first_chunk::<4>()?;
    (!name.is_empty() && !signature.is_empty()).then(|| Line {
        name,
        hint: *hint,
        signature: signature.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[a-z0-9=\n \u{2014}+/]{0,200}") {
            let _read = Checkpoint::read(&text);
        }
    }

    #[test]
    fn what_is_signed_ends_before_the_signatures() {
        let root = BASE64.encode(&[7; 32]);
        let note =
            format!("log.example\n5\n{root}\nmore\n\n\u{2014} log.example {}\n", BASE64.encode(&[1; 10]));
        let read = Checkpoint::read(&note).unwrap();
        assert_eq!(read.text, format!("log.example\n5\n{root}\nmore\n"));
        assert_eq!((read.origin, read.size, read.root), ("log.example", 5, [7; 32]));
    }
}
