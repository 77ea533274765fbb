//! `reproduce` as people type it, against what was printed before: `tests/transcripts/reproduce.txt`. The images are the
//! same bytes in each run. `LOCKGATE_BLESS=1` writes what is printed now.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Write;
use std::path::Path;

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use serde_json::{Value, json};
use support::{Workspace, transcript};

mod support;

/// A file of a layer: path, content, and what is not usual about it.
type Entry<'a> = (&'a str, &'a str, fn(&mut tar::Header));

fn layer(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content, change) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        change(&mut header);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn put(folder: &Path, kind: &str, bytes: &[u8]) -> Descriptor {
    let described = Descriptor::of(kind, bytes);
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(described.digest.hex()), bytes).unwrap();
    described
}

/// A layout with one image of these layers, each as it is stored and as its config claims it to be.
fn image(folder: &Path, layers: &[(&str, Vec<u8>, Digest)], created: &str) {
    let diff_ids: Vec<_> = layers.iter().map(|(_, _, diff_id)| diff_id).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": created,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let layers: Vec<_> = layers.iter().map(|(kind, bytes, _)| put(folder, kind, bytes)).collect();
    let config = put(folder, media::OCI_CONFIG, config.to_string().as_bytes());
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config, "layers": layers});
    let manifest = put(folder, media::OCI_MANIFEST, manifest.to_string().as_bytes());
    let mut listed = serde_json::to_value(&manifest).unwrap();
    listed["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
    let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [listed]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn plain(tar: Vec<u8>) -> (&'static str, Vec<u8>, Digest) {
    let diff_id = Digest::of(&tar);
    (media::OCI_LAYER, tar, diff_id)
}

fn packed(tar: &[u8], level: u32) -> (&'static str, Vec<u8>, Digest) {
    (media::OCI_LAYER_GZIP, gzip(tar, level), Digest::of(tar))
}

/// An image, and rebuilds of it that differ in one thing each.
fn images() -> Workspace {
    const CREATED: &str = "2026-01-01T00:00:00Z";
    let w = Workspace::empty();
    let usual: fn(&mut tar::Header) = |_| ();
    let later: fn(&mut tar::Header) = |header| header.set_mtime(1_800_000_000);
    let base = || plain(layer(&[("etc/os-release", "ID=x\n", usual)]));
    let app = |a, b| plain(layer(&[("bin/app", "program", a), ("bin/tool", "tool", b)]));
    let make = |name: &str, layers: &[(&str, Vec<u8>, Digest)], created: &str| {
        image(&w.folder.join(name), layers, created);
    };
    make("first", &[base(), app(usual, usual)], CREATED);
    make("again", &[base(), app(usual, usual)], CREATED);
    make("later", &[base(), app(later, usual)], "2026-02-02T00:00:00Z");
    make("owner", &[base(), app(|header| header.set_uid(1000), |header| header.set_mode(0o600))], CREATED);
    let swapped = layer(&[("bin/tool", "tool", usual), ("bin/app", "program", usual)]);
    make("order", &[base(), plain(swapped)], CREATED);
    let other = layer(&[
        ("bin/app", "other", usual),
        ("bin/\u{1b}[31mnew", "x", usual),
        ("var/log/x.log", "x", usual),
    ]);
    make("other", &[base(), plain(other), base()], CREATED);
    let mut padded = layer(&[("bin/app", "program", usual), ("bin/tool", "tool", usual)]);
    padded.extend([0; 8192]);
    make("padded", &[base(), plain(padded)], CREATED);
    w
}

#[test]
fn differences_are_told_as_the_transcript_says() {
    let w = images();
    transcript::hold("reproduce", |line| {
        let arguments: Vec<_> = line.strip_prefix("lockgate ").unwrap().split(' ').collect();
        w.run(&arguments)
    });
}

fn json_of(w: &Workspace, a: &str, b: &str, code: i32) -> Value {
    w.run(&["reproduce", a, b, "--output", "json"]).expect(code).json()
}

#[test]
fn indexes_are_compared_platform_by_platform() {
    let w = images();
    let index = |name: &str, images: &[(&str, &str)]| {
        let folder = w.folder.join(name);
        let mut listed = Vec::new();
        for (image, architecture) in images {
            let from = w.folder.join(image);
            let index: Value =
                serde_json::from_slice(&std::fs::read(from.join("index.json")).unwrap()).unwrap();
            let mut descriptor = index["manifests"][0].clone();
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            listed.push(descriptor);
            std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
            for blob in std::fs::read_dir(from.join("blobs/sha256")).unwrap() {
                let blob = blob.unwrap();
                std::fs::copy(blob.path(), folder.join("blobs/sha256").join(blob.file_name())).unwrap();
            }
        }
        let inner = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": listed});
        let inner = put(&folder, media::OCI_INDEX, inner.to_string().as_bytes());
        let mut outer = serde_json::to_value(&inner).unwrap();
        outer["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
        let outer = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [outer]});
        std::fs::write(folder.join("index.json"), outer.to_string()).unwrap();
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    };
    index("one", &[("first", "amd64"), ("first", "arm64")]);
    index("two", &[("first", "amd64"), ("order", "arm64"), ("first", "s390x")]);
    let told = json_of(&w, "oci:one:1", "oci:two:1", 4);
    let images = told["images"].as_array().unwrap();
    let platforms: Vec<_> = images.iter().map(|image| image["platform"].as_str().unwrap()).collect();
    assert_eq!(platforms, ["linux/arm64", "linux/s390x"], "{told}");
    assert_eq!((&images[0]["layers"][1]["is"], &images[1]["a"]), (&json!("different"), &Value::Null));
    assert!(told["index"]["named"].as_array().is_some_and(|values| !values.is_empty()));
    let told = json_of(&w, "oci:one:1", "oci:first:1", 4);
    assert_eq!(told["index"]["named"][0]["name"], "/mediaType", "{told}");
    assert_eq!(told["images"].as_array().unwrap().len(), 1, "{told}");
}

