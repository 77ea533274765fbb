//! Licences of Debian packages: machine-readable copyright files (DEP-5).

use super::{Facts, File};

pub(super) fn wants(path: &str) -> bool {
    let name = path.strip_prefix("usr/share/doc/").and_then(|rest| rest.strip_suffix("/copyright"));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    let mut licenses: Vec<_> = if text.trim_start().starts_with("Format:") {
        let names = text.lines().filter_map(|line| line.strip_prefix("License:"));
        names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    } else {
        common(&text)
    };
    licenses.sort();
    licenses.dedup();
    Ok(Facts { licenses, ..Facts::default() })
}

/// A free-form file names the texts that every Debian system has (Debian Policy, 12.5).
fn common(text: &str) -> Vec<String> {
    let mentions = text.split("/usr/share/common-licenses/").skip(1);
    let names = mentions.map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c))).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default().trim_end_matches(['.', '-']).to_owned()
    });
    names.filter(|name| !name.is_empty()).collect()
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
        let facts =
            said(b"see `/usr/share/common-licenses/GPL-2'.\nand /usr/share/common-licenses/Artistic\n");
        assert_eq!(facts.licenses, ["Artistic", "GPL-2"]);
        assert!(wants("usr/share/doc/libssl3/copyright") && !wants("usr/share/doc/a/b/copyright"));
    }
}
