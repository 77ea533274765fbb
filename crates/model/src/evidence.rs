//! What was found attached to an artifact: manifests that speak about it, and their content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::oci::{Content, Descriptor, media};

/// The predicate type of verification summaries (slsa.dev/spec/v1.1/verification_summary).
pub const SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// The annotation by which a verdict that Lockgate attached says so: its value is the stage.
pub const VERDICT: &str = "dev.lockgate.verdict";
/// The annotation in which cosign says what a bundle states.
const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";

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

/// What a referrer says that it is, in its manifest or in the list that names it. It is a claim, and nothing but the
/// choice of what to fetch rests on it: whoever makes a referrer may say this of it, and nobody else can say it of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Evidence.
    Evidence,
    /// A verdict or a ledger proof of Lockgate's own. No gate reads it.
    Own,
    /// A verification summary of somebody's: of Lockgate's of an earlier version, or about the source.
    Summary,
}

impl Kind {
    /// What an artifact type and annotations say.
    pub fn of(artifact_type: Option<&str>, annotations: &BTreeMap<String, String>) -> Self {
        let summary = annotations.get(PREDICATE_TYPE).is_some_and(|kind| kind == SUMMARY_TYPE);
        if artifact_type == Some(media::LEDGER_PROOF) || summary && annotations.contains_key(VERDICT) {
            Self::Own
        } else if summary {
            Self::Summary
        } else {
            Self::Evidence
        }
    }

    /// What an entry of a list of referrers says.
    pub fn of_listed(listed: &Descriptor) -> Self {
        Self::of(listed.artifact_type.as_deref(), &listed.annotations)
    }

    /// What a manifest says of itself.
    pub fn of_content(content: &Content) -> Self {
        match content {
            Content::Manifest(manifest) => Self::of(manifest.artifact_type.as_deref(), &manifest.annotations),
            Content::Index(_) => Self::Evidence,
        }
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

impl Evidence {
    /// The digests of all its bytes: the manifest's, and those of its content.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(&self.manifest.digest).chain(&self.blobs)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_verdicts_and_proofs_are_our_own() {
        let notes = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let vex = (PREDICATE_TYPE, "https://openvex.dev/ns/v0.2.0");
        let summary = (PREDICATE_TYPE, SUMMARY_TYPE);
        for (artifact_type, annotations, expected) in [
            (Some(media::LEDGER_PROOF), vec![], Kind::Own),
            (Some(media::SIGSTORE_BUNDLE), vec![summary, (VERDICT, "prod")], Kind::Own),
            (Some(media::SIGSTORE_BUNDLE), vec![summary], Kind::Summary),
            (Some(media::SIGSTORE_BUNDLE), vec![vex], Kind::Evidence),
            // Said of something that a gate may read, it means nothing.
            (Some(media::SIGSTORE_BUNDLE), vec![vex, (VERDICT, "prod")], Kind::Evidence),
            (Some(media::SIGSTORE_BUNDLE), vec![(VERDICT, "prod")], Kind::Evidence),
            (Some(media::NOTARY), vec![], Kind::Evidence),
            (None, vec![], Kind::Evidence),
        ] {
            assert_eq!(Kind::of(artifact_type, &notes(&annotations)), expected, "{annotations:?}");
        }
    }
}
