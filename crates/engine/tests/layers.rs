//! Layers that hide what they have: behind links, markers, other names and other orders. Each trick is played on an image with
//! a known vulnerability, and none of them climbs; what is honest does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;

use dev::{Dev, Image};
use lockgate_engine::feed::{Import, import};
use lockgate_model::Timestamp;
use lockgate_model::oci::media;
use lockgate_model::{Digest, Outcome};
use serde_json::json;
use world::fetched;

mod dev;
mod sim;
mod world;

/// One entry of a layer.
#[derive(Clone)]
enum Entry {
    File(&'static str, &'static [u8]),
    Folder(&'static str),
    Link(&'static str, &'static str),
    Hard(&'static str, &'static str),
}
use Entry::{File, Folder, Hard, Link};

const OS: Entry = File("etc/os-release", b"ID=alpine\nVERSION_ID=3.22.0\n");
const APK: Entry = File("lib/apk/db/installed", b"P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n");
/// The feed has advisories about these.
const EVIL_APK: &[u8] = b"P:x\nV:1.0-r0\nA:x86_64\nL:MIT\n\n";
const EVIL_DEB: &[u8] = b"Package: evil\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n";
const NPM: &[u8] = br#"{"name":"evil","version":"1.0.0"}"#;
const PYTHON: &[u8] = b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0.0\n";
const GEM: &[u8] = b"# -*- encoding: utf-8 -*-\n# stub: evil 1.0.0 ruby lib\nGem::Specification.new do |s|\n  s.name = \"evil\".freeze\n  s.version = \"1.0.0\"\nend\n";
const MODULE: &[u8] = br#"{"type":"module"}"#;

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        let (kind, path, link, content) = match entry {
            File(path, content) => (tar::EntryType::Regular, path, "", *content),
            Folder(path) => (tar::EntryType::Directory, path, "", &b""[..]),
            Link(path, target) => (tar::EntryType::Symlink, path, *target, &b""[..]),
            Hard(path, target) => (tar::EntryType::Link, path, *target, &b""[..]),
        };
        header.set_entry_type(kind);
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        if !link.is_empty() {
            header.set_link_name_literal(link).unwrap();
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn image(dev: &Dev, layers: &[&[Entry]]) -> Image {
    let tars: Vec<_> = layers.iter().map(|layer| tar(layer)).collect();
    let diff_ids: Vec<_> = tars.iter().map(|bytes| Digest::of(bytes)).collect();
    let layers = tars.iter().map(|bytes| dev.blob(media::OCI_LAYER, bytes)).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "65532"},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    Image { config, layers }
}

async fn dev() -> Dev {
    let dev = Dev::new().await;
    let mut feed = lockgate_scan::FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    feed.source(fetched());
    for (at, (ecosystem, name)) in
        [("Alpine:v3.22", "x"), ("npm", "evil"), ("PyPI", "evil"), ("RubyGems", "evil")].iter().enumerate()
    {
        let record = json!({
            "id": format!("CVE-2026-{}", at + 1), "modified": "2026-01-01T00:00:00Z",
            "database_specific": {"severity": "HIGH"},
            "affected": [{
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}],
            }],
        });
        feed.add("feed", std::io::Cursor::new(record.to_string())).unwrap();
    }
    let feed = Arc::new(bytes::Bytes::from(feed.finish().unwrap().0));
    import(&dev.workspace, feed, Import::default()).await.unwrap();
    dev
}

