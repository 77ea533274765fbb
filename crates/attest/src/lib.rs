//! Bytes to verified claims: who signed what, when at the latest, and what it says.
//!
//! [`verify`] examines what is attached to images, and asks the others. [`sigstore`] judges signatures by certificates
//! and keys with transparency logs and timestamps, [`notary`] those of the Notary Project. [`predicate`] reads what
//! attestations say. [`tuf`] says which files of a repository are the current ones. [`reading`] keeps what recorded Cases
//! were judged by. Trust material, revocation and the instant to judge for are arguments: the same bytes give the same
//! answer for ever. [`write`] and [`keyless`] make signatures.
//!
//! Nothing that is not covered by a signature counts: annotations, artifact types and key hints are passed
//! over. Limits on what is read are in [`limits`].
#![forbid(unsafe_code)]

pub mod dsse;
pub mod keyless;
pub mod keys;
pub mod limits;
pub mod notary;
pub mod predicate;
pub mod reading;
pub mod sigstore;
pub mod stamp;
pub mod statement;
pub mod tuf;
pub mod verify;
pub mod vsa;
pub mod write;
pub mod x509;

mod ber;
mod bundle;
mod hash;
mod simple_signing;
mod vouched;
