//! Against real registries, with the real cosign and skopeo: a real image climbs from dev to prod, and everything that
//! was attached to it climbs with it and still verifies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use support::{Ran, Workspace};
use xtask::parts::{self, Auth, Part, or_skip};

mod support;

/// What the test needs besides a registry.
struct Tools {
    cosign: std::path::PathBuf,
    skopeo: std::path::PathBuf,
    image: String,
}

fn tools() -> Result<Tools, parts::Absent> {
    Ok(Tools {
        cosign: parts::program("cosign")?,
        skopeo: parts::program("skopeo")?,
        image: format!("oci:{}/images/apk-meta:latest", parts::arena()?.display()),
    })
}

/// One registry and the workspace that uses it.
struct World<'a> {
    tools: Tools,
    part: &'a Part,
    w: Workspace,
}

impl World<'_> {
    fn skopeo(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.tools.skopeo);
        command.arg("--insecure-policy").args(arguments).env("DOCKER_CONFIG", &self.part.docker_config);
        command.env("SSL_CERT_FILE", self.part.ca.as_deref().unwrap_or(Path::new("/dev/null")));
        // skopeo looks for credentials in its own place first.
        command.env("REGISTRY_AUTH_FILE", self.part.docker_config.join("config.json"));
        Ran::of(command.output().unwrap()).expect(0).out
    }

    fn cosign(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(&self.tools.cosign);
        command.args(arguments).current_dir(&self.w.folder).env("COSIGN_PASSWORD", "");
        command.env("DOCKER_CONFIG", &self.part.docker_config).env("HOME", &self.w.folder);
        if let Some(ca) = &self.part.ca {
            command.env("SSL_CERT_FILE", ca);
        }
        Ran::of(command.output().unwrap())
    }

    fn reference(&self, stage: &str) -> String {
        format!("{}/{stage}/web", self.part.host)
    }

    fn digest(&self, stage: &str, tag: &str) -> String {
        let reference = format!("docker://{}:{tag}", self.reference(stage));
        let tls = format!("--tls-verify={}", !self.part.plain_http);
        self.skopeo(&["inspect", &tls, "--format", "{{.Digest}}", &reference]).trim().to_owned()
    }
}

fn world(part: &Part, tools: Tools) -> World<'_> {
    let mut w = Workspace::init();
    w.docker_config.clone_from(&part.docker_config);
    let mut own = format!("registries:\n  - host: \"{}\"\n    plainHttp: {}\n", part.host, part.plain_http);
    if let Some(ca) = &part.ca {
        own.push_str(&format!("    ca: {}\n", ca.display()));
    }
    if let Some(token) = &part.token_host {
        own.push_str(&format!("    tokenHosts: [\"{token}\"]\n"));
    }
    w.edit_config(|mut text| {
        for stage in ["dev", "staging", "prod"] {
            text = text.replace(&format!("oci:registry/{stage}"), &format!("{}/{stage}", part.host));
        }
        // The image is the database of an old Alpine: it is the signatures and the copy that are looked at here.
        text.replace("registries: []", &own)
            .replace("policy: {}", "policy: {packages: [lockgate.licenses]}")
            .replace("keys: [build], required: 1", "keys: [build, cosign], required: 2")
            .replace("  - name: build\n", "  - {name: cosign, file: cosign.pub}\n  - name: build\n")
    });
    // About another package: a feed that is silent about Alpine would make the gate blind.
    let feed = r#"{"id":"A-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.20","name":"x"},"versions":["9"]}]}"#;
    std::fs::write(w.folder.join("feed.jsonl"), feed).unwrap();
    World { tools, part, w }
}

