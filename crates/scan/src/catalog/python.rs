//! Python packages: the metadata of wheels and eggs (Python Packaging User Guide, "Core metadata
//! specifications").

use std::cmp::Ordering;

use lockgate_model::inventory::Confidence;

use super::control::{field, paragraph};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    match name {
        "METADATA" => folder.ends_with(DIST_INFO),
        "PKG-INFO" => folder.ends_with(".egg-info") || folder.ends_with("/EGG-INFO") || folder == "EGG-INFO",
        _ => name.ends_with(".egg-info"),
    }
}

const DIST_INFO: &str = ".dist-info";
const EGG_INFO: &str = ".egg-info";

/// What of a path counts when metadata is read: whether its folder names a package, and speaks where the metadata does not.
pub(super) fn part(path: &str) -> &str {
    if of_folder(path).is_some() { DIST_INFO } else { "" }
}

/// Whether the file at `path` is beside the metadata of a wheel or an egg and says, where that is gone, that the package is
/// installed (PyPA, "Recording installed projects"; setuptools, "The Internal Structure of Python Eggs").
pub(super) fn stands_in(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    matches!(name, "WHEEL" | "INSTALLER") && folder.ends_with(DIST_INFO)
        || matches!(name, "top_level.txt" | "SOURCES.txt") && folder.ends_with(EGG_INFO)
}

/// What such a file says: what its folder is named after.
pub(super) fn read_beside(file: &File<'_>) -> Result<Facts, String> {
    Ok(Vec::from_iter(of_folder(file.path).or_else(|| of_egg(file.path))).into())
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text().replace("\r\n", "\n");
    let fields = paragraph(&text);
    let (name, version) = (field(&fields, "Name"), field(&fields, "Version"));
    if name.is_empty() || version.is_empty() {
        // Its folder speaks for it.
        if file.bytes.is_empty() || of_folder(file.path).is_some() {
            return Ok(Facts::default());
        }
        return Err(format!("the metadata lacks Name or Version (Name: `{name}`)"));
    }
    let found =
        Found { licenses: licenses(&fields), ..Found::new(PackageKind::Python, normalised(name), version) };
    Ok(vec![found].into())
}

/// The package that the folder of the metadata at `path` is named after, where that is another one than `found`: Python finds an
/// installed package by its folder, and tools by what is written in it.
pub(super) fn other_than(path: &str, found: Option<&Found>) -> Option<Found> {
    let folder = of_folder(path).filter(|_| wants(path))?;
    let same =
        found.is_some_and(|found| folder.name == found.name && !differs(&folder.version, &found.version));
    (!same).then_some(folder)
}

/// The package that the folder of a wheel's metadata is named after: `Name-1.0.dist-info` (PyPA, "Recording installed
/// projects").
fn of_folder(path: &str) -> Option<Found> {
    let folder = crate::paths::split(crate::paths::split(path).0).1;
    let (name, version) = folder.strip_suffix(DIST_INFO)?.split_once('-')?;
    derived(name, version)
}

/// The same of an egg's: `Name-1.0-py3.8.egg-info`, or without the version of Python.
fn of_egg(path: &str) -> Option<Found> {
    let folder = crate::paths::split(crate::paths::split(path).0).1;
    let (name, version) = folder.strip_suffix(EGG_INFO)?.split_once('-')?;
    derived(name, version.split_once("-py").map_or(version, |(version, _)| version))
}

fn derived(name: &str, version: &str) -> Option<Found> {
    let sound = !name.is_empty() && version.starts_with(|first: char| first.is_ascii_digit());
    sound.then(|| Found {
        confidence: Confidence::Derived,
        ..Found::new(PackageKind::Python, normalised(name), version)
    })
}

/// Whether two versions are not the same one (PEP 440); folders have `_` where a version has `-`.
fn differs(folder: &str, version: &str) -> bool {
    let plain = |text: &str| text.replace(['_', '-'], ".").to_lowercase();
    plain(folder) != plain(version)
        && crate::version::compare("PyPI", &folder.replace('_', "-"), version) != Ok(Ordering::Equal)
}

/// PEP 503: lower case, and runs of `-`, `_` and `.` are one `-`.
pub(crate) fn normalised(name: &str) -> String {
    let mut normalised = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !normalised.ends_with('-') {
                normalised.push('-');
            }
        } else {
            normalised.extend(c.to_lowercase());
        }
    }
    normalised
}

