//! Streams whose digest and size are verified as they pass.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Hasher};

/// Verifies what passes through it: instead of an end, wrong bytes have an error.
pub(crate) struct Verified {
    inner: BlobStream,
    hasher: Option<Hasher>,
    seen: u64,
    expected: Descriptor,
    place: String,
}

impl Verified {
    pub(crate) fn stream(inner: BlobStream, expected: &Descriptor, place: &str) -> BlobStream {
        Box::pin(Self {
            inner,
            hasher: Some(Hasher::new()),
            seen: 0,
            expected: expected.bare(),
            place: format!("{place}@{}", expected.digest),
        })
    }

    fn wrong(&self, reason: String) -> PortError {
        let help = "the registry, or something before it, holds or sends other bytes than were pushed: push the artifact again";
        PortError::new(Trouble::Corrupt, self.place.clone(), reason, help)
    }

    fn ended(&mut self) -> Option<PortError> {
        let actual = self.hasher.take()?.finish();
        if self.seen != self.expected.size {
            let reason = format!("it has {} bytes, not {}: it was cut off", self.seen, self.expected.size);
            return Some(self.wrong(reason));
        }
        (actual != self.expected.digest).then(|| self.wrong(format!("its bytes have the digest {actual}")))
    }
}

impl Stream for Verified {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.hasher.is_none() {
            return Poll::Ready(None);
        }
        match self.inner.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.seen += chunk.len() as u64;
                if self.seen > self.expected.size {
                    self.hasher = None;
                    let reason = format!("it has more than its {} bytes", self.expected.size);
                    return Poll::Ready(Some(Err(self.wrong(reason))));
                }
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&chunk);
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.hasher = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => Poll::Ready(self.ended().map(Err)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Checks that `bytes` have `digest`.
pub(crate) fn check(place: &str, bytes: &[u8], digest: &Digest) -> Result<(), PortError> {
    let actual = Digest::of(bytes);
    if actual == *digest {
        return Ok(());
    }
    let help = "the registry, or something before it, holds or sends other bytes than were pushed: push the artifact again";
    let reason = format!("its bytes have the digest {actual}");
    Err(PortError::new(Trouble::Corrupt, format!("{place}@{digest}"), reason, help))
}

/// The next chunk of a stream.
pub(crate) async fn next(stream: &mut BlobStream) -> Option<Result<Bytes, PortError>> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// A stream of one chunk.
pub(crate) struct Once(pub(crate) Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
