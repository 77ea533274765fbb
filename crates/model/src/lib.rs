//! Lockgate's words as types, their canonical bytes, and the ports through which the parts meet.
//!
//! This crate is pure: it knows no clock, network, file, environment or randomness. Time, entropy and bytes
//! are arguments. See `docs/GLOSSARY.md` for the words.
#![forbid(unsafe_code)]

pub mod blast_radius;
pub mod canon;
pub mod case;
pub mod decision;
pub mod digest;
pub mod entry;
pub mod evidence;
pub mod feed;
pub mod finding;
pub mod inventory;
pub mod json;
pub mod keyring;
pub mod limits;
pub mod oci;
pub mod ports;
pub mod projection;
pub mod reference;
pub mod relied;
pub mod route;
pub mod time;

pub use case::{Case, CaseRecord, Inputs};
pub use decision::{Answer, Decision, Outcome, Verdict};
pub use digest::{Digest, Hasher};
pub use entry::{Entry, Event};
pub use evidence::Evidence;
pub use finding::{Detail, Effect, Finding, Fix, Severity};
pub use inventory::{Inventory, Package};
pub use keyring::{Keyring, KeyringChange};
pub use oci::Descriptor;
pub use reference::{Reference, Repository};
pub use relied::Relied;
pub use route::{Route, Service, StageName};
pub use time::Timestamp;
