//! Debian packages: the dpkg database, the fragments that distroless images have in its place, and which files each
//! package owns (dpkg-query(1), deb-control(5), deb-md5sums(5)).

use data_encoding::HEXLOWER;

use super::control::{every, field, given_twice, paragraphs};
use super::facts::Broken;
use super::{Facts, File, Found, Owned, PackageKind, Sum, may_speak};
use crate::limits;

const STATUS_D: &str = "var/lib/dpkg/status.d/";

pub(super) fn wants(path: &str) -> bool {
    let flat = |rest: &str| !rest.contains('/');
    // dpkg's journal: entries that it has not yet written into `status` (dpkg, `modstatdb_init`).
    let journal = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    path == "var/lib/dpkg/status"
        || path.strip_prefix(STATUS_D).is_some_and(flat)
        || path.strip_prefix("var/lib/dpkg/updates/").is_some_and(journal)
        || path.strip_prefix("var/lib/dpkg/info/").is_some_and(|rest| flat(rest) && of_info(rest).is_some())
}

/// Fragments have any name.
pub(super) fn part(path: &str) -> &str {
    match crate::paths::split(path) {
        ("var/lib/dpkg/status.d", _) => "status.d",
        (_, name) => name,
    }
}

/// The package of a list of files, and whether the list has digests.
fn of_info(name: &str) -> Option<(&str, bool)> {
    let (package, digests) = match (name.strip_suffix(".md5sums"), name.strip_suffix(".list")) {
        (Some(package), _) => (package, true),
        (None, Some(package)) => (package, false),
        (None, None) => return None,
    };
    Some((package.split(':').next().unwrap_or(package), digests))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let fragment = file.path.starts_with(STATUS_D);
    match of_info(file.name()) {
        Some((package, true)) if !file.bytes.starts_with(b"Package:") => {
            Ok(owned(package, &file.text(), md5_line))
        }
        Some((package, false)) if !fragment => Ok(owned(package, &file.text(), |line| Some((line, None)))),
        _ => Ok(packages(&file.text(), fragment)),
    }
}

/// `DIGEST  PATH`
fn md5_line(line: &str) -> Option<(&str, Option<Sum>)> {
    let (digest, path) = line.split_once(char::is_whitespace)?;
    let digest = HEXLOWER.decode(digest.as_bytes()).ok()?.try_into().ok()?;
    Some((path.trim_start(), Some(Sum::Md5(digest))))
}

fn owned(package: &str, text: &str, line: impl Fn(&str) -> Option<(&str, Option<Sum>)>) -> Facts {
    let files = text.lines().filter_map(line).filter_map(|(path, sum)| {
        let path = path.trim_start_matches("./").trim_start_matches('/');
        may_speak(path).then(|| Owned { path: path.to_owned(), owner: package.to_owned(), sum })
    });
    Facts { owned: files.take(limits::OWNED_PER_FILE + 1).collect(), ..Facts::default() }
}

/// The packages of `status`, or of a fragment, which has no states: what it describes is there. A paragraph that cannot be
/// read costs itself and no other.
fn packages(text: &str, fragment: bool) -> Facts {
    let (mut facts, mut broken) = (Facts::default(), Broken::default());
    for fields in paragraphs(text) {
        let mut states = every(&fields, "Status").peekable();
        if !fragment && states.peek().is_some() && !states.any(is_there) {
            continue;
        }
        let (name, version) = (field(&fields, "Package"), field(&fields, "Version"));
        if name.is_empty() || version.is_empty() {
            broken.push(format!("a paragraph lacks Package or Version (Package: `{}`)", short(name)));
            continue;
        }
        if let Some(twice) = given_twice(&fields, &["Package", "Version", "Status", "Source"]) {
            broken.push(format!("the paragraph of `{}` has the field {twice} more than once", short(name)));
        }
        facts.packages.push(Found {
            source: source(field(&fields, "Source"), name, version),
            architecture: field(&fields, "Architecture").to_owned(),
            ..Found::new(PackageKind::Dpkg, name, version)
        });
    }
    facts.unread.extend(broken.told());
    facts
}

/// Whether files of a package in this state are there: of all but two (dpkg(1), "Package states").
fn is_there(status: &str) -> bool {
    let state = status.split_whitespace().last().unwrap_or_default();
    !["not-installed", "config-files"].iter().any(|gone| state.eq_ignore_ascii_case(gone))
}

/// A name in a message.
fn short(name: &str) -> String {
    name.chars().take(80).collect()
}

