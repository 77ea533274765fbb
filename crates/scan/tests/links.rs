//! Links, names and ends: where they lead in small stacks of layers, a row for each rule (`trees.rs` has those of layers).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod rows;
mod tars;

use rows::{AT, DEB, EVIL, FRAGMENT, GEM, GOOD, ODD_WHEEL, UPX, WHEEL, check};
use tars::Item::{File, Folder, Hard, Link, Raw};
use tars::inventory;

/// The way to an entry is not the one that it was before.
#[test]
fn the_way_is_followed_anew_for_what_changed() {
    check(&[
        (
            "a folder became a link",
            &[&[
                File("l/evil/readme", ""),
                Link("l", "/srv/node_modules"),
                File("l/evil/package.json", EVIL),
            ]],
            &["evil"],
            &[],
        ),
        (
            "a link became a folder",
            &[&[
                Link("srv/node_modules", "/opt"),
                File("srv/node_modules/evil/readme", ""),
                Folder("srv/node_modules"),
                File(AT, EVIL),
            ]],
            &["evil"],
            &[],
        ),
        (
            "a link in the root became a folder, where everything is laid",
            &[
                &[Link("x", "/y")],
                &[
                    File("x/f", ""),
                    Link("node_modules", "/opt"),
                    File("node_modules/evil/readme", ""),
                    Folder("node_modules"),
                    File("node_modules/evil/package.json", EVIL),
                ],
            ],
            &["evil"],
            &[],
        ),
        (
            "what one layer followed, the next may replace",
            &[
                &[Link("srv/node_modules", "/opt/s"), File("srv/node_modules/evil/readme", "")],
                &[File(AT, EVIL)],
                &[File("opt/.wh.s", "")],
            ],
            &["evil"],
            &[],
        ),
        (
            "a file is what its real place makes it",
            &[&[Link("a-1.dist-info", "/var/lib/dpkg/status.d"), File("a-1.dist-info/METADATA", FRAGMENT)]],
            &["fragment"],
            &[],
        ),
        (
            "an opaque marker leaves its folder",
            &[
                &[
                    File("opt/nm/evil/package.json", EVIL),
                    Folder("gone"),
                    Link("srv/node_modules", "/gone/../opt/nm"),
                ],
                &[File("gone/.wh..wh..opq", "")],
            ],
            &["evil"],
            &[],
        ),
    ]);
}

