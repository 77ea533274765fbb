//! The tables that answer questions, as rows, and the pure function that derives their changes from entries.
//!
//! A store applies the changes of an entry in the transaction that appends it, and can throw every row away
//! and derive them again.

use serde::{Deserialize, Serialize};

use crate::decision::Outcome;
use crate::digest::Digest;
use crate::entry::{Alert, Entry, Event, EvidenceForgotten, Intent};
use crate::feed::{FeedOrigin, FeedPeaks};
use crate::keyring::{KeyringChange, Refusal, Said};
use crate::reference::Repository;
use crate::route::{Service, StageName};
use crate::time::Timestamp;

/// A recorded Decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRow {
    /// Its place in the ledger.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// Digest of the Decision.
    pub decision: Digest,
    /// Digest of the Case.
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
    /// Entries in the ledger when the Case was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_size: Option<u64>,
    /// Digest of the list of evidence in the Case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
}

/// Evidence that was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenRow {
    /// Its place in the ledger.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who acted.
    pub actor: String,
    /// What was forgotten, and why.
    pub what: EvidenceForgotten,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    /// Its place in the ledger.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who asked for what was halted.
    pub actor: String,
    /// What it is about.
    pub alert: Alert,
}

/// How far a Promotion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromotionState {
    /// Intended; its effects may or may not have happened.
    Open,
    /// Completed.
    Done,
    /// Given up.
    Undone,
}

/// A Promotion, named by the Decision that authorised it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionRow {
    /// Place of the intent in the ledger.
    pub seq: u64,
    /// When it was intended.
    pub at: Timestamp,
    /// Who acted.
    pub actor: String,
    /// How far it is.
    pub state: PromotionState,
    /// The intent, whole.
    pub intent: Intent,
}

/// A Release: what a stage holds, or held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// Place of the completion in the ledger.
    pub seq: u64,
    /// When it was completed.
    pub at: Timestamp,
    /// Who acted.
    pub actor: String,
    /// The service.
    pub service: Service,
    /// The stage.
    pub stage: StageName,
    /// The artifact.
    pub artifact: Digest,
    /// The repository that holds it.
    pub repository: Repository,
    /// The tag, if it has one.
    pub tag: Option<String>,
    /// The Decision that let it in.
    pub decision: Digest,
}

/// An imported feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRow {
    /// Place of the import in the ledger.
    pub seq: u64,
    /// When it was imported.
    pub at: Timestamp,
    /// Who imported it.
    pub actor: String,
    /// Digest of the feed.
    pub feed: Digest,
    /// Where it came from.
    pub sources: Vec<String>,
    /// Advisories in it.
    pub advisories: u64,
    /// Records refused.
    pub refused: u64,
    /// Newest change of any advisory in it.
    pub newest: Timestamp,
    /// All its sources, when each was fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<FeedOrigin>,
    /// Why it may have less than the feed before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it has less than the feed before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// What the next feed is held against besides this one.
    #[serde(default, skip_serializing_if = "FeedPeaks::is_empty")]
    pub peaks: FeedPeaks,
}

/// What one entry does to the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a feed; importing the same one again replaces its row.
    AddFeed(Box<FeedRow>),
    /// Adds a Decision; judging the same Case again replaces its row.
    AddDecision(Box<DecisionRow>),
    /// Opens a Promotion. A store must refuse it with a [`Conflict`] when the Decision is not recorded with
    /// outcome `proceed`, when it has authorised a Promotion before, when another Promotion of the same
    /// service into the same stage is open, or when the keyring was changed since its Case was closed.
    OpenPromotion(Box<PromotionRow>),
    /// Closes a Promotion as `Done` and makes its artifact the stage's Release. A store must refuse it with
    /// a [`Conflict`] when the Promotion is not open.
    CompletePromotion {
        /// The Decision that authorised it.
        decision: Digest,
        /// Place of the completion in the ledger.
        seq: u64,
        /// When.
        at: Timestamp,
        /// Who.
        actor: String,
    },
    /// Closes a Promotion as `Undone`. A store must refuse it when the Promotion is not open.
    UndoPromotion {
        /// The Decision that authorised it.
        decision: Digest,
    },
    /// Changes the keyring. A store must refuse it with a [`Conflict`] when [`crate::Keyring::apply`] does.
    ChangeKeyring {
        /// By which entry.
        said: Said,
        /// How.
        change: Box<KeyringChange>,
    },
    /// Adds an alert.
    AddAlert(Box<AlertRow>),
    /// Forgets evidence. A store must refuse it with a [`Conflict`] when the Decision that it names is not recorded, or is
    /// about another artifact.
    ForgetEvidence(Box<ForgottenRow>),
}