/// `name` or `name (version)`; the package's own where nothing is said.
fn source(written: &str, name: &str, version: &str) -> Option<[String; 2]> {
    let (source, source_version) = match written.split_once(" (") {
        Some((source, rest)) => (source.trim(), rest.trim_end_matches(')').trim()),
        None if written.is_empty() => (name, version),
        None => (written.trim(), version),
    };
    (source != name || source_version != version).then(|| [source.to_owned(), source_version.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl (3.0.15-1)\nVersion: 3.0.15-1~deb12u1\nDescription: x\n more\n .\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n";

    fn said(path: &str, text: &str) -> Result<Facts, String> {
        read(&File { path, bytes: text.as_bytes() })
    }

    #[test]
    fn lists_only_what_is_installed() {
        let facts = said("var/lib/dpkg/status", STATUS).unwrap();
        let [package] = facts.packages.as_slice() else { panic!("{facts:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("libssl3", "3.0.15-1~deb12u1"));
        assert_eq!(package.source, Some(["openssl".to_owned(), "3.0.15-1".to_owned()]));
    }

    #[test]
    fn every_state_but_two_has_files() {
        for (state, there) in [
            ("install ok installed", true),
            ("install ok unpacked", true),
            ("install ok half-configured", true),
            ("install ok triggers-pending", true),
            ("install ok triggers-awaited", true),
            ("install reinstreq half-installed", true),
            ("deinstall ok installed", true),
            ("hold ok made-up", true),
            ("", true),
            ("purge ok not-installed", false),
            ("deinstall ok config-files", false),
            ("deinstall ok Config-Files", false),
        ] {
            let text = format!("Package: openssl\nStatus: {state}\nVersion: 1.0.1\n");
            let facts = said("var/lib/dpkg/status", &text).unwrap();
            assert_eq!(facts.packages.len() == 1, there, "{state}");
            assert_eq!(said("var/lib/dpkg/status.d/x", &text).unwrap().packages.len(), 1, "{state}");
        }
    }

    #[test]
    fn a_broken_paragraph_costs_itself() {
        let text = "Package: a\nVersion: 1\n\nPackage: b\n\nrubbish\n\nPackage: c\r\nVersion: 3\r\n\r\nPackage: d\nVersion: 4\nVersion: 5\n";
        let facts = said("var/lib/dpkg/status", text).unwrap();
        let names: Vec<_> = facts.packages.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "c", "d"]);
        let [(_, why)] = facts.unread.as_slice() else { panic!("{facts:?}") };
        assert!(why.contains("`b`") && why.contains("``") && why.contains("`d`"), "{why}");
        let many = said("var/lib/dpkg/status", &"Package: x\n\n".repeat(1000)).unwrap();
        assert!(many.unread.len() == 1 && many.unread[0].1.ends_with("and 997 more"), "{many:?}");
    }

    #[test]
    fn a_fragment_has_no_status_and_a_broken_one_is_told() {
        let fragment = "var/lib/dpkg/status.d/base-files";
        assert_eq!(said(fragment, "Package: base-files\nVersion: 12\n").unwrap().packages.len(), 1);
        for bad in ["Package: base-files\n", "\u{1f}\u{fffd}\u{8}compressed"] {
            assert_eq!(said(fragment, bad).unwrap().unread.len(), 1, "{bad}");
        }
        for name in ["x.list", "x.md5sums"] {
            let named = format!("var/lib/dpkg/status.d/{name}");
            assert_eq!(said(&named, "Package: a\nVersion: 1\n").unwrap().packages.len(), 1, "{name}");
        }
        assert!(wants(fragment) && wants("var/lib/dpkg/info/a:amd64.list"));
        assert!(wants("var/lib/dpkg/updates/0001") && !wants("var/lib/dpkg/updates/tmp.i"));
        assert!(!wants("opt/rootfs/var/lib/dpkg/status") && !wants("var/lib/dpkg/info/a.postinst"));
    }

    #[test]
    fn tells_which_files_a_package_owns() {
        let text = "d41d8cd98f00b204e9800998ecf8427e  usr/lib/python3/dist-packages/a-1.egg-info\nbroken\n\
                    d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/a/README.Debian\n";
        let facts = said("var/lib/dpkg/info/python3-a:amd64.md5sums", text).unwrap();
        let [owned] = facts.owned.as_slice() else { panic!("{facts:?}") };
        assert_eq!(owned.owner, "python3-a");
        assert!(super::super::Sums::of(b"").is(&owned.sum.unwrap()));
        let facts = said("var/lib/dpkg/info/a.list", "/.\n/usr/bin\n/usr/bin/a\n").unwrap();
        assert_eq!(facts.owned.len(), 2);
    }
}
