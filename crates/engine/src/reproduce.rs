//! Compares two builds of one image: what is the same by digest is not read, of the rest every byte is, and verified.
//! Records nothing.

use std::collections::BTreeMap;

use lockgate_model::oci::{Content, ImageConfig, Manifest, Reading};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Reference, Repository, json, limits};
use lockgate_scan::compare::{self, Hint, ImagePair, LayerPair, Named, Relation};
use lockgate_scan::{Listing, list_verified};
use serde::Serialize;
use serde_json::Value;

use crate::EngineError;
use crate::gather::{Found, blocking, find, images, layers, unreadable};
use crate::workspace::Reach;

/// What is told of config and layers is not told of manifests again.
const TOLD_ELSEWHERE: [&str; 2] = ["/config", "/layers"];

/// How two artifacts relate.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// The first.
    pub a: Digest,
    /// The second.
    pub b: Digest,
    /// Whether they are the same, byte for byte.
    pub identical: bool,
    /// What differs in the indexes, where they are some.
    pub index: Named<compare::Value>,
    /// Their images, by platform; none where they are identical.
    pub images: Vec<ImagePair>,
    /// What usually makes such a difference.
    pub hints: Vec<Hint>,
}

/// One image of an artifact.
struct Side {
    /// As its config has it.
    platform: String,
    repository: Repository,
    digest: Digest,
    bytes: Value,
    manifest: Manifest,
    config: Value,
    diff_ids: Vec<Digest>,
}

/// Compares what two references name now.
pub async fn reproduce(reach: &Reach, a: &Reference, b: &Reference) -> Result<Compared, EngineError> {
    let (one, other) = (find(reach, a).await?, find(reach, b).await?);
    let (first, second) = (one.artifact.digest, other.artifact.digest);
    if first == second {
        return Ok(Compared {
            a: first,
            b: second,
            identical: true,
            index: Named::default(),
            images: vec![],
            hints: vec![],
        });
    }
    let index = indexes(&one, &other)?;
    // Two images that stand alone are compared, whatever they were built for.
    let alone_both = matches!((&one.content, &other.content), (Content::Manifest(_), Content::Manifest(_)));
    let mine = sides(reach, &a.repository, one).await?;
    let mut theirs = sides(reach, &b.repository, other).await?;
    if alone_both {
        theirs = mine.keys().cloned().zip(theirs.into_values()).collect();
    }
    let mut images = Vec::new();
    for (platform, one) in mine {
        let pair = match theirs.remove(&platform) {
            Some(other) if one.digest == other.digest => continue,
            Some(other) => pair(reach, platform, &one, &other).await?,
            None => alone(platform, Some(one.digest), None),
        };
        images.push(pair);
    }
    images.extend(theirs.into_iter().map(|(platform, other)| alone(platform, None, Some(other.digest))));
    images.sort_by(|a, b| a.platform.cmp(&b.platform));
    let hints = compare::hints(&images);
    Ok(Compared { a: first, b: second, identical: false, index, images, hints })
}

/// What differs in two indexes; or that only one of them is one.
fn indexes(a: &Found, b: &Found) -> Result<Named<compare::Value>, PortError> {
    let document = |found: &Found| {
        json::value(&found.bytes, found.bytes.len()).map_err(|error| {
            let (place, help) = (found.artifact.digest.to_string(), "rebuild the image with a current tool");
            PortError::new(Trouble::Corrupt, place, format!("it is malformed: {error}"), help)
        })
    };
    match (&a.content, &b.content) {
        (Content::Index(_), Content::Index(_)) => Ok(compare::values(&document(a)?, &document(b)?, &[])),
        (Content::Manifest(_), Content::Manifest(_)) => Ok(Named::default()),
        _ => {
            let kind = |found: &Found| serde_json::json!({"mediaType": found.artifact.media_type});
            Ok(compare::values(&kind(a), &kind(b), &[]))
        }
    }
}

