//! The parts of the OCI image specification that Lockgate reads: descriptors, manifests, indexes, configs, and the profile
//! by which they are read (`docs/reading.md`).
//!
//! Own types rather than a library's, because the pure crates judge them: digests are sha256 only, duplicate
//! keys are refused, and the order of maps is fixed (ADR 0003).

mod fields;
mod image;
mod profile;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::json::{self, JsonError};
use crate::limits;

pub use image::{
    ImageConfig, NotAnImage, RootFs, RunConfig, is_archive, is_attestation, is_config, may_be_attestation,
    stays_behind,
};

/// Media types, by the specification that defines them.
pub mod media {
    /// OCI image manifest (image-spec, manifest.md).
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index (image-spec, image-index.md).
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image config (image-spec, config.md).
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// Docker image config.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// An in-toto statement, as BuildKit files it (`attestation-storage.md`).
    pub const IN_TOTO: &str = "application/vnd.in-toto+json";
    /// OCI empty descriptor, whose content is `{}` (image-spec, manifest.md, "Guidance for an empty descriptor").
    pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// OCI layer, gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// OCI layer, plain tar.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Sigstore bundle v0.3 (sigstore protobuf-specs).
    pub const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    /// cosign's simple signing payload (`SIGNATURE_SPEC.md`).
    pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
    /// DSSE envelope as cosign's `.att` layers carry it (`ATTESTATION_SPEC.md`).
    pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
    /// A Notary Project signature: what its config says that it is (`signature-specification.md`).
    pub const NOTARY: &str = "application/vnd.cncf.notary.signature";
    /// A JWS envelope, as the Notary Project's (`signature-envelope-jws.md`).
    pub const JOSE: &str = "application/jose+json";
    /// A COSE envelope, as the Notary Project's (`signature-envelope-cose.md`).
    pub const COSE: &str = "application/cose";
    /// A Lockgate ledger proof: a C2SP tlog-proof beside the entry it proves.
    pub const LEDGER_PROOF: &str = "application/vnd.lockgate.ledger-proof.v1+text";
    /// A Lockgate ledger entry, canonical JSON.
    pub const LEDGER_ENTRY: &str = "application/vnd.lockgate.ledger-entry.v1+json";
    /// Layer contents: an artifact whose blobs say what was found in each layer of the image that is its subject.
    pub const LAYER_CONTENTS: &str = "application/vnd.lockgate.layer-contents.v1";
    /// What was found in one layer, in postcard. It is not called a layer: that is what clients unpack, and what stays behind.
    pub const LAYER_CONTENT: &str = "application/vnd.lockgate.content.v1+postcard";
}

/// The content of an OCI empty descriptor.
pub const EMPTY_JSON: &[u8] = b"{}";

/// A pointer to content: media type, digest and size in bytes (image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content, in bytes.
    pub size: u64,
    /// What kind of artifact a manifest is, where a referrers list says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free annotations. They are not signed: nothing may trust them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The platform of an index's child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Other places to fetch the content from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
}

impl Descriptor {
    /// A bare descriptor of `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// A bare descriptor.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            annotations: BTreeMap::new(),
            platform: None,
            urls: None,
        }
    }

    /// The same pointer without artifact type, annotations and platform.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self::new(&self.media_type, self.digest, self.size)
    }

    /// Whether the media type is that of an index or manifest list.
    pub fn is_index(&self) -> bool {
        is_index(&self.media_type)
    }
}

/// Whether `media_type` is that of an index or manifest list.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, media::OCI_INDEX | media::DOCKER_LIST)
}

/// Whether `media_type` is that of a single manifest.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, media::OCI_MANIFEST | media::DOCKER_MANIFEST)
}

/// An operating system and processor (image-spec, image-index.md, "platform").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// Processor, as Go names it.
    pub architecture: String,
    /// Operating system, as Go names it.
    pub os: String,
    /// Variant of the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Version of the operating system, which Windows tells images apart by.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// An image manifest (image-spec, manifest.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of this manifest; older writers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Kind of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config blob.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An image index (image-spec, image-index.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Kind of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests pointed to.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// Reads a list of manifests by the profile, which may be longer than an image has platforms: the `index.json` of a layout
    /// (image-spec, image-layout.md), or what is under a fallback tag (distribution-spec, "Referrers Tag Schema").
    pub fn of_list(mut document: Value) -> Result<Self, OciError> {
        one_reading(media::OCI_INDEX, &mut document)?;
        let malformed = |error: serde_json::Error| OciError::Malformed {
            media_type: media::OCI_INDEX.to_owned(),
            source: JsonError::Malformed(error.to_string()),
        };
        serde_json::from_value(document).map_err(malformed)
    }
}

