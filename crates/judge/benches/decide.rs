//! decide() on a Case of 500 packages and 5 000 findings: the median of 20 runs, and the peak memory.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark may panic"
)]

use std::time::Instant;

use lockgate_judge::{Edition, decide};
use lockgate_model::case::{FeedPin, Image};
use lockgate_model::oci::media;
use lockgate_model::{Case, CaseRecord, Descriptor, Digest, Inputs, Inventory, Package, Timestamp, canon};
use serde_json::json;

const PACKAGES: usize = 500;
const HOLES: usize = 10;
const RUNS: usize = 20;

fn main() {
    let case = case();
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let decision = decide(&case);
            let time = start.elapsed();
            let findings: usize = decision.verdicts.iter().map(|verdict| verdict.findings.len()).sum();
            assert!(findings >= PACKAGES * HOLES, "{findings}");
            time
        })
        .collect();
    times.sort();
    println!("decide {PACKAGES} packages {} findings: median {:?}", PACKAGES * HOLES, times[RUNS / 2]);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn case() -> Case {
    let mut inputs = Inputs::new();
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [Digest::of(b"tar")]}}).to_string();
    let manifest = json!({
        "schemaVersion": 2, "config": Descriptor::of(media::OCI_CONFIG, config.as_bytes()),
        "layers": [Descriptor::of(media::OCI_LAYER_GZIP, b"layer")],
    });
    let config = inputs.insert(config);
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let artifact = Descriptor::of(media::OCI_MANIFEST, &manifest);
    inputs.insert(manifest);
    let packages = (0..PACKAGES).map(|n| Package {
        ecosystem: "Debian:12".into(),
        name: format!("package-{n}"),
        version: "1.2.3-1".into(),
        source: None,
        architecture: "amd64".into(),
        purl: format!("pkg:deb/debian/package-{n}@1.2.3-1"),
        licenses: vec![],
        layer: Digest::of(b"layer"),
        layer_index: 0,
        path: "/var/lib/dpkg/status".into(),
        cataloger: "dpkg".into(),
        installed_by: String::new(),
        confidence: lockgate_model::inventory::Confidence::Recorded,
    });
    let mut inventory =
        Inventory { analyser: "2026-1".into(), packages: packages.collect(), ..Inventory::default() };
    inventory.sort();
    let inventory = inputs.insert(canon::to_bytes(&inventory).unwrap());
    let mut advisories = Vec::new();
    for package in 0..PACKAGES {
        for vulnerability in 0..HOLES {
            advisories.push(json!({
                "id": format!("CVE-2026-{package:04}{vulnerability:02}"), "severity": "medium", "modified": "2026-01-01T00:00:00Z",
                "summary": "something that can be abused",
                "affected": [{
                    "ecosystem": "Debian:12", "name": format!("package-{package}"),
                    "ranges": [[{"introduced": "0"}, {"fixed": "1.2.4-1"}]],
                }],
            }));
        }
    }
    let extract = inputs.insert(canon::to_bytes(&advisories).unwrap());
    let now = Timestamp::from_unix(1_790_000_000);
    let image = Image {
        platform: "linux/amd64".into(),
        manifest: artifact.digest,
        config,
        base: None,
        by_word: vec![],
        inventory: Some(inventory),
    };
    let record = CaseRecord {
        edition: Edition::CURRENT.name().into(),
        as_of: now,
        ledger_size: 1,
        service: "web".parse().unwrap(),
        from: "dev".parse().unwrap(),
        to: "staging".parse().unwrap(),
        artifact,
        release: None,
        from_guarded: false,
        images: vec![image],
        attestations: vec![],
        evidence: vec![],
        seen: None,
        companions: vec![],
        feed: Some(FeedPin {
            feed: Digest::of(b"feed"),
            extract,
            newest: now,
            end_of_life: std::collections::BTreeMap::new(),
            uncovered: std::collections::BTreeSet::new(),
            coverage: std::collections::BTreeMap::new(),
            origins: vec![],
        }),
        keys: vec![],
        identities: vec![],
        sigstore: vec![],
        notary: None,
        policies: vec![],
        gates: [("vulnerability".to_owned(), json!({}))].into(),
        gaps: vec![],
    };
    Case { record, inputs }
}
