//! Findings on real images, beside those of Trivy with the same advisories.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod layouts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use layouts::layout;
use lockgate_model::{Inventory, Timestamp};
use lockgate_scan::coverage::{Silence, asked, asked_about, ecosystems};
use lockgate_scan::feed::RangeEvent;
use lockgate_scan::version::compare;
use lockgate_scan::{Advisory, Feed, FeedBuilder, match_inventory};
use xtask::parts::{self, or_skip};

/// A feed of every file of advisories in the arena.
fn feed(arena: &Path) -> Feed {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    let mut files: Vec<_> =
        std::fs::read_dir(arena.join("advisories")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".jsonl.zst") || name.starts_with("kev") || name.starts_with("epss") {
            builder.add(&name, std::fs::File::open(&path).unwrap()).unwrap();
        }
    }
    let (bytes, summary) = builder.finish().unwrap();
    assert!(summary.header.advisories > 90_000, "{}", summary.header.advisories);
    assert_eq!(summary.refused_count, 0, "{:?}", summary.refused);
    Feed::open(std::sync::Arc::new(bytes::Bytes::from(bytes))).unwrap()
}

/// The vulnerabilities of one package: every name of each.
struct Vulnerabilities {
    names: Vec<BTreeSet<String>>,
    ecosystem: String,
    name: String,
    version: String,
    /// Name and version of its source, which advisories of distributions speak of.
    source: (String, String),
}

fn ours(inventory: &Inventory, advisories: &[Advisory]) -> BTreeMap<String, Vulnerabilities> {
    let found = match_inventory(inventory, advisories);
    let mut findings = BTreeMap::new();
    for package in &inventory.packages {
        let (ecosystem, name, version) = (&package.ecosystem, &package.name, &package.version);
        let [ecosystem, name, version] = [ecosystem, name, version].map(String::clone);
        let source = package.source.as_ref().map(|source| (source.name.clone(), source.version.clone()));
        let source = source.unwrap_or_else(|| (name.clone(), version.clone()));
        let known = Vulnerabilities { names: vec![], ecosystem, name, version, source };
        findings.insert(plain(&known.name, &known.version), known);
    }
    for vulnerability in found.matches {
        let package = &inventory.packages[vulnerability.package];
        let names = vulnerability.aliases.into_iter().chain([vulnerability.id]).collect();
        findings.get_mut(&plain(&package.name, &package.version)).unwrap().names.push(names);
    }
    findings
}

fn plain(name: &str, version: &str) -> String {
    format!("{} {version}", name.to_lowercase().replace(['_', '.'], "-"))
}

/// By image, package and id.
fn theirs(arena: &Path) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let file = std::fs::File::open(arena.join("golden/trivy-findings.tsv.zst")).unwrap();
    let text = std::io::read_to_string(zstd::stream::read::Decoder::new(file).unwrap()).unwrap();
    let mut findings: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for row in text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>()) {
        let found = (plain(row[1], row[2]), row[3].to_owned());
        findings.entry(row[0].to_owned()).or_default().insert(found);
    }
    findings
}

/// Whether every advisory of that name says that the vulnerability came with a later version: Trivy's database keeps
/// the fix only, and calls everything before it affected.
fn came_later(advisories: &[Advisory], vulnerabilities: &Vulnerabilities, id: &str) -> bool {
    let named = advisories.iter().filter(|one| one.id == id || one.aliases.iter().any(|alias| alias == id));
    let mut said =
        named.flat_map(|one| &one.affected).filter(|one| one.name == vulnerabilities.name).peekable();
    let older = |version: &str| {
        compare(&vulnerabilities.ecosystem, &vulnerabilities.version, version)
            .is_ok_and(std::cmp::Ordering::is_lt)
    };
    said.peek().is_some()
        && said.all(|one| {
            let begins = one.ranges.iter().flatten().all(|event| match event {
                RangeEvent::Introduced(version) => version != "0" && older(version),
                _ => true,
            });
            let listed = one
                .versions
                .iter()
                .all(|version| older(version) || one.fixed.contains(&vulnerabilities.version));
            begins && (listed || !one.ranges.is_empty())
        })
}

/// Whether an advisory of that name says that the installed version has the fix: Trivy's database kept one of its fixes.
fn called_fixed(advisories: &[Advisory], vulnerabilities: &Vulnerabilities, id: &str) -> bool {
    let named = advisories.iter().filter(|one| one.id == id || one.aliases.iter().any(|alias| alias == id));
    let mut said =
        named.flat_map(|one| &one.affected).filter(|one| one.name == vulnerabilities.source.0).peekable();
    let installed = |version: &str| {
        compare(&vulnerabilities.ecosystem, &vulnerabilities.source.1, version)
            .is_ok_and(std::cmp::Ordering::is_eq)
    };
    said.peek().is_some()
        && said.all(|one| {
            let events = one.ranges.iter().flatten();
            events.into_iter().any(|event| matches!(event, RangeEvent::Fixed(version) if installed(version)))
                || one.fixed.iter().any(|version| installed(version))
        })
}

