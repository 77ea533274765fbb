//! The keyring's commands as people type them, against what was printed before: `tests/transcripts`. Times and digests
//! are left out of the comparison. `LOCKGATE_BLESS=1` writes what is printed now.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use lockgate::sample_images;
use lockgate_model::ports::Registry;
use lockgate_registry::{Registries, Settings};
use support::{Ran, Workspace, transcript};

mod support;

/// A workspace whose gate asks for a builder of the keyring, with an unsigned image in dev.
fn workspace() -> Workspace {
    let w = Workspace::init();
    w.edit_config(|text| {
        let gates = text.find("    gates:").unwrap();
        let by_role = text.replace("signature: {keys: [build], required: 1}", "signature: {role: builder}");
        assert!(gates > 0 && by_role != text);
        let without = |text: String, gate: &str| {
            text.lines().filter(|line| !line.trim_start().starts_with(gate)).collect::<Vec<_>>().join("\n")
        };
        without(without(by_role, "vulnerability:"), "policy:") + "\n"
    });
    let registries = Registries::new(Settings { base: w.folder.clone(), ..Settings::default() });
    let repository = "oci:registry/dev/web".parse().unwrap();
    let sample = sample_images::all().unwrap().remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let manifest = registries.push(&repository, &sample.upload).await.unwrap();
        registries.tag(&repository, "1", &manifest).await.unwrap();
    });
    w
}

#[test]
fn keys_are_kept_rotated_and_revoked_as_the_transcript_says() {
    let w = workspace();
    transcript::hold("keys", |line| {
        let (actor, command) = match line.split_once(": lockgate ") {
            Some((actor, command)) => (actor, command),
            None => ("ann", line.strip_prefix("lockgate ").unwrap()),
        };
        let arguments: Vec<_> = command.split(' ').collect();
        let ran = Ran::of(w.command(&arguments).env("LOCKGATE_ACTOR", actor).output().unwrap());
        Ran { out: transcript::plain(&ran.out), err: transcript::plain(&ran.err), ..ran }
    });
}

#[test]
fn a_key_is_in_the_file_or_in_the_keyring_and_gates_name_either() {
    let w = workspace();
    // By name, of the keyring.
    w.edit_config(|text| {
        text.replace("{role: builder}", "{keys: [ci]}").replace("name: build", "name: other")
    });
    let ran = w.run(&["status"]).expect(1);
    assert!(ran.err.contains("no key `ci` is listed under `keys` or in the keyring"), "{}", ran.err);
    w.run(&["key", "generate", "ci"]).expect(0);
    w.run(&["key", "add", "ci", "--owner", "ci", "--role", "builder", "--stages", "staging"]).expect(0);
    w.run(&["status"]).expect(0);
    w.run(&["sign", "oci:registry/dev/web:1", "--key", "keys/ci.key"]).expect(0);
    w.run(&["promote", "web:1", "--to", "staging"]).expect(0);
    let prod = w.run(&["promote", "web:1", "--to", "prod"]).expect(3);
    assert!(
        prod.out.contains("[signature.key-other-stage] the key `ci` serves staging, not prod"),
        "{}",
        prod.out
    );
    // In both, by name and by key.
    for (name, file) in [("ci", "trust/build.pub"), ("other", "trust/ci.pub")] {
        let before = std::fs::read_to_string(w.folder.join("lockgate.yaml")).unwrap();
        w.edit_config(|text| {
            text.replace("name: other", &format!("name: {name}"))
                .replace("file: trust/build.pub", &format!("file: {file}"))
        });
        for command in [&["status"][..], &["promote", "web:1", "--to", "staging"]] {
            let ran = w.run(command).expect(1);
            assert!(ran.err.contains("in the keyring too") && ran.err.contains("help: take"), "{}", ran.err);
        }
        std::fs::write(w.folder.join("lockgate.yaml"), before).unwrap();
    }
    let ran = w
        .run(&["key", "add", "other", "--owner", "x", "--role", "builder", "--file", "trust/build.pub"])
        .expect(1);
    assert!(ran.err.contains("in the keyring too"), "{}", ran.err);
    w.run(&["status"]).expect(0);
}

