//! Catalogers on data: each folder of `catalogers/` is a case, with files as an image has them below `root/` and, in
//! `expected.txt`, what is found: package URL, confidence, licences, owner. `LOCKGATE_BLESS=1` writes what is found; look
//! at it before you commit it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest, Inventory};
use lockgate_scan::{analyse, merge};

fn layer(root: &Path) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.mode(tar::HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    tar.append_dir_all("", root).unwrap();
    tar.into_inner().unwrap()
}

fn inventory(case: &Path) -> Inventory {
    let blob = layer(&case.join("root"));
    let descriptor = Descriptor::of(media::OCI_LAYER, &blob);
    let content = analyse(&blob[..], &descriptor, Some(&Digest::of(&blob))).unwrap();
    merge(&[(descriptor, content)])
}

fn lines(inventory: &Inventory) -> String {
    let mut lines: Vec<_> = inventory
        .packages
        .iter()
        .map(|package| {
            let licenses = package.licenses.join("; ");
            format!("{} {:?} [{licenses}] {}", package.purl, package.confidence, package.installed_by)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.extend(inventory.unread.iter().map(|unread| format!("unread {}: {}", unread.path, unread.reason)));
    lines.sort();
    lines.join("\n") + "\n"
}

#[test]
fn every_case_gives_what_is_expected() {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/catalogers");
    let (mut cases, mut wrong) = (0, Vec::new());
    for case in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let (found, file) = (lines(&inventory(&case)), case.join("expected.txt"));
        if std::env::var_os("LOCKGATE_BLESS").is_some() {
            std::fs::write(&file, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nfound\n{found}expected\n{expected}", case.display()));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 15, "only {cases} cases were found");
}
