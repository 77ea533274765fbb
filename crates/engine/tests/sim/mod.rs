//! Ports that fail on purpose: the n-th effect either fails, or happens and is reported as failed.
//!
//! Everything that is not made to fail goes to the real part behind. After its fault a port answers nothing
//! more, as if the process had died there; the next process gets fresh ports.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses its part of this"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use lockgate_model::evidence::Attachment;
use lockgate_model::ports::{
    BlobStream, Commit, CommitError, Copied, CopyList, FetchedManifest, Head, Pending, PortError, Progress,
    Registry, Staged, Store, TileId, Trouble, Upload,
};
use lockgate_model::projection::{AlertRow, DecisionRow, FeedRow, ForgottenRow, PromotionRow, ReleaseRow};
use lockgate_model::{Descriptor, Digest, Keyring, Repository, Service, StageName};

/// How an effect goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not happen.
    Failed,
    /// It happens, and the caller is told that it did not.
    FailedButPersisted,
}

/// Which effect goes wrong, and how.
#[derive(Debug)]
pub struct Plan {
    at: usize,
    fault: Fault,
    seen: AtomicUsize,
    dead: AtomicBool,
}

/// What to do with the effect at hand.
enum Now {
    Pass,
    Fail,
    PassThenFail,
}

impl Plan {
    /// The effect with number `at`, from 0, goes wrong.
    pub fn new(at: usize, fault: Fault) -> Arc<Self> {
        Arc::new(Self { at, fault, seen: AtomicUsize::new(0), dead: AtomicBool::new(false) })
    }

    /// Nothing goes wrong; effects are counted.
    pub fn none() -> Arc<Self> {
        Self::new(usize::MAX, Fault::Failed)
    }

    /// How many effects there were.
    pub fn effects(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Whether the fault has happened.
    pub fn struck(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn effect(&self) -> Now {
        if self.struck() {
            return Now::Fail;
        }
        if self.seen.fetch_add(1, Ordering::SeqCst) != self.at {
            return Now::Pass;
        }
        self.dead.store(true, Ordering::SeqCst);
        match self.fault {
            Fault::Failed => Now::Fail,
            Fault::FailedButPersisted => Now::PassThenFail,
        }
    }

    fn read(&self) -> Result<(), PortError> {
        if self.struck() { Err(dead()) } else { Ok(()) }
    }
}

fn dead() -> PortError {
    PortError::new(Trouble::Unavailable, "simulation", "the process died here", "")
}

/// A registry whose effects are `copy`, `push` and `tag`.
pub struct FaultyRegistry {
    pub plan: Arc<Plan>,
    pub real: Arc<dyn Registry>,
}

macro_rules! effect {
    ($self:ident, $call:expr) => {
        Box::pin(async move {
            match $self.plan.effect() {
                Now::Pass => $call.await,
                Now::Fail => Err(dead().into()),
                Now::PassThenFail => {
                    $call.await?;
                    Err(dead().into())
                }
            }
        })
    };
}

macro_rules! read {
    ($self:ident, $call:expr) => {
        Box::pin(async move {
            $self.plan.read()?;
            $call.await
        })
    };
}

impl Registry for FaultyRegistry {
    fn resolve<'a>(&'a self, repository: &'a Repository, tag: &'a str) -> Pending<'a, Option<Descriptor>> {
        read!(self, self.real.resolve(repository, tag))
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> Pending<'a, FetchedManifest> {
        read!(self, self.real.manifest(repository, digest))
    }

