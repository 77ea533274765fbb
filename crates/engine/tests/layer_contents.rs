//! Layers that are not read but taken from signed layer contents: that a published image is judged without its layers, that
//! whatever is wrong with what was published has the layers read, and that nothing of it is kept.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_engine::contents::publish;
use lockgate_engine::judge::{Recorded, judge};
use lockgate_engine::replay::replay;
use lockgate_engine::scan::scan;
use lockgate_engine::sign::{Form, attest, sign};
use lockgate_engine::workspace::{KeyFile, PolicySource, Reach};
use lockgate_engine::{Workspace, later::Later, promote::promote};
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::ports::Upload;
use lockgate_model::reference::Target;
use lockgate_model::route::Stage;
use lockgate_model::{Answer, Descriptor, Digest, Outcome, Reference, Route, Timestamp, canon, limits};
use lockgate_scan::layer::{AnalysedLayer, ContentBlob, Kind, LayerContents, PREDICATE_TYPE};
use lockgate_scan::{ANALYSER, LayerContent};
use lockgate_store::LayerFolder;
use serde_json::{Value, json};
use sim::Plan;
use world::World;

mod sim;
mod world;

fn at() -> Timestamp {
    Timestamp::from_unix(1_780_000_000)
}

/// The feed has an advisory about `x` 9.
const EVIL: &str = "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\nP:x\nV:9\nA:x86_64\nL:MIT\n\n";
const GOOD: &str = "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n";

/// An image of two layers in dev, signed by its builder.
struct Scene {
    world: World,
    scan: SigningKey,
    image: Descriptor,
    layers: Vec<(Descriptor, Digest)>,
}

fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap()
}

fn asking(keys: &[&str]) -> Value {
    json!({"layerContents": {"keys": keys}})
}

impl Scene {
    async fn new(installed: &str) -> Self {
        let base = world::layer(&[
            ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"),
            ("lib/apk/db/installed", installed),
        ]);
        Self::on(base).await
    }

    /// An image on this layer.
    async fn on(base: (Vec<u8>, Digest)) -> Self {
        Self::naming(base, None).await
    }

    /// An image on this layer, of which the manifest names a table of contents with this digest.
    async fn naming(base: (Vec<u8>, Digest), toc: Option<Digest>) -> Self {
        let world = World::new().await;
        let app = world::layer(&[("srv/app/run", "echo 1")]);
        let layers = [base, app];
        let upload = world::naming(world::upload(&layers, BTreeMap::new()), toc);
        let workspace = world.process(&Plan::none()).await;
        let repository = "oci:dev/web".parse().unwrap();
        let image = workspace.reach.registry.push(&repository, &upload).await.unwrap();
        workspace.reach.registry.tag(&repository, "1", &image).await.unwrap();
        let forms = [Form::Bundle];
        sign(&workspace.reach, &"oci:dev/web:1".parse().unwrap(), &world.build, &forms, at()).await.unwrap();
        let layers = layers
            .iter()
            .map(|(bytes, diff_id)| (Descriptor::of(media::OCI_LAYER_GZIP, bytes), *diff_id))
            .collect();
        Self { world, scan: SigningKey::generate().unwrap(), image, layers }
    }

    fn reference() -> Reference {
        "oci:dev/web:1".parse().unwrap()
    }

    fn cache(&self, name: &str) -> PathBuf {
        self.world.folder().join(name)
    }

    /// A workspace that knows nothing of any layer, whose stages ask so.
    async fn fresh(&self, cache: &str, settings: Value) -> Workspace {
        let mut workspace = self.world.process(&Plan::none()).await;
        let layers = Arc::new(LayerFolder::new(self.cache(cache)));
        workspace.reach =
            Reach::new(workspace.reach.registry.clone(), layers, Arc::new(()), Later::default());
        let pem = self.scan.public().to_pem().into();
        workspace.keys.push(KeyFile { name: "scan".into(), pem, valid_from: None, valid_until: None });
        let gates: BTreeMap<String, Value> = [
            ("signature".to_owned(), json!({"keys": ["build"]})),
            ("vulnerability".to_owned(), settings),
            ("policy".to_owned(), json!({})),
        ]
        .into();
        let stage = |name: &str, gates| Stage {
            name: name.parse().unwrap(),
            registry: format!("oci:{name}").parse().unwrap(),
            gates,
        };
        let stages = vec![stage("dev", BTreeMap::new()), stage("staging", gates)];
        workspace.route = Route::new(stages).unwrap();
        let rules = lockgate_judge::SAMPLES.iter().filter(|sample| sample.path.contains("secrets"));
        workspace.policies =
            rules.map(|sample| PolicySource { path: sample.path.into(), text: sample.text.into() }).collect();
        workspace
    }

