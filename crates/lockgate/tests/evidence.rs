//! Baselines, VEX and reports of other scanners, by the commands that people type.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{SystemTime, UNIX_EPOCH};

use lockgate_model::Timestamp;
use serde_json::{Value, json};
use support::{Ran, Workspace, transcript};

mod support;

const LEGACY: &str = "oci:registry/dev/legacy:0.9.0";

/// So many days from now.
fn day(days: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let at = Timestamp::from_unix(i64::try_from(now).unwrap()).plus_seconds(days * 86_400);
    at.to_string()[..10].to_owned()
}

/// A quickstart workspace whose staging hears the key `security`, as `settings` say.
fn hearing(settings: &str) -> Workspace {
    let w = Workspace::quickstart();
    w.run(&["key", "generate", "security"]).expect(0);
    w.edit_config(|text| {
        let gate = format!("vulnerability: {{failOn: high, unfixed: pause, {settings}}}");
        let text = text.replacen("vulnerability: {failOn: high, unfixed: pause}", &gate, 1);
        text.replacen(
            "keys:\n  - name: build",
            "keys:\n  - name: security\n    file: trust/security.pub\n  - name: build",
            1,
        )
    });
    w
}

fn write(w: &Workspace, name: &str, value: &Value) {
    std::fs::write(w.folder.join(name), value.to_string()).unwrap();
}

fn attest(w: &Workspace, file: &str, kind: &str, key: &str) -> i32 {
    w.run(&["attest", LEGACY, "--key", key, "--predicate", file, "--type", kind]).code
}

fn promote(w: &Workspace) -> i32 {
    w.run(&["promote", "legacy:0.9.0", "--to", "staging"]).code
}

#[test]
fn a_baseline_is_made_by_a_scan_signed_and_borne_with() {
    let w = hearing("baseline: {keys: [security]}");
    assert_eq!(promote(&w), 4);
    let scan = |until: &str, reason: &str| {
        w.run(&["scan", LEGACY, "--baseline", "base.json", "--until", until, "--reason", reason])
    };
    let ran = scan(&day(400), "the base is rebuilt in spring").expect(1);
    assert!(ran.err.contains("at most 365 days"), "{}", ran.err);
    scan(&day(-1), "x").expect(1);
    scan(&day(30), " ").expect(1);
    scan("soon", "x").expect(2);
    w.run(&["scan", LEGACY, "--baseline", "base.json"]).expect(2);
    scan(&day(30), "the base is rebuilt in spring").expect(0);
    let text = std::fs::read_to_string(w.folder.join("base.json")).unwrap();
    assert!(text.contains("\"package\": \"pkg:apk/alpine/libcrypto3\""), "{text}");
    assert_eq!(attest(&w, "base.json", "baseline", "keys/build.key"), 0);
    assert_eq!(promote(&w), 4, "nobody named that key");
    assert_eq!(attest(&w, "base.json", "baseline", "keys/security.key"), 0);
    let ran = w.run(&["promote", "legacy:0.9.0", "--to", "staging"]).expect(0);
    assert!(ran.out.contains("0 blocking, 12 marked"), "{}", ran.out);
    let decision = w.run(&["history", "legacy", "--output", "json"]).expect(0).json();
    let decision =
        decision["decisions"].as_array().unwrap().last().unwrap()["decision"].as_str().unwrap().to_owned();
    let shown = w.run(&["show", &decision, "--all"]).expect(0).out;
    assert!(shown.contains("mark: baseline: until ") && shown.contains("by the key security"), "{shown}");
    w.run(&["replay", &decision]).expect(0);
}

#[test]
fn reports_are_wrapped_as_cosign_has_them_and_cross_checked() {
    let w = hearing("scanners: {mode: crossCheck, keys: [security], maxAgeDays: 3, names: [trivy]}");
    write(&w, "none.json", &json!({"hello": 1}));
    assert_eq!(attest(&w, "none.json", "vuln", "keys/security.key"), 1, "it is no report");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let made = Timestamp::from_unix(i64::try_from(now).unwrap() - 60).to_string();
    let report = json!({
        "SchemaVersion": 2, "ArtifactName": "legacy", "CreatedAt": made, "Trivy": {"Version": "0.76.0"},
        "Results": [{"Class": "os-pkgs", "Vulnerabilities": [{
            "VulnerabilityID": "CVE-2026-9", "PkgName": "musl", "InstalledVersion": "1.2.5-r10", "Severity": "CRITICAL",
        }]}],
    });
    write(&w, "trivy.json", &report);
    assert_eq!(promote(&w), 4);
    let promote = ["promote", "legacy:0.9.0", "--to", "staging"];
    assert!(w.run(&promote).out.contains("vulnerability.no-report"));
    assert_eq!(attest(&w, "trivy.json", "vuln", "keys/security.key"), 0);
    let ran = w.run(&promote).expect(4);
    assert!(ran.out.contains("CVE-2026-9: trivy 0.76.0 sees it, Lockgate does not"), "{}", ran.out);
    assert!(!ran.out.contains("vulnerability.no-report"), "{}", ran.out);
}

