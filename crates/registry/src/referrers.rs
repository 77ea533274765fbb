//! What is attached to a manifest: the referrers API where there is one, the fallback tag where there is none
//! (OCI distribution-spec, "Listing Referrers" and "Referrers Tag Schema"), and cosign's tags.

use std::collections::BTreeSet;

use bytes::Bytes;
use lockgate_model::evidence::{Attachment, fallback_tag};
use lockgate_model::oci::{Content, Index, media};
use lockgate_model::ports::{FetchedManifest, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, json, limits};

use crate::limits as own_limits;
use crate::place::Place;

/// Everything attached to `subject`, each once, sorted.
pub(crate) async fn attached(
    place: &dyn Place,
    subject: &Digest,
) -> Result<Vec<(Attachment, Descriptor)>, PortError> {
    let (listed, signatures, attestations, sboms) = tokio::try_join!(
        listed(place, subject),
        tagged(place, subject, Attachment::SignatureTag),
        tagged(place, subject, Attachment::AttestationTag),
        tagged(place, subject, Attachment::SbomTag),
    )?;
    let listed: BTreeSet<_> = listed.iter().map(Descriptor::bare).collect();
    let tagged: Vec<_> = signatures.into_iter().chain(attestations).chain(sboms).collect();
    if listed.len() + tagged.len() > limits::EVIDENCE_PER_ARTIFACT {
        let at = format!("{}@{subject}", place.name());
        let reason = format!("more than {} manifests are attached to it", limits::EVIDENCE_PER_ARTIFACT);
        return Err(PortError::new(Trouble::TooLarge, at, reason, "remove those that are not needed"));
    }
    for descriptor in &listed {
        confirm(place, subject, descriptor).await?;
    }
    let mut found: Vec<_> = listed.into_iter().map(|one| (Attachment::Referrer, one)).chain(tagged).collect();
    found.sort();
    Ok(found)
}

async fn listed(place: &dyn Place, subject: &Digest) -> Result<Vec<Descriptor>, PortError> {
    match place.referrers(subject).await? {
        Some(listed) => Ok(listed),
        None => Ok(fallback(place, subject).await?.map(|index| index.manifests).unwrap_or_default()),
    }
}

/// What is under one of cosign's tags.
async fn tagged(
    place: &dyn Place,
    subject: &Digest,
    attachment: Attachment,
) -> Result<Option<(Attachment, Descriptor)>, PortError> {
    let Some(tag) = attachment.tag(subject) else { return Ok(None) };
    let found = place.tagged(&tag).await?;
    Ok(found.map(|found| (attachment, Descriptor::of(&found.media_type, &found.bytes))))
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
    if (manifest.bytes.len() as u64, &manifest.media_type) != (listed.size, &listed.media_type) {
        let reason = format!(
            "it is listed as `{}` of {} bytes and is a `{}` of {}",
            listed.media_type.chars().take(100).collect::<String>(),
            listed.size,
            manifest.media_type,
            manifest.bytes.len()
        );
        return Err(wrong(reason));
    }
    let content = Content::read(&manifest.media_type, &manifest.bytes).map_err(|e| wrong(e.to_string()))?;
    if content.subject().map(|named| named.digest) == Some(*subject) {
        return Ok(());
    }
    Err(wrong(format!("it is listed as referrer of {subject} and names another subject")))
}

/// The index under the fallback tag.
async fn fallback(place: &dyn Place, subject: &Digest) -> Result<Option<Index>, PortError> {
    match place.tagged(&fallback_tag(subject)).await? {
        Some(manifest) => read_list(&place.name(), subject, &manifest).map(Some),
        None => Ok(None),
    }
}

/// Reads what is under a fallback tag.
pub(crate) fn read_list(
    place: &str,
    subject: &Digest,
    manifest: &FetchedManifest,
) -> Result<Index, PortError> {
    let at = format!("{place}:{}", fallback_tag(subject));
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
    for _ in 0..own_limits::LIST_ATTEMPTS {
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
