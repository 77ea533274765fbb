//! Merkle mathematics of the ledger (RFC 6962; C2SP tlog-tiles, signed-note, tlog-checkpoint, tlog-proof).
//!
//! Everything here is a function of its arguments. Nothing that was read is believed before it reproduces a
//! root that a signed checkpoint names.
#![forbid(unsafe_code)]

mod checkpoint;
mod edge;
mod hash;
mod note;
mod proof;
mod prove;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use edge::{Edge, EdgeError, TILE_WIDTH, needed_tiles};
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
pub use note::{NoteError, SigningKey, VerifierKey};
pub use proof::{Proof, ProofError};
pub use prove::{
    HashReader, prove_consistency, prove_inclusion, root_of, verify_consistency, verify_inclusion,
    verify_leaf,
};
