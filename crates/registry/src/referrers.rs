//! What is attached to a manifest: the referrers API where there is one, the fallback tag where there is none
//! (OCI distribution-spec, "Listing Referrers" and "Referrers Tag Schema"), and cosign's tags.

use std::collections::BTreeSet;

use bytes::Bytes;
use lockgate_model::evidence::{Attachment, fallback_tag};
use lockgate_model::oci::{Content, Index, media};
use lockgate_model::ports::{FetchedManifest, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, json, limits};

use crate::place::Place;

/// How often the fallback index is written again when somebody else writes it at the same time.
const ATTEMPTS: usize = 5;

/// Everything attached to `subject`, each once, sorted.
pub(crate) async fn attached(
    place: &dyn Place,
    subject: &Digest,
) -> Result<Vec<(Attachment, Descriptor)>, PortError> {
    let listed = match place.referrers(subject).await? {
        Some(listed) => listed,
        None => fallback(place, subject).await?.map(|index| index.manifests).unwrap_or_default(),
    };
    let mut found = BTreeSet::new();
    for descriptor in listed {
        too_many(place, subject, found.len())?;
        confirm(place, subject, &descriptor).await?;
        found.insert((Attachment::Referrer, descriptor.bare()));
    }
    for attachment in [Attachment::SignatureTag, Attachment::AttestationTag, Attachment::SbomTag] {
        let Some(tag) = attachment.tag(subject) else { continue };
        if let Some(manifest) = place.tagged(&tag).await? {
            too_many(place, subject, found.len())?;
            found.insert((attachment, Descriptor::of(&manifest.media_type, &manifest.bytes)));
        }
    }
    Ok(found.into_iter().collect())
}

fn too_many(place: &dyn Place, subject: &Digest, count: usize) -> Result<(), PortError> {
    if count < limits::EVIDENCE_PER_ARTIFACT {
        return Ok(());
    }
    let at = format!("{}@{subject}", place.name());
    let reason = format!("more than {} manifests are attached to it", limits::EVIDENCE_PER_ARTIFACT);
    Err(PortError::new(Trouble::TooLarge, at, reason, "remove those that are not needed"))
}

/// A list is a claim: the manifest must be there and name this subject.
async fn confirm(place: &dyn Place, subject: &Digest, listed: &Descriptor) -> Result<(), PortError> {
    let at = format!("{}@{}", place.name(), listed.digest);
    let help =
        "the list of referrers was changed by hand or forged: remove the entry, or push the referrer again";
    let wrong = |reason: String| PortError::new(Trouble::Corrupt, at.clone(), reason, help);
    let Some(manifest) = place.manifest(&listed.digest).await? else {
        return Err(wrong(format!("it is listed as referrer of {subject} and is not there")));
    };
    let content = Content::read(&manifest.media_type, &manifest.bytes).map_err(|e| wrong(e.to_string()))?;
    if content.subject().map(|named| named.digest) == Some(*subject) {
        return Ok(());
    }
    Err(wrong(format!("it is listed as referrer of {subject} and names another subject")))
}

/// The index under the fallback tag.
async fn fallback(place: &dyn Place, subject: &Digest) -> Result<Option<Index>, PortError> {
    match place.tagged(&fallback_tag(subject)).await? {
        Some(manifest) => read_list(place, subject, &manifest).map(Some),
        None => Ok(None),
    }
}

fn read_list(place: &dyn Place, subject: &Digest, manifest: &FetchedManifest) -> Result<Index, PortError> {
    let at = format!("{}:{}", place.name(), fallback_tag(subject));
    let help = "the fallback tag must name an index of referrers: remove the tag, then attach again";
    let wrong = |reason: String| PortError::new(Trouble::Corrupt, at.clone(), reason, help);
    if manifest.media_type != media::OCI_INDEX {
        return Err(wrong(format!(
            "it is a `{}`",
            manifest.media_type.chars().take(100).collect::<String>()
        )));
    }
    json::from_slice(&manifest.bytes, limits::MANIFEST_BYTES).map_err(|error| wrong(error.to_string()))
}

/// Puts a manifest and, when it has a subject, sees to it that it is listed among the subject's referrers.
pub(crate) async fn put(
    place: &dyn Place,
    media_type: &str,
    bytes: &Bytes,
    content: &Content,
) -> Result<(), PortError> {
    let listed = place.put_manifest(media_type, bytes.clone(), None).await?;
    let Some(subject) = content.subject().map(|subject| subject.digest) else { return Ok(()) };
    if listed {
        return Ok(());
    }
    let mut entry = Descriptor::of(media_type, bytes);
    let (kind, annotations) = match content {
        Content::Manifest(manifest) => {
            let kind = manifest.artifact_type.clone();
            (kind.or_else(|| Some(manifest.config.media_type.clone())), manifest.annotations.clone())
        }
        Content::Index(index) => (index.artifact_type.clone(), index.annotations.clone()),
    };
    (entry.artifact_type, entry.annotations) = (kind, annotations);
    for _ in 0..ATTEMPTS {
        if list(place, &subject, &entry).await? {
            return Ok(());
        }
    }
    let at = format!("{}:{}", place.name(), fallback_tag(&subject));
    let reason = "others keep writing the list of referrers at the same time";
    Err(PortError::new(Trouble::Unavailable, at, reason, "run the command again"))
}

/// Adds `entry` to the fallback index; whether it is there afterwards, since two writers may overwrite each other.
async fn list(place: &dyn Place, subject: &Digest, entry: &Descriptor) -> Result<bool, PortError> {
    let has = |index: &Index| index.manifests.iter().any(|listed| listed.digest == entry.digest);
    let mut index = fallback(place, subject).await?.unwrap_or(Index {
        schema_version: 2,
        media_type: Some(media::OCI_INDEX.to_owned()),
        artifact_type: None,
        manifests: Vec::new(),
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    });
    if has(&index) {
        return Ok(true);
    }
    index.manifests.push(entry.clone());
    let bytes = serde_json::to_vec(&index)
        .map_err(|error| PortError::new(Trouble::Other, place.name(), error.to_string(), ""))?;
    place.put_manifest(media::OCI_INDEX, bytes.into(), Some(&fallback_tag(subject))).await?;
    Ok(fallback(place, subject).await?.is_some_and(|index| has(&index)))
}
