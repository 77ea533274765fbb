//! A small world for the use cases: layouts, SQLite, one signed image; the same files for one process after another.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test file uses its part of this"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_attest::keys::SigningKey;
use lockgate_engine::Workspace;
use lockgate_engine::gather::Request;
use lockgate_engine::later::Later;
use lockgate_engine::ledger::Sequencer;
use lockgate_engine::sign::{Form, sign};
use lockgate_engine::workspace::{KeyFile, Reach, Trust, VerdictSigner};
use lockgate_ledger::{SigningKey as LedgerKey, VerifierKey};
use lockgate_model::feed::FeedOrigin;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::ports::{Clock, Registry, Store, Upload};
use lockgate_model::reference::Target;
use lockgate_model::route::Stage;
use lockgate_model::{Descriptor, Digest, Route, Timestamp};
use lockgate_registry::{Registries, Settings};
use lockgate_store::{FeedFolder, LayerFolder, SqliteStore};
use serde_json::json;

use crate::sim::{FaultyRegistry, FaultyStore, Plan};

/// A clock that stands still.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }
}

/// Files that outlive processes.
pub struct World {
    scratch: tempfile::TempDir,
    pub build: SigningKey,
    verdict: String,
    pub image: Digest,
}

/// A source that was fetched the day before anything is judged.
pub fn fetched() -> FeedOrigin {
    FeedOrigin { name: "feed".into(), fetched: Some(Timestamp::from_unix(1_789_920_000)), claimed: true }
}

impl World {
    /// One image in dev, signed; a feed; nothing promoted.
    pub async fn new() -> Self {
        let build = SigningKey::generate().unwrap();
        let verdict = SigningKey::generate().unwrap().to_pem().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let mut world = Self { scratch, build, verdict, image: Digest::of(b"") };
        let workspace = world.process(&Plan::none()).await;
        let repository = "oci:dev/web".parse().unwrap();
        let reach = &workspace.reach;
        let image = reach.registry.push(&repository, &image()).await.unwrap();
        reach.registry.tag(&repository, "1", &image).await.unwrap();
        world.image = image.digest;
        let at = Timestamp::from_unix(1_780_000_000);
        let forms = [Form::Bundle, Form::Legacy];
        sign(reach, &"oci:dev/web:1".parse().unwrap(), &world.build, &forms, at).await.unwrap();
        let mut feed = lockgate_scan::FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        let record = r#"{"id":"A-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.22","name":"x"},"versions":["9"]}]}"#;
        feed.source(fetched());
        feed.add("feed", std::io::Cursor::new(record)).unwrap();
        lockgate_engine::feed::import(
            &workspace,
            std::sync::Arc::new(bytes::Bytes::from(feed.finish().unwrap().0)),
            lockgate_engine::feed::Import::default(),
        )
        .await
        .unwrap();
        world
    }

    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    pub fn database(&self) -> std::path::PathBuf {
        self.folder().join("lockgate.db")
    }

    /// The key that verifies checkpoints.
    pub fn verifier() -> VerifierKey {
        LedgerKey::from_seed("example.com/ledger", [7; 32]).unwrap().verifier()
    }

    pub async fn store(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.database()).await.unwrap())
    }

    /// A new process on these files, whose effects go wrong as planned.
    pub async fn process(&self, plan: &Arc<Plan>) -> Workspace {
        let settings = Settings { base: self.folder().to_owned(), ..Settings::default() };
        let registry: Arc<dyn Registry> = Arc::new(Registries::new(settings));
        let registry = Arc::new(FaultyRegistry { plan: plan.clone(), real: registry });
        let store: Arc<dyn Store> = Arc::new(FaultyStore { plan: plan.clone(), real: self.store().await });
        let clock: Arc<dyn Clock> = Arc::new(Stopped);
        let key = LedgerKey::from_seed("example.com/ledger", [7; 32]).unwrap();
        let pem = self.build.public().to_pem().into();
        Workspace {
            route: route(),
            keys: vec![KeyFile { name: "build".into(), pem, valid_from: None, valid_until: None }],
            trust: Trust::default(),
            policies: vec![],
            actor: "ann".into(),
            verdict: VerdictSigner {
                key: SigningKey::from_pem(self.verdict.as_bytes()).unwrap(),
                verifier: "https://example.com/lockgate".into(),
            },
            reach: Reach::new(
                registry,
                Arc::new(LayerFolder::new(self.folder().join("layers"))),
                Arc::new(()),
                Later::default(),
            ),
            ledger: Sequencer::new(store.clone(), clock.clone(), key, Box::new(|_| ())),
            store,
            feeds: Arc::new(FeedFolder::new(self.folder().join("feeds"))),
            clock,
        }
    }

    pub fn request(to: &str) -> Request {
        Request {
            service: "web".parse().unwrap(),
            target: Target::Tag("1".into()),
            to: to.into(),
            as_of: Stopped.now(),
        }
    }
}

fn route() -> Route {
    let gates = BTreeMap::from([
        ("signature".to_owned(), json!({"keys": ["build"]})),
        ("vulnerability".to_owned(), json!({})),
    ]);
    let stage = |name: &str, gates| Stage {
        name: name.parse().unwrap(),
        registry: format!("oci:{name}").parse().unwrap(),
        gates,
    };
    Route::new(vec![stage("dev", BTreeMap::new()), stage("staging", gates.clone()), stage("prod", gates)])
        .unwrap()
}

/// An image of one layer with an apk database.
fn image() -> Upload {
    let base = layer(&[
        ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"),
        ("lib/apk/db/installed", "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n"),
    ]);
    upload(&[base], BTreeMap::new())
}

/// A gzip layer, and the digest of its tar.
pub fn layer(files: &[(&str, &str)]) -> (Vec<u8>, Digest) {
    let plain = tar(files);
    (gzip(&plain), Digest::of(&plain))
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}

/// A tar of these files.
pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The annotation that names a table of contents of eStargz.
pub const TOC: &str = "containerd.io/snapshot/stargz/toc.digest";

/// The image whose lowest layer names a table of contents with this digest.
pub fn naming(upload: Upload, toc: Option<Digest>) -> Upload {
    let mut manifest: Manifest = serde_json::from_slice(&upload.manifest).unwrap();
    manifest.layers[0].annotations.extend(toc.map(|toc| (TOC.to_owned(), toc.to_string())));
    Upload { manifest: serde_json::to_vec(&manifest).unwrap().into(), ..upload }
}

/// An image of these layers.
pub fn upload(layers: &[(Vec<u8>, Digest)], annotations: BTreeMap<String, String>) -> Upload {
    let diff_ids: Vec<_> = layers.iter().map(|(_, diff_id)| diff_id).collect();
    let config =
        json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = serde_json::to_vec(&config).unwrap();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, &config),
        layers: layers.iter().map(|(bytes, _)| Descriptor::of(media::OCI_LAYER_GZIP, bytes)).collect(),
        subject: None,
        annotations,
    };
    let blobs = std::iter::once(config).chain(layers.iter().map(|(bytes, _)| bytes.clone()));
    Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: serde_json::to_vec(&manifest).unwrap().into(),
        blobs: blobs.map(Bytes::from).collect(),
    }
}
