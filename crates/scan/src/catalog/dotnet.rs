//! .NET packages: what a built program names in its `deps.json` (dotnet/sdk, "runtime configuration file"), and
//! NuGet's lock files: the present one, and `packages.config` (NuGet, "packages.config reference").

use serde_json::Value;

use super::documents::{self, members, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    name.ends_with(".deps.json") || name == "packages.lock.json" || is_config(name)
}

fn is_config(name: &str) -> bool {
    name.eq_ignore_ascii_case("packages.config")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let mut packages: Vec<_> = match file.name() {
        name if is_config(name) => configured(&file.text())?,
        "packages.lock.json" => locked(&documents::json(file.bytes)?),
        _ => built(&documents::json(file.bytes)?),
    };
    packages.sort();
    packages.dedup();
    Ok(packages.into())
}

/// Libraries `Name/1.0.0` of type `package`: those of which a target has files that the runtime loads. What has none was
/// needed to compile, and is not there.
fn built(value: &Value) -> Vec<Found> {
    const ASSETS: [&str; 4] = ["runtime", "native", "runtimeTargets", "resources"];
    let targets: Vec<_> = members(value, "targets").map(|(_, target)| target).collect();
    let there = |library: &str| {
        let mut listed = targets.iter().filter_map(|target| target.get(library)).peekable();
        let loads = |one: &Value| ASSETS.iter().any(|asset| members(one, asset).next().is_some());
        listed.peek().is_none() || listed.any(loads)
    };
    let libraries = members(value, "libraries").filter(|(_, one)| word(one, "type") == "package");
    let named = libraries.filter(|(name, _)| there(name)).filter_map(|(name, _)| name.split_once('/'));
    named.map(|(name, version)| Found::new(PackageKind::Nuget, name, version)).collect()
}

fn locked(value: &Value) -> Vec<Found> {
    let frameworks = members(value, "dependencies").filter_map(|(_, one)| one.as_object());
    let packages = frameworks.flatten().filter(|(_, one)| word(one, "type") != "Project");
    let resolved = packages.filter(|(_, one)| !word(one, "resolved").is_empty());
    resolved.map(|(name, one)| Found::declared(PackageKind::Nuget, name, word(one, "resolved"))).collect()
}

/// `<package id="A" version="1.0.0" />`; what is for development only is not there.
fn configured(text: &str) -> Result<Vec<Found>, String> {
    if !text.contains("<packages") {
        // Other tools have files of that name; one in UTF-16 is not read.
        let unread = text.contains('\0').then(|| Err("it is not written in UTF-8".to_owned()));
        return unread.unwrap_or(Ok(Vec::new()));
    }
    let mut plain = String::with_capacity(text.len());
    for (at, part) in text.split("<!--").enumerate() {
        let after = if at == 0 { Some(part) } else { part.split_once("-->").map(|(_, rest)| rest) };
        plain.push_str(after.unwrap_or_default());
    }
    let elements =
        plain.split("<package").skip(1).filter(|rest| rest.starts_with(|next: char| next.is_whitespace()));
    let mut packages = Vec::new();
    for element in elements {
        let attributes: Vec<_> = attributes(element).collect();
        let value =
            |key: &str| attributes.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| *value);
        let (name, version) = (value("id").trim(), value("version").trim());
        if name.is_empty() || version.is_empty() {
            return Err("a package lacks `id` or `version`".to_owned());
        }
        if !value("developmentDependency").eq_ignore_ascii_case("true") {
            packages.push(Found::declared(PackageKind::Nuget, name, version));
        }
    }
    Ok(packages)
}

/// `name="value"` or `name='value'`, as far as there are such.
fn attributes(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let (after, name) = (after.trim_start(), name.trim());
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, left) = after.get(1..)?.split_once(quote)?;
        rest = left;
        Some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_packages_is_read_in_any_spelling() {
        let said = |text: &str| read(&File { path: "app/Packages.config", bytes: text.as_bytes() });
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<packages>\n<!-- <package id=\"gone\" version=\"1\" /> -->\n\
            <package id=\"jQuery\" version=\"3.1.1\" targetFramework=\"net46\" />\n<package\n version = '9.0.1' id='Newtonsoft.Json'></package>\n\
            <package id=\"tool\" version=\"1\" developmentDependency=\"true\"/></packages>";
        let named: Vec<_> =
            said(text).unwrap().packages.iter().map(|one| format!("{} {}", one.name, one.version)).collect();
        assert_eq!(named, ["Newtonsoft.Json 9.0.1", "jQuery 3.1.1"]);
        assert_eq!(said("x = 1"), Ok(Facts::default()));
        for bad in
            ["<\0p\0a\0", "<packages><package id=\"a\"/></packages>", "<packages><package id=a version=1/>"]
        {
            assert!(said(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_only_the_compiler_needed_is_not_there() {
        let text = br#"{"targets":{".NETCoreApp,Version=v6.0":{},".NETCoreApp,Version=v6.0/linux-x64":{
            "A/1":{"runtime":{"lib/a.dll":{}}},"B/2":{"dependencies":{"A":"1"}},"C/3":{"native":{"c.so":{}}},
            "D/4":{"runtime":{}},"E/5":{"resources":{"de/e.resources.dll":{}}}}},
            "libraries":{"A/1":{"type":"package"},"B/2":{"type":"package"},"C/3":{"type":"package"},
            "D/4":{"type":"package"},"E/5":{"type":"package"},"F/6":{"type":"package"},"G/7":{"type":"project"}}}"#;
        let facts = read(&File { path: "app.deps.json", bytes: text }).unwrap();
        let names: Vec<_> = facts.packages.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["A", "C", "E", "F"]);
    }
}
