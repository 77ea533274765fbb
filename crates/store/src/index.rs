//! The index of inventories, one file. Losing it costs time only: it is derived from the ledger.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::ports::{FeedBytes, KeptIndex, Pending};
use lockgate_model::{Digest, Hasher};

use crate::feeds::FeedFile;
use crate::files::{Keep, blocking, replace};

/// Bytes of the digest that the file ends with.
const TAIL: u64 = 32;
/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// A file with the index, and the digest of it at its end.
#[derive(Debug, Clone)]
pub struct IndexFile {
    path: PathBuf,
}

impl IndexFile {
    /// The file at `path`; it need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

/// The file and the length of the index in it, when it is what its end says.
fn whole(path: &Path) -> io::Result<Option<(File, u64)>> {
    let mut file = File::open(path)?;
    let Some(length) = file.metadata()?.len().checked_sub(TAIL) else { return Ok(None) };
    let (mut hasher, mut piece, mut at) = (Hasher::new(), vec![0; PIECE], 0);
    while at < length {
        let most = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        let read = file.read(piece.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Ok(None);
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length))?;
    file.by_ref().take(TAIL).read_to_end(&mut tail)?;
    Ok((*hasher.finish().as_bytes() == *tail).then_some((file, length)))
}

impl KeptIndex for IndexFile {
    fn get(&self) -> Pending<'_, Option<Arc<dyn FeedBytes>>> {
        let path = self.path.clone();
        Box::pin(blocking(move || {
            let Ok(Some((file, length))) = whole(&path) else { return Ok(None) };
            Ok(Some(Arc::new(FeedFile::part(path, file, length)) as Arc<dyn FeedBytes>))
        }))
    }

    fn put(&self, index: Bytes) -> Pending<'_, ()> {
        let path = self.path.clone();
        Box::pin(blocking(move || {
            replace(&path, &[&index, Digest::of(&index).as_bytes()], Keep::WhileRunning)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn damage_counts_as_loss() {
        let folder = tempfile::tempdir().unwrap();
        let file = IndexFile::new(folder.path().join("state").join("inventories.index"));
        assert!(file.get().await.unwrap().is_none());
        file.put(Bytes::from_static(b"index")).await.unwrap();
        let kept = file.get().await.unwrap().unwrap();
        assert_eq!((kept.length(), kept.read(1, 4).unwrap()), (5, Bytes::from_static(b"ndex")));
        assert!(kept.read(1, 5).is_err(), "the digest is no part of it");
        let good = std::fs::read(&file.path).unwrap();
        for at in [0, 4, 5, good.len() - 1] {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            std::fs::write(&file.path, bytes).unwrap();
            assert!(file.get().await.unwrap().is_none(), "{at}");
        }
        for length in [0, 31, good.len() - 1] {
            std::fs::write(&file.path, &good[..length]).unwrap();
            assert!(file.get().await.unwrap().is_none(), "{length}");
        }
    }
}
