//! Evidence: what is attached to the artifact and to its images.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lockgate_judge::gates::reading_evidence;
use lockgate_model::evidence::{Attachment, Kind};
use lockgate_model::limits;
use lockgate_model::oci::{Content, media};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Evidence, Repository};

use serde_json::Value;

use super::images::Listed;
use super::{Basket, Found, layers, unreadable};
use crate::workspace::Reach;

/// What was found attached.
#[derive(Default)]
pub(crate) struct Attached {
    /// Evidence.
    pub(crate) evidence: Vec<Evidence>,
    /// Verification summaries: evidence where a known signer made them, and nothing else where not.
    pub(crate) summaries: Vec<Evidence>,
    /// Verdicts and proofs of Lockgate's own, as they say: no gate reads them, and they travel.
    pub(crate) own: Vec<Evidence>,
    /// The subjects of which everything was listed and read.
    pub(crate) read: BTreeSet<Digest>,
    /// The manifests that are there, each with the subject that it was found at.
    pub(crate) there: BTreeSet<(Digest, Digest)>,
}

impl Attached {
    /// What may travel: all of it but summaries whose content is not there.
    pub(crate) fn may_travel(&self) -> Vec<Evidence> {
        let summaries = self.summaries.iter().filter(|one| !one.blobs.is_empty());
        self.evidence.iter().chain(&self.own).chain(summaries).cloned().collect()
    }
}

/// Fetches the evidence of the artifact and of every image that is not the artifact itself. A list that
/// cannot be had, or a piece that cannot be fetched, is a gap: a hidden signature and a hidden refusal look
/// the same from here.
pub(crate) async fn gather(
    reach: &Reach,
    repository: &Repository,
    found: &Found,
    images: &[Listed],
    of_stage: &BTreeMap<String, Value>,
    basket: &mut Basket,
) -> Attached {
    let mut gates = reading_evidence(of_stage);
    // What cannot be listed would not travel.
    gates.push("route");
    let images =
        images.iter().map(|image| image.descriptor.digest).filter(|image| *image != found.artifact.digest);
    let subjects: Vec<Digest> = std::iter::once(found.artifact.digest).chain(images).collect();
    of(reach, repository, &subjects, &gates, basket).await
}

/// Fetches the evidence of `subjects`, all taken together within the limits; what cannot be had is a gap of `gates`.
pub(crate) async fn of(
    reach: &Reach,
    repository: &Repository,
    subjects: &[Digest],
    gates: &[&str],
    basket: &mut Basket,
) -> Attached {
    let mut attached = Attached::default();
    let mut budget = Budget { bytes: limits::EVIDENCE_TOTAL_BYTES as u64, blobs: limits::EVIDENCE_BLOBS };
    for subject in subjects {
        match about(reach, repository, subject, &mut budget, basket, &mut attached).await {
            Ok(()) => drop(attached.read.insert(*subject)),
            Err(error) => basket.gap(gates, &format!("evidence of {subject}"), &error),
        }
    }
    attached
}

/// What may yet be fetched.
struct Budget {
    bytes: u64,
    blobs: usize,
}

impl Budget {
    fn take(&mut self, place: &str, bytes: u64) -> Result<(), PortError> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes =
            left.ok_or_else(|| too_much(place, "more bytes of evidence than one artifact may have"))?;
        Ok(())
    }

    fn take_blob(&mut self, place: &str, bytes: u64) -> Result<(), PortError> {
        let left = self.blobs.checked_sub(1);
        self.blobs =
            left.ok_or_else(|| too_much(place, "more layers of evidence than one artifact may have"))?;
        self.take(place, bytes)
    }
}

