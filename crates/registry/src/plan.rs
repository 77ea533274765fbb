//! What a copy consists of: the artifact with everything it names, and what was listed as attached to it. Nothing is
//! listed again here: what was judged is what travels.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::evidence::{Attachment, Companion};
use lockgate_model::oci::{Content, OciError};
use lockgate_model::ports::{CopyList, FetchedManifest, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, limits};

use crate::limits as own_limits;
use crate::place::Place;

/// One manifest to copy.
pub(crate) struct Planned {
    pub(crate) digest: Digest,
    pub(crate) fetched: FetchedManifest,
    pub(crate) content: Content,
}

/// The manifests, children before their index and subjects before their referrers, and how they are found.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) manifests: Vec<Planned>,
    /// cosign's tags. Several may name one manifest.
    pub(crate) tags: Vec<(String, Digest)>,
    /// What is attached to each manifest, to be found again in the target.
    pub(crate) attached: BTreeMap<Digest, Vec<(Attachment, Descriptor)>>,
    /// How many of the manifests were attached to others.
    pub(crate) referrers: u64,
    seen: BTreeSet<Digest>,
    bytes: usize,
}

impl Plan {
    /// Fetches the manifests of `list` from the source.
    pub(crate) async fn of(source: &dyn Place, list: &CopyList) -> Result<Self, PortError> {
        let mut plan = Self::default();
        plan.seen.insert(list.artifact.digest);
        plan.add(source, list.artifact.clone()).await?;
        let mut waiting: Vec<&Companion> = list.companions.iter().collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = Vec::new();
            for companion in waiting {
                if plan.seen.contains(&companion.subject) {
                    plan.attach(source, companion).await?;
                } else {
                    later.push(companion);
                }
            }
            if let Some(stranger) = later.first().filter(|_| later.len() == before) {
                let at = format!("{}@{}", source.name(), stranger.manifest.digest);
                let reason = "it is listed with the artifact and is attached to something else";
                return Err(PortError::new(Trouble::Corrupt, at, reason, "judge the artifact again"));
            }
            waiting = later;
        }
        Ok(plan)
    }

    /// Adds a manifest that is attached to one that is there.
    async fn attach(&mut self, source: &dyn Place, companion: &Companion) -> Result<(), PortError> {
        let Companion { subject, attachment, manifest, .. } = companion;
        if self.seen.insert(manifest.digest) {
            self.add(source, manifest.clone()).await.map_err(gone)?;
            self.referrers += 1;
        }
        self.tags.extend(attachment.tag(subject).map(|tag| (tag, manifest.digest)));
        self.attached.entry(*subject).or_default().push((*attachment, manifest.clone()));
        Ok(())
    }

    /// Adds a manifest, after everything it names.
    async fn add(&mut self, source: &dyn Place, wanted: Descriptor) -> Result<(), PortError> {
        // An explicit stack: an index is met twice, to push its children, and after them.
        let mut stack = vec![Step::Fetch(Box::new(wanted))];
        while let Some(step) = stack.pop() {
            let wanted = match step {
                Step::Keep(planned) => {
                    self.manifests.push(*planned);
                    continue;
                }
                Step::Fetch(wanted) => wanted,
            };
            let planned = fetch(source, &wanted).await?;
            self.bytes += planned.fetched.bytes.len();
            let waiting = stack.iter().filter(|step| matches!(step, Step::Keep(_))).count();
            if self.manifests.len() + waiting >= limits::REFERRERS_PER_COPY
                || self.bytes > own_limits::MANIFESTS_TOTAL_BYTES
            {
                return Err(too_much(source, &wanted.digest));
            }
            let children = match &planned.content {
                Content::Index(index) => index.manifests.clone(),
                Content::Manifest(_) => Vec::new(),
            };
            stack.push(Step::Keep(Box::new(planned)));
            for child in children {
                if self.seen.insert(child.digest) {
                    stack.push(Step::Fetch(Box::new(child)));
                }
            }
        }
        Ok(())
    }

    /// Every blob of the manifests, each once.
    pub(crate) fn blobs(&self, place: &str) -> Result<Vec<Descriptor>, PortError> {
        let mut sizes = BTreeMap::new();
        let mut blobs = Vec::new();
        for planned in &self.manifests {
            let Content::Manifest(manifest) = &planned.content else { continue };
            for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
                let size = *sizes.entry(blob.digest).or_insert_with(|| {
                    blobs.push(blob.bare());
                    blob.size
                });
                if size != blob.size {
                    let at = format!("{place}@{}", blob.digest);
                    let reason = format!("the manifests give it {size} bytes and {} bytes", blob.size);
                    let help = "one of them is wrong: push the artifact again";
                    return Err(PortError::new(Trouble::Corrupt, at, reason, help));
                }
            }
        }
        Ok(blobs)
    }
}

