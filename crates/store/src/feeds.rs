//! Feeds by digest, one file each.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::ports::{FeedBytes, Feeds, Pending, PortError, Trouble};
use lockgate_model::{Digest, Hasher};

use crate::files::{Keep, blocking, replace_by, trouble};

/// A folder of files named `sha256-<hex>.feed`.
#[derive(Debug, Clone)]
pub struct FeedFolder {
    folder: PathBuf,
}

impl FeedFolder {
    /// The feeds in `folder`; it is made when the first feed comes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, feed: &Digest) -> PathBuf {
        self.folder.join(format!("sha256-{}.feed", feed.hex()))
    }
}

/// Bytes that are read at once when a whole feed is.
const PIECE: usize = 1 << 20;

/// A feed in a file.
#[derive(Debug)]
pub struct FeedFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl FeedFile {
    /// The feed in `file`, which messages call `path`.
    pub fn new(path: impl Into<PathBuf>, file: File) -> Result<Self, PortError> {
        let path = path.into();
        let length = file.metadata().map_err(|error| trouble(&path, &error))?.len();
        Ok(Self { path, file, length })
    }

    /// The first `length` bytes of `file`.
    pub(crate) fn part(path: PathBuf, file: File, length: u64) -> Self {
        Self { path, file, length }
    }
}

impl FeedBytes for FeedFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, at: u64, length: usize) -> Result<Bytes, PortError> {
        // Foreign lengths must not become memory: the file has what it has.
        if at.checked_add(length as u64).is_none_or(|end| end > self.length) {
            let (place, help) = (self.path.display().to_string(), "import the feed again");
            return Err(PortError::new(Trouble::Corrupt, place, "it is cut off", help));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).map_err(|error| trouble(&self.path, &error))?;
        Ok(bytes.into())
    }
}

/// Calls `visit` with all of a feed, piece by piece.
fn each_piece(
    feed: &dyn FeedBytes,
    mut visit: impl FnMut(&[u8]) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let mut at = 0;
    while at < feed.length() {
        let length = usize::try_from(feed.length() - at).unwrap_or(PIECE).min(PIECE);
        visit(&feed.read(at, length)?)?;
        at += length as u64;
    }
    Ok(())
}

fn digest(feed: &dyn FeedBytes) -> Result<Digest, PortError> {
    let mut hasher = Hasher::new();
    each_piece(feed, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(hasher.finish())
}

fn opened(path: &Path) -> Result<FeedFile, PortError> {
    let help = "import the feed again: `lockgate feed import FILE...`".to_owned();
    let file = File::open(path).map_err(|error| PortError { help, ..trouble(path, &error) })?;
    FeedFile::new(path, file)
}

impl Feeds for FeedFolder {
    fn put(&self, feed: Arc<dyn FeedBytes>) -> Pending<'_, Digest> {
        let this = self.clone();
        Box::pin(blocking(move || {
            let digest = digest(&*feed)?;
            let path = this.path(&digest);
            replace_by(&path, Keep::Always, |file| {
                each_piece(&*feed, |piece| file.write_all(piece).map_err(|error| trouble(&path, &error)))
            })?;
            Ok(digest)
        }))
    }

    fn get<'a>(&'a self, feed: &'a Digest) -> Pending<'a, Arc<dyn FeedBytes>> {
        let (path, feed) = (self.path(feed), *feed);
        Box::pin(blocking(move || {
            let file = opened(&path)?;
            if digest(&file)? == feed {
                return Ok(Arc::new(file) as Arc<dyn FeedBytes>);
            }
            let help = "delete the file and import the feed again: `lockgate feed import FILE...`";
            let place = path.display().to_string();
            Err(PortError::new(Trouble::Corrupt, place, "its content is not what its name says", help))
        }))
    }

    fn open<'a>(&'a self, feed: &'a Digest) -> Pending<'a, Arc<dyn FeedBytes>> {
        let path = self.path(feed);
        Box::pin(blocking(move || Ok(Arc::new(opened(&path)?) as Arc<dyn FeedBytes>)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_feeds_and_sees_damage() {
        let folder = tempfile::tempdir().unwrap();
        let feeds = FeedFolder::new(folder.path().join("feeds"));
        let digest = feeds.put(Arc::new(Bytes::from_static(b"feed"))).await.unwrap();
        assert_eq!(digest, Digest::of(b"feed"));
        for feed in [feeds.get(&digest).await.unwrap(), feeds.open(&digest).await.unwrap()] {
            assert_eq!((feed.length(), feed.read(1, 2).unwrap()), (4, Bytes::from_static(b"ee")));
            assert_eq!(feed.read(3, 2).unwrap_err().trouble, Trouble::Corrupt);
            assert!(feed.read(u64::MAX, 2).is_err());
        }
        std::fs::write(feeds.path(&digest), b"fee?").unwrap();
        assert_eq!(feeds.get(&digest).await.err().unwrap().trouble, Trouble::Corrupt);
        let gone = Digest::of(b"other");
        assert_eq!(feeds.get(&gone).await.err().unwrap().trouble, Trouble::NotFound);
    }
}
