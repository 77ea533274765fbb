//! What is judged is what runs: documents that clients read in two ways, children that are called attestations, indexes that
//! leave a choice, and what is attached. None of it climbs, and what is honest does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use dev::{Dev, EVIL, Image, digest, platform, route, with};
use lockgate_engine::promote::promote;
use lockgate_engine::recover;
use lockgate_model::evidence::{Attachment, fallback_tag};
use lockgate_model::oci::{EMPTY_JSON, media};
use lockgate_model::reference::Target;
use lockgate_model::{Descriptor, Digest, Outcome};
use serde_json::{Value, json};
use sim::{Fault, Plan};
use world::{World, layer};

mod dev;
mod sim;
mod world;

/// Spellings that Go takes for `key`.
fn folded(key: &str) -> Vec<String> {
    let first = key[..1].to_uppercase() + &key[1..];
    let last = key[..key.len() - 1].to_owned() + &key[key.len() - 1..].to_uppercase();
    let mut all = vec![
        first,
        last,
        key.to_uppercase(),
        key.replacen('s', "\u{17f}", 1),
        key.replacen('k', "\u{212a}", 1),
    ];
    all.retain(|one| one != key);
    all
}

#[tokio::test]
async fn documents_that_clients_read_in_two_ways_do_not_climb() {
    let dev = Dev::new().await;
    let (good, evil) = (dev.good(), dev.evil());
    dev.climbs(&dev.push(&good), "the good one").await;
    let told = dev.refused(&dev.push(&evil), "the evil one").await;
    assert!(told.contains("vulnerability.known"), "{told}");
    let (manifest, other) = (dev.manifest(&good), dev.manifest(&evil));
    let mut tried = 0;
    for key in ["config", "layers"] {
        for spelling in folded(key) {
            for both in [true, false] {
                let mut two = with(&manifest, &[(&spelling, other[key].clone())]);
                if both {
                    let rest = if key == "config" { "layers" } else { "config" };
                    two[rest[..1].to_uppercase() + &rest[1..]] = other[rest].clone();
                }
                let told = dev.refused(&dev.json(media::OCI_MANIFEST, &two), &spelling).await;
                assert!(told.contains("some readers take for"), "{told}");
                tried += 1;
            }
        }
    }
    for spelling in folded("digest").into_iter().chain(folded("mediaType")).chain(folded("size")) {
        let mut two = manifest.clone();
        two["layers"][0][&spelling] = json!(1);
        dev.refused(&dev.json(media::OCI_MANIFEST, &two), &spelling).await;
        tried += 1;
    }
    for (key, value) in
        [("user", "0"), ("USER", "0"), ("u\u{17f}er", "0"), ("U\u{17f}er", "0"), ("uSER", "0")]
    {
        let mut two = good.clone();
        two.config["config"][key] = value.into();
        dev.refused(&dev.push(&two), key).await;
        tried += 1;
    }
    for spelling in folded("rootfs").into_iter().chain(["Config".into(), "CONFIG".into(), "OS".into()]) {
        let mut two = good.clone();
        two.config[&spelling] = evil.config["rootfs"].clone();
        dev.refused(&dev.push(&two), &spelling).await;
        tried += 1;
    }
    let (child, bad) =
        (platform(&dev.push(&good), "linux", "amd64"), platform(&dev.push(&evil), "linux", "amd64"));
    let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [child]});
    dev.climbs(&dev.json(media::OCI_INDEX, &index), "an index").await;
    for spelling in folded("manifests") {
        let two = with(&index, &[(&spelling, json!([bad]))]);
        dev.refused(&dev.json(media::OCI_INDEX, &two), &spelling).await;
        tried += 1;
    }
    assert!(tried >= 40, "{tried}");
}

/// An attestation as `BuildKit` writes it.
fn attestation(dev: &Dev) -> Image {
    let statement =
        json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": [], "predicateType": "x"});
    let layer = dev.json(media::IN_TOTO, &statement);
    let config = json!({"architecture": "unknown", "os": "unknown", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}});
    Image { config, layers: vec![layer] }
}

