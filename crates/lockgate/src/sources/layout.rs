//! Writes an OCI image layout (image-spec, image-layout.md).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest, Hasher};
use serde_json::{Value, json};

use super::TAG;

/// A layout being written.
pub(super) struct Writer {
    folder: PathBuf,
}

impl Writer {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder.join("blobs/sha256"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Copies a blob; its descriptor.
    pub(super) fn blob(&self, media_type: &str, mut from: impl Read) -> io::Result<Descriptor> {
        let mut file = self.scratch()?;
        let (mut hasher, mut size, mut buffer) = (Hasher::new(), 0, vec![0; 256 << 10]);
        loop {
            let read = from.read(&mut buffer)?;
            let here = buffer.get(..read).unwrap_or_default();
            if here.is_empty() {
                break;
            }
            hasher.update(here);
            file.write_all(here)?;
            size += read as u64;
        }
        self.keep(file, media_type, hasher.finish(), size)
    }

    /// A file in which a blob can be made; [`Writer::keep`] gives it its name.
    pub(super) fn scratch(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::NamedTempFile::new_in(&self.folder)
    }

    pub(super) fn keep(
        &self,
        file: tempfile::NamedTempFile,
        media_type: &str,
        digest: Digest,
        size: u64,
    ) -> io::Result<Descriptor> {
        file.persist(self.folder.join("blobs/sha256").join(digest.hex())).map_err(|error| error.error)?;
        Ok(Descriptor::new(media_type, digest, size))
    }

    /// Writes the manifest and the index that names it.
    pub(super) fn image(&self, config: &Descriptor, layers: &[Descriptor]) -> io::Result<()> {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config, "layers": layers,
        });
        let manifest = self.blob(media::OCI_MANIFEST, manifest.to_string().as_bytes())?;
        let mut listed = serde_json::to_value(&manifest).map_err(io::Error::other)?;
        if let Some(listed) = listed.as_object_mut() {
            listed.insert("annotations".to_owned(), json!({"org.opencontainers.image.ref.name": TAG}));
        }
        self.index(&json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [listed]}))
    }

    pub(super) fn index(&self, index: &Value) -> io::Result<()> {
        std::fs::write(self.folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        let mut file = File::create(self.folder.join("index.json"))?;
        file.write_all(index.to_string().as_bytes())
    }
}
