//! The upgrade plan of `scan`: what it says in JSON and on a page, that it is true, and that names of others stay names.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Cursor};
use std::path::Path;
use std::sync::Arc;

use layout::{add, layer, put};
use lockgate_model::oci::media;
use lockgate_model::{Inventory, Timestamp};
use lockgate_scan::{Feed, FeedBuilder, Match, Plan, match_inventory};
use serde_json::{Value, json};
use support::Workspace;
use xtask::parts::{self, or_skip};

mod layout;
mod support;

const HOSTILE: &str = "<b>&\"\u{1b}[31m\n\rFORGED";

fn package(name: &str, version: &str) -> String {
    json!({"name": name, "version": version}).to_string()
}

fn record(id: &str, name: &str, fixed: Option<&str>) -> String {
    let events =
        std::iter::once(json!({"introduced": "0"})).chain(fixed.map(|fixed| json!({"fixed": fixed})));
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": name},
        "ranges": [{"type": "SEMVER", "events": events.collect::<Vec<_>>()}]}]})
    .to_string()
}

/// A workspace with a feed, and an image of two layers in the layouts `one` and `on-base`: the second names its base.
fn workspace() -> Workspace {
    let w = Workspace::init();
    let file = |name: &str, version: &str| {
        (format!("srv/{}/node_modules/x/package.json", name.len()), package(name, version))
    };
    let layers = [layer(&[file("low", "1.0.0")]), layer(&[file(HOSTILE, "1.0.0"), file("gone", "1.0.0")])];
    add(&w.folder.join("one"), None, &layers, &json!({}), &json!({}));
    let base = add(&w.folder.join("base"), None, &layers[..1], &json!({}), &json!({}));
    let named = json!({
        "org.opencontainers.image.base.name": format!("oci:{}", w.folder.join("base").display()),
        "org.opencontainers.image.base.digest": base,
    });
    add(&w.folder.join("on-base"), None, &layers, &json!({}), &named);
    let records = [
        record("CVE-2026-0001", "low", Some("1.0.1")),
        record("CVE-2026-0002", "low", Some("1.2.0")),
        record("CVE-2026-0003", HOSTILE, Some("1.0.1")),
        record("CVE-2026-0004", "gone", None),
    ];
    fs::write(w.folder.join("feed.jsonl"), records.join("\n")).unwrap();
    w.run(&["feed", "import", "feed.jsonl", "--fetched", "now"]).expect(0);
    w
}

fn scanned(w: &Workspace, image: &str) -> Value {
    w.run(&["scan", image, "--output", "json"]).expect(0).json()
}

#[test]
fn the_json_has_the_plan_of_each_image() {
    let w = workspace();
    let first = scanned(&w, "oci:one");
    let packages = first["images"][0]["inventory"]["packages"].as_array().unwrap();
    let place = |name: &str| packages.iter().position(|package| package["name"] == name).unwrap();
    let digests = |at: usize| packages[place(["low", "gone"][at])]["layer"].clone();
    let group = |at: usize, owner: &str, upgrades: &Value, unfixed: &Value| {
        let mut group =
            json!({"layer": digests(at), "layerIndex": at, "owner": {"kind": owner}, "upgrades": upgrades});
        if !unfixed.is_null() {
            group["unfixed"] = unfixed.clone();
        }
        group
    };
    let upgrade = |name: &str, place: usize, to: &str, clears: &[&str]| {
        json!([{"names": [name], "packages": [place], "ecosystem": "npm", "installed": "1.0.0",
            "vulnerabilities": clears.len(), "targets": [{"version": to, "sameBranch": true, "clears": clears}]}])
    };
    let low = upgrade("low", place("low"), "1.2.0", &["CVE-2026-0001", "CVE-2026-0002"]);
    let unfixed = json!([{"names": ["gone"], "packages": [place("gone")], "installed": "1.0.0",
        "vulnerabilities": ["CVE-2026-0004"]}]);
    let hostile = upgrade(HOSTILE, place(HOSTILE), "1.0.1", &["CVE-2026-0003"]);
    let plan = |below: &str, above: &str| json!({"groups": [group(0, below, &low, &Value::Null), group(1, above, &hostile, &unfixed)]});
    assert_eq!(first["images"][0]["plan"], plan("layer", "layer"));
    // The same layers on a base image that is known: another answer, whichever was kept first.
    assert_eq!(scanned(&w, "oci:on-base")["images"][0]["plan"], plan("base-image", "application"));
    // What was kept is what was found.
    assert_eq!(scanned(&w, "oci:one"), first);
    // Where nobody was asked, nothing is planned.
    let empty = Workspace::init();
    let image = format!("oci:{}", w.folder.join("one").display());
    let silent = empty.run(&["scan", &image, "--output", "json"]).expect(3).json();
    assert!(silent["images"][0].get("plan").is_none(), "{silent}");
}

#[test]
fn images_with_one_plan_share_it() {
    let w = workspace();
    let folder = w.folder.join("one");
    let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let image = &index["manifests"][0];
    let child = |variant: &str| {
        let mut child = json!({"platform": {"os": "linux", "architecture": "amd64", "variant": variant}});
        for field in ["mediaType", "digest", "size"] {
            child[field] = image[field].clone();
        }
        child
    };
    let all =
        json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [child("v2"), child("v3")]});
    let all = put(&folder, media::OCI_INDEX, all.to_string().as_bytes());
    fs::write(folder.join("index.json"), json!({"schemaVersion": 2, "manifests": [all]}).to_string())
        .unwrap();
    let told = w.run(&["scan", "oci:one"]).out;
    assert_eq!(told.matches("plan: 2 upgrades clear 3 of 4 vulnerabilities\n").count(), 1, "{told}");
    assert!(told.contains("plan: the same as of linux/amd64/v2\n"), "{told}");
}