fn annotated(child: &Value) -> Value {
    let annotations = json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": child["digest"]});
    with(&platform(child, "unknown", "unknown"), &[("annotations", annotations)])
}

/// A JSON document that a tar reader unpacks: its first block is a header without a NUL.
fn polyglot() -> Vec<u8> {
    let mut block = vec![b' '; 512];
    block[..9].copy_from_slice(b"{\"a\":\"x\",");
    block[9..12].copy_from_slice(b"\"b\"");
    block[12] = b':';
    block[13] = b'"';
    block[124..135].copy_from_slice(b"00000000000");
    block[156] = b'0';
    block[510] = b'"';
    block[511] = b'}';
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
        .sum();
    block[148..156].copy_from_slice(format!("{sum:06o}  ").as_bytes());
    assert!(serde_json::from_slice::<Value>(&block).is_ok());
    block
}

/// Images, under every name that might hide them.
fn images_called_attestations(dev: &Dev) -> Vec<(&'static str, Value)> {
    let mut children = Vec::new();
    let mut child = |what: &'static str, child: Value| children.push((what, child));
    let evil = dev.evil();
    child(
        "an image of another platform",
        with(
            &platform(&dev.push(&evil), "linux", "arm64"),
            &[("annotations", annotated(&dev.push(&evil))["annotations"].clone())],
        ),
    );
    child("an image of no platform, as D7", annotated(&dev.push(&evil)));
    let mut unknown = evil.clone();
    (unknown.config["os"], unknown.config["architecture"]) = ("unknown".into(), "unknown".into());
    child("an image that says it is of no platform", annotated(&dev.push(&unknown)));
    let mut platformless = annotated(&dev.push(&evil));
    platformless.as_object_mut().unwrap().remove("platform");
    child("without a platform", platformless);
    for (os, architecture) in [("unknown", "amd64"), ("linux", "unknown"), ("Unknown", "Unknown"), ("", "")] {
        let mut other = evil.clone();
        (other.config["os"], other.config["architecture"]) = (os.into(), architecture.into());
        child(
            "half a platform",
            with(
                &annotated(&dev.push(&other)),
                &[("platform", json!({"os": os, "architecture": architecture}))],
            ),
        );
    }
    child("an index", annotated(&dev.index(&[platform(&dev.push(&evil), "linux", "amd64")])));
    let gone = serde_json::to_value(Descriptor::of(media::OCI_MANIFEST, b"gone")).unwrap();
    child("not there", annotated(&gone));
    children
}

/// Attestations that are something else besides.
fn attestations_that_are_more(dev: &Dev, good: &Value) -> Vec<(&'static str, Value)> {
    let mut children = Vec::new();
    let mut child = |what: &'static str, child: Value| children.push((what, child));
    let (honest, evil) = (attestation(dev), dev.evil());
    let (gzip, diff_id) = layer(&EVIL);
    let tar = unpacked(&gzip);
    for (what, bytes) in [
        ("a tar called in-toto", tar.clone()),
        ("gzip called in-toto", gzip.clone()),
        ("a JSON that is a tar", polyglot()),
        ("text", b"hello".to_vec()),
        ("a list", b"[]".to_vec()),
        ("nothing", vec![]),
        ("a JSON and a tar", [b"{}".to_vec(), tar.clone()].concat()),
    ] {
        let layer = dev.blob(media::IN_TOTO, &bytes);
        let mut other = honest.clone();
        other.config["rootfs"]["diff_ids"] = json!([layer["digest"]]);
        other.layers = vec![layer];
        child(what, annotated(&dev.push(&other)));
        other.config["rootfs"]["diff_ids"] = json!([]);
        child(what, annotated(&dev.push(&other)));
    }
    let mut mixed = honest.clone();
    mixed.layers.push(evil.layers[0].clone());
    mixed.config["rootfs"]["diff_ids"] = json!([honest.layers[0]["digest"], diff_id]);
    child("a layer of files besides", annotated(&dev.push(&mixed)));
    let mut lying = honest.clone();
    lying.config["rootfs"]["diff_ids"] = json!([diff_id]);
    child("diff_ids of something else", annotated(&dev.push(&lying)));
    for (key, value) in [("Entrypoint", json!(["/bin/sh"])), ("Cmd", json!(["sh"]))] {
        let mut starts = honest.clone();
        starts.config["config"] = json!({key: value});
        child("something to start", annotated(&dev.push(&starts)));
    }
    for media_type in [
        "application/vnd.in-toto+JSON",
        "application/vnd.in-toto+json; x=1",
        "application/json",
        media::OCI_LAYER,
    ] {
        let mut other = honest.clone();
        other.layers[0]["mediaType"] = media_type.into();
        child("layers called otherwise", annotated(&dev.push(&other)));
    }
    let mut none = honest.clone();
    none.layers.clear();
    none.config["rootfs"]["diff_ids"] = json!([]);
    child("no layers", annotated(&dev.push(&none)));
    let mut manifest = dev.manifest(&honest);
    manifest["config"]["mediaType"] = media::DOCKER_CONFIG.into();
    child("a config of Docker", annotated(&dev.json(media::OCI_MANIFEST, &manifest)));
    manifest["config"]["mediaType"] = "application/octet-stream".into();
    child("a config of no kind", annotated(&dev.json(media::OCI_MANIFEST, &manifest)));
    let mut attached = dev.manifest(&honest);
    attached["subject"] = good.clone();
    attached["subject"].as_object_mut().unwrap().remove("platform");
    child("attached to something", annotated(&dev.json(media::OCI_MANIFEST, &attached)));
    let mut folded = dev.manifest(&honest);
    folded["Layers"] = json!(evil.layers);
    child("layers twice", annotated(&dev.json(media::OCI_MANIFEST, &folded)));
    children
}