/// A manifest or an index, read strictly.
#[expect(clippy::large_enum_variant, reason = "few are held at a time, and each is taken apart at once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A single image or other artifact.
    Manifest(Manifest),
    /// Several manifests, usually one a platform.
    Index(Index),
}

/// By which rules documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As Editions 2026-1 and 2026-2 do, for their Cases alone: only byte-equal keys are refused.
    Loose,
    /// By the profile of `docs/reading.md`.
    Strict,
}

/// Why bytes are not a manifest that Lockgate reads.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The media type is of another kind.
    #[error("media type `{0}` is neither an OCI or Docker image manifest nor an index")]
    MediaType(String),
    /// The bytes are not the JSON that the media type promises.
    #[error("the {media_type} is malformed: {source}")]
    Malformed {
        /// The promised media type.
        media_type: String,
        /// What the reader said.
        #[source]
        source: JsonError,
    },
    /// Fields contradict each other (manifest confusion, CVE-2021-41190).
    #[error("the manifest contradicts itself: {0}")]
    Confused(String),
    /// More entries than are allowed.
    #[error("{actual} {what} where at most {limit} are allowed")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many are allowed.
        limit: usize,
    },
}

impl Content {
    /// Reads `bytes` as what `media_type` promises, by the profile.
    pub fn read(media_type: &str, bytes: &[u8]) -> Result<Self, OciError> {
        Self::read_as(Reading::Strict, media_type, bytes)
    }

    /// Reads `bytes` as what `media_type` promises.
    pub fn read_as(reading: Reading, media_type: &str, bytes: &[u8]) -> Result<Self, OciError> {
        let malformed = |source| OciError::Malformed { media_type: media_type.to_owned(), source };
        let mut value = json::value(bytes, limits::MANIFEST_BYTES).map_err(malformed)?;
        match reading {
            Reading::Loose => {
                unconfused(media_type, &value)?;
                forget_newer(&mut value);
            }
            Reading::Strict => drop(one_reading(media_type, &mut value)?),
        }
        let shape = |error: serde_json::Error| malformed(JsonError::Malformed(error.to_string()));
        if is_index(media_type) {
            let index: Index = serde_json::from_value(value).map_err(shape)?;
            at_most("platforms", index.manifests.len(), limits::PLATFORMS_PER_INDEX)?;
            Ok(Self::Index(index))
        } else if is_manifest(media_type) {
            let manifest: Manifest = serde_json::from_value(value).map_err(shape)?;
            at_most("layers", manifest.layers.len(), limits::LAYERS_PER_IMAGE)?;
            Ok(Self::Manifest(manifest))
        } else {
            Err(other_type(media_type))
        }
    }

    /// The places of fields in `bytes` that no client is known to read, sorted; a few of them where there are many.
    pub fn unknown_fields(media_type: &str, bytes: &[u8]) -> Result<Vec<String>, OciError> {
        let malformed = |source| OciError::Malformed { media_type: media_type.to_owned(), source };
        let mut value = json::value(bytes, limits::MANIFEST_BYTES).map_err(malformed)?;
        one_reading(media_type, &mut value)
    }

    /// The manifest that this content speaks about, for referrers.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Manifest(manifest) => manifest.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }
}

fn other_type(media_type: &str) -> OciError {
    OciError::MediaType(media_type.chars().take(100).collect())
}

