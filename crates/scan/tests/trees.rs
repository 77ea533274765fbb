//! Small stacks of layers, and what is in the file systems that they make: a row for each rule. Most rows are what the differential
//! fuzzer found, in the least form (`stacks.rs`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod tars;

use std::collections::BTreeSet;

use lockgate_model::Inventory;
use lockgate_model::inventory::SilentReason;
use tars::Item::{File, Folder, Hard, Link, Pipe};
use tars::{Item, inventory};

const EVIL: &str = r#"{"name":"evil","version":"1.0.0"}"#;
const GOOD: &str = r#"{"name":"good","version":"1.0.0"}"#;
const DEB: &str = "Package: deb\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0.0\n";
const GEM: &str = "# stub: gem 1.0.0 ruby lib\n";
const WHEEL: &str = "Metadata-Version: 2.1\nName: wheel\nVersion: 1.0.0\n";

/// What it is, the layers, the packages, and what the reasons begin with that are told.
type Row<'a> = (&'a str, &'a [&'a [Item<'a>]], &'a [&'a str], &'a [&'a str]);

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.packages.iter().map(|package| package.name.as_str()).collect()
}

fn check(rows: &[Row<'_>]) {
    for (what, layers, packages, told) in rows {
        let (inventory, missing) = inventory(layers);
        assert_eq!(names(&inventory), *packages, "{what}: {inventory:?}");
        let reasons: Vec<_> = inventory.unread.iter().map(|unread| unread.reason.as_str()).collect();
        let right =
            reasons.len() == told.len() && told.iter().zip(&reasons).all(|(told, why)| why.starts_with(told));
        assert!(right, "{what}: {reasons:?}");
        assert!(missing.is_empty(), "{what}: {missing:?}");
    }
}

const AT: &str = "srv/node_modules/evil/package.json";

/// Docker, Podman and containerd mount layers, umoci unpacks them onto each other: what either shows is listed.
#[test]
fn what_any_runtime_shows_is_listed() {
    let below: &[Item<'_>] = &[File(AT, EVIL)];
    check(&[
        (
            "a file through a link, whose target goes",
            &[&[Link("srv/node_modules", "/opt/s")], below, &[File("opt/.wh.s", "")]],
            &["evil"],
            &[],
        ),
        (
            "a file through a link, which then goes",
            &[&[Link("l", "/srv/node_modules")], &[File("l/evil/package.json", EVIL), File(".wh.l", "")]],
            &["evil"],
            &[],
        ),
        (
            "a folder in place of a whiteout",
            &[below, &[File("srv/.wh.node_modules", ""), Folder("srv/node_modules")]],
            &["evil"],
            &[],
        ),
        (
            "a folder in place of a file of its layer",
            &[below, &[File("srv/node_modules", ""), Folder("srv/node_modules")]],
            &["evil"],
            &[],
        ),
        (
            "a folder in place of a link of its layer",
            &[below, &[Link("srv", "/x"), Folder("srv")]],
            &["evil"],
            &[],
        ),
        ("an opaque root", &[below, &[File(".wh..wh..opq", "")]], &["evil"], &[]),
        (
            "an opaque folder through a link",
            &[below, &[Link("x", "/")], &[File("x/.wh..wh..opq", "")]],
            &["evil"],
            &[],
        ),
        (
            "a whiteout through a link",
            &[below, &[Link("x", "/srv")], &[File("x/.wh.node_modules", "")]],
            &["evil"],
            &[],
        ),
        ("a pipe through a link", &[below, &[Link("x", "/srv")], &[Pipe("x/node_modules")]], &["evil"], &[]),
        (
            "a file that nobody reads, through a link",
            &[below, &[Link("x", "/srv")], &[File("x/node_modules", "x")]],
            &["evil"],
            &[],
        ),
        (
            "a hard link to what an opaque marker hides",
            &[&[File("store/1", EVIL)], &[File("store/.wh..wh..opq", ""), Hard(AT, "store/1")]],
            &["evil"],
            &[],
        ),
        (
            "a hard link to what a file took the place of",
            &[&[File("store/1", EVIL)], &[File("store", ""), Hard(AT, "store/1")]],
            &["evil"],
            &[],
        ),
        (
            "a hard link to nothing",
            &[&[Hard(AT, "store/1")]],
            &[],
            &["it is a hard link to a file that no layer has"],
        ),
        (
            "a hard link to a folder",
            &[&[Folder("store"), Hard(AT, "store")]],
            &[],
            &["it is a hard link to a file that no layer has"],
        ),
        (
            "an emptied file through a link",
            &[below, &[Link("x", "/srv/node_modules")], &[File("x/evil/package.json", "")]],
            &["evil"],
            &[],
        ),
    ]);
}

/// What every runtime hides is not there.
#[test]
fn what_every_runtime_hides_is_gone() {
    let below: &[Item<'_>] = &[File(AT, EVIL), Folder("opt")];
    check(&[
        ("a whiteout", &[below, &[File("srv/.wh.node_modules", "")]], &[], &[]),
        (
            "a whiteout through a link of its layer",
            &[below, &[Folder("srv"), Link("x", "/srv"), File("x/.wh.node_modules", "")]],
            &[],
            &[],
        ),
        ("an opaque folder", &[below, &[Folder("srv"), File("srv/.wh..wh..opq", "")]], &[], &[]),
        ("its marker first", &[below, &[File("srv/.wh..wh..opq", ""), Folder("srv")]], &[], &[]),
        ("a file in place of a folder", &[below, &[File("srv", "")]], &[], &[]),
        ("a link in place of a folder", &[below, &[Link("srv", "/x")]], &[], &[]),
        ("a pipe in place of a folder", &[below, &[Pipe("srv/node_modules")]], &[], &[]),
        (
            "a hard link in place of a folder",
            &[below, &[File("x", ""), Hard("srv/node_modules", "x")]],
            &[],
            &[],
        ),
        ("a folder in place of a file", &[below, &[Folder(AT)]], &[], &[]),
        (
            "a folder in place of a link",
            &[
                &[File("opt/evil/package.json", EVIL), Link("srv/node_modules", "/opt")],
                &[Folder("srv/node_modules")],
            ],
            &[],
            &[],
        ),
        (
            "a file in place of a link",
            &[&[File("store/1", EVIL), Link(AT, "/store/1")], &[File(AT, "")]],
            &[],
            &[],
        ),
        (
            "a whiteout, and then the folder whiteout of a mount through a link, which shows it",
            &[below, &[Link("x", "/srv")], &[Folder("x"), File("x/.wh..wh..opq", "")]],
            &["evil"],
            &[],
        ),
        (
            "the target of a hard link that a link replaced",
            &[&[File("s", EVIL), Link("s", "/y"), Hard(AT, "s")]],
            &[],
            &[],
        ),
        (
            "a whiteout of nothing",
            &[below, &[File("srv/.wh.", ""), File(".wh.", ""), File("srv/.wh..", "")]],
            &["evil"],
            &["a whiteout that names nothing"; 3],
        ),
        ("a hard link to a pipe", &[&[Pipe("s"), Hard(AT, "s")]], &[], &[]),
        ("a hard link to a pipe of a lower layer", &[&[Pipe("s")], &[Hard(AT, "s")]], &[], &[]),
    ]);
}

#[test]
fn what_a_layer_has_itself_stays() {
    let own = File(AT, EVIL);
    check(&[
        ("a whiteout after it", &[&[own, File("srv/.wh.node_modules", "")]], &["evil"], &[]),
        ("a marker after it", &[&[File(AT, EVIL), File("srv/.wh..wh..opq", "")]], &["evil"], &[]),
        (
            "a marker before it",
            &[
                &[File("srv/node_modules/good/package.json", GOOD)],
                &[File("srv/.wh..wh..opq", ""), File(AT, EVIL)],
            ],
            &["evil"],
            &[],
        ),
        (
            "a hard link, and then its target goes",
            &[&[File("s", EVIL), Hard(AT, "s")], &[File(".wh.s", "")]],
            &["evil"],
            &[],
        ),
        (
            "a hard link, and then its target is another",
            &[&[File("s", EVIL), Hard(AT, "s"), File("s", GOOD)]],
            &["evil"],
            &[],
        ),
        ("a folder twice", &[&[File(AT, EVIL), Folder("srv/node_modules")]], &["evil"], &[]),
    ]);
}

/// Symbolic links lead where the kernel follows them to.
#[test]
fn links_lead_where_a_kernel_follows_them() {
    let nm = || File("opt/nm/evil/package.json", EVIL);
    check(&[
        (
            "through a folder and back",
            &[&[nm(), Folder("gone"), Link("srv/node_modules", "/gone/../opt/nm")]],
            &["evil"],
            &[],
        ),
        ("through what is not there", &[&[nm(), Link("srv/node_modules", "/gone/../opt/nm")]], &[], &[]),
        (
            "through a file",
            &[&[nm(), File("gone", "x"), Link("srv/node_modules", "/gone/../opt/nm")]],
            &[],
            &[],
        ),
        (
            "in a circle",
            &[&[nm(), Link("a", "b"), Link("b", "a"), Link("srv/node_modules", "/a/../opt/nm")]],
            &[],
            &[],
        ),
        (
            "a file twice counts once",
            &[&[
                File(AT, EVIL),
                Link("srv/node_modules/e", "evil"),
                Link("x/node_modules/evil", "/srv/node_modules/evil"),
            ]],
            &["evil"],
            &[],
        ),
        (
            "material of tests behind a link",
            &[&[nm(), Link("srv/node_modules/a/test", "/opt/nm/evil")]],
            &[],
            &[],
        ),
        (
            "one file as two things",
            &[&[
                File("store/1", DEB),
                Link("var/lib/dpkg/status", "/store/1"),
                Link("x/r-1.egg-info/PKG-INFO", "/store/1"),
            ]],
            &["deb"],
            &["the metadata lacks Name"],
        ),
        (
            "a link to a link that a database is",
            &[
                &[File("store/2", DEB)],
                &[
                    Link("var/lib/dpkg/status", "../../../../../store/2"),
                    Link("x/r-1.egg-info/PKG-INFO", "/x/../var/lib/dpkg/status"),
                ],
            ],
            &["deb"],
            &["the metadata lacks Name"],
        ),
        ("a specification without content", &[&[File("x/specifications/g-1.gemspec", "")]], &[], &[]),
        (
            "a specification under another name",
            &[&[File("store/g", GEM), Link("x/specifications/g-1.gemspec", "/store/g")]],
            &["gem"],
            &[],
        ),
        (
            "a wheel's folder under another name",
            &[&[File("store/w/METADATA", WHEEL), Link("x/wheel-1.0.0.dist-info", "/store/w")]],
            &["wheel"],
            &[],
        ),
        (
            "a module's description in a store",
            &[&[
                File("store/1", r#"{"type":"module"}"#),
                Hard("x/node_modules/good/esm/package.json", "store/1"),
                File("x/node_modules/good/package.json", GOOD),
            ]],
            &["good"],
            &[],
        ),
        (
            "a package's own description without a version",
            &[&[File("store/1", r#"{"type":"module"}"#), Hard(AT, "store/1")]],
            &[],
            &["it does not say which version"],
        ),
    ]);
}

/// What two runtimes would say differently of the system is no basis for an answer.
#[test]
fn a_system_that_runtimes_see_differently_is_contradicted() {
    let (debian, alpine) = ("ID=debian\nVERSION_ID=13\n", "ID=alpine\nVERSION_ID=3.22\n");
    let (root, other) = ("a:x:0:0::/:\nb:x:1:1::/:\n", "a:x:0:0::/:\nb:x:0:0::/:\nc:x:2:2::/:\n");
    let layers: &[&[Item<'_>]] = &[
        &[File("etc/os-release", debian), File("etc/passwd", root), Link("x", "/etc")],
        &[File("x/os-release", alpine), File("x/passwd", other)],
    ];
    let (inventory, _) = inventory(layers);
    let contradicted = inventory.silent.iter().filter(|sign| sign.reason == SilentReason::Contradicted);
    assert_eq!(contradicted.count(), 1, "{inventory:?}");
    let accounts: BTreeSet<_> = inventory.accounts.unwrap().numbers.into_iter().collect();
    assert_eq!(accounts, [("a".to_owned(), 0)].into());
}
