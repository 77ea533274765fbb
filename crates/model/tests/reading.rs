//! The profile of `docs/reading.md`: documents that clients read in two ways are refused, and ordinary ones are not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use lockgate_model::oci::{Content, ImageConfig, Manifest, OciError, Platform, Reading, media};
use lockgate_model::{Descriptor, Digest};
use serde_json::{Map, Value, json};

fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

fn descriptor(media_type: &str, content: &str) -> Value {
    json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
}

/// A manifest with every field that clients know.
fn manifest() -> Value {
    let mut config = descriptor(media::OCI_CONFIG, "config");
    config["annotations"] = json!({"a": "b"});
    config["platform"] = json!({
        "architecture": "amd64", "os": "linux", "os.version": "1", "os.features": ["x"], "variant": "v1", "features": ["y"]
    });
    config["data"] = "Y29uZmln".into();
    config["urls"] = json!([]);
    config["artifactType"] = "application/x".into();
    json!({
        "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": "application/x",
        "config": config, "layers": [descriptor(media::OCI_LAYER_GZIP, "layer")],
        "subject": descriptor(media::OCI_MANIFEST, "subject"), "annotations": {"x-map": "", "Config": "free", "config": "too"},
    })
}

fn index() -> Value {
    let mut child = descriptor(media::OCI_MANIFEST, "child");
    child["platform"] = json!({"architecture": "arm64", "os": "linux", "variant": "v8"});
    json!({
        "schemaVersion": 2, "mediaType": media::OCI_INDEX, "artifactType": "application/x", "manifests": [child],
        "subject": descriptor(media::OCI_MANIFEST, "subject"), "annotations": {},
    })
}

/// An image config with every field of docker and the OCI.
fn config() -> Value {
    let run = json!({
        "Hostname": "", "Domainname": "", "User": "65532", "AttachStdin": false, "AttachStdout": false,
        "AttachStderr": false, "ExposedPorts": {"80/tcp": {}}, "Tty": false, "OpenStdin": false, "StdinOnce": false,
        "Env": ["PATH=/bin"], "Cmd": ["sh"], "Healthcheck": {
            "Test": ["CMD", "true"], "Interval": 1, "Timeout": 1, "StartPeriod": 1, "StartInterval": 1, "Retries": 1
        },
        "ArgsEscaped": true, "Image": "", "Volumes": {"/v": {}}, "WorkingDir": "/", "Entrypoint": ["e"],
        "NetworkDisabled": false, "MacAddress": "", "OnBuild": ["RUN x"], "Labels": {"x-map": "", "user": "a", "User": "b"},
        "StopSignal": "TERM", "StopTimeout": 10, "Shell": ["sh"], "Memory": 1, "MemorySwap": 1, "CpuShares": 1,
        "Cpuset": "", "PortSpecs": [], "VolumesFrom": "", "VolumeDriver": "", "PublishService": "", "Dns": []
    });
    json!({
        "created": "2026-01-01T00:00:00Z", "author": "a", "architecture": "amd64", "variant": "v1", "os": "linux",
        "os.version": "1", "os.features": ["x"], "config": run, "container_config": run,
        "rootfs": {"type": "layers", "diff_ids": [digest("tar")], "base_layer": ""},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "x", "author": "a", "comment": "c", "empty_layer": true}],
        "id": "", "parent": "", "parent_id": "", "layer_id": "", "comment": "", "container": "", "docker_version": "1",
        "throwaway": false, "Size": 1, "moby.buildkit.buildinfo.v1": "e30=", "moby.buildkit.cache.v0": {"x": 1},
    })
}

type Read = fn(&str) -> bool;

fn reads_manifest(text: &str) -> bool {
    Content::read(media::OCI_MANIFEST, text.as_bytes()).is_ok()
}

fn reads_index(text: &str) -> bool {
    Content::read(media::OCI_INDEX, text.as_bytes()).is_ok()
}

fn reads_config(text: &str) -> bool {
    ImageConfig::read(Reading::Strict, text.as_bytes()).is_ok()
}

fn documents() -> [(Value, Read); 3] {
    [(manifest(), reads_manifest), (index(), reads_index), (config(), reads_config)]
}

