//! Independent readers: for random documents either Lockgate refuses, or skopeo, umoci, docker-registry and crane read what
//! was judged. `LOCKGATE_READING` says how many documents; `cargo xtask reading` sets it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use dev::documents::{Chance, changed};
use dev::{Dev, Image, digest, platform, with};
use lockgate_engine::gather::{Purpose, gather};
use lockgate_engine::workspace::PolicySource;
use lockgate_judge::decide;
use lockgate_model::oci::{Content, ImageConfig, Reading, is_index, media};
use lockgate_model::reference::Target;
use lockgate_model::{Case, Digest, Outcome};
use serde_json::{Value, json};
use xtask::parts::{self, Absent, Auth, Part, or_skip};

mod dev;
mod sim;
mod world;

/// Documents, unless said.
const COUNT: usize = 2_000;

struct Tools {
    skopeo: PathBuf,
    umoci: PathBuf,
    crane: PathBuf,
    registry: Part,
}

fn tools() -> Result<Tools, Absent> {
    Ok(Tools {
        skopeo: parts::program("skopeo")?,
        umoci: parts::program("umoci")?,
        crane: parts::program("crane")?,
        registry: parts::docker_registry(Auth::Nobody)?,
    })
}

/// What was judged of one document.
struct Judged {
    artifact: Digest,
    media_type: String,
    bytes: Vec<u8>,
    /// Config and layers of each image, by its manifest.
    images: BTreeMap<Digest, BTreeSet<Digest>>,
    /// The one for linux/amd64, where there is one.
    chosen: Option<Digest>,
    children: BTreeSet<Digest>,
    /// The layers of each image.
    layers: Vec<Vec<Digest>>,
    /// Of the one that was chosen, or the only one.
    user: Option<String>,
}

impl Judged {
    fn of(case: &Case) -> Self {
        let record = &case.record;
        let mut judged = Self {
            artifact: record.artifact.digest,
            media_type: record.artifact.media_type.clone(),
            bytes: case.inputs.get(&record.artifact.digest).unwrap().to_vec(),
            images: BTreeMap::new(),
            chosen: None,
            children: BTreeSet::new(),
            layers: Vec::new(),
            user: None,
        };
        let types: BTreeMap<Digest, String> = match Content::read(&judged.media_type, &judged.bytes).unwrap()
        {
            Content::Index(index) => {
                index.manifests.into_iter().map(|child| (child.digest, child.media_type)).collect()
            }
            Content::Manifest(_) => BTreeMap::from([(judged.artifact, judged.media_type.clone())]),
        };
        for image in &record.images {
            let bytes = case.inputs.get(&image.manifest).unwrap();
            let Content::Manifest(manifest) = Content::read(&types[&image.manifest], bytes).unwrap() else {
                panic!()
            };
            let layers: Vec<Digest> = manifest.layers.iter().map(|layer| layer.digest).collect();
            judged.images.insert(image.manifest, layers.iter().copied().chain([image.config]).collect());
            judged.layers.push(layers);
            if image.platform == "linux/amd64" || record.images.len() == 1 {
                let config = case.inputs.get(&image.config).unwrap();
                let config = ImageConfig::read(Reading::Strict, config).unwrap();
                judged.user = Some(config.config.unwrap_or_default().user.unwrap_or_default());
                judged.chosen = Some(image.manifest);
            }
        }
        if is_index(&judged.media_type) {
            judged.children = types.into_keys().collect();
        }
        judged
    }
}

/// A registry that takes anything and serves it, and notes what was asked for.
#[derive(Clone)]
struct Careless {
    host: String,
    /// What each repository was asked for.
    asked: Arc<Mutex<BTreeMap<String, BTreeSet<Digest>>>>,
}

impl Careless {
    /// Serves the content in `folder`; `tags` says what a repository's tag `x` is.
    fn serve(folder: PathBuf, tags: Arc<BTreeMap<String, (String, Digest)>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let careless = Self { host: listener.local_addr().unwrap().to_string(), asked: Arc::default() };
        let asked = careless.asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, tags, asked) = (folder.clone(), tags.clone(), asked.clone());
                std::thread::spawn(move || answer(stream, &folder, &tags, &asked));
            }
        });
        careless
    }
}

