//! Small stacks of layers, and what is in the file systems that they make: a row for each rule. Most rows are what the differential
//! fuzzer found, in the least form (`stacks.rs`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod rows;
mod tars;

use std::collections::BTreeSet;

use lockgate_model::inventory::SilentReason;
use rows::{AT, DEB, EVIL, GOOD, ODD_WHEEL, check};
use tars::Item::{File, Folder, Hard, Link, Pipe};
use tars::{Item, inventory};

/// Docker, Podman and containerd mount layers, umoci unpacks them onto each other: what either shows is listed.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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

/// The same where reading goes on in the file system that a mount shows.
#[test]
fn what_a_mount_alone_shows_is_read_like_anything_else() {
    let linked: &[Item<'_>] = &[Link("srv/node_modules", "/opt/s"), Link("lib", "/opt/s")];
    let gone: &[Item<'_>] = &[File("opt/.wh.s", "")];
    check(&[
        ("a broken description", &[linked, &[File(AT, "{")], gone], &[], &["it is not a JSON object"]),
        (
            "a file that is read again",
            &[
                linked,
                &[File("store/1", ODD_WHEEL), Link("lib/wheel-1.0.0.dist-info/METADATA", "/store/1")],
                gone,
            ],
            &["wheel"],
            &[],
        ),
        (
            "a whiteout after what the layer has",
            &[linked, &[File(AT, EVIL), File("srv/node_modules/evil/.wh.package.json", "")], gone],
            &["evil"],
            &[],
        ),
        (
            "a hard link that leads nowhere in a mount only",
            &[&[Link("l", "/d"), File("d/s", EVIL)], &[File("l/f", "")], &[Hard(AT, "l/s")]],
            &["evil"],
            &[],
        ),
        (
            "a hard link below what became a link",
            &[
                &[File("d/s", GOOD), File("e/s", EVIL)],
                &[Hard("a/node_modules/good/package.json", "d/s")],
                &[Link("d", "/e")],
                &[File("e/.wh..wh..opq", ""), Hard(AT, "d/s")],
            ],
            &["evil", "good"],
            &[],
        ),
    ]);
    let two: &[Item<'_>] = &[Link("x", "/y")];
    let split: Item<'_> = File("x/f", "");
    let below: &[Item<'_>] = &[File(AT, EVIL)];
    check(&[
        ("a whiteout", &[two, below, &[split, File("srv/.wh.node_modules", "")]], &[], &[]),
        ("a file in place of a folder", &[two, below, &[File("x/f", ""), File("srv", "")]], &[], &[]),
        ("an opaque folder", &[two, below, &[File("x/f", ""), File("srv/.wh..wh..opq", "")]], &[], &[]),
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
        (
            "an opaque folder through a link of its layer",
            &[
                below,
                &[Folder("srv/node_modules"), Link("x", "/srv/node_modules"), File("x/.wh..wh..opq", "")],
            ],
            &[],
            &[],
        ),
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

/// What two runtimes would say differently of the system is no basis for an answer.
#[test]
fn a_system_that_runtimes_see_differently_is_contradicted() {
    let (debian, alpine) = ("ID=debian\nVERSION_ID=13\n", "ID=alpine\nVERSION_ID=3.22\n");
    let (root, other) =
        ("a:x:7:0::/:\na:x:0:0::/:\nb:x:1:1::/:\n", "a:x:0:0::/:\nb:x:0:0::/:\nc:x:2:2::/:\n");
    let layers: &[&[Item<'_>]] = &[
        &[
            File("etc/os-release", debian),
            File("store/p", root),
            Link("etc/passwd", "/store/p"),
            Link("x", "/etc"),
        ],
        &[File("x/os-release", alpine), File("x/passwd", other)],
    ];
    let (inventory, _) = inventory(layers);
    let contradicted = inventory.silent.iter().filter(|sign| sign.reason == SilentReason::Contradicted);
    assert_eq!(contradicted.count(), 1, "{inventory:?}");
    let accounts: BTreeSet<_> = inventory.accounts.unwrap().numbers.into_iter().collect();
    assert_eq!(accounts, [("a".to_owned(), 0)].into());
}

/// What is told of a system: the case, its layers, the signs, and how many files are not read.
type Row<'a> = (&'a str, &'a [&'a [Item<'a>]], &'a [SilentReason], usize);

/// A package database that was there, and an os-release that others may read otherwise.
#[test]
fn what_a_system_lacks_is_told() {
    let deb = || File("store/status", DEB);
    let signs = |layers: &[&[Item<'_>]]| {
        let (inventory, _) = inventory(layers);
        (inventory.silent.iter().map(|sign| sign.reason).collect::<Vec<_>>(), inventory.unread.len())
    };
    let os = "ID=debian\nVERSION_ID=13\n";
    let bom = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"deb","version":"1.0.0","purl":"pkg:deb/debian/deb@1.0.0"}]}"#;
    let rows: [Row<'_>; 8] = [
        (
            "a bill of materials in place of a database",
            &[
                &[File("var/lib/dpkg/status", DEB)],
                &[File("var/lib/dpkg/.wh.status", ""), File("opt/bom.json", bom)],
            ],
            &[SilentReason::Removed],
            0,
        ),
        (
            "a database behind a link goes",
            &[&[deb(), Link("var/lib/dpkg", "/store")], &[File(".wh.store", "")]],
            &[SilentReason::Removed],
            0,
        ),
        (
            "a database that a mount alone shows goes",
            &[
                &[File("store/1", DEB), Link("x", "/y")],
                &[File("x/f", ""), File("store/.wh..wh..opq", ""), Hard("var/lib/dpkg/status", "store/1")],
                &[File("var/lib/.wh.dpkg", "")],
            ],
            &[SilentReason::Removed],
            0,
        ),
        ("two that agree", &[&[File("etc/os-release", os), File("usr/lib/os-release", os)]], &[], 0),
        (
            "two that do not",
            &[&[File("etc/os-release", os), File("usr/lib/os-release", "ID=alpine\n")]],
            &[SilentReason::Contradicted],
            0,
        ),
        (
            "one that is a link to nothing",
            &[&[Link("etc/os-release", "/opt/rel")]],
            &[SilentReason::Elsewhere],
            0,
        ),
        (
            "one that is a link to nothing, and another",
            &[&[Link("etc/os-release", "/opt/rel"), File("usr/lib/os-release", os)]],
            &[],
            0,
        ),
        ("one that cannot be read", &[&[File("etc/os-release", "ID=debian\nID=alpine\n")]], &[], 1),
    ];
    for (what, layers, expected, unread) in rows {
        assert_eq!(signs(layers), (expected.to_vec(), unread), "{what}");
    }
}
