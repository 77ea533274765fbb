//! Archives that `docker save` and `skopeo copy` write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};

use lockgate_model::oci::media;
use serde::Deserialize;
use serde_json::{Value, json};

use super::TAG;
use super::layout::Writer;
use crate::failure::Failure;

/// Largest list of what is in an archive, in bytes.
const LIST: u64 = 16 << 20;

fn told(path: &Path, what: &str) -> Failure {
    Failure::told(
        format!("{}: {what}", path.display()),
        "save the image again: `docker save`, or `skopeo copy ... oci-archive:FILE`",
    )
}

/// Calls `visit` with each regular file in a tar, by its plain name.
fn each_file(
    path: &Path,
    mut visit: impl FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Failure::file(path, &error),
        _ => told(path, &format!("it cannot be read as a tar: {error}")),
    };
    let mut tar = tar::Archive::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?));
    for entry in tar.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.into_owned();
        let plain = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain {
            return Err(told(path, &format!("`{}` in it leaves its folder", name.display())));
        }
        if entry.header().entry_type().is_file() {
            let name = name.to_string_lossy().trim_start_matches("./").to_owned();
            visit(&name, &mut entry).map_err(failed)?;
        }
    }
    Ok(())
}

/// An OCI layout in a tar.
pub(super) fn oci(path: &Path, folder: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file(path, &error);
    let layout = Writer::new(folder).map_err(failed)?;
    let mut index = None;
    each_file(path, |name, content| {
        if name == "index.json" {
            index = serde_json::from_reader::<_, Value>(content.take(LIST)).ok();
        } else if let Some(digest) = name
            .strip_prefix("blobs/sha256/")
            .filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            // Bytes keep the name that they were given: whoever reads them compares.
            io::copy(content, &mut File::create(folder.join("blobs/sha256").join(digest))?)?;
        }
        Ok(())
    })?;
    let mut index = index.ok_or_else(|| told(path, "it has no index.json: it is not an OCI archive"))?;
    let manifests = index.get_mut("manifests").and_then(Value::as_array_mut).filter(|list| !list.is_empty());
    let Some(first) = manifests.and_then(|list| list.first_mut()).and_then(Value::as_object_mut) else {
        return Err(told(path, "its index names no image"));
    };
    first.insert("annotations".to_owned(), json!({"org.opencontainers.image.ref.name": TAG}));
    layout.index(&index).map_err(failed)
}

/// An image of `manifest.json` (Docker, "Image Tarball Format").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// What `docker save` writes: `manifest.json`, configs, and layers as tars or compressed ones.
pub(super) fn docker(path: &Path, folder: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file(path, &error);
    let layout = Writer::new(folder).map_err(failed)?;
    let (mut saved, mut blobs) = (None, BTreeMap::new());
    each_file(path, |name, content| {
        if name == "manifest.json" {
            saved = serde_json::from_reader::<_, Vec<Saved>>(content.take(LIST)).ok();
            return Ok(());
        }
        let mut start = Vec::new();
        content.take(4).read_to_end(&mut start)?;
        let media_type = match start.as_slice() {
            [0x1f, 0x8b, ..] => media::OCI_LAYER_GZIP,
            [0x28, 0xb5, 0x2f, 0xfd] => media::OCI_LAYER_ZSTD,
            [b'{', ..] => media::OCI_CONFIG,
            _ => media::OCI_LAYER,
        };
        let blob = layout.blob(media_type, io::Cursor::new(start).chain(content))?;
        blobs.insert(name.to_owned(), blob);
        Ok(())
    })?;
    let saved = saved.ok_or_else(|| told(path, "it has no manifest.json: it is not a docker archive"))?;
    let [Saved { config, layers }] = saved.as_slice() else {
        return Err(told(path, &format!("it holds {} images; one is scanned at a time", saved.len())));
    };
    let blob = |name: &String| {
        blobs.get(name).cloned().ok_or_else(|| told(path, &format!("`{name}`, which it names, is not in it")))
    };
    let layers = layers.iter().map(blob).collect::<Result<Vec<_>, _>>()?;
    layout.image(&blob(config)?, &layers).map_err(failed)
}
