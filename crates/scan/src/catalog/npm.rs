//! Node packages: `package.json` (npm, package.json(5)).

use serde_json::Value;

use super::{Facts, File, Found, PackageKind, documents};
use crate::paths;

pub(super) fn wants(path: &str) -> bool {
    paths::split(path).1 == "package.json"
}

/// Folders of a package whose descriptions are no packages: material of its tests and documents.
const MATERIAL: [&str; 9] =
    ["test", "tests", "__tests__", "fixture", "fixtures", "example", "examples", "doc", "docs"];

/// Where Debian puts its Node packages (Debian policy of the JavaScript team), and everyone else.
const ROOTS: [&str; 2] = ["node_modules/", "usr/share/nodejs/"];

/// Whether `path` describes an installed package: below `node_modules`, and no material of another package.
pub(super) fn is_package(path: &str) -> bool {
    let Some(mut inner) = inside(path) else { return false };
    !inner.any(|part| MATERIAL.contains(&part))
}

/// The parts of `path` after the name of the installed package it belongs to; nothing when it belongs to none.
fn inside(path: &str) -> Option<impl Iterator<Item = &str>> {
    let below = |root: &str| {
        let at = path.rfind(root)?;
        let whole = at == 0 || path.as_bytes().get(at - 1) == Some(&b'/');
        path.get(at + root.len()..).filter(|_| whole)
    };
    let rest = ROOTS.into_iter().find_map(below)?;
    let name_parts = if rest.starts_with('@') { 2 } else { 1 };
    let mut inner = rest.split('/').skip(name_parts).peekable();
    inner.peek().is_some().then_some(inner)
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.bytes.is_empty() {
        return Ok(Facts::default());
    }
    let value = match documents::some_members(file.bytes, &["name", "version", "license", "licenses"]) {
        Ok(value) => value,
        // The package's own description; what lies deeper is a template or a fixture, and Node reads it no more than this.
        Err(why) if inside(file.path).is_some_and(|parts| parts.count() == 1) => return Err(why),
        Err(_) => return Ok(Facts::default()),
    };
    let (name, version) = (documents::word(&value, "name"), documents::word(&value, "version"));
    if name.is_empty() || version.is_empty() {
        return Ok(Facts::default());
    }
    let found = Found { licenses: licenses(&value), ..Found::new(PackageKind::Npm, name, version) };
    Ok(vec![found].into())
}

/// `license` as an expression or, in old packages, an object; `licenses` as a list of either.
pub(super) fn licenses(value: &Value) -> Vec<String> {
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
        let said = |text: &str| read(&File { path: "node_modules/a/package.json", bytes: text.as_bytes() });
        let facts = said(r#"{"name":"@a/b","version":"1.0.0","license":{"type":"MIT"}}"#).unwrap();
        assert_eq!((facts.packages[0].name.as_str(), facts.packages[0].licenses.len()), ("@a/b", 1));
        assert!(said(r#"{"type":"module"}"#).unwrap().packages.is_empty());
        assert!(said("").unwrap().packages.is_empty());
    }

    #[test]
    fn knows_an_installed_package_by_its_place() {
        for good in [
            "node_modules/a/package.json",
            "x/node_modules/@s/a/package.json",
            "node_modules/a/node_modules/b/package.json",
            "node_modules/a/lib/package.json",
            "usr/share/nodejs/@types/node/package.json",
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
