//! What an image is: a manifest and a config that agree, and layers that every runtime unpacks alike. And what cannot be
//! run: attestations in an index, and what may travel beside an artifact.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Descriptor, Index, Manifest, Platform, Reading, fields, media, profile};
use crate::digest::Digest;
use crate::json::{self, JsonError};
use crate::limits;

/// The part of an image config that gates ask about (image-spec, config.md).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Processor.
    #[serde(default)]
    pub architecture: String,
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// Variant of the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Version of the operating system.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// How containers are started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<RunConfig>,
    /// The layers' uncompressed digests.
    #[serde(default)]
    pub rootfs: RootFs,
    /// How each layer was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<History>>,
}

/// How a layer was made (image-spec, config.md, "history").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// How containers of an image are started (image-spec, config.md, "config").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunConfig {
    /// The account the entry point runs as; empty means root.
    #[serde(default)]
    pub user: Option<String>,
    /// Ports, such as `8080/tcp`.
    #[serde(default)]
    pub exposed_ports: Option<BTreeMap<String, Value>>,
    /// Labels.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
    /// What is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// What is run, or the arguments of the entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Variables of the environment, as `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
}

/// The layers' uncompressed digests, lowest first (image-spec, config.md, "rootfs").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`: there is no other kind.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `diff_ids`: claimed by the image, to be verified against the bytes.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

/// Why a manifest and its config are not an image that can be judged.
#[derive(Debug, thiserror::Error)]
pub enum NotAnImage {
    /// The config is of another kind.
    #[error("it is not an image: its config is `{media_type}` ({what})")]
    Kind {
        /// The config's media type.
        media_type: String,
        /// What it is, as far as that is known.
        what: &'static str,
    },
    /// There is nothing to run.
    #[error("it is not an image: it has no layers")]
    NoLayers,
    /// It is attached to something else.
    #[error("it is attached to {0} (`subject`): it is not read as an image")]
    Attached(Digest),
    /// A layer of a kind that is not read.
    #[error("its layer {digest} is {}", layer_kind(.media_type))]
    Layer {
        /// The layer.
        digest: Digest,
        /// Its media type.
        media_type: String,
    },
    /// Content that a client may fetch elsewhere.
    #[error("{0} names other addresses to fetch it from (`urls`): a client may take what was not judged")]
    Elsewhere(Digest),
    /// The config cannot be read.
    #[error("the image config is malformed: {0}")]
    Config(#[source] JsonError),
    /// The config speaks of other content than layers.
    #[error("`rootfs.type` of its config is `{0}`, not `layers`")]
    RootFs(String),
    /// The config names another number of layers.
    #[error(
        "the config names {config} layers and the manifest {manifest}: which files the image has cannot be said"
    )]
    Layers {
        /// In the config.
        config: usize,
        /// In the manifest.
        manifest: usize,
    },
    /// The index files the image under another platform.
    #[error("the index files it under `{index}`, and its config says `{config}`")]
    Platform {
        /// What the index says.
        index: String,
        /// What the config says.
        config: String,
    },
}

impl NotAnImage {
    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Kind { .. } | Self::NoLayers => "promote the image itself, by its own reference",
            Self::Attached(_) => "push the image without `subject`, and attach evidence to it instead",
            Self::Layer { .. } => {
                "rebuild the image with layers of tar, gzip or zstd that may be distributed"
            }
            Self::Elsewhere(_) => "push the image with its layers and without `urls`",
            Self::Config(_) | Self::RootFs(_) | Self::Layers { .. } => {
                "rebuild the image with a current tool"
            }
            Self::Platform { .. } => "rebuild the index, so that it says what the images are",
        }
    }
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

/// What a manifest is that is not an image: by its artifact type, its config, or what it holds.
fn kind_of(manifest: &Manifest) -> &'static str {
    let layers = manifest.layers.iter().map(|layer| &layer.media_type);
    let mut said = manifest.artifact_type.iter().chain([&manifest.config.media_type]).chain(layers);
    said.find_map(|media_type| known_kind(media_type)).unwrap_or("an OCI artifact")
}