    async fn judged(&self, workspace: &Workspace) -> Recorded {
        let recorded = judge(workspace, &World::request("staging")).await.unwrap();
        workspace.reach.later.done().await;
        recorded
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.world.folder().join("dev/web/blobs/sha256").join(digest.hex())
    }

    /// Takes the layers away: whoever reads one fails.
    fn without_layers(&self) {
        for (layer, _) in &self.layers {
            std::fs::remove_file(self.blob(&layer.digest)).unwrap();
        }
    }

    async fn publish_by(&self, key: &SigningKey) {
        let workspace = self.fresh("publisher", json!({})).await;
        let reach = &workspace.reach;
        let published = publish(reach, &Self::reference(), key, &[Form::Bundle], at()).await.unwrap();
        assert_eq!(published.len(), 1);
        reach.later.done().await;
    }

    /// What is in the layers, as the publisher found it.
    async fn honest(&self) -> Vec<LayerContent> {
        let workspace = self.fresh("honest", json!({})).await;
        self.judged(&workspace).await;
        let mut contents = Vec::new();
        for (layer, _) in &self.layers {
            let bytes = workspace.reach.layers.get(&layer.digest, ANALYSER).await.unwrap().unwrap();
            contents.push(LayerContent::from_bytes(&bytes).unwrap());
        }
        contents
    }

    /// Says that the layers hold what these blobs are, which `spoil` may say otherwise.
    async fn say(&self, key: &SigningKey, blobs: &[Vec<u8>], spoil: impl Fn(&mut LayerContents)) {
        let workspace = self.fresh("sayer", json!({})).await;
        let listed: Vec<_> = blobs.iter().map(|blob| Descriptor::of(media::LAYER_CONTENT, blob)).collect();
        let layers = self.layers.iter().zip(&listed).map(|((layer, diff_id), content)| AnalysedLayer {
            digest: layer.digest,
            size: layer.size,
            media_type: layer.media_type.clone(),
            diff_id: *diff_id,
            content: Some(ContentBlob { digest: content.digest, size: content.size }),
        });
        let mut said = LayerContents { analyser: ANALYSER.into(), layers: layers.collect() };
        spoil(&mut said);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.into()),
            artifact_type: Some(media::LAYER_CONTENTS.into()),
            config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
            layers: listed,
            subject: Some(self.image.bare()),
            annotations: BTreeMap::new(),
        };
        let all = std::iter::once(EMPTY_JSON.to_vec()).chain(blobs.iter().cloned());
        let upload = Upload {
            media_type: media::OCI_MANIFEST.into(),
            manifest: serde_json::to_vec(&manifest).unwrap().into(),
            blobs: all.map(Into::into).collect(),
        };
        let reach = &workspace.reach;
        reach.registry.push(&"oci:dev/web".parse().unwrap(), &upload).await.unwrap();
        let statement = |about: &Descriptor| Statement::about(about, PREDICATE_TYPE, json!(said));
        attest(reach, &Self::reference(), key, &[Form::Bundle], at(), statement).await.unwrap();
    }

    /// Contents in which the package with the vulnerability is not.
    fn hiding(&self) -> Vec<Vec<u8>> {
        self.layers.iter().map(|(_, diff_id)| LayerContent::empty(*diff_id).to_bytes().unwrap()).collect()
    }
}

fn by_word(recorded: &Recorded) -> usize {
    recorded.case.record.images[0].by_word.len()
}

fn inventory(recorded: &Recorded) -> Option<Digest> {
    recorded.case.record.images[0].inventory
}

fn answer(recorded: &Recorded, gate: &str) -> Answer {
    recorded.decision.verdicts.iter().find(|verdict| verdict.gate == gate).unwrap().answer
}

fn codes(recorded: &Recorded) -> Vec<&str> {
    let findings = recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    findings.map(|finding| finding.code.as_str()).collect()
}

