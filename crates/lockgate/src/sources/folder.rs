//! A plain folder as an image of one layer: its files, folders and links as they are.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use lockgate_model::oci::media;
use lockgate_model::{Digest, Hasher};
use serde_json::json;

use super::layout::Writer;
use crate::failure::Failure;

/// Writes what passes, and hashes it.
struct Hashing<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

pub(super) fn folder(path: &Path, folder: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file(path, &error);
    if !path.is_dir() {
        return Err(Failure::told(
            format!("{}: it is not a directory", path.display()),
            "name a folder: dir:FOLDER",
        ));
    }
    let layout = Writer::new(folder).map_err(failed)?;
    let (file, digest, size) = tar_of(path, &layout).map_err(failed)?;
    let layer = layout.keep(file, media::OCI_LAYER, digest, size).map_err(failed)?;
    let config = json!({"os": "", "architecture": "", "rootfs": {"type": "layers", "diff_ids": [digest]}});
    let config = layout.blob(media::OCI_CONFIG, config.to_string().as_bytes()).map_err(failed)?;
    layout.image(&config, &[layer]).map_err(failed)
}

fn tar_of(path: &Path, layout: &Writer) -> io::Result<(tempfile::NamedTempFile, Digest, u64)> {
    let out = Hashing { inner: BufWriter::new(layout.scratch()?), hasher: Hasher::new(), size: 0 };
    let mut tar = tar::Builder::new(out);
    tar.follow_symlinks(false);
    tar.mode(tar::HeaderMode::Deterministic);
    tar.append_dir_all("", path)?;
    let mut out = tar.into_inner()?;
    out.flush()?;
    let file = out.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((file, out.hasher.finish(), out.size))
}