fn answer(
    mut stream: TcpStream,
    folder: &Path,
    tags: &BTreeMap<String, (String, Digest)>,
    asked: &Mutex<BTreeMap<String, BTreeSet<Digest>>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut line) = (String::new(), String::new());
    reader.read_line(&mut request).unwrap_or_default();
    while reader.read_line(&mut line).unwrap_or_default() > 2 {
        line.clear();
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let parts: Vec<&str> = path.trim_start_matches("/v2/").split('/').collect();
    let found = match parts.as_slice() {
        [name, kind, reference] => {
            let tagged = tags.get(*name);
            let digest = match *reference {
                "x" => tagged.map(|(_, digest)| *digest),
                other => other.parse().ok(),
            };
            digest.and_then(|digest| {
                let bytes = std::fs::read(folder.join(digest.hex())).ok()?;
                let own = serde_json::from_slice::<Value>(&bytes).ok();
                let named = own.and_then(|own| own.get("mediaType")?.as_str().map(str::to_owned));
                let served = match tagged {
                    Some((media_type, top)) if *top == digest => media_type.clone(),
                    _ if *kind == "blobs" => "application/octet-stream".to_owned(),
                    _ => named.unwrap_or_else(|| media::OCI_MANIFEST.to_owned()),
                };
                if *reference != "x" {
                    asked.lock().unwrap().entry((*name).to_owned()).or_default().insert(digest);
                }
                Some((served, digest, bytes))
            })
        }
        _ => Some(("application/json".to_owned(), Digest::of(b"{}"), b"{}".to_vec())),
    };
    let (status, media_type, digest, bytes) = match found {
        Some((media_type, digest, bytes)) => ("200 OK", media_type, digest, bytes),
        None => ("404 Not Found", "text/plain".to_owned(), Digest::of(b""), vec![]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nDocker-Content-Digest: {digest}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    // A client that goes away has what it wanted.
    let _sent = stream.write_all(head.as_bytes());
    if method == "GET" {
        let _sent = stream.write_all(&bytes);
    }
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).env_remove("AWS_CA_BUNDLE").output().unwrap()
}

/// The digests that docker-registry misses when the document is pushed to it without anything: what it read. Nothing where
/// it refuses the document.
fn pushed(host: &str, media_type: &str, bytes: &[u8]) -> Option<BTreeSet<Digest>> {
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "PUT /v2/web/manifests/x HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let body: Value =
        serde_json::from_str(&body[body.find('{').unwrap()..=body.rfind('}').unwrap()]).unwrap();
    let errors = body["errors"].as_array().unwrap();
    let missing = |error: &Value| error["code"] == "MANIFEST_BLOB_UNKNOWN";
    let named = errors.iter().filter(|error| missing(error)).map(|error| {
        let detail = &error["detail"];
        detail.as_str().or_else(|| detail["digest"].as_str()).unwrap().parse().unwrap()
    });
    errors.iter().any(missing).then(|| named.collect())
}

struct Asked<'a> {
    tools: &'a Tools,
    dev: &'a Path,
    scratch: &'a Path,
    careless: &'a Careless,
}

/// How often a tool read a document; else it refused.
#[derive(Debug, Default)]
struct Read4 {
    skopeo: usize,
    umoci: usize,
    registry: usize,
    crane: usize,
}

