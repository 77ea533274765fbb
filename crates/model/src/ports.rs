//! The narrow traits through which the engine reaches the world. They speak Lockgate's words, not SQL or
//! HTTP, so that faults can be played and the engine rebuilds neither.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use crate::digest::Digest;
use crate::evidence::{Attachment, Companion};
use crate::keyring::Keyring;
use crate::oci::Descriptor;
use crate::projection::{
    AlertRow, Change, Conflict, DecisionRow, FeedRow, ForgottenRow, PromotionRow, ReleaseRow,
};
use crate::reference::Repository;
use crate::route::{Service, StageName};
use crate::time::Timestamp;

/// A result that is on its way.
pub type Pending<'a, T, E = PortError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// What kind of trouble a part of the world gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is not there.
    NotFound,
    /// Credentials are missing or refused.
    Denied,
    /// The bytes are not what their digest or size says.
    Corrupt,
    /// A limit was reached.
    TooLarge,
    /// It may work later: overload, time-out, connection lost.
    Unavailable,
    /// No space is left.
    Full,
    /// The other side cannot do it, or the content is of a kind that is not read.
    Unsupported,
    /// Anything else.
    Other,
}

/// What went wrong in a part of the world, for people: the place, the reason, the fix.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct PortError {
    /// What kind of trouble.
    pub trouble: Trouble,
    /// The file, reference, digest or row it is about.
    pub place: String,
    /// What happened.
    pub reason: String,
    /// What to do about it; empty where nothing better than the reason can be said.
    pub help: String,
}

impl PortError {
    /// A new error.
    pub fn new(
        trouble: Trouble,
        place: impl Into<String>,
        reason: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { trouble, place: place.into(), reason: reason.into(), help: help.into() }
    }
}

/// Tells the time. The only clock there is.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// Is told how long work goes on.
pub trait Progress: Send + Sync {
    /// Work called `label` begins, on `total` bytes (0: not known).
    fn begin(&self, label: &str, total: u64);
    /// `bytes` more are done.
    fn advance(&self, bytes: u64);
    /// The work called last is over.
    fn end(&self);
}

/// Nobody watches.
impl Progress for () {
    fn begin(&self, _label: &str, _total: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {}
}

/// A manifest or index as fetched, its digest verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedManifest {
    /// The media type it was served or listed as.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// The bytes of a blob. The stream ends with an error instead of its last chunk when digest or size are
/// wrong, so that only a stream read to its end was right.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes, PortError>> + Send>>;

/// A manifest to push, and the blobs it names.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Media type of the manifest.
    pub media_type: String,
    /// The manifest.
    pub manifest: Bytes,
    /// Config and layers.
    pub blobs: Vec<Bytes>,
}

/// What a copy consists of, settled when the artifact was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyList {
    /// The artifact. What its bytes name, children, configs and layers, belongs to it.
    pub artifact: Descriptor,
    /// What is attached to it and travels with it. Each is attached to the artifact, one of its children, or another one
    /// of these.
    pub companions: Vec<Companion>,
}

/// What a copy did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Manifests and indexes written, or found there already.
    pub manifests: u64,
    /// Blobs that moved through this process.
    pub blobs_streamed: u64,
    /// Blobs that the target took from another of its repositories.
    pub blobs_mounted: u64,
    /// Blobs that were there already.
    pub blobs_present: u64,
    /// Bytes that moved through this process.
    pub bytes: u64,
    /// Referrers among the manifests, at all depths.
    pub referrers: u64,
}

