//! Coverage: what hides the release of an image or its packages is told, in every form; ordinary images are covered.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod tars;

use std::collections::BTreeMap;

use lockgate_model::Inventory;
use lockgate_model::feed::{FeedCoverage, FeedOrigin};
use lockgate_scan::coverage::{Asked, Silence, asked};
use lockgate_scan::merge;
use tars::{Item, layer};

/// What an ordinary feed has: OSV's dump, Debian's tracker, Alpine's secdb.
const FEED: [&str; 44] = [
    "Debian:9",
    "Debian:11",
    "Debian:12",
    "Debian:13",
    "Debian:sid",
    "Ubuntu:18.04",
    "Ubuntu:22.04",
    "Ubuntu:24.04",
    "Ubuntu:24.10",
    "Alpine:v3.2",
    "Alpine:v3.21",
    "Alpine:v3.22",
    "Alpine:v3.23",
    "Alpine:edge",
    "Wolfi",
    "Chainguard",
    "AlmaLinux:8",
    "AlmaLinux:9",
    "Rocky Linux:9",
    "Red Hat:7",
    "Red Hat:9",
    "SUSE:15.5",
    "SUSE:15.6",
    "SUSE:6.0",
    "openSUSE:Leap 15.6",
    "openSUSE:Tumbleweed",
    "Azure Linux:2",
    "Azure Linux:3",
    "openEuler:22.03-LTS-SP3",
    "openEuler:24.03-LTS",
    "Mageia:9",
    "Photon OS:5.0",
    "Amazon Linux:2",
    "Amazon Linux:2023",
    "Oracle Linux:9",
    "Fedora:41",
    "npm",
    "PyPI",
    "Go",
    "crates.io",
    "Maven",
    "RubyGems",
    "Packagist",
    "NuGet",
];

fn covered() -> BTreeMap<String, FeedCoverage> {
    let origin = FeedOrigin { name: "osv".into(), fetched: None, claimed: false };
    FEED.iter()
        .map(|one| ((*one).to_owned(), FeedCoverage { advisories: 9, origin: origin.clone() }))
        .collect()
}

/// The database of these packages, in the form of a package manager, and its place.
fn database(manager: &str, packages: &[(&str, &str)]) -> (&'static str, String) {
    let each =
        |text: fn(&str, &str) -> String| packages.iter().map(|(name, version)| text(name, version)).collect();
    match manager {
        "deb" => (
            "var/lib/dpkg/status",
            each(|name, version| {
                format!(
                    "Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n"
                )
            }),
        ),
        "apk" => {
            ("lib/apk/db/installed", each(|name, version| format!("P:{name}\nV:{version}\nA:x86_64\n\n")))
        }
        _ => (
            "var/lib/rpmmanifest/container-manifest-2",
            each(|name, version| {
                format!("{name}\t{version}\t0\t0\tv\tn\t0\tx86_64\t0\t{name}-{version}.src.rpm\n")
            }),
        ),
    }
}