/// The expression where there is one (PEP 639), else the field when it is short, else the classifiers.
fn licenses(fields: &[(&str, String)]) -> Vec<String> {
    /// A longer `License` field holds the text of the licence, not its name; in characters.
    const NAME: usize = 80;
    let expression = field(fields, "License-Expression");
    if !expression.is_empty() {
        return vec![expression.to_owned()];
    }
    let license = field(fields, "License");
    if !license.is_empty() && license != "UNKNOWN" && license.len() <= NAME && !license.contains('\n') {
        return vec![license.to_owned()];
    }
    let classifiers = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Classifier"));
    classifiers
        .filter_map(|(_, value)| value.strip_prefix("License ::")?.rsplit("::").next())
        .map(|name| name.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &[u8]) -> Result<Facts, String> {
        read(&File { path: "a-1.dist-info/METADATA", bytes: text })
    }

    #[test]
    fn reads_name_version_and_licence() {
        let facts =
            said(b"Metadata-Version: 2.1\nName: Foo_Bar.baz\nVersion: 1.0\nLicense: MIT\n\nName: body\n")
                .unwrap();
        assert_eq!(facts.packages[0].name, "foo-bar-baz");
        assert_eq!(facts.packages[0].licenses, ["MIT"]);
        let facts =
            said(b"Name: x\nVersion: 1\nClassifier: License :: OSI Approved :: BSD License\n").unwrap();
        assert_eq!(facts.packages[0].licenses, ["BSD License"]);
        assert_eq!(said(b"Name: a\nVersion: 1\n").unwrap().packages.len(), 1);
        let egg = |bytes| read(&File { path: "x.egg-info/PKG-INFO", bytes });
        assert!(egg(b"Name: x\n").is_err() && egg(b"").unwrap().packages.is_empty());
    }

    #[test]
    fn the_folder_speaks_where_the_metadata_does_not() {
        let said = |path: &str, text: &str| {
            let file = File { path, bytes: text.as_bytes() };
            let facts = if stands_in(path) { read_beside(&file) } else { read(&file) }.unwrap();
            let other = other_than(path, facts.packages.first());
            let all = facts.packages.into_iter().chain(other);
            all.map(|one| format!("{} {} {:?}", one.name, one.version, one.confidence)).collect::<Vec<_>>()
        };
        let own = "lib/Foo_Bar-1.0.dist-info/METADATA";
        for broken in ["", "Name: foo-bar\n", "Version: 1.0\n"] {
            assert_eq!(said(own, broken), ["foo-bar 1.0 Derived"], "{broken}");
        }
        assert_eq!(said("lib/Foo_Bar-1.0.dist-info/WHEEL", "x"), ["foo-bar 1.0 Derived"]);
        assert!(said("lib/x.dist-info/WHEEL", "x").is_empty());
        for egg in ["lib/Foo_Bar-1.0-py3.8.egg-info/top_level.txt", "lib/foo.bar-1.0.egg-info/SOURCES.txt"] {
            assert_eq!(said(egg, "x"), ["foo-bar 1.0 Derived"], "{egg}");
        }
        assert!(said("src/foo.egg-info/SOURCES.txt", "x").is_empty());
        for same in ["1.0", "1.0.0", "1"] {
            assert_eq!(said(own, &format!("Name: foo.bar\nVersion: {same}\n")).len(), 1, "{same}");
        }
        for other in ["Name: foo-bar\nVersion: 9\n", "Name: other\nVersion: 1.0\n"] {
            assert_eq!(said(own, other)[1], "foo-bar 1.0 Derived", "{other}");
        }
        let local = "lib/torch-2.1.0+cpu.dist-info/METADATA";
        assert_eq!(said(local, "Name: torch\nVersion: 2.1.0+cpu\n").len(), 1);
        assert_eq!(said("lib/a-2016_1.dist-info/METADATA", "Name: a\nVersion: 2016-1\n").len(), 1);
    }

    #[test]
    fn asks_for_metadata_files() {
        assert!(wants("usr/lib/python3/dist-packages/a-1.dist-info/METADATA"));
        assert!(wants("a/b-1.egg-info/PKG-INFO") && wants("a/b-1.egg-info"));
        assert!(!wants("a/METADATA") && !wants("a-1.dist-info/RECORD"));
    }
}
