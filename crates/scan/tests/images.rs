//! Layers that try to hide packages or to exhaust the reader, made here; and real images where they are there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod layouts;
mod tars;

use std::collections::BTreeSet;
use std::path::Path;

use layouts::layout;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest, Inventory};
use lockgate_scan::{LayerError, analyse, merge};
use proptest::prelude::*;
use serde_json::Value;
use tars::{Item, gzip, layer, tar_of};
use xtask::parts::{self, or_skip};

fn names(inventory: &Inventory) -> BTreeSet<String> {
    inventory.packages.iter().map(|package| format!("{}@{}", package.name, package.version)).collect()
}

const A: &str = r#"{"name":"a","version":"1.0.0","license":"MIT"}"#;
const B: &str = r#"{"name":"b","version":"2.0.0"}"#;

fn left(upper: &[Item<'_>]) -> Inventory {
    merge(&[
        layer(&[
            Item::Folder("n"),
            Item::File("n/node_modules/a/package.json", A),
            Item::File("n/node_modules/b/package.json", B),
        ]),
        layer(upper),
    ])
}

#[test]
fn layers_are_laid_over_each_other_as_a_runtime_does() {
    let both = ["a@1.0.0", "b@2.0.0"].map(str::to_owned).into();
    let only_b = ["b@2.0.0"].map(str::to_owned).into();
    let none = BTreeSet::new();
    assert_eq!(names(&left(&[])), both);
    assert_eq!(names(&left(&[Item::File("n/node_modules/.wh.a", "")])), only_b);
    assert_eq!(names(&left(&[Item::File("n/node_modules/a/.wh..wh..opq", "")])), only_b);
    assert_eq!(names(&left(&[Item::File(".wh.n", "")])), none);
    assert_eq!(names(&left(&[Item::File("n/node_modules/a/package.json", "")])), only_b);
    assert_eq!(names(&left(&[Item::File("n/node_modules/a", "now a file")])), only_b);
    assert_eq!(names(&left(&[Item::Link("n/node_modules/a", "b")])), only_b);
    assert_eq!(names(&left(&[Item::Folder("n/node_modules/a")])), both);
    // A whiteout speaks about lower layers only, wherever it stands.
    let again = [Item::File("n/node_modules/a/package.json", A), Item::File("n/node_modules/.wh.a", "")];
    assert_eq!(names(&left(&again)), both);
    // A link in node_modules leads to a package elsewhere; a package.json elsewhere is none.
    let linked = [
        Item::File("opt/c/package.json", r#"{"name":"c","version":"3.0.0"}"#),
        Item::Link("n/node_modules/c", "/opt/c"),
    ];
    assert_eq!(names(&left(&linked)).len(), 3);
    assert_eq!(names(&left(&linked[..1])), both);
}

#[test]
fn hard_links_have_their_content_even_when_the_target_goes() {
    let store = [Item::File("store/x", A), Item::Hard("node_modules/a/package.json", "store/x")];
    let inventory = merge(&[layer(&store), layer(&[Item::File(".wh.store", "")])]);
    assert_eq!(names(&inventory), ["a@1.0.0".to_owned()].into());
    // One that cannot be followed is told, not passed over.
    let inventory = merge(&[layer(&[Item::Hard("node_modules/a/package.json", "gone/x")])]);
    assert!(inventory.packages.is_empty() && inventory.unread.len() == 1);
    let escape = merge(&[layer(&[Item::Hard("node_modules/a/package.json", "../../x")])]);
    assert_eq!(escape.unread.len(), 1);
}

#[test]
fn hostile_paths_are_told_and_cyclic_links_end() {
    let inventory = merge(&[layer(&[Item::File("../node_modules/a/package.json", A)])]);
    assert!(inventory.packages.is_empty());
    assert!(inventory.unread[0].reason.contains(".."), "{:?}", inventory.unread);
    let cycle = [Item::Link("x", "y"), Item::Link("y", "x"), Item::File("x/node_modules/a/package.json", A)];
    assert_eq!(merge(&[layer(&cycle)]).packages.len(), 1);
}

#[test]
fn distributions_name_their_ecosystem() {
    let apk = "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n";
    let os = "ID=alpine\nVERSION_ID=3.20.3\n";
    let link = Item::Link("etc/os-release", "../usr/lib/os-release");
    let image =
        [layer(&[Item::File("usr/lib/os-release", os), link, Item::File("lib/apk/db/installed", apk)])];
    let inventory = merge(&image);
    assert_eq!(inventory.packages[0].ecosystem, "Alpine:v3.20");
    assert_eq!(inventory.packages[0].purl, "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3");
    assert_eq!(inventory.packages[0].layer, image[0].0.digest);
}

#[test]
fn windows_programs_are_no_packages() {
    let program = "MZ\u{0}PE\u{0}ProductName\u{0}Notifu\u{0}ProductVersion\u{0}1.7\u{0}";
    let inventory = merge(&[layer(&[
        Item::File("n/node_modules/a/package.json", A),
        Item::File("n/node_modules/a/vendor/notifu.exe", program),
        Item::File("n/node_modules/a/vendor/node.dll", program),
    ])]);
    assert_eq!(names(&inventory), ["a@1.0.0".to_owned()].into());
    assert!(inventory.unread.is_empty());
}

#[test]
fn wrong_bytes_are_refused_whatever_they_hold() {
    let plain = tar_of(&[Item::File("node_modules/a/package.json", A)]);
    let blob = gzip(&plain);
    let right = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
    let read =
        |blob: &[u8], descriptor: &Descriptor, diff_id: &Digest| analyse(blob, descriptor, Some(diff_id));
    let diff_id = Digest::of(&plain);
    assert!(read(&blob, &right, &diff_id).is_ok());
    let lie = Digest::of(b"something clean");
    assert!(matches!(read(&blob, &right, &lie), Err(LayerError::WrongDiffId { .. })));
    let other = Descriptor { digest: lie, ..right.clone() };
    assert!(matches!(read(&blob, &other, &diff_id), Err(LayerError::WrongDigest { .. })));
    assert!(matches!(read(&blob[..blob.len() - 5], &right, &diff_id), Err(LayerError::WrongSize { .. })));
    let cut = &blob[..blob.len() - 5];
    let honest = Descriptor::of(media::OCI_LAYER_GZIP, cut);
    assert!(matches!(read(cut, &honest, &diff_id), Err(LayerError::Unreadable(_))));
    let foreign = Descriptor { media_type: "application/x".into(), ..right.clone() };
    assert!(matches!(read(&blob, &foreign, &diff_id), Err(LayerError::MediaType(_))));
    // What follows the end of the tar belongs to the layer too.
    let mut longer = plain.clone();
    longer.extend([0; 4096]);
    let blob = gzip(&longer);
    let descriptor = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
    assert!(read(&blob, &descriptor, &Digest::of(&longer)).is_ok());
    assert!(matches!(read(&blob, &descriptor, &diff_id), Err(LayerError::WrongDiffId { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), kind in 0..3usize) {
        let media_type = [media::OCI_LAYER, media::OCI_LAYER_GZIP, media::OCI_LAYER_ZSTD][kind];
        let _content = analyse(&bytes[..], &Descriptor::of(media_type, &bytes), None);
    }

    #[test]
    fn a_flipped_byte_is_always_refused(at in any::<usize>(), bit in 0u8..8) {
        let mut blob = gzip(&tar_of(&[Item::File("node_modules/a/package.json", A)]));
        let descriptor = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
        let at = at % blob.len();
        blob[at] ^= 1 << bit;
        prop_assert!(analyse(&blob[..], &descriptor, None).is_err());
    }
}

/// The packages of a golden list.
fn golden(arena: &Path, name: &str) -> BTreeSet<String> {
    let file = std::fs::File::open(arena.join("golden").join(name)).unwrap();
    let text = std::io::read_to_string(zstd::stream::read::Decoder::new(file).unwrap()).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| plain(&format!("{}@{}", row[1], row[2]))).collect()
}

/// The images and, of each, how many packages it has at least.
const IMAGES: [(&str, usize); 7] = [
    ("apk-meta", 14),
    ("distroless", 66),
    ("edge", 19),
    ("java-meta", 24),
    ("node-meta", 1040),
    ("node-meta-zstd", 1040),
    ("rpm-mariner", 129),
];

/// What another scanner lists and is not listed here, each with its reason in `docs/scanner-differences.md`.
const EXPLAINED: [&str; 13] = [
    // Material of other packages' tests, and an application's own description.
    "@my-scope/package-a@0-0-0",
    "@my-scope/package-b@0-0-0",
    "fixture-pkg@9-9-9",
    "ljharb-monorepo-symlink-test@0-0-0",
    "mylib@0-0-0",
    "nestedtest@1-0-0",
    "old-shop@1-0-0",
    // The file's name beside the name that is inside.
    "collections@3-2-2",
    "renamed@3-2-1",
    // Gone from the finished file system, or no package there.
    "dir-to-file@1-0-0",
    "dir-to-symlink@1-0-0",
    "nested-os-pkg@1-0-1",
    "overwritten-empty@1-0-0",
];

/// A name that both spellings of two tools come to: without group and case, `-` for what separates.
fn plain(name: &str) -> String {
    let (name, version) = name.rsplit_once('@').unwrap_or((name, ""));
    let name = name.rsplit(':').next().unwrap_or(name).to_lowercase();
    format!("{name}@{}", version.to_lowercase()).replace(['_', '.'], "-").replace("1:", "1-")
}

#[test]
fn real_images_have_what_two_other_scanners_find() {
    let Some(arena) = or_skip(parts::arena(), "golden lists") else { return };
    for (image, expected) in IMAGES {
        let inventory = layout(&arena.join("images").join(image)).unwrap();
        assert!(inventory.unread.is_empty(), "{image}: {:?}", inventory.unread);
        assert!(inventory.packages.len() >= expected, "{image}: {}", inventory.packages.len());
        let found: BTreeSet<_> = names(&inventory).iter().map(|name| plain(name)).collect();
        let list = image.trim_end_matches("-zstd");
        for peer in ["trivy", "syft"] {
            let theirs = golden(&arena, &format!("{list}.{peer}.tsv.zst"));
            assert!(theirs.len() >= expected / 2, "{image}: the list of {peer} was not read");
            let missing: Vec<_> = theirs
                .iter()
                // A description without a version is no package's.
                .filter(|one| !one.ends_with("@unknown"))
                .filter(|one| !found.contains(*one) && !EXPLAINED.contains(&one.as_str()))
                .collect();
            assert!(missing.is_empty(), "{image}, {peer}: {missing:?}");
        }
    }
}

#[test]
fn edge_cases_are_exact() {
    let Some(arena) = or_skip(parts::arena(), "edge") else { return };
    let inventory = layout(&arena.join("images/edge")).unwrap();
    let found = names(&inventory);
    let expected: Value =
        serde_json::from_slice(&std::fs::read(arena.join("golden/edge.expected.json")).unwrap()).unwrap();
    let list = |name: &str| {
        expected[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // Jars are named with their group.
    let bare = |name: &String| match name.split_once('@') {
        Some((group, version)) => format!("{}@{version}", group.rsplit(':').next().unwrap_or(group)),
        None => name.clone(),
    };
    let found: BTreeSet<_> = found.iter().map(bare).collect();
    for present in &list("present") {
        assert!(found.contains(present), "{present} is missing: {found:?}");
    }
    for absent in list("absent") {
        assert!(!found.contains(&absent), "{absent} is a ghost");
    }
}

#[test]
fn poisoned_layers_are_refused() {
    let Some(arena) = or_skip(parts::arena(), "adversarial") else { return };
    let image = |name: &str| layout(&arena.join("images/adversarial").join(name));
    assert!(names(&image("clean").unwrap()).iter().all(|name| !name.starts_with("lodash")));
    assert!(names(&image("honest-evil").unwrap()).contains("lodash@4.17.4"));
    assert!(matches!(image("lying-diffid"), Err(LayerError::WrongDiffId { .. })));
    assert!(matches!(
        image("wrong-blob"),
        Err(LayerError::WrongDigest { .. } | LayerError::WrongSize { .. })
    ));
}

#[test]
fn metadata_that_only_its_folder_names_speaks_in_no_other_folder() {
    let own = "lib/a-1.0.dist-info/METADATA";
    for other in ["lib/b.egg-info/PKG-INFO", "lib/nameless.dist-info/METADATA"] {
        let broken = "Metadata-Version: 2.1\nSummary: x\n";
        let inventory = merge(&[layer(&[Item::File(own, broken), Item::Hard(other, own)])]);
        let named: Vec<_> = inventory.packages.iter().map(|one| (&*one.name, &*one.path)).collect();
        assert_eq!(named, [("a", "/lib/a-1.0.dist-info/METADATA")]);
        let told: Vec<_> = inventory.unread.iter().map(|one| one.path.trim_start_matches('/')).collect();
        assert_eq!(told, [other]);
    }
}
