//! The distribution (os-release(5)).

use lockgate_model::inventory::Distribution;

use super::{Facts, text};

pub(super) fn wants(path: &str) -> bool {
    matches!(path, "etc/os-release" | "usr/lib/os-release")
}

pub(super) fn read(bytes: &[u8]) -> Result<Facts, String> {
    let text = text(bytes);
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned()
    };
    let distribution =
        Distribution { id: value("ID"), version: value("VERSION_ID"), codename: value("VERSION_CODENAME") };
    let distribution = (!distribution.id.is_empty()).then_some(distribution);
    Ok(Facts { distribution, ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_bare_values() {
        let facts = read(b"NAME=x\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\n").unwrap();
        let expected =
            Distribution { id: "debian".into(), version: "12".into(), codename: "bookworm".into() };
        assert_eq!(facts.distribution, Some(expected));
        assert_eq!(read(b"").unwrap().distribution, None);
    }
}
