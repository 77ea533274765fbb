//! Scans any image, on a route or not: its inventory, and what a feed says about it. Records nothing.

use bytes::Bytes;
use lockgate_model::{Descriptor, Digest, Inventory, Reference};
use lockgate_scan::{Feed, Match, match_inventory};
use serde::Serialize;

use crate::EngineError;
use crate::gather::{Basket, blocking, find, images};
use crate::workspace::Reach;

/// What was found in one image.
#[derive(Debug, Clone, Serialize)]
pub struct ScannedImage {
    /// `linux/amd64`, or empty where nothing says so.
    pub platform: String,
    /// The manifest.
    pub manifest: Digest,
    /// Its packages; none when its layers could not be read.
    pub inventory: Option<Inventory>,
    /// What the feed says about them, by index into the packages.
    pub matches: Vec<Match>,
    /// Versions that could not be compared, for people.
    pub uncomparable: Vec<String>,
}

/// What was found in an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct Scanned {
    /// The artifact.
    pub artifact: Descriptor,
    /// Its images.
    pub images: Vec<ScannedImage>,
    /// What could not be read. Not empty means that nobody may call the artifact clean.
    pub unread: Vec<String>,
}

impl Scanned {
    /// Whether everything could be read and compared.
    pub fn complete(&self) -> bool {
        let whole = |image: &ScannedImage| {
            image.uncomparable.is_empty() && image.inventory.as_ref().is_some_and(|one| one.unread.is_empty())
        };
        self.unread.is_empty() && self.images.iter().all(whole)
    }
}

/// Reads the images that `reference` names now and matches them against `feed`, where there is one.
pub async fn scan(reach: &Reach, reference: &Reference, feed: Option<Bytes>) -> Result<Scanned, EngineError> {
    let found = find(reach, reference).await?;
    let mut basket = Basket::default();
    let parts = images::gather(reach, &reference.repository, &found, &mut basket).await;
    let mut unread: Vec<_> =
        basket.gaps.iter().map(|gap| format!("{}: {}", gap.subject, gap.reason)).collect();
    unread.sort();
    unread.dedup();
    let images = parts.into_iter().map(|part| ScannedImage {
        platform: part.platform,
        manifest: part.manifest.digest,
        inventory: part.inventory,
        matches: vec![],
        uncomparable: vec![],
    });
    let images: Vec<_> = images.collect();
    let images = match feed {
        Some(feed) => blocking(move || matched(images, feed)).await??,
        None => images,
    };
    Ok(Scanned { artifact: found.artifact, images, unread })
}

fn matched(mut images: Vec<ScannedImage>, feed: Bytes) -> Result<Vec<ScannedImage>, EngineError> {
    let feed = Feed::open(feed).map_err(|error| EngineError::Feed(error.to_string()))?;
    for image in &mut images {
        let Some(inventory) = &image.inventory else { continue };
        let advisories = feed.applying(&[inventory]).map_err(|error| EngineError::Feed(error.to_string()))?;
        let found = match_inventory(inventory, &advisories);
        image.matches = found.matches;
        image.uncomparable = found.uncomparable.iter().map(ToString::to_string).collect();
    }
    Ok(images)
}
