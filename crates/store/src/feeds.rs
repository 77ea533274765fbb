//! Feeds by digest, one file each.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lockgate_model::Digest;
use lockgate_model::ports::{Feeds, Pending, PortError, Trouble};

use crate::files::{Keep, blocking, replace, trouble};
use crate::mapped::map;

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

fn mapped(path: &Path) -> Result<Bytes, PortError> {
    let help = || "import the feed again: `lockgate feed import FILE...`".to_owned();
    let file = File::open(path).and_then(|file| map(&file));
    file.map_err(|error| PortError { help: help(), ..trouble(path, &error) })
}

impl Feeds for FeedFolder {
    fn put(&self, feed: Bytes) -> Pending<'_, Digest> {
        let this = self.clone();
        Box::pin(blocking(move || {
            let digest = Digest::of(&feed);
            replace(&this.path(&digest), &[&feed], Keep::Always)?;
            Ok(digest)
        }))
    }

    fn get<'a>(&'a self, feed: &'a Digest) -> Pending<'a, Bytes> {
        let (path, feed) = (self.path(feed), *feed);
        Box::pin(blocking(move || {
            let bytes = mapped(&path)?;
            if Digest::of(&bytes) == feed {
                return Ok(bytes);
            }
            let help = "delete the file and import the feed again: `lockgate feed import FILE...`";
            let place = path.display().to_string();
            Err(PortError::new(Trouble::Corrupt, place, "its content is not what its name says", help))
        }))
    }

    fn map<'a>(&'a self, feed: &'a Digest) -> Pending<'a, Bytes> {
        let path = self.path(feed);
        Box::pin(blocking(move || mapped(&path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_feeds_and_sees_damage() {
        let folder = tempfile::tempdir().unwrap();
        let feeds = FeedFolder::new(folder.path().join("feeds"));
        let digest = feeds.put(Bytes::from_static(b"feed")).await.unwrap();
        assert_eq!(feeds.get(&digest).await.unwrap(), "feed");
        assert_eq!(feeds.map(&digest).await.unwrap(), "feed");
        std::fs::write(feeds.path(&digest), b"fee?").unwrap();
        assert_eq!(feeds.get(&digest).await.unwrap_err().trouble, Trouble::Corrupt);
        let gone = Digest::of(b"other");
        assert_eq!(feeds.get(&gone).await.unwrap_err().trouble, Trouble::NotFound);
    }
}
