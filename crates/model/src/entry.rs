//! Ledger entries: the facts that change state, as canonical records.

use serde::{Deserialize, Serialize};

use crate::canon::{self, CanonError};
use crate::decision::Outcome;
use crate::digest::Digest;
use crate::feed::{FeedOrigin, FeedPeaks};
use crate::keyring::KeyringChange;
use crate::limits;
use crate::oci::Descriptor;
use crate::reference::Repository;
use crate::route::{Service, StageName};
use crate::time::Timestamp;

/// The version of the record's shape.
pub const ENTRY_VERSION: u32 = 1;

/// One fact: who did what, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// [`ENTRY_VERSION`].
    pub version: u32,
    /// When, by the clock of the machine that wrote it.
    pub at: Timestamp,
    /// The person or machine that acted.
    pub actor: String,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The ledger began.
    LedgerOpened {
        /// The name that its checkpoints carry (C2SP tlog-checkpoint, "origin").
        origin: String,
    },
    /// A feed was imported.
    FeedImported(FeedImported),
    /// A Case was judged.
    Decided(Decided),
    /// A promotion is about to change the target stage.
    PromotionIntended(Box<Intent>),
    /// The promotion that the Decision authorised is done: the stage now holds the artifact.
    PromotionCompleted {
        /// The Decision that authorised it.
        decision: Digest,
    },
    /// The promotion was given up before the stage's tag moved.
    PromotionUndone {
        /// The Decision that authorised it; it authorises no other.
        decision: Digest,
        /// Why.
        reason: String,
    },
    /// The keyring was changed.
    Keyring(KeyringChange),
    /// Someone must look.
    Alert(Box<Alert>),
    /// Evidence that was seen and is gone no longer holds the artifact up.
    EvidenceForgotten(Box<EvidenceForgotten>),
}

/// Evidence that was seen and is gone no longer holds the artifact up. Seen again later, it counts again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceForgotten {
    /// The artifact whose recorded Cases had it.
    pub artifact: Digest,
    /// The manifest that carried it.
    pub evidence: Digest,
    /// The newest Decision whose Case had it.
    pub decision: Digest,
    /// Why it may be gone.
    pub reason: String,
}

/// A promotion halted because of whose signature it has or lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The Decision that halted it.
    pub decision: Digest,
    /// The service.
    pub service: Service,
    /// Where the artifact was to go.
    pub to: StageName,
    /// The artifact.
    pub artifact: Digest,
    /// Codes of the findings that halted it, sorted.
    pub codes: Vec<String>,
}

/// A feed was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedImported {
    /// Digest of the feed.
    pub feed: Digest,
    /// Where it came from, as the importer was told: file names.
    pub sources: Vec<String>,
    /// Advisories in it.
    pub advisories: u64,
    /// Records that were refused.
    pub refused: u64,
    /// Newest change of any advisory in it.
    pub newest: Timestamp,
    /// All its sources, when each was fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<FeedOrigin>,
    /// Why it may have less than the feed before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it has less than the feed before it, a line each; the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Ecosystems, with their releases, that the feed before it had not; the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gained: Vec<String>,
    /// What it has less than feeds that were in force since a reason was last recorded; nothing when it has one itself.
    #[serde(default, skip_serializing_if = "FeedPeaks::is_empty")]
    pub peaks: FeedPeaks,
}

/// A Case was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Digest of the Decision's bytes.
    pub decision: Digest,
    /// Digest of the Case's bytes.
    pub case: Digest,
    /// The service.
    pub service: Service,
    /// Where the artifact is.
    pub from: StageName,
    /// Where it is to go.
    pub to: StageName,
    /// The artifact.
    pub artifact: Digest,
    /// The outcome.
    pub outcome: Outcome,
    /// Entries in the ledger when the Case was closed: a later change of the keyring was not judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_size: Option<u64>,
    /// Digest of the list of evidence in the Case, as canonical JSON: Decisions that saw the same have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
}

/// A promotion is about to change the target stage. Everything that carrying it out needs is here or in the
/// store by digest, so that recovery makes no choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The Decision that authorises it, and its only name: one Decision, one Promotion.
    pub decision: Digest,
    /// The service.
    pub service: Service,
    /// The stage that will hold the artifact.
    pub to: StageName,
    /// The artifact.
    pub artifact: Descriptor,
    /// The repository it is copied from.
    pub source: Repository,
    /// The repository it is copied to.
    pub target: Repository,
    /// The tag that moves last, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The verdict and its proof, to be attached to the artifact in the target.
    pub attachments: Vec<Attached>,
}