/// What is often pushed to registries and is not an image.
fn known_kind(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "application/vnd.cncf.helm.config.v1+json" => "a Helm chart",
        "application/vnd.cncf.notary.signature" | "application/vnd.dev.cosign.simplesigning.v1+json" => {
            "a signature"
        }
        "application/vnd.in-toto+json" | "application/vnd.dsse.envelope.v1+json" => "an attestation",
        "application/vnd.cyclonedx+json"
        | "application/vnd.cyclonedx+xml"
        | "application/spdx+json"
        | "text/spdx+json"
        | "text/spdx"
        | "application/vnd.syft+json" => "a bill of materials",
        _ if media_type.starts_with("application/vnd.dev.sigstore.bundle") => "a signature or attestation",
        _ if media_type.starts_with("application/vnd.wasm.") => "a WebAssembly module",
        _ if media_type.starts_with("application/vnd.unknown.") => "an ORAS artifact",
        _ => return None,
    })
}

fn layer_kind(media_type: &str) -> String {
    let told = if media_type.contains("nondistributable") || media_type.contains("foreign") {
        "may not be distributed"
    } else if media_type.ends_with("+encrypted") {
        "is encrypted, and what is in it is known to whoever has its key"
    } else if let Some(kind) = known_kind(media_type) {
        return format!("`{}`: it is {kind}, not a layer", clip(media_type));
    } else {
        "is of a kind that is not read"
    };
    format!("`{}`: it {told}", clip(media_type))
}

/// The media types of layers that are read.
const LAYERS: [&str; 6] = [
    media::OCI_LAYER,
    media::OCI_LAYER_GZIP,
    media::OCI_LAYER_ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

impl ImageConfig {
    /// Reads an image config.
    pub fn read(reading: Reading, bytes: &[u8]) -> Result<Self, JsonError> {
        let mut value = json::value(bytes, limits::CONFIG_BYTES)?;
        match reading {
            Reading::Strict => {
                profile::check(&mut value, &fields::CONFIG).map_err(JsonError::Malformed)?;
            }
            Reading::Loose => forget_newer(&mut value),
        }
        serde_json::from_value(value).map_err(|error| JsonError::Malformed(error.to_string()))
    }

    /// The places of fields that no client is known to read, sorted; a few of them where there are many.
    pub fn unknown_fields(bytes: &[u8]) -> Result<Vec<String>, JsonError> {
        let mut value = json::value(bytes, limits::CONFIG_BYTES)?;
        profile::check(&mut value, &fields::CONFIG).map_err(JsonError::Malformed)
    }

    /// The config of an image: `bytes`, which `manifest` names as its config, agree with it and with the `platform` under
    /// which an index files it.
    pub fn of(manifest: &Manifest, bytes: &[u8], platform: Option<&Platform>) -> Result<Self, NotAnImage> {
        layered(manifest)?;
        let config = Self::read(Reading::Strict, bytes).map_err(NotAnImage::Config)?;
        if let Some(kind) = config.rootfs.kind.as_ref().filter(|kind| *kind != "layers") {
            return Err(NotAnImage::RootFs(clip(kind)));
        }
        let (named, layers) = (config.rootfs.diff_ids.len(), manifest.layers.len());
        if named != layers {
            return Err(NotAnImage::Layers { config: named, manifest: layers });
        }
        if let Some(platform) = platform.filter(|platform| !config.is_for(platform)) {
            let (index, config) = (clip(&platform.to_string()), clip(&config.platform().to_string()));
            return Err(NotAnImage::Platform { index, config });
        }
        Ok(config)
    }

    /// The platform that the config is for.
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone().filter(|variant| !variant.is_empty()),
            os_version: self.os_version.clone(),
        }
    }

    fn is_for(&self, platform: &Platform) -> bool {
        let (own, other) = (self.platform().normal(), platform.normal());
        let agree = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
        (&own.os, &own.architecture) == (&other.os, &other.architecture)
            && agree(own.variant.as_deref().unwrap_or_default(), other.variant.as_deref().unwrap_or_default())
            && agree(
                own.os_version.as_deref().unwrap_or_default(),
                other.os_version.as_deref().unwrap_or_default(),
            )
    }
}

/// Takes out what earlier Editions did not look at.
fn forget_newer(value: &mut Value) {
    let Some(config) = value.as_object_mut() else { return };
    config.remove("variant");
    config.remove("os.version");
    config.remove("history");
    if let Some(rootfs) = config.get_mut("rootfs").and_then(Value::as_object_mut) {
        rootfs.remove("type");
    }
    if let Some(run) = config.get_mut("config").and_then(Value::as_object_mut) {
        run.remove("Entrypoint");
        run.remove("Cmd");
        run.remove("Env");
    }
}

