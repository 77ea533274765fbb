//! The material that these tests read where it is there.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses its part of this"
)]

use std::path::PathBuf;

/// The folder, or nothing: then the test says that it was skipped.
pub(crate) fn or_skip(test: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/arena"));
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("LOCKGATE_NO_SKIP").is_none(), "../shared/arena is not here");
    eprintln!("skipped: ../shared/arena is not here ({test})");
    None
}
