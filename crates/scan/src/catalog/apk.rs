//! Alpine packages: the apk database (apk-tools, "apk v2 installed database"), with the files that each owns.

use data_encoding::BASE64;

use super::facts::Broken;
use super::{Facts, File, Found, Owned, PackageKind, Sum, may_speak};
use crate::limits;

pub(super) fn wants(path: &str) -> bool {
    matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text().replace("\r\n", "\n");
    let (mut facts, mut broken) = (Facts::default(), Broken::default());
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        match package(block) {
            Ok(package) => {
                facts.packages.push(package);
                let room = (limits::OWNED_PER_FILE + 1).saturating_sub(facts.owned.len());
                facts.owned.extend(owned(block).into_iter().take(room));
                let twice = ["P:", "V:", "o:"].iter().find(|key| lines_of(block, key).nth(1).is_some());
                broken.extend(twice.map(|key| format!("a package has the line {key} twice")));
            }
            Err(why) => broken.push(why),
        }
    }
    facts.unread.extend(broken.told());
    Ok(facts)
}

/// What follows `key` in the lines that begin with it.
fn lines_of<'a>(block: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    block.lines().filter_map(move |line| line.strip_prefix(key)).map(str::trim)
}

fn value<'a>(block: &'a str, key: &str) -> &'a str {
    lines_of(block, key).next().unwrap_or_default()
}

fn package(block: &str) -> Result<Found, String> {
    let (name, version, origin) = (value(block, "P:"), value(block, "V:"), value(block, "o:"));
    if name.is_empty() || version.is_empty() {
        let name: String = name.chars().take(80).collect();
        return Err(format!("a package lacks its name or version (P:{name})"));
    }
    let license = value(block, "L:");
    Ok(Found {
        source: (!origin.is_empty() && origin != name).then(|| [origin.to_owned(), version.to_owned()]),
        architecture: value(block, "A:").to_owned(),
        licenses: if license.is_empty() { vec![] } else { vec![license.to_owned()] },
        ..Found::new(PackageKind::Apk, name, version)
    })
}

/// `F:` names a folder, `R:` a file in it, `Z:Q1` the SHA-1 of the file named last.
fn owned(block: &str) -> Vec<Owned> {
    let (owner, mut folder, mut files) = (value(block, "P:"), "", Vec::<Owned>::new());
    let mut last_kept = false;
    for line in block.lines() {
        match line.split_once(':') {
            Some(("F", name)) => folder = name.trim(),
            Some(("R", name)) => {
                let path = if folder.is_empty() {
                    name.trim().to_owned()
                } else {
                    format!("{folder}/{}", name.trim())
                };
                last_kept = may_speak(&path);
                if last_kept {
                    files.push(Owned { path, owner: owner.to_owned(), sum: None });
                }
            }
            Some(("Z", sum)) if last_kept => {
                let sum = sum.trim().strip_prefix("Q1").and_then(|sum| BASE64.decode(sum.as_bytes()).ok());
                if let (Some(last), Some(sum)) = (files.last_mut(), sum.and_then(|sum| sum.try_into().ok())) {
                    last.sum = Some(Sum::Sha1(sum));
                }
            }
            _ => {}
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Facts, String> {
        read(&File { path: "lib/apk/db/installed", bytes: text.as_bytes() })
    }

    #[test]
    fn reads_packages_with_origin_license_and_files() {
        let facts = said(
            "C:Q1\nP:libcrypto3\nV:3.3.2-r1\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:x.so\nF:usr/bin\nR:tool\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n\nP:musl\nV:1.2.5-r0\n\n",
        )
        .unwrap();
        let names: Vec<_> = facts.packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["libcrypto3", "musl"]);
        assert_eq!(facts.packages[0].source.as_ref().unwrap()[0], "openssl");
        assert_eq!(facts.packages[0].licenses, ["Apache-2.0"]);
        let [owned] = facts.owned.as_slice() else { panic!("{facts:?}") };
        assert_eq!(owned.path, "usr/bin/tool");
        assert!(super::super::Sums::of(b"").is(&owned.sum.unwrap()));
    }

    #[test]
    fn a_broken_package_costs_itself() {
        let facts = said("P:x\n\nP:musl\r\nV:1\r\n\r\nP:a\nV:1\nV:2\n").unwrap();
        let names: Vec<_> = facts.packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["musl", "a"]);
        let [(_, why)] = facts.unread.as_slice() else { panic!("{facts:?}") };
        assert!(why.contains("P:x") && why.contains("V:"), "{why}");
    }
}
