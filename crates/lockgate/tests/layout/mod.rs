//! Writes images into OCI layouts, byte for byte as a test wants them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses its part of this")]

use std::fs;
use std::path::Path;

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use serde_json::{Value, json};

/// Writes a blob.
pub fn put(folder: &Path, kind: &str, bytes: &[u8]) -> Descriptor {
    let described = Descriptor::of(kind, bytes);
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    fs::write(folder.join("blobs/sha256").join(described.digest.hex()), bytes).unwrap();
    described
}

/// A layer with these files.
pub fn layer(files: &[(String, String)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Adds an image of plain layers, with what its config says more.
pub fn add(
    folder: &Path,
    tag: Option<&str>,
    layers: &[Vec<u8>],
    more: &Value,
    annotations: &Value,
) -> Digest {
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let mut config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let layers: Vec<_> = layers.iter().map(|layer| put(folder, media::OCI_LAYER, layer)).collect();
    let config = put(folder, media::OCI_CONFIG, config.to_string().as_bytes());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config, "layers": layers,
        "annotations": annotations,
    });
    list(folder, tag, &manifest)
}

/// Adds a manifest to the layout, under a tag or without.
pub fn list(folder: &Path, tag: Option<&str>, manifest: &Value) -> Digest {
    let manifest = put(folder, media::OCI_MANIFEST, manifest.to_string().as_bytes());
    let index = folder.join("index.json");
    let mut listed = match fs::read(&index) {
        Ok(bytes) => {
            serde_json::from_slice::<Value>(&bytes).unwrap()["manifests"].as_array().unwrap().clone()
        }
        Err(_) => vec![],
    };
    let mut entry = serde_json::to_value(&manifest).unwrap();
    if let Some(tag) = tag {
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    }
    listed.push(entry);
    let document = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": listed});
    fs::write(&index, document.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    manifest.digest
}
