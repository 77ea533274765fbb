//! A promotion of a 400 MB image between two registries that scans and copies in one pass, beside one whose layers are known,
//! which only copies, and beside `skopeo copy` of the same image, in turns in one run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark may panic, and measures time"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use lockgate_model::oci::{Manifest, media};
use lockgate_model::ports::{Registry, Upload};
use lockgate_model::{Descriptor, Digest};
use lockgate_registry::{HostSettings, Registries, Settings};
use serde_json::json;
use xtask::parts::{self, Auth, Part};

const LAYERS: usize = 8;
/// Bytes of the large file of a layer; about 50 MB of them are left when it is compressed.
const FILE: usize = 128 << 20;
/// Of each block so many bytes are random.
const BLOCK: usize = 4096;
const RANDOM: usize = 1600;
const RUNS: usize = 3;

fn main() {
    let (Ok(from), Ok(to), Ok(skopeo)) =
        (parts::ferro(), parts::docker_registry(Auth::Basic), parts::program("skopeo"))
    else {
        println!("promote: skipped, `cargo xtask test` sets up ferro-oci-server, docker-registry and skopeo");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path(), &from, &to);
    let large = Large::new();
    let (mut one_pass, mut copies, mut theirs, mut megabytes) = (vec![], vec![], vec![], 0);
    for run in 0..=RUNS {
        let [scanned, known, other] = [0, 1, 2].map(|image| large.push(&from, &format!("r{run}i{image}")));
        megabytes = scanned.1 / 1_000_000;
        lockgate(folder.path(), &to, &["scan", &format!("{}/dev/{}:1", from.host, known.0)], &[0, 3]);
        for name in [&scanned.0, &known.0] {
            let image = format!("{}/dev/{name}:1", from.host);
            lockgate(folder.path(), &to, &["sign", &image, "--key", "keys/build.key"], &[0]);
        }
        let promote = |name: &str| {
            let start = Instant::now();
            lockgate(folder.path(), &to, &["promote", &format!("{name}:1"), "--to", "staging"], &[0]);
            start.elapsed()
        };
        let (first, second) = (promote(&scanned.0), promote(&known.0));
        let start = Instant::now();
        let status = Command::new(&skopeo)
            .args(["--insecure-policy", "copy", "-q", "--src-tls-verify=false"])
            .args([
                format!("docker://{}/dev/{}:1", from.host, other.0),
                format!("docker://{}/skopeo/{}:1", to.host, other.0),
            ])
            .env("SSL_CERT_FILE", to.ca.as_ref().unwrap())
            .env("REGISTRY_AUTH_FILE", to.docker_config.join("config.json"))
            .status()
            .unwrap();
        assert!(status.success());
        // The first run warms everything.
        if run > 0 {
            one_pass.push(first);
            copies.push(second);
            theirs.push(start.elapsed());
        }
    }
    let (one_pass, copies, theirs) = (median(one_pass), median(copies), median(theirs));
    println!(
        "promote of {megabytes} MB: scanned and copied in one pass {one_pass:?}, copied only {copies:?}, ratio {:.2}; skopeo copy {theirs:?}, ratio {:.2}",
        one_pass.as_secs_f64() / copies.as_secs_f64(),
        one_pass.as_secs_f64() / theirs.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn lockgate(folder: &Path, to: &Part, arguments: &[&str], codes: &[i32]) {
    let output = Command::new(env!("CARGO_BIN_EXE_lockgate"))
        .args(arguments)
        .current_dir(folder)
        .env("DOCKER_CONFIG", &to.docker_config)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{arguments:?}: {told}");
}

/// A workspace whose stages are the two registries.
fn workspace(folder: &Path, from: &Part, to: &Part) {
    lockgate(folder, to, &["init"], &[0]);
    let path = folder.join("lockgate.yaml");
    let ca = to.ca.as_ref().unwrap().display();
    let registries = format!(
        "registries:\n  - {{host: \"{}\", plainHttp: true}}\n  - {{host: \"{}\", ca: \"{ca}\"}}",
        from.host, to.host
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text
        .replace("oci:registry/dev", &format!("{}/dev", from.host))
        .replace("oci:registry/staging", &format!("{}/staging", to.host))
        .replace("oci:registry/prod", &format!("{}/prod", to.host))
        .replace("policy: {}", "policy: {packages: [lockgate.licenses]}")
        .replace("registries: []", &registries);
    std::fs::write(path, text).unwrap();
    let feed = json!({"id": "A-1", "modified": "2026-01-01T00:00:00Z", "affected": [
        {"package": {"ecosystem": "Alpine:v3.20", "name": "x"}, "versions": ["9"]}]});
    std::fs::write(folder.join("feed.jsonl"), feed.to_string()).unwrap();
    lockgate(folder, to, &["feed", "import", "feed.jsonl", "--fetched", "now"], &[0]);
}

/// What all images have in each of their layers: a large file, compressed once.
struct Large {
    plain: Vec<u8>,
    compressed: Vec<u8>,
}

impl Large {
    fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut content = Vec::with_capacity(FILE);
        while content.len() < FILE {
            while content.len() % BLOCK < RANDOM {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                content.extend(state.to_le_bytes());
            }
            content.resize(content.len().next_multiple_of(BLOCK), b'x');
        }
        let mut tar = tar::Builder::new(Vec::new());
        add(&mut tar, "srv/large", &content);
        let plain = tar.into_inner().unwrap();
        let compressed = gzip(&plain);
        Self { plain, compressed }
    }

    /// Pushes an image that no registry has seen; its name, and the bytes of its layers.
    fn push(&self, to: &Part, name: &str) -> (String, usize) {
        let layers: Vec<_> = (0..LAYERS).map(|layer| self.layer(name, layer)).collect();
        let diff_ids: Vec<_> = layers.iter().map(|(_, diff_id)| diff_id).collect();
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "1000"},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let config = Bytes::from(config.to_string());
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.into()),
            artifact_type: None,
            config: Descriptor::of(media::OCI_CONFIG, &config),
            layers: layers.iter().map(|(bytes, _)| Descriptor::of(media::OCI_LAYER_GZIP, bytes)).collect(),
            subject: None,
            annotations: std::collections::BTreeMap::new(),
        };
        let size = layers.iter().map(|(bytes, _)| bytes.len()).sum();
        let upload = Upload {
            media_type: media::OCI_MANIFEST.into(),
            manifest: serde_json::to_vec(&manifest).unwrap().into(),
            blobs: layers.into_iter().map(|(bytes, _)| bytes).chain([config]).collect(),
        };
        let hosts = vec![HostSettings { host: to.host.clone(), plain_http: true, ..HostSettings::default() }];
        let registries = Registries::new(Settings { hosts, ..Settings::default() });
        let repository = format!("{}/dev/{name}", to.host).parse().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let manifest = registries.push(&repository, &upload).await.unwrap();
            registries.tag(&repository, "1", &manifest).await.unwrap();
        });
        (name.to_owned(), size)
    }

    /// A layer of two gzip members: files of its own, and the large one.
    fn layer(&self, name: &str, layer: usize) -> (Bytes, Digest) {
        let mut tar = tar::Builder::new(Vec::new());
        add(&mut tar, "srv/name", format!("{name} {layer}").as_bytes());
        if layer == 0 {
            add(&mut tar, "etc/os-release", b"ID=alpine\nVERSION_ID=3.20.0\n");
            add(&mut tar, "lib/apk/db/installed", b"P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n");
        }
        tar.get_mut().flush().unwrap();
        let own = std::mem::take(tar.get_mut());
        let plain = [&own[..], &self.plain].concat();
        (Bytes::from([gzip(&own), self.compressed.clone()].concat()), Digest::of(&plain))
    }
}

fn add(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, content).unwrap();
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}
