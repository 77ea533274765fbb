//! Alpine packages: the apk database (apk-tools, "apk v2 installed database").

use lockgate_model::inventory::Source;

use super::{Facts, Found, PackageKind, text};

pub(super) fn wants(path: &str) -> bool {
    matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed")
}

pub(super) fn read(bytes: &[u8]) -> Result<Facts, String> {
    let text = text(bytes);
    let mut packages = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let value = |key: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
                .unwrap_or_default()
                .trim()
        };
        let (name, version, origin) = (value("P"), value("V"), value("o"));
        if name.is_empty() || version.is_empty() {
            return Err(format!("a package lacks its name or version (P:{name})"));
        }
        let source = (!origin.is_empty() && origin != name)
            .then(|| Source { name: origin.to_owned(), version: version.to_owned() });
        let license = value("L");
        packages.push(Found {
            kind: PackageKind::Apk,
            name: name.to_owned(),
            version: version.to_owned(),
            source,
            architecture: value("A").to_owned(),
            licenses: if license.is_empty() { vec![] } else { vec![license.to_owned()] },
        });
    }
    Ok(Facts { packages, ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_with_origin_and_license() {
        let facts =
            read(b"C:Q1\nP:libcrypto3\nV:3.3.2-r1\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:x\n\nP:musl\nV:1.2.5-r0\n\n")
                .unwrap();
        let names: Vec<_> = facts.packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["libcrypto3", "musl"]);
        assert_eq!(facts.packages[0].source.as_ref().unwrap().name, "openssl");
        assert_eq!(facts.packages[0].licenses, ["Apache-2.0"]);
        assert!(read(b"P:x\n").is_err());
    }
}