/// Why a store refuses an entry: the rule of the projection that it would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Nothing recorded allows this Promotion.
    #[error("no recorded Decision {0} with outcome `proceed` exists: nothing authorises this promotion")]
    NoPermit(Digest),
    /// The Decision has authorised a Promotion before.
    #[error("Decision {0} has already been used: one Decision authorises one Promotion; judge again")]
    PermitSpent(Digest),
    /// Another Promotion is under way.
    #[error("another promotion of {service} to {stage} is under way (Decision {by})")]
    PromotionOpen {
        /// The service.
        service: Service,
        /// The stage.
        stage: StageName,
        /// The Decision that authorised the other one.
        by: Digest,
    },
    /// The Promotion is not open: never intended, or already completed or undone.
    #[error("the promotion of Decision {0} is not open: it was completed or undone by someone else")]
    NotOpen(Digest),
    /// The keyring was changed after the Case was closed.
    #[error(
        "the keyring was changed by entry {by}, after the Case of Decision {decision} was closed: judge again"
    )]
    KeyringChanged {
        /// The Decision.
        decision: Digest,
        /// The entry that changed the keyring.
        by: u64,
    },
    /// No recorded Decision saw the evidence.
    #[error("no recorded Decision {decision} about {artifact} exists: nothing that it saw can be forgotten")]
    NotSeen {
        /// The Decision.
        decision: Digest,
        /// The artifact.
        artifact: Digest,
    },
    /// A change would break a rule of the keyring.
    #[error(transparent)]
    Keyring(#[from] Refusal),
}

/// The changes that `entry`, at place `seq` of the ledger, makes.
pub fn changes(seq: u64, entry: &Entry) -> Vec<Change> {
    let (at, actor) = (entry.at, entry.actor.clone());
    match &entry.event {
        Event::LedgerOpened { .. } => vec![],
        Event::FeedImported(import) => vec![Change::AddFeed(Box::new(FeedRow {
            seq,
            at,
            actor,
            feed: import.feed,
            sources: import.sources.clone(),
            advisories: import.advisories,
            refused: import.refused,
            newest: import.newest,
            origins: import.origins.clone(),
            reason: import.reason.clone(),
            lost: import.lost.clone(),
            peaks: import.peaks.clone(),
        }))],
        Event::Decided(decided) => vec![Change::AddDecision(Box::new(DecisionRow {
            seq,
            at,
            actor,
            decision: decided.decision,
            case: decided.case,
            service: decided.service.clone(),
            from: decided.from.clone(),
            to: decided.to.clone(),
            artifact: decided.artifact,
            outcome: decided.outcome,
            ledger_size: decided.ledger_size,
            evidence: decided.evidence,
        }))],
        Event::PromotionIntended(intent) => vec![Change::OpenPromotion(Box::new(PromotionRow {
            seq,
            at,
            actor,
            state: PromotionState::Open,
            intent: (**intent).clone(),
        }))],
        Event::PromotionCompleted { decision } => {
            vec![Change::CompletePromotion { decision: *decision, seq, at, actor }]
        }
        Event::PromotionUndone { decision, .. } => vec![Change::UndoPromotion { decision: *decision }],
        Event::Keyring(change) => {
            vec![Change::ChangeKeyring { said: Said { seq, at, actor }, change: Box::new(change.clone()) }]
        }
        Event::Alert(alert) => {
            vec![Change::AddAlert(Box::new(AlertRow { seq, at, actor, alert: (**alert).clone() }))]
        }
        Event::EvidenceForgotten(what) => {
            let row = ForgottenRow { seq, at, actor, what: (**what).clone() };
            vec![Change::ForgetEvidence(Box::new(row))]
        }
    }
}
