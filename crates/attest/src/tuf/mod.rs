//! The Update Framework (TUF, specification 1.0): metadata that says which files are the current ones, and whose word that
//! is. [`Trusted`] follows the client's workflow (section 5) without a clock or a socket: whoever drives it fetches the files
//! and says what the instant is. [`write`] makes such metadata.
//!
//! Delegated targets are not followed: what is wanted from a repository stands in its top-level targets.

mod canon;
mod metadata;
mod trusted;
pub mod write;

use lockgate_model::Timestamp;

pub use metadata::{Key, Meta, Role, RoleKeys, Root, Signed, Snapshot, Target, Targets, TimestampMeta};
pub use trusted::{File, Trusted};

/// Why metadata or a file of a repository is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TufError {
    /// More bytes than are read.
    #[error("{what}: more than the {limit} bytes that are read of it")]
    TooLarge {
        /// The file.
        what: String,
        /// How many are.
        limit: usize,
    },
    /// It is no metadata of that kind.
    #[error("{what}: {why}")]
    Malformed {
        /// The file.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too few of the keys that may sign it have.
    #[error("{what}: {valid} of the {threshold} signatures verify that version {root} of the root asks for")]
    Signatures {
        /// The file.
        what: String,
        /// The version of the root whose keys were asked.
        root: u64,
        /// Distinct keys whose signatures verify.
        valid: usize,
        /// How many must.
        threshold: u64,
    },
    /// It is not the version that must come.
    #[error("{what}: it is version {found}, where version {expected} must be")]
    Version {
        /// The file.
        what: String,
        /// Its version.
        found: u64,
        /// The version that was named.
        expected: u64,
    },
    /// It is older than what was seen before.
    #[error(
        "{what}: version {found} of {of} is older than version {seen}, which was seen before: it was rolled back"
    )]
    Rollback {
        /// The file.
        what: String,
        /// What is older.
        of: &'static str,
        /// The version it has now.
        found: u64,
        /// The version seen before.
        seen: u64,
    },
    /// Nobody vouches for it any more.
    #[error("{what}: it expired at {expires}")]
    Expired {
        /// The file.
        what: String,
        /// When.
        expires: Timestamp,
    },
    /// It is not the file that the metadata above it lists.
    #[error("{what}: its {difference} is not the one that {by} lists")]
    Different {
        /// The file.
        what: String,
        /// `length`, or the name of a hash.
        difference: String,
        /// The role that lists it.
        by: Role,
    },
    /// The metadata does not list it.
    #[error("{by} lists no {what}")]
    Unlisted {
        /// The file.
        what: String,
        /// The role that should.
        by: Role,
    },
    /// The steps of the workflow were taken out of order.
    #[error("{0} was asked for before what vouches for it")]
    Order(&'static str),
    /// A key does not sign.
    #[error("{0}")]
    Key(String),
}

impl TufError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Expired { .. } => {
                "ask who keeps the repository to export it again; nothing was taken from it"
            }
            Self::Rollback { .. } => {
                "someone serves you an old repository: compare it with its keeper's; nothing was taken from it"
            }
            Self::Signatures { .. } => {
                "compare the pinned root with the one its keeper has, by a way that nobody else writes to"
            }
            Self::Different { .. } | Self::Version { .. } | Self::Unlisted { .. } => {
                "the repository was changed or is being written: fetch it again, and tell its keeper if that does not help"
            }
            Self::Key(_) => {
                "name a key that the root lists; `lockgate key show FILE` says which key a file holds"
            }
            Self::TooLarge { .. } | Self::Malformed { .. } | Self::Order(_) => {
                "look at the address: this is not a TUF repository that can be read"
            }
        }
    }
}