impl Asked<'_> {
    /// Asks all of them about one document.
    fn about(&self, number: usize, judged: &Judged) -> Read4 {
        let mut read = Read4::default();
        let said = String::from_utf8_lossy(&judged.bytes).into_owned();
        let expected: BTreeSet<Digest> = if is_index(&judged.media_type) {
            judged.children.clone()
        } else {
            judged.images[&judged.artifact].clone()
        };
        if let Some(named) = pushed(&self.tools.registry.host, &judged.media_type, &judged.bytes) {
            assert_eq!(named, expected, "docker-registry: {said}");
            read.registry += 1;
        }
        let name = format!("crane-{number}");
        let crane = run(Command::new(&self.tools.crane)
            .args(["pull", "--insecure"])
            .arg(format!("{}/{name}:x", self.careless.host))
            .arg("/dev/null"));
        read.crane += self.fetched(&name, judged, crane.status.success(), &said);
        let name = format!("skopeo-{number}");
        let to = self.scratch.join(&name);
        let skopeo = run(Command::new(&self.tools.skopeo)
            .args([
                "--insecure-policy",
                "--override-os",
                "linux",
                "--override-arch",
                "amd64",
                "copy",
                "--src-tls-verify=false",
            ])
            .arg(format!("docker://{}/{name}:x", self.careless.host))
            .arg(format!("dir:{}", to.display())));
        read.skopeo += self.fetched(&name, judged, skopeo.status.success(), &said);
        let _gone = std::fs::remove_dir_all(to);
        read.umoci += self.umoci(number, judged, &said);
        read
    }

    /// Whether what a tool fetched is what was judged: all of it where it was content, and nothing else in any case.
    fn fetched(&self, name: &str, judged: &Judged, content: bool, said: &str) -> usize {
        let asked = self.careless.asked.lock().unwrap().remove(name).unwrap_or_default();
        let child = judged.images.keys().find(|image| asked.contains(image) && **image != judged.artifact);
        let image = child.copied().or(judged.chosen).unwrap_or(judged.artifact);
        let empty = BTreeSet::new();
        let expected = judged.images.get(&image).unwrap_or(&empty);
        let blobs: BTreeSet<Digest> =
            asked.into_iter().filter(|one| *one != image && *one != judged.artifact).collect();
        if content {
            assert_eq!(&blobs, expected, "{name}: {said}");
            assert!(judged.chosen.is_none_or(|chosen| chosen == image), "{name}: {image} of {said}");
            return 1;
        }
        assert!(blobs.is_subset(expected), "{name}: {blobs:?} of {said}");
        0
    }

    /// umoci reads layouts, and says which account it would use.
    fn umoci(&self, number: usize, judged: &Judged, said: &str) -> usize {
        let layout = self.scratch.join(format!("layout-{number}"));
        std::fs::create_dir(&layout).unwrap();
        std::os::unix::fs::symlink(self.dev.join("blobs"), layout.join("blobs")).unwrap();
        std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let index = json!({"schemaVersion": 2, "manifests": [{
            "mediaType": judged.media_type, "digest": judged.artifact, "size": judged.bytes.len(),
            "annotations": {"org.opencontainers.image.ref.name": "x"},
        }]});
        std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
        let image = format!("{}:x", layout.display());
        let stat = run(Command::new(&self.tools.umoci).args(["stat", "--json", "--image", &image]));
        let mut read = 0;
        if stat.status.success() {
            let told: Value = serde_json::from_slice(&stat.stdout).unwrap();
            let history = told["history"].as_array().cloned().unwrap_or_default();
            let layers = history.iter().filter_map(|one| one["layer"]["digest"].as_str());
            let layers: Vec<Digest> = layers.map(|one| one.parse().unwrap()).collect();
            // It tells those that the history of the config has.
            let told = |image: &Vec<Digest>| image.starts_with(&layers);
            assert!(judged.layers.iter().any(told), "umoci: {layers:?} of {said}");
            read = 1;
        }
        let config = layout.join("config.json");
        let made = run(Command::new(&self.tools.umoci)
            .args(["raw", "runtime-config", "--image", &image])
            .arg(&config));
        if made.status.success() {
            let told: Value = serde_json::from_slice(&std::fs::read(config).unwrap()).unwrap();
            let uid = told["process"]["user"]["uid"].as_u64().unwrap();
            if let Some(user) = &judged.user {
                let number = user.split(':').next().unwrap_or_default().parse::<i64>().unwrap_or_default();
                assert_eq!(uid, number.unsigned_abs(), "umoci: `{user}` of {said}");
            }
        }
        std::fs::remove_dir_all(layout).unwrap();
        read
    }
}

/// Everything that documents are made of, in the layout.
struct Bases {
    manifests: [Value; 2],
    indexes: [Value; 2],
    configs: [Value; 2],
    good: Image,
}