/// Every spelling that some reader takes for `key`.
fn alike(key: &str) -> Vec<String> {
    let mut first = key.chars();
    let first = first.next().map(|c| c.to_uppercase().chain(first).collect::<String>());
    let alternate = key.chars().enumerate();
    let alternate =
        alternate.map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    let half = key.len() / 2;
    let mut all = vec![
        first.unwrap_or_default(),
        key.to_uppercase(),
        key.to_lowercase(),
        alternate.collect(),
        key.replacen(['s', 'S'], "\u{17f}", 1),
        key.replace(['s', 'S'], "\u{17f}"),
        key.replacen(['k', 'K'], "\u{212a}", 1),
        format!("{}_{}", &key[..half], &key[half..]),
        format!("{}-{}", &key[..half], &key[half..]),
        format!("{key}_"),
        key.replace('_', ""),
    ];
    all.retain(|one| one != key);
    all
}

/// What to write for the object of that number.
type Rewrite<'a> = dyn Fn(usize, &Map<String, Value>) -> Option<String> + 'a;

/// Writes `value` as text, with the entries of one object rewritten: `place` counts objects in reading order.
fn write(value: &Value, place: &mut usize, rewrite: &Rewrite<'_>) -> String {
    match value {
        Value::Object(map) => {
            *place += 1;
            if let Some(text) = rewrite(*place, map) {
                return text;
            }
            let entries: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}:{}", json!(key), write(value, place, rewrite)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| write(item, place, rewrite)).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// Objects whose keys are names, not fields.
fn is_map(map: &Map<String, Value>) -> bool {
    ["x-map", "80/tcp", "/v", "x", "a"].iter().any(|name| map.contains_key(*name))
}

#[test]
fn keys_that_some_reader_takes_for_a_field_are_refused() {
    let mut tried = 0;
    for (document, reads) in documents() {
        assert!(reads(&document.to_string()), "{document}");
        let mut objects = 0;
        write(&document, &mut objects, &|_, _| None);
        for object in 1..=objects {
            let keys = std::cell::RefCell::new(Vec::new());
            write(&document, &mut 0, &|place, map| {
                if place == object && !is_map(map) {
                    keys.borrow_mut().extend(map.keys().cloned());
                }
                None
            });
            for key in keys.into_inner() {
                for other in alike(&key) {
                    for way in 0..3 {
                        let text = write(&document, &mut 0, &|place, map| {
                            let entries = map.iter().map(|(key, value)| format!("{}:{value}", json!(key)));
                            let evil = format!("{}:{}", json!(other), map.get(&key).unwrap_or(&Value::Null));
                            let text = match way {
                                0 => entries.chain([evil]).collect::<Vec<_>>(),
                                1 => std::iter::once(evil).chain(entries).collect(),
                                _ => {
                                    let mut without = map.clone();
                                    without.remove(&key);
                                    let rest =
                                        without.iter().map(|(key, value)| format!("{}:{value}", json!(key)));
                                    rest.chain([evil]).collect()
                                }
                            };
                            (place == object).then(|| format!("{{{}}}", text.join(",")))
                        });
                        assert!(!reads(&text), "`{other}` for `{key}`: {text}");
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 3000, "{tried}");
}

/// Fields of the wrong type, numbers that readers read differently, and `null` where something must be.
#[test]
fn fields_of_another_type_are_refused() {
    let wrong = [
        "true",
        "1",
        "1.5",
        "\"x\"",
        "[]",
        "[1]",
        "[null]",
        "{}",
        "{\"a\":1}",
        "null",
        "[[]]",
        "-1",
        "1e3",
        "2.0",
    ];
    let mut refused = 0;
    for (document, reads) in documents() {
        for key in document.as_object().unwrap().keys() {
            for value in wrong {
                let mut other = document.clone();
                other[key] = serde_json::from_str(value).unwrap();
                let text = other.to_string().replace(&format!("\"{key}\":1000.0"), &format!("\"{key}\":1e3"));
                refused += usize::from(!reads(&text));
            }
        }
    }
    // What is left are texts, numbers and nulls of the right type where nothing is needed.
    assert!(refused > 380, "{refused}");
    let sizes =
        ["-1", "1.0", "1e1", "-0", "9223372036854775808", "18446744073709551616", "\"1\"", "null", "1E400"];
    for size in sizes {
        let text = manifest().to_string().replacen("\"size\":5", &format!("\"size\":{size}"), 1);
        assert!(text.contains(&format!("\"size\":{size}")) && !reads_manifest(&text), "{size}");
    }
    for version in ["1", "3", "2.0", "\"2\"", "null", "-2", "0.2e1"] {
        let text = manifest().to_string().replacen(
            "\"schemaVersion\":2",
            &format!("\"schemaVersion\":{version}"),
            1,
        );
        assert!(!reads_manifest(&text), "{version}");
    }
}

#[test]
fn documents_that_could_be_of_another_kind_are_refused() {
    let foreign = |base: &Value, names: &[&str]| -> Vec<Value> {
        let values = [json!([]), json!({}), json!(null), json!([descriptor("x", "y")]), json!("")];
        let with = |(name, value): (&&str, &Value)| {
            let name: &&str = name;
            let mut other = base.clone();
            other[*name] = value.clone();
            other
        };
        names.iter().flat_map(|name| values.iter().map(move |value| (name, value))).map(with).collect()
    };
    for other in foreign(
        &manifest(),
        &["manifests", "Manifests", "fsLayers", "FSLAYERS", "signatures", "history", "blobs"],
    ) {
        assert!(!reads_manifest(&other.to_string()), "{other}");
    }
    for other in foreign(
        &index(),
        &["config", "layers", "Layers", "layer\u{17f}", "fsLayers", "signatures", "history", "blobs"],
    ) {
        assert!(!reads_index(&other.to_string()), "{other}");
    }
    for other in foreign(&config(), &["schemaVersion", "layers", "manifests", "fsLayers"]) {
        assert!(!reads_config(&other.to_string()), "{other}");
    }
    for other in [
        media::DOCKER_MANIFEST,
        media::OCI_INDEX,
        "",
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
    ] {
        let mut value = manifest();
        value["mediaType"] = other.into();
        assert!(!reads_manifest(&value.to_string()), "{other}");
    }
    // Without a media type, an OCI manifest is read, one of Docker is not, and neither is one that some would guess to be.
    let mut bare = manifest();
    bare.as_object_mut().unwrap().remove("mediaType");
    assert!(reads_manifest(&bare.to_string()));
    assert!(Content::read(media::DOCKER_MANIFEST, bare.to_string().as_bytes()).is_err());
    bare["config"]["mediaType"] = media::DOCKER_CONFIG.into();
    assert!(!reads_manifest(&bare.to_string()));
}

#[test]
fn bytes_that_readers_mend_differently_are_refused() {
    let good = manifest().to_string();
    let with_annotation = |text: &str| good.replacen("\"Config\":\"free\"", &format!("\"Config\":{text}"), 1);
    let bad = [
        format!("\u{feff}{good}"),
        format!("{good} {good}"),
        format!("{good}\0"),
        with_annotation(r#""\ud800""#),
        with_annotation(r#""\udc00\ud800""#),
        with_annotation(r#""a\u0000b""#),
        with_annotation("\"a\u{1}b\""),
        with_annotation("null"),
        with_annotation("1"),
        good.replacen("\"Config\"", r#""a\u0000""#, 1),
        good.replacen("\"Config\"", r#""config""#, 1),
        good.replacen("\"Config\"", r#""\u0063onfig""#, 1),
    ];
    for text in &bad {
        assert!(!reads_manifest(text), "{text}");
    }
    let mut broken = good.clone().into_bytes();
    let at = good.find("free").unwrap();
    for byte in [0xff, 0xc0, 0x80, 0xed] {
        broken[at] = byte;
        assert!(Content::read(media::OCI_MANIFEST, &broken).is_err(), "{byte}");
    }
    for data in ["Y29uZmlnCg==", "Y29u\\nZmln", "Y29uZmln=", "", "Y29uZmlo", "Y29uZml"] {
        let text = good.replacen("Y29uZmln", data, 1);
        assert!(!reads_manifest(&text), "{data}");
    }
}

#[test]
fn refusals_name_the_place_the_key_and_the_spelling() {
    let mut evil = manifest();
    evil["layers"][0]["Digest"] = digest("evil").into();
    let error = Content::read(media::OCI_MANIFEST, evil.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, OciError::Confused(_)));
    let told = error.to_string();
    assert!(
        told.contains("layers[0]") && told.contains("`Digest`") && told.contains("write `digest`"),
        "{told}"
    );
}

#[test]
fn unknown_fields_are_read_past_and_told() {
    let mut other = manifest();
    other["x-vendor"] = json!({"any": ["thing", {"Config": 1, "config": 2}]});
    other["layers"][0]["note"] = json!(1);
    let told = Content::unknown_fields(media::OCI_MANIFEST, other.to_string().as_bytes()).unwrap();
    assert_eq!(told, ["layers[0].note", "x-vendor"]);
    other["X_Vendor"] = json!(1);
    assert!(!reads_manifest(&other.to_string()), "two unknown keys that are alike");
    assert_eq!(ImageConfig::unknown_fields(config().to_string().as_bytes()).unwrap(), Vec::<String>::new());
}

/// `null` is what writers of Go leave where nothing is.
#[test]
fn null_is_nothing_where_nothing_is_needed() {
    let config = json!({
        "architecture": "amd64", "os": "linux", "history": null, "container_config": null,
        "config": {"Cmd": null, "Entrypoint": null, "Volumes": null, "Labels": null, "OnBuild": null, "Env": null, "User": null},
        "rootfs": {"type": "layers", "diff_ids": [digest("tar")]},
    });
    let read = ImageConfig::read(Reading::Strict, config.to_string().as_bytes()).unwrap();
    assert_eq!(read.config.unwrap_or_default().user, None);
    for (key, value) in [("annotations", true), ("subject", true), ("config", false), ("layers", false)] {
        let mut other = manifest();
        other[key] = Value::Null;
        assert_eq!(reads_manifest(&other.to_string()), value, "{key}");
    }
}

fn image(config: &Value) -> (Manifest, Vec<u8>) {
    let bytes = config.to_string().into_bytes();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, &bytes),
        layers: vec![Descriptor::of(media::OCI_LAYER_GZIP, b"layer")],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    (manifest, bytes)
}

#[test]
fn what_is_not_an_image_is_told_as_what_it_is() {
    let (good, bytes) = image(&config());
    assert!(ImageConfig::of(&good, &bytes, None).is_ok());
    let told = |change: &dyn Fn(&mut Manifest)| {
        let mut other = good.clone();
        change(&mut other);
        ImageConfig::of(&other, &bytes, None).unwrap_err().to_string()
    };
    let kinds = [
        ("application/vnd.cncf.helm.config.v1+json", "Helm chart"),
        (media::OCI_EMPTY, "OCI artifact"),
        ("application/vnd.wasm.config.v0+json", "WebAssembly"),
        ("application/vnd.unknown.config.v1+json", "ORAS"),
        ("application/vnd.oci.image.config.v1+JSON", "OCI artifact"),
        ("", "OCI artifact"),
    ];
    for (media_type, said) in kinds {
        let told = told(&|manifest| manifest.config.media_type = media_type.to_owned());
        assert!(told.contains("is not an image") && told.contains(said), "{told}");
    }
    for (artifact, layer, said) in [
        (Some("application/vnd.cyclonedx+json"), "application/octet-stream", "(a bill of materials)"),
        (Some("application/vnd.example"), "text/spdx+json", "(a bill of materials)"),
        (None, "application/vnd.in-toto+json", "(an attestation)"),
        (None, "application/vnd.dev.sigstore.bundle.v0.3+json", "(a signature or attestation)"),
        (None, "application/vnd.example", "(an OCI artifact)"),
    ] {
        let told = told(&|manifest| {
            manifest.config.media_type = media::OCI_EMPTY.to_owned();
            manifest.artifact_type = artifact.map(str::to_owned);
            manifest.layers[0].media_type = layer.to_owned();
        });
        assert!(told.contains("is not an image") && told.contains(said), "{told}");
    }
    let layers = [
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "distributed"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "distributed"),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted"),
        ("application/vnd.oci.image.layer.v1.tar+zstd+encrypted", "encrypted"),
        ("application/vnd.in-toto+json", "attestation, not a layer"),
        ("text/spdx+json", "bill of materials, not a layer"),
        ("application/vnd.oci.image.layer.v1.tar+bzip2", "not read"),
        ("application/vnd.oci.image.layer.v1.TAR+gzip", "not read"),
        ("application/vnd.oci.image.layer.v1.tar+gzip ", "not read"),
        ("", "not read"),
    ];
    for (media_type, said) in layers {
        let told = told(&|manifest| manifest.layers[0].media_type = media_type.to_owned());
        assert!(told.contains(said), "{told}");
    }
    assert!(told(&|manifest| manifest.layers.clear()).contains("no layers"));
    assert!(
        told(&|manifest| manifest.layers.push(manifest.layers[0].clone()))
            .contains("1 layers and the manifest 2")
    );
    assert!(told(&|manifest| manifest.subject = Some(manifest.config.clone())).contains("subject"));
    assert!(told(&|manifest| manifest.layers[0].urls = Some(vec!["https://x".into()])).contains("urls"));
    assert!(told(&|manifest| manifest.config.urls = Some(vec!["https://x".into()])).contains("urls"));
}

#[test]
fn a_config_that_lists_no_layers_is_not_an_images() {
    let (good, _) = image(&config());
    let mut rootfs = config();
    rootfs["rootfs"]["type"] = "snapshots".into();
    let (other, bytes) = image(&rootfs);
    assert!(ImageConfig::of(&other, &bytes, None).unwrap_err().to_string().contains("`snapshots`"));
    for text in [
        "{}",
        "[]",
        "",
        "{\"rootfs\":{}}",
        "{\"rootfs\":null}",
        "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}",
    ] {
        assert!(ImageConfig::of(&good, text.as_bytes(), None).is_err(), "{text}");
    }
}

fn platform(os: &str, architecture: &str, variant: &str) -> Platform {
    let variant = Some(variant.to_owned()).filter(|variant| !variant.is_empty());
    Platform { architecture: architecture.into(), os: os.into(), variant, os_version: None }
}

#[test]
fn the_platform_of_an_index_is_that_of_the_config() {
    let built = |os: &str, architecture: &str, variant: &str| {
        let mut config = config();
        for key in ["variant", "os.version"] {
            config.as_object_mut().unwrap().remove(key);
        }
        (config["os"], config["architecture"]) = (os.into(), architecture.into());
        if !variant.is_empty() {
            config["variant"] = variant.into();
        }
        image(&config)
    };
    let same = [
        (("linux", "arm64", "v8"), ("linux", "arm64", "")),
        (("linux", "arm64", ""), ("linux", "arm64", "v8")),
        (("linux", "arm", ""), ("linux", "arm", "v7")),
        (("linux", "amd64", "v2"), ("linux", "amd64", "")),
        (("linux", "amd64", ""), ("linux", "amd64", "")),
    ];
    for (config, index) in same {
        let (manifest, bytes) = built(config.0, config.1, config.2);
        let platform = platform(index.0, index.1, index.2);
        assert!(ImageConfig::of(&manifest, &bytes, Some(&platform)).is_ok(), "{config:?} {index:?}");
    }
    let other = [
        (("linux", "amd64", ""), ("linux", "arm64", "")),
        (("linux", "amd64", ""), ("windows", "amd64", "")),
        (("linux", "amd64", ""), ("unknown", "unknown", "")),
        (("unknown", "unknown", ""), ("linux", "amd64", "")),
        (("linux", "arm", "v6"), ("linux", "arm", "v7")),
        (("", "", ""), ("linux", "amd64", "")),
    ];
    for (config, index) in other {
        let (manifest, bytes) = built(config.0, config.1, config.2);
        let platform = platform(index.0, index.1, index.2);
        assert!(ImageConfig::of(&manifest, &bytes, Some(&platform)).is_err(), "{config:?} {index:?}");
    }
}

/// What recorded Cases of the first two Editions were judged by.
#[test]
fn the_loose_reading_refuses_no_more_than_it_did() {
    let text = json!({"schemaVersion": 1, "Layers": [], "config": {"mediaType": "x", "digest": digest("c"), "size": 1,
        "urls": 7, "platform": {"os": "a", "architecture": "b", "os.version": 1}}, "layers": [], "mediaTypes": null});
    assert!(Content::read_as(Reading::Loose, media::OCI_MANIFEST, text.to_string().as_bytes()).is_ok());
    let text = json!({"variant": 1, "os.version": [], "rootfs": {"type": 7}, "config": {"user": 1, "Cmd": "x", "Entrypoint": 1}});
    assert!(ImageConfig::read(Reading::Loose, text.to_string().as_bytes()).is_ok());
    let both = json!({"schemaVersion": 2, "manifests": [], "layers": []}).to_string();
    assert!(Content::read_as(Reading::Loose, media::OCI_INDEX, both.as_bytes()).is_err());
}
