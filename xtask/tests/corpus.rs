//! Frozen Cases stay as they were frozen, and the manifest can tell.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use xtask::corpus::{check, compare, lost, read};

#[test]
fn the_corpus_is_what_its_manifest_says() {
    assert_eq!(check(&xtask::root()), Ok(vec![]));
}

#[test]
fn what_was_changed_added_or_taken_away_is_told() {
    let frozen = read("aa  corpus/2026-1/a/case.json\nbb  corpus/2026-1/a/decision.json\n");
    assert_eq!(frozen.len(), 2);
    assert!(compare(&frozen, &frozen).is_empty());
    let changed = read("aa  corpus/2026-1/a/case.json\ncc  corpus/2026-1/a/decision.json\n");
    assert!(compare(&frozen, &changed)[0].contains("was changed"));
    let fewer = read("aa  corpus/2026-1/a/case.json\n");
    assert!(compare(&frozen, &fewer)[0].contains("is gone"));
    assert!(compare(&fewer, &frozen)[0].contains("`cargo xtask corpus`"));
}

#[test]
fn a_manifest_that_was_rewritten_with_its_files_is_told_by_history() {
    let before = read("aa  corpus/2026-1/a/case.json\n");
    let rewritten = read("cc  corpus/2026-1/a/case.json\nbb  corpus/2026-3/b/case.json\n");
    assert!(lost(&rewritten, &before, "c0ffee")[0].contains("at c0ffee"));
    let grown = read("aa  corpus/2026-1/a/case.json\nbb  corpus/2026-3/b/case.json\n");
    assert!(lost(&grown, &before, "c0ffee").is_empty());
}