impl Bases {
    /// The images that documents mean, for two platforms; and others, which no ordinary document names.
    fn new(dev: &Dev) -> Self {
        let tagged = |mut image: Image, architecture: &str| {
            image.config["architecture"] = architecture.into();
            image.config["history"] = json!([{"created": "2026-01-01T00:00:00Z", "created_by": "x"}]);
            image
        };
        let (good, evil) = (tagged(dev.good(), "amd64"), tagged(dev.evil(), "amd64"));
        let arm = tagged(dev.good(), "arm64");
        let child = |image: &Image, architecture: &str| platform(&dev.push(image), "linux", architecture);
        let index = |children: &[Value]| json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": children});
        Self {
            manifests: [dev.manifest(&good), dev.manifest(&evil)],
            indexes: [
                index(&[child(&good, "amd64"), child(&arm, "arm64")]),
                index(&[child(&evil, "amd64"), child(&tagged(dev.evil(), "arm64"), "arm64")]),
            ],
            configs: [good.config.clone(), evil.config.clone()],
            good,
        }
    }

    /// A document, written to the layout: its descriptor.
    fn document(&self, dev: &Dev, chance: &mut Chance) -> Value {
        let blob = |media_type: &str, text: String| dev.blob(media_type, text.as_bytes());
        match chance.below(7) {
            0 => {
                let config = changed(&self.configs[0], &self.configs[1], chance);
                let manifest = with(&self.manifests[0], &[("config", blob(media::OCI_CONFIG, config))]);
                dev.json(media::OCI_MANIFEST, &with(&manifest, &[("layers", json!(self.good.layers))]))
            }
            1 => blob(media::OCI_INDEX, changed(&self.indexes[0], &self.indexes[1], chance)),
            2 => {
                let child =
                    blob(media::OCI_MANIFEST, changed(&self.manifests[0], &self.manifests[1], chance));
                let mut index = self.indexes[0].clone();
                index["manifests"][0] = platform(&child, "linux", "amd64");
                dev.json(media::OCI_INDEX, &index)
            }
            3 => {
                let of_docker = |manifest: &Value| {
                    let mut manifest = with(manifest, &[("mediaType", media::DOCKER_MANIFEST.into())]);
                    manifest["config"]["mediaType"] = media::DOCKER_CONFIG.into();
                    manifest["layers"][0]["mediaType"] =
                        "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
                    manifest
                };
                let [mine, other] = [of_docker(&self.manifests[0]), of_docker(&self.manifests[1])];
                blob(media::DOCKER_MANIFEST, changed(&mine, &other, chance))
            }
            4 => {
                let of_docker = |index: &Value| with(index, &[("mediaType", media::DOCKER_LIST.into())]);
                let [mine, other] = [of_docker(&self.indexes[0]), of_docker(&self.indexes[1])];
                blob(media::DOCKER_LIST, changed(&mine, &other, chance))
            }
            _ => blob(media::OCI_MANIFEST, changed(&self.manifests[0], &self.manifests[1], chance)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_judged_is_what_four_other_readers_read() {
    let Some(tools) = or_skip(tools(), "what_is_judged_is_what_four_other_readers_read") else { return };
    let said = std::env::var("LOCKGATE_READING").ok().and_then(|count| count.parse().ok());
    let count: usize = said.unwrap_or(COUNT);
    let dev = Dev::new().await;
    let bases = Bases::new(&dev);
    let mut chance = Chance::new(20_261_126);
    let (mut accepted, mut seen) = (Vec::new(), BTreeSet::new());
    while seen.len() < count {
        let document = bases.document(&dev, &mut chance);
        if !seen.insert(digest(&document)) {
            continue;
        }
        dev.list_alone(&document);
        let mut request = world::World::request("staging");
        request.target = Target::Digest(digest(&document));
        let Ok(case) = gather(&dev.workspace, &request, Purpose::Judge(None)).await else { continue };
        if decide(&case).outcome == Outcome::Proceed {
            accepted.push(Judged::of(&case));
        }
    }
    let tag = |kind: &str, number: usize, judged: &Judged| {
        (format!("{kind}-{number}"), (judged.media_type.clone(), judged.artifact))
    };
    let tags = accepted.iter().enumerate();
    let tags =
        tags.flat_map(|(number, judged)| [tag("crane", number, judged), tag("skopeo", number, judged)]);
    let careless = Careless::serve(dev.folder.join("blobs/sha256"), Arc::new(tags.collect()));
    let scratch = tempfile::tempdir().unwrap();
    let asked = Asked { tools: &tools, dev: &dev.folder, scratch: scratch.path(), careless: &careless };
    let read = Mutex::new(Read4::default());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let number = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
                    && let Some(judged) = accepted.get(number)
                {
                    let one = asked.about(number, judged);
                    let mut read = read.lock().unwrap();
                    read.skopeo += one.skopeo;
                    read.umoci += one.umoci;
                    read.registry += one.registry;
                    read.crane += one.crane;
                }
            });
        }
    });
    let read = read.into_inner().unwrap();
    println!("{count} documents, {} accepted: {read:?}", accepted.len());
    // Were nearly everything refused, or nothing read, agreement would mean nothing.
    let few = accepted.len() / 2;
    assert!(
        accepted.len() > count / 20
            && read.skopeo > few
            && read.crane > few
            && read.registry > few
            && read.umoci > few / 2,
        "{read:?}"
    );
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\nadmin:x:0:0::/:/bin/sh\nbroken:x:abc:1::/:/x\n\
                      short\nplus:x:+0:0::/:/x\nminus:x:-0:0::/:/x\n5000:x:0:0::/:/x\n  blank:x:0:0::/:/x\ntwice:x:7:7::/:/x\ntwice:x:0:0::/:/x\n";

