//! What was seen of a repository before, so that nothing older is taken: its last root, timestamp and snapshot, in a folder
//! of the workspace that is named by the root that was pinned. A mirror of the repository is the same repository.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lockgate_model::Digest;

use crate::failure::Failure;
use crate::session::read_file;

/// The folder.
pub struct Seen(PathBuf);

impl Seen {
    /// What was seen of the repository that `root` is pinned for.
    pub fn of(folder: &Path, root: &[u8]) -> Self {
        Self(folder.join(Digest::of(root).hex()))
    }

    /// A file that was kept; nothing at the first visit.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.0.join(name);
        if path.exists() { read_file(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps a file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        replace(&self.0.join(name), bytes)
    }
}

/// Writes a file in one step: whoever reads it finds the old one or the new one, whole.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        std::fs::create_dir_all(folder)?;
        // What is published is for everyone to read.
        let mode = std::fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new().prefix(".").permissions(mode).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error: std::io::Error| Failure::file(path, &error))
}