/// Whether the manifest alone can be one of an image.
fn layered(manifest: &Manifest) -> Result<(), NotAnImage> {
    let config = &manifest.config;
    if !matches!(config.media_type.as_str(), media::OCI_CONFIG | media::DOCKER_CONFIG) {
        return Err(NotAnImage::Kind { media_type: clip(&config.media_type), what: kind_of(manifest) });
    }
    if let Some(subject) = &manifest.subject {
        return Err(NotAnImage::Attached(subject.digest));
    }
    if manifest.layers.is_empty() {
        return Err(NotAnImage::NoLayers);
    }
    for layer in &manifest.layers {
        if !LAYERS.contains(&layer.media_type.as_str()) {
            return Err(NotAnImage::Layer { digest: layer.digest, media_type: layer.media_type.clone() });
        }
    }
    let named = std::iter::once(config).chain(&manifest.layers);
    match named.into_iter().find(|one| one.is_elsewhere()) {
        Some(one) => Err(NotAnImage::Elsewhere(one.digest)),
        None => Ok(()),
    }
}

impl Descriptor {
    /// Whether it names other addresses to fetch its content from.
    pub fn is_elsewhere(&self) -> bool {
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
    }
}

impl Platform {
    /// As clients normalise it (containerd, platforms): so that what one of them takes for the same is the same.
    #[must_use]
    pub fn normal(&self) -> Self {
        let os = match self.os.to_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            os => os.to_owned(),
        };
        let variant = self.variant.clone().unwrap_or_default().to_lowercase();
        let (architecture, variant) = match (self.architecture.to_lowercase().as_str(), variant.as_str()) {
            ("i386", _) => ("386".to_owned(), String::new()),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64".to_owned(), String::new()),
            ("x86_64" | "x86-64", _) => ("amd64".to_owned(), variant),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64".to_owned(), String::new()),
            ("aarch64", _) => ("arm64".to_owned(), variant),
            ("armhf", _) => ("arm".to_owned(), "v7".to_owned()),
            ("armel", _) => ("arm".to_owned(), "v6".to_owned()),
            ("arm", "" | "7") => ("arm".to_owned(), "v7".to_owned()),
            ("arm", "5" | "6" | "8") => ("arm".to_owned(), format!("v{variant}")),
            (other, _) => (other.to_owned(), variant),
        };
        let variant = Some(variant).filter(|variant| !variant.is_empty());
        Self { architecture, os, variant, os_version: self.os_version.clone() }
    }

    /// Whether it is that of no machine at all.
    pub fn is_unknown(&self) -> bool {
        (self.os.as_str(), self.architecture.as_str()) == ("unknown", "unknown") && self.variant.is_none()
    }

    /// Whether every client compares it in the same way: in lower case, and nothing empty.
    fn is_plain(&self) -> bool {
        let plain = |text: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        plain(&self.os) && plain(&self.architecture) && self.variant.as_ref().is_none_or(|one| plain(one))
    }
}

impl Index {
    /// Why it is up to the client which child it takes, for people. `attestation` says which children are none of the
    /// images.
    ///
    /// Errors: the reason.
    pub fn one_choice(&self, attestation: impl Fn(&Digest) -> bool) -> Result<(), String> {
        if self.subject.is_some() {
            return Err("the index is attached to something else (`subject`)".to_owned());
        }
        let (mut digests, mut platforms) = (BTreeSet::new(), BTreeSet::new());
        let images = self.manifests.iter().filter(|child| !attestation(&child.digest)).count();
        for child in &self.manifests {
            let digest = child.digest;
            if !digests.insert(digest) {
                return Err(format!("the index names {digest} twice"));
            }
            if child.is_elsewhere() {
                return Err(NotAnImage::Elsewhere(digest).to_string());
            }
            if attestation(&digest) {
                continue;
            }
            let Some(platform) = &child.platform else {
                if images == 1 {
                    continue;
                }
                return Err(format!(
                    "the index gives {digest} no platform: some clients take it for linux/amd64"
                ));
            };
            let shown = clip(&platform.to_string());
            if !platform.is_plain() {
                return Err(format!(
                    "the platform `{shown}` of {digest} is written as clients do not compare it"
                ));
            }
            if !platforms.insert(platform.normal()) {
                return Err(format!(
                    "the index has two images for `{shown}`: which one is taken is up to the client"
                ));
            }
        }
        Ok(())
    }
}

