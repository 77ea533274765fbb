//! Copies an artifact with everything it names and everything attached to it, and reads it back.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use lockgate_model::evidence::{Attachment, fallback_tag};
use lockgate_model::oci::Content;
use lockgate_model::ports::{Copied, FetchedManifest, PortError, Progress, Trouble};
use lockgate_model::{Descriptor, Digest, limits};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::place::{Place, Put};
use crate::referrers;

/// One manifest to copy.
struct Planned {
    digest: Digest,
    fetched: FetchedManifest,
    content: Content,
    tag: Option<String>,
}

/// What a copy consists of: the manifests, children before their index and subjects before their referrers.
#[derive(Default)]
struct Plan {
    manifests: Vec<Planned>,
    seen: BTreeSet<Digest>,
    /// What is attached to each manifest, to be found again in the target.
    attached: Vec<(Digest, Vec<(Attachment, Descriptor)>)>,
    referrers: u64,
}

pub(crate) async fn copy(
    source: Arc<dyn Place>,
    target: Arc<dyn Place>,
    artifact: &Descriptor,
    progress: &dyn Progress,
    parallel: usize,
) -> Result<Copied, PortError> {
    let plan = plan(&*source, artifact).await?;
    let mut copied = copy_blobs(&source, &target, &plan, progress, parallel).await?;
    for planned in &plan.manifests {
        let FetchedManifest { media_type, bytes } = &planned.fetched;
        referrers::put(&*target, media_type, bytes, &planned.content).await?;
        if let Some(tag) = &planned.tag {
            put_tag(&*target, tag, planned).await?;
        }
        copied.manifests += 1;
    }
    copied.referrers = plan.referrers;
    read_back(&*target, &plan).await?;
    Ok(copied)
}

