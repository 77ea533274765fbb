//! Scans any image, on a route or not: its inventory, and what a feed says about it. Records nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lockgate_model::case::Gap;
use lockgate_model::feed::{FeedCoverage, FeedOrigin};
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Descriptor, Digest, Inventory, Reference, Repository, Timestamp};
use lockgate_scan::coverage::{self, Asked, age};
use lockgate_scan::{ANALYSER, Feed, FeedSource, Match, Plan};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::gather::{Basket, ImageParts, base, blocking, find, images};
use crate::workspace::Reach;

/// The form of kept answers: another one where an answer holds something else, or says it by other rules.
const FORM: &str = "2";

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
    /// What was asked about the packages, by ecosystem with its release, and about what nobody was asked.
    pub coverage: Vec<Asked>,
    /// The upgrade plan: by layer and owner the versions that clear most, each matched again. None where no feed was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// The feed that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedFeed {
    /// Its digest.
    pub digest: Digest,
    /// Its advisories.
    pub advisories: u64,
    /// Its sources, each with when it was fetched.
    pub sources: Vec<FeedOrigin>,
}

/// What was found in an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct Scanned {
    /// The artifact.
    pub artifact: Descriptor,
    /// The feed that was asked; nothing where nobody was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<AskedFeed>,
    /// Its images.
    pub images: Vec<ScannedImage>,
    /// What could not be read. Not empty means that nobody may call the artifact clean.
    pub unread: Vec<String>,
}

impl Scanned {
    /// What the scan could not answer, for people, where sources of advisories may be at most so many days old. Not empty
    /// means that nobody may call the artifact clean.
    pub fn unanswered(&self, at: Timestamp, most_days: u32) -> Vec<String> {
        let inventories = self.images.iter().filter_map(|image| Some((image, image.inventory.as_ref()?)));
        let unread = inventories.flat_map(|(image, inventory)| {
            let files = inventory.unread.iter().map(|one| format!("{}: {}", one.path, one.reason));
            files.chain(image.uncomparable.iter().cloned())
        });
        let mut unanswered: Vec<_> = self.unread.iter().cloned().chain(unread).collect();
        unanswered.extend(self.not_asked());
        unanswered.extend(self.not_fresh(at, most_days));
        unanswered
    }

    /// About what nobody was asked, for people, and what to do.
    fn not_asked(&self) -> Vec<String> {
        if self.feed.is_none() {
            return vec![
                "no advisories were asked: there is no feed; import one with lockgate feed import FILE... in a \
                 workspace, or name one with --feed"
                    .to_owned(),
            ];
        }
        let silent = self.images.iter().flat_map(|image| {
            let name = if image.platform.is_empty() { "image" } else { &image.platform };
            let blind = image.coverage.iter().filter(|one| one.blinds());
            blind.filter_map(move |one| Some(format!("{name}: {}; {}", one.why()?, one.fix())))
        });
        silent.collect()
    }

    /// The sources that were asked and are too old, or of which nobody knows how old they are, for people.
    pub fn not_fresh(&self, at: Timestamp, most_days: u32) -> Vec<String> {
        let asked = self.images.iter().flat_map(|image| &image.coverage).filter_map(|one| one.feed.as_ref());
        let origins: BTreeSet<&FeedOrigin> = asked.map(|feed| &feed.origin).collect();
        origins
            .into_iter()
            .filter_map(|origin| age(origin, at, most_days).trouble(origin, most_days))
            .collect()
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
    basket.inputs.insert(found.bytes.clone());
    let parts = images::gather(reach, &reference.repository, &found, &mut basket).await;
    let mut unread: Vec<_> = basket.gaps.iter().map(told).collect();
    unread.sort();
    unread.dedup();
    let (feed, images) = match feed {
        Some((feed, digest)) => {
            with_feed(reach, &reference.repository, (parts, &basket), feed, &digest).await?
        }
        None => (None, parts.into_iter().map(|part| scanned(part, None)).collect()),
    };
    Ok(Scanned { artifact: found.artifact, feed, images, unread })
}

/// A gap, for people: what it is about, once, why, and what to do.
fn told(gap: &Gap) -> String {
    let Gap { subject, reason, remediation, .. } = gap;
    let about = if reason.contains(subject) { String::new() } else { format!("{subject}: ") };
    format!("{about}{reason}; {remediation}")
}

/// What a feed says about one image.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    feed: AskedFeed,
    matches: Vec<Match>,
    uncomparable: Vec<String>,
    coverage: Vec<Asked>,
    plan: Plan,
}

