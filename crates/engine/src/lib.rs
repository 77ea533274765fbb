//! The use cases: what Lockgate does when someone asks it to.
//!
//! Nothing here decides whether an artifact may climb: [`gather`] closes a Case, `lockgate-judge` judges it,
//! and what follows obeys the Decision. Every effect is announced by a ledger entry before it happens, and
//! carrying out a recorded intent ([`carry`]) is one function for the first attempt and for recovery.
#![forbid(unsafe_code)]

pub mod affected;
pub mod blast_radius;
pub mod carry;
pub mod contents;
pub mod error;
pub mod evidence;
pub mod feed;
pub mod gather;
pub mod judge;
pub mod keyring;
pub mod later;
pub mod ledger;
pub mod promote;
pub mod provenance;
pub mod recover;
pub mod replay;
pub mod reproduce;
pub mod scan;
pub mod sign;
pub mod workspace;

mod attachments;
mod staging;

pub use error::EngineError;
pub use workspace::Workspace;
