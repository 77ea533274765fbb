//! The gates of trust on a real registry: an image that a build signed without a key climbs, with its provenance; what
//! the real notation signed climbs; and whoever is not asked for does not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;

use serde_json::{Value, json};
use signers::World;
use sigstore_services::{GITHUB_ISSUER, GITHUB_SUBJECT, Services};
use support::Ran;

mod signers;
mod sigstore_services;
mod support;

const COMMIT: &str = "8e1c4e6b3a9d2f7c5b0a1d2e3f4a5b6c7d8e9f00";
const BUILDER: &str = "https://github.com/actions/runner/github-hosted";

/// A workspace that asks for the identity `ci` and for its provenance, and believes these services.
fn world(test: &str) -> Option<(World, Services)> {
    let world = signers::world(test, &[("build", None)])?;
    let services = Services::start();
    let folder = &world.w.folder;
    fs::write(folder.join("trusted_root.json"), services.trusted_root()).unwrap();
    fs::write(folder.join("token"), services.github_token()).unwrap();
    let provenance = json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {
                "ref": "refs/heads/main", "repository": "https://github.com/acme/web", "path": ".github/workflows/release.yml"}},
            "resolvedDependencies": [
                {"uri": "git+https://github.com/acme/web@refs/heads/main", "digest": {"gitCommit": COMMIT}}],
        },
        "runDetails": {"builder": {"id": BUILDER}},
    });
    fs::write(folder.join("provenance.json"), provenance.to_string()).unwrap();
    world.w.edit_config(|text| {
        let trust = format!(
            "trust:\n  sigstore:\n    - {{name: ours, root: trusted_root.json, issuers: [\"{GITHUB_ISSUER}\"], timestamps: 1}}\n"
        );
        let gates = format!(
            "signature: {{identities: [ci], claims: {{source-repository-uri: \"https://github.com/acme/{{service}}\"}}}}\n      \
             provenance: {{builders: [{{id: \"{BUILDER}\", signedBy: {{identities: [ci]}}, level: 2}}], \
             sources: [\"https://github.com/acme/{{service}}\"], refs: [refs/heads/main], minLevel: 2, pinnedMaterials: true}}"
        );
        let with_trust = text.replace("trust: {}\n", &trust);
        with_trust.replace("signature: {keys: [build], required: 1}", &gates)
    });
    let subject =
        ["--subject", GITHUB_SUBJECT, "--owner", "the web team", "--role", "builder", "--stages", "*"];
    let add = ["identity", "add", "ci", "--issuer", GITHUB_ISSUER];
    world.lockgate(&[], &[&add[..], &subject].concat()).expect(0);
    Some((world, services))
}

fn keyless(world: &World, services: &Services, command: &[&str]) -> Ran {
    let stamps = services.stamps();
    world.lockgate(&[], &[command, &[&world.image], &services.means(&stamps)[..]].concat())
}

fn attest(world: &World, services: &Services) -> Ran {
    let what = ["--type", "https://slsa.dev/provenance/v1", "--predicate", "provenance.json"];
    keyless(world, services, &[&["attest"], &what[..]].concat())
}

fn promote(world: &World, to: &str) -> Ran {
    world.lockgate(&[], &["promote", "web:1", "--to", to])
}

#[test]
fn what_a_build_signed_without_a_key_climbs() {
    let Some((world, services)) = world("what_a_build_signed_without_a_key_climbs") else { return };
    let nothing = promote(&world, "staging").expect(3);
    for code in ["signature.missing", "provenance.missing"] {
        assert!(nothing.out.contains(code), "{}", nothing.out);
    }
    // Twice, so that the log has more than one leaf.
    keyless(&world, &services, &["sign"]).expect(0);
    keyless(&world, &services, &["sign"]).expect(0);
    attest(&world, &services).expect(0);
    let climbed = promote(&world, "staging").expect(0);
    assert!(climbed.out.contains(&format!("signed by ci ({GITHUB_SUBJECT})")), "{}", climbed.out);
    assert!(climbed.out.contains(&format!("built by {BUILDER} from https://github.com/acme/web")));
    // Everything that was attached climbed with it: the next stage asks the same.
    promote(&world, "prod").expect(0);
    let told = world.lockgate(&[], &["provenance", &world.image]).expect(0);
    for line in [BUILDER, COMMIT, "https://github.com/acme/web", "for whom ours vouches", "1 of 1 pinned"] {
        assert!(told.out.contains(line), "{line}: {}", told.out);
    }
    let told = world.lockgate(&[], &["provenance", &world.image, "--output", "json"]).expect(0).json();
    assert_eq!(told["said"][0]["provenance"]["source"]["commit"], COMMIT);
    assert_eq!(told["said"][0]["holder"]["issuer"], GITHUB_ISSUER);
    // What was decided replays to the same bytes.
    let history = world.lockgate(&[], &["history", "web", "--output", "json"]).expect(0).json();
    let decisions: Vec<String> = decisions(&history);
    assert!(decisions.len() >= 3, "{history}");
    for decision in &decisions {
        world.lockgate(&[], &["replay", decision]).expect(0);
    }
    // The build's account was taken over before this.
    let why = ["--compromised-since", "2020-01-01T00:00:00Z", "--reason", "taken over"];
    world.lockgate(&[], &[&["identity", "revoke", "ci", "--propose"], &why[..]].concat()).expect(0);
    let revoked = world.lockgate(&[], &["identity", "revoke", "ci", "--confirm", "--actor", "bob"]).expect(0);
    assert!(revoked.out.contains("2 Decisions no longer trusted"), "{}", revoked.out);
    let refused = world.lockgate(&[], &["judge", "web:1", "--to", "staging"]).expect(3);
    for code in ["signature.identity-revoked", "provenance.identity-revoked"] {
        assert!(refused.out.contains(code), "{}", refused.out);
    }
}

