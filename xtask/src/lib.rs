//! Chores: the real parts that tests talk to, the checks that `tidy` makes, and the run of all tests.

pub mod bench;
pub mod compare;
pub mod corpus;
pub mod fuzz;
pub mod parts;
pub mod test;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The repository in which this runs. cargo tells it to whatever it runs; the place where this was compiled may be
/// another clone, whose target folder is shared.
pub fn root() -> PathBuf {
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = told.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned());
    let found = start.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    found.unwrap_or(&start).to_owned()
}
