//! Scans any image, on a route or not: its inventory, and what a feed says about it. Records nothing.

use std::sync::Arc;

use lockgate_model::ports::FeedBytes;
use lockgate_model::{Descriptor, Digest, Inventory, Reference};
use lockgate_scan::{ANALYSER, Feed, Match, match_inventory};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::gather::{Basket, ImageParts, blocking, find, images};
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
pub async fn scan(
    reach: &Reach,
    reference: &Reference,
    feed: Option<(Arc<dyn FeedBytes>, Digest)>,
) -> Result<Scanned, EngineError> {
    let found = find(reach, reference).await?;
    let mut basket = Basket::default();
    let parts = images::gather(reach, &reference.repository, &found, &mut basket).await.images;
    let mut unread: Vec<_> =
        basket.gaps.iter().map(|gap| format!("{}: {}", gap.subject, gap.reason)).collect();
    unread.sort();
    unread.dedup();
    let images = match feed {
        Some((feed, digest)) => with_feed(reach, parts, feed, &digest).await?,
        None => parts.into_iter().map(|part| scanned(part, Answer::default())).collect(),
    };
    Ok(Scanned { artifact: found.artifact, images, unread })
}

/// What a feed says about one image.
#[derive(Default, Serialize, Deserialize)]
struct Answer {
    matches: Vec<Match>,
    uncomparable: Vec<String>,
}

fn scanned(part: ImageParts, answer: Answer) -> ScannedImage {
    ScannedImage {
        platform: part.platform,
        manifest: part.manifest.digest,
        inventory: part.inventory,
        matches: answer.matches,
        uncomparable: answer.uncomparable,
    }
}

/// Asks the feed about each image; an answer is kept under what it answers.
async fn with_feed(
    reach: &Reach,
    parts: Vec<ImageParts>,
    feed: Arc<dyn FeedBytes>,
    digest: &Digest,
) -> Result<Vec<ScannedImage>, EngineError> {
    let mut images = Vec::new();
    for mut part in parts {
        let program = env!("CARGO_PKG_VERSION");
        let name = Digest::of(format!("what {program} finds in {digest} about {}", part.layers).as_bytes());
        let kept = reach.layers.get(&name, ANALYSER).await.ok().flatten();
        if let Some(answer) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            images.push(scanned(part, answer));
            continue;
        }
        let Some(inventory) = part.inventory.take() else {
            images.push(scanned(part, Answer::default()));
            continue;
        };
        let feed = feed.clone();
        let (inventory, answer) =
            blocking(move || ask(feed, &inventory).map(|answer| (inventory, answer))).await??;
        if let Ok(bytes) = serde_json::to_vec(&answer) {
            // A cache that cannot be written costs time only.
            let _kept = reach.layers.put(&name, ANALYSER, bytes.into()).await;
        }
        part.inventory = Some(inventory);
        images.push(scanned(part, answer));
    }
    Ok(images)
}

fn ask(feed: Arc<dyn FeedBytes>, inventory: &Inventory) -> Result<Answer, EngineError> {
    let told = |error: lockgate_scan::FeedError| EngineError::Feed(error.to_string());
    let feed = Feed::open(feed).map_err(told)?;
    let found = match_inventory(inventory, &feed.applying(&[inventory]).map_err(told)?);
    let uncomparable = found.uncomparable.iter().map(ToString::to_string).collect();
    Ok(Answer { matches: found.matches, uncomparable })
}