#[test]
fn compression_alone_is_told_apart_from_content() {
    let w = images();
    let tar = layer(&[("a", &"text ".repeat(1000), |_| ())]);
    for (name, level) in [("fast", 1), ("best", 9)] {
        image(&w.folder.join(name), &[packed(&tar, level)], "2026-01-01T00:00:00Z");
    }
    image(&w.folder.join("none"), &[plain(tar.clone())], "2026-01-01T00:00:00Z");
    for (a, b) in [("oci:fast:1", "oci:best:1"), ("oci:none:1", "oci:fast:1")] {
        let told = json_of(&w, a, b, 4);
        assert_eq!(told["images"][0]["layers"][0]["is"], "compressed-otherwise", "{told}");
        assert_eq!(told["hints"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told, json_of(&w, a, b, 4));
    }
    assert_eq!(json_of(&w, "oci:fast:1", "oci:fast:1", 0)["identical"], true);
    // What lies about its content is no rebuild of anything.
    let other = layer(&[("a", "other", |_| ())]);
    image(&w.folder.join("liar"), &[(media::OCI_LAYER, other, Digest::of(&tar))], "2026-01-01T00:00:00Z");
    let told = w.run(&["reproduce", "oci:fast:1", "oci:liar:1"]).expect(1).err;
    assert!(told.contains("the config lies about this layer"), "{told}");
}

#[test]
fn archives_and_folders_are_compared_too_and_many_differences_are_counted() {
    let w = images();
    for (name, count) in [("few", 1), ("many", 400)] {
        let folder = w.folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for at in 0..count {
            std::fs::write(folder.join(format!("{at:03}")), "x").unwrap();
        }
    }
    let told = json_of(&w, "dir:few", "dir:many", 4);
    let only = &told["images"][0]["layers"][0]["onlyInB"];
    assert_eq!((only["named"].as_array().unwrap().len(), &only["more"]), (100, &json!(299)));
    let told = w.run(&["reproduce", "dir:few", "oci:nowhere:1"]).expect(1).err;
    assert!(told.contains("nowhere"), "{told}");
    w.run(&["reproduce", "dir:few"]).expect(2);
}
