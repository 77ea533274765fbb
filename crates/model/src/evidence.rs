//! What was found attached to an artifact: manifests that speak about it, and their content.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::oci::Descriptor;

/// How a piece of evidence was attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// A manifest with a `subject` (OCI 1.1), found by the referrers API or the fallback tag.
    Referrer,
    /// cosign's `sha256-<hex>.sig` tag.
    SignatureTag,
    /// cosign's `sha256-<hex>.att` tag.
    AttestationTag,
    /// cosign's `sha256-<hex>.sbom` tag.
    SbomTag,
}

impl Attachment {
    /// The tag that carries this kind of attachment for `subject`, if it is found by a tag.
    pub fn tag(self, subject: &Digest) -> Option<String> {
        let suffix = match self {
            Self::Referrer => return None,
            Self::SignatureTag => "sig",
            Self::AttestationTag => "att",
            Self::SbomTag => "sbom",
        };
        Some(format!("sha256-{}.{suffix}", subject.hex()))
    }
}

/// The tag under which registries without the referrers API list a manifest's referrers (OCI
/// distribution-spec, "Referrers Tag Schema").
pub fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// One piece of evidence: a manifest that was found attached to an artifact. Where it was found, and every
/// annotation, is a claim; only what verifies counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// The manifest it was found at: the artifact itself or, for an index, one of its children.
    pub subject: Digest,
    /// How it was attached.
    pub attachment: Attachment,
    /// The manifest that carries it.
    pub manifest: Descriptor,
    /// The content that was fetched, in the order of the manifest's layers.
    pub blobs: Vec<Digest>,
}

/// A manifest that belongs to an artifact because it is attached to it, to one of its images, or to another that is. Which of
/// them travel is settled when the Case is closed, and nothing is listed again when it is copied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// The manifest it was found at.
    pub subject: Digest,
    /// How it was attached.
    pub attachment: Attachment,
    /// The manifest itself.
    pub manifest: Descriptor,
    /// Why a promotion leaves it behind, for people: it could be run. Nothing where it travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays_behind: Option<String>,
}

impl Companion {
    /// One that travels.
    pub fn new(subject: Digest, attachment: Attachment, manifest: Descriptor) -> Self {
        Self { subject, attachment, manifest, stays_behind: None }
    }
}