/// cosign's tags collect signatures: what the target has under the tag already must not get lost.
async fn put_tag(target: &dyn Place, tag: &str, planned: &Planned) -> Result<(), PortError> {
    if let (Some(there), Content::Manifest(new)) = (target.tagged(tag).await?, &planned.content) {
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

async fn plan(source: &dyn Place, artifact: &Descriptor) -> Result<Plan, PortError> {
    let mut plan = Plan::default();
    let mut queue = VecDeque::from([(artifact.digest, Some(artifact.size), 0_usize, None::<String>)]);
    while let Some((digest, size, depth, tag)) = queue.pop_front() {
        if !plan.seen.insert(digest) {
            continue;
        }
        let at = format!("{}@{digest}", source.name());
        if depth > limits::REFERRER_DEPTH || plan.manifests.len() > limits::REFERRERS_PER_COPY {
            let reason = "more is attached to the artifact than is copied";
            return Err(PortError::new(Trouble::TooLarge, at, reason, "remove what is not needed"));
        }
        let first = plan.manifests.len();
        add(source, &mut plan, digest, size, tag).await?;
        if depth > 0 {
            plan.referrers += 1;
        }
        let added: Vec<Digest> =
            plan.manifests.get(first..).unwrap_or_default().iter().map(|one| one.digest).collect();
        for subject in added {
            let attached = referrers::attached(source, &subject).await?;
            for (attachment, descriptor) in &attached {
                queue.push_back((descriptor.digest, None, depth + 1, attachment.tag(&subject)));
            }
            if !attached.is_empty() {
                plan.attached.push((subject, attached));
            }
        }
    }
    Ok(plan)
}

/// Adds a manifest, after everything it names.
async fn add(
    source: &dyn Place,
    plan: &mut Plan,
    digest: Digest,
    size: Option<u64>,
    tag: Option<String>,
) -> Result<(), PortError> {
    // An explicit stack: the children of an index come before it.
    let mut stack = vec![(digest, size, tag, false)];
    let mut read: Vec<Planned> = Vec::new();
    while let Some((digest, size, tag, children_done)) = stack.pop() {
        if children_done {
            if let Some(at) = read.iter().position(|one| one.digest == digest) {
                plan.manifests.push(read.swap_remove(at));
            }
            continue;
        }
        let planned = fetch(source, digest, size, tag).await?;
        let children: Vec<_> = match &planned.content {
            Content::Index(index) => index.manifests.iter().map(|one| (one.digest, one.size)).collect(),
            Content::Manifest(_) => Vec::new(),
        };
        read.push(planned);
        stack.push((digest, size, None, true));
        for (child, size) in children {
            if plan.seen.insert(child) {
                stack.push((child, Some(size), None, false));
            }
        }
    }
    Ok(())
}

async fn fetch(
    source: &dyn Place,
    digest: Digest,
    size: Option<u64>,
    tag: Option<String>,
) -> Result<Planned, PortError> {
    let at = format!("{}@{digest}", source.name());
    let wrong = |trouble, reason: String| {
        PortError::new(trouble, at.clone(), reason, "push the artifact again, whole")
    };
    let fetched = source.manifest(&digest).await?;
    let fetched = fetched.ok_or_else(|| {
        wrong(Trouble::NotFound, "a manifest that the artifact names is not there".to_owned())
    })?;
    if size.is_some_and(|size| size != fetched.bytes.len() as u64) {
        let reason = format!("it has {} bytes, not {}", fetched.bytes.len(), size.unwrap_or_default());
        return Err(wrong(Trouble::Corrupt, reason));
    }
    let content = Content::read(&fetched.media_type, &fetched.bytes)
        .map_err(|error| wrong(Trouble::Corrupt, error.to_string()))?;
    Ok(Planned { digest, fetched, content, tag })
}

/// Every blob of the plan, each once.
fn blobs(plan: &Plan) -> Vec<Descriptor> {
    let mut seen = BTreeSet::new();
    let manifests = plan.manifests.iter().filter_map(|planned| match &planned.content {
        Content::Manifest(manifest) => Some(manifest),
        Content::Index(_) => None,
    });
    let all = manifests.flat_map(|manifest| std::iter::once(&manifest.config).chain(&manifest.layers));
    all.filter(|blob| seen.insert(blob.digest)).map(Descriptor::bare).collect()
}

async fn copy_blobs(
    source: &Arc<dyn Place>,
    target: &Arc<dyn Place>,
    plan: &Plan,
    progress: &dyn Progress,
    parallel: usize,
) -> Result<Copied, PortError> {
    let blobs = blobs(plan);
    progress.begin("copying", blobs.iter().map(|blob| blob.size).sum());
    let places = Arc::new(Semaphore::new(parallel.max(1)));
    let mut jobs = JoinSet::new();
    for blob in blobs {
        let (source, target, places) = (source.clone(), target.clone(), places.clone());
        jobs.spawn(async move {
            let _place = places.acquire_owned().await;
            let put = copy_blob(&*source, &*target, &blob).await;
            put.map(|put| (blob.size, put))
        });
    }
    let mut copied = Copied::default();
    while let Some(joined) = jobs.join_next().await {
        let interrupted =
            |_| PortError::new(Trouble::Other, target.name(), "the copy was interrupted", "try again");
        let (size, put) = joined.map_err(interrupted)??;
        progress.advance(size);
        match put {
            None => copied.blobs_present += 1,
            Some(Put::Mounted) => copied.blobs_mounted += 1,
            Some(Put::Streamed) => {
                copied.blobs_streamed += 1;
                copied.bytes += size;
            }
        }
    }
    progress.end();
    Ok(copied)
}

/// Copies one blob; nothing to do when it is there.
async fn copy_blob(
    source: &dyn Place,
    target: &dyn Place,
    blob: &Descriptor,
) -> Result<Option<Put>, PortError> {
    if target.has_blob(blob).await? {
        return Ok(None);
    }
    let mount_from = match (source.remote(), target.remote()) {
        (Some((from, name)), Some((to, _))) if from == to => Some(name),
        _ => None,
    };
    target.put_blob(blob, &|| source.blob(blob), mount_from).await.map(Some)
}

/// The target must have every manifest, every blob, and everything that was attached.
async fn read_back(target: &dyn Place, plan: &Plan) -> Result<(), PortError> {
    let missing = |what: String| {
        let reason = format!("{what} is not there after the copy");
        PortError::new(
            Trouble::Corrupt,
            target.name(),
            reason,
            "run `lockgate recover`; if it stays so, look at the registry",
        )
    };
    for planned in &plan.manifests {
        let there = target.manifest(&planned.digest).await?;
        if there.map(|there| there.bytes) != Some(planned.fetched.bytes.clone()) {
            return Err(missing(format!("the manifest {}", planned.digest)));
        }
    }
    for blob in blobs(plan) {
        if !target.has_blob(&blob).await? {
            return Err(missing(format!("the blob {}", blob.digest)));
        }
    }
    for (subject, expected) in &plan.attached {
        let there: BTreeSet<_> = referrers::attached(target, subject)
            .await?
            .into_iter()
            .map(|(kind, one)| (kind, one.digest))
            .collect();
        for (kind, descriptor) in expected {
            if !there.contains(&(*kind, descriptor.digest)) {
                let what =
                    format!("{} in the list of referrers ({})", descriptor.digest, fallback_tag(subject));
                return Err(missing(what));
            }
        }
    }
    Ok(())
}
