//! Lock files of Python's package managers: requirements pinned with hashes (pip), poetry, uv, pdm and Pipfile.

use serde_json::Value;

use super::documents::{self, list, members, word};
use super::{Facts, File, Found, PackageKind, normalised_python};

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    let requirements = name.starts_with("requirements")
        && std::path::Path::new(name).extension().is_some_and(|end| end == "txt");
    let lock = matches!(name, "poetry.lock" | "uv.lock" | "pdm.lock" | "Pipfile.lock");
    (lock || requirements) && !path.contains("site-packages/") && !path.contains("dist-packages/")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.bytes.trim_ascii().is_empty() {
        return Ok(Facts::default());
    }
    let packages: Vec<Found> = match file.name() {
        "poetry.lock" | "uv.lock" | "pdm.lock" => locked(&documents::toml(&file.text())?),
        "Pipfile.lock" => pipfile(&documents::json(file.bytes)?),
        _ => requirements(&file.text()),
    };
    Ok(packages.into())
}

fn found(name: &str, version: &str) -> Found {
    Found::declared(PackageKind::Python, normalised_python(name), version)
}

/// `[[package]]` with name, version, and what it is for.
fn locked(lock: &Value) -> Vec<Found> {
    let wanted = list(lock, "package").iter().filter(|one| {
        let groups = list(one, "groups");
        let development = word(one, "category") == "dev"
            || !groups.is_empty()
                && !groups.iter().any(|group| matches!(group.as_str(), Some("main" | "default")));
        // The project itself has a source that is a folder.
        let own = one
            .get("source")
            .is_some_and(|source| source.get("editable").is_some() || source.get("virtual").is_some());
        !development && !own
    });
    let named = wanted.filter(|one| !word(one, "name").is_empty() && !word(one, "version").is_empty());
    named.map(|one| found(word(one, "name"), word(one, "version"))).collect()
}

fn pipfile(lock: &Value) -> Vec<Found> {
    let pinned = members(lock, "default").filter_map(|(name, one)| {
        let version = word(one, "version").strip_prefix("==")?;
        Some(found(name, version))
    });
    pinned.collect()
}

/// Lines `name==1.0.0`; only a file in which every requirement is pinned with a hash says what is installed.
fn requirements(text: &str) -> Vec<Found> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let lines =
        joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    let mut packages = Vec::new();
    for line in lines {
        let requirement = line.split(['#', ';', ' ']).next().unwrap_or_default();
        let Some((name, version)) = requirement.split_once("==") else { return Vec::new() };
        if !line.contains("--hash=") {
            return Vec::new();
        }
        packages.push(found(name.split('[').next().unwrap_or(name), version.trim_start_matches('=')));
    }
    packages
}
