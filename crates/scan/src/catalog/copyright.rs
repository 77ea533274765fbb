//! Licences of Debian packages: machine-readable copyright files (DEP-5).

use super::{Facts, File};

pub(super) fn wants(path: &str) -> bool {
    let name = path.strip_prefix("usr/share/doc/").and_then(|rest| rest.strip_suffix("/copyright"));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    // Free-form files have no names of licences that a machine could rely on.
    if !text.trim_start().starts_with("Format:") {
        return Ok(Facts::default());
    }
    let names = text.lines().filter_map(|line| line.strip_prefix("License:"));
    let mut licenses: Vec<_> =
        names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    licenses.sort();
    licenses.dedup();
    Ok(Facts { licenses, ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_from_machine_readable_files_only() {
        let said = |bytes: &[u8]| read(&File { path: "usr/share/doc/a/copyright", bytes }).unwrap();
        let facts = said(b"Format: https://x\n\nFiles: *\nLicense: GPL-2+\n text\n\nLicense: MIT\n");
        assert_eq!(facts.licenses, ["GPL-2+", "MIT"]);
        assert!(said(b"License: free form\n").licenses.is_empty());
        assert!(wants("usr/share/doc/libssl3/copyright") && !wants("usr/share/doc/a/b/copyright"));
    }
}