enum Step {
    Fetch(Box<Descriptor>),
    Keep(Box<Planned>),
}

/// Evidence that was judged and is gone: what was judged is not what would be there.
fn gone(error: PortError) -> PortError {
    if error.trouble != Trouble::NotFound {
        return error;
    }
    let reason = "evidence that was judged with the artifact is no longer there";
    let help = "attach it again and run `lockgate recover`, or give the promotion up with `lockgate recover --undo` and \
                judge again without it";
    PortError::new(Trouble::NotFound, error.place, reason, help)
}

fn too_much(source: &dyn Place, digest: &Digest) -> PortError {
    let at = format!("{}@{digest}", source.name());
    let reason = format!(
        "more belongs to the artifact than is copied: at most {} manifests of {} bytes together",
        limits::REFERRERS_PER_COPY,
        own_limits::MANIFESTS_TOTAL_BYTES,
    );
    PortError::new(Trouble::TooLarge, at, reason, "remove what is not needed")
}

/// A manifest, which must be what it was listed as.
async fn fetch(source: &dyn Place, wanted: &Descriptor) -> Result<Planned, PortError> {
    let at = format!("{}@{}", source.name(), wanted.digest);
    let wrong = |trouble, reason: String| {
        PortError::new(trouble, at.clone(), reason, "push the artifact again, whole")
    };
    let fetched = source.manifest(&wanted.digest).await?;
    let fetched = fetched.ok_or_else(|| {
        wrong(Trouble::NotFound, "a manifest that the artifact names is not there".to_owned())
    })?;
    if wanted.size != fetched.bytes.len() as u64 {
        let reason = format!("it has {} bytes, not {}", fetched.bytes.len(), wanted.size);
        return Err(wrong(Trouble::Corrupt, reason));
    }
    let clip = |text: &str| text.chars().take(100).collect::<String>();
    if wanted.media_type != fetched.media_type {
        let (listed, served) = (clip(&wanted.media_type), clip(&fetched.media_type));
        return Err(wrong(Trouble::Corrupt, format!("it is a `{served}` and was listed as `{listed}`")));
    }
    let content = Content::read(&fetched.media_type, &fetched.bytes).map_err(|error| {
        let unread = matches!(error, OciError::MediaType(_));
        wrong(if unread { Trouble::Unsupported } else { Trouble::Corrupt }, error.to_string())
    })?;
    if let Content::Manifest(manifest) = &content
        && let Some(foreign) = manifest.layers.iter().find(|layer| is_foreign(&layer.media_type))
    {
        let reason =
            format!("its layer {} may not be distributed ({})", foreign.digest, clip(&foreign.media_type));
        let help = "build the image on a base whose layers may be copied";
        return Err(PortError::new(Trouble::Unsupported, at, reason, help));
    }
    Ok(Planned { digest: wanted.digest, fetched, content })
}

/// Layers that registries do not hold (image-spec, layer.md, "Non-Distributable Layers"; docker, manifest schema 2).
fn is_foreign(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
}