#[tokio::test]
async fn what_was_published_is_judged_without_a_byte_of_the_layers() {
    let scene = Scene::new(GOOD).await;
    scene.publish_by(&scene.scan).await;
    let read = scene.judged(&scene.fresh("reader", asking(&["build"])).await).await;
    assert_eq!((by_word(&read), codes(&read).contains(&"vulnerability.layers-by-word")), (0, false));
    scene.without_layers();
    let workspace = scene.fresh("fresh", asking(&["scan"])).await;
    let warm = scene.judged(&workspace).await;
    assert_eq!(by_word(&warm), 2, "{:#?}", warm.decision);
    assert_eq!(inventory(&warm), inventory(&read));
    assert_eq!(warm.case.record.images[0].base, read.case.record.images[0].base);
    assert!(warm.case.record.images[0].base.is_some());
    assert!(codes(&warm).contains(&"vulnerability.layers-by-word"));
    assert_eq!(answer(&warm, "policy"), answer(&read, "policy"));
    assert_eq!(warm.decision.outcome, read.decision.outcome);
    // Nothing of it is kept here, and what was recorded is judged again to the same bytes.
    assert!(!scene.cache("fresh").exists());
    let again = replay(&workspace, &warm.digest.to_string()).await.unwrap();
    assert_eq!(again.digest, warm.digest);
    // A stage that asks nobody reads, and cannot.
    let nobody = scene.judged(&scene.fresh("nobody", json!({})).await).await;
    assert_eq!((by_word(&nobody), answer(&nobody, "vulnerability")), (0, Answer::Unknown));
    assert_eq!(inventory(&nobody), None);
}

/// A layer in which the package database has another name, and a link leads to it.
fn linked() -> (Vec<u8>, Digest) {
    let mut tar = tar::Builder::new(Vec::new());
    let os = "ID=alpine\nVERSION_ID=3.22.0\n";
    for (path, text) in [("etc/os-release", os), ("opt/data", EVIL)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "lib/apk/db/installed", "/opt/data").unwrap();
    let plain = tar.into_inner().unwrap();
    (world::gzip(&plain), Digest::of(&plain))
}

#[tokio::test]
async fn what_links_ask_for_is_published_too() {
    let scene = Scene::on(linked()).await;
    scene.publish_by(&scene.scan).await;
    let read = scene.judged(&scene.fresh("reader", json!({})).await).await;
    assert_eq!(answer(&read, "vulnerability"), Answer::Fail, "{:#?}", read.decision);
    scene.without_layers();
    let warm = scene.judged(&scene.fresh("fresh", asking(&["scan"])).await).await;
    assert_eq!((by_word(&warm), inventory(&warm)), (2, inventory(&read)));
    assert!(!scene.cache("fresh").exists());
}

#[tokio::test]
async fn what_links_ask_for_and_nobody_published_has_the_layers_read() {
    let scene = Scene::on(linked()).await;
    let blobs = scene.honest().await;
    let blobs = blobs.into_iter().map(|mut one| {
        // As a scanner finds it that reads each layer alone.
        one.asked.clear();
        for entry in one.entries.iter_mut().filter(|entry| entry.path == "opt/data") {
            entry.kind = Kind::File;
        }
        one.to_bytes().unwrap()
    });
    scene.say(&scene.scan, &blobs.collect::<Vec<_>>(), |_| ()).await;
    let recorded = scene.judged(&scene.fresh("fresh", asking(&["scan"])).await).await;
    assert_eq!((by_word(&recorded), answer(&recorded, "vulnerability")), (0, Answer::Fail));
}

#[tokio::test]
async fn a_list_of_evidence_that_is_not_whole_has_the_layers_read() {
    let scene = Scene::new(EVIL).await;
    let reader = scene.fresh("reader", json!({})).await;
    sign(&reader.reach, &Scene::reference(), &scene.world.build, &[Form::Legacy], at()).await.unwrap();
    let signed = scene.judged(&reader).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    // Tags are read after referrers.
    let mut pieces = signed.case.record.evidence.iter();
    let signature = pieces.find(|piece| piece.attachment == Attachment::SignatureTag).unwrap().blobs[0];
    std::fs::remove_file(scene.blob(&signature)).unwrap();
    let recorded = scene.judged(&scene.fresh("fresh", asking(&["scan"])).await).await;
    assert_eq!((by_word(&recorded), answer(&recorded, "vulnerability")), (0, Answer::Unknown));
    let packages = recorded.case.inputs.get(&inventory(&recorded).unwrap()).unwrap();
    assert!(String::from_utf8_lossy(packages).contains("\"x\""));
}

