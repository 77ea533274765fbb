//! What `attest` makes itself: provenance of the job it runs in, and bills of materials; as the real cosign and the gates
//! read it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use ci::{COMMIT, GITHUB, GITLAB};
use lockgate_model::oci::{Manifest, media};
use lockgate_model::ports::{Registry, Upload};
use lockgate_model::{Descriptor, Repository};
use serde_json::Value;
use signers::{World, world};
use support::{Ran, Workspace};

#[path = "../../attest/tests/common/ci.rs"]
mod ci;
mod signers;
mod support;

const WORKFLOW: &str = "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main";
const RUNNERS: &str = "https://gitlab.com/acme/web/-/runners/*";
const OURS: &str = "https://ci.example.com/builders/1";

/// The pipeline of the branch `main` of `acme/web` on GitLab.
const OF_MAIN: [(&str, &str); 3] =
    [("CI_PROJECT_URL", "https://gitlab.com/acme/web"), ("CI_COMMIT_TAG", ""), ("CI_COMMIT_BRANCH", "main")];

/// A world whose stages ask for a builder that signs by `build`, and for the source `source`.
fn asking(test: &str, builder: &str, source: &str) -> Option<World> {
    let world = world(test, &[("build", None)])?;
    world.w.edit_config(|text| {
        let gate = format!(
            "provenance: {{builders: [{{id: \"{builder}\", signedBy: {{keys: [build]}}}}], sources: [\"{source}\"], refs: [refs/heads/main]}}"
        );
        let asked = text.replace("signature: {keys: [build], required: 1}", &gate);
        assert_ne!(asked, text);
        asked
    });
    Some(world)
}

fn attest(world: &World, variables: &[(&str, &str)], what: &[&str]) -> Ran {
    let by = ["attest", world.image.as_str(), "--key", "keys/build.key"];
    world.lockgate(variables, &[&by[..], what].concat())
}

fn cosign_verifies(world: &World, kind: &str) -> Ran {
    let by = ["verify-attestation", "--key", "trust/build.pub", "--type", kind];
    let offline = ["--insecure-ignore-tlog=true", "--allow-http-registry", &world.image];
    world.cosign(&[], &[&by[..], &offline[..]].concat())
}

fn judged(world: &World) -> Ran {
    world.lockgate(&[], &["judge", "web:1", "--to", "staging"])
}

