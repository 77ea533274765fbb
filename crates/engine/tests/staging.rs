//! Layers are staged at the target while they are scanned: each byte is read once, nothing is committed before the promotion is
//! recorded, and whatever goes wrong with it, the promotion is as without.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use lockgate_engine::Workspace;
use lockgate_engine::promote::promote;
use lockgate_engine::workspace::Reach;
use lockgate_model::evidence::Attachment;
use lockgate_model::ports::{
    BlobStream, Copied, CopyList, FetchedManifest, Pending, PortError, Progress, Registry, Staged, Store,
    Trouble, Upload,
};
use lockgate_model::{Descriptor, Digest, Outcome, Repository};
use sim::Plan;
use world::World;

mod sim;
mod world;

/// What goes wrong with staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It is refused, and nothing is read.
    Refused,
    /// It breaks after the first bytes.
    Broken,
    /// What was staged cannot be committed.
    Uncommitted,
    /// It was committed, and the answer was lost.
    Lost,
}

/// A registry that holds what is staged, and writes down what is done.
struct Holding {
    real: Arc<dyn Registry>,
    store: Arc<dyn Store>,
    target: PathBuf,
    fault: Fault,
    log: Log,
}

type Log = Arc<Mutex<Vec<String>>>;

/// A blob that was staged.
struct Held {
    blob: Digest,
    bytes: BytesMut,
    store: Arc<dyn Store>,
    target: PathBuf,
    fault: Fault,
    log: Log,
}

fn broken() -> PortError {
    PortError::new(Trouble::Unavailable, "the target", "it does not answer", "")
}

impl Staged for Held {
    fn commit(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(async move {
            let open = self.store.promotions(None).await.unwrap().len();
            self.log.lock().unwrap().push(format!("commit with {open} promotion recorded"));
            if self.fault == Fault::Uncommitted {
                return Err(broken());
            }
            let folder = self.target.join("blobs/sha256");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(self.blob.hex()), &self.bytes).unwrap();
            if self.fault == Fault::Lost { Err(broken()) } else { Ok(()) }
        })
    }

    fn abandon(self: Box<Self>) -> Pending<'static, ()> {
        self.log.lock().unwrap().push("abandon".to_owned());
        Box::pin(async { Ok(()) })
    }
}

impl Registry for Holding {
    fn resolve<'a>(&'a self, repository: &'a Repository, tag: &'a str) -> Pending<'a, Option<Descriptor>> {
        self.real.resolve(repository, tag)
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> Pending<'a, FetchedManifest> {
        self.real.manifest(repository, digest)
    }

    fn blob<'a>(&'a self, repository: &'a Repository, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        if blob.media_type.contains("layer") {
            self.log.lock().unwrap().push("read".to_owned());
        }
        self.real.blob(repository, blob)
    }

    fn blob_range<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        range: std::ops::Range<u64>,
    ) -> Pending<'a, bytes::Bytes> {
        self.real.blob_range(repository, blob, range)
    }

    fn attached<'a>(
        &'a self,
        repository: &'a Repository,
        subject: &'a Digest,
    ) -> Pending<'a, Vec<(Attachment, Descriptor)>> {
        self.real.attached(repository, subject)
    }

    fn copy<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        list: &'a CopyList,
        progress: &'a dyn Progress,
    ) -> Pending<'a, Copied> {
        self.real.copy(from, to, list, progress)
    }

    fn stage<'a>(
        &'a self,
        _from: &'a Repository,
        to: &'a Repository,
        blob: &'a Descriptor,
        mut stream: BlobStream,
    ) -> Pending<'a, Option<Box<dyn Staged>>> {
        assert!(matches!(to, Repository::Layout { path } if path.ends_with("staging/web")));
        Box::pin(async move {
            let mut bytes = BytesMut::new();
            match self.fault {
                Fault::Refused => return Ok(None),
                Fault::Broken => return Err(broken()),
                _ => {}
            }
            while let Some(chunk) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
                bytes.extend_from_slice(&chunk?);
            }
            let Self { store, target, fault, log, .. } = self;
            let (store, target, log) = (store.clone(), target.clone(), log.clone());
            Ok(Some(Box::new(Held { blob: blob.digest, bytes, store, target, fault: *fault, log })
                as Box<dyn Staged>))
        })
    }

    fn push<'a>(&'a self, repository: &'a Repository, upload: &'a Upload) -> Pending<'a, Descriptor> {
        self.real.push(repository, upload)
    }

    fn tag<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a str,
        manifest: &'a Descriptor,
    ) -> Pending<'a, ()> {
        self.real.tag(repository, tag, manifest)
    }
}

/// A process on the world's files, whose registry holds what is staged.
async fn process(world: &World, fault: Fault) -> (Workspace, Log) {
    let mut workspace = world.process(&Plan::none()).await;
    let log = Log::default();
    let registry = Holding {
        real: workspace.reach.registry.clone(),
        store: world.store().await,
        target: world.folder().join("staging/web"),
        fault,
        log: log.clone(),
    };
    let Reach { layers, progress, later, .. } = workspace.reach;
    workspace.reach = Reach::new(Arc::new(registry), layers, progress, later);
    (workspace, log)
}

fn there(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("staging/web/blobs/sha256")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn what_is_staged_is_committed_once_the_promotion_is_recorded() {
    let world = World::new().await;
    let (workspace, log) = process(&world, Fault::None).await;
    let promoted = promote(&workspace, &World::request("staging"), None).await.unwrap();
    assert_eq!(promoted.recorded.decision.outcome, Outcome::Proceed);
    assert_eq!(*log.lock().unwrap(), ["read", "commit with 1 promotion recorded"]);
    let copied = promoted.copied.unwrap();
    assert_eq!(copied.blobs_present, 1, "{copied:?}");
}

#[tokio::test]
async fn whatever_goes_wrong_with_staging_the_promotion_is_as_without() {
    for fault in [Fault::Refused, Fault::Broken, Fault::Uncommitted, Fault::Lost] {
        let world = World::new().await;
        let (workspace, log) = process(&world, fault).await;
        let promoted = promote(&workspace, &World::request("staging"), None).await.unwrap();
        let copied = promoted.copied.unwrap();
        assert_eq!(copied.blobs_present, u64::from(fault == Fault::Lost), "{fault:?}");
        let log = log.lock().unwrap().clone();
        assert_eq!(log.iter().filter(|one| *one == "read").count(), 1, "{fault:?}: {log:?}");
        let whole = world.process(&Plan::none()).await.reach;
        let reference = "oci:staging/web:1".parse().unwrap();
        let scanned = lockgate_engine::scan::scan(&whole, &reference, None).await.unwrap();
        assert_eq!((scanned.artifact.digest, scanned.unread), (world.image, vec![]), "{fault:?}");
    }
}

#[tokio::test]
async fn what_may_not_be_promoted_is_abandoned_and_leaves_nothing() {
    let world = World::new().await;
    let (mut workspace, log) = process(&world, Fault::None).await;
    // Nobody trusts the key that signed.
    workspace.keys.clear();
    let promoted = promote(&workspace, &World::request("staging"), None).await.unwrap();
    assert_ne!(promoted.recorded.decision.outcome, Outcome::Proceed);
    assert_eq!(*log.lock().unwrap(), ["read", "abandon"]);
    assert_eq!(there(world.folder()), 0);
}
