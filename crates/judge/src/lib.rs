//! `decide`: may this artifact climb? A pure function from a Case to a Decision.
//!
//! No clock, network, file, environment, randomness, thread order or hash-map order reaches it. It never fails:
//! what is missing or malformed gives the verdict `unknown`, and `unknown` never proceeds.
#![forbid(unsafe_code)]

pub mod explain;
pub mod gates;
pub mod samples;

mod decide;
mod findings;
mod policy;
mod settings;

pub use settings::nearest;

pub use decide::{decide, decide_again};
pub use samples::{SAMPLES, Sample};
pub use settings::{SettingsError, check_settings};

/// The semantics of judging in this version. What changes the bytes of a Decision needs another Edition.
pub const EDITION: &str = "2026-1";