#[test]
fn machines_get_one_document() {
    let w = workspace();
    w.run(&["key", "generate", "ci"]).expect(0);
    let arguments = ["key", "add", "ci", "--owner", "ci", "--role", "builder", "--stages", "*", "-o", "json"];
    let added = w.run(&arguments).expect(0).json();
    assert_eq!(added["member"]["state"], "usable");
    w.run(&["sign", "oci:registry/dev/web:1", "--key", "keys/ci.key"]).expect(0);
    w.run(&["promote", "web:1", "--to", "staging"]).expect(0);
    let list = w.run(&["key", "list", "-o", "json"]).expect(0).json();
    assert_eq!(list["members"][0]["row"]["member"]["duty"]["stages"][0], "*");
    let radius = w.run(&["key", "blast-radius", "ci", "-o", "json"]).expect(0).json();
    assert_eq!(radius["decisions"][0]["falls"], true);
    assert_eq!(radius["releases"][0]["falls"], true);
    // The same by the file and by the digest, which are there when no keyring knows the key.
    let id = radius["key"].as_str().unwrap();
    for key in ["trust/ci.pub", id] {
        assert_eq!(w.run(&["key", "blast-radius", key, "-o", "json"]).expect(0).json(), radius);
    }
    w.run(&["key", "revoke", "ci", "--reason", "stolen", "--propose"]).expect(0);
    let mut confirm = w.command(&["key", "revoke", "ci", "--confirm", "-o", "json"]);
    let revoked = Ran::of(confirm.env("LOCKGATE_ACTOR", "bob").output().unwrap()).expect(0).json();
    assert_eq!(revoked["blastRadius"]["decisions"], radius["decisions"]);
    w.run(&["promote", "web:1", "--to", "staging"]).expect(3);
    let history = w.run(&["history", "web", "-o", "json"]).expect(0).json();
    assert_eq!(history["alerts"][0]["alert"]["codes"][0], "signature.key-revoked");
}

#[test]
fn identities_that_admit_strangers_or_name_no_issuer_are_refused() {
    let w = workspace();
    let add = |name: &str, issuer: &str, subject: [&str; 2]| {
        let who = ["identity", "add", name, "--issuer", issuer, subject[0], subject[1]];
        w.run(&[&who[..], &["--owner", "ci", "--role", "builder", "--stages", "*"]].concat())
    };
    let github = "https://token.actions.githubusercontent.com";
    for wide in [
        ["--subject-glob", "https://github.com/**"],
        ["--subject-glob", "https://g**"],
        ["--subject-glob", "*@gmail.com"],
        ["--subject-regex", r"^https://github\.com/.*$"],
        ["--subject-regex", r"^(?s).*$"],
        ["--subject-regex", "^(.|x)*$"],
        ["--subject-regex", "^.+@.+$"],
    ] {
        let ran = add("wide", github, wide).expect(1);
        assert!(ran.err.contains("name at least the organisation"), "{wide:?}: {}", ran.err);
    }
    add("acme", github, ["--subject-glob", "https://github.com/acme/**"]).expect(0);
    let service = ["--subject", "https://dotcom.releases.github.com"];
    for issuer in [
        "sigstore:",
        "sigstore:a:b",
        "sigstore:a@b",
        "sigstore:a b",
        "sigstore:*",
        "github",
        "http://x.example",
    ] {
        let ran = add("releases", issuer, service).expect(1);
        assert!(ran.err.contains("the issuer must be named exactly"), "{issuer}: {}", ran.err);
    }
    add("releases", "sigstore:github", service).expect(0);
    // An instance lists its own name, and no other's.
    let trust = |issuer: &str| {
        format!(
            "trust: {{sigstore: [{{name: github, root: root.json, issuers: [\"{issuer}\"], logs: 0, scts: 0}}]}}\n"
        )
    };
    let root = r#"{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
    std::fs::write(w.folder.join("root.json"), root).unwrap();
    let before = std::fs::read_to_string(w.folder.join("lockgate.yaml")).unwrap();
    for (issuer, code) in
        [("sigstore:github", 0), ("sigstore:other", 1), ("sigstore:", 1), ("Sigstore:github", 1)]
    {
        w.edit_config(|text| text.replace("trust: {}\n", &trust(issuer)));
        let ran = w.run(&["status"]).expect(code);
        assert!(code == 0 || ran.err.contains("`sigstore:github`"), "{issuer}: {}", ran.err);
        std::fs::write(w.folder.join("lockgate.yaml"), &before).unwrap();
    }
}