fn image(layers: &[&[Item<'_>]]) -> Inventory {
    merge(&layers.iter().map(|items| layer(items)).collect::<Vec<_>>())
}

/// An image of one layer.
fn one(os_release: &str, manager: &str, packages: &[(&str, &str)]) -> Inventory {
    let (path, text) = database(manager, packages);
    image(&[&[Item::File("etc/os-release", os_release), Item::File(path, &text)]])
}

fn answers(inventory: &Inventory) -> Vec<Asked> {
    asked(inventory, &covered())
}

fn is_blind(inventory: &Inventory) -> bool {
    !inventory.unread.is_empty() || answers(inventory).iter().any(Asked::blinds)
}

const BASH: (&str, &str) = ("bash", "5.2-1");
const TRIXIE: &str = "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n";

/// What os-release says, the package manager, the packages, and the ecosystem with its release that answers for them.
type Ordinary = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const ORDINARY: &[Ordinary] = &[
    (TRIXIE, "deb", &[BASH, ("base-files", "13.8+deb13u1")], "Debian:13"),
    ("ID=debian\nVERSION_ID=\"12\"\n", "deb", &[BASH, ("base-files", "12.4+deb12u5")], "Debian:12"),
    ("ID=debian\nVERSION_ID=\"12.9\"\n", "deb", &[BASH], "Debian:12"),
    (
        "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nID=debian\nVERSION_CODENAME=forky\n",
        "deb",
        &[BASH, ("base-files", "14")],
        "Debian:sid",
    ),
    (
        "PRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\nID=debian\nVERSION_CODENAME=trixie\n",
        "deb",
        &[BASH],
        "Debian:sid",
    ),
    ("ID=debian\nVERSION_CODENAME=sid\n", "deb", &[BASH], "Debian:sid"),
    ("ID=debian\nVERSION_CODENAME=bookworm\n", "deb", &[BASH], "Debian:12"),
    (
        "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\n",
        "deb",
        &[BASH, ("base-files", "12ubuntu4.6")],
        "Ubuntu:22.04",
    ),
    ("ID=ubuntu\nVERSION_ID=\"24.04\"\n", "deb", &[("base-files", "13ubuntu10.1")], "Ubuntu:24.04"),
    ("ID=ubuntu\nVERSION_ID=\"24.10\"\n", "deb", &[("base-files", "13.3ubuntu6")], "Ubuntu:24.10"),
    ("ID=ubuntu\nVERSION_ID=\"18.04\"\n", "deb", &[("base-files", "10.1ubuntu2.12")], "Ubuntu:18.04"),
    ("ID=alpine\nVERSION_ID=3.22.1\n", "apk", &[BASH, ("alpine-release", "3.22.1-r0")], "Alpine:v3.22"),
    (
        "ID=alpine\nVERSION_ID=3.23.0_alpha20250612\nPRETTY_NAME=\"Alpine Linux edge\"\n",
        "apk",
        &[("alpine-release", "3.23.0_alpha20250612-r0")],
        "Alpine:edge",
    ),
    ("ID=wolfi\nVERSION_ID=\"20230201\"\n", "apk", &[BASH], "Wolfi"),
    ("ID=chainguard\nVERSION_ID=\"20230214\"\n", "apk", &[BASH], "Chainguard"),
    (
        "ID=\"almalinux\"\nVERSION_ID=\"9.4\"\n",
        "rpm",
        &[BASH, ("almalinux-release", "9.4-1.el9")],
        "AlmaLinux:9",
    ),
    ("ID=\"rocky\"\nVERSION_ID=\"9.4\"\n", "rpm", &[("rocky-release", "9.4-1.7.el9")], "Rocky Linux:9"),
    ("ID=\"rhel\"\nVERSION_ID=\"9.4\"\n", "rpm", &[("redhat-release", "9.4-0.4.el9")], "Red Hat:9"),
    ("ID=\"centos\"\nVERSION_ID=\"7\"\n", "rpm", &[("centos-release", "7-9.2009.1.el7.centos")], "Red Hat:7"),
    (
        "ID=\"amzn\"\nVERSION_ID=\"2023\"\n",
        "rpm",
        &[("system-release", "2023.6.20250107-0.amzn2023")],
        "Amazon Linux:2023",
    ),
    ("ID=\"amzn\"\nVERSION_ID=\"2\"\n", "rpm", &[("system-release", "2-16.amzn2")], "Amazon Linux:2"),
    ("ID=\"sles\"\nVERSION_ID=\"15.6\"\n", "rpm", &[("sles-release", "15.6-150600.64.3.1")], "SUSE:15.6"),
    ("ID=\"sl-micro\"\nVERSION_ID=\"6.0\"\n", "rpm", &[BASH], "SUSE:6.0"),
    (
        "ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\n",
        "rpm",
        &[("openSUSE-release", "15.6-lp156.390.1")],
        "openSUSE:Leap 15.6",
    ),
    (
        "ID=\"opensuse-tumbleweed\"\nVERSION_ID=\"20250101\"\n",
        "rpm",
        &[("openSUSE-release", "20250101-1.1")],
        "openSUSE:Tumbleweed",
    ),
    ("ID=mariner\nVERSION_ID=\"2.0\"\n", "rpm", &[("mariner-release", "2.0-65.cm2")], "Azure Linux:2"),
    ("ID=azurelinux\nVERSION_ID=\"3.0\"\n", "rpm", &[("azurelinux-release", "3.0-26.azl3")], "Azure Linux:3"),
    (
        "ID=\"openEuler\"\nVERSION_ID=\"22.03\"\nVERSION=\"22.03 (LTS-SP3)\"\n",
        "rpm",
        &[BASH],
        "openEuler:22.03-LTS-SP3",
    ),
    (
        "ID=\"openEuler\"\nVERSION_ID=\"24.03\"\nVERSION=\"24.03 (LTS)\"\n",
        "rpm",
        &[BASH],
        "openEuler:24.03-LTS",
    ),
    ("ID=photon\nVERSION_ID=5.0\n", "rpm", &[("photon-release", "5.0-3.ph5")], "Photon OS:5.0"),
    ("ID=\"ol\"\nVERSION_ID=\"9.4\"\n", "rpm", &[("oraclelinux-release", "9.4-1.0.8.el9")], "Oracle Linux:9"),
    ("ID=fedora\nVERSION_ID=41\n", "rpm", &[("fedora-release-common", "41-29")], "Fedora:41"),
    ("ID=mageia\nVERSION_ID=9\n", "rpm", &[BASH], "Mageia:9"),
];

#[test]
fn ordinary_images_are_covered() {
    for (os_release, manager, packages, ecosystem) in ORDINARY {
        let inventory = one(os_release, manager, packages);
        let answers = answers(&inventory);
        assert!(!is_blind(&inventory), "{os_release}: {answers:?} {:?}", inventory.unread);
        let said: Vec<_> = answers.iter().map(|one| (one.ecosystem.as_str(), one.packages)).collect();
        assert_eq!(said, [(*ecosystem, packages.len() as u64)], "{os_release}");
    }
}

#[test]
fn files_without_packages_are_not_blind() {
    for items in
        [&[Item::File("srv/program", "x")][..], &[Item::Folder("tmp")], &[Item::File("etc/passwd", "root")]]
    {
        assert_eq!(answers(&image(&[items])), []);
    }
    // Distroless images have fragments in place of a database.
    let fragment = "Package: base-files\nVersion: 12.4+deb12u5\n\n";
    let distroless = [
        Item::File("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        Item::Link("etc/os-release", "../usr/lib/os-release"),
        Item::File("var/lib/dpkg/status.d/base", fragment),
    ];
    assert!(!is_blind(&image(&[&distroless])));
}

#[test]
fn a_release_that_the_feed_does_not_know_is_blind() {
    let mut variants = 0;
    for (manager, ids) in [
        ("deb", &["debian", "ubuntu", "raspbian", "kali", "linuxmint", "devuan", "pop"][..]),
        ("apk", &["alpine", "postmarketos", "openwrt", "adelie"]),
        (
            "rpm",
            &["almalinux", "rocky", "rhel", "amzn", "sles", "mariner", "eurolinux", "anolis", "opencloudos"],
        ),
    ] {
        for id in ids {
            for version in ["", "99", "0", "3.99.0", "7.4", "2099.10", "rolling"] {
                // These are points of releases that the feed knows.
                if matches!((*id, version), ("rhel", "7.4") | ("mariner", "3.99.0")) {
                    continue;
                }
                let text = format!("ID={id}\nID_LIKE=\"debian alpine rhel\"\nVERSION_ID=\"{version}\"\n");
                assert!(is_blind(&one(&text, manager, &[BASH])), "{text}");
                variants += 1;
            }
        }
    }
    // Without any os-release, and with the name of something that is not a distribution.
    for manager in ["deb", "apk", "rpm"] {
        let (path, text) = database(manager, &[BASH]);
        assert!(is_blind(&image(&[&[Item::File(path, &text)]])), "{manager}");
        for name in
            ["npm", "PyPI", "Go", "crates.io", "Maven", "Wolfi", "Debian", "Alpine", "Chainguard", "Rpm"]
        {
            let inventory = one(&format!("ID={name}\n"), manager, &[BASH]);
            let rolls = matches!((manager, name), ("apk", "Wolfi" | "Chainguard"));
            assert_eq!(is_blind(&inventory), !rolls, "{manager} in {name}");
            variants += 1;
        }
        for (id, version, own) in
            [("debian", "13", "deb"), ("alpine", "3.22.1", "apk"), ("almalinux", "9.4", "rpm")]
        {
            let inventory = one(&format!("ID={id}\nVERSION_ID={version}\n"), manager, &[BASH]);
            assert_eq!(is_blind(&inventory), manager != own, "{manager} in {id}");
            variants += 1;
        }
    }
    assert!(variants >= 150, "{variants}");
}

#[test]
fn an_os_release_that_was_written_over_is_blind() {
    let (path, status) = database("deb", &[("base-files", "13.8+deb13u1"), ("openssl", "1.0.1-1")]);
    let base = [
        Item::File("usr/lib/os-release", TRIXIE),
        Item::Link("etc/os-release", "../usr/lib/os-release"),
        Item::File(path, &status),
    ];
    assert!(!is_blind(&image(&[&base])));
    let file = |text| [Item::File("etc/os-release", text)];
    let both = |text| [Item::File("etc/os-release", text), Item::File("usr/lib/os-release", text)];
    let mut variants = 0;
    for text in [
        "ID=debian\nVERSION_ID=99\n",
        "ID=debian\nVERSION_ID=9\n",
        "ID=debian\nVERSION_ID=12\n",
        "ID=debian\n",
        "ID=alpine\nVERSION_ID=3.22.1\n",
        "ID=ubuntu\nVERSION_ID=22.04\n",
        "ID=wolfi\n",
        "ID=raspbian\nVERSION_ID=13\n",
        "ID=npm\n",
        "ID=debian\nVERSION_ID=9\nVERSION_ID=13\n",
        "ID=debian\nVERSION_ID=13\nID=alpine\n",
        "ID=\"debian\nVERSION_ID=13\n",
        "ID=debian\nNAME=\"x\nVERSION_ID=13\n\"\n",
        "ID =debian\nVERSION_ID=13\n",
        "export ID=debian\nVERSION_ID=13\n",
        "ID=$X\n",
    ] {
        for upper in [&file(text)[..], &both(text)] {
            let inventory = image(&[&base, upper]);
            assert!(is_blind(&inventory), "{text}: {:?}", answers(&inventory));
            variants += 1;
        }
    }
    for upper in [
        &[Item::Link("etc/os-release", "/opt/rel"), Item::File("usr/lib/.wh.os-release", "")][..],
        &[Item::Link("usr/lib/os-release", "/opt/rel"), Item::File("opt/rel", "ID=alpine\n")],
        &[Item::Link("etc/os-release", "../var/lib/dpkg/status"), Item::File("usr/lib/.wh.os-release", "")],
        &[Item::File("etc/.wh.os-release", ""), Item::File("usr/lib/.wh.os-release", "")],
        &[Item::Folder("etc/os-release"), Item::File("usr/lib/.wh.os-release", "")],
        &[Item::Link("usr/lib/os-release", "os-release")],
        &[Item::File("usr/.wh.lib", ""), Item::File("etc/.wh.os-release", "")],
    ] {
        let inventory = image(&[&base, upper]);
        assert!(is_blind(&inventory), "{:?}", answers(&inventory));
        variants += 1;
    }
    // The same release, and another point of it, are the same.
    for text in [TRIXIE, "ID=debian # mine\nVERSION_ID='13.2'\n", "NAME=Mine\nID=\"debian\"\nVERSION_ID=13\n"]
    {
        assert!(!is_blind(&image(&[&base, &both(text)])), "{text}");
    }
    assert!(variants >= 35, "{variants}");
}

#[test]
fn a_database_that_says_nothing_is_blind() {
    let mut variants = 0;
    for (os_release, manager) in
        [(TRIXIE, "deb"), ("ID=alpine\nVERSION_ID=3.22.1\n", "apk"), ("ID=mariner\nVERSION_ID=2.0\n", "rpm")]
    {
        let (path, text) = database(manager, &[BASH]);
        let (folder, name) = path.rsplit_once('/').unwrap();
        let (whiteout, opaque) = (format!("{folder}/.wh.{name}"), format!("{folder}/.wh..wh..opq"));
        let above = folder.rsplit_once('/').unwrap();
        let folder_gone = format!("{}/.wh.{}", above.0, above.1);
        let base = [Item::File("etc/os-release", os_release), Item::File(path, &text)];
        assert!(!is_blind(&image(&[&base])), "{manager}");
        let decoy = database(if manager == "apk" { "deb" } else { "apk" }, &[("x", "1")]);
        for upper in [
            &[Item::File(path, "")][..],
            &[Item::File(path, "\n\n")],
            &[Item::File(&whiteout, "")],
            &[Item::File(&opaque, "")],
            &[Item::File(&folder_gone, "")],
            &[Item::Folder(path)],
            &[Item::Link(path, "/dev/null")],
            &[Item::File(&whiteout, ""), Item::File("etc/.wh.os-release", "")],
            &[Item::File(path, ""), Item::File("etc/.wh.os-release", "")],
            &[Item::File(path, ""), Item::File(decoy.0, &decoy.1)],
            &[Item::File(&whiteout, ""), Item::File("etc/.wh.os-release", ""), Item::File(decoy.0, &decoy.1)],
        ] {
            let inventory = image(&[&base, upper]);
            assert!(is_blind(&inventory), "{manager}: {inventory:?}");
            variants += 1;
        }
        // In one layer: nothing was ever there.
        for items in [
            &[Item::File("etc/os-release", os_release)][..],
            &[Item::File("etc/os-release", os_release), Item::File(path, "")],
        ] {
            assert!(is_blind(&image(&[items])), "{manager}");
            variants += 1;
        }
    }
    for database in [
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
        "var/lib/dpkg/status",
        "var/lib/rpm/Packages.db",
        "var/lib/rpm/rpmdb.sqlite",
    ] {
        assert!(is_blind(&image(&[&[Item::File(database, "")]])), "{database}");
        variants += 1;
    }
    // Files that dpkg keeps of packages that its database no longer names.
    let (path, kept) = database("deb", &[("base-files", "13.8+deb13u1")]);
    for info in ["openssl.md5sums", "libc6:amd64.md5sums"] {
        let info = format!("var/lib/dpkg/info/{info}");
        let items = [Item::File("etc/os-release", TRIXIE), Item::File(path, &kept), Item::File(&info, "")];
        assert!(is_blind(&image(&[&items])), "{info}");
        variants += 1;
    }
    assert!(variants >= 40, "{variants}");
}

#[test]
fn package_databases_that_are_not_read_are_blind() {
    let (path, text) = database("deb", &[("base-files", "13.8+deb13u1")]);
    let decoy = [Item::File("etc/os-release", TRIXIE), Item::File(path, &text)];
    let mut variants = 0;
    for (id, database) in [
        ("arch", "var/lib/pacman/local/bash-5.2.037-1/desc"),
        ("manjaro", "var/lib/pacman/local/filesystem-2024-1/desc"),
        ("gentoo", "var/db/pkg/app-shells/bash-5.2/CONTENTS"),
        ("gentoo", "var/db/pkg/app-shells/bash-5.2/PF"),
        ("openwrt", "usr/lib/opkg/status"),
        ("poky", "var/lib/opkg/status"),
        ("void", "var/db/xbps/pkgdb-0.38.plist"),
        ("slackware", "var/log/packages/bash-5.2-x86_64-1"),
        ("solus", "var/lib/eopkg/package/bash-5.2-1/metadata.xml"),
        ("clear-linux-os", "usr/share/clear/bundles/os-core"),
        ("freebsd", "var/db/pkg/local.sqlite"),
    ] {
        let os_release = format!("ID={id}\n");
        for items in [
            &[Item::File("etc/os-release", &os_release), Item::File(database, "x")][..],
            &[Item::File("etc/os-release", &os_release)],
        ] {
            assert!(is_blind(&image(&[items])), "{id}");
            variants += 1;
        }
    }
    for database in ["var/db/xbps/pkgdb-0.38.plist", "var/log/packages/b-1", "usr/lib/opkg/status"] {
        assert!(is_blind(&image(&[&[Item::File(database, "x")]])), "{database}");
        assert!(is_blind(&image(&[&decoy, &[Item::File(database, "x")]])), "{database} beside another");
        variants += 2;
    }
    assert!(variants >= 20, "{variants}");
}

#[test]
fn languages_that_nobody_was_asked_about_are_blind() {
    let files = [
        (
            "srv/mix.lock",
            "%{\n  \"plug\": {:hex, :plug, \"1.0.0\", \"x\", [:mix], [], \"hexpm\", \"y\"},\n}\n",
            true,
        ),
        ("srv/node_modules/a/package.json", r#"{"name":"a","version":"1.0.0"}"#, false),
        (
            "srv/pubspec.lock",
            "packages:\n  http:\n    dependency: \"direct main\"\n    source: hosted\n    version: \"0.13.0\"\n",
            true,
        ),
        ("srv/Podfile.lock", "PODS:\n  - A (1.0.0)\n", false),
    ];
    for (path, text, blind) in files {
        let inventory = image(&[&[Item::File(path, text)]]);
        assert!(!inventory.packages.is_empty(), "{path}");
        assert_eq!(is_blind(&inventory), blind, "{path}");
        if path.ends_with("Podfile.lock") {
            assert_eq!(answers(&inventory)[0].silence, Some(Silence::NoSource));
        }
        // Without a feed nobody was asked about anything.
        assert!(asked(&inventory, &BTreeMap::new()).iter().all(|one| one.feed.is_none()));
    }
}
