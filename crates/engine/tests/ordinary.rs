//! Ordinary images pass the profile: those of the arena, those that umoci makes, and forms that other tools write.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Stdio};

use dev::{Dev, GOOD, digest, platform, route, with};
use lockgate_engine::gather::{Purpose, Request, gather};
use lockgate_judge::decide;
use lockgate_model::oci::media;
use lockgate_model::reference::Target;
use lockgate_model::route::Stage;
use lockgate_model::{Answer, Effect, Route};
use serde_json::{Value, json};
use xtask::parts::{self, or_skip};

mod dev;
mod sim;
mod world;

/// What the route gate says of the image in a layout, in findings that do more than advise.
async fn objections(dev: &Dev, images: &Path, name: &str) -> Vec<String> {
    let stages = route().stages().to_vec();
    let from = Stage { registry: format!("oci:{}", images.display()).parse().unwrap(), ..stages[0].clone() };
    let mut workspace = dev.world.process(&sim::Plan::none()).await;
    workspace.route = Route::new(vec![from, stages[1].clone()]).unwrap();
    let index = std::fs::read(images.join(name).join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let mut request: Request = world::World::request("staging");
    request.service = name.parse().unwrap();
    request.target = Target::Digest(digest(&index["manifests"][0]));
    let case = gather(&workspace, &request, Purpose::Promote).await.unwrap();
    let decision = decide(&case);
    let route = decision.verdicts.iter().find(|verdict| verdict.gate == "route").unwrap();
    let blocking = route.findings.iter().filter(|one| one.effect != Effect::Advise);
    let titles: Vec<_> = blocking.map(|one| one.title.clone()).collect();
    assert_eq!(titles.is_empty(), route.answer == Answer::Pass, "{name}: {route:#?}");
    titles
}

#[tokio::test]
async fn the_images_of_the_arena_are_images() {
    let Some(arena) = or_skip(parts::arena(), "the_images_of_the_arena_are_images") else { return };
    let dev = Dev::new().await;
    let images = arena.join("images");
    for name in ["edge", "distroless", "node-meta", "node-meta-zstd", "apk-meta", "java-meta", "rpm-mariner"]
    {
        assert_eq!(objections(&dev, &images, name).await, Vec::<String>::new(), "{name}");
    }
    for name in ["clean", "honest-evil", "lying-diffid", "wrong-blob"] {
        assert_eq!(objections(&dev, &images.join("adversarial"), name).await, Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn the_images_that_umoci_makes_are_images() {
    let Some(umoci) = or_skip(parts::program("umoci"), "the_images_that_umoci_makes_are_images") else {
        return;
    };
    let dev = Dev::new().await;
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/os-release"), GOOD[0].1).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&umoci);
        command.args(arguments).current_dir(scratch.path()).stdin(Stdio::null()).stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "{arguments:?}");
    };
    let settings: [&[&str]; 12] = [
        &[],
        &["--config.user", "65532"],
        &["--config.user", "app:app", "--config.env", "A=B"],
        &["--config.label", "Config=x", "--config.label", "config=y"],
        &["--config.exposedports", "8080/tcp", "--config.volume", "/data"],
        &["--config.entrypoint", "/bin/sh", "--config.cmd", "-c"],
        &["--config.stopsignal", "SIGTERM", "--config.workingdir", "/srv"],
        &["--architecture", "arm64", "--os", "linux"],
        &["--architecture", "riscv64"],
        &["--author", "Ann", "--created", "2026-01-01T00:00:00Z"],
        &["--manifest.annotation", "org.opencontainers.image.base.name=alpine:3.22"],
        &["--history.comment", "x", "--no-history"],
    ];
    for (number, settings) in settings.iter().enumerate() {
        let (name, image) = (format!("image-{number}"), format!("image-{number}:x"));
        run(&["init", "--layout", &name]);
        run(&["new", "--image", &image]);
        run(&["insert", "--image", &image, root.to_str().unwrap(), "/"]);
        let settings: &[&str] =
            if settings.last() == Some(&"--no-history") { &["--no-history"] } else { settings };
        if !settings.is_empty() {
            run(&[&["config", "--image", &image], settings].concat());
        }
        assert_eq!(objections(&dev, scratch.path(), &name).await, Vec::<String>::new(), "{settings:?}");
    }
}

/// What docker, buildah, kaniko, ko, Jib, apko and Nix are known to write, each with its habits.
#[tokio::test]
async fn forms_that_other_tools_write_climb() {
    let dev = Dev::new().await;
    let good = dev.good();
    let run = json!({"Hostname": "", "Domainname": "", "User": "1000", "AttachStdin": false, "AttachStdout": false, "AttachStderr": false,
        "ExposedPorts": {"80/tcp": {}}, "Tty": false, "OpenStdin": false, "StdinOnce": false, "Env": ["PATH=/bin"], "Cmd": null,
        "Healthcheck": {"Test": ["NONE"]}, "ArgsEscaped": true, "Image": "sha256:abc", "Volumes": null, "WorkingDir": "",
        "Entrypoint": null, "OnBuild": null, "Labels": null});
    let mut docker = good.clone();
    for (key, value) in [
        ("config", run.clone()),
        ("container_config", run),
        ("container", json!("abc")),
        ("docker_version", json!("24.0")),
        ("created", json!("2026-01-01T00:00:00.123456789Z")),
        ("id", json!("x")),
        ("parent", json!("")),
        ("history", json!([{"created": "2026-01-01T00:00:00Z", "created_by": "/bin/sh"}])),
    ] {
        docker.config[key] = value;
    }
    let mut manifest = dev.manifest(&docker);
    manifest["mediaType"] = media::DOCKER_MANIFEST.into();
    manifest["config"]["mediaType"] = media::DOCKER_CONFIG.into();
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
    let image = dev.json(media::DOCKER_MANIFEST, &manifest);
    dev.climbs(&image, "docker").await;
    let child = platform(&image, "linux", "amd64");
    let list = json!({"schemaVersion": 2, "mediaType": media::DOCKER_LIST, "manifests": [child]});
    dev.climbs(&dev.json(media::DOCKER_LIST, &list), "a list of docker").await;
    // Without a media type (umoci, older buildah); with annotations, an artifact type, empty data and addresses.
    let bare = dev.manifest(&good);
    let mut without = bare.clone();
    without.as_object_mut().unwrap().remove("mediaType");
    dev.climbs(&dev.json(media::OCI_MANIFEST, &without), "without a media type").await;
    let mut child = platform(&dev.json(media::OCI_MANIFEST, &without), "linux", "amd64");
    child["annotations"] = json!({"org.opencontainers.image.created": "x"});
    let index = json!({"schemaVersion": 2, "manifests": [child]});
    dev.climbs(&dev.json(media::OCI_INDEX, &index), "an index without a media type").await;
    let mut full = bare.clone();
    full["annotations"] = json!({"a": "b"});
    full["layers"][0]["annotations"] = json!({"org.example.layer": "x"});
    full["layers"][0]["urls"] = json!([]);
    full["subject"] = Value::Null;
    dev.climbs(&dev.json(media::OCI_MANIFEST, &full), "with annotations").await;
    for (key, value) in [
        ("moby.buildkit.buildinfo.v1", json!("e30=")),
        ("variant", json!("")),
        ("os.features", json!([])),
        ("history", Value::Null),
    ] {
        let mut other = good.clone();
        other.config[key] = value;
        dev.climbs(&dev.push(&other), key).await;
    }
    let told = dev
        .climbs(
            &dev.json(media::OCI_MANIFEST, &with(&bare, &[("x-vendor", json!({"a": 1}))])),
            "a field of its own",
        )
        .await;
    let mut findings = told.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    assert!(findings.any(|one| one.code == "route.unknown-field" && one.title.contains("`x-vendor`")));
}