#[tokio::test]
async fn what_is_honest_climbs() {
    let dev = dev().await;
    let store = [
        OS,
        APK,
        File("store/1", br#"{"name":"good","version":"1.0.0"}"#),
        File("store/2", MODULE),
        Hard("srv/node_modules/.pnpm/good@1.0.0/node_modules/good/package.json", "store/1"),
        Hard("srv/node_modules/.pnpm/good@1.0.0/node_modules/good/esm/package.json", "store/2"),
        Link("srv/node_modules/good", ".pnpm/good@1.0.0/node_modules/good"),
    ];
    let replaced: [&[Entry]; 2] = [
        &[
            OS,
            APK,
            File("opt/app-1.0/node_modules/good/package.json", br#"{"name":"good","version":"1.0.0"}"#),
            Link("srv/app", "/opt/app-1.0"),
        ],
        &[Folder("srv/app"), File("srv/app/.wh..wh..opq", b"")],
    ];
    for (what, layers) in [("a store", &[&store[..]][..]), ("a link made a folder", &replaced)] {
        let recorded = dev.climbs(&dev.push(&image(&dev, layers)), what).await;
        assert_eq!(recorded.decision.outcome, Outcome::Proceed);
    }
}

/// What a lower layer has, and layers that are to make it disappear although it is there.
fn markers() -> Vec<(&'static str, Vec<Vec<Entry>>)> {
    let below = || vec![OS, APK, File("srv/node_modules/evil/package.json", NPM)];
    let linked = |target| vec![Link("x", target)];
    vec![
        (
            "an opaque folder in place of a link",
            vec![below(), linked("/"), vec![Folder("x"), File("x/.wh..wh..opq", b"")]],
        ),
        ("its marker first", vec![below(), linked("/"), vec![File("x/.wh..wh..opq", b""), Folder("x")]]),
        ("its marker alone", vec![below(), linked("/"), vec![File("x/.wh..wh..opq", b"")]]),
        (
            "a marker below a link",
            vec![below(), linked("/srv"), vec![File("x/node_modules/.wh..wh..opq", b"")]],
        ),
        (
            "a whiteout in place of a link",
            vec![below(), linked("/srv"), vec![Folder("x"), File("x/.wh.node_modules", b"")]],
        ),
        (
            "its whiteout first",
            vec![below(), linked("/srv"), vec![File("x/.wh.node_modules", b""), Folder("x")]],
        ),
        (
            "a whiteout through a link",
            vec![below(), linked("srv/node_modules"), vec![File("x/.wh.evil", b"")]],
        ),
        (
            "a whiteout after what it names",
            vec![
                vec![OS, APK],
                vec![File("srv/node_modules/evil/package.json", NPM), File("srv/.wh.node_modules", b"")],
            ],
        ),
        (
            "a whiteout of a link after a file through it",
            vec![
                vec![OS, APK, Link("l", "srv/node_modules")],
                vec![File("l/evil/package.json", NPM), File(".wh.l", b"")],
            ],
        ),
        (
            "a file through a link whose target goes",
            vec![
                vec![OS, APK, Link("srv/node_modules", "/opt/s")],
                vec![File("srv/node_modules/evil/package.json", NPM)],
                vec![File("opt/.wh.s", b"")],
            ],
        ),
        (
            "a folder in place of a whiteout",
            vec![below(), vec![File("srv/.wh.node_modules", b""), Folder("srv/node_modules")]],
        ),
        (
            "a folder in place of a file of its layer",
            vec![below(), vec![File("srv/node_modules", b""), Folder("srv/node_modules")]],
        ),
        ("an opaque root", vec![below(), vec![File(".wh..wh..opq", b""), OS, APK]]),
        (
            "a database emptied through a link",
            vec![
                vec![OS, File("lib/apk/db/installed", EVIL_APK)],
                vec![Link("x", "lib/apk/db")],
                vec![File("x/installed", b"")],
            ],
        ),
    ]
}

/// Packages that are reached through links only.
fn links() -> Vec<(&'static str, Vec<Entry>)> {
    vec![
        ("node_modules", vec![File("opt/nm/evil/package.json", NPM), Link("srv/node_modules", "/opt/nm")]),
        ("a scope", vec![File("opt/s/evil/package.json", NPM), Link("srv/node_modules/@s", "../../opt/s")]),
        ("a package", vec![File("opt/evil/package.json", NPM), Link("srv/node_modules/evil", "/opt/evil")]),
        ("Debian's folder", vec![File("opt/nm/evil/package.json", NPM), Link("usr/share/nodejs", "/opt/nm")]),
        (
            "a description of Node's",
            vec![File("store/1", NPM), Link("srv/node_modules/evil/package.json", "/store/1")],
        ),
        (
            "two links",
            vec![
                File("store/evil/package.json", NPM),
                Link("opt/nm/evil", "../../store/evil"),
                Link("srv/node_modules", "/opt/nm"),
            ],
        ),
        (
            "a circle on the way",
            vec![
                File("opt/evil/package.json", NPM),
                Link("opt/evil/self", "."),
                Link("srv/node_modules", "/opt/evil/self/self/.."),
            ],
        ),
    ]
}

/// The same of files under names that say nothing, of other kinds, and of hard links.
fn other_links() -> Vec<(&'static str, Vec<Entry>)> {
    vec![
        ("METADATA", vec![File("store/1", PYTHON), Link("srv/evil-1.0.0.dist-info/METADATA", "/store/1")]),
        (
            "METADATA that looks like nothing",
            vec![
                File("store/1", b"X: y\nMetadata-Version: 2.1\nName: evil\nVersion: 1.0.0\n"),
                Link("srv/evil-1.0.0.dist-info/METADATA", "/store/1"),
            ],
        ),
        (
            "a folder of metadata",
            vec![File("store/m/METADATA", PYTHON), Link("srv/evil-1.0.0.dist-info", "/store/m")],
        ),
        (
            "a specification",
            vec![File("store/1", GEM), Link("usr/lib/ruby/specifications/evil-1.0.0.gemspec", "/store/1")],
        ),
        (
            "specifications",
            vec![File("store/g/evil-1.0.0.gemspec", GEM), Link("usr/lib/ruby/specifications", "/store/g")],
        ),
        ("fragments", vec![File("store/d/evil", EVIL_DEB), Link("var/lib/dpkg/status.d", "/store/d")]),
        ("a database", vec![File("store/1", EVIL_APK), Link("lib/apk/db/installed", "/store/1")]),
        ("a folder of a database", vec![File("store/d/installed", EVIL_APK), Link("lib/apk/db", "/store/d")]),
        (
            "an absolute link above the root",
            vec![File("opt/evil/package.json", NPM), Link("srv/node_modules/evil", "/../../opt/evil")],
        ),
        (
            "a hard link to what nobody asked for",
            vec![File("store/1", NPM), Hard("srv/node_modules/evil/package.json", "store/1")],
        ),
        (
            "a hard link to a link",
            vec![
                File("opt/evil/package.json", NPM),
                Link("store/l", "/opt/evil"),
                Hard("srv/node_modules/evil", "store/l"),
            ],
        ),
        (
            "a hard link to what looks like nothing",
            vec![
                File("store/1", b"X: y\nMetadata-Version: 2.1\nName: evil\nVersion: 1.0.0\n"),
                Hard("srv/evil-1.0.0.dist-info/METADATA", "store/1"),
            ],
        ),
    ]
}

#[tokio::test]
async fn markers_hide_nothing_that_is_there() {
    let dev = dev().await;
    for (what, layers) in markers() {
        let layers: Vec<&[Entry]> = layers.iter().map(Vec::as_slice).collect();
        dev.refused(&dev.push(&image(&dev, &layers)), what).await;
    }
}

#[tokio::test]
async fn packages_behind_links_are_found() {
    let dev = dev().await;
    for (what, entries) in links().into_iter().chain(other_links()) {
        // The package database that the distribution has stays there but where the trick is about it.
        let has_apk =
            entries.iter().any(|entry| matches!(entry, Link(path, _) if path.starts_with("lib/apk")));
        let below: &[Entry] = if has_apk { &[OS] } else { &[OS, APK] };
        let told = dev.refused(&dev.push(&image(&dev, &[below, &entries])), what).await;
        let known = told.contains("vulnerability.known") || what == "fragments";
        assert!(known, "{what}: {told}");
        // The same in two layers: what links name is below, and above.
        let (links, files): (Vec<_>, Vec<_>) =
            entries.iter().cloned().partition(|entry| matches!(entry, Link(..) | Hard(..)));
        let told = dev.refused(&dev.push(&image(&dev, &[below, &files, &links])), what).await;
        assert!(told.contains("vulnerability.known") || what == "fragments", "{what}, above: {told}");
        if !entries.iter().any(|entry| matches!(entry, Hard(..))) {
            let told = dev.refused(&dev.push(&image(&dev, &[below, &links, &files])), what).await;
            assert!(told.contains("vulnerability.known") || what == "fragments", "{what}, below: {told}");
        }
    }
}

#[tokio::test]
async fn what_links_make_endless_is_told_or_found() {
    let dev = dev().await;
    let mut farm: Vec<Entry> = vec![OS, APK, File("node/evil/package.json", NPM)];
    for link in
        ["a", "b", "c", "d", "e", "f", "g", "h", "a/node_modules", "b/node_modules", "node/node_modules"]
    {
        farm.push(Link(link, "/"));
    }
    farm.push(Link("srv/node_modules", "/a/b/c/d/e/f/g/h/node"));
    let told = dev.refused(&dev.push(&image(&dev, &[&farm])), "a farm of links").await;
    assert!(told.contains("vulnerability.known"), "{told}");
}

/// The shipped policy refuses a secret in a layer, in a layer below one that removes it, and in the config. What was read of the
/// layers for the Case has the place of the secret, and not the secret.
#[tokio::test]
async fn secrets_do_not_climb_and_are_not_recorded() {
    let token = format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17");
    let env: &'static [u8] = format!("TOKEN={token}\n").leak().as_bytes();
    let mut dev = Dev::new().await;
    let sample = lockgate_judge::SAMPLES.iter().find(|sample| sample.path == "no-secrets.rego").unwrap();
    let source =
        lockgate_engine::workspace::PolicySource { path: sample.path.into(), text: sample.text.into() };
    dev.workspace.policies = vec![source];
    dev.workspace.route = dev::route_with("policy", json!({}));
    let below: &[Entry] = &[OS, APK];
    dev.climbs(&dev.push(&image(&dev, &[below])), "no secret").await;
    let (held, removed): (&[Entry], &[Entry]) = (&[File("srv/.env", env)], &[File("srv/.wh..env", b"")]);
    for layers in [&[below, held][..], &[below, held, removed]] {
        let recorded = dev.judge(&dev.push(&image(&dev, layers))).await.unwrap();
        assert_eq!(recorded.decision.outcome, Outcome::Rework);
        for bytes in recorded.case.inputs.iter().map(|(_, bytes)| bytes) {
            assert!(!bytes.windows(20).any(|window| window == &token.as_bytes()[8..28]));
        }
    }
    let mut with_env = image(&dev, &[below]);
    with_env.config["config"]["Env"] = json!([format!("TOKEN={token}")]);
    let told = dev.refused(&dev.push(&with_env), "a secret in the config").await;
    assert!(told.contains("policy.secret") && !told.contains(&token), "{told}");
}
