//! What had relied on a key when it was revoked: which Decisions, Promotions and Releases, and which of them fall.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::decision::Outcome;
use crate::digest::Digest;
use crate::projection::PromotionState;
use crate::route::{Service, StageName};
use crate::time::Timestamp;

/// The version of the record's shape.
pub const BLAST_RADIUS_VERSION: u32 = 1;

/// Everything that relied on a key. Its canonical bytes are content of the ledger, named by the revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlastRadius {
    /// [`BLAST_RADIUS_VERSION`].
    pub version: u32,
    /// Digest of the key.
    pub key: Digest,
    /// The names by which Decisions knew it.
    pub names: BTreeSet<String>,
    /// The instant from which others may have signed with it; none: it is not believed at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
    /// Entries of the ledger that were looked at.
    pub ledger_size: u64,
    /// The Decisions that relied on it, in the ledger's order.
    pub decisions: Vec<Touched>,
    /// What stages hold by one of these Decisions.
    pub releases: Vec<Running>,
}

/// A Decision that relied on the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touched {
    /// Its place in the ledger.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Its digest.
    pub decision: Digest,
    /// The service.
    pub service: Service,
    /// Where the artifact was to go.
    pub to: StageName,
    /// The artifact.
    pub artifact: Digest,
    /// What it said.
    pub outcome: Outcome,
    /// What it says when it is judged again, for the same instant, with the revocation in the keyring.
    pub again: Outcome,
    /// Whether it said `proceed` and no longer does.
    pub falls: bool,
    /// The Decision below, when it relied on the key only through that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Digest>,
    /// How far the Promotion is that it authorised, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionState>,
    /// Codes of the findings that block now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// A Release that a stage holds by a Decision that relied on the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The service.
    pub service: Service,
    /// The stage.
    pub stage: StageName,
    /// The artifact.
    pub artifact: Digest,
    /// The tag, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The Decision that let it in.
    pub decision: Digest,
    /// Since when the stage holds it.
    pub since: Timestamp,
    /// Whether that Decision falls.
    pub falls: bool,
    /// The artifact of the latest earlier Release whose Decision stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<Digest>,
}

impl BlastRadius {
    /// The Decisions that fall.
    pub fn fallen(&self) -> impl Iterator<Item = &Touched> {
        self.decisions.iter().filter(|touched| touched.falls)
    }
}

impl Running {
    /// The command that puts the stage right; none when it need not be, or nothing good is known.
    pub fn command(&self) -> Option<String> {
        let good = self.last_good.filter(|_| self.falls)?;
        let tag = self.tag.as_ref().map(|tag| format!(" --tag {tag}")).unwrap_or_default();
        Some(format!("lockgate promote {}@{good} --to {}{tag}", self.service, self.stage))
    }
}
