//! Python packages: the metadata of wheels and eggs (Python Packaging User Guide, "Core metadata
//! specifications").

use super::control::{field, paragraph};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    match name {
        "METADATA" => folder.ends_with(".dist-info"),
        "PKG-INFO" => folder.ends_with(".egg-info") || folder.ends_with("/EGG-INFO"),
        _ => name.ends_with(".egg-info"),
    }
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text().replace("\r\n", "\n");
    let fields = paragraph(&text);
    let (name, version) = (field(&fields, "Name"), field(&fields, "Version"));
    if file.bytes.is_empty() {
        return Ok(Facts::default());
    }
    if name.is_empty() || version.is_empty() {
        return Err(format!("the metadata lacks Name or Version (Name: `{name}`)"));
    }
    let found =
        Found { licenses: licenses(&fields), ..Found::new(PackageKind::Python, normalised(name), version) };
    Ok(vec![found].into())
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
        assert!(said(b"Name: x\n").is_err());
    }

    #[test]
    fn asks_for_metadata_files() {
        assert!(wants("usr/lib/python3/dist-packages/a-1.dist-info/METADATA"));
        assert!(wants("a/b-1.egg-info/PKG-INFO") && wants("a/b-1.egg-info"));
        assert!(!wants("a/METADATA") && !wants("a-1.dist-info/RECORD"));
    }
}