/// A manifest to be attached, and the blobs it names. Their bytes are in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// The manifest.
    pub manifest: Descriptor,
    /// Config and layers, by digest.
    pub blobs: Vec<Digest>,
}

/// Why an entry cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Larger than the ledger takes.
    #[error("the entry has {0} bytes; a ledger entry may have {limit}", limit = limits::ENTRY_BYTES)]
    TooLarge(usize),
    /// No canonical bytes.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// Of a version that this program does not know: what its fields mean is not known either.
    #[error("the entry is of version {0}; this version of Lockgate reads version {ENTRY_VERSION}")]
    Version(u32),
}

impl Entry {
    /// An entry of the present version.
    pub fn new(at: Timestamp, actor: &str, event: Event) -> Self {
        Self { version: ENTRY_VERSION, at, actor: actor.to_owned(), event }
    }

    /// The canonical bytes: what the Merkle tree hashes.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = canon::to_bytes(self)?;
        if bytes.len() > limits::ENTRY_BYTES { Err(EntryError::TooLarge(bytes.len())) } else { Ok(bytes) }
    }

    /// Reads canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > limits::ENTRY_BYTES {
            return Err(EntryError::TooLarge(bytes.len()));
        }
        let entry: Self = canon::from_bytes(bytes)?;
        if entry.version == ENTRY_VERSION { Ok(entry) } else { Err(EntryError::Version(entry.version)) }
    }
}

impl Event {
    /// The digests whose bytes the store must hold for this event. A Case names further ones.
    pub fn blobs(&self) -> Vec<Digest> {
        match self {
            Self::Decided(decided) => vec![decided.decision, decided.case],
            Self::PromotionIntended(intent) => intent
                .attachments
                .iter()
                .flat_map(|attached| std::iter::once(attached.manifest.digest).chain(attached.blobs.clone()))
                .collect(),
            Self::Keyring(KeyringChange::Revoked(revoking)) => revoking.blast_radius.into_iter().collect(),
            Self::Alert(alert) => vec![alert.decision],
            Self::EvidenceForgotten(forgotten) => vec![forgotten.evidence, forgotten.decision],
            Self::Keyring(_)
            | Self::LedgerOpened { .. }
            | Self::FeedImported(_)
            | Self::PromotionCompleted { .. }
            | Self::PromotionUndone { .. } => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_only_canonical_bytes_of_known_shape() {
        let at = Timestamp::from_unix(0);
        let entry = Entry::new(at, "ann", Event::LedgerOpened { origin: "example.com/ledger".into() });
        let bytes = entry.encode().unwrap();
        assert_eq!(Entry::decode(&bytes).unwrap(), entry);
        let text = String::from_utf8(bytes).unwrap();
        assert!(Entry::decode(text.replace(':', ": ").as_bytes()).is_err());
        assert!(Entry::decode(text.replace("origin", "0rigin").as_bytes()).is_err());
        assert!(Entry::decode(text.replace("\"version\"", "\"u\":1,\"version\"").as_bytes()).is_err());
    }

    #[test]
    fn what_was_forgotten_is_read_back_in_this_shape_alone() {
        let (artifact, evidence, decision) = (Digest::of(b"a"), Digest::of(b"e"), Digest::of(b"d"));
        let what = EvidenceForgotten { artifact, evidence, decision, reason: "withdrawn".into() };
        let event = Event::EvidenceForgotten(Box::new(what));
        assert_eq!(event.blobs(), [evidence, decision]);
        let entry = Entry::new(Timestamp::from_unix(0), "ann", event);
        let bytes = entry.encode().unwrap();
        assert_eq!(Entry::decode(&bytes).unwrap(), entry);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("\"type\":\"evidence-forgotten\""), "{text}");
        for (part, other) in [("\"reason\"", "\"reasons\""), ("\"reason\"", "\"r\":1,\"reason\"")] {
            assert!(Entry::decode(text.replace(part, other).as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn refuses_entries_of_another_version() {
        let event = Event::LedgerOpened { origin: String::new() };
        for version in [0, ENTRY_VERSION + 1] {
            let entry = Entry { version, ..Entry::new(Timestamp::from_unix(0), "ann", event.clone()) };
            let read = Entry::decode(&entry.encode().unwrap());
            assert!(matches!(read, Err(EntryError::Version(found)) if found == version), "{version}");
        }
    }

    #[test]
    fn refuses_entries_over_the_limit() {
        let actor = "a".repeat(limits::ENTRY_BYTES);
        let event = Event::LedgerOpened { origin: String::new() };
        let entry = Entry::new(Timestamp::from_unix(0), &actor, event);
        assert!(matches!(entry.encode(), Err(EntryError::TooLarge(_))));
    }
}
