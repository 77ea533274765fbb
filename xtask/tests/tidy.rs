//! The repository is tidy, and tidy can tell.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use xtask::tidy::{Uses, arrows, run, source};

fn uses(pairs: &[(&str, &str)]) -> Uses {
    let mut uses = Uses::new();
    for (from, to) in pairs {
        uses.entry((*from).to_owned()).or_default().insert((*to).to_owned());
    }
    uses
}

#[test]
fn the_repository_is_tidy() {
    assert_eq!(run(), Ok(()));
}

#[test]
fn forbidden_arrows_are_seen() {
    assert!(arrows(&uses(&[("lockgate-judge", "lockgate-scan")])).is_empty());
    for forbidden in [
        ("lockgate-model", "lockgate-scan"),
        ("lockgate-engine", "lockgate-store"),
        ("xtask", "lockgate-model"),
    ] {
        assert_eq!(arrows(&uses(&[forbidden])).len(), 1, "{forbidden:?}");
    }
    let through = uses(&[("lockgate-judge", "x"), ("x", "tokio")]);
    assert!(arrows(&through)[0].contains("pure"));
    assert!(arrows(&uses(&[("lockgate", "y"), ("y", "ring")]))[0].contains("banned"));
}

#[test]
fn untidy_sources_are_seen() {
    assert!(source("a.rs", "//! What it is for.\n").is_empty());
    assert_eq!(source("a.rs", "fn main() {}\n").len(), 1);
    assert_eq!(source("a.rs", &format!("//! x\n{}", "\n".repeat(700))).len(), 1);
    for option in ["pub skip_scan: bool,", "pub(super) no_verify: bool,", "#[arg(long = \"force\")]"] {
        let text = format!("//! x\n{option}\n");
        assert_eq!(source("a/args/x.rs", &text).len(), 1, "{option}");
        assert!(source("a/b.rs", &text).is_empty(), "{option}");
    }
    assert!(source("a/args.rs", "//! x\npub fail_on: Severity,\n").is_empty());
    let said = ["//! x\nstruct Key", "Man", "ager;\n"].concat();
    assert_eq!(source("a.rs", &said).len(), 1);
}