/// The names of what its own database withdrew, by the records of the arena.
fn withdrawn(arena: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(arena.join("advisories")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".osv.jsonl.zst") {
            continue;
        }
        let file = std::fs::File::open(&path).unwrap();
        let text = std::io::read_to_string(zstd::stream::read::Decoder::new(file).unwrap()).unwrap();
        for line in text.lines().filter(|line| line.contains("\"withdrawn\"")) {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            if record["withdrawn"].is_string() {
                let aliases = record["aliases"].as_array().into_iter().flatten().chain([&record["id"]]);
                names.extend(aliases.filter_map(|name| name.as_str()).map(str::to_owned));
            }
        }
    }
    names
}

/// Packages with vulnerabilities that only we see, each with its reason in `docs/scanner-differences.md`.
const MORE: [&str; 14] = [
    // Archives without `pom.properties`, which Trivy names by an index of checksums that its test database lacks.
    "com-google-code-gson:gson 2.2.4",
    "commons-httpclient:commons-httpclient 3.1",
    "commons-io:commons-io 2.4",
    "org-apache-thrift:libthrift 0.9.3",
    "org-apache-zookeeper:zookeeper 3.4.6",
    "org-codehaus-jackson:jackson-mapper-asl 1.9.13",
    // Lock files.
    "golang-org/x/text 0.3.0",
    "rack 2.0.1",
    // Advisories that name several fixes for one release: it is fixed with the last of them.
    "libc6 2.41-12+deb13u4",
    "libssl3t64 3.5.4-1~deb13u1",
    // Sources that Trivy's test database does not have.
    "ansible 2.9.10",
    "cryptography 3.2",
    "scrapy 2.5.0",
    "ujson 4.0.0",
];

#[test]
fn vulnerabilities_are_those_that_trivy_finds_with_the_same_advisories() {
    let Some(arena) = or_skip(parts::arena(), "advisories") else { return };
    let (feed, withdrawn) = (feed(&arena), withdrawn(&arena));
    let mut missing = Vec::new();
    for (image, theirs) in theirs(&arena) {
        let inventory = layout(&arena.join("images").join(&image)).unwrap();
        let advisories = feed.extract(&[&inventory]).unwrap();
        assert_eq!(feed.matches(&inventory).unwrap(), match_inventory(&inventory, &advisories));
        let ours = ours(&inventory, &advisories);
        for (package, id) in &theirs {
            let vulnerabilities = ours.get(package).unwrap_or_else(|| panic!("{image}: no {package}"));
            let seen = vulnerabilities.names.iter().any(|names| names.contains(id));
            let reason = came_later(&advisories, vulnerabilities, id)
                || called_fixed(&advisories, vulnerabilities, id)
                || withdrawn.contains(id);
            if !seen && !reason {
                missing.push(format!("{image}: {package} {id}"));
            }
        }
        for (package, vulnerabilities) in &ours {
            let known = |names: &BTreeSet<String>| {
                names.iter().any(|id| theirs.contains(&(package.clone(), id.clone())))
            };
            let more: Vec<_> = vulnerabilities.names.iter().filter(|names| !known(names)).collect();
            assert!(
                more.is_empty() || MORE.contains(&package.as_str()),
                "{image}: {package} has {more:?} too"
            );
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// What is known of a package by family alone, as Editions before 2026-3 asked, and by its release.
#[test]
fn no_covered_package_is_lost_on_real_images() {
    let Some(arena) = or_skip(parts::arena(), "advisories") else { return };
    let feed = feed(&arena);
    let (mut packages, mut lost) = (0, Vec::new());
    for image in ["edge", "distroless", "node-meta", "node-meta-zstd", "apk-meta", "java-meta", "rpm-mariner"]
    {
        let inventory = layout(&arena.join("images").join(image)).unwrap();
        let covered: BTreeMap<_, _> = ecosystems(&inventory)
            .into_iter()
            .filter_map(|one| feed.summary().coverage(&one).map(|known| (one, known)))
            .collect();
        let asked = asked(&inventory, &covered);
        assert_eq!(
            asked.iter().map(|one| one.packages).sum::<u64>(),
            inventory.packages.len() as u64,
            "{image}"
        );
        let found = match_inventory(&inventory, &feed.extract(&[&inventory]).unwrap());
        let with_findings: BTreeSet<usize> =
            found.matches.iter().map(|vulnerability| vulnerability.package).collect();
        for (at, package) in inventory.packages.iter().enumerate() {
            let about = asked_about(&inventory, package, &asked).unwrap();
            let now = about.feed.is_some();
            // Advisories of its own release or, where the ecosystem has none, of its ecosystem.
            let before =
                with_findings.contains(&at) || feed.summary().releases.contains_key(&about.ecosystem);
            if before && !now {
                lost.push(format!("{image}: {} {}", package.name, package.ecosystem));
            }
        }
        packages += inventory.packages.len();
        // No ordinary image is blind for another reason than that the feed lacks its release.
        let blind: Vec<_> =
            asked.iter().filter(|one| one.blinds()).map(|one| one.silence.clone().unwrap()).collect();
        assert!(blind.iter().all(|one| *one == Silence::NotInFeed), "{image}: {blind:?}");
    }
    assert_eq!(lost, Vec::<String>::new());
    assert!(packages > 1500, "{packages}");
}