/// Registries and OCI layouts. Whatever the other side says, bytes are hashed here.
pub trait Registry: Send + Sync {
    /// The manifest that `tag` names now, or nothing. Its digest is computed from the bytes.
    fn resolve<'a>(&'a self, repository: &'a Repository, tag: &'a str) -> Pending<'a, Option<Descriptor>>;

    /// The manifest with that digest.
    fn manifest<'a>(&'a self, repository: &'a Repository, digest: &'a Digest)
    -> Pending<'a, FetchedManifest>;

    /// The blob with that digest and size.
    fn blob<'a>(&'a self, repository: &'a Repository, blob: &'a Descriptor) -> Pending<'a, BlobStream>;

    /// The bytes of a blob in that range, not verified: whoever asks compares them with a digest of their own
    /// (distribution-spec, "Pulling blobs", range requests).
    ///
    /// Errors: the range is not inside the blob.
    fn blob_range<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        range: Range<u64>,
    ) -> Pending<'a, Bytes>;

    /// The manifests attached to `subject`, by the referrers API, the fallback tag and cosign's tags; each
    /// once, sorted. A list that contradicts the manifests it names is an error; more than
    /// [`crate::limits::EVIDENCE_PER_ARTIFACT`] are an error.
    fn attached<'a>(
        &'a self,
        repository: &'a Repository,
        subject: &'a Digest,
    ) -> Pending<'a, Vec<(Attachment, Descriptor)>>;

    /// Copies what `list` says, by digest, and reads it back from `to`: nothing else, whatever is attached in `from` by
    /// now, and nothing less. Moves no tag but those that attachments are found by. Copying twice is copying once.
    fn copy<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        list: &'a CopyList,
        progress: &'a dyn Progress,
    ) -> Pending<'a, Copied>;

    /// Sends the bytes of a blob to `to` without committing them: an upload that is not closed (distribution-spec,
    /// "Pushing a blob in chunks"). Nothing where [`Registry::copy`] moves no bytes or `to` cannot hold them so. `bytes`
    /// fails before its end unless they have the blob's digest.
    fn stage<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        blob: &'a Descriptor,
        bytes: BlobStream,
    ) -> Pending<'a, Option<Box<dyn Staged>>>;

    /// Pushes blobs, then the manifest. A manifest with a `subject` is listed among the subject's referrers
    /// afterwards, on registries with and without the referrers API. Pushing twice is pushing once.
    fn push<'a>(&'a self, repository: &'a Repository, upload: &'a Upload) -> Pending<'a, Descriptor>;

    /// Points `tag` at a manifest that `repository` holds.
    fn tag<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a str,
        manifest: &'a Descriptor,
    ) -> Pending<'a, ()>;
}

/// A blob whose bytes wait in a repository, where nobody can read them before they are committed.
pub trait Staged: Send {
    /// Makes it a blob of the repository, which checks its digest.
    fn commit(self: Box<Self>) -> Pending<'static, ()>;

    /// Gives it up.
    fn abandon(self: Box<Self>) -> Pending<'static, ()>;
}

/// A tile of the Merkle tree (C2SP tlog-tiles): up to 256 hashes of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileId {
    /// Level, 0 the leaves.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
}

/// One entry to append and what it does to the tables.
#[derive(Debug, Clone)]
pub struct Append {
    /// Canonical bytes of the entry.
    pub entry: Bytes,
    /// Its changes, in order.
    pub changes: Vec<Change>,
}

/// Everything that one transaction writes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The size the ledger must have for this commit to be right.
    pub expected_size: u64,
    /// The entries, in order; the first gets the place `expected_size`.
    pub entries: Vec<Append>,
    /// Every tile that changes, whole: a tile replaces the narrower one of the same id.
    pub tiles: Vec<(TileId, Bytes)>,
    /// The signed checkpoint of the new size.
    pub checkpoint: String,
    /// Content that the entries name, filed under its digest; what is there already stays.
    pub blobs: Vec<Bytes>,
}

/// Why a commit did not happen. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Someone else appended first.
    #[error("the ledger has {actual} entries, not {expected}: another process appended first")]
    Stale {
        /// The size that was expected.
        expected: u64,
        /// The size it has.
        actual: u64,
    },
    /// An entry breaks a rule of the tables.
    #[error("{conflict}")]
    Refused {
        /// Which of the commit's entries, from 0.
        index: usize,
        /// The rule.
        conflict: Conflict,
    },
    /// The store itself failed. The commit may or may not have happened: read the head again.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The newest state of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// The checkpoint of that size; none when there is no entry.
    pub checkpoint: Option<String>,
}

/// The ledger's rows and the tables derived from them.
pub trait Store: Send + Sync {
    /// The newest size and checkpoint.
    fn head(&self) -> Pending<'_, Head>;

    /// Writes everything in `commit`, durably, or nothing.
    fn commit<'a>(&'a self, commit: &'a Commit) -> Pending<'a, (), CommitError>;

    /// At most `limit` entries from place `from` on.
    fn entries(&self, from: u64, limit: u32) -> Pending<'_, Vec<Bytes>>;

    /// The tiles asked for, in that order; nothing where there is none.
    fn tiles<'a>(&'a self, ids: &'a [TileId]) -> Pending<'a, Vec<Option<Bytes>>>;

    /// Every tile id that is stored, sorted: so that verification sees what should not be there.
    fn tile_ids(&self) -> Pending<'_, Vec<TileId>>;

    /// At most `limit` checkpoints of a size above `after`, by size.
    fn checkpoints(&self, after: u64, limit: u32) -> Pending<'_, Vec<(u64, String)>>;

    /// The content filed under that digest, as it is stored: the caller compares.
    fn blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Option<Bytes>>;

