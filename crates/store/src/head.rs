//! The newest checkpoint that was seen, kept beside the database: a database that is behind it was rolled
//! back.

use std::io::ErrorKind;
use std::path::PathBuf;

use lockgate_model::ports::PortError;

use crate::files::{Keep, replace, trouble};

/// A file with one signed checkpoint.
#[derive(Debug, Clone)]
pub struct HeadFile {
    path: PathBuf,
}

impl HeadFile {
    /// The file at `path`; it need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The checkpoint in it, if there is one.
    pub fn read(&self) -> Result<Option<String>, PortError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(trouble(&self.path, &error)),
        }
    }

    /// Puts a checkpoint there.
    pub fn write(&self, checkpoint: &str) -> Result<(), PortError> {
        replace(&self.path, &[checkpoint.as_bytes()], Keep::Always)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_last_checkpoint_written() {
        let folder = tempfile::tempdir().unwrap();
        let head = HeadFile::new(folder.path().join("head.note"));
        assert_eq!(head.read().unwrap(), None);
        head.write("one").unwrap();
        head.write("two").unwrap();
        assert_eq!(head.read().unwrap().as_deref(), Some("two"));
    }
}
