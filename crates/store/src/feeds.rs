//! Feeds by digest, one file each.

use std::path::PathBuf;

use bytes::Bytes;
use lockgate_model::Digest;
use lockgate_model::ports::{Feeds, Pending, PortError, Trouble};

use crate::files::{Keep, blocking, replace, trouble};

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
            let bytes = std::fs::read(&path).map_err(|error| {
                let help = "import the feed again: `lockgate feed import FILE...`".to_owned();
                PortError { help, ..trouble(&path, &error) }
            })?;
            if Digest::of(&bytes) == feed {
                return Ok(bytes.into());
            }
            let help = "delete the file and import the feed again: `lockgate feed import FILE...`";
            let place = path.display().to_string();
            Err(PortError::new(Trouble::Corrupt, place, "its content is not what its name says", help))
        }))
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
        std::fs::write(feeds.path(&digest), b"fee?").unwrap();
        assert_eq!(feeds.get(&digest).await.unwrap_err().trouble, Trouble::Corrupt);
        let gone = Digest::of(b"other");
        assert_eq!(feeds.get(&gone).await.unwrap_err().trouble, Trouble::NotFound);
    }
}