fn decisions(history: &Value) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("decision").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    walk(history, &mut found);
    found.sort();
    found.dedup();
    found
}

#[test]
fn no_byte_of_a_keyless_signature_can_be_changed() {
    let Some((world, services)) = world("no_byte_of_a_keyless_signature_can_be_changed") else { return };
    world.w.edit_config(|text| {
        let others = |line: &&str| !line.trim_start().starts_with("provenance:");
        text.lines().filter(others).collect::<Vec<_>>().join("\n") + "\n"
    });
    // The log's first leaf is another image's, so that no number in the proof is zero.
    services.log_something();
    keyless(&world, &services, &["sign"]).expect(0);
    promote(&world, "staging").expect(0);
    // Without the log's promise there is its proof, and the timestamp: what is left out is missed by nobody who has enough.
    world.no_byte_may_change(("\"inclusionPromise\"", ":"));
}

#[test]
fn whoever_is_not_asked_for_does_not_climb() {
    let Some((world, services)) = world("whoever_is_not_asked_for_does_not_climb") else { return };
    let mut claims = Services::github_claims();
    claims["job_workflow_ref"] = json!("acme/web/.github/workflows/other.yml@refs/heads/main");
    fs::write(world.w.folder.join("token"), services.token(&claims)).unwrap();
    keyless(&world, &services, &["sign"]).expect(0);
    attest(&world, &services).expect(0);
    let refused = promote(&world, "staging").expect(3);
    assert!(refused.out.contains("signature.holder-not-asked"), "{}", refused.out);
    assert!(refused.out.contains("other.yml"), "{}", refused.out);
    // The same names by services of somebody else.
    let others = Services::start();
    fs::write(world.w.folder.join("token"), others.github_token()).unwrap();
    fs::write(world.w.folder.join("ours.json"), services.trusted_root()).unwrap();
    fs::write(world.w.folder.join("trusted_root.json"), others.trusted_root()).unwrap();
    keyless(&world, &others, &["sign"]).expect(0);
    fs::write(world.w.folder.join("trusted_root.json"), services.trusted_root()).unwrap();
    let refused = promote(&world, "staging").expect(3);
    assert!(refused.out.contains("signature.untrusted"), "{}", refused.out);
    // Built from another repository than the certificate says: the image must be built again.
    fs::write(world.w.folder.join("token"), services.github_token()).unwrap();
    keyless(&world, &services, &["sign"]).expect(0);
    let forged = fs::read_to_string(world.w.folder.join("provenance.json")).unwrap();
    fs::write(world.w.folder.join("provenance.json"), forged.replace(COMMIT, &"0".repeat(40))).unwrap();
    attest(&world, &services).expect(0);
    let rework = promote(&world, "staging").expect(4);
    assert!(rework.out.contains("provenance.certificate-differs"), "{}", rework.out);
}

#[test]
fn trust_is_read_strictly() {
    let Some((world, _services)) = world("trust_is_read_strictly") else { return };
    let config = fs::read_to_string(world.w.folder.join("lockgate.yaml")).unwrap();
    let said = |from: &str, to: &str| {
        assert!(config.contains(from), "{from}");
        fs::write(world.w.folder.join("lockgate.yaml"), config.replacen(from, to, 1)).unwrap();
        world.lockgate(&[], &["judge", "web:1", "--to", "staging"]).expect(1).err
    };
    for (from, to, expected) in [
        ("root: trusted_root.json", "rot: trusted_root.json", "did you mean `root`?"),
        ("root: trusted_root.json", "root: token", "token: the trusted root is malformed"),
        ("root: trusted_root.json", "root: nowhere.json", "nowhere.json"),
        ("https://token.actions", "http://token.actions", "with https://"),
        ("name: ours", "name: \"a b\"", "needs a name without"),
        ("identities: [ci]", "identities: [c1]", "did you mean `ci`?"),
        ("source-repository-uri", "source-repository", "did you mean"),
        ("minLevel: 2", "minLevel: 9", "a build level is 1 to 3"),
    ] {
        let said = said(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
}