    /// The content filed under each of these digests, in their order, as [`Store::blob`] gives it.
    fn blobs<'a>(&'a self, digests: &'a [Digest]) -> Pending<'a, Vec<Option<Bytes>>>;

    /// Every digest that content is filed under, sorted, at most `limit` after `after`.
    fn blob_digests<'a>(&'a self, after: Option<&'a Digest>, limit: u32) -> Pending<'a, Vec<Digest>>;

    /// Decisions of a service (or of all), newest last.
    fn decisions<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<DecisionRow>>;

    /// Decisions whose digest begins with these hex digits, newest last.
    fn decisions_by_prefix<'a>(&'a self, hex: &'a str) -> Pending<'a, Vec<DecisionRow>>;

    /// Decisions about an artifact, newest last.
    fn decisions_of<'a>(&'a self, artifact: &'a Digest) -> Pending<'a, Vec<DecisionRow>>;

    /// Evidence of an artifact (or of all) that was forgotten, newest last.
    fn forgotten<'a>(&'a self, artifact: Option<&'a Digest>) -> Pending<'a, Vec<ForgottenRow>>;

    /// Promotions of a service (or of all), in the order of their intents.
    fn promotions<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<PromotionRow>>;

    /// Releases of a service (or of all), in the order of their completion.
    fn releases<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<ReleaseRow>>;

    /// The latest Release of that artifact in that stage.
    fn release_of<'a>(
        &'a self,
        service: &'a Service,
        stage: &'a StageName,
        artifact: &'a Digest,
    ) -> Pending<'a, Option<ReleaseRow>>;

    /// Imported feeds, newest last.
    fn feeds(&self) -> Pending<'_, Vec<FeedRow>>;

    /// The keyring as it is now.
    fn keyring(&self) -> Pending<'_, Keyring>;

    /// Alerts about a service (or about all), newest last.
    fn alerts<'a>(&'a self, service: Option<&'a Service>) -> Pending<'a, Vec<AlertRow>>;

    /// Whether the derived tables are what the entries give. Writes nothing.
    fn tables_differ(&self) -> Pending<'_, bool>;

    /// Throws the derived tables away and derives them again from the entries; tells whether they differed.
    fn rebuild(&self) -> Pending<'_, bool>;
}

/// The bytes of a feed, read where they lie: a feed may be much larger than what is asked of it.
pub trait FeedBytes: Send + Sync {
    /// How many there are.
    fn length(&self) -> u64;

    /// `length` bytes from `at` on. Fewer are there: an error.
    fn read(&self, at: u64, length: usize) -> Result<Bytes, PortError>;
}

impl FeedBytes for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, at: u64, length: usize) -> Result<Bytes, PortError> {
        let range = usize::try_from(at).ok().and_then(|at| Some(at..at.checked_add(length)?));
        match range.filter(|range| range.end <= self.len()) {
            Some(range) => Ok(self.slice(range)),
            None => Err(PortError::new(Trouble::Corrupt, "feed", "it is cut off", "import it again")),
        }
    }
}

/// Feeds by their digest.
pub trait Feeds: Send + Sync {
    /// Keeps a feed.
    fn put(&self, feed: Arc<dyn FeedBytes>) -> Pending<'_, Digest>;

    /// The feed with that digest, verified: what judging uses.
    fn get<'a>(&'a self, feed: &'a Digest) -> Pending<'a, Arc<dyn FeedBytes>>;

    /// The feed that was kept under that digest, as it lies there: at once, however large it is. For what decides
    /// nothing.
    fn open<'a>(&'a self, feed: &'a Digest) -> Pending<'a, Arc<dyn FeedBytes>>;
}

/// Keeps what was found in a layer, by the layer's verified digest and the analyser's edition. Losing it
/// costs time only; an entry that was damaged counts as lost.
pub trait LayerCache: Send + Sync {
    /// What was kept, if it is there and whole.
    fn get<'a>(&'a self, layer: &'a Digest, analyser: &'a str) -> Pending<'a, Option<Bytes>>;

    /// Keeps it.
    fn put<'a>(&'a self, layer: &'a Digest, analyser: &'a str, found: Bytes) -> Pending<'a, ()>;
}

/// Keeps the index of inventories beside the ledger that it is derived from. Losing it costs time only; one that was
/// damaged counts as lost.
pub trait KeptIndex: Send + Sync {
    /// What was kept, if it is there and whole.
    fn get(&self) -> Pending<'_, Option<Arc<dyn FeedBytes>>>;

    /// Keeps it in place of the one before.
    fn put(&self, index: Bytes) -> Pending<'_, ()>;
}
