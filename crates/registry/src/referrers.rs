//! What is attached to a manifest: the referrers API where there is one, the fallback tag where there is none
//! (OCI distribution-spec, "Listing Referrers" and "Referrers Tag Schema"), and cosign's tags.

use std::collections::BTreeSet;

use bytes::Bytes;
use lockgate_model::evidence::{Attachment, Kind, fallback_tag};
use lockgate_model::oci::{Content, Index, media};
use lockgate_model::ports::{FetchedManifest, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Timestamp, json, limits};

use crate::limits as own_limits;
use crate::place::Place;

/// The annotation that says when something was made (image-spec, annotations.md).
const CREATED: &str = "org.opencontainers.image.created";

/// Everything attached to `subject`, each once, sorted. Of what says that it is Lockgate's own, or a verification summary,
/// the newest: these have quotas of their own, so that neither many promotions nor a stranger's imitations of them keep
/// evidence from being read. More evidence than is read is an error, whoever attached it.
pub(crate) async fn attached(
    place: &dyn Place,
    subject: &Digest,
) -> Result<Vec<(Attachment, Descriptor)>, PortError> {
    let (listed, tagged) = listing(place, subject).await?;
    let (evidence, others) = shares(listed);
    let most = limits::EVIDENCE_PER_ARTIFACT;
    // A list that does not say what its entries are is read further: their manifests do.
    if evidence.len() > most + limits::OWN_ATTACHMENTS + limits::SUMMARIES_PER_ARTIFACT {
        return Err(too_many(place, subject));
    }
    let (mut found, mut counted) = (Vec::new(), tagged.len());
    for descriptor in evidence {
        let content = confirm(place, subject, &descriptor).await?;
        counted += usize::from(Kind::of_content(&content) == Kind::Evidence);
        if counted > most {
            return Err(too_many(place, subject));
        }
        found.push((Attachment::Referrer, descriptor));
    }
    for descriptor in others {
        confirm(place, subject, &descriptor).await?;
        found.push((Attachment::Referrer, descriptor));
    }
    found.extend(tagged);
    found.sort();
    Ok(found)
}

/// What is said to be attached to `subject`, whatever it is, each once.
pub(crate) async fn said(
    place: &dyn Place,
    subject: &Digest,
) -> Result<BTreeSet<(Attachment, Descriptor)>, PortError> {
    let (listed, tagged) = listing(place, subject).await?;
    let listed = listed.iter().map(|one| (Attachment::Referrer, one.bare()));
    Ok(listed.chain(tagged).collect())
}

type Tagged = Vec<(Attachment, Descriptor)>;

async fn listing(place: &dyn Place, subject: &Digest) -> Result<(Vec<Descriptor>, Tagged), PortError> {
    let (listed, signatures, attestations, sboms) = tokio::try_join!(
        listed(place, subject),
        tagged(place, subject, Attachment::SignatureTag),
        tagged(place, subject, Attachment::AttestationTag),
        tagged(place, subject, Attachment::SbomTag),
    )?;
    Ok((listed, signatures.into_iter().chain(attestations).chain(sboms).collect()))
}

/// What is listed, by what the list says that it is: evidence, and of the rest as much as its quotas let in. What is
/// listed twice counts as evidence when either says so.
fn shares(listed: Vec<Descriptor>) -> (BTreeSet<Descriptor>, BTreeSet<Descriptor>) {
    let (mut evidence, mut own, mut summaries) = (BTreeSet::new(), Vec::new(), Vec::new());
    for one in listed {
        let created = one.annotations.get(CREATED).and_then(|at| at.parse::<Timestamp>().ok());
        match Kind::of_listed(&one) {
            Kind::Evidence => drop(evidence.insert(one.bare())),
            Kind::Own => own.push((created, one.bare())),
            Kind::Summary => summaries.push((created, one.bare())),
        }
    }
    let quotas = [(own, limits::OWN_ATTACHMENTS), (summaries, limits::SUMMARIES_PER_ARTIFACT)];
    let mut others = BTreeSet::new();
    for (mut some, quota) in quotas {
        some.sort();
        some.dedup();
        others.extend(some.into_iter().rev().take(quota).map(|(_, one)| one));
    }
    others.retain(|one| !evidence.contains(one));
    (evidence, others)
}

fn too_many(place: &dyn Place, subject: &Digest) -> PortError {
    let at = format!("{}@{subject}", place.name());
    let reason = format!("more than {} manifests are attached to it", limits::EVIDENCE_PER_ARTIFACT);
    PortError::new(Trouble::TooLarge, at, reason, "remove those that are not needed")
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
async fn confirm(place: &dyn Place, subject: &Digest, listed: &Descriptor) -> Result<Content, PortError> {
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
        return Ok(content);
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
    let document =
        json::value(&manifest.bytes, limits::MANIFEST_BYTES).map_err(|error| wrong(error.to_string()))?;
    Index::of_list(document).map_err(|error| wrong(error.to_string()))
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