fn unpacked(gzip: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut tar).unwrap();
    tar
}

#[tokio::test]
async fn a_child_that_can_run_is_judged_whatever_it_is_called() {
    let dev = Dev::new().await;
    let good = platform(&dev.push(&dev.good()), "linux", "amd64");
    let honest = attestation(&dev);
    let index = |child: &Value| dev.index(&[good.clone(), child.clone()]);
    let recorded = dev.climbs(&index(&annotated(&dev.push(&honest))), "BuildKit's").await;
    assert_eq!((recorded.case.record.images.len(), recorded.case.record.attestations.len()), (1, 1));
    let mut bare = honest.clone();
    bare.config["rootfs"]["diff_ids"] = json!([]);
    dev.climbs(&index(&platform(&dev.push(&bare), "unknown", "unknown")), "without diff_ids").await;

    let mut children = images_called_attestations(&dev);
    children.extend(attestations_that_are_more(&dev, &good));
    assert!(children.len() >= 30, "{}", children.len());
    for (what, child) in children {
        dev.refused(&index(&child), what).await;
        dev.refused(&dev.index(std::slice::from_ref(&child)), what).await;
    }
    // Nothing but attestations is not an image.
    let told = dev.refused(&dev.index(&[annotated(&dev.push(&honest))]), "attestations alone").await;
    assert!(told.contains("names no image"), "{told}");
}

