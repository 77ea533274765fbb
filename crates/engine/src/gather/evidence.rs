//! Evidence: what is attached to the artifact and to its images.

use std::collections::BTreeMap;

use lockgate_judge::gates::reading_evidence;
use lockgate_model::limits;
use lockgate_model::oci::{Content, media};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Evidence, Repository};

use serde_json::Value;

use super::{Basket, Found, ImageParts, layers, unreadable};
use crate::workspace::Reach;

/// Fetches the evidence of the artifact and of every image that is not the artifact itself. A list that
/// cannot be had, or a piece that cannot be fetched, is a gap: a hidden signature and a hidden refusal look
/// the same from here.
pub(crate) async fn gather(
    reach: &Reach,
    repository: &Repository,
    found: &Found,
    parts: &[ImageParts],
    of_stage: &BTreeMap<String, Value>,
    basket: &mut Basket,
) -> Vec<Evidence> {
    let mut gates = reading_evidence(of_stage);
    // What cannot be listed would not travel.
    gates.push("route");
    let images =
        parts.iter().map(|part| part.manifest.digest).filter(|image| *image != found.artifact.digest);
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
) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let mut budget = Budget { bytes: limits::EVIDENCE_TOTAL_BYTES as u64, blobs: limits::EVIDENCE_BLOBS };
    for subject in subjects {
        if let Err(error) = about(reach, repository, subject, &mut budget, basket, &mut evidence).await {
            basket.gap(gates, &format!("evidence of {subject}"), &error);
        }
    }
    evidence
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
    evidence: &mut Vec<Evidence>,
) -> Result<(), PortError> {
    for (attachment, descriptor) in reach.registry.attached(repository, subject).await? {
        let place = format!("{repository}@{}", descriptor.digest);
        if evidence.len() >= limits::EVIDENCE_PER_ARTIFACT {
            return Err(too_much(&place, "more pieces of evidence than one artifact may have"));
        }
        let fetched = reach.registry.manifest(repository, &descriptor.digest).await?;
        let content =
            Content::read(&fetched.media_type, &fetched.bytes).map_err(|e| unreadable(&place, &e))?;
        budget.take(&place, fetched.bytes.len() as u64)?;
        let manifest = Descriptor::new(&fetched.media_type, descriptor.digest, fetched.bytes.len() as u64);
        basket.inputs.insert(fetched.bytes);
        let mut blobs = Vec::new();
        for layer in readable_layers(&content) {
            budget.take_blob(&place, layer.size)?;
            let bytes = layers::small_blob(reach, repository, layer, limits::EVIDENCE_BYTES).await?;
            blobs.push(basket.inputs.insert(bytes));
        }
        evidence.push(Evidence { subject: *subject, attachment, manifest, blobs });
    }
    Ok(())
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
