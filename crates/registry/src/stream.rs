//! Streams of bytes: from a channel, from memory, and what is told of them while they pass.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use lockgate_model::ports::{BlobStream, PortError};
use tokio::sync::{mpsc, watch};

use crate::limits;

type Polled = Poll<Option<Result<Bytes, PortError>>>;

/// The next chunk of a stream.
pub(crate) async fn next(stream: &mut BlobStream) -> Option<Result<Bytes, PortError>> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// The chunks of a channel.
pub(crate) struct Chunks(pub(crate) mpsc::Receiver<Result<Bytes, PortError>>);

impl Stream for Chunks {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        self.0.poll_recv(context)
    }
}

/// Bytes in memory, in pieces.
pub(crate) struct Pieces(pub(crate) Bytes);

impl Stream for Pieces {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.0.len().min(limits::PIECE);
        Poll::Ready(Some(Ok(self.0.split_to(piece))))
    }
}

/// A stream without its first bytes.
pub(crate) struct Skip {
    pub(crate) inner: BlobStream,
    pub(crate) left: u64,
}

impl Stream for Skip {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        loop {
            match self.inner.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(mut chunk))) => {
                    let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(chunk.len());
                    self.left -= skipped as u64;
                    let rest = chunk.split_off(skipped);
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(rest)));
                    }
                }
                other => return other,
            }
        }
    }
}

/// Tells how much of a blob has passed, for progress. What is sent again after a break is not told again.
pub(crate) struct Counted {
    pub(crate) inner: BlobStream,
    pub(crate) passed: u64,
    /// How much was told before, by this stream or an earlier one of the same blob.
    pub(crate) told: Arc<AtomicU64>,
    pub(crate) to: mpsc::UnboundedSender<u64>,
}

impl Stream for Counted {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let polled = self.inner.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            self.passed += chunk.len() as u64;
            let before = self.told.fetch_max(self.passed, Ordering::Relaxed);
            if self.passed > before {
                // Nobody listens any more when the copy was given up.
                let _told = self.to.send(self.passed - before);
            }
        }
        polled
    }
}

/// Where a stream that went into a request leaves the error that ended it: the request's own says less.
pub(crate) type Broke = Arc<Mutex<Option<PortError>>>;

/// The body of a request: it keeps the error of its source, and shows whether it is the source that is waited for.
pub(crate) struct Sent {
    pub(crate) inner: BlobStream,
    pub(crate) waits: watch::Sender<bool>,
    pub(crate) broke: Broke,
}

impl Stream for Sent {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.as_mut().poll_next(context);
        self.waits.send_replace(polled.is_pending());
        polled.map(|item| {
            item.map(|chunk| {
                chunk.map_err(|error| {
                    *self.broke.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    std::io::Error::other("the source of the upload broke off")
                })
            })
        })
    }
}
