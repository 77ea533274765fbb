//! Bytes to verified claims: who signed what, in the forms that cosign writes and reads.
//!
//! Nothing that is not covered by a signature counts: annotations, artifact types and key hints are passed
//! over. Keyless and Notary Project signatures get modules of their own beside [`verify`]; until then a
//! certificate is refused with words, and transparency-log entries are not relied on.
#![forbid(unsafe_code)]

pub mod dsse;
pub mod keys;
pub mod limits;
pub mod notary;
pub mod predicate;
pub mod sigstore;
pub mod stamp;
pub mod statement;
pub mod validity;
pub mod verify;
pub mod vsa;
pub mod write;
pub mod x509;

mod bundle;
mod hash;
mod simple_signing;
