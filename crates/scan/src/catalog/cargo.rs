//! Rust crates: `Cargo.lock` (The Cargo Book, "Cargo.toml vs Cargo.lock"), and the list that `cargo auditable` links
//! into programs.

use serde_json::Value;

use super::documents::{self, list, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    crate::paths::split(path).1 == "Cargo.lock"
        // The source of a crate carries its author's lock file.
        && !path.contains("/registry/src/")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let lock = documents::toml(&file.text())?;
    let packages = list(&lock, "package").iter();
    // What has no source is the workspace itself.
    let packages = packages.filter(|one| !word(one, "source").is_empty());
    let packages: Vec<_> = packages
        .map(|one| Found::declared(PackageKind::Cargo, word(one, "name"), word(one, "version")))
        .filter(|found| !found.name.is_empty() && !found.version.is_empty())
        .collect();
    Ok(packages.into())
}

/// The list of a program (cargo-auditable, "PARSING.md"): `{"packages":[{"name","version","source","kind"}]}`.
pub(super) fn auditable(bytes: &[u8]) -> Result<Vec<Found>, String> {
    let value = documents::json(bytes)?;
    let packages = list(&value, "packages").iter();
    let built_in = packages.filter(|one| word(one, "kind") != "build");
    let found = built_in
        .map(|one| (one, Found::new(PackageKind::Cargo, word(one, "name"), word(one, "version"))))
        .filter(|(one, found)| {
            let root = one.get("root").and_then(Value::as_bool) == Some(true);
            let nameless = found.name.is_empty() || found.version.is_empty();
            !nameless && (!root || found.version != "0.0.0")
        });
    Ok(found.map(|(_, found)| found).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_lists_what_was_built_in() {
        let list = br#"{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true},
            {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
            {"name":"smallvec","version":"1.6.0","source":"crates.io"}]}"#;
        let found = auditable(list).unwrap();
        let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["app", "smallvec"]);
        assert!(auditable(b"{").is_err());
    }
}
