//! The distribution (os-release(5)).

use super::{Facts, File};

pub(super) fn wants(path: &str) -> bool {
    matches!(path, "etc/os-release" | "usr/lib/os-release")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned()
    };
    let distribution = [value("ID"), value("VERSION_ID"), value("VERSION_CODENAME")];
    Ok(Facts { distribution: Some(distribution).filter(|[id, ..]| !id.is_empty()), ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_bare_values() {
        let said = |text: &str| read(&File { path: "etc/os-release", bytes: text.as_bytes() }).unwrap();
        let facts = said("NAME=x\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\n");
        assert_eq!(facts.distribution, Some(["debian", "12", "bookworm"].map(str::to_owned)));
        assert_eq!(said("").distribution, None);
    }
}