#[test]
fn owners_and_what_has_no_fix_are_text_on_the_page() {
    let w = Workspace::init();
    let (owner, unfixed) = ("<u>owner", "<i>unfixed");
    let status = format!("Package: {owner}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n");
    let installed = |name: &str| format!("usr/share/nodejs/{}/package.json", name.len());
    let list = format!("/.\n/{}\n/{}\n", installed("low"), installed(unfixed));
    let files = [
        ("etc/os-release".to_owned(), "ID=debian\nVERSION_ID=\"12\"\n".to_owned()),
        ("var/lib/dpkg/status".to_owned(), status),
        (format!("var/lib/dpkg/info/{owner}.list"), list),
        (installed("low"), package("low", "1.0.0")),
        (installed(unfixed), package(unfixed, "1.0.0")),
    ];
    add(&w.folder.join("one"), None, &[layer(&files)], &json!({}), &json!({}));
    let records = [record("CVE-2026-0001", "low", Some("1.0.1")), record("CVE-2026-0002", unfixed, None)];
    fs::write(w.folder.join("feed.jsonl"), records.join("\n")).unwrap();
    w.run(&["feed", "import", "feed.jsonl", "--fetched", "now"]).expect(0);
    // Nobody was asked about the owner itself, and the heading does not count it as clean.
    let told = w.run(&["scan", "oci:one"]).expect(3).out;
    assert!(
        told.contains(": 3 packages, 2 asked about, 1 not; 2 known vulnerabilities in 2 of them"),
        "{told}"
    );
    let page = w.run(&["scan", "oci:one", "--report", "html"]).expect(3).out;
    assert!(page.contains("layer 0, installed by the package &lt;u&gt;owner</th>"), "{page}");
    assert!(page.contains("without a fix: &lt;i&gt;unfixed<"), "{page}");
    assert!(!page.contains(owner) && !page.contains(unfixed), "{page}");
}

#[test]
fn the_page_begins_with_the_plan_and_shows_names_as_text() {
    let w = workspace();
    let page = w.run(&["scan", "oci:on-base", "--report", "html"]).expect(0).out;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
    assert!(at("<h2>Upgrade plan</h2>") < at("<h2>Known vulnerabilities</h2>"));
    at("<p>2 upgrades clear 3 of 4 vulnerabilities.</p>");
    assert!(at("base image, layer 0") < at("<td>low</td><td>1.0.0</td><td>1.2.0</td><td>clears 2 of 2</td>"));
    at("application, layer 1");
    at("without a fix: gone");
    at("<td>&lt;b&gt;&amp;&quot;\\u{1b}[31m\\n\\rFORGED</td><td>1.0.0</td><td>1.0.1</td>");
    assert!(!page.contains("<b>&") && !page.contains('\u{1b}'), "{page}");
}

/// The lines of a file of advisories that are about one of some packages.
fn advisories(file: &Path, names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"name\":\"{name}\"")).collect();
    let lines = BufReader::new(zstd::Decoder::new(File::open(file).unwrap()).unwrap()).lines();
    let about = lines.map(Result::unwrap).filter(|line| names.iter().any(|name| line.contains(name)));
    about.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_plan_of_a_real_image_clears_is_gone_in_the_planned_version() {
    let Some(arena) = or_skip(parts::arena(), "plan") else { return };
    let names = ["aiohttp", "django", "jinja2", "paramiko", "pillow", "pycrypto", "scrapy", "twisted"];
    let records = advisories(&arena.join("advisories/pypa-pypi.osv.jsonl.zst"), &names);
    let w = Workspace::init();
    fs::write(w.folder.join("feed.jsonl"), &records).unwrap();
    w.run(&["feed", "import", "feed.jsonl", "--fetched", "now"]).expect(0);
    let image = format!("oci:{}", arena.join("images/distroless").display());
    // The operating system's packages were asked of nobody.
    let answer = w.run(&["scan", &image, "--output", "json"]).expect(3).json();
    let image = &answer["images"][0];
    let inventory: Inventory = serde_json::from_value(image["inventory"].clone()).unwrap();
    let matches: Vec<Match> = serde_json::from_value(image["matches"].clone()).unwrap();
    let plan: Plan = serde_json::from_value(image["plan"].clone()).unwrap();
    let mut feed = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    feed.add("feed", Cursor::new(records)).unwrap();
    let feed = Feed::open(Arc::new(bytes::Bytes::from(feed.finish().unwrap().0))).unwrap();
    let advisories = feed.extract(&[&inventory]).unwrap();
    let mut upgraded = BTreeSet::new();
    for upgrade in plan.groups.iter().flat_map(|group| &group.upgrades) {
        upgraded.extend(&upgrade.names);
        for (at, target) in
            upgrade.packages.iter().flat_map(|at| upgrade.targets.iter().map(move |to| (*at, to)))
        {
            let mut later = inventory.clone();
            later.packages[at] = upgrade.applied(&later.packages[at], target);
            let found = match_inventory(&later, &advisories).matches;
            let still: BTreeSet<_> =
                found.iter().filter(|one| one.package == at).flat_map(Match::names).collect();
            let own: Vec<_> = matches.iter().filter(|one| one.package == at).collect();
            assert_eq!(own.len(), target.clears.len() + target.remains.len());
            for one in own {
                let gone = one.names().all(|name| !still.contains(name));
                assert_eq!(
                    target.clears.contains(&one.id),
                    gone,
                    "{} {}: {}",
                    upgrade.names[0],
                    target.version,
                    one.id
                );
            }
        }
    }
    // One package has no fix at all.
    assert_eq!(upgraded.len(), names.len() - 1, "{upgraded:?}");
}