#[tokio::test]
async fn an_index_leaves_no_choice_that_was_not_judged() {
    let dev = Dev::new().await;
    let image = |architecture: &str, variant: Option<&str>, author: &str| {
        let mut image = dev.good();
        image.config["architecture"] = architecture.into();
        image.config["author"] = author.into();
        if let Some(variant) = variant {
            image.config["variant"] = variant.into();
        }
        dev.push(&image)
    };
    let child = |architecture: &str, variant: Option<&str>, author: &str| {
        let mut child = platform(&image(architecture, variant, author), "linux", architecture);
        if let Some(variant) = variant {
            child["platform"]["variant"] = variant.into();
        }
        child
    };
    let (amd, arm) = (child("amd64", None, "a"), child("arm64", Some("v8"), "a"));
    dev.climbs(&dev.index(&[amd.clone(), arm.clone()]), "two platforms").await;
    dev.climbs(&dev.index(&[child("arm", Some("v6"), "a"), child("arm", Some("v7"), "b")]), "two variants")
        .await;
    let mut arm_without = child("arm64", Some("v8"), "w");
    arm_without.as_object_mut().unwrap().remove("platform");
    dev.climbs(&dev.index(std::slice::from_ref(&arm_without)), "one without a platform").await;
    let seventh = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
    let inner = platform(&dev.index(std::slice::from_ref(&arm)), "linux", "arm64");
    let bad = [
        ("twice", vec![amd.clone(), amd.clone()]),
        ("one digest, two platforms", vec![amd.clone(), platform(&amd, "linux", "arm64")]),
        ("two of one platform", vec![amd.clone(), child("amd64", None, "b")]),
        ("a variant that is none", vec![amd.clone(), child("amd64", Some("v1"), "b")]),
        ("a variant that is none", vec![arm.clone(), child("arm64", None, "b")]),
        ("an old name", vec![amd.clone(), child("x86_64", None, "b")]),
        ("an old name", vec![arm.clone(), child("aarch64", None, "b")]),
        ("upper case", vec![amd.clone(), child("AMD64", None, "b")]),
        ("upper case alone", vec![child("ARM64", None, "b")]),
        ("another platform than its config", vec![platform(&amd, "linux", "arm64")]),
        ("another platform than its config", vec![platform(&amd, "windows", "amd64")]),
        (
            "another variant than its config",
            vec![with(&child("arm", Some("v6"), "a"), &[("platform", seventh)])],
        ),
        ("no platform, which crane takes for linux/amd64", vec![amd.clone(), arm_without.clone()]),
        ("no platform first", vec![arm_without.clone(), amd.clone()]),
        ("an empty platform", vec![platform(&amd, "", "")]),
        ("a blank in its platform", vec![platform(&amd, "linux ", "amd64")]),
        ("an index inside", vec![amd.clone(), inner]),
        ("addresses", vec![with(&amd, &[("urls", json!(["https://example.com"]))])]),
        ("another size", vec![with(&amd, &[("size", json!(7))])]),
        ("another media type", vec![with(&amd, &[("mediaType", media::DOCKER_MANIFEST.into())])]),
        ("a kind of its own", vec![with(&amd, &[("mediaType", "application/vnd.example".into())])]),
        ("nothing", vec![]),
        (
            "one that is not there",
            vec![
                amd.clone(),
                platform(
                    &serde_json::to_value(Descriptor::of(media::OCI_MANIFEST, b"gone")).unwrap(),
                    "linux",
                    "arm64",
                ),
            ],
        ),
    ];
    for (what, children) in &bad {
        dev.refused(&dev.index(children), what).await;
    }
    let subject = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [amd], "subject": dev.push(&dev.good())});
    dev.refused(&dev.json(media::OCI_INDEX, &subject), "attached").await;
}