#[test]
fn provenance_of_a_github_job() {
    let Some(world) = asking("provenance_of_a_github_job", WORKFLOW, "https://github.com/acme/{service}")
    else {
        return;
    };
    judged(&world).expect(3);
    assert_ne!(cosign_verifies(&world, "slsaprovenance1").code, 0);
    for (place, (name, _)) in GITHUB.iter().enumerate() {
        let mut variables = GITHUB.to_vec();
        variables.remove(place);
        let ran = attest(&world, &variables, &["--provenance-from-ci"]).expect(1);
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
    }
    let mut wrong = GITHUB.to_vec();
    wrong.push(("GITHUB_SHA", "main"));
    assert!(attest(&world, &wrong, &["--provenance-from-ci"]).expect(1).err.contains("GITHUB_SHA"));
    judged(&world).expect(3);

    attest(&world, &GITHUB, &["--provenance-from-ci"]).expect(0);
    let verified = cosign_verifies(&world, "slsaprovenance1").expect(0);
    assert!(verified.out.contains("payload"), "{}", verified.out);
    judged(&world).expect(0);
    let shown = world.lockgate(&[], &["provenance", &world.image]).expect(0).out;
    for words in [WORKFLOW, COMMIT, "https://github.com/acme/web", "refs/heads/main"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn provenance_of_another_repository_or_ref_is_rework() {
    let test = "provenance_of_another_repository_or_ref_is_rework";
    let repository = [
        ("GITHUB_REPOSITORY", "acme/other"),
        ("GITHUB_WORKFLOW_REF", "acme/other/.github/workflows/release.yml@refs/heads/main"),
    ];
    let reference = [("GITHUB_REF", "refs/heads/topic")];
    for (changed, words) in
        [(&repository[..], "https://github.com/acme/other"), (&reference[..], "refs/heads/topic")]
    {
        let world = asking(test, "https://github.com/acme/**", "https://github.com/acme/web");
        let Some(world) = world else { return };
        attest(&world, &[&GITHUB[..], changed].concat(), &["--provenance-from-ci"]).expect(0);
        let told = judged(&world).expect(4).out;
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn provenance_of_a_gitlab_job() {
    let Some(world) = asking("provenance_of_a_gitlab_job", RUNNERS, "https://gitlab.com/acme/web") else {
        return;
    };
    attest(&world, &[&GITLAB[..], &OF_MAIN].concat(), &["--provenance-from-ci", "--form", "both"]).expect(0);
    cosign_verifies(&world, "slsaprovenance1").expect(0);
    judged(&world).expect(0);
}

#[test]
fn provenance_as_it_is_stated() {
    let Some(world) = asking("provenance_as_it_is_stated", OURS, "https://git.example.com/acme/web") else {
        return;
    };
    let source = ["--source", "https://git.example.com/acme/web.git"];
    let stated = ["--builder-id", OURS, "--commit", COMMIT];
    // What does not go together is said before anything is read.
    for wrong in [
        &source[..],
        &stated[..],
        &["--provenance-from-ci", "--source", "https://git.example.com/acme/web"],
        &["--provenance-from-ci", "--sbom", "spdx"],
        &["--predicate", "p.json"],
        &["--type", "slsaprovenance1"],
        &[],
    ] {
        attest(&world, &GITHUB, wrong).expect(2);
    }
    let said = |more: &[&str]| attest(&world, &[], &[&source[..], &stated[..], more].concat());
    let ran = attest(&world, &[], &["--provenance-from-ci"]).expect(1);
    assert!(ran.err.contains("GITHUB_ACTIONS") && ran.err.contains("--builder-id"), "{}", ran.err);
    assert!(said(&["--ref", "main"]).expect(1).err.contains("the ref"));
    let twice = ["--parameter", "a=1", "--parameter", "a=2"];
    assert!(said(&twice).expect(1).err.contains("twice"));
    said(&["--ref", "refs/heads/main", "--parameter", "target=release"]).expect(0);
    cosign_verifies(&world, "slsaprovenance1").expect(0);
    judged(&world).expect(0);
}

#[test]
fn bills_of_materials_that_cosign_verifies() {
    let Some(world) = world("bills_of_materials_that_cosign_verifies", &[("build", None)]) else { return };
    for (format, kind, field) in [("cyclonedx", "cyclonedx", "components"), ("spdx", "spdxjson", "packages")]
    {
        assert_ne!(cosign_verifies(&world, kind).code, 0);
        attest(&world, &[], &["--sbom", format]).expect(0);
        let verified = cosign_verifies(&world, kind).expect(0);
        let envelope: Value = serde_json::from_str(verified.out.lines().next().unwrap()).unwrap();
        let payload = data_encoding::BASE64.decode(envelope["payload"].as_str().unwrap().as_bytes()).unwrap();
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        let predicate = &statement["predicate"];
        assert!(predicate[field].as_array().unwrap().len() > 3, "{predicate}");
        assert!(predicate.get("vulnerabilities").is_none(), "no feed was asked");
        assert_eq!(statement["subject"][0]["digest"]["sha256"], world.artifact.digest.hex());
    }
}

#[test]
fn our_own_bills_count_where_a_stage_asks_for_them() {
    for format in ["cyclonedx", "spdx"] {
        let w = Workspace::quickstart();
        w.edit_config(|text| {
            let asked =
                "vulnerability: {sboms: {keys: [build], required: true}, failOn: high, unfixed: pause}";
            text.replacen("vulnerability: {failOn: high, unfixed: pause}", asked, 1)
        });
        let judge = ["judge", "api:2.0.0", "--to", "staging", "--all"];
        let by = ["oci:registry/dev/api:2.0.0", "--key", "keys/build.key"];
        w.run(&[&["sign"], &by[..]].concat()).expect(0);
        assert!(w.run(&judge).expect(3).out.contains("vulnerability.no-sbom"));
        w.run(&[&["attest"], &by[..], &["--sbom", format]].concat()).expect(0);
        let judged = w.run(&judge).expect(0).out;
        assert!(!judged.contains("sbom-not-counted") && !judged.contains("nameless"), "{judged}");
    }
}

#[test]
fn published_layer_contents_spare_a_fresh_workspace_the_layers() {
    let w = Workspace::quickstart();
    w.run(&["key", "generate", "scanner"]).expect(0);
    w.edit_config(|text| {
        let gate = "vulnerability: {layerContents: {keys: [scanner]}, failOn: high, unfixed: pause}";
        let keys = "keys:\n  - name: scanner\n    file: trust/scanner.pub\n  - name: build";
        let text = text.replacen("vulnerability: {failOn: high, unfixed: pause}", gate, 1);
        text.replacen("keys:\n  - name: build", keys, 1)
    });
    let image = "oci:registry/dev/api:2.0.0";
    w.run(&["sign", image, "--key", "keys/build.key"]).expect(0);
    let by = ["attest", image, "--layer-contents", "--key", "keys/scanner.key"];
    let told = w.run(&[&by[..], &["--output", "json"]].concat()).expect(0).json();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    let said = w.run(&["attest", image, "--layer-contents", "--keyless"]);
    assert_ne!(said.code, 0, "{}", said.out);
    // Nothing is known of any layer, and none is there.
    std::fs::remove_dir_all(w.folder.join(".lockgate/layers")).unwrap();
    let blobs = w.folder.join("registry/dev/api/blobs/sha256");
    let image = told[0]["image"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let manifest: Value = serde_json::from_slice(&std::fs::read(blobs.join(image)).unwrap()).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        std::fs::remove_file(blobs.join(digest)).unwrap();
    }
    let judged = w.run(&["judge", "api:2.0.0", "--to", "staging", "--all"]).expect(0).out;
    assert!(judged.contains("vulnerability.layers-by-word") && judged.contains("scanner"), "{judged}");
}

#[test]
fn a_bill_that_leaves_something_out_is_not_attested() {
    let test = "a_bill_that_leaves_something_out_is_not_attested";
    let Some(mut world) = world(test, &[("build", None)]) else { return };
    let repository: Repository = format!("{}/dev/web", world.part.host).parse().unwrap();
    let (config, layer) = (
        b"{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
        b"no gzip",
    );
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, config),
        layers: vec![Descriptor::of(media::OCI_LAYER_GZIP, layer)],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    let upload = Upload {
        media_type: media::OCI_MANIFEST.to_owned(),
        manifest: serde_json::to_vec(&manifest).unwrap().into(),
        blobs: vec![config.to_vec().into(), layer.to_vec().into()],
    };
    let pushed = world.runtime.block_on(world.registries.push(&repository, &upload)).unwrap();
    world.image = format!("{repository}@{}", pushed.digest);
    for format in ["cyclonedx", "spdx"] {
        let ran = attest(&world, &[], &["--sbom", format]).expect(1);
        assert!(ran.err.contains("could be read") && ran.err.contains("nothing was attested"), "{}", ran.err);
    }
    let attached = world.runtime.block_on(world.registries.attached(&repository, &pushed.digest)).unwrap();
    assert!(attached.is_empty(), "{attached:?}");
}

#[test]
fn types_have_the_names_that_cosign_gives_them() {
    let Some(world) = world("types_have_the_names_that_cosign_gives_them", &[("build", None)]) else {
        return;
    };
    std::fs::write(world.w.folder.join("p.json"), "{}").unwrap();
    for kind in ["slsaprovenance", "slsaprovenance02", "slsaprovenance1", "spdxjson", "cyclonedx", "openvex"]
    {
        attest(&world, &[], &["--predicate", "p.json", "--type", kind]).expect(0);
        cosign_verifies(&world, kind).expect(0);
    }
    let ran = attest(&world, &[], &["--predicate", "p.json", "--type", "slsaprovenence"]).expect(1);
    assert!(ran.err.contains("not a known predicate type"), "{}", ran.err);
}

#[test]
fn what_is_to_be_said_must_be_said() {
    let w = Workspace::init();
    let ran = w.run(&["attest", "oci:registry/dev/web:1", "--key", "keys/build.key"]).expect(2);
    assert!(ran.err.contains("--sbom") && ran.err.contains("--provenance-from-ci"), "{}", ran.err);
}