/// Whether a client takes a config of that media type for an image's.
pub fn is_config(media_type: &str) -> bool {
    let named = media_type.to_lowercase();
    let named = named.split(';').next().unwrap_or_default().trim().to_owned();
    named.contains("image.config") || named.contains("container.image")
}

/// Whether a layer of that media type is unpacked or run by some client.
fn is_unpacked(media_type: &str) -> bool {
    let named = media_type.to_lowercase();
    let mut words = named.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "tar" | "tgz" | "layer" | "rootfs" | "squashfs" | "erofs" | "wasm"))
}

/// Whether a child may be an attestation as `BuildKit` files it (`attestation-storage.md`): for no machine at all. Its
/// annotations say nothing.
pub fn may_be_attestation(child: &Descriptor) -> bool {
    child.platform.as_ref().is_some_and(Platform::is_unknown)
}

/// Whether a child of an index is an attestation and nothing that runs: for no machine at all, nothing but in-toto layers,
/// and a config that has nothing to start and nothing to unpack but these very layers.
pub fn is_attestation(child: &Descriptor, manifest: &Manifest, config: &[u8]) -> bool {
    let statements = manifest.layers.iter().all(|layer| layer.media_type == media::IN_TOTO);
    if !may_be_attestation(child) || manifest.layers.is_empty() || !statements || manifest.subject.is_some() {
        return false;
    }
    if manifest.config.media_type == media::OCI_EMPTY {
        return config == super::EMPTY_JSON;
    }
    let Ok(config_read) = ImageConfig::read(Reading::Strict, config) else { return false };
    let run = config_read.config.clone().unwrap_or_default();
    let starts =
        run.entrypoint.is_some_and(|one| !one.is_empty()) || run.cmd.is_some_and(|one| !one.is_empty());
    let layers = manifest.layers.iter().map(|layer| layer.digest);
    let unpacked = &config_read.rootfs.diff_ids;
    manifest.config.media_type == media::OCI_CONFIG
        && config_read.platform().is_unknown()
        && !starts
        && (unpacked.is_empty() || layers.eq(unpacked.iter().copied()))
}

/// Why a manifest that is attached to an artifact does not travel with it, for people; nothing when it cannot run.
/// `plain` says whether a layer's content was looked at and is no archive.
pub fn stays_behind(content: &Content, plain: impl Fn(&Digest) -> bool) -> Option<String> {
    let Content::Manifest(manifest) = content else {
        return Some("it is an index, whose images nobody judged".to_owned());
    };
    if let Some(layer) = manifest.layers.iter().find(|layer| is_unpacked(&layer.media_type)) {
        return Some(format!(
            "its layer {} is `{}`, which clients unpack",
            layer.digest,
            clip(&layer.media_type)
        ));
    }
    if !is_config(&manifest.config.media_type) {
        return None;
    }
    let layer = manifest.layers.iter().find(|layer| !plain(&layer.digest))?;
    Some(format!(
        "it has the config of an image, and its layer {} is an archive or was not looked at",
        layer.digest
    ))
}

/// Bytes of a tar header (POSIX, pax).
const HEADER: usize = 512;
/// How files of archives and of compressed data begin.
const MAGIC: [&[u8]; 9] = [
    b"\0",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"PK\x03\x04",
    b"hsqs",
    b"\x7fELF",
];

/// Whether some client could unpack or run `bytes`, whatever they are called: an archive, or compressed.
pub fn is_archive(bytes: &[u8]) -> bool {
    let skippable = matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    skippable || MAGIC.iter().any(|magic| bytes.starts_with(magic)) || is_tar(bytes)
}

/// Whether `bytes` begin as a tar does: every reader demands the sum of the header. Text may be one, too.
fn is_tar(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..HEADER) else { return false };
    let (before, rest) = header.split_at(148);
    let (field, after) = rest.split_at(8);
    let digits: String = field.iter().map(|byte| char::from(*byte)).collect();
    let digits = digits.trim_matches(|c| c == ' ' || c == '\0');
    let digits = digits.split(['\0', ' ']).next().unwrap_or_default();
    let Ok(said) = i64::from_str_radix(digits, 8) else { return false };
    let others = || before.iter().chain(after);
    let blanks = 8 * i64::from(b' ');
    let unsigned: i64 = others().map(|byte| i64::from(*byte)).sum();
    let signed: i64 = others().map(|byte| i64::from(byte.cast_signed())).sum();
    said == unsigned + blanks || said == signed + blanks
}
