//! A newcomer's way: quickstart, and what scripts get.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::process::Command;

use support::{Ran, Workspace};

mod support;

#[test]
fn shows_the_three_outcomes_and_leaves_a_folder_to_go_on_in() {
    let w = Workspace::quickstart();
    w.run(&["promote", "web:1.4.2", "--to", "staging"]).expect(0);
    let api = w.run(&["promote", "api:2.0.0", "--to", "staging"]).expect(3);
    assert!(api.out.contains("signature.missing") && api.out.contains("fix: "), "{}", api.out);
    let legacy = w.run(&["promote", "legacy:0.9.0", "--to", "staging"]).expect(4);
    assert!(
        legacy.out.contains("CVE-2024-12797") && legacy.out.contains("to 3.3.3-r0 or later"),
        "{}",
        legacy.out
    );
    w.run(&["sign", "oci:registry/dev/api:2.0.0", "--key", "keys/build.key", "--form", "both"]).expect(0);
    w.run(&["promote", "api:2.0.0", "--to", "prod"]).expect(1);
    w.run(&["promote", "api:2.0.0", "--to", "staging"]).expect(0);
    w.run(&["promote", "api:2.0.0", "--to", "prod"]).expect(0);
    w.run(&["ledger", "verify"]).expect(0);
    let held = w.run(&["status", "--output", "json"]).expect(0).json();
    assert_eq!(held["held"].as_array().unwrap().len(), 4, "{held}");
    assert!(w.run(&["scan", "oci:registry/dev/legacy:0.9.0"]).expect(0).out.contains("libssl3"));
    w.run(&["recover"]).expect(0);
}

#[test]
fn promoting_to_prod_needs_a_release_in_staging() {
    let w = Workspace::quickstart();
    // Whoever copies an image to staging by hand has not released it there.
    copy_folder(&w.folder.join("registry/dev/api"), &w.folder.join("registry/staging/api"));
    let ran = w.run(&["promote", "api:2.0.0", "--to", "prod"]).expect(3);
    assert!(ran.out.contains("route.not-released"), "{}", ran.out);
}

#[test]
fn every_decision_replays_to_the_same_bytes_elsewhere() {
    let w = Workspace::quickstart();
    let mut decisions = Vec::new();
    for service in ["web", "api", "legacy"] {
        let history = w.run(&["history", service, "--output", "json"]).expect(0).json();
        let rows = history["decisions"].as_array().unwrap().clone();
        decisions.extend(rows.iter().map(|row| row["decision"].as_str().unwrap().to_owned()));
    }
    assert_eq!(decisions.len(), 4);
    // No registry and no feed is left; another time zone; no network where the system lets us take it away.
    std::fs::remove_dir_all(w.folder.join("registry")).unwrap();
    std::fs::remove_dir_all(w.folder.join(".lockgate/feeds")).unwrap();
    let cut_off = Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|status| status.success());
    for decision in decisions {
        let mut replay = w.command(&["replay", &decision, "--output", "json"]);
        if cut_off {
            let mut inside = Command::new("unshare");
            inside.args(["-rn"]).arg(replay.get_program()).args(replay.get_args());
            inside.current_dir(&w.folder).env_clear();
            inside.envs(replay.get_envs().filter_map(|(name, value)| Some((name, value?))));
            replay = inside;
        }
        replay.env("TZ", "Asia/Kolkata").env("LC_ALL", "tr_TR.UTF-8");
        let ran = Ran::of(replay.output().unwrap()).expect(0).json();
        assert_eq!(ran["identical"], true, "{ran}");
        assert_eq!(ran["decision"], ran["replayed"]);
    }
}

