//! Publishes what is in the layers of an image, signed, so that others need not read them (ADR 19).
//!
//! One OCI artifact an image carries the layer contents as blobs: its `subject` is the image, so that it is found, collected
//! and promoted with it. A signed in-toto statement about the image names each layer and its content.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_attest::keys::Signer;
use lockgate_attest::statement::Statement;
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::ports::Upload;
use lockgate_model::reference::Target;
use lockgate_model::{Descriptor, Digest, Reference, Repository, Timestamp, limits};
use lockgate_scan::ANALYSER;
use lockgate_scan::layer::{AnalysedLayer, ContentBlob, LayerContents, PREDICATE_TYPE};
use serde_json::json;

use crate::EngineError;
use crate::gather::images::{self, Listed};
use crate::gather::words::Words;
use crate::gather::{Basket, find, layers};
use crate::sign::{Form, attest};
use crate::workspace::Reach;

/// What was written about one image.
#[derive(Debug, Clone)]
pub struct Published {
    /// The image.
    pub image: Descriptor,
    /// The artifact that carries the layer contents.
    pub contents: Descriptor,
    /// The manifests that carry the statement.
    pub statements: Vec<Descriptor>,
    /// Layers of which more was found than others would read: they are read by everybody.
    pub left_out: Vec<Digest>,
}

/// Reads every layer of the images that `reference` names now, unless it was read here before, pushes what is in them, and
/// attests it in each of `forms`. Nothing is written unless every layer of every image was read.
pub async fn publish(
    reach: &Reach,
    reference: &Reference,
    key: &dyn Signer,
    forms: &[Form],
    at: Timestamp,
) -> Result<Vec<Published>, EngineError> {
    let found = find(reach, reference).await?;
    let repository = &reference.repository;
    let mut basket = Basket::default();
    basket.inputs.insert(found.bytes.clone());
    let images = images::list(reach, repository, &found, &mut basket).await.images;
    // Links of one layer may ask for files of another: what is kept afterwards has them.
    images::read(reach, repository, &images, &Words::default(), &mut basket).await;
    if let Some(gap) = basket.gaps.first() {
        let reason = format!("not everything in {reference} could be read: {}: {}", gap.subject, gap.reason);
        return Err(EngineError::Attest(reason));
    }
    let mut uploads = Vec::new();
    for image in &images {
        uploads.push(upload(reach, repository, image).await?);
    }
    let mut published = Vec::new();
    for (image, (upload, said)) in images.iter().zip(uploads) {
        let contents = reach.registry.push(repository, &upload).await?;
        let target = Target::Digest(image.descriptor.digest);
        let about = Reference { repository: repository.clone(), target };
        let statement = |artifact: &Descriptor| Statement::about(artifact, PREDICATE_TYPE, json!(said));
        let signed = attest(reach, &about, key, forms, at, statement).await?;
        let left_out = said.layers.iter().filter(|layer| layer.content.is_none());
        let left_out = left_out.map(|layer| layer.digest).collect();
        published.push(Published {
            image: signed.artifact,
            contents,
            statements: signed.manifests,
            left_out,
        });
    }
    Ok(published)
}

/// The artifact with the contents of an image's layers, and the statement that names them.
async fn upload(
    reach: &Reach,
    repository: &Repository,
    image: &Listed,
) -> Result<(Upload, LayerContents), EngineError> {
    let unwritten = |why: String| EngineError::Attest(why);
    let manifest = &image.manifest;
    let diff_ids = image.config.as_ref().map(|config| &config.rootfs.diff_ids[..]).unwrap_or_default();
    let read = layers::contents(reach, repository, &manifest.layers, diff_ids).await?;
    let mut blobs: Vec<Bytes> = vec![Bytes::from_static(EMPTY_JSON)];
    let mut said = LayerContents { analyser: ANALYSER.to_owned(), layers: vec![] };
    let mut listed = Vec::new();
    for (layer, content) in manifest.layers.iter().zip(read) {
        let bytes = content.to_bytes();
        let bytes =
            bytes.ok_or_else(|| unwritten(format!("what is in layer {} cannot be written", layer.digest)))?;
        let blob = Descriptor::of(media::LAYER_CONTENT, &bytes);
        // What nobody would read is not said.
        let is_read = bytes.len() <= limits::LAYER_CONTENT_BYTES;
        said.layers.push(AnalysedLayer {
            digest: layer.digest,
            size: layer.size,
            media_type: layer.media_type.clone(),
            diff_id: content.diff_id,
            content: is_read.then_some(ContentBlob { digest: blob.digest, size: blob.size }),
        });
        if is_read && !listed.contains(&blob) {
            listed.push(blob);
            blobs.push(bytes.into());
        }
    }
    let artifact = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: Some(media::LAYER_CONTENTS.to_owned()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers: listed,
        subject: Some(image.descriptor.bare()),
        annotations: BTreeMap::new(),
    };
    let bytes = serde_json::to_vec(&artifact).map_err(|error| unwritten(error.to_string()))?;
    let upload = Upload { media_type: media::OCI_MANIFEST.to_owned(), manifest: bytes.into(), blobs };
    Ok((upload, said))
}
