//! `scan` as people type it, against what was printed before: `tests/transcripts/scan.txt`, on terminals of several widths
//! and in a pipe. `LOCKGATE_BLESS=1` writes what is printed now.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use layout::{add, layer, list, put};
use lockgate_model::Digest;
use lockgate_model::oci::media;
use serde_json::{Value, json};
use support::transcript::{hold, plain};
use support::{Ran, Workspace};

mod layout;
mod support;

fn package(name: &str, version: &str, license: &str) -> String {
    json!({"name": name, "version": version, "license": license}).to_string()
}

/// A layer of an operating system, and one of an application: one package in two places, one with a name that draws a
/// line of its own, two binaries of one source.
fn layers() -> [Vec<u8>; 2] {
    let status = |name: &str, source: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: 3.0.11-1\n\n"
        )
    };
    let files = |files: &[(&str, String)]| -> Vec<(String, String)> {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect()
    };
    let system = layer(&files(&[
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n".to_owned()),
        (
            "var/lib/dpkg/status",
            status("libssl3", "openssl") + &status("openssl", "openssl") + &status("zlib1g", "zlib"),
        ),
    ]));
    let app = layer(&files(&[
        ("srv/app/node_modules/acorn/package.json", package("acorn", "4.0.13", "MIT")),
        ("srv/app/node_modules/espree/node_modules/acorn/package.json", package("acorn", "4.0.13", "MIT")),
        ("srv/app/node_modules/left/package.json", package(LEFT, "1.0.0", "MIT")),
    ]));
    [system, app]
}

fn feed() -> String {
    let record = |id: &str, ecosystem: &str, name: &str, fixed: Option<&str>, vector: &str, summary: &str| {
        let events =
            std::iter::once(json!({"introduced": "0"})).chain(fixed.map(|fixed| json!({"fixed": fixed})));
        let severity: Vec<_> = [vector]
            .iter()
            .filter(|one| !one.is_empty())
            .map(|vector| json!({"type": "CVSS_V3", "score": format!("CVSS:3.1/{vector}")}))
            .collect();
        json!({
            "id": id, "modified": "2026-01-01T00:00:00Z", "summary": summary, "severity": severity,
            "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events.collect::<Vec<Value>>()}]}],
        })
        .to_string()
    };
    let long = "A title that goes on and on, further than any terminal is wide, so that it has to be cut somewhere or wrap";
    [
        record(
            "CVE-2026-1000",
            "Debian:12",
            "openssl",
            Some("3.0.15-1"),
            "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            long,
        ),
        record(
            "CVE-2026-1001",
            "Debian:12",
            "openssl",
            None,
            "AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N",
            "A small one",
        ),
        record("CVE-2026-1002", "Debian:12", "zlib", None, "", "Nobody rated this"),
        record(
            "CVE-2026-2000",
            "npm",
            "acorn",
            Some("5.7.4"),
            "AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
            "Endless loop",
        ),
        record(
            "CVE-2026-2001",
            "npm",
            LEFT,
            Some("1.0.1"),
            "AV:N/AC:L/PR:N/UI:R/S:U/C:L/I:L/A:N",
            "Two\nlines \u{202e}and more",
        ),
    ]
    .join("\n")
}

