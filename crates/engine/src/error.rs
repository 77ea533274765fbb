//! What can go wrong in a use case, with what to do about it.

use lockgate_attest::keys::KeyError;
use lockgate_model::canon::CanonError;
use lockgate_model::ports::PortError;
use lockgate_model::projection::Conflict;
use lockgate_model::route::RouteError;
use lockgate_model::{Digest, Service, Timestamp};
use lockgate_scan::feed::Loss;

use crate::ledger::LedgerError;

/// Why a use case stopped. A Decision that says no is no error.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A registry, the store or a file gave trouble.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The route has no such stage, or it cannot be promoted to.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A value has no canonical bytes, or stored bytes are not canonical.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Evidence could not be written.
    #[error("the evidence could not be written: {0}")]
    Attest(String),
    /// A feed cannot be read.
    #[error("the feed cannot be read: {0}")]
    Feed(String),
    /// A feed has less than the one before it, and nobody said why.
    #[error("the new feed has less than the feed in force: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    FeedLost(Vec<Loss>),
    /// A source of a feed says that it was fetched later than now.
    #[error("source `{source_name}` of the feed says that it was fetched later than now, {now}")]
    FeedOfTomorrow {
        /// The source.
        source_name: String,
        /// Now.
        now: Timestamp,
    },
    /// The index of inventories cannot be read or made.
    #[error("{0}")]
    Index(String),
    /// The tag does not exist.
    #[error("{reference} does not exist")]
    NoSuchTag {
        /// The reference.
        reference: String,
    },
    /// No Decision begins with these digits, or several do.
    #[error("{found} recorded Decisions begin with `{prefix}`")]
    Prefix {
        /// What was asked for.
        prefix: String,
        /// How many there are.
        found: usize,
    },
    /// Something that a record names is not in the store.
    #[error("{what} {digest} is not in the store")]
    Missing {
        /// What it is.
        what: &'static str,
        /// Its name.
        digest: Digest,
    },
    /// There is nothing to undo, or it is too late.
    #[error("the promotion of {service} by Decision {decision} cannot be undone: {reason}")]
    CannotUndo {
        /// The service.
        service: Service,
        /// The Decision.
        decision: Digest,
        /// Why.
        reason: &'static str,
    },
    /// Evidence cannot be forgotten.
    #[error("the evidence {evidence} cannot be forgotten: {reason}")]
    CannotForget {
        /// The manifest that carries it.
        evidence: Digest,
        /// Why.
        reason: &'static str,
    },
    /// Work on another thread did not end.
    #[error("the work was interrupted")]
    Interrupted,
}

impl EngineError {
    /// What to do about it, where more can be said than the error itself says.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::FeedLost(_) => Some(
                "the feed in force stays. Look at the sources; if the loss is right, say why: the same command with \
                 --reason TEXT, which is recorded"
                    .to_owned(),
            ),
            Self::FeedOfTomorrow { .. } => {
                Some("set this machine's clock, or that of the machine that made the feed".to_owned())
            }
            Self::Port(error) if !error.help.is_empty() => Some(error.help.clone()),
            Self::NoSuchTag { .. } => {
                Some("push the image there first, or name another tag or digest".into())
            }
            Self::Prefix { found: 0, .. } => {
                Some("`lockgate history SERVICE` lists the Decisions of a service".into())
            }
            Self::CannotForget { .. } => {
                Some("`lockgate evidence list IMAGE` lists what was seen and is gone".into())
            }
            Self::Prefix { .. } => Some("give more digits".into()),
            Self::Missing { .. } => Some("`lockgate ledger verify` tells what else is damaged".into()),
            Self::Index(_) => Some("delete `inventories.index` in the state folder: it is made again".into()),
            Self::Ledger(error) => ledger_help(error),
            _ => None,
        }
    }

    /// The rule of the ledger's tables that was broken, if that is what happened.
    pub fn conflict(&self) -> Option<&Conflict> {
        match self {
            Self::Ledger(LedgerError::Refused(conflict)) => Some(conflict),
            _ => None,
        }
    }
}

fn ledger_help(error: &LedgerError) -> Option<String> {
    match error {
        LedgerError::Port(error) if !error.help.is_empty() => Some(error.help.clone()),
        LedgerError::Refused(Conflict::PromotionOpen { .. }) => Some(
            "wait until it is done; if its process died, `lockgate recover` finishes it or `lockgate recover --undo DECISION --reason TEXT` gives it up"
                .into(),
        ),
        LedgerError::Refused(Conflict::PermitSpent(_) | Conflict::KeyringChanged { .. }) => {
            Some("run `lockgate promote` again".into())
        }
        LedgerError::Refused(Conflict::Keyring(refusal)) => Some(refusal.help()),
        _ => None,
    }
}
