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

/// The semantics by which new Cases are judged. What changes the bytes of a Decision needs another Edition.
pub const EDITION: &str = "2026-2";

/// Every Edition that this version judges by: recorded Cases keep theirs.
///
/// `2026-1` knew no instances of Sigstore, and said of signatures by certificates that they are not read.
pub const EDITIONS: &[&str] = &[FIRST, EDITION];

/// The first Edition.
pub(crate) const FIRST: &str = "2026-1";