fn scanned(part: ImageParts, answer: Option<Answer>) -> ScannedImage {
    let nobody = || part.inventory.as_ref().map(|inventory| coverage::asked(inventory, &BTreeMap::new()));
    let (matches, uncomparable, coverage, plan) = match answer {
        Some(answer) => (answer.matches, answer.uncomparable, answer.coverage, Some(answer.plan)),
        None => (vec![], vec![], nobody().unwrap_or_default(), None),
    };
    ScannedImage {
        platform: part.platform,
        manifest: part.manifest.digest,
        inventory: part.inventory,
        matches,
        uncomparable,
        coverage,
        plan,
    }
}

/// Asks the feed about each image; an answer is kept under what it answers.
async fn with_feed(
    reach: &Reach,
    repository: &Repository,
    (parts, basket): (Vec<ImageParts>, &Basket),
    feed: Arc<dyn FeedBytes>,
    digest: &Digest,
) -> Result<(Option<AskedFeed>, Vec<ScannedImage>), EngineError> {
    let (mut images, mut asked) = (Vec::new(), None);
    for mut part in parts {
        let base_layers = base::layers_below(reach, repository, &part, basket).await;
        let name = kept_as(digest, &part, base_layers);
        let kept = reach.layers.get(&name, ANALYSER).await.ok().flatten();
        if let Some(answer) = kept.and_then(|bytes| serde_json::from_slice::<Answer>(&bytes).ok()) {
            asked = Some(answer.feed.clone());
            images.push(scanned(part, Some(answer)));
            continue;
        }
        let Some(inventory) = part.inventory.take() else {
            images.push(scanned(part, None));
            continue;
        };
        let (feed, digest) = (feed.clone(), *digest);
        let (inventory, answer) =
            blocking(move || ask(feed, digest, &inventory, base_layers).map(|answer| (inventory, answer)))
                .await??;
        if let Ok(bytes) = serde_json::to_vec(&answer) {
            // A cache that cannot be written costs time only.
            let _kept = reach.layers.put(&name, ANALYSER, bytes.into()).await;
        }
        part.inventory = Some(inventory);
        asked = Some(answer.feed.clone());
        images.push(scanned(part, Some(answer)));
    }
    if asked.is_none() {
        let digest = *digest;
        asked = Some(blocking(move || opened(feed, digest).map(|(_, said)| said)).await??);
    }
    Ok((asked, images))
}

/// The name under which the answer about an image is kept: of everything that the answer depends on.
fn kept_as(feed: &Digest, part: &ImageParts, base_layers: Option<u32>) -> Digest {
    let (program, layers) = (env!("CARGO_PKG_VERSION"), part.layers);
    let base =
        base_layers.map_or("an unknown base".to_owned(), |layers| format!("a base of {layers} layers"));
    Digest::of(format!("what {program} finds in {feed} about {layers} on {base}, in form {FORM}").as_bytes())
}

fn opened(feed: Arc<dyn FeedBytes>, digest: Digest) -> Result<(Feed, AskedFeed), EngineError> {
    let feed = Feed::open(feed).map_err(|error| EngineError::Feed(error.to_string()))?;
    let header = feed.summary();
    let sources = header.sources.iter().map(FeedSource::origin).collect();
    let said = AskedFeed { digest, advisories: header.advisories, sources };
    Ok((feed, said))
}

fn ask(
    feed: Arc<dyn FeedBytes>,
    digest: Digest,
    inventory: &Inventory,
    base_layers: Option<u32>,
) -> Result<Answer, EngineError> {
    let told = |error: lockgate_scan::FeedError| EngineError::Feed(error.to_string());
    let (feed, said) = opened(feed, digest)?;
    let found = feed.matches(inventory).map_err(told)?;
    let plan = feed.plan(inventory, &found, base_layers).map_err(told)?;
    let uncomparable = found.uncomparable.iter().map(ToString::to_string).collect();
    let covered = covered(&feed, &[inventory]);
    let coverage = coverage::asked(inventory, &covered);
    Ok(Answer { feed: said, matches: found.matches, uncomparable, coverage, plan })
}

/// What a feed has about the ecosystems that answer for the packages of inventories, each with its release.
pub(crate) fn covered(feed: &Feed, inventories: &[&Inventory]) -> BTreeMap<String, FeedCoverage> {
    let ecosystems: BTreeSet<_> = inventories.iter().flat_map(|one| coverage::ecosystems(one)).collect();
    let header = feed.summary();
    ecosystems.into_iter().filter_map(|one| header.coverage(&one).map(|known| (one, known))).collect()
}
