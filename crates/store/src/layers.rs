//! What was found in layers, one file a layer and analyser. Losing one costs time only.

use std::path::PathBuf;

use bytes::Bytes;
use lockgate_model::Digest;
use lockgate_model::ports::{LayerCache, Pending};

use crate::files::{Keep, blocking, replace};

/// Bytes of the digest that each file begins with.
const HEAD: usize = 32;

/// A folder of files `<analyser>/<hex>`, each the digest of its content and the content.
#[derive(Debug, Clone)]
pub struct LayerFolder {
    folder: PathBuf,
}

impl LayerFolder {
    /// The cache in `folder`; it is made when the first layer comes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, layer: &Digest, analyser: &str) -> PathBuf {
        self.folder.join(analyser).join(layer.hex())
    }
}

impl LayerCache for LayerFolder {
    fn get<'a>(&'a self, layer: &'a Digest, analyser: &'a str) -> Pending<'a, Option<Bytes>> {
        let path = self.path(layer, analyser);
        Box::pin(blocking(move || {
            let Ok(bytes) = std::fs::read(&path) else { return Ok(None) };
            let mut bytes = Bytes::from(bytes);
            if bytes.len() < HEAD {
                return Ok(None);
            }
            let head = bytes.split_to(HEAD);
            Ok((*Digest::of(&bytes).as_bytes() == *head).then_some(bytes))
        }))
    }

    fn put<'a>(&'a self, layer: &'a Digest, analyser: &'a str, found: Bytes) -> Pending<'a, ()> {
        let path = self.path(layer, analyser);
        Box::pin(blocking(move || {
            replace(&path, &[Digest::of(&found).as_bytes(), &found], Keep::WhileRunning)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn damage_counts_as_loss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerFolder::new(folder.path());
        let layer = Digest::of(b"layer");
        assert_eq!(cache.get(&layer, "1").await.unwrap(), None);
        cache.put(&layer, "1", Bytes::from_static(b"found")).await.unwrap();
        assert_eq!(cache.get(&layer, "1").await.unwrap().unwrap(), "found");
        assert_eq!(cache.get(&layer, "2").await.unwrap(), None);
        let path = cache.path(&layer, "1");
        let mut bytes = std::fs::read(&path).unwrap();
        for damage in [bytes.len() - 1, 0] {
            bytes[damage] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(cache.get(&layer, "1").await.unwrap(), None);
            bytes[damage] ^= 1;
        }
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(cache.get(&layer, "1").await.unwrap(), None);
    }
}