#[tokio::test]
async fn layers_that_were_read_here_are_not_taken_by_word() {
    let scene = Scene::new(EVIL).await;
    let workspace = scene.fresh("cache", json!({})).await;
    let read = scene.judged(&workspace).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    let asked = scene.judged(&scene.fresh("cache", asking(&["scan"])).await).await;
    assert_eq!((by_word(&asked), inventory(&asked)), (0, inventory(&read)));
    assert_ne!(asked.decision.outcome, Outcome::Proceed);
    // Where one of them was read here, the word stands for the other alone.
    let (layer, _) = &scene.layers[0];
    let kept = workspace.reach.layers.get(&layer.digest, ANALYSER).await.unwrap().unwrap();
    let half = scene.fresh("half", asking(&["scan"])).await;
    half.reach.layers.put(&layer.digest, ANALYSER, kept).await.unwrap();
    let recorded = scene.judged(&half).await;
    assert_eq!(recorded.case.record.images[0].by_word.len(), 1);
    assert_eq!(recorded.case.record.images[0].by_word[0].layer, scene.layers[1].0.digest);
    assert_ne!(recorded.decision.outcome, Outcome::Proceed);
}

#[tokio::test]
async fn contents_that_were_not_compared_with_a_toc_have_the_layer_read() {
    let base =
        world::layer(&[("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"), ("lib/apk/db/installed", EVIL)]);
    let scene = Scene::naming(base, Some(Digest::of(b"toc"))).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    let recorded = scene.judged(&scene.fresh("fresh", asking(&["scan"])).await).await;
    assert_eq!((by_word(&recorded), answer(&recorded, "vulnerability")), (1, Answer::Unknown));
    assert_eq!(recorded.case.record.images[0].by_word[0].layer, scene.layers[1].0.digest);
    let packages = recorded.case.inputs.get(&inventory(&recorded).unwrap()).unwrap();
    assert!(String::from_utf8_lossy(packages).contains("\"x\""));
}

#[tokio::test]
async fn what_came_by_word_is_never_kept() {
    // Whoever holds a key that is asked can lie, for as long as it is asked, and no longer.
    let scene = Scene::new(EVIL).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    let lied = scene.judged(&scene.fresh("cache", asking(&["scan"])).await).await;
    assert_eq!((by_word(&lied), inventory(&lied).is_some()), (2, true));
    assert!(!scene.cache("cache").exists());
    let other = scene.fresh("cache", json!({})).await;
    let scanned = scan(&other.reach, &Scene::reference(), None).await.unwrap();
    let packages = &scanned.images[0].inventory.as_ref().unwrap().packages;
    assert!(packages.iter().any(|package| package.name == "x"), "{packages:?}");
    let read = scene.judged(&other).await;
    assert_eq!(by_word(&read), 0);
    assert_ne!(inventory(&read), inventory(&lied));
    assert_ne!(read.decision.outcome, Outcome::Proceed);
}

#[tokio::test]
async fn scanning_alone_never_takes_a_word() {
    let scene = Scene::new(EVIL).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    let workspace = scene.fresh("cache", asking(&["scan"])).await;
    let scanned = scan(&workspace.reach, &Scene::reference(), None).await.unwrap();
    assert!(scanned.images[0].inventory.as_ref().unwrap().packages.iter().any(|one| one.name == "x"));
}

#[tokio::test]
async fn who_built_the_image_hides_nothing_by_their_own_word() {
    let scene = Scene::new(EVIL).await;
    let build = copy(&scene.world.build);
    scene.say(&build, &scene.hiding(), |_| ()).await;
    for (what, settings) in [
        ("the builder", asking(&["build"])),
        ("the builder beside the scanner", asking(&["scan", "build"])),
        ("the scanner alone", asking(&["scan"])),
    ] {
        let recorded = scene.judged(&scene.fresh(what, settings).await).await;
        assert_eq!(by_word(&recorded), 0, "{what}");
        assert_ne!(recorded.decision.outcome, Outcome::Proceed, "{what}");
        assert!(codes(&recorded).contains(&"vulnerability.layer-contents-not-counted"), "{what}");
        assert_eq!(answer(&recorded, "vulnerability"), Answer::Fail, "{what}: {:#?}", recorded.decision);
    }
}