fn climbs(part: Result<Part, parts::Absent>, test: &str) {
    let Some(part) = or_skip(part, test) else { return };
    let Some(tools) = or_skip(tools(), test) else { return };
    let world = world(&part, tools);
    let w = &world.w;
    world.cosign(&["generate-key-pair"]).expect(0);
    let tls = format!("--dest-tls-verify={}", !part.plain_http);
    world.skopeo(&[
        "copy",
        "-q",
        &tls,
        &world.tools.image,
        &format!("docker://{}:1.0", world.reference("dev")),
    ]);
    let digest = world.digest("dev", "1.0");
    let image = format!("{}@{digest}", world.reference("dev"));
    w.run(&["feed", "import", "feed.jsonl", "--fetched", "now"]).expect(0);

    // Nobody signed it, then one of two, then both: each signer in both forms.
    w.run(&["promote", "web:1.0", "--to", "staging"]).expect(3);
    std::fs::write(w.folder.join("p.json"), "{\"tests\": \"passed\"}").unwrap();
    w.run(&["sign", &image, "--key", "keys/build.key", "--form", "both"]).expect(0);
    w.run(&[
        "attest",
        &image,
        "--key",
        "keys/build.key",
        "--form",
        "both",
        "--type",
        "https://example.com/tests",
        "--predicate",
        "p.json",
    ])
    .expect(0);
    let one = w.run(&["promote", "web:1.0", "--to", "staging"]).expect(3);
    assert!(one.out.contains("signature.too-few"), "{}", one.out);
    let offline = [
        "--key",
        "cosign.key",
        "--use-signing-config=false",
        "--tlog-upload=false",
        "--allow-http-registry",
        "-y",
    ];
    for legacy in [false, true] {
        let form = format!("--new-bundle-format={}", !legacy);
        world.cosign(&[&["sign", &form], &offline[..], &[&image]].concat()).expect(0);
        let predicate = ["attest", &form, "--type", "https://example.com/cosign", "--predicate", "p.json"];
        world.cosign(&[&predicate[..], &offline[..], &[&image]].concat()).expect(0);
    }
    w.run(&["promote", "web:1.0", "--to", "staging"]).expect(0);
    w.run(&["promote", "web:1.0", "--to", "prod"]).expect(0);

    for stage in ["dev", "staging", "prod"] {
        assert_eq!(world.digest(stage, "1.0"), digest);
        let image = format!("{}@{digest}", world.reference(stage));
        for key in ["trust/build.pub", "cosign.pub"] {
            verifies(&world, key, &image);
        }
    }
    carries_its_records(&world, &digest);
}

/// The verdicts of both stages, and their proofs, are there too, and what was decided can be judged again.
fn carries_its_records(world: &World<'_>, digest: &str) {
    let w = &world.w;
    let verdict = [
        "verify-attestation",
        "--key",
        "trust/verdict.pub",
        "--type",
        "https://slsa.dev/verification_summary/v1",
    ];
    let prod = format!("{}@{digest}", world.reference("prod"));
    let said = world
        .cosign(&[&verdict[..], &["--insecure-ignore-tlog=true", "--allow-http-registry", &prod]].concat())
        .expect(0);
    assert_eq!(said.out.lines().count(), 2, "{}", said.out);
    w.run(&["ledger", "verify"]).expect(0);
    for row in w.run(&["history", "web", "--output", "json"]).json()["decisions"].as_array().unwrap() {
        w.run(&["replay", row["decision"].as_str().unwrap()]).expect(0);
    }
}

/// cosign verifies signature and attestation by `key`, in both forms.
fn verifies(world: &World<'_>, key: &str, image: &str) {
    let predicate =
        if key == "cosign.pub" { "https://example.com/cosign" } else { "https://example.com/tests" };
    for legacy in [false, true] {
        let form = format!("--new-bundle-format={}", !legacy);
        let common = ["--key", key, "--insecure-ignore-tlog=true", "--allow-http-registry", &form];
        world.cosign(&[&["verify"], &common[..], &[image]].concat()).expect(0);
        world
            .cosign(&[&["verify-attestation", "--type", predicate], &common[..], &[image]].concat())
            .expect(0);
    }
}

#[test]
fn docker_registry_with_tls_and_basic_login() {
    climbs(parts::docker_registry(Auth::Basic), "docker-registry, Basic");
}

#[test]
fn docker_registry_with_tokens() {
    climbs(parts::docker_registry(Auth::Token), "docker-registry, tokens");
}

#[test]
fn ferro_with_referrers_api() {
    climbs(parts::ferro(), "ferro-oci-server");
}
