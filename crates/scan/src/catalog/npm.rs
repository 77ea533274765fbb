//! Node packages: `package.json` (npm, package.json(5)).

use serde_json::Value;

use super::{Facts, Found, PackageKind};
use crate::{limits, paths};

pub(super) fn wants(path: &str) -> bool {
    paths::split(path).1 == "package.json"
}

/// Folders of a package whose descriptions are no packages: material of its tests and documents.
const MATERIAL: [&str; 9] =
    ["test", "tests", "__tests__", "fixture", "fixtures", "example", "examples", "doc", "docs"];

/// Whether `path` describes an installed package: below `node_modules`, and no material of another package.
pub(super) fn is_package(path: &str) -> bool {
    let Some(rest) = path.rfind("node_modules/").and_then(|at| {
        let whole = at == 0 || path.as_bytes().get(at - 1) == Some(&b'/');
        path.get(at + "node_modules/".len()..).filter(|_| whole)
    }) else {
        return false;
    };
    let name_parts = if rest.starts_with('@') { 2 } else { 1 };
    let mut inner = rest.split('/').skip(name_parts).peekable();
    inner.peek().is_some() && !inner.any(|part| MATERIAL.contains(&part))
}

pub(super) fn read(bytes: &[u8]) -> Result<Facts, String> {
    if bytes.is_empty() {
        return Ok(Facts::default());
    }
    // Node reads files with a byte order mark, and the last of two equal keys.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() as u64 > limits::FILE_BYTES {
        return Err("it is too large".to_owned());
    }
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        // What Node cannot read is no package either: a template or a test fixture.
        Err(_) => return Ok(Facts::default()),
    };
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let (name, version) = (word("name"), word("version"));
    if name.is_empty() || version.is_empty() {
        return Ok(Facts::default());
    }
    let found = Found {
        kind: PackageKind::Npm,
        name,
        version,
        source: None,
        architecture: String::new(),
        licenses: licenses(&value),
    };
    Ok(Facts { packages: vec![found], ..Facts::default() })
}

/// `license` as an expression or, in old packages, an object; `licenses` as a list of either.
fn licenses(value: &Value) -> Vec<String> {
    let one = |value: &Value| {
        let name = value.as_str().or_else(|| value.get("type").and_then(Value::as_str))?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    };
    match (value.get("license"), value.get("licenses")) {
        (Some(license), _) => one(license).into_iter().collect(),
        (None, Some(Value::Array(list))) => list.iter().filter_map(one).collect(),
        (None, Some(other)) => one(other).into_iter().collect(),
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_and_passes_over_parts_of_them() {
        let facts = read(br#"{"name":"@a/b","version":"1.0.0","license":{"type":"MIT"}}"#).unwrap();
        assert_eq!((facts.packages[0].name.as_str(), facts.packages[0].licenses.len()), ("@a/b", 1));
        assert!(read(br#"{"type":"module"}"#).unwrap().packages.is_empty());
        assert!(read(b"").unwrap().packages.is_empty());
    }

    #[test]
    fn knows_an_installed_package_by_its_place() {
        for good in [
            "node_modules/a/package.json",
            "x/node_modules/@s/a/package.json",
            "node_modules/a/node_modules/b/package.json",
            "node_modules/a/lib/package.json",
        ] {
            assert!(is_package(good), "{good}");
        }
        for bad in [
            "package.json",
            "node_modules/a/test/package.json",
            "node_modules/a/lib/fixtures/x/package.json",
            "my_node_modules/a/package.json",
            "node_modules/@s/package.json",
        ] {
            assert!(!is_package(bad), "{bad}");
        }
    }
}