/// What is wrong with contents that are what their digest says.
fn spoilt(honest: &[LayerContent]) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let bytes: Vec<_> = honest.iter().map(|one| one.to_bytes().unwrap()).collect();
    let second = |second: Vec<u8>| vec![bytes[0].clone(), second];
    let with = |spoil: fn(&mut LayerContent)| {
        let mut content = honest[1].clone();
        spoil(&mut content);
        second(content.to_bytes().unwrap())
    };
    let mut huge = bytes[1][..32].to_vec();
    huge.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    let cut = bytes[1][..bytes[1].len() - 1].to_vec();
    vec![
        ("not a content", second(b"{}".to_vec())),
        ("nothing", second(vec![])),
        ("cut", second(cut)),
        ("bytes behind it", second([&bytes[1][..], b"x"].concat())),
        ("a list longer than it is", second(huge)),
        ("of another layer", with(|content| content.diff_id = Digest::of(b"other"))),
        ("a path that leaves", with(|content| content.entries[0].path = "../x".into())),
        ("a note of no entry", with(|content| drop(content.secrets.insert(9999, vec![])))),
    ]
}

#[tokio::test]
async fn what_is_not_a_content_of_the_layer_has_it_read() {
    let honest = Scene::new(EVIL).await.honest().await;
    for (what, blobs) in spoilt(&honest) {
        let scene = Scene::new(EVIL).await;
        scene.say(&scene.scan, &blobs, |_| ()).await;
        let recorded = scene.judged(&scene.fresh(what, asking(&["scan"])).await).await;
        // The other layer is as it was said.
        let by_word = &recorded.case.record.images[0].by_word;
        assert_eq!(by_word.len(), 1, "{what}");
        assert_eq!(by_word[0].layer, scene.layers[0].0.digest, "{what}");
        assert_eq!(answer(&recorded, "vulnerability"), Answer::Fail, "{what}: {:#?}", recorded.decision);
    }
}

#[tokio::test]
async fn what_is_not_said_of_these_layers_has_them_read() {
    type Spoil = fn(&mut LayerContents);
    let spoils: [(&str, Spoil); 8] = [
        ("analyser", |said| said.analyser = "2025-1".into()),
        ("blob", |said| said.layers[0].digest = Digest::of(b"other")),
        ("size", |said| said.layers[0].size += 1),
        ("media type", |said| said.layers[0].media_type = media::OCI_LAYER_ZSTD.into()),
        ("diff_id", |said| said.layers[0].diff_id = Digest::of(b"other")),
        ("order", |said| said.layers.reverse()),
        ("fewer", |said| drop(said.layers.pop())),
        ("more than is read", |said| {
            for layer in &mut said.layers {
                layer.content.as_mut().unwrap().size = limits::LAYER_CONTENT_BYTES as u64 + 1;
            }
        }),
    ];
    for (what, spoil) in spoils {
        let scene = Scene::new(EVIL).await;
        scene.say(&scene.scan, &scene.hiding(), spoil).await;
        let recorded = scene.judged(&scene.fresh(what, asking(&["scan"])).await).await;
        assert_eq!(by_word(&recorded), 0, "{what}");
        assert_eq!(answer(&recorded, "vulnerability"), Answer::Fail, "{what}: {:#?}", recorded.decision);
    }
}

#[tokio::test]
async fn a_registry_that_swaps_cuts_or_loses_contents_has_the_layers_read() {
    for what in ["swapped", "cut", "grown", "lost"] {
        let scene = Scene::new(EVIL).await;
        let blobs: Vec<_> = scene.honest().await.iter().map(|one| one.to_bytes().unwrap()).collect();
        scene.say(&scene.scan, &blobs, |_| ()).await;
        for (blob, hiding) in blobs.iter().zip(scene.hiding()) {
            let path = scene.blob(&Digest::of(blob));
            match what {
                "swapped" => std::fs::write(path, hiding).unwrap(),
                "cut" => std::fs::write(path, &blob[..blob.len() / 2]).unwrap(),
                "grown" => std::fs::write(path, [&blob[..], &hiding].concat()).unwrap(),
                _ => std::fs::remove_file(path).unwrap(),
            }
        }
        let recorded = scene.judged(&scene.fresh(what, asking(&["scan"])).await).await;
        assert_eq!(by_word(&recorded), 0, "{what}");
        assert_eq!(answer(&recorded, "vulnerability"), Answer::Fail, "{what}: {:#?}", recorded.decision);
    }
}

