//! Streams whose digest and size are verified as they pass.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Hasher};

const HELP: &str = "the registry, or something before it, holds or sends other bytes than were pushed: push the artifact again";

/// Verifies what passes through it. The last chunk is held back until everything was right: wrong bytes have an error
/// in its place, so that nobody who counts the bytes, an upload for instance, takes them for whole.
pub(crate) struct Verified {
    inner: BlobStream,
    /// None once the stream has ended, rightly or not.
    hasher: Option<Hasher>,
    held: Option<Bytes>,
    seen: u64,
    expected: Descriptor,
    place: String,
}

impl Verified {
    pub(crate) fn stream(inner: BlobStream, expected: &Descriptor, place: &str) -> BlobStream {
        Box::pin(Self {
            inner,
            hasher: Some(Hasher::new()),
            held: None,
            seen: 0,
            expected: expected.bare(),
            place: format!("{place}@{}", expected.digest),
        })
    }

    fn wrong(&self, reason: String) -> PortError {
        PortError::new(Trouble::Corrupt, self.place.clone(), reason, HELP)
    }

    /// Counts and hashes a chunk, and gives the one before it.
    fn take(&mut self, chunk: Bytes) -> Result<Option<Bytes>, PortError> {
        self.seen += chunk.len() as u64;
        if self.seen > self.expected.size {
            return Err(self.wrong(format!("it has more than its {} bytes", self.expected.size)));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        Ok(if chunk.is_empty() { None } else { self.held.replace(chunk) })
    }

    /// The last chunk, when everything was right.
    fn end(&mut self) -> Result<Option<Bytes>, PortError> {
        if self.seen != self.expected.size {
            let reason = format!("it has {} bytes, not {}: it was cut off", self.seen, self.expected.size);
            return Err(self.wrong(reason));
        }
        match self.hasher.take().map(Hasher::finish) {
            Some(actual) if actual != self.expected.digest => {
                Err(self.wrong(format!("its bytes have the digest {actual}")))
            }
            _ => Ok(self.held.take()),
        }
    }
}

impl Stream for Verified {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.hasher.is_some() {
            let taken = match self.inner.as_mut().poll_next(context) {
                Poll::Ready(Some(chunk)) => chunk.and_then(|chunk| self.take(chunk)),
                Poll::Ready(None) => match self.end() {
                    Ok(last) => return Poll::Ready(last.map(Ok)),
                    Err(error) => Err(error),
                },
                Poll::Pending => return Poll::Pending,
            };
            match taken {
                Ok(Some(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Ok(None) => {}
                Err(error) => {
                    (self.hasher, self.held) = (None, None);
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// That a blob is shorter than the part that was asked for.
pub(crate) fn no_part(place: impl Into<String>, range: &Range<u64>) -> PortError {
    let reason = format!("it has no bytes {} to {}", range.start, range.end);
    PortError::new(Trouble::Corrupt, place, reason, HELP)
}

/// Checks that `bytes` have `digest`.
pub(crate) fn check(place: &str, bytes: &[u8], digest: &Digest) -> Result<(), PortError> {
    let actual = Digest::of(bytes);
    if actual == *digest {
        return Ok(());
    }
    let reason = format!("its bytes have the digest {actual}");
    Err(PortError::new(Trouble::Corrupt, format!("{place}@{digest}"), reason, HELP))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::mpsc;

    use super::*;
    use crate::stream::{Chunks, next};

    /// What comes out of a verified stream of these chunks: bytes, and whether it ended with an error.
    fn run(chunks: &[&[u8]], expected: &Descriptor) -> (Vec<u8>, Option<Trouble>) {
        let (sender, receiver) = mpsc::channel(chunks.len().max(1));
        for chunk in chunks {
            sender.try_send(Ok(Bytes::copy_from_slice(chunk))).unwrap();
        }
        drop(sender);
        let mut stream = Verified::stream(Box::pin(Chunks(receiver)), expected, "here");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut bytes = Vec::new();
            while let Some(chunk) = next(&mut stream).await {
                match chunk {
                    Ok(chunk) => bytes.extend(chunk),
                    Err(error) => {
                        assert!(next(&mut stream).await.is_none(), "nothing follows an error");
                        return (bytes, Some(error.trouble));
                    }
                }
            }
            (bytes, None)
        })
    }

    #[test]
    fn wrong_bytes_never_come_out_whole() {
        let right = Descriptor::of("x", b"abcdef");
        for chunks in
            [vec![&b"abc"[..], b"dex"], vec![b"abcdeX"], vec![b"abc", b"def", b"g"], vec![b"abc"], vec![]]
        {
            let (bytes, trouble) = run(&chunks, &right);
            assert_eq!(trouble, Some(Trouble::Corrupt), "{chunks:?}");
            assert!(bytes.len() < 6, "the last chunk came out: {chunks:?}");
        }
        assert_eq!(run(&[b"abc", b"", b"def", b""], &right), (b"abcdef".to_vec(), None));
        assert_eq!(run(&[], &Descriptor::of("x", b"")), (vec![], None));
    }

    proptest! {
        #[test]
        fn right_bytes_pass_however_they_are_cut(bytes: Vec<u8>, cuts: Vec<usize>, flip: Option<usize>) {
            let expected = Descriptor::of("x", &bytes);
            let mut sent = bytes.clone();
            if let (Some(at), false) = (flip, bytes.is_empty()) {
                sent[at % bytes.len()] ^= 1;
            }
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|cut| &sent[cut[0]..cut[1]]).collect();
            let (out, trouble) = run(&chunks, &expected);
            prop_assert_eq!(trouble.is_none(), sent == bytes);
            prop_assert_eq!(out == bytes && !bytes.is_empty(), sent == bytes && !bytes.is_empty());
        }
    }
}