#[test]
fn bad_input_is_told_with_its_place() {
    let w = Workspace::quickstart();
    for (arguments, code, expected) in [
        (&["promote", "web", "--to", "staging"][..], 1, "names no tag"),
        (&["promote", "web:9.9", "--to", "staging"], 1, "does not exist"),
        (&["promote", "web:1.4.2", "--to", "production"], 1, "dev -> staging -> prod"),
        (&["promote", "web:1.4.2", "--to", "dev"], 1, "first stage"),
        (&["show", "ffffffffffff"], 1, "0 recorded Decisions"),
        (&["ledger", "proof", "999"], 1, "there is no entry 999"),
        (&["sign", "oci:registry/dev/web:1.4.2", "--key", "keys/none.key"], 1, "keys/none.key"),
        (&["sign", "oci:registry/dev/web:1.4.2", "--key", "trust/build.pub"], 1, "trust/build.pub"),
        (&["scan", "web:1.4.2"], 1, "names no registry"),
        (&["feed", "import", "policy/not-root.rego"], 1, "policy/not-root.rego"),
        (&["promot"], 2, "promote"),
    ] {
        let ran = w.run(arguments).expect(code);
        assert!(ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
    w.edit_config(|text| text.replace("failOn: high", "failOn: hihg"));
    let ran = w.run(&["status"]).expect(1);
    assert!(
        ran.err.contains("lockgate.yaml:18:23: ") && ran.err.contains("did you mean `high`?"),
        "{}",
        ran.err
    );
}

#[test]
fn one_broken_record_of_a_feed_is_kept_out_counted_and_named() {
    let w = Workspace::init();
    let good = r#"{"id":"A-1","modified":"2026-01-01T00:00:00Z","affected":[]}"#;
    std::fs::write(
        w.folder.join("f.jsonl"),
        format!("{good}\n{{\"id\":1}}\n{}\n", good.replace("A-1", "A-2")),
    )
    .unwrap();
    let ran = w.run(&["feed", "import", "f.jsonl"]).expect(0);
    assert!(ran.out.contains("2 advisories") && ran.out.contains("f.jsonl: line 2"), "{}", ran.out);
}

#[test]
fn a_damaged_blob_stops_the_promotion() {
    let w = Workspace::quickstart();
    let blobs = w.folder.join("registry/dev/web/blobs/sha256");
    let largest = std::fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path());
    let largest = largest.max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&largest, bytes).unwrap();
    std::fs::remove_dir_all(w.folder.join(".lockgate/layers")).unwrap();
    let ran = w.run(&["promote", "web:1.4.2", "--to", "staging"]);
    assert!(ran.code == 1 || ran.code == 3, "{} {}", ran.out, ran.err);
    let name = largest.file_name().unwrap().to_str().unwrap();
    assert!(format!("{}{}", ran.out, ran.err).contains(name), "{} {}", ran.out, ran.err);
}

#[test]
fn a_rolled_back_ledger_is_refused() {
    let w = Workspace::quickstart();
    let state = w.folder.join(".lockgate");
    let copy = w.folder.join("copy");
    copy_folder(&state, &copy);
    w.run(&["judge", "web:1.4.2", "--to", "staging"]).expect(0);
    std::fs::copy(state.join("head.note"), copy.join("head.note")).unwrap();
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(&copy, &state).unwrap();
    let ran = w.run(&["promote", "web:1.4.2", "--to", "staging"]).expect(1);
    assert!(ran.err.contains("rolled back"), "{}", ran.err);
    assert!(w.run(&["ledger", "verify"]).expect(1).out.contains("rolled back"));
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let probe = Command::new("unshare").args(["-rm", "true"]).status();
    let probe = probe.map_err(|error| xtask::parts::Absent(error.to_string()));
    let probe = probe.and_then(|status| {
        if status.success() { Ok(()) } else { Err(xtask::parts::Absent("unshare -rm is not allowed".into())) }
    });
    let Some(()) = xtask::parts::or_skip(probe, "a full disk") else { return };
    let w = Workspace::quickstart();
    std::fs::rename(w.folder.join(".lockgate"), w.folder.join("state")).unwrap();
    std::fs::create_dir(w.folder.join(".lockgate")).unwrap();
    // A small disk of its own, on which promotions go on until it is full; then it grows.
    let script = r#"
        set -e
        mount -t tmpfs -o size=400k tmpfs .lockgate
        cp -r state/. .lockgate/
        i=0
        while "$0" promote web:1.4.2 --to staging >out 2>err; do i=$((i + 1)); [ $i -lt 50 ]; done
        mount -o remount,size=16m .lockgate
        "$0" recover
        "$0" ledger verify
        "$0" promote web:1.4.2 --to staging
    "#;
    let mut command = w.command(&[]);
    let program = command.get_program().to_owned();
    let mut inside = Command::new("unshare");
    inside.args(["-rm", "sh", "-c", script]).arg(program).current_dir(&w.folder).env_clear();
    inside.envs(command.env("x", "y").get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = Ran::of(inside.output().unwrap()).expect(0);
    assert!(ran.out.contains("The ledger is whole"), "{}", ran.out);
    let told = std::fs::read_to_string(w.folder.join("err")).unwrap();
    assert!(told.contains("full") && told.contains("make room"), "{told}");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
