//! in-toto statements (in-toto/attestation, spec/v1/statement.md; v0.1 as cosign still writes it).

use std::collections::BTreeMap;

use lockgate_model::{Descriptor, Digest, json, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type of statements, version 1.
pub const V1: &str = "https://in-toto.io/Statement/v1";
/// The type of statements, version 0.1.
pub const V0_1: &str = "https://in-toto.io/Statement/v0.1";
/// The predicate type of cosign's signature in bundle form (cosign, `BUNDLE_SPEC.md`).
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What is said about which subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`V1`] or [`V0_1`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What the predicate is.
    pub predicate_type: String,
    /// What is said.
    #[serde(default)]
    pub predicate: Value,
}

/// One thing that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// A name; nothing rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Digests by algorithm, in hex.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    /// Free annotations; signed with the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, Value>>,
}

/// What can be made out of a payload that is not a statement: all of it is optional.
#[derive(Debug, Clone, Default)]
pub(crate) struct Legible {
    subject: Vec<Subject>,
    /// What the predicate is.
    pub(crate) predicate_type: Option<String>,
}

impl Legible {
    /// What `payload`, which [`Statement::read`] refuses, says.
    pub(crate) fn of(payload: &[u8]) -> Self {
        let value = json::value(payload, limits::EVIDENCE_BYTES).unwrap_or_default();
        let subject = value.get("subject").and_then(|subject| Deserialize::deserialize(subject).ok());
        let predicate_type = value.get("predicateType").and_then(Value::as_str).map(str::to_owned);
        Self { subject: subject.unwrap_or_default(), predicate_type }
    }

    /// Whether it names what it is about, and that is neither `artifact` nor one of `commits`.
    pub(crate) fn is_about_others(&self, artifact: &Digest, commits: &[String]) -> bool {
        let named = !self.subject.is_empty() && self.subject.iter().all(|one| !one.digest.is_empty());
        let ours = is_about(&self.subject, artifact);
        named && !ours && !commits.iter().any(|commit| is_about_commit(&self.subject, commit))
    }
}

fn is_about(subjects: &[Subject], digest: &Digest) -> bool {
    let hex = digest.hex();
    subjects.iter().any(|subject| subject.digest.get("sha256") == Some(&hex))
}

fn is_about_commit(subjects: &[Subject], commit: &str) -> bool {
    subjects.iter().any(|subject| subject.digest.get("gitCommit").is_some_and(|one| one == commit))
}

/// At what a statement aims, seen from an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// At the artifact itself: all platforms, where it is an index.
    Artifact,
    /// At one of its platforms only: of the others it says nothing.
    Platform(Digest),
}

impl Statement {
    /// Whether the statement is about `artifact` or, where that is an index, about which of its `platforms`.
    pub fn aim(&self, artifact: &Digest, platforms: &[Digest]) -> Option<Aim> {
        if self.is_about(artifact) {
            return Some(Aim::Artifact);
        }
        platforms.iter().find(|platform| self.is_about(platform)).copied().map(Aim::Platform)
    }

    /// A statement about one artifact.
    pub fn about(artifact: &Descriptor, predicate_type: &str, predicate: Value) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), artifact.digest.hex())]);
        Self {
            kind: V1.to_owned(),
            subject: vec![Subject { name: None, digest, annotations: None }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// Reads the payload of an envelope. Of an unknown statement type nothing is believed.
    pub fn read(payload: &[u8]) -> Result<Self, String> {
        let statement: Self =
            json::from_slice(payload, limits::EVIDENCE_BYTES).map_err(|error| error.to_string())?;
        if statement.kind == V1 || statement.kind == V0_1 {
            Ok(statement)
        } else {
            Err(format!(
                "statement type `{}` is not known",
                statement.kind.chars().take(100).collect::<String>()
            ))
        }
    }

    /// Whether one of the subjects is a git commit.
    pub fn is_about_commit(&self, commit: &str) -> bool {
        is_about_commit(&self.subject, commit)
    }

    /// Whether one of the subjects is `digest`, by sha256.
    pub fn is_about(&self, digest: &Digest) -> bool {
        is_about(&self.subject, digest)
    }
}
