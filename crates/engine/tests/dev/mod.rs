//! A layout that anybody may write to: documents that Lockgate itself would not push.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test file uses its part of this"
)]

pub mod documents;

use std::collections::BTreeMap;
use std::path::PathBuf;

use lockgate_engine::judge::{Recorded, judge};
use lockgate_engine::{EngineError, Workspace};
use lockgate_model::oci::media;
use lockgate_model::reference::Target;
use lockgate_model::route::Stage;
use lockgate_model::{Descriptor, Digest, Outcome, Route, Timestamp};
use serde_json::{Value, json};

use crate::sim::Plan;
use crate::world::{World, fetched, layer};

/// A layout that anybody may write to.
pub struct Dev {
    pub world: World,
    pub workspace: Workspace,
    pub folder: PathBuf,
}

impl Dev {
    pub async fn new() -> Self {
        Self::with(&Plan::none()).await
    }

    pub async fn with(plan: &std::sync::Arc<Plan>) -> Self {
        let world = World::new().await;
        let mut feed = lockgate_scan::FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        let record = json!({
            "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "database_specific": {"severity": "HIGH"},
            "affected": [{
                "package": {"ecosystem": "Alpine:v3.22", "name": "x"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0-r0"}]}],
            }],
        });
        feed.source(fetched());
        feed.add("feed", std::io::Cursor::new(record.to_string())).unwrap();
        let feed = std::sync::Arc::new(bytes::Bytes::from(feed.finish().unwrap().0));
        let keeper = world.process(&Plan::none()).await;
        lockgate_engine::feed::import(&keeper, feed, lockgate_engine::feed::Import::default()).await.unwrap();
        let mut workspace = world.process(plan).await;
        workspace.route = route();
        let folder = world.folder().join("dev/web");
        Self { world, workspace, folder }
    }

    /// Writes content as it is: what Lockgate itself would not push.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let descriptor = Descriptor::of(media_type, bytes);
        std::fs::write(self.folder.join("blobs/sha256").join(descriptor.digest.hex()), bytes).unwrap();
        serde_json::to_value(descriptor).unwrap()
    }

    pub fn json(&self, media_type: &str, value: &Value) -> Value {
        self.blob(media_type, value.to_string().as_bytes())
    }

    /// Lists a manifest in `index.json`, under a tag where one is given.
    pub fn list(&self, descriptor: &Value, tag: Option<&str>) {
        let path = self.folder.join("index.json");
        let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut entry = descriptor.clone();
        entry.as_object_mut().unwrap().remove("platform");
        let entries = index["manifests"].as_array_mut().unwrap();
        if let Some(tag) = tag {
            entries.retain(|one| one["annotations"]["org.opencontainers.image.ref.name"] != tag);
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        }
        entries.push(entry);
        std::fs::write(&path, index.to_string()).unwrap();
    }

    /// As [`Dev::list`], and nothing else is listed.
    pub fn list_alone(&self, descriptor: &Value) {
        let path = self.folder.join("index.json");
        let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": []});
        std::fs::write(path, index.to_string()).unwrap();
        self.list(descriptor, None);
    }

    /// An image with these files, for linux/amd64.
    pub fn image(&self, files: &[(&str, &str)], user: &str) -> Image {
        let (blob, diff_id) = layer(files);
        let layer = self.blob(media::OCI_LAYER_GZIP, &blob);
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": user},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
        Image { config, layers: vec![layer] }
    }

    pub fn good(&self) -> Image {
        self.image(&GOOD, "65532")
    }

    pub fn evil(&self) -> Image {
        self.image(&EVIL, "0")
    }

    pub fn push(&self, image: &Image) -> Value {
        let manifest = self.manifest(image);
        self.json(media::OCI_MANIFEST, &manifest)
    }

    pub fn manifest(&self, image: &Image) -> Value {
        let config = self.json(media::OCI_CONFIG, &image.config);
        json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config, "layers": image.layers})
    }

    pub fn index(&self, children: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": children});
        self.json(media::OCI_INDEX, &index)
    }

    pub async fn judge(&self, artifact: &Value) -> Result<Recorded, EngineError> {
        self.list(artifact, None);
        let mut request = World::request("staging");
        request.target = Target::Digest(digest(artifact));
        judge(&self.workspace, &request).await
    }

    /// It does not climb; why not is given back.
    pub async fn refused(&self, artifact: &Value, what: &str) -> String {
        match self.judge(artifact).await {
            Err(error) => error.to_string(),
            Ok(recorded) => {
                assert_ne!(recorded.decision.outcome, Outcome::Proceed, "{what}: {artifact}");
                let findings = recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
                findings.map(|one| [&one.code, " ", &one.title, "\n"].concat()).collect()
            }
        }
    }

    pub async fn climbs(&self, artifact: &Value, what: &str) -> Recorded {
        let recorded = self.judge(artifact).await.unwrap();
        assert_eq!(recorded.decision.outcome, Outcome::Proceed, "{what}: {:#?}", recorded.decision);
        recorded
    }
}

#[derive(Clone)]
pub struct Image {
    pub config: Value,
    pub layers: Vec<Value>,
}

pub const GOOD: [(&str, &str); 2] = [
    ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"),
    ("lib/apk/db/installed", "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n"),
];
/// The feed has an advisory about `x`.
pub const EVIL: [(&str, &str); 2] = [
    ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"),
    ("lib/apk/db/installed", "P:x\nV:1.0-r0\nA:x86_64\nL:MIT\n\n"),
];

/// A route on which nothing but the images' packages counts.
pub fn route() -> Route {
    route_with("vulnerability", json!({"failOn": "low"}))
}

/// A route with one gate.
pub fn route_with(gate: &str, settings: Value) -> Route {
    let stage = |name: &str, gates| Stage {
        name: name.parse().unwrap(),
        registry: format!("oci:{name}").parse().unwrap(),
        gates,
    };
    let gates = BTreeMap::from([(gate.to_owned(), settings)]);
    Route::new(vec![stage("dev", BTreeMap::new()), stage("staging", gates)]).unwrap()
}

pub fn digest(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

pub fn with(value: &Value, changes: &[(&str, Value)]) -> Value {
    let mut value = value.clone();
    for (key, change) in changes {
        value[*key] = change.clone();
    }
    value
}

pub fn platform(child: &Value, os: &str, architecture: &str) -> Value {
    with(child, &[("platform", json!({"os": os, "architecture": architecture}))])
}
