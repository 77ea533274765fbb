//! A copy of a 200 MB image between two registries, beside `skopeo copy` of the same image in the same run.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark may panic")]

use std::process::Command;
use std::time::{Duration, Instant};

use lockgate_model::oci::{Manifest, media};
use lockgate_model::ports::{CopyList, Registry, Upload};
use lockgate_model::{Descriptor, Repository};
use lockgate_registry::{HostSettings, Registries, Settings};
use xtask::parts::{self, Auth, Part};

const LAYERS: usize = 4;
const LAYER: usize = 50 << 20;
const RUNS: usize = 5;

fn main() {
    // Asked to copy by the run below: this process does nothing else, so that its memory is the copy's.
    let arguments: Vec<_> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == "copy") {
        return copy(&arguments[2..]);
    }
    let (Ok(from), Ok(to), Ok(skopeo)) =
        (parts::ferro(), parts::docker_registry(Auth::Basic), parts::program("skopeo"))
    else {
        println!("copy: skipped, `cargo xtask test` sets up ferro-oci-server, docker-registry and skopeo");
        return;
    };
    let ca = to.ca.clone().unwrap();
    let (mut ours, mut theirs, mut memory) = (Vec::new(), Vec::new(), 0);
    for run in 0..=RUNS {
        // Bytes that the target has never seen: skopeo remembers what it may mount.
        let digest = push(&from, "web", 2 * run as u64);
        push(&from, "other", 2 * run as u64 + 1);
        let start = Instant::now();
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "copy",
                &from.host,
                &to.host,
                &ca.display().to_string(),
                &format!("ours-{run}"),
                &digest.digest.to_string(),
                &digest.size.to_string(),
            ])
            .env("DOCKER_CONFIG", &to.docker_config)
            .output()
            .unwrap();
        let time = start.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let peak: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        let start = Instant::now();
        let copied = Command::new(&skopeo)
            .args(["--insecure-policy", "copy", "-q", "--src-tls-verify=false"])
            .args([format!("docker://{}/other:1", from.host), format!("docker://{}/theirs-{run}:1", to.host)])
            .env("SSL_CERT_FILE", &ca)
            .env("REGISTRY_AUTH_FILE", to.docker_config.join("config.json"))
            .status()
            .unwrap();
        assert!(copied.success());
        // The first run warms both.
        if run > 0 {
            ours.push(time);
            theirs.push(start.elapsed());
            memory = memory.max(peak);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "copy of {} MB: lockgate {ours:?}, skopeo {theirs:?}, ratio {:.2}",
        (LAYERS * LAYER) >> 20,
        ours.as_secs_f64() / theirs.as_secs_f64()
    );
    println!("copy: peak memory {} MiB", memory >> 10);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

fn repository(host: &str, name: &str) -> Repository {
    format!("{host}/{name}").parse().unwrap()
}

/// An image of random bytes, which nothing compresses.
fn push(to: &Part, name: &str, seed: u64) -> Descriptor {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let layers: Vec<Vec<u8>> = (0..LAYERS).map(|_| (0..LAYER / 8).flat_map(|_| random()).collect()).collect();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, b"{}"),
        layers: layers.iter().map(|layer| Descriptor::of(media::OCI_LAYER, layer)).collect(),
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    let mut blobs: Vec<bytes::Bytes> = layers.into_iter().map(Into::into).collect();
    blobs.push(bytes::Bytes::from_static(b"{}"));
    let upload = Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: serde_json::to_vec(&manifest).unwrap().into(),
        blobs,
    };
    let hosts = vec![HostSettings { host: to.host.clone(), plain_http: true, ..HostSettings::default() }];
    let registries = Registries::new(Settings { hosts, ..Settings::default() });
    let web = repository(&to.host, name);
    block_on(async {
        let manifest = registries.push(&web, &upload).await.unwrap();
        registries.tag(&web, "1", &manifest).await.unwrap();
        manifest
    })
}

/// `copy FROM TO CA NAME DIGEST SIZE`: prints the peak memory in KiB.
fn copy(arguments: &[String]) {
    let hosts = vec![
        HostSettings { host: arguments[0].clone(), plain_http: true, ..HostSettings::default() },
        HostSettings {
            host: arguments[1].clone(),
            ca: Some(std::fs::read(&arguments[2]).unwrap()),
            ..HostSettings::default()
        },
    ];
    let docker_config =
        std::env::var_os("DOCKER_CONFIG").map(|folder| std::path::PathBuf::from(folder).join("config.json"));
    let registries = Registries::new(Settings { hosts, docker_config, ..Settings::default() });
    let artifact =
        Descriptor::new(media::OCI_MANIFEST, arguments[4].parse().unwrap(), arguments[5].parse().unwrap());
    let (from, to) = (repository(&arguments[0], "web"), repository(&arguments[1], &arguments[3]));
    let list = CopyList { artifact, companions: vec![] };
    block_on(registries.copy(&from, &to, &list, &())).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{}", peak.trim().trim_end_matches(" kB"));
}