    fn blob<'a>(&'a self, repository: &'a Repository, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        read!(self, self.real.blob(repository, blob))
    }

    fn blob_range<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        range: std::ops::Range<u64>,
    ) -> Pending<'a, Bytes> {
        read!(self, self.real.blob_range(repository, blob, range))
    }

    fn attached<'a>(
        &'a self,
        repository: &'a Repository,
        subject: &'a Digest,
    ) -> Pending<'a, Vec<(Attachment, Descriptor)>> {
        read!(self, self.real.attached(repository, subject))
    }

    fn copy<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        list: &'a CopyList,
        progress: &'a dyn Progress,
    ) -> Pending<'a, Copied> {
        effect!(self, self.real.copy(from, to, list, progress))
    }

    fn stage<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        blob: &'a Descriptor,
        bytes: BlobStream,
    ) -> Pending<'a, Option<Box<dyn Staged>>> {
        read!(self, self.real.stage(from, to, blob, bytes))
    }

    fn push<'a>(&'a self, repository: &'a Repository, upload: &'a Upload) -> Pending<'a, Descriptor> {
        effect!(self, self.real.push(repository, upload))
    }

    fn tag<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a str,
        manifest: &'a Descriptor,
    ) -> Pending<'a, ()> {
        effect!(self, self.real.tag(repository, tag, manifest))
    }
}

/// A store whose effect is `commit`.
pub struct FaultyStore {
    pub plan: Arc<Plan>,
    pub real: Arc<dyn Store>,
}

impl Store for FaultyStore {
    fn head(&self) -> Pending<'_, Head> {
        read!(self, self.real.head())
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Pending<'a, (), CommitError> {
        effect!(self, self.real.commit(commit))
    }

    fn entries(&self, from: u64, limit: u32) -> Pending<'_, Vec<Bytes>> {
        read!(self, self.real.entries(from, limit))
    }

    fn tiles<'a>(&'a self, ids: &'a [TileId]) -> Pending<'a, Vec<Option<Bytes>>> {
        read!(self, self.real.tiles(ids))
    }

    fn tile_ids(&self) -> Pending<'_, Vec<TileId>> {
        read!(self, self.real.tile_ids())
    }

    fn checkpoints(&self, after: u64, limit: u32) -> Pending<'_, Vec<(u64, String)>> {
        read!(self, self.real.checkpoints(after, limit))
    }

    fn blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Option<Bytes>> {
        read!(self, self.real.blob(digest))
    }

    fn blobs<'a>(&'a self, digests: &'a [Digest]) -> Pending<'a, Vec<Option<Bytes>>> {
        read!(self, self.real.blobs(digests))
    }

    fn blob_digests<'a>(&'a self, after: Option<&'a Digest>, limit: u32) -> Pending<'a, Vec<Digest>> {
        read!(self, self.real.blob_digests(after, limit))
    }

    fn decisions<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<DecisionRow>> {
        read!(self, self.real.decisions(service))
    }

    fn decisions_by_prefix<'a>(&'a self, hex: &'a str) -> Pending<'a, Vec<DecisionRow>> {
        read!(self, self.real.decisions_by_prefix(hex))
    }

    fn decisions_of<'a>(&'a self, artifact: &'a Digest) -> Pending<'a, Vec<DecisionRow>> {
        read!(self, self.real.decisions_of(artifact))
    }

    fn forgotten<'a>(&'a self, artifact: Option<&'a Digest>) -> Pending<'a, Vec<ForgottenRow>> {
        read!(self, self.real.forgotten(artifact))
    }

    fn promotions<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<PromotionRow>> {
        read!(self, self.real.promotions(service))
    }

    fn releases<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<ReleaseRow>> {
        read!(self, self.real.releases(service))
    }

    fn release_of<'a>(
        &'a self,
        service: &'a Service,
        stage: &'a StageName,
        artifact: &'a Digest,
    ) -> Pending<'a, Option<ReleaseRow>> {
        read!(self, self.real.release_of(service, stage, artifact))
    }

    fn feeds(&self) -> Pending<'_, Vec<FeedRow>> {
        read!(self, self.real.feeds())
    }

    fn keyring(&self) -> Pending<'_, Keyring> {
        read!(self, self.real.keyring())
    }

    fn alerts<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<AlertRow>> {
        read!(self, self.real.alerts(service))
    }

    fn tables_differ(&self) -> Pending<'_, bool> {
        read!(self, self.real.tables_differ())
    }

    fn rebuild(&self) -> Pending<'_, bool> {
        read!(self, self.real.rebuild())
    }
}
