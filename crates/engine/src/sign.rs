//! Signs and attests as cosign does, so that either reads what the other wrote.

use lockgate_attest::keys::Signer;
use lockgate_attest::statement::Statement;
use lockgate_attest::write::{
    Attachable, cosign_bundle, cosign_legacy_attestation, cosign_legacy_signature, cosign_signature_statement,
};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{Content, Manifest};
use lockgate_model::ports::Upload;
use lockgate_model::{Descriptor, Digest, Reference, Repository, Timestamp};

use crate::EngineError;
use crate::gather::{find, unreadable};
use crate::workspace::Reach;

/// Which of cosign's forms to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Sigstore bundle as referrer, cosign 3's own form.
    Bundle,
    /// The `.sig` and `.att` tags of cosign 1 and 2.
    Legacy,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The artifact that it speaks about.
    pub artifact: Descriptor,
    /// The manifests that carry it.
    pub manifests: Vec<Descriptor>,
}

/// Signs the artifact that `reference` names now, in each of `forms`; `at` is written where the form has a
/// place for it.
pub async fn sign(
    reach: &Reach,
    reference: &Reference,
    key: &dyn Signer,
    forms: &[Form],
    at: Timestamp,
) -> Result<Signed, EngineError> {
    let artifact = find(reach, reference).await?.artifact;
    let repository = &reference.repository;
    let mut manifests = Vec::new();
    for form in forms {
        let attachable = match form {
            Form::Bundle => cosign_bundle(&artifact, key, &cosign_signature_statement(&artifact), at),
            Form::Legacy => {
                let there = existing(reach, repository, &artifact.digest, Attachment::SignatureTag).await?;
                cosign_legacy_signature(there.as_ref(), &repository.to_string(), &artifact, key)
            }
        };
        manifests.push(push(reach, repository, attachable).await?);
    }
    Ok(Signed { artifact, manifests })
}

/// Attaches a signed statement about the artifact that `reference` names now, in each of `forms`.
/// `statement` makes the statement, given the artifact.
pub async fn attest(
    reach: &Reach,
    reference: &Reference,
    key: &dyn Signer,
    forms: &[Form],
    at: Timestamp,
    statement: impl Fn(&Descriptor) -> Statement + Send + Sync,
) -> Result<Signed, EngineError> {
    let artifact = find(reach, reference).await?.artifact;
    let statement = statement(&artifact);
    let repository = &reference.repository;
    let mut manifests = Vec::new();
    for form in forms {
        let attachable = match form {
            Form::Bundle => cosign_bundle(&artifact, key, &statement, at),
            Form::Legacy => {
                let there = existing(reach, repository, &artifact.digest, Attachment::AttestationTag).await?;
                cosign_legacy_attestation(there.as_ref(), &artifact, key, &statement)
            }
        };
        manifests.push(push(reach, repository, attachable).await?);
    }
    Ok(Signed { artifact, manifests })
}

/// The artifact that `reference` names now.
pub async fn artifact(reach: &Reach, reference: &Reference) -> Result<Descriptor, EngineError> {
    Ok(find(reach, reference).await?.artifact)
}

/// Pushes what was made elsewhere about an artifact in `repository`.
pub async fn attach(
    reach: &Reach,
    repository: &Repository,
    attachable: Attachable,
) -> Result<Descriptor, EngineError> {
    push(reach, repository, Ok::<_, EngineError>(attachable)).await
}

/// The manifest under cosign's tag, to which a layer is added.
async fn existing(
    reach: &Reach,
    repository: &Repository,
    artifact: &Digest,
    attachment: Attachment,
) -> Result<Option<Manifest>, EngineError> {
    let Some(tag) = attachment.tag(artifact) else { return Ok(None) };
    let Some(found) = reach.registry.resolve(repository, &tag).await? else { return Ok(None) };
    let fetched = reach.registry.manifest(repository, &found.digest).await?;
    let place = format!("{repository}:{tag}");
    match Content::read(&fetched.media_type, &fetched.bytes).map_err(|e| unreadable(&place, &e))? {
        Content::Manifest(manifest) => Ok(Some(manifest)),
        Content::Index(_) => {
            Err(EngineError::Attest(format!("{place} is an index, not a list of signatures")))
        }
    }
}

async fn push(
    reach: &Reach,
    repository: &Repository,
    attachable: Result<Attachable, impl std::fmt::Display>,
) -> Result<Descriptor, EngineError> {
    let attachable = attachable.map_err(|error| EngineError::Attest(error.to_string()))?;
    let upload = Upload {
        media_type: attachable.media_type.to_owned(),
        manifest: attachable.manifest.into(),
        blobs: attachable.blobs.into_iter().map(Into::into).collect(),
    };
    let descriptor = reach.registry.push(repository, &upload).await?;
    if let Some(tag) = &attachable.tag {
        reach.registry.tag(repository, tag, &descriptor).await?;
    }
    Ok(descriptor)
}
