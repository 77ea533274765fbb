//! OpenWrt packages: opkg's database, in the form of dpkg's, with the list of each package's files (opkg, `pkg_parse.c`). What it
//! calls not installed is left out; all else counts.

use super::control::{every, field, given_twice, paragraphs};
use super::facts::Broken;
use super::{Facts, File, Found, Owned, PackageKind, may_speak};
use crate::limits;

const FOLDERS: [&str; 3] = ["usr/lib/opkg", "var/lib/opkg", "usr/lib/ipkg"];

pub(super) fn wants(path: &str) -> bool {
    let below = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
    below.is_some_and(|rest| {
        rest == "status" || rest.strip_prefix("info/").is_some_and(|name| of_list(name).is_some())
    })
}

/// The package of a list of files.
fn of_list(name: &str) -> Option<&str> {
    name.strip_suffix(".list").filter(|package| !package.contains('/'))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    if let Some(owner) = of_list(file.name()) {
        let paths = text.lines().filter_map(|line| line.split('\t').next()?.strip_prefix('/'));
        let owned = paths.filter(|path| may_speak(path));
        let owned = owned.map(|path| Owned { path: path.to_owned(), owner: owner.to_owned(), sum: None });
        let owned = owned.take(limits::OWNED_PER_FILE + 1).collect();
        return Ok(Facts { owned, ..Facts::default() });
    }
    let (mut facts, mut broken) = (Facts::default(), Broken::default());
    for fields in paragraphs(&text) {
        let mut states = every(&fields, "Status").peekable();
        let gone = |status: &str| status.split_whitespace().last() == Some("not-installed");
        if states.peek().is_some() && states.all(gone) {
            continue;
        }
        let (name, version) = (field(&fields, "Package"), field(&fields, "Version"));
        if name.is_empty() || version.is_empty() {
            broken.push("a paragraph lacks Package or Version");
            continue;
        }
        let twice = given_twice(&fields, &["Package", "Version", "Status"]);
        broken.extend(twice.map(|twice| format!("a paragraph has the field {twice} more than once")));
        facts.packages.push(Found {
            architecture: field(&fields, "Architecture").to_owned(),
            ..Found::new(PackageKind::Opkg, name, version)
        });
    }
    facts.unread.extend(broken.told());
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_installed_and_its_files() {
        let text = "Package: busybox\nVersion: 1.33.2-4\nDepends: libc\nStatus: install user installed\nArchitecture: mips\n\n\
                    Package: gone\nVersion: 1\nStatus: deinstall ok not-installed\n\n\
                    Package: half\nVersion: 2\nStatus: install user unpacked\n\nPackage: x\n";
        let facts = read(&File { path: "usr/lib/opkg/status", bytes: text.as_bytes() }).unwrap();
        let names: Vec<_> = facts.packages.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((names.as_slice(), facts.unread.len()), (&["busybox", "half"][..], 1));
        let list = "usr/lib/opkg/info/busybox.list";
        let facts = read(&File { path: list, bytes: b"/bin/busybox\n/etc/x.txt\n" }).unwrap();
        assert_eq!(facts.owned.len(), 1);
        assert!(wants(list) && wants("var/lib/opkg/status") && !wants("usr/lib/opkg/info/a.control"));
        assert!(!wants("srv/usr/lib/opkg/status") && !wants("usr/lib/opkg/lists/a"));
    }
}