/// The images of an artifact, by platform.
async fn sides(
    reach: &Reach,
    repository: &Repository,
    found: Found,
) -> Result<BTreeMap<String, Side>, PortError> {
    let mut sides = BTreeMap::new();
    match found.content {
        Content::Manifest(manifest) => {
            let side = side(reach, repository, &found.artifact, manifest, &found.bytes).await?;
            sides.insert(side.platform.clone(), side);
        }
        Content::Index(index) => {
            for child in index.manifests.iter().filter(|child| images::may_be_image(child)) {
                let place = format!("{repository}@{}", child.digest);
                let fetched = reach.registry.manifest(repository, &child.digest).await?;
                let content = Content::read(&child.media_type, &fetched.bytes)
                    .map_err(|error| unreadable(&place, &error))?;
                let Content::Manifest(manifest) = content else {
                    let reason = "an index inside an index is not compared";
                    return Err(PortError::new(
                        Trouble::Unsupported,
                        place,
                        reason,
                        "compare the inner indexes",
                    ));
                };
                let platform = child.platform.as_ref().map(ToString::to_string).unwrap_or_default();
                let side = side(reach, repository, child, manifest, &fetched.bytes).await?;
                if sides.insert(platform.clone(), side).is_some() {
                    let reason = format!("the index has two images for the platform `{platform}`");
                    return Err(PortError::new(
                        Trouble::Unsupported,
                        place,
                        reason,
                        "compare the images by digest",
                    ));
                }
            }
        }
    }
    Ok(sides)
}

async fn side(
    reach: &Reach,
    repository: &Repository,
    descriptor: &Descriptor,
    manifest: Manifest,
    bytes: &[u8],
) -> Result<Side, PortError> {
    let place = format!("{repository}@{}", descriptor.digest);
    let malformed = |what: &str, why: String| {
        let reason = format!("the {what} is malformed: {why}");
        PortError::new(Trouble::Corrupt, place.clone(), reason, "rebuild the image with a current tool")
    };
    let config = layers::small_blob(reach, repository, &manifest.config, limits::CONFIG_BYTES).await?;
    let read = ImageConfig::read(Reading::Strict, &config)
        .map_err(|error| malformed("image config", error.to_string()))?;
    let value = |what, bytes: &[u8]| {
        json::value(bytes, bytes.len()).map_err(|error| malformed(what, error.to_string()))
    };
    let (config, bytes) = (value("image config", &config)?, value("manifest", bytes)?);
    let diff_ids = read.rootfs.diff_ids;
    if diff_ids.len() != manifest.layers.len() {
        let why = format!("it names {} layers and the manifest {}", diff_ids.len(), manifest.layers.len());
        return Err(malformed("image config", why));
    }
    let platform =
        if read.os.is_empty() { String::new() } else { format!("{}/{}", read.os, read.architecture) };
    Ok(Side {
        platform,
        repository: repository.clone(),
        digest: descriptor.digest,
        bytes,
        manifest,
        config,
        diff_ids,
    })
}

/// An image that only one side has.
fn alone(platform: String, a: Option<Digest>, b: Option<Digest>) -> ImagePair {
    ImagePair { platform, a, b, manifest: Named::default(), config: Named::default(), layers: vec![] }
}

async fn pair(reach: &Reach, platform: String, a: &Side, b: &Side) -> Result<ImagePair, EngineError> {
    let mut pairs = Vec::new();
    for place in 0..a.manifest.layers.len().max(b.manifest.layers.len()) {
        let (one, other) = (a.manifest.layers.get(place), b.manifest.layers.get(place));
        let relation = match (one, other) {
            (Some(_), None) => Relation::OnlyInA,
            (None, Some(_)) => Relation::OnlyInB,
            (Some(one), Some(other)) if one.digest != other.digest => {
                let (one, other) = tokio::try_join!(listing(reach, a, place), listing(reach, b, place))?;
                blocking(move || compare::layers(&one, &other)).await?
            }
            _ => Relation::Same,
        };
        let digest = |layer: Option<&Descriptor>| layer.map(|layer| layer.digest);
        pairs.push(LayerPair { place, a: digest(one), b: digest(other), relation });
    }
    Ok(ImagePair {
        platform,
        a: Some(a.digest),
        b: Some(b.digest),
        manifest: compare::values(&a.bytes, &b.bytes, &TOLD_ELSEWHERE),
        config: compare::values(&a.config, &b.config, &["/rootfs"]),
        layers: pairs,
    })
}

async fn listing(reach: &Reach, side: &Side, place: usize) -> Result<Listing, PortError> {
    let repository = &side.repository;
    let layer = side.manifest.layers.get(place).cloned();
    let (Some(layer), Some(diff_id)) = (layer, side.diff_ids.get(place).copied()) else {
        let place = format!("{repository}@{}", side.digest);
        return Err(PortError::new(Trouble::Corrupt, place, "it has no such layer", "rebuild the image"));
    };
    let stream = reach.registry.blob(repository, &layer).await?;
    reach.progress.begin(&format!("layer {}", layer.digest.short()), layer.size);
    let described = layer.clone();
    let work = move |bytes| list_verified(bytes, &described, &diff_id);
    let listing = layers::fed(stream, &*reach.progress, repository, &layer, work).await;
    reach.progress.end();
    listing
}
