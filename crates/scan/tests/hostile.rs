//! Images made to exhaust or to mislead a scanner: bombs, nests, crowds and odd names. What cannot be read is told by
//! name; nothing is passed over, and nothing has no end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod tars;

use std::fmt::Write as _;
use std::io::{Cursor, Read, Write, repeat};

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest, Inventory};
use lockgate_scan::{LayerError, analyse, limits, merge};
use tars::{Item, layer};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const LOG4J: &[u8] = b"groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n";
const POM: &str = "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties";

fn jar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn scanned(items: &[Item<'_>]) -> Inventory {
    merge(&[layer(items)])
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.packages.iter().map(|package| package.name.as_str()).collect()
}

#[test]
fn archives_are_opened_as_deep_as_the_limit_and_no_deeper() {
    let nest = |depth: usize| {
        let mut inner = jar(&[(POM, LOG4J)]);
        for _ in 0..depth {
            inner = jar(&[("inner.jar", &inner)]);
        }
        scanned(&[Item::Raw(b"a.jar", &inner)])
    };
    let deepest = nest(limits::NESTED_DEPTH);
    assert_eq!(names(&deepest), ["org.apache.logging.log4j:log4j-core"]);
    assert!(deepest.unread.is_empty());
    let deeper = nest(limits::NESTED_DEPTH + 1);
    assert!(deeper.packages.is_empty());
    assert!(deeper.unread[0].reason.contains("nested more than"), "{:?}", deeper.unread);
    assert!(deeper.unread[0].path.starts_with("a.jar!/inner.jar!/"), "{:?}", deeper.unread);
}

#[test]
fn a_member_that_swells_is_told_by_name() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(POM, SimpleFileOptions::default()).unwrap();
    std::io::copy(&mut repeat(b'#').take(limits::MEMBER_BYTES + 1), &mut zip).unwrap();
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let inventory = scanned(&[Item::Raw(b"a.jar", &bomb)]);
    assert!(inventory.packages.is_empty());
    assert!(inventory.unread[0].reason.contains(POM), "{:?}", inventory.unread);
}

#[test]
fn an_archive_that_is_cut_off_is_told() {
    let whole = jar(&[(POM, LOG4J)]);
    for length in [1, 30, whole.len() / 2, whole.len() - 1] {
        let inventory = scanned(&[Item::Raw(b"lib/a.jar", &whole[..length])]);
        assert_eq!(inventory.unread.len(), 1, "{length}: {inventory:?}");
        assert_eq!(inventory.unread[0].path, "lib/a.jar");
    }
}

#[test]
fn a_layer_that_swells_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    std::io::copy(&mut repeat(0).take(limits::SMALL_LAYER + 1), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let read = analyse(&bomb[..], &Descriptor::of(media::OCI_LAYER_ZSTD, &bomb), None);
    assert!(matches!(read, Err(LayerError::TooLarge { .. })), "{read:?}");
}

#[test]
fn a_hundred_thousand_packages_are_listed() {
    let mut status = String::new();
    for at in 0..100_000 {
        write!(
            status,
            "Package: p{at}\nStatus: install ok installed\nVersion: 1.{at}\nArchitecture: all\n\n"
        )
        .unwrap();
    }
    let inventory = scanned(&[Item::File("var/lib/dpkg/status", &status)]);
    assert_eq!(inventory.packages.len(), 100_000);
    assert!(inventory.unread.is_empty());
}

#[test]
fn more_packages_than_one_file_may_name_are_told() {
    let mut lock = String::from("version = 3\n");
    for at in 0..=limits::PACKAGES_PER_FILE {
        write!(lock, "[[package]]\nname = \"p{at}\"\nversion = \"1\"\nsource = \"registry+x\"\n").unwrap();
    }
    let inventory = scanned(&[Item::File("app/Cargo.lock", &lock)]);
    assert!(inventory.packages.is_empty());
    assert!(inventory.unread[0].reason.contains("more than"), "{:?}", inventory.unread);
}

#[test]
fn names_that_are_no_text_do_not_hide_each_other() {
    let package = |name: &str| format!(r#"{{"name":"{name}","version":"1.0.0"}}"#).into_bytes();
    let (evil, good) = (package("evil"), package("good"));
    // Both would be the same path, were their odd bytes written alike.
    let items = [
        Item::Raw(b"node_modules/\xe9/package.json", &evil),
        Item::Raw(b"node_modules/\xe8/package.json", &good),
    ];
    let inventory = scanned(&items);
    assert_eq!(names(&inventory), ["evil", "good"]);
    // And what is named so can be removed, and linked to, by the same bytes only.
    let upper = [Item::Raw(b"node_modules/.wh.\xe8", b"")];
    assert_eq!(names(&merge(&[layer(&items), layer(&upper)])), ["evil"]);
}

#[test]
fn documents_that_nest_without_end_are_told() {
    let depth = 100_000;
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let json = format!(r#"{{"name":"a","version":"1.0.0","x":{nested}}}"#);
    let files = [
        ("app/package-lock.json", json.clone()),
        ("app/bom.json", json),
        ("app/poetry.lock", format!("x = {nested}")),
        ("app/pnpm-lock.yaml", format!("lockfileVersion: '9.0'\nx: {nested}")),
    ];
    for (path, content) in files {
        let inventory = scanned(&[Item::File(path, &content)]);
        assert!(inventory.packages.is_empty(), "{path}");
        assert_eq!(inventory.unread.len(), 1, "{path}: {:?}", inventory.unread);
    }
}

#[test]
fn what_node_loads_does_not_hide() {
    let names = |json: &str| {
        let inventory = scanned(&[Item::File("node_modules/a/package.json", json)]);
        (inventory.packages.len(), inventory.unread.len())
    };
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for odd in ["1e999", r#""\ud800""#, &nested] {
        assert_eq!(names(&format!(r#"{{"x":{odd},"name":"a","version":"1.0.0"}}"#)), (1, 0), "{odd:.20}");
    }
    assert_eq!(names(""), (0, 0), "an empty file took a package's place");
    for broken in ["[]", r#"{"name":"a","version":"1.0.0""#, r#"{"name":"a","version":"\ud800"}"#] {
        assert_eq!(names(broken), (0, 1), "{broken}");
    }
}

#[test]
fn every_cut_of_a_layer_is_refused() {
    let plain =
        tars::tar_of(&[Item::File("node_modules/a/package.json", r#"{"name":"a","version":"1.0.0"}"#)]);
    let blob = tars::gzip(&plain);
    let whole = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
    for length in 0..blob.len() {
        let (cut, claimed) = (&blob[..length], Digest::of(&plain));
        assert!(analyse(cut, &whole, Some(&claimed)).is_err(), "{length}");
        let honest = Descriptor::of(media::OCI_LAYER_GZIP, cut);
        assert!(analyse(cut, &honest, Some(&claimed)).is_err(), "{length}");
    }
}
