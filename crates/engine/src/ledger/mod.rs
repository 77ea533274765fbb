//! The ledger in use: one writer that commits in groups, proofs, and verification from the entries up.

mod hashes;
mod looked;
mod sequencer;
mod verify;

use lockgate_ledger::{CheckpointError, EdgeError, NoteError};
use lockgate_model::entry::EntryError;
use lockgate_model::ports::{PortError, Store, Trouble};
use lockgate_model::projection::Conflict;

pub use sequencer::{Appended, Remember, Sequencer};
pub use verify::{Problem, Report, verify};

use lockgate_ledger::{Proof, prove_inclusion};

/// Why the ledger refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store gave trouble.
    #[error(transparent)]
    Port(#[from] PortError),
    /// An entry would break a rule of the tables.
    #[error("{0}")]
    Refused(Conflict),
    /// An entry cannot be written.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The newest checkpoint is not signed by this ledger's key, or malformed.
    #[error("the newest checkpoint is refused: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The stored tree does not fit the checkpoint.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The checkpoint cannot be signed.
    #[error("the checkpoint cannot be signed: {0}")]
    Sign(#[from] NoteError),
    /// Other processes keep appending.
    #[error("gave up after many tries: other processes kept appending first; try again")]
    Crowded,
}

/// The proof that the entry at `index` is in the ledger of the newest checkpoint (C2SP tlog-proof).
pub async fn proof(store: &dyn Store, index: u64) -> Result<Proof, LedgerError> {
    let head = store.head().await?;
    let not_there = || {
        let reason = format!("there is no entry {index}; the ledger has {}", head.size);
        PortError::new(Trouble::NotFound, "ledger", reason, "`lockgate ledger list` lists the entries")
    };
    let checkpoint = head.checkpoint.clone().ok_or_else(not_there)?;
    let tiles = hashes::Tiles::load(store, head.size).await?;
    let hashes =
        prove_inclusion(index, head.size, &tiles).map_err(LedgerError::Port)?.ok_or_else(not_there)?;
    Ok(Proof { index, hashes, checkpoint })
}
