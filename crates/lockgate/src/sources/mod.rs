//! Images that are no registry's and no layout's: archives that tools save, and plain folders. Each is laid out as an OCI
//! layout in a folder that goes away, and read like every other image from there.

mod archive;
mod folder;
mod layout;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::failure::Failure;

/// An image that was laid out.
pub struct LaidOut {
    /// The folder; it goes away with this.
    folder: TempDir,
}

impl LaidOut {
    /// How its image is named.
    pub fn reference(&self) -> String {
        format!("oci:{}:{TAG}", self.folder.path().display())
    }
}

/// The tag under which an image is laid out.
const TAG: &str = "scanned";

/// Lays out the image that `text` names, when it is `docker-archive:FILE`, `oci-archive:FILE` or `dir:FOLDER`. `scratch`
/// is where there is room for it.
pub fn open(text: &str, here: &Path, scratch: &Path) -> Result<Option<LaidOut>, Failure> {
    let Some((kind, path)) = text.split_once(':') else { return Ok(None) };
    let make: fn(&Path, &Path) -> Result<(), Failure> = match kind {
        "docker-archive" => archive::docker,
        "oci-archive" => archive::oci,
        "dir" => folder::folder,
        _ => return Ok(None),
    };
    let path: PathBuf = here.join(path);
    std::fs::create_dir_all(scratch).map_err(|error| Failure::file(scratch, &error))?;
    let folder = tempfile::tempdir_in(scratch).map_err(|error| Failure::file(scratch, &error))?;
    make(&path, folder.path())?;
    Ok(Some(LaidOut { folder }))
}
