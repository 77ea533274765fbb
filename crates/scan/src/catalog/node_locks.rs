//! Lock files of Node's package managers: npm (package-lock.json(5), versions 1 to 3, and the one it keeps about what it
//! installed), yarn (classic and berry), pnpm and Bun. What is needed for development only is left out where the file says
//! so: it is not installed where a program runs.

use serde_json::Value;

use super::documents::{self, members, word};
use super::{Facts, File, Found, PackageKind};

/// npm's record of what it installed, in `node_modules` (npm, "Hidden lockfiles").
const HIDDEN: &str = ".package-lock.json";

/// Bun's lock file before its version 1.2, in a form of its own.
const BINARY: &str = "bun.lockb";

/// Deepest nesting of dependencies in a lock file of version 1.
const DEPTH: usize = 64;

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    // What lies in a package is that package's own material.
    let outside = |folder: &str| !folder.contains("node_modules");
    match name {
        HIDDEN => folder.strip_suffix("node_modules").is_some_and(outside),
        "package-lock.json"
        | "npm-shrinkwrap.json"
        | "yarn.lock"
        | "pnpm-lock.yaml"
        | "bun.lock"
        | BINARY => !path.contains("node_modules/"),
        _ => false,
    }
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.bytes.trim_ascii().is_empty() {
        return Ok(Facts::default());
    }
    let mut packages = match file.name() {
        "yarn.lock" if file.text().contains("\n__metadata:") => berry(&documents::yaml(&file.text())?),
        "yarn.lock" => classic(&file.text()),
        "pnpm-lock.yaml" => pnpm(&documents::yaml(&file.text())?),
        BINARY => {
            return Err("it is Bun's binary lock file, which is not read: \
                        `bun install --save-text-lockfile` writes `bun.lock`, and remove this one"
                .to_owned());
        }
        "bun.lock" => bun(&documents::json_with_comments(file.bytes)?),
        name => npm(&documents::json(file.bytes)?, name == HIDDEN)?,
    };
    packages.sort();
    packages.dedup();
    Ok(packages.into())
}

fn found(name: &str, version: &str) -> Option<Found> {
    // A path, an address or a workspace is no version of the registry.
    let version_like = version.starts_with(|first: char| first.is_ascii_digit());
    (!name.is_empty() && version_like).then(|| Found::declared(PackageKind::Npm, name, version))
}

/// Packages for development are only there where the file says what was `installed`.
fn npm(lock: &Value, installed: bool) -> Result<Vec<Found>, String> {
    let mut packages = Vec::new();
    if lock.get("packages").is_some() {
        for (place, one) in members(lock, "packages") {
            let flag = |key: &str| one.get(key).and_then(Value::as_bool) == Some(true);
            let Some((_, name)) = place.rsplit_once("node_modules/") else { continue };
            if !installed && (flag("dev") || flag("devOptional")) || flag("link") {
                continue;
            }
            let name = if word(one, "name").is_empty() { name } else { word(one, "name") };
            packages.extend(found(name, word(one, "version")).map(|mut found| {
                found.licenses = super::npm::licenses(one);
                found
            }));
        }
        return Ok(packages);
    }
    let mut open = vec![(lock, 0)];
    while let Some((parent, depth)) = open.pop() {
        if depth > DEPTH {
            return Err(format!("its dependencies are nested more than {DEPTH} deep"));
        }
        for (name, one) in members(parent, "dependencies") {
            if one.get("dev").and_then(Value::as_bool) == Some(true) {
                continue;
            }
            // `npm:real-name@1.0.0` is an alias.
            let version = word(one, "version");
            let alias = version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@'));
            let (name, version) = alias.unwrap_or((name, version));
            packages.extend(found(name, version));
            open.push((one, depth + 1));
        }
    }
    Ok(packages)
}

/// `"name@range", "name@range":` and, indented, `version "1.0.0"`.
fn classic(text: &str) -> Vec<Found> {
    let (mut name, mut packages) = (String::new(), Vec::new());
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("  version ") {
            packages.extend(found(&name, version.trim().trim_matches('"')));
        } else if !line.starts_with([' ', '#']) && line.ends_with(':') {
            let first = line.trim_end_matches(':').split(", ").next().unwrap_or_default().trim_matches('"');
            described(first).clone_into(&mut name);
        }
    }
    packages
}

/// The name in `name@range`, or in `alias@npm:name@range`.
fn described(text: &str) -> &str {
    let named = |text: &str| {
        let scope = usize::from(text.starts_with('@'));
        text.get(scope..).and_then(|rest| rest.find('@')).map(|at| at + scope)
    };
    let Some(at) = named(text) else { return text };
    match text.get(at + 1..).and_then(|range| range.strip_prefix("npm:")) {
        Some(real) => match named(real) {
            Some(end) => real.get(..end).unwrap_or(real),
            None => text.get(..at).unwrap_or(text),
        },
        None => text.get(..at).unwrap_or(text),
    }
}

/// `resolution: "name@npm:1.0.0"`
fn berry(lock: &Value) -> Vec<Found> {
    let entries = lock.as_object().into_iter().flatten();
    let resolved = entries.filter_map(|(_, one)| {
        let (name, version) = word(one, "resolution").rsplit_once("@npm:")?;
        let version = version.split("::").next().unwrap_or(version);
        found(name, if word(one, "version").is_empty() { version } else { word(one, "version") })
    });
    resolved.collect()
}

/// Keys of `packages`: `/name/1.0.0` (5), `/name@1.0.0(peer)` (6), `name@1.0.0` (9).
fn pnpm(lock: &Value) -> Vec<Found> {
    let old = word(lock, "lockfileVersion").starts_with('5');
    let packages = members(lock, "packages").filter(|(_, one)| word(one, "dev") != "true");
    let named = packages.filter_map(|(key, one)| {
        if !word(one, "name").is_empty() && !word(one, "version").is_empty() {
            return found(word(one, "name"), word(one, "version"));
        }
        let key = key.trim_start_matches('/').split('(').next().unwrap_or_default();
        let (name, version) = if old { key.rsplit_once('/')? } else { key.rsplit_once('@')? };
        found(name, version.split('_').next().unwrap_or(version))
    });
    named.collect()
}

/// Values of `packages`: lists whose first member is `name@1.0.0` (Bun, "Lockfile").
fn bun(lock: &Value) -> Vec<Found> {
    let resolved = members(lock, "packages").filter_map(|(_, one)| {
        let (name, version) = one.as_array()?.first()?.as_str()?.rsplit_once('@')?;
        found(name, version)
    });
    resolved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_lock_file_is_told() {
        let said = |bytes: &[u8]| read(&File { path: "app/bun.lockb", bytes });
        assert!(
            said(b"#!/usr/bin/env bun\nbun-lockfile-format-v0\n")
                .unwrap_err()
                .contains("--save-text-lockfile")
        );
        assert_eq!(said(b""), Ok(Facts::default()));
        assert!(wants("app/bun.lockb") && !wants("node_modules/a/bun.lockb"));
    }
}
