//! Staging: the layers of an artifact that is asked to be promoted go to the target while they are scanned, so that each byte
//! is read once. They wait there in uploads that nobody can read, and are committed only after the promotion was recorded.
//!
//! Nothing rests on it: what was not staged, or could not be committed, is copied as if there were no staging.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lockgate_model::ports::{BlobStream, PortError, Registry, Staged, Trouble};
use lockgate_model::{Descriptor, Digest, Repository};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::gather::layers::next;

/// Chunks that wait for the slower of the two readers of a layer.
const CHUNKS_BETWEEN: usize = 4;

/// Where the layers of one artifact are staged.
pub(crate) struct Staging {
    registry: Arc<dyn Registry>,
    from: Repository,
    to: Repository,
    uploads: Mutex<Uploads>,
}

#[derive(Default)]
struct Uploads {
    /// What was begun, each blob once.
    begun: BTreeSet<Digest>,
    under_way: JoinSet<Option<Box<dyn Staged>>>,
}

impl Staging {
    pub(crate) fn new(registry: Arc<dyn Registry>, from: Repository, to: Repository) -> Self {
        Self { registry, from, to, uploads: Mutex::default() }
    }

    /// The same stream, whose bytes go to the target as well.
    pub(crate) fn stage(&self, layer: &Descriptor, stream: BlobStream) -> BlobStream {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if !uploads.begun.insert(layer.digest) {
            return stream;
        }
        let (stream, copy) = split(stream);
        let (registry, layer) = (self.registry.clone(), layer.clone());
        let (from, to) = (self.from.clone(), self.to.clone());
        uploads.under_way.spawn(async move { registry.stage(&from, &to, &layer, copy).await.ok().flatten() });
        stream
    }

    /// Commits everything that was staged. What cannot be committed is copied.
    pub(crate) async fn commit(&self) {
        let mut commits = JoinSet::new();
        for staged in self.staged().await {
            commits.spawn(async move { drop(staged.commit().await) });
        }
        while commits.join_next().await.is_some() {}
    }

    /// Gives up what was not committed. A registry that does not hear of it forgets it in time.
    pub(crate) async fn abandon(&self) {
        for staged in self.staged().await {
            let _told = staged.abandon().await;
        }
    }

    async fn staged(&self) -> Vec<Box<dyn Staged>> {
        let take = || std::mem::take(&mut *self.uploads.lock().unwrap_or_else(PoisonError::into_inner));
        let mut under_way = take().under_way;
        let mut staged = Vec::new();
        while let Some(done) = under_way.join_next().await {
            staged.extend(done.ok().flatten());
        }
        staged
    }
}

/// Two streams of the bytes of one. The first goes on when nobody reads the second; the second ends early when nobody reads
/// the first.
fn split(mut stream: BlobStream) -> (BlobStream, BlobStream) {
    let (first, one) = mpsc::channel(CHUNKS_BETWEEN);
    let (second, other) = mpsc::channel(CHUNKS_BETWEEN);
    tokio::spawn(async move {
        while let Some(chunk) = next(&mut stream).await {
            let copy = match &chunk {
                Ok(bytes) => Ok(bytes.clone()),
                Err(error) => Err(broken(&error.place)),
            };
            // Nobody reads what is there already.
            let _read = second.send(copy).await;
            if first.send(chunk).await.is_err() {
                let _told = second.send(Err(broken("a layer"))).await;
                return;
            }
        }
    });
    (Box::pin(Chunks(one)), Box::pin(Chunks(other)))
}

fn broken(place: &str) -> PortError {
    PortError::new(Trouble::Other, place, "its source broke off", "try again")
}

/// The chunks of a channel.
struct Chunks(mpsc::Receiver<Result<Bytes, PortError>>);

impl futures_core::Stream for Chunks {
    type Item = Result<Bytes, PortError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