/// Symbolic links lead where the kernel follows them to.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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
        (
            "a file under two names counts once",
            &[&[
                File(AT, EVIL),
                Link("x/node_modules/evil/package.json", "/srv/node_modules/evil/package.json"),
            ]],
            &["evil"],
            &[],
        ),
        (
            "what cannot be read under two names is told once",
            &[&[
                File(AT, "{"),
                Link("x/node_modules/evil/package.json", "/srv/node_modules/evil/package.json"),
            ]],
            &[],
            &["it is not a JSON object"],
        ),
        (
            "what cannot be read under a link's name",
            &[&[File("store/1", r#"{"version":"#), Link(AT, "/store/1")]],
            &[],
            &["it is not a JSON object"],
        ),
        (
            "a part of a package that cannot be read",
            &[&[File("node_modules/a/lib/package.json", "{")]],
            &[],
            &[],
        ),
        (
            "a folder that means more, of which nothing is known",
            &[&[File("store/w/METADATA", ODD_WHEEL), Link("x/wheel-1.0.0.dist-info", "/store/w")]],
            &["wheel"],
            &[],
        ),
        ("a packed program", &[&[Raw(b"opt/p", UPX)]], &[], &["it is packed with UPX"]),
        (
            "a packed program under another name",
            &[&[Raw(b"opt/p", UPX), Hard("opt/q", "opt/p")], &[File("opt/.wh.p", "")]],
            &[],
            &["it is packed with UPX"],
        ),
        (
            "a packed program under the name of a description",
            &[&[Raw(b"opt/p", UPX), Link(AT, "/opt/p")]],
            &[],
            &["it is packed with UPX", "it is not a JSON object"],
        ),
        (
            "a file through what is not there",
            &[&[File("store/1", GEM), Link("x/specifications/g-1.gemspec", "/gone/../store/1")]],
            &[],
            &[],
        ),
        (
            "a folder that means more, of which something is known",
            &[&[
                File("store/w/METADATA", ODD_WHEEL),
                Link("store/w/l", "/y"),
                Link("x/wheel-1.0.0.dist-info", "/store/w"),
            ]],
            &["wheel"],
            &[],
        ),
        (
            "a broken fragment that is a wheel's metadata under a link's name",
            &[&[
                File("var/lib/dpkg/status.d/METADATA", WHEEL),
                Link("x/wheel-1.0.0.dist-info", "/var/lib/dpkg/status.d"),
            ]],
            &["wheel"],
            &["a paragraph lacks Package"],
        ),
        (
            "a package that counts where it is, under another kind's name",
            &[&[
                File(AT, EVIL),
                Link("x/wheel-1.0.0.dist-info/METADATA", "/srv/node_modules/evil/package.json"),
            ]],
            &["evil"],
            &[],
        ),
        (
            "a description of Node's outside of any package, behind a link",
            &[&[File("store/1", EVIL), Link("opt/package.json", "/store/1")]],
            &[],
            &[],
        ),
        (
            "a document of Node's with escaped keys",
            &[&[File("store/1", r#"{"n\u0061me":"evil","v\u0065rsion":"1.0.0"}"#), Link(AT, "/store/1")]],
            &["evil"],
            &[],
        ),
        (
            "a document of Node's as npm 6 wrote it",
            &[&[File("store/1", r#"{"name":"evil","_id":"evil@1.0.0"}"#), Link(AT, "/store/1")]],
            &["evil"],
            &[],
        ),
        (
            "a document of Node's with a byte-order mark",
            &[&[File("store/1", "\u{feff}{\"name\":\"evil\",\"version\":\"1.0.0\"}"), Link(AT, "/store/1")]],
            &["evil"],
            &[],
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

/// Paths that links make end where a kernel's do, and that is told; programs are known under any name.
#[test]
fn links_make_no_endless_paths() {
    let names: Vec<String> = (0..30).map(|at| format!("f{at}/{}", "n".repeat(90))).collect();
    let targets: Vec<String> = (1..=30).map(|at| format!("/f{at}")).collect();
    let mut items: Vec<_> = names.iter().zip(&targets).map(|(name, target)| Link(name, target)).collect();
    items.extend([Link("srv/node_modules/x", "/f0"), File("f30/package.json", EVIL)]);
    let (found, _) = inventory(&[&items]);
    assert_eq!((found.packages.len(), found.unread.len()), (1, 0), "{found:?}");
    let long: Vec<String> = (0..60).map(|at| format!("f{at}/{}", "n".repeat(90))).collect();
    let targets: Vec<String> = (1..=60).map(|at| format!("/f{at}")).collect();
    let mut items: Vec<_> = long.iter().zip(&targets).map(|(name, target)| Link(name, target)).collect();
    items.extend([Link("srv/node_modules/x", "/f0"), File("f60/package.json", EVIL)]);
    let (found, _) = inventory(&[&items]);
    assert!(found.packages.is_empty() && found.unread.len() == 1, "{found:?}");
    assert!(found.unread[0].reason.starts_with("links make paths"), "{found:?}");
}

/// npm's record of what it installed is believed where it names something, all of which is there, and about npm's locks.
#[test]
fn records_of_npm_are_believed_where_they_hold() {
    let lock = r#"{"lockfileVersion":3,"packages":{"":{},"node_modules/evil":{"version":"1.0.0"},"node_modules/good":{"version":"1.0.0"}}}"#;
    let yarn = "# yarn lockfile v1\n\nevil@^1.0.0:\n  version \"1.0.0\"\n  resolved \"https://registry.yarnpkg.com/evil/-/evil-1.0.0.tgz\"\n";
    let record = r#"{"lockfileVersion":3,"packages":{"node_modules/good":{"version":"1.0.0"}}}"#;
    let nothing = r#"{"lockfileVersion":3,"packages":{}}"#;
    let good = || File("app/node_modules/good/package.json", GOOD);
    let hidden = "app/node_modules/.package-lock.json";
    check(&[
        (
            "a record that holds",
            &[&[File("app/package-lock.json", lock), File(hidden, record), good()]],
            &["good"],
            &[],
        ),
        (
            "a record of nothing",
            &[&[File("app/package-lock.json", lock), File(hidden, nothing), good()]],
            &["evil", "good"],
            &[],
        ),
        (
            "a record of what is not there",
            &[&[File("app/package-lock.json", lock), File(hidden, record)]],
            &["evil", "good", "good"],
            &[],
        ),
        (
            "a record of what is elsewhere",
            &[&[
                File("app/package-lock.json", lock),
                File(hidden, record),
                File("b/node_modules/good/package.json", GOOD),
            ]],
            &["evil", "good"],
            &[],
        ),
        (
            "another tool's lock",
            &[&[File("app/yarn.lock", yarn), File(hidden, record), good()]],
            &["evil", "good"],
            &[],
        ),
    ]);
}

/// Whoever does not lay everything where that is needed is told so.
#[test]
fn what_was_not_looked_at_is_told() {
    let (layer, content) =
        tars::layer(&[File("store/w/METADATA", ODD_WHEEL), Link("x/wheel-1.0.0.dist-info", "/store/w")]);
    let (base, layers) = (lockgate_scan::Base::default(), [layer]);
    let laid = lockgate_scan::lay_onto(&base, &layers, &[&content]);
    let looked = laid.look();
    assert!(looked.missing().everything && looked.inventory().unread.len() == 1);
}

/// A layer that is cut off inside of a file, one that nobody reads or one that is read whole.
#[test]
fn a_layer_that_ends_inside_a_file_is_refused() {
    let text = "x".repeat(2000);
    for name in ["opt/readme", AT] {
        let tar = tars::tar_of(&[File(name, &text)]);
        for length in [513, 1000, 512 + 1999] {
            let cut = &tar[..length];
            let layer = lockgate_model::Descriptor::of(lockgate_model::oci::media::OCI_LAYER, cut);
            assert!(lockgate_scan::analyse(cut, &layer, None).is_err(), "{name} {length}");
        }
    }
}
