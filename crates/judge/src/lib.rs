//! `decide`: may this artifact climb? A pure function from a Case to a Decision.
//!
//! No clock, network, file, environment, randomness, thread order or hash-map order reaches it. It never fails:
//! what is missing or malformed gives the verdict `unknown`, and `unknown` never proceeds.
#![forbid(unsafe_code)]

pub mod edition;
pub mod explain;
pub mod gates;
pub mod samples;

mod account;
mod closure;
mod commands;
mod decide;
mod docket;
mod findings;
mod gate;
mod policy;
mod settings;

pub use commands::quoted;
pub use policy::json_schema as policy_input_schema;
pub use settings::nearest;

pub use edition::Edition;

pub use decide::{decide, decide_again};
pub use gates::{LayerWord, Signed, check_settings, hears_layer_contents, layer_words, signed};
pub use samples::{SAMPLES, Sample};
pub use settings::SettingsError;