#[test]
fn provenance_tells_of_keys_that_cannot_be_read() {
    let w = hearing("vex: {keys: [security]}");
    let asked = ["provenance", LEGACY];
    w.run(&asked).expect(0);
    std::fs::write(w.folder.join("trust/security.pub"), "not a key").unwrap();
    let ran = w.run(&asked).expect(3);
    assert!(ran.out.contains("not read: the key security cannot be read"), "{}", ran.out);
}

#[test]
fn provenance_tells_of_roots_that_cannot_be_read() {
    let w = hearing("vex: {keys: [security]}");
    let asked = ["provenance", LEGACY];
    w.run(&asked).expect(0);
    let root = json!({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}).to_string();
    let instance = "{name: public, root: trust/root.json, issuers: [\"https://a.example\"]}";
    w.edit_config(|text| {
        assert!(text.contains("\ntrust: {}\n"));
        text.replacen("\ntrust: {}\n", &format!("\ntrust: {{sigstore: [{instance}]}}\n"), 1)
    });
    for root in ["", "not a root", "{}", &root[..20]] {
        std::fs::write(w.folder.join("trust/root.json"), root).unwrap();
        let ran = w.run(&asked).expect(1);
        assert!(ran.err.contains("trust/root.json"), "{root:?}: {}", ran.err);
        assert!(ran.err.contains("the trusted root"), "{root:?}: {}", ran.err);
    }
    std::fs::remove_file(w.folder.join("trust/root.json")).unwrap();
    let ran = w.run(&asked).expect(1);
    assert!(ran.err.contains("trust/root.json"), "{}", ran.err);
}

/// The evidence of an image through its life, as people ask about it. `VEX` is the digest of the document's manifest;
/// `promote` is what sees it, and `hide` what a registry may do.
#[test]
fn evidence_is_listed_and_forgotten_as_the_transcript_says() {
    let w = hearing("vex: {keys: [security]}");
    let statement = json!({"vulnerability": {"name": "CVE-2026-1"}, "products": [{"@id": "pkg:apk/alpine/openssl"}],
        "status": "affected", "action_statement": "wait"});
    let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/1", "author": "Ann",
        "version": 1, "timestamp": "2026-01-01T00:00:00Z", "statements": [statement]});
    write(&w, "vex.json", &vex);
    let index = w.folder.join("registry/dev/legacy/index.json");
    let listed = || {
        let pieces = w.run(&["evidence", "list", LEGACY, "--output", "json"]).expect(0).json();
        let all = pieces["evidence"].as_array().unwrap().clone();
        let vex = |one: &&Value| one["signed"].to_string().contains("openvex");
        all.iter().find(vex).map_or_else(String::new, |one| one["evidence"].as_str().unwrap().to_owned())
    };
    transcript::hold("evidence", |line| {
        let digest = listed();
        let ran = match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["lockgate", arguments @ ..] => {
                let filled: Vec<_> =
                    arguments.iter().map(|one| if *one == "VEX" { digest.as_str() } else { one }).collect();
                w.run(&filled)
            }
            ["promote"] => Ran { code: promote(&w), out: String::new(), err: String::new() },
            ["hide", "VEX"] => {
                let mut list: Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
                list["manifests"].as_array_mut().unwrap().retain(|one| one["digest"] != digest.as_str());
                std::fs::write(&index, list.to_string()).unwrap();
                Ran { code: 0, out: String::new(), err: String::new() }
            }
            other => panic!("{other:?}"),
        };
        Ran { out: transcript::plain(&ran.out), err: transcript::plain(&ran.err), ..ran }
    });
}

#[test]
fn vex_that_cannot_be_read_halts_a_promotion() {
    let w = hearing("vex: {keys: [security]}");
    let statement =
        json!({"vulnerability": {"name": "CVE-2026-1"}, "product": ["pkg:oci/legacy"], "status": "fixed"});
    let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-01-01T00:00:00Z", "statements": [statement]});
    write(&w, "vex.json", &vex);
    assert_eq!(attest(&w, "vex.json", "openvex", "keys/security.key"), 0);
    let ran = w.run(&["promote", "legacy:0.9.0", "--to", "staging"]).expect(4);
    let place = "`statements[0].product`: there is no such field; did you mean `products`?";
    assert!(ran.out.contains("vulnerability.vex-unread") && ran.out.contains(place), "{}", ran.out);
}