/// An image on a base image that it names, with Python packages, one of which the distribution installed, and many of npm.
fn planned(folder: &std::path::Path) {
    let [system, _] = layers();
    let base = add(&folder.join("base"), None, std::slice::from_ref(&system), &json!({}), &json!({}));
    let metadata = |name: &str, version: &str| {
        let path = format!("usr/lib/python3/site-packages/{name}-{version}.dist-info/METADATA");
        (path, format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"))
    };
    let mut files = vec![metadata("aiohttp", "3.7.3"), metadata("twisted", "22.1.0"), metadata("old", "1.0")];
    files.extend((1..=12).map(|at| {
        let name = format!("part{at}");
        (format!("srv/app/node_modules/{name}/package.json"), package(&name, "1.0.0", "MIT"))
    }));
    files.push(("srv/app/node_modules/left/package.json".to_owned(), package(LEFT, "1.0.0", "MIT")));
    let named = json!({
        "org.opencontainers.image.base.name": format!("oci:{}", folder.join("base").display()),
        "org.opencontainers.image.base.digest": base,
    });
    add(&folder.join("planned"), None, &[system, layer(&files)], &json!({}), &named);
}

/// What a package was called by somebody who would draw a row of his own.
const LEFT: &str = "left\u{1b}[31m\n\rcritical 9.8";

/// Advisories about the image of `planned`.
fn plan_feed() -> String {
    let record = |id: &str,
                  (ecosystem, name): (&str, &str),
                  ranges: &[(&str, Option<&str>)],
                  vector: &str| {
        let ranges = ranges.iter().map(|(from, to)| {
            let events =
                std::iter::once(json!({"introduced": from})).chain(to.map(|to| json!({"fixed": to})));
            json!({"type": "ECOSYSTEM", "events": events.collect::<Vec<_>>()})
        });
        let severity = json!([{"type": "CVSS_V3", "score": format!("CVSS:3.1/{vector}")}]);
        json!({"id": id, "modified": "2026-01-01T00:00:00Z", "summary": "About it", "severity": severity,
            "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges.collect::<Vec<_>>()}]})
        .to_string()
    };
    let (high, low) = ("AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N");
    let (aiohttp, twisted) = (("PyPI", "aiohttp"), ("PyPI", "twisted"));
    let mut records = vec![
        record("CVE-2026-3000", aiohttp, &[("0", Some("3.7.4"))], high),
        record("CVE-2026-3001", aiohttp, &[("0", Some("4.1.0"))], high),
        record("CVE-2026-3002", aiohttp, &[("0", Some("4.0.0"))], low),
        record("CVE-2026-3003", aiohttp, &[("4.1.0", None)], low),
        record("CVE-2026-3004", aiohttp, &[("0", None)], low),
        record("CVE-2026-3005", twisted, &[("0", Some("24.7.0rc1"))], low),
        record("CVE-2026-3006", ("PyPI", "old"), &[("0", None)], low),
    ];
    records.extend((1..=12).map(|at| {
        let (id, name) = (format!("CVE-2026-4{at:03}"), format!("part{at}"));
        record(&id, ("npm", &name), &[("0", Some("1.0.1"))], low)
    }));
    records.join("\n")
}

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1000,0.00042,0.1\nCVE-2026-2000,0.97321,0.99\nCVE-2026-2001,0.04100,0.9\n";
const KEV: &str = r#"{"title":"CISA Catalog of Known Exploited Vulnerabilities","catalogVersion":"2026.01.01","dateReleased":"2026-01-01T00:00:00.0000Z","count":1,"vulnerabilities":[{"cveID":"CVE-2026-1001","dateAdded":"2026-01-01"}]}"#;

fn workspace() -> Workspace {
    let w = Workspace::init();
    let nothing = json!({});
    let layers = layers();
    let in_layout = |name: &str| w.folder.join(name);
    add(&in_layout("one"), None, &layers, &nothing, &nothing);
    planned(&w.folder);
    add(&in_layout("two"), Some("a"), &layers, &nothing, &nothing);
    add(&in_layout("two"), None, &layers[..1], &nothing, &nothing);
    artifacts(&in_layout("artifacts"));
    std::fs::write(w.folder.join("feed.jsonl"), feed()).unwrap();
    std::fs::write(w.folder.join("plan.jsonl"), plan_feed()).unwrap();
    std::fs::write(w.folder.join("epss.csv"), EPSS).unwrap();
    std::fs::write(w.folder.join("kev.json"), KEV).unwrap();
    w.run(&["feed", "import", "feed.jsonl", "plan.jsonl", "epss.csv", "kev.json", "--fetched", "now"])
        .expect(0);
    w
}

/// What registries hold beside images.
fn artifacts(folder: &std::path::Path) {
    let image = add(folder, Some("image"), &layers()[..1], &json!({}), &json!({}));
    let empty = put(folder, "application/vnd.oci.empty.v1+json", b"{}");
    let attached = |tag: &str, kind: &str, artifact: Option<&str>, subject: Option<Digest>| {
        let layer = put(folder, kind, format!("{{\"{tag}\": 1}}").as_bytes());
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": empty, "layers": [layer],
        });
        if let Some(artifact) = artifact {
            manifest["artifactType"] = json!(artifact);
        }
        if let Some(digest) = subject {
            manifest["subject"] = json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": 1});
        }
        list(folder, Some(tag), &manifest);
    };
    attached("bom", "application/vnd.cyclonedx+json", Some("application/vnd.cyclonedx+json"), None);
    attached("spdx", "application/spdx+json", None, Some(image));
    attached(
        "bundle",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        Some("application/vnd.dev.sigstore.bundle.v0.3+json"),
        Some(image),
    );
    // As cosign's older layouts have it: the config is that of an image.
    let config = put(
        folder,
        media::OCI_CONFIG,
        br#"{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":[]}}"#,
    );
    for (tag, kind) in [
        ("att", "application/vnd.dsse.envelope.v1+json"),
        ("sig", "application/vnd.dev.cosign.simplesigning.v1+json"),
        ("locked", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"),
    ] {
        let layer = put(folder, kind, tag.as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config, "layers": [layer],
        });
        list(folder, Some(tag), &manifest);
    }
}

#[test]
fn what_is_found_is_told_as_the_transcript_says() {
    let w = workspace();
    hold("scan", |line| {
        let (columns, command) = match line.strip_prefix("COLUMNS=").and_then(|line| line.split_once(' ')) {
            Some((columns, command)) => (Some(columns), command),
            None => (None, line),
        };
        let arguments: Vec<_> = command.strip_prefix("lockgate ").unwrap().split(' ').collect();
        let mut command = w.command(&arguments);
        command.envs(columns.map(|columns| ("COLUMNS", columns)));
        let Ran { code, out, err } = Ran::of(command.output().unwrap());
        let here = w.folder.display().to_string();
        let [out, err] = [out, err].map(|text| plain(&text.replace(&here, "HERE")));
        Ran { code, out, err }
    });
}

/// Secrets of files that are there, of one that is not any more, and of the config: each is told by its place, and none is shown
/// by any form of output.
#[test]
fn secrets_are_told_and_never_shown() {
    // In parts: other scanners read this file, too.
    let token = format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
    let key = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    let file = |path: &str, text: &str| layer(&[(path.to_owned(), text.to_owned())]);
    let w = Workspace::init();
    let config = json!({"config": {"Env": ["PATH=/bin", format!("TOKEN={token}")]}});
    let layers =
        [file("srv/.env", &format!("A=1\nTOKEN={token}\n")), file("srv/x", &pem), file("srv/.wh..env", "")];
    add(&w.folder.join("noted"), Some("a"), &layers, &config, &json!({}));
    let scan = |more: &[&str]| {
        let ran = w.run(&[&["scan", "oci:noted"], more].concat());
        for secret in [&token, key] {
            let shown = ran.out.contains(&secret[8..30]) || ran.err.contains(&secret[8..30]);
            assert!(!shown, "{more:?}: {}", ran.out);
        }
        ran.out
    };
    let table = scan(&[]);
    for row in [
        "github-token  config  1     config.Env[1]",
        "github-token  0       2     /srv/.env (removed by a later layer)",
        "private-key   1       1     /srv/x",
    ] {
        assert!(table.contains(row), "{row}: {table}");
    }
    let told: Value = serde_json::from_str(&scan(&["--output", "json"])).unwrap();
    assert_eq!(told["images"][0]["inventory"]["secrets"].as_array().unwrap().len(), 3, "{told}");
    let page = scan(&["--report", "html"]);
    assert!(
        page.contains("<h2>Secrets</h2>") && page.contains("/srv/.env (removed by a later layer)"),
        "{page}"
    );
    for report in ["cyclonedx", "spdx", "spdx3", "sarif", "junit", "gitlab"] {
        scan(&["--report", report]);
    }
    // What is kept for the next scan holds the rule and the line.
    let (mut folders, mut files) = (vec![w.folder.join(".lockgate")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.iter().any(|path| path.display().to_string().contains("/layers/")), "{files:?}");
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(22).any(|window| window == &token.as_bytes()[8..30]), "{}", path.display());
    }
}
