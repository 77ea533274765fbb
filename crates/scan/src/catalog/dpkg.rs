//! Debian packages: the dpkg database, and the fragments that distroless images have in its place
//! (dpkg-query(1), deb-control(5)).

use lockgate_model::inventory::Source;

use super::{Facts, Found, PackageKind, field, paragraphs, text};

pub(super) fn wants(path: &str) -> bool {
    let fragment = path.strip_prefix("var/lib/dpkg/status.d/");
    path == "var/lib/dpkg/status"
        || fragment.is_some_and(|name| !name.contains('/') && !name.ends_with(".md5sums"))
}

pub(super) fn read(bytes: &[u8]) -> Result<Facts, String> {
    let text = text(bytes).replace("\r\n", "\n");
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
            kind: PackageKind::Dpkg,
            name: name.to_owned(),
            version: version.to_owned(),
            source: source(field(&fields, "Source"), name, version),
            architecture: field(&fields, "Architecture").to_owned(),
            licenses: Vec::new(),
        });
    }
    Ok(Facts { packages, ..Facts::default() })
}

/// `name` or `name (version)`; the package's own where nothing is said.
fn source(written: &str, name: &str, version: &str) -> Option<Source> {
    let (source, source_version) = match written.split_once(" (") {
        Some((source, rest)) => (source.trim(), rest.trim_end_matches(')').trim()),
        None if written.is_empty() => (name, version),
        None => (written.trim(), version),
    };
    (source != name || source_version != version)
        .then(|| Source { name: source.to_owned(), version: source_version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl (3.0.15-1)\nVersion: 3.0.15-1~deb12u1\nDescription: x\n more\n .\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n";

    #[test]
    fn lists_only_what_is_installed() {
        let facts = read(STATUS.as_bytes()).unwrap();
        let [package] = facts.packages.as_slice() else { panic!("{facts:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("libssl3", "3.0.15-1~deb12u1"));
        assert_eq!(package.source.as_ref().unwrap().name, "openssl");
        assert_eq!(package.source.as_ref().unwrap().version, "3.0.15-1");
    }

    #[test]
    fn a_fragment_has_no_status_and_a_broken_one_is_told() {
        assert_eq!(read(b"Package: base-files\nVersion: 12\n").unwrap().packages.len(), 1);
        assert!(read(b"Package: base-files\n").is_err());
        assert!(wants("var/lib/dpkg/status.d/base-files") && !wants("var/lib/dpkg/status.d/a.md5sums"));
        assert!(!wants("opt/rootfs/var/lib/dpkg/status"));
    }
}