#[tokio::test]
async fn two_words_that_disagree_are_none() {
    let scene = Scene::new(EVIL).await;
    scene.publish_by(&scene.scan).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    let recorded = scene.judged(&scene.fresh("fresh", asking(&["scan"])).await).await;
    assert_eq!((by_word(&recorded), answer(&recorded, "vulnerability")), (0, Answer::Fail));
}

#[tokio::test]
async fn a_key_that_no_longer_counts_is_not_asked() {
    let scene = Scene::new(EVIL).await;
    scene.say(&scene.scan, &scene.hiding(), |_| ()).await;
    let mut workspace = scene.fresh("fresh", asking(&["scan"])).await;
    let until = Some(Timestamp::from_unix(1_789_000_000));
    workspace.keys.iter_mut().find(|key| key.name == "scan").unwrap().valid_until = until;
    let recorded = scene.judged(&workspace).await;
    assert_eq!((by_word(&recorded), answer(&recorded, "vulnerability")), (0, Answer::Fail));
}

#[tokio::test]
async fn of_an_image_that_cannot_be_read_nothing_is_published() {
    let scene = Scene::new(GOOD).await;
    std::fs::remove_file(scene.blob(&scene.layers[1].0.digest)).unwrap();
    let workspace = scene.fresh("publisher", json!({})).await;
    let reach = &workspace.reach;
    let repository = "oci:dev/web".parse().unwrap();
    let before = reach.registry.attached(&repository, &scene.image.digest).await.unwrap();
    let published = publish(reach, &Scene::reference(), &scene.scan, &[Form::Bundle], at()).await;
    let why = published.unwrap_err().to_string();
    assert!(why.contains("not everything in") && why.contains("could be read"), "{why}");
    assert_eq!(reach.registry.attached(&repository, &scene.image.digest).await.unwrap(), before);
}

#[tokio::test]
async fn an_index_is_published_image_by_image_and_contents_travel() {
    let scene = Scene::new(GOOD).await;
    let child = json!({"mediaType": scene.image.media_type, "digest": scene.image.digest, "size": scene.image.size,
        "platform": {"os": "linux", "architecture": "amd64"}});
    let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [child]});
    let upload = Upload {
        media_type: media::OCI_INDEX.into(),
        manifest: serde_json::to_vec(&index).unwrap().into(),
        blobs: vec![],
    };
    let workspace = scene.fresh("fresh", asking(&["scan"])).await;
    let repository = "oci:dev/web".parse().unwrap();
    let pushed = workspace.reach.registry.push(&repository, &upload).await.unwrap();
    workspace.reach.registry.tag(&repository, "1", &pushed).await.unwrap();
    sign(&workspace.reach, &Scene::reference(), &scene.world.build, &[Form::Bundle], at()).await.unwrap();
    let scanner = scene.fresh("publisher", json!({})).await;
    let forms = [Form::Bundle, Form::Legacy];
    let published = publish(&scanner.reach, &Scene::reference(), &scene.scan, &forms, at()).await.unwrap();
    assert_eq!(published.iter().map(|one| one.image.digest).collect::<Vec<_>>(), [scene.image.digest]);
    let recorded = scene.judged(&workspace).await;
    assert_eq!(by_word(&recorded), 2, "{:#?}", recorded.decision);
    assert_eq!(canon::to_bytes(&recorded.decision).map(|bytes| Digest::of(&bytes)).unwrap(), recorded.digest);
    // What was judged is promoted, with the contents beside it: the next stage may use them too.
    let promoted = promote(&workspace, &World::request("staging"), None).await.unwrap();
    assert!(promoted.copied.is_some(), "{:#?}", promoted.recorded.decision);
    let staging = "oci:staging/web".parse().unwrap();
    let attached = workspace.reach.registry.attached(&staging, &scene.image.digest).await.unwrap();
    assert!(attached.iter().any(|(_, one)| one.digest == published[0].contents.digest), "{attached:?}");
    assert_eq!(World::request("staging").target, Target::Tag("1".into()));
}
