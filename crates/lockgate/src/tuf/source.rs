//! Where a repository's files are: in a folder, or on a server.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use lockgate_attest::tuf::File;
use lockgate_registry::Registries;

use crate::failure::Failure;

/// A repository by its place.
pub enum Source {
    /// A folder.
    Folder(PathBuf),
    /// An address, over TLS unless `registries` lists its host as one that has none.
    Web(String, Arc<Registries>),
}

impl Source {
    /// By what was typed: what has a scheme is an address.
    pub fn of(text: &str, web: &Arc<Registries>) -> Self {
        match text.split_once("://") {
            Some(_) => Self::Web(text.trim_end_matches('/').to_owned(), web.clone()),
            None => Self::Folder(PathBuf::from(text)),
        }
    }

    /// A file's bytes; nothing when it is not there.
    ///
    /// Errors: it has more bytes than it may; it cannot be read.
    pub async fn fetch(&self, file: &File) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Web(base, web) => Ok(web.fetch(&format!("{base}/{}", file.path), file.limit).await?),
            Self::Folder(folder) => {
                let path = folder.join(&file.path);
                let trouble = |error: std::io::Error| Failure::file(&path, &error);
                let opened = match std::fs::File::open(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    opened => opened.map_err(trouble)?,
                };
                let (mut bytes, limit) = (Vec::new(), file.limit as u64);
                opened.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(trouble)?;
                if bytes.len() > file.limit {
                    return Err(Failure::told(
                        format!("{}: more than {} bytes", path.display(), file.limit),
                        "look at the folder: no such file is as large",
                    ));
                }
                Ok(Some(bytes))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Web(base, _) => f.write_str(base),
        }
    }
}