/// Whoever umoci starts as root, Lockgate says is root: in every spelling, and by what the image's own passwd says.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_what_umoci_makes_of_them() {
    let Some(umoci) = or_skip(parts::program("umoci"), "accounts_are_what_umoci_makes_of_them") else {
        return;
    };
    let mut dev = Dev::new().await;
    let sample = lockgate_judge::SAMPLES.iter().find(|sample| sample.path == "not-root.rego").unwrap();
    let source = PolicySource { path: sample.path.into(), text: sample.text.into() };
    dev.workspace.policies = vec![source];
    dev.workspace.route = dev::route_with("policy", json!({}));
    let files = [dev::GOOD[0], dev::GOOD[1], ("etc/passwd", PASSWD)];
    let scratch = tempfile::tempdir().unwrap();
    let (mut root, mut not) = (0, 0);
    for user in [
        "",
        "0",
        "+0",
        "-0",
        "00",
        "0:1000",
        "root",
        "admin",
        "admin:app",
        "broken",
        "short",
        "plus",
        "minus",
        "5000",
        "blank",
        "twice",
        "1000",
        "app",
        "app:1000",
        "65532",
        "1000:0",
        "+1000",
        "nobody",
        " 0",
        "0 ",
        "0x0",
        "4294967296",
        "-1",
        ":",
        ":0",
    ] {
        let mut image = dev.image(&files, user);
        image.config["history"] = json!([{"created": "2026-01-01T00:00:00Z", "created_by": "x"}]);
        let artifact = dev.push(&image);
        dev.list(&artifact, Some("u"));
        let to = scratch.path().join(root.to_string() + "-" + &not.to_string());
        let layout = format!("{}:u", dev.folder.display());
        let made = run(Command::new(&umoci).args(["unpack", "--image", &layout]).arg(&to));
        let started = made.status.success().then(|| {
            let told: Value =
                serde_json::from_slice(&std::fs::read(to.join("config.json")).unwrap()).unwrap();
            told["process"]["user"]["uid"].as_u64().unwrap()
        });
        let recorded = dev.judge(&artifact).await.unwrap();
        let climbs = recorded.decision.outcome == Outcome::Proceed;
        if climbs {
            assert!(started.is_some_and(|uid| uid != 0), "`{user}` is {started:?} to umoci");
            not += 1;
        } else {
            root += 1;
        }
        let plain = ["1000", "app", "app:1000", "65532", "1000:0"].contains(&user);
        assert_eq!(climbs, plain, "`{user}`: {:#?}", recorded.decision);
    }
    assert!(root >= 20 && not >= 4);
}