/// Holds a document against the profile; the fields that are not known are given back.
fn one_reading(media_type: &str, value: &mut Value) -> Result<Vec<String>, OciError> {
    let object = match media_type {
        _ if is_index(media_type) => &fields::INDEX,
        _ if is_manifest(media_type) => &fields::MANIFEST,
        _ => return Err(other_type(media_type)),
    };
    let unknown = profile::check(value, object).map_err(OciError::Confused)?;
    calls_itself(media_type, value)?;
    let confused = |why: String| Err(OciError::Confused(why));
    if value.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        return confused("`schemaVersion` is not 2".to_owned());
    }
    if value.get("mediaType").is_some() {
        return Ok(unknown);
    }
    if matches!(media_type, media::DOCKER_MANIFEST | media::DOCKER_LIST) {
        return confused("it has no `mediaType`, which documents of Docker have".to_owned());
    }
    let config = value.get("config").and_then(|config| config.get("mediaType")?.as_str());
    if config.is_some_and(|config| folded_prefix(config, "application/vnd.docker.")) {
        return confused(
            "it has no `mediaType`, and a config of Docker: readers guess differently".to_owned(),
        );
    }
    Ok(unknown)
}

fn folded_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A document that has both `manifests` and `layers`, or whose `mediaType` is not what it was fetched as,
/// could be read in two ways (CVE-2021-41190).
fn unconfused(media_type: &str, value: &Value) -> Result<(), OciError> {
    if value.get("manifests").is_some() && (value.get("layers").is_some() || value.get("config").is_some()) {
        return Err(OciError::Confused("it has both `manifests` and `layers` or `config`".to_owned()));
    }
    calls_itself(media_type, value)
}

/// Takes out what earlier Editions did not look at.
fn forget_newer(value: &mut Value) {
    let Some(document) = value.as_object_mut() else { return };
    for name in ["config", "subject", "layers", "manifests"] {
        let Some(named) = document.get_mut(name) else { continue };
        let several = matches!(named, Value::Array(_));
        let descriptors =
            if several { named.as_array_mut().into_iter().flatten().collect() } else { vec![named] };
        for descriptor in descriptors {
            let Some(descriptor) = descriptor.as_object_mut() else { continue };
            descriptor.remove("urls");
            if let Some(platform) = descriptor.get_mut("platform").and_then(Value::as_object_mut) {
                platform.remove("os.version");
            }
        }
    }
}

fn calls_itself(media_type: &str, value: &Value) -> Result<(), OciError> {
    match value.get("mediaType").and_then(Value::as_str) {
        Some(inner) if inner != media_type => Err(OciError::Confused(format!(
            "it was fetched as `{media_type}` and calls itself `{}`",
            inner.chars().take(100).collect::<String>()
        ))),
        _ => Ok(()),
    }
}

fn at_most(what: &'static str, actual: usize, limit: usize) -> Result<(), OciError> {
    if actual > limit { Err(OciError::TooMany { what, actual, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    fn read(media_type: &str, text: &str) -> Result<Content, OciError> {
        Content::read(media_type, text.as_bytes())
    }

    #[test]
    fn refuses_confusion_and_foreign_types() {
        let config = format!(r#"{{"mediaType":"x","digest":"{ZERO}","size":1}}"#);
        let both = format!(r#"{{"schemaVersion":2,"manifests":[],"config":{config},"layers":[]}}"#);
        assert!(matches!(read(media::OCI_INDEX, &both), Err(OciError::Confused(_))));
        assert!(matches!(read(media::OCI_MANIFEST, &both), Err(OciError::Confused(_))));
        let wrong = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media::OCI_MANIFEST);
        assert!(matches!(read(media::OCI_INDEX, &wrong), Err(OciError::Confused(_))));
        assert!(matches!(read("text/plain", "{}"), Err(OciError::MediaType(_))));
    }

    #[test]
    fn refuses_more_layers_than_the_limit() {
        let layer = format!(r#"{{"mediaType":"x","digest":"{ZERO}","size":1}}"#);
        let layers = vec![layer.as_str(); limits::LAYERS_PER_IMAGE + 1].join(",");
        let text = format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{layers}]}}"#);
        assert!(matches!(read(media::OCI_MANIFEST, &text), Err(OciError::TooMany { .. })));
    }

    #[test]
    fn reads_a_manifest_whole() {
        let d = format!(r#"{{"mediaType":"x","digest":"{ZERO}","size":1}}"#);
        let text = format!(
            r#"{{"schemaVersion":2,"config":{d},"layers":[{d}],"subject":{d},"annotations":{{"a":"b"}}}}"#
        );
        let content = read(media::OCI_MANIFEST, &text).unwrap();
        assert_eq!(content.subject().map(|s| s.size), Some(1));
    }
}