#[tokio::test]
async fn what_is_not_an_image_is_unknown_and_named() {
    let dev = Dev::new().await;
    let good = dev.good();
    let manifest = dev.manifest(&good);
    let mut cases: Vec<(&str, Value)> = Vec::new();
    let mut push =
        |said: &'static str, value: &Value| cases.push((said, dev.json(media::OCI_MANIFEST, value)));
    let kind = |media_type: &str, content: &str| {
        with(&manifest, &[("config", dev.blob(media_type, content.as_bytes()))])
    };
    push("Helm chart", &kind("application/vnd.cncf.helm.config.v1+json", "{}"));
    push("OCI artifact", &kind(media::OCI_EMPTY, "{}"));
    push("WebAssembly", &kind("application/vnd.wasm.config.v0+json", "{}"));
    push("names 0 layers and the manifest 1", &kind(media::OCI_CONFIG, "{}"));
    push("malformed", &kind(media::OCI_CONFIG, "[]"));
    push("malformed", &kind(media::OCI_CONFIG, "\u{feff}{}"));
    push("no layers", &with(&manifest, &[("layers", json!([]))]));
    let mut none = good.clone();
    none.layers.clear();
    none.config["rootfs"]["diff_ids"] = json!([]);
    push("no layers", &dev.manifest(&none));
    let layer =
        |changes: &[(&str, Value)]| with(&manifest, &[("layers", json!([with(&good.layers[0], changes)]))]);
    push(
        "may not be distributed",
        &layer(&[("mediaType", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip".into())]),
    );
    push(
        "encrypted",
        &layer(&[("mediaType", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted".into())]),
    );
    push("not read", &layer(&[("mediaType", "application/octet-stream".into())]));
    push("urls", &layer(&[("urls", json!(["https://example.com/layer"]))]));
    push(
        "names 1 layers and the manifest 2",
        &with(&manifest, &[("layers", json!([good.layers[0], good.layers[0]]))]),
    );
    push("subject", &with(&manifest, &[("subject", dev.push(&dev.evil()))]));
    let mut twice = good.clone();
    twice.config["rootfs"]["diff_ids"] =
        json!([good.config["rootfs"]["diff_ids"][0], good.config["rootfs"]["diff_ids"][0]]);
    push("names 2 layers and the manifest 1", &dev.manifest(&twice));
    for (said, artifact) in cases {
        let told = dev.refused(&artifact, said).await;
        assert!(told.contains(said) && told.contains("route."), "{said}: {told}");
    }
}

/// Attaches a manifest to `subject`, listed as a referrer.
fn attach(dev: &Dev, subject: &Value, mut manifest: Value) -> Value {
    let mut subject = subject.clone();
    subject.as_object_mut().unwrap().retain(|key, _| ["mediaType", "digest", "size"].contains(&key.as_str()));
    manifest["subject"] = subject;
    let attached = dev.json(manifest["mediaType"].as_str().unwrap(), &manifest);
    dev.list(&attached, None);
    attached
}

/// Attaches what could run, in every form; `gzip` is a layer of an image.
fn attach_what_runs(dev: &Dev, image: &Value, harmless: &Value, gzip: &[u8]) -> Vec<Value> {
    let evil = dev.manifest(&dev.evil());
    let empty = dev.blob(media::OCI_EMPTY, EMPTY_JSON);
    let note = dev.blob("application/spdx+json", b"{}");
    let artifact = |layers: Value| json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": "application/x", "config": empty, "layers": layers});
    let config = json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [Digest::of(gzip)]}});
    let mut runs = vec![
        attach(dev, image, evil.clone()),
        attach(dev, harmless, with(&evil, &[("annotations", json!({"n": "1"}))])),
    ];
    let attestation = dev.push(&dev.evil());
    dev.list(&attestation, Attachment::AttestationTag.tag(&digest(image)).as_deref());
    runs.push(attestation);
    for media_type in [
        media::OCI_LAYER,
        media::OCI_LAYER_GZIP,
        media::OCI_LAYER_ZSTD,
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/x-tar",
        "application/vnd.oci.image.layer.v1.TAR",
        "application/x-tgz",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.squashfs",
        "application/vnd.wasm.content.layer.v1+wasm",
    ] {
        runs.push(attach(dev, image, artifact(json!([dev.blob(media_type, gzip)]))));
        runs.push(attach(dev, image, artifact(json!([note, dev.blob(media_type, gzip)]))));
    }
    for config_type in [
        media::OCI_CONFIG,
        media::DOCKER_CONFIG,
        "application/vnd.OCI.image.config.v1+json",
        "application/vnd.oci.image.config.v1+json; x=y",
    ] {
        for media_type in
            ["application/octet-stream", media::SIMPLE_SIGNING, media::IN_TOTO, "text/spdx+json"]
        {
            let config = dev.json(config_type, &config);
            let manifest = with(&artifact(json!([dev.blob(media_type, gzip)])), &[("config", config)]);
            runs.push(attach(dev, image, manifest));
        }
    }
    let child = platform(&dev.push(&dev.evil()), "linux", "amd64");
    runs.push(attach(
        dev,
        image,
        json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [child]}),
    ));
    runs
}

#[tokio::test]
async fn what_could_run_stays_behind_and_evidence_travels() {
    let dev = Dev::new().await;
    let image = dev.push(&dev.good());
    dev.list(&image, Some("2"));
    let empty = dev.blob(media::OCI_EMPTY, EMPTY_JSON);
    let artifact = |layers: Value| json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": "application/x", "config": empty, "layers": layers});
    let note = dev.blob("application/spdx+json", b"{\"spdxVersion\":\"SPDX-2.3\"}");
    let harmless = attach(&dev, &image, artifact(json!([note])));
    let deeper = attach(&dev, &harmless, artifact(json!([dev.blob("text/plain", b"about that")])));
    // cosign's own have the config of an image, whose layers are what was signed.
    let signed = dev.blob(media::SIMPLE_SIGNING, b"{\"critical\":{}}");
    let config = json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [signed["digest"]]}});
    let signature = dev.push(&Image { config: config.clone(), layers: vec![signed] });
    dev.list(&signature, Attachment::SignatureTag.tag(&digest(&image)).as_deref());
    let bill = dev.blob("text/spdx+json", b"{}");
    let sbom = dev.push(&Image { config: config.clone(), layers: vec![bill] });
    dev.list(&sbom, Attachment::SbomTag.tag(&digest(&image)).as_deref());

    let (gzip, _) = layer(&EVIL);
    let runs = attach_what_runs(&dev, &image, &harmless, &gzip);
    assert!(runs.len() >= 30, "{}", runs.len());

    let mut request = World::request("staging");
    request.target = Target::Tag("2".into());
    let promoted = promote(&dev.workspace, &request, None).await.unwrap();
    assert_eq!(promoted.recorded.decision.outcome, Outcome::Proceed, "{:#?}", promoted.recorded.decision);
    let target = "oci:staging/web".parse().unwrap();
    let registry = &dev.workspace.reach.registry;
    for one in [&harmless, &deeper, &signature, &sbom] {
        assert!(registry.manifest(&target, &digest(one)).await.is_ok(), "{one}");
    }
    let findings = promoted.recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let told: Vec<_> =
        findings.filter(|one| one.code == "route.stays-behind").map(|one| one.subject.clone()).collect();
    for one in &runs {
        assert!(registry.manifest(&target, &digest(one)).await.is_err(), "{one}");
        assert!(told.contains(&digest(one).to_string()), "{one}");
    }
    let blob = dev.world.folder().join("staging/web/blobs/sha256").join(Digest::of(&gzip).hex());
    assert!(!blob.exists(), "the layer of what stays behind");
}

