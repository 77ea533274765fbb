//! What images were built on, for advice: the base image's layers where its manifest can be had, else the lowest layer.
//!
//! An image names its base itself, so nobody is asked whom the image alone names: only the place that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::case::Base;
use lockgate_model::oci::{Content, ImageConfig, Manifest, Reading, RootFs};
use lockgate_model::{Digest, Inventory, Package, Reference, Repository, canon, limits};

use super::words::{ImageWords, Words};
use super::{Basket, ImageParts, layers};
use crate::workspace::Reach;

/// Annotations of a manifest, and labels of a config (image-spec, annotations.md).
const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// The base of each image. What cannot be had is left out: nothing but advice rests on it.
pub(crate) async fn gather(
    reach: &Reach,
    repository: &Repository,
    parts: &[ImageParts],
    words: &Words,
    basket: &mut Basket,
) -> Vec<Option<Base>> {
    let mut bases = Vec::new();
    for part in parts {
        bases.push(of(reach, repository, part, words, basket).await);
    }
    bases
}

async fn of(
    reach: &Reach,
    repository: &Repository,
    part: &ImageParts,
    words: &Words,
    basket: &mut Basket,
) -> Option<Base> {
    let inventory = part.inventory.as_ref()?;
    let (manifest, config) = read(part, basket)?;
    let named = Named::of(&manifest, &config);
    let compared = compared(reach, repository, &named, &manifest, &config).await;
    let count = match compared {
        Some(count) => count,
        None if inventory.distribution.is_some() && manifest.layers.len() > 1 => 1,
        None => return None,
    };
    // What is by word here is by word in the inventory, and the Case says so.
    let words = words.used(&part.manifest.digest, &part.by_word);
    let lowest = lowest(reach, repository, (&manifest, &config), count, &words).await?;
    // Not by package URL: a layer alone may lack the distribution's name, which is in it.
    let key = |package: &Package| (package.cataloger.clone(), package.name.clone(), package.version.clone());
    let theirs: BTreeSet<_> = lowest.packages.iter().map(key).collect();
    let both = inventory.packages.iter().filter(|package| theirs.contains(&key(package)));
    let both: BTreeSet<&str> = both.map(|package| package.purl.as_str()).collect();
    if both.is_empty() {
        return None;
    }
    Some(Base {
        name: named.name,
        layers: u32::try_from(count).ok()?,
        compared: compared.is_some(),
        packages: basket.inputs.insert(canon::to_bytes(&both).ok()?),
    })
}

/// How many of the lowest layers of an image are those of the base image that it names, where that could be compared.
pub(crate) async fn layers_below(
    reach: &Reach,
    repository: &Repository,
    part: &ImageParts,
    basket: &Basket,
) -> Option<u32> {
    let (manifest, config) = read(part, basket)?;
    let named = Named::of(&manifest, &config);
    u32::try_from(compared(reach, repository, &named, &manifest, &config).await?).ok()
}

fn read(part: &ImageParts, basket: &Basket) -> Option<(Manifest, ImageConfig)> {
    let bytes = basket.inputs.get(&part.manifest.digest)?;
    let Content::Manifest(manifest) = Content::read(&part.manifest.media_type, bytes).ok()? else {
        return None;
    };
    let config = ImageConfig::read(Reading::Strict, basket.inputs.get(&part.config)?).ok()?;
    Some((manifest, config))
}

/// What an image says about its base.
struct Named {
    name: Option<String>,
    digest: Option<Digest>,
}

impl Named {
    /// Annotations of the manifest first, then labels of the config.
    fn of(manifest: &Manifest, config: &ImageConfig) -> Self {
        let empty = BTreeMap::new();
        let labels = config.config.as_ref().and_then(|config| config.labels.as_ref()).unwrap_or(&empty);
        let said = |key: &str| manifest.annotations.get(key).or_else(|| labels.get(key)).cloned();
        let short = |text: &String| text.chars().count() <= limits::NAME_CHARS;
        Self { name: said(NAME).filter(short), digest: said(DIGEST).and_then(|text| text.parse().ok()) }
    }
}

/// How many of the image's layers are those of the base image that it names, where that can be compared.
async fn compared(
    reach: &Reach,
    repository: &Repository,
    named: &Named,
    manifest: &Manifest,
    config: &ImageConfig,
) -> Option<usize> {
    let base: Reference = named.name.as_ref()?.parse().ok()?;
    let base = base.repository;
    if !same_place(&base, repository) {
        return None;
    }
    let mut fetched = reach.registry.manifest(&base, &named.digest?).await.ok()?;
    let mut content = Content::read(&fetched.media_type, &fetched.bytes).ok()?;
    if let Content::Index(index) = &content {
        let of_platform = index.manifests.iter().find(|child| {
            let platform = child.platform.as_ref();
            platform.is_some_and(|one| one.os == config.os && one.architecture == config.architecture)
        });
        fetched = reach.registry.manifest(&base, &of_platform?.digest).await.ok()?;
        content = Content::read(&fetched.media_type, &fetched.bytes).ok()?;
    }
    let Content::Manifest(below) = content else { return None };
    let count = below.layers.len();
    let same = below.layers.iter().zip(&manifest.layers).all(|(a, b)| a.digest == b.digest);
    (count > 0 && count <= manifest.layers.len() && same).then_some(count)
}

/// Whether two repositories are of one registry, or layouts of one folder.
fn same_place(one: &Repository, other: &Repository) -> bool {
    match (one, other) {
        (Repository::Remote { registry: one, .. }, Repository::Remote { registry: other, .. }) => {
            one == other
        }
        (Repository::Layout { path: one }, Repository::Layout { path: other }) => {
            let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            folder(one).is_some() && folder(one) == folder(other) && !one.contains("..")
        }
        _ => false,
    }
}

/// What the lowest layers alone have.
async fn lowest(
    reach: &Reach,
    repository: &Repository,
    (manifest, config): (&Manifest, &ImageConfig),
    count: usize,
    words: &ImageWords,
) -> Option<Inventory> {
    let manifest = Manifest { layers: manifest.layers.get(..count)?.to_vec(), ..manifest.clone() };
    let diff_ids = config.rootfs.diff_ids.get(..count)?.to_vec();
    let rootfs = RootFs { diff_ids, ..config.rootfs.clone() };
    let config = ImageConfig { rootfs, ..config.clone() };
    let read = layers::inventory(reach, repository, &manifest, &config, Some(words)).await;
    read.ok().map(|(inventory, _)| inventory)
}
