//! Images of a few bytes, with what may be attached to one.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::collections::BTreeMap;

use lockgate_model::evidence::{Attachment, Companion};
use lockgate_model::oci::{Content, EMPTY_JSON, Index, Manifest, media};
use lockgate_model::ports::{Copied, CopyList, PortError, Progress, Registry, Upload};
use lockgate_model::{Descriptor, Digest, Repository};
use lockgate_registry::Registries;

/// A manifest with these layers, about that subject.
pub(crate) fn image(layers: &[Vec<u8>], subject: Option<Descriptor>) -> Upload {
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: subject.is_some().then(|| "application/vnd.example".into()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers: layers.iter().map(|layer| Descriptor::of(media::OCI_LAYER, layer)).collect(),
        subject,
        annotations: BTreeMap::new(),
    };
    let mut blobs: Vec<bytes::Bytes> = layers.iter().map(|layer| layer.clone().into()).collect();
    blobs.push(EMPTY_JSON.to_vec().into());
    upload(&manifest, blobs)
}

pub(crate) fn upload(manifest: &Manifest, blobs: Vec<bytes::Bytes>) -> Upload {
    Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: serde_json::to_vec(manifest).unwrap().into(),
        blobs,
    }
}

pub(crate) fn index(children: Vec<Descriptor>) -> Upload {
    let index = Index {
        schema_version: 2,
        media_type: Some(media::OCI_INDEX.into()),
        artifact_type: None,
        manifests: children,
        subject: None,
        annotations: BTreeMap::new(),
    };
    Upload {
        media_type: media::OCI_INDEX.into(),
        manifest: serde_json::to_vec(&index).unwrap().into(),
        blobs: vec![],
    }
}

/// Bytes that nothing compresses, the same each time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..length.div_ceil(8)).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length).collect()
}

/// An artifact with everything: two platforms in an index inside an index, signatures under cosign's tags, a referrer
/// of a child, and one of that referrer. The SBOM of both platforms is the same manifest, and the attestation is found
/// in two ways.
pub(crate) async fn everything(to: &Registries, at: &Repository) -> Descriptor {
    let push = async |upload: Upload| to.push(at, &upload).await.unwrap();
    let tag = async |kind: Attachment, subject: &Digest, manifest: &Descriptor| {
        to.tag(at, &kind.tag(subject).unwrap(), manifest).await.unwrap();
    };
    let arm = push(image(&[b"shared".to_vec(), b"arm".to_vec()], None)).await;
    let amd = push(image(&[b"shared".to_vec(), b"amd".to_vec()], None)).await;
    let inner = push(index(vec![arm.clone(), amd.clone()])).await;
    let whole = push(index(vec![inner, amd.clone()])).await;
    let referrer = push(image(&[b"evidence".to_vec()], Some(arm.clone()))).await;
    push(image(&[b"about evidence".to_vec()], Some(referrer))).await;
    let sbom = push(image(&[b"sbom".to_vec()], None)).await;
    tag(Attachment::SbomTag, &arm.digest, &sbom).await;
    tag(Attachment::SbomTag, &amd.digest, &sbom).await;
    let signature = push(image(&[b"signature".to_vec()], None)).await;
    tag(Attachment::SignatureTag, &whole.digest, &signature).await;
    let attestation = push(image(&[b"attestation".to_vec()], Some(whole.clone()))).await;
    tag(Attachment::AttestationTag, &whole.digest, &attestation).await;
    whole
}

/// The attachments of [`everything`].
pub(crate) const REFERRERS: u64 = 5;
/// Its manifests.
pub(crate) const MANIFESTS: u64 = 4 + REFERRERS;
/// Its blobs: config, three layers of images, five of attachments.
pub(crate) const BLOBS: u64 = 9;

/// Copies `artifact` with everything that is attached to it by now.
pub(crate) async fn copy(
    registries: &Registries,
    from: &Repository,
    to: &Repository,
    artifact: &Descriptor,
    progress: &dyn Progress,
) -> Result<Copied, PortError> {
    let list = with_everything(registries, from, artifact).await?;
    registries.copy(from, to, &list, progress).await
}

/// `artifact` and everything that is attached to it, to its children, and to that.
pub(crate) async fn with_everything(
    registries: &Registries,
    at: &Repository,
    artifact: &Descriptor,
) -> Result<CopyList, PortError> {
    let mut companions = Vec::new();
    let mut waiting = vec![artifact.clone()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(one) = waiting.pop() {
        if !seen.insert(one.digest) {
            continue;
        }
        for (attachment, manifest) in registries.attached(at, &one.digest).await? {
            waiting.push(manifest.clone());
            companions.push(Companion::new(one.digest, attachment, manifest));
        }
        let Ok(fetched) = registries.manifest(at, &one.digest).await else { continue };
        if let Ok(Content::Index(index)) = Content::read(&fetched.media_type, &fetched.bytes) {
            waiting.extend(index.manifests);
        }
    }
    Ok(CopyList { artifact: artifact.clone(), companions })
}