#[tokio::test]
async fn what_was_judged_travels_and_nothing_that_came_later_or_went() {
    for gone in [false, true] {
        // The judgement, the intent, then the copy, which fails at first.
        let plan = Plan::new(2, Fault::Failed);
        let dev = Dev::with(&plan).await;
        let image = dev.push(&dev.good());
        dev.list(&image, Some("2"));
        let empty = dev.blob(media::OCI_EMPTY, EMPTY_JSON);
        let note = |text: &str| {
            json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": "application/x",
            "config": empty, "layers": [dev.blob("text/plain", text.as_bytes())]})
        };
        let known = attach(&dev, &image, note("known"));
        let mut request = World::request("staging");
        request.target = Target::Tag("2".into());
        promote(&dev.workspace, &request, None).await.unwrap_err();
        assert!(plan.struck());

        let later = attach(&dev, &image, note("later"));
        let tag = fallback_tag(&digest(&image));
        let list = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [later]});
        dev.list(&dev.json(media::OCI_INDEX, &list), Some(&tag));
        if gone {
            std::fs::remove_file(dev.folder.join("blobs/sha256").join(digest(&known).hex())).unwrap();
        }
        let mut workspace = dev.world.process(&Plan::none()).await;
        workspace.route = route();
        let open = recover::open(&workspace).await.unwrap();
        let done = recover::finish(&workspace, &open[0].intent).await;
        let target = "oci:staging/web".parse().unwrap();
        let registry = &workspace.reach.registry;
        if gone {
            let error = done.unwrap_err().to_string();
            assert!(error.contains("evidence that was judged"), "{error}");
            assert_eq!(registry.resolve(&target, "2").await.unwrap(), None, "the tag did not move");
        } else {
            done.unwrap();
            assert!(registry.manifest(&target, &digest(&known)).await.is_ok());
        }
        assert!(registry.manifest(&target, &digest(&later)).await.is_err(), "it was not judged");
    }
}
