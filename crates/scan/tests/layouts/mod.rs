//! OCI layouts on disk, for tests.

use std::path::Path;

use lockgate_model::oci::{Content, ImageConfig, Manifest, media};
use lockgate_model::{Descriptor, Digest, Inventory};
use lockgate_scan::{LayerError, analyse, merge};
use serde_json::Value;

/// The inventory of a layout's only image; the error is the first layer's that has one.
pub(crate) fn layout(folder: &Path) -> Result<Inventory, LayerError> {
    let blob = |digest: &Digest| std::fs::read(folder.join("blobs/sha256").join(digest.hex())).unwrap();
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let digest: Digest = index["manifests"][0]["digest"].as_str().unwrap().parse().unwrap();
    let Ok(Content::Manifest(manifest)) = Content::read(media::OCI_MANIFEST, &blob(&digest)) else {
        panic!()
    };
    let Manifest { config, layers, .. } = manifest;
    let config: ImageConfig = serde_json::from_slice(&blob(&config.digest)).unwrap();
    let read = |(layer, diff_id): (Descriptor, &Digest)| {
        analyse(&blob(&layer.digest)[..], &layer, Some(diff_id)).map(|content| (layer, content))
    };
    let layers: Result<Vec<_>, _> = layers.into_iter().zip(&config.rootfs.diff_ids).map(read).collect();
    Ok(merge(&layers?))
}
