//! Debian packages: the dpkg database, the fragments that distroless images have in its place, and which files each
//! package owns (dpkg-query(1), deb-control(5), deb-md5sums(5)).

use data_encoding::HEXLOWER;

use super::control::{field, paragraphs};
use super::{Facts, File, Found, Owned, PackageKind, Sum, may_speak};

pub(super) fn wants(path: &str) -> bool {
    let flat = |rest: &str| !rest.contains('/');
    path == "var/lib/dpkg/status"
        || path.strip_prefix("var/lib/dpkg/status.d/").is_some_and(flat)
        || path.strip_prefix("var/lib/dpkg/info/").is_some_and(|rest| flat(rest) && of_info(rest).is_some())
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
    match of_info(file.name()) {
        Some((package, true)) => Ok(owned(package, &file.text(), md5_line)),
        Some((package, false)) => Ok(owned(package, &file.text(), |line| Some((line, None)))),
        None => packages(file),
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
    Facts { owned: files.collect(), ..Facts::default() }
}

fn packages(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text().replace("\r\n", "\n");
    let mut packages = Vec::new();
    for fields in paragraphs(&text) {
        // A fragment has no status: what it describes is there.
        let status = field(&fields, "Status");
        if !status.is_empty() && status.split_whitespace().last() != Some("installed") {
            continue;
        }
        let (name, version) = (field(&fields, "Package"), field(&fields, "Version"));
        if name.is_empty() || version.is_empty() {
            return Err(format!("a paragraph lacks Package or Version (Package: `{name}`)"));
        }
        packages.push(Found {
            source: source(field(&fields, "Source"), name, version),
            architecture: field(&fields, "Architecture").to_owned(),
            ..Found::new(PackageKind::Dpkg, name, version)
        });
    }
    Ok(packages.into())
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
    fn a_fragment_has_no_status_and_a_broken_one_is_told() {
        let fragment = "var/lib/dpkg/status.d/base-files";
        assert_eq!(said(fragment, "Package: base-files\nVersion: 12\n").unwrap().packages.len(), 1);
        assert!(said(fragment, "Package: base-files\n").is_err());
        assert!(wants(fragment) && wants("var/lib/dpkg/info/a:amd64.list"));
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