async fn about(
    reach: &Reach,
    repository: &Repository,
    subject: &Digest,
    budget: &mut Budget,
    basket: &mut Basket,
    attached: &mut Attached,
) -> Result<(), PortError> {
    for (attachment, descriptor) in reach.registry.attached(repository, subject).await? {
        let place = format!("{repository}@{}", descriptor.digest);
        let fetched = reach.registry.manifest(repository, &descriptor.digest).await?;
        let content =
            Content::read(&fetched.media_type, &fetched.bytes).map_err(|e| unreadable(&place, &e))?;
        attached.there.insert((*subject, descriptor.digest));
        let manifest = Descriptor::new(&fetched.media_type, descriptor.digest, fetched.bytes.len() as u64);
        let mut found = Evidence { subject: *subject, attachment, manifest, blobs: vec![] };
        match kind(attachment, &content) {
            Kind::Own => {
                basket.inputs.insert(fetched.bytes);
                attached.own.push(found);
                continue;
            }
            Kind::Summary => {
                let blobs = summary(reach, repository, &content).await?;
                found.blobs.extend(blobs.into_iter().flatten().map(|bytes| basket.inputs.insert(bytes)));
                basket.inputs.insert(fetched.bytes);
                attached.summaries.push(found);
                continue;
            }
            Kind::Evidence => {}
        }
        if attached.evidence.len() >= limits::EVIDENCE_PER_ARTIFACT {
            return Err(too_much(&place, "more pieces of evidence than one artifact may have"));
        }
        budget.take(&place, fetched.bytes.len() as u64)?;
        basket.inputs.insert(fetched.bytes);
        for layer in readable_layers(&content) {
            budget.take_blob(&place, layer.size)?;
            let bytes = layers::small_blob(reach, repository, layer, limits::EVIDENCE_BYTES).await?;
            found.blobs.push(basket.inputs.insert(bytes));
        }
        attached.evidence.push(found);
    }
    Ok(())
}

/// The content of a summary; nothing when it is not there or is not what the manifest says. A summary can only help, so
/// that one which cannot be had is as good as none.
async fn summary(
    reach: &Reach,
    repository: &Repository,
    content: &Content,
) -> Result<Option<Vec<Bytes>>, PortError> {
    let mut blobs = Vec::new();
    for layer in readable_layers(content) {
        match layers::small_blob(reach, repository, layer, limits::EVIDENCE_BYTES).await {
            Ok(bytes) => blobs.push(bytes),
            Err(error) if matches!(error.trouble, Trouble::NotFound | Trouble::Corrupt) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(blobs))
}

/// What a manifest is, for its limits: only referrers can be many, and only small summaries are tried in number.
fn kind(attachment: Attachment, content: &Content) -> Kind {
    let small = |content: &Content| match content {
        Content::Manifest(manifest) => manifest
            .layers
            .iter()
            .map(|layer| layer.size)
            .try_fold(0_u64, u64::checked_add)
            .is_some_and(|bytes| bytes <= limits::SUMMARY_BYTES),
        Content::Index(_) => false,
    };
    match Kind::of_content(content) {
        _ if attachment != Attachment::Referrer => Kind::Evidence,
        Kind::Summary if !small(content) => Kind::Evidence,
        kind => kind,
    }
}

fn too_much(place: &str, reason: &str) -> PortError {
    let help = "remove what is attached to the artifact and not needed";
    PortError::new(Trouble::TooLarge, place, reason, help)
}

/// The layers of a piece of evidence that some gate reads; none when a layer is of another kind, such as a
/// disk image that someone attached. What is not read counts for nothing.
fn readable_layers(content: &Content) -> &[Descriptor] {
    match content {
        Content::Manifest(manifest) if manifest.layers.iter().all(|layer| is_read(&layer.media_type)) => {
            &manifest.layers
        }
        Content::Manifest(_) | Content::Index(_) => &[],
    }
}

fn is_read(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.dev.sigstore.bundle")
        || matches!(
            media_type,
            media::SIMPLE_SIGNING | media::DSSE | media::JOSE | media::COSE | "application/vnd.in-toto+json"
        )
}
