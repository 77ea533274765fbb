//! The images of an artifact: one for a manifest, one a platform for an index, each with config and
//! inventory.

use lockgate_judge::gates::reading_images;
use lockgate_model::limits;
use lockgate_model::oci::{Content, ImageConfig, Manifest};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Inventory, Repository, json};

use super::{Basket, Found, layers, unreadable};
use crate::workspace::Reach;

/// What was read of one image.
pub(crate) struct ImageParts {
    pub(crate) platform: String,
    pub(crate) manifest: Descriptor,
    pub(crate) config: Digest,
    pub(crate) inventory: Option<Inventory>,
    /// The name under which what is found in these layers is kept.
    pub(crate) layers: Digest,
}

/// Reads every image of the artifact. What cannot be read becomes a gap; an image whose manifest cannot be
/// read is left out, which the route gate notices.
pub(crate) async fn gather(
    reach: &Reach,
    repository: &Repository,
    found: &Found,
    basket: &mut Basket,
) -> Vec<ImageParts> {
    let children = match &found.content {
        Content::Manifest(manifest) => {
            let part = gather_one(reach, repository, &found.artifact, manifest, basket).await;
            return vec![part];
        }
        Content::Index(index) => index.manifests.iter().filter(|child| !is_attestation(child)),
    };
    let mut parts = Vec::new();
    for child in children {
        match child_manifest(reach, repository, child, basket).await {
            Ok(manifest) => {
                let mut part = gather_one(reach, repository, child, &manifest, basket).await;
                if let Some(platform) = &child.platform {
                    part.platform = platform.to_string();
                }
                parts.push(part);
            }
            Err(error) => basket.gap(&reading_images(), &child.digest.to_string(), &error),
        }
    }
    parts
}

/// `BuildKit` files its attestations as children of an unknown platform (`attestation-storage.md`).
pub(crate) fn is_attestation(child: &Descriptor) -> bool {
    child.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
}

async fn child_manifest(
    reach: &Reach,
    repository: &Repository,
    child: &Descriptor,
    basket: &mut Basket,
) -> Result<Manifest, PortError> {
    let place = format!("{repository}@{}", child.digest);
    let fetched = reach.registry.manifest(repository, &child.digest).await?;
    if fetched.bytes.len() as u64 != child.size {
        let reason = format!("it has {} bytes; the index says {}", fetched.bytes.len(), child.size);
        return Err(PortError::new(Trouble::Corrupt, place, reason, "rebuild and push the image"));
    }
    let content = Content::read(&child.media_type, &fetched.bytes).map_err(|e| unreadable(&place, &e))?;
    basket.inputs.insert(fetched.bytes);
    match content {
        Content::Manifest(manifest) => Ok(manifest),
        Content::Index(_) => {
            let reason = "an index inside an index is not judged";
            Err(PortError::new(Trouble::Unsupported, place, reason, "promote the inner index by its digest"))
        }
    }
}

async fn gather_one(
    reach: &Reach,
    repository: &Repository,
    descriptor: &Descriptor,
    manifest: &Manifest,
    basket: &mut Basket,
) -> ImageParts {
    let mut part = ImageParts {
        platform: String::new(),
        manifest: descriptor.bare(),
        config: manifest.config.digest,
        inventory: None,
        layers: descriptor.digest,
    };
    match config(reach, repository, manifest, basket).await {
        Ok(config) => {
            if !config.os.is_empty() {
                part.platform = format!("{}/{}", config.os, config.architecture);
            }
            match layers::inventory(reach, repository, manifest, &config).await {
                Ok(inventory) => {
                    part.layers = layers::image_name(&manifest.layers, &config.rootfs.diff_ids);
                    part.inventory = Some(inventory);
                }
                Err(error) => basket.gap(&reading_images(), &descriptor.digest.to_string(), &error),
            }
        }
        Err(error) => basket.gap(&reading_images(), &format!("config {}", manifest.config.digest), &error),
    }
    part
}

async fn config(
    reach: &Reach,
    repository: &Repository,
    manifest: &Manifest,
    basket: &mut Basket,
) -> Result<ImageConfig, PortError> {
    let descriptor = &manifest.config;
    let bytes = layers::small_blob(reach, repository, descriptor, limits::CONFIG_BYTES).await?;
    basket.inputs.insert(bytes.clone());
    json::from_slice(&bytes, limits::CONFIG_BYTES).map_err(|error| {
        let place = format!("{repository}@{}", descriptor.digest);
        let reason = format!("the image config is malformed: {error}");
        PortError::new(Trouble::Corrupt, place, reason, "rebuild the image with a current tool")
    })
}
