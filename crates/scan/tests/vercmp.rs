//! Version orders against 20 000 real pairs each, judged by the ecosystems' own tools; and the laws of orders.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

use std::cmp::Ordering;
use std::io::{BufRead, BufReader};

use lockgate_scan::version::compare;
use proptest::prelude::*;
use xtask::parts::{self, or_skip};

fn agree(file: &str, ecosystem: &str) {
    let Some(arena) = or_skip(parts::arena(), file) else { return };
    let file = std::fs::File::open(arena.join("vercmp").join(file)).unwrap();
    let reader = BufReader::new(zstd::stream::read::Decoder::new(file).unwrap());
    let mut wrong = Vec::new();
    for line in reader.lines() {
        let line = line.unwrap();
        let mut fields = line.split('\t');
        let (a, b, verdict) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let right = matches!(
            (verdict, compare(ecosystem, a, b)),
            ("-1", Ok(Ordering::Less))
                | ("0", Ok(Ordering::Equal))
                | ("1", Ok(Ordering::Greater))
                | ("X", Err(_))
        );
        if !right {
            wrong.push(format!("{a} {b} {verdict} {:?}", compare(ecosystem, a, b)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong, such as {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

#[test]
fn deb() {
    agree("deb.tsv.zst", "Debian:12");
}

#[test]
fn apk() {
    agree("apk.tsv.zst", "Alpine:v3.20");
}

#[test]
fn pep440() {
    agree("pep440.tsv.zst", "PyPI");
}

#[test]
fn npm() {
    agree("npm.tsv.zst", "npm");
}

#[test]
fn rpm() {
    agree("rpm.tsv.zst", "AlmaLinux:9");
}

#[test]
fn maven() {
    agree("maven.tsv.zst", "Maven");
}

#[test]
fn gem() {
    agree("gem.tsv.zst", "RubyGems");
}

/// The same laws without the arena: by hand from the specifications.
#[test]
fn worked_examples() {
    let less = [
        ("Debian:12", "1.0~rc1-1", "1.0-1"),
        ("Debian:12", "1.0-1", "1.0-1+b1"),
        ("Debian:12", "9", "1:0"),
        ("Debian:12", "1.2", "1.10"),
        ("Alpine:v3.20", "1.0_rc1-r0", "1.0-r0"),
        ("Alpine:v3.20", "1.0-r0", "1.0_p1-r0"),
        ("Alpine:v3.20", "1.2.3-r9", "1.2.3a-r0"),
        ("Alpine:v3.20", "3.3.1-r0", "3.3.2-r1"),
        ("PyPI", "1.0.dev1", "1.0a1"),
        ("PyPI", "1.0", "1!0.5"),
        ("npm", "1.0.0-alpha.9", "1.0.0-alpha.10"),
        ("npm", "1.0.0-rc.1", "1.0.0"),
        ("AlmaLinux:9", "1.0~rc1-1", "1.0-1"),
        ("AlmaLinux:9", "1.0-1", "1.0^git1-1"),
        ("AlmaLinux:9", "1.0a-1", "1.0.1-1"),
        ("AlmaLinux:9", "9-1", "1:0-1"),
        ("Maven", "1.0-alpha-1", "1.0-beta"),
        ("Maven", "1.0-SNAPSHOT", "1.0"),
        ("Maven", "1.0", "1.0-sp"),
        ("Maven", "2.6.7", "2.6.7.3"),
        ("RubyGems", "1.0.0.rc1", "1.0.0"),
        ("RubyGems", "1.0-1", "1.0"),
        ("Go", "0.3.5", "v0.3.7"),
        ("NuGet", "1.0.0-Alpha", "1.0.0-beta"),
        ("Packagist", "1.0.0-RC1", "1.0.0"),
        ("crates.io", "1.0.0-alpha", "1.0.0"),
    ];
    for (ecosystem, a, b) in less {
        assert_eq!(compare(ecosystem, a, b), Ok(Ordering::Less), "{a} {b}");
        assert_eq!(compare(ecosystem, b, a), Ok(Ordering::Greater), "{b} {a}");
    }
    for (ecosystem, bad) in [
        ("npm", "1.0"),
        ("PyPI", "x"),
        ("Alpine", "1.0-x"),
        ("Debian", ""),
        ("Go", "(devel)"),
        ("Unheard", "1"),
    ] {
        assert!(compare(ecosystem, bad, bad).is_err(), "{bad}");
    }
}

/// An ecosystem of each order.
const ORDERS: [&str; 11] = [
    "Debian",
    "Alpine",
    "AlmaLinux",
    "PyPI",
    "npm",
    "Maven",
    "RubyGems",
    "Go",
    "NuGet",
    "Packagist",
    "crates.io",
];

proptest! {
    #[test]
    fn orders_are_antisymmetric_and_transitive(
        ecosystem in prop::sample::select(ORDERS.to_vec()),
        v in prop::collection::vec("[0-9]{1,2}(\\.[0-9]{1,2}){0,3}([a-z]|~rc1|_rc1|a1|-rc\\.1|-r1)?", 3),
    ) {
        let order = |a: &str, b: &str| compare(ecosystem, a, b).ok();
        if let (Some(ab), Some(bc), Some(ac)) = (order(&v[0], &v[1]), order(&v[1], &v[2]), order(&v[0], &v[2])) {
            prop_assert_eq!(order(&v[1], &v[0]), Some(ab.reverse()));
            if ab == bc {
                prop_assert_eq!(ac, ab);
            }
        }
    }

    #[test]
    fn nothing_panics(ecosystem in "\\PC{0,10}", a in "\\PC{0,20}", b in "\\PC{0,20}") {
        for known in ORDERS.into_iter().chain([ecosystem.as_str()]) {
            let _order = compare(known, &a, &b);
        }
    }
}
