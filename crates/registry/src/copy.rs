//! Copies an artifact with everything it names and what was listed with it, and reads it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lockgate_model::evidence::fallback_tag;
use lockgate_model::oci::Content;
use lockgate_model::ports::{BlobStream, Copied, CopyList, FetchedManifest, PortError, Progress, Trouble};
use lockgate_model::{Descriptor, Digest};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::place::{Place, Put};
use crate::plan::Plan;
use crate::referrers;
use crate::stream::Counted;

pub(crate) async fn copy(
    source: Arc<dyn Place>,
    target: Arc<dyn Place>,
    list: &CopyList,
    progress: &dyn Progress,
    parallel: usize,
) -> Result<Copied, PortError> {
    let plan = Plan::of(&*source, list).await?;
    let blobs = plan.blobs(&source.name())?;
    progress.begin("copying", blobs.iter().map(|blob| blob.size).sum());
    let copied = copy_blobs(&source, &target, &blobs, progress, parallel).await;
    progress.end();
    let mut copied = copied?;
    for planned in &plan.manifests {
        let FetchedManifest { media_type, bytes } = &planned.fetched;
        referrers::put(&*target, media_type, bytes, &planned.content).await?;
        copied.manifests += 1;
    }
    for (tag, digest) in &plan.tags {
        put_tag(&*target, &plan, tag, digest).await?;
    }
    copied.referrers = plan.referrers;
    read_back(&*target, &plan, &blobs).await?;
    Ok(copied)
}

/// cosign's tags collect signatures: what the target has under the tag already must not get lost.
async fn put_tag(target: &dyn Place, plan: &Plan, tag: &str, digest: &Digest) -> Result<(), PortError> {
    let Some(planned) = plan.manifests.iter().find(|one| one.digest == *digest) else { return Ok(()) };
    let there = target.tagged(tag).await?;
    if there.as_ref() == Some(&planned.fetched) {
        return Ok(());
    }
    if let (Some(there), Content::Manifest(new)) = (there, &planned.content) {
        let old = Content::read(&there.media_type, &there.bytes);
        let keeps = |old: &Content| match old {
            Content::Manifest(old) => old.layers.iter().all(|layer| new.layers.contains(layer)),
            Content::Index(_) => false,
        };
        if !old.is_ok_and(|old| keeps(&old)) {
            let at = format!("{}:{tag}", target.name());
            let reason = "the target has signatures or attestations under this tag that the source lacks";
            let help = "copy them to the source first (cosign copy), so that nothing is lost";
            return Err(PortError::new(Trouble::Other, at, reason, help));
        }
    }
    let FetchedManifest { media_type, bytes } = &planned.fetched;
    target.put_manifest(media_type, bytes.clone(), Some(tag)).await.map(drop)
}

/// Copies blobs, some at a time. `progress` hears of the bytes as they pass.
async fn copy_blobs(
    source: &Arc<dyn Place>,
    target: &Arc<dyn Place>,
    blobs: &[Descriptor],
    progress: &dyn Progress,
    parallel: usize,
) -> Result<Copied, PortError> {
    let places = Arc::new(Semaphore::new(parallel.max(1)));
    let (passed, mut passing) = mpsc::unbounded_channel();
    let mut jobs = JoinSet::new();
    for blob in blobs.iter().cloned() {
        let (source, target, places) = (source.clone(), target.clone(), places.clone());
        let passed = passed.clone();
        jobs.spawn(async move {
            let _place = places.acquire_owned().await;
            let put = copy_blob(source, &*target, &blob, passed).await?;
            Ok::<_, PortError>((blob.size, put))
        });
    }
    let mut copied = Copied::default();
    loop {
        tokio::select! {
            Some(bytes) = passing.recv() => progress.advance(bytes),
            joined = jobs.join_next() => {
                let Some(joined) = joined else { break };
                let interrupted =
                    |_| PortError::new(Trouble::Other, target.name(), "the copy was interrupted", "try again");
                let (size, put) = joined.map_err(interrupted)??;
                match put {
                    None => copied.blobs_present += 1,
                    Some(Put::Mounted) => copied.blobs_mounted += 1,
                    Some(Put::Streamed) => {
                        copied.blobs_streamed += 1;
                        copied.bytes += size;
                    }
                }
            }
        }
    }
    while let Ok(bytes) = passing.try_recv() {
        progress.advance(bytes);
    }
    Ok(copied)
}

/// Copies one blob; nothing to do when it is there. `passed` hears of all its bytes, once.
async fn copy_blob(
    source: Arc<dyn Place>,
    target: &dyn Place,
    blob: &Descriptor,
    passed: mpsc::UnboundedSender<u64>,
) -> Result<Option<Put>, PortError> {
    let told = Arc::new(AtomicU64::new(0));
    let put = if target.has_blob(blob).await? {
        None
    } else {
        let mount_from = mount_from(&*source, target);
        let open = || -> lockgate_model::ports::Pending<'_, BlobStream> {
            let (told, to) = (told.clone(), passed.clone());
            let source = &source;
            Box::pin(async move {
                let inner = source.blob(blob).await?;
                Ok(Box::pin(Counted { inner, passed: 0, told, to }) as BlobStream)
            })
        };
        Some(target.put_blob(blob, &open, mount_from).await?)
    };
    // What did not pass here needs no time any more either.
    let _told = passed.send(blob.size.saturating_sub(told.load(Ordering::Relaxed)));
    Ok(put)
}

/// The repository of which the target can take blobs without their bytes.
pub(crate) fn mount_from<'a>(source: &'a dyn Place, target: &dyn Place) -> Option<&'a str> {
    match (source.remote(), target.remote()) {
        (Some((from, name)), Some((to, _))) if from == to => Some(name),
        _ => None,
    }
}

/// The target must have every manifest, every blob, and everything that was attached.
async fn read_back(target: &dyn Place, plan: &Plan, blobs: &[Descriptor]) -> Result<(), PortError> {
    let missing = |what: String| {
        let reason = format!("{what} is not there after the copy");
        let help = "run `lockgate recover`; if it stays so, look at the registry";
        PortError::new(Trouble::Corrupt, target.name(), reason, help)
    };
    for planned in &plan.manifests {
        if target.manifest(&planned.digest).await?.as_ref() != Some(&planned.fetched) {
            return Err(missing(format!("the manifest {} ({})", planned.digest, planned.fetched.media_type)));
        }
    }
    for blob in blobs {
        if !target.has_blob(blob).await? {
            return Err(missing(format!("the blob {}", blob.digest)));
        }
    }
    for (subject, expected) in &plan.attached {
        let there = referrers::said(target, subject).await?;
        if let Some((_, lost)) = expected.iter().find(|one| !there.contains(*one)) {
            let tag = fallback_tag(subject);
            return Err(missing(format!("{} in the list of referrers ({tag})", lost.digest)));
        }
    }
    Ok(())
}
