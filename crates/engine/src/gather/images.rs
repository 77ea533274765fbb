//! The images of an artifact: one for a manifest, one a platform for an index, each with config and
//! inventory.

use lockgate_judge::gates::reading_images;
use lockgate_model::case::{AttestationChild, Image, LayerByWord};
use lockgate_model::limits;
use lockgate_model::oci::{self, Content, ImageConfig, Manifest};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Inventory, Repository};
use lockgate_scan::secrets;

use super::words::Words;
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
    /// The layers that were not read, and by whose word the inventory has what is in them.
    pub(crate) by_word: Vec<LayerByWord>,
}

/// One image of an artifact, its layers not read yet.
pub(crate) struct Listed {
    pub(crate) platform: String,
    pub(crate) descriptor: Descriptor,
    pub(crate) manifest: Manifest,
    /// The config, where it makes an image that can be judged.
    pub(crate) config: Option<ImageConfig>,
}

impl Listed {
    /// The image as a Case names it while its layers are not read.
    pub(crate) fn unread(&self) -> Image {
        Image {
            platform: self.platform.clone(),
            manifest: self.descriptor.digest,
            config: self.manifest.config.digest,
            inventory: None,
            base: None,
            by_word: vec![],
        }
    }
}

/// What an artifact consists of, as its documents say.
#[derive(Default)]
pub(crate) struct Listing {
    /// Its images.
    pub(crate) images: Vec<Listed>,
    /// Children that are attestations and cannot run.
    pub(crate) attestations: Vec<AttestationChild>,
}

/// Reads every image of the artifact. What cannot be read becomes a gap; an image whose manifest cannot be
/// read is left out, which the route gate notices.
pub(crate) async fn gather(
    reach: &Reach,
    repository: &Repository,
    found: &Found,
    basket: &mut Basket,
) -> Vec<ImageParts> {
    let listing = list(reach, repository, found, basket).await;
    read(reach, repository, &listing.images, &Words::default(), basket).await
}

/// Reads the documents of every image of the artifact.
pub(crate) async fn list(
    reach: &Reach,
    repository: &Repository,
    found: &Found,
    basket: &mut Basket,
) -> Listing {
    let mut listing = Listing::default();
    let index = match &found.content {
        Content::Manifest(manifest) => {
            let image = listed(reach, repository, &found.artifact, manifest.clone(), basket).await;
            listing.images.push(image);
            return listing;
        }
        Content::Index(index) => index,
    };
    for child in &index.manifests {
        match child_manifest(reach, repository, child, basket).await {
            Ok(manifest) => {
                if let Some(attestation) = attestation(reach, repository, child, &manifest, basket).await {
                    listing.attestations.push(attestation);
                    continue;
                }
                let mut image = listed(reach, repository, child, manifest, basket).await;
                if let Some(platform) = &child.platform {
                    image.platform = platform.to_string();
                }
                listing.images.push(image);
            }
            Err(error) => basket.gap(&reading_images(), &child.digest.to_string(), &error),
        }
    }
    listing
}

async fn listed(
    reach: &Reach,
    repository: &Repository,
    descriptor: &Descriptor,
    manifest: Manifest,
    basket: &mut Basket,
) -> Listed {
    let config = match config(reach, repository, descriptor, &manifest, basket).await {
        Ok(config) => Some(config),
        Err(error) => {
            basket.gap(&reading_images(), &descriptor.digest.to_string(), &error);
            None
        }
    };
    let named = config.as_ref().filter(|config| !config.os.is_empty());
    let platform = named.map(|config| format!("{}/{}", config.os, config.architecture)).unwrap_or_default();
    Listed { platform, descriptor: descriptor.clone(), manifest, config }
}

/// Reads the layers of images; those of which `words` says what they hold, and which were not read before, by that.
pub(crate) async fn read(
    reach: &Reach,
    repository: &Repository,
    images: &[Listed],
    words: &Words,
    basket: &mut Basket,
) -> Vec<ImageParts> {
    let mut parts = Vec::new();
    for image in images {
        parts.push(read_one(reach, repository, image, words, basket).await);
    }
    parts
}

async fn read_one(
    reach: &Reach,
    repository: &Repository,
    image: &Listed,
    words: &Words,
    basket: &mut Basket,
) -> ImageParts {
    let Listed { platform, descriptor, manifest, config } = image;
    let mut part = ImageParts {
        platform: platform.clone(),
        manifest: descriptor.bare(),
        config: manifest.config.digest,
        inventory: None,
        layers: descriptor.digest,
        by_word: vec![],
    };
    let Some(config) = config else { return part };
    match layers::inventory(reach, repository, manifest, config, words.of(&descriptor.digest)).await {
        Ok((mut inventory, by_word)) => {
            // What is kept of layers is of every image that has them; the config is of this one.
            inventory.secrets.extend(secrets::in_config(config));
            inventory.sort();
            part.layers = layers::image_name(&manifest.layers, &config.rootfs.diff_ids);
            (part.inventory, part.by_word) = (Some(inventory), by_word);
        }
        Err(error) => basket.gap(&reading_images(), &descriptor.digest.to_string(), &error),
    }
    part
}

/// The child, when it is an attestation as `BuildKit` files it (`attestation-storage.md`) and nothing in it runs: its
/// layers are read, for what they are called proves nothing.
async fn attestation(
    reach: &Reach,
    repository: &Repository,
    child: &Descriptor,
    manifest: &Manifest,
    basket: &mut Basket,
) -> Option<AttestationChild> {
    if !oci::may_be_attestation(child) {
        return None;
    }
    let config = layers::small_blob(reach, repository, &manifest.config, limits::CONFIG_BYTES).await.ok()?;
    if !oci::is_attestation(child, manifest, &config) {
        return None;
    }
    for layer in &manifest.layers {
        let bytes = layers::small_blob(reach, repository, layer, limits::EVIDENCE_BYTES).await.ok()?;
        let statement = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).is_ok();
        if !statement || oci::is_archive(&bytes) {
            return None;
        }
    }
    Some(AttestationChild { manifest: child.digest, config: basket.inputs.insert(config) })
}

/// The children of an index that may be images, for what only compares them.
pub(crate) fn may_be_image(child: &Descriptor) -> bool {
    !oci::may_be_attestation(child)
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

/// The config, when manifest, config and platform make an image that can be judged.
async fn config(
    reach: &Reach,
    repository: &Repository,
    descriptor: &Descriptor,
    manifest: &Manifest,
    basket: &mut Basket,
) -> Result<ImageConfig, PortError> {
    let named = &manifest.config;
    let bytes = layers::small_blob(reach, repository, named, limits::CONFIG_BYTES).await?;
    basket.inputs.insert(bytes.clone());
    ImageConfig::of(manifest, &bytes, descriptor.platform.as_ref()).map_err(|error| {
        let place = format!("{repository}@{}", descriptor.digest);
        PortError::new(Trouble::Unsupported, place, error.to_string(), error.fix())
    })
}
