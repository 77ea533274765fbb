//! The manifest of the corpus: the digest of every frozen file, held against the files and against history.
//!
//! `corpus/MANIFEST` has a line for each file, `SHA256  PATH`. Lines are only ever added: a frozen Case that was changed with
//! its line is seen in the history of the manifest, where the clone has one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::digest::{SHA256, digest};

/// The manifest, from the repository's root.
const MANIFEST: &str = "corpus/MANIFEST";

/// What is wrong with the corpus in `root`.
pub fn check(root: &Path) -> Result<Vec<String>, String> {
    let told = |error: std::io::Error| format!("{MANIFEST}: {error}");
    let manifest = read(&fs::read_to_string(root.join(MANIFEST)).map_err(told)?);
    let mut problems = compare(&manifest, &files(root)?);
    for (commit, earlier) in history(root) {
        problems.extend(lost(&manifest, &read(&earlier), &commit));
    }
    Ok(problems)
}

/// Adds the lines of files that have none yet, those of a new Edition. What is there stays.
pub fn extend(root: &Path) -> Result<(), String> {
    let mut manifest = read(&fs::read_to_string(root.join(MANIFEST)).unwrap_or_default());
    for (path, digest) in files(root)? {
        manifest.entry(path).or_insert(digest);
    }
    let mut text = String::new();
    for (path, digest) in manifest {
        // Writing to a text cannot fail.
        let _written = writeln!(text, "{digest}  {path}");
    }
    fs::write(root.join(MANIFEST), text).map_err(|error| format!("{MANIFEST}: {error}"))
}

/// The digests of a manifest, by path.
pub fn read(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines.map(|(digest, path)| (path.to_owned(), digest.to_owned())).collect()
}

/// What differs between the manifest and the files that are there.
pub fn compare(manifest: &BTreeMap<String, String>, files: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<_> = manifest.keys().chain(files.keys()).collect();
    let problem = |path: &String| match (manifest.get(path), files.get(path)) {
        (Some(frozen), Some(found)) if frozen == found => None,
        (Some(_), Some(_)) => Some(format!("{path}: it was changed; the corpus is append-only")),
        (Some(_), None) => Some(format!("{path}: it is gone; the corpus is append-only")),
        _ => Some(format!("{path}: {MANIFEST} lacks it: `cargo xtask corpus` adds what is new")),
    };
    names.into_iter().filter_map(problem).collect()
}

/// The lines of an earlier manifest that the present one does not have.
pub fn lost(
    manifest: &BTreeMap<String, String>,
    earlier: &BTreeMap<String, String>,
    commit: &str,
) -> Vec<String> {
    let gone = earlier.iter().filter(|(path, digest)| manifest.get(*path) != Some(*digest));
    gone.map(|(path, _)| format!("{path}: it is not what it was at {commit}; the corpus is append-only"))
        .collect()
}

/// The digest of every frozen file, by its path from the root.
fn files(root: &Path) -> Result<BTreeMap<String, String>, String> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.join("corpus")]);
    while let Some(folder) = folders.pop() {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(told)? {
            let path: PathBuf = entry.map_err(told)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if name != MANIFEST && name != "corpus/README.md" {
                let bytes = fs::read(&path).map_err(told)?;
                files.insert(name, data_encoding::HEXLOWER.encode(digest(&SHA256, &bytes).as_ref()));
            }
        }
    }
    Ok(files)
}

/// Every committed version of the manifest, by commit. None where this is not a clone with its history.
fn history(root: &Path) -> Vec<(String, String)> {
    let git = |arguments: &[&str]| {
        let ran = Command::new("git").args(arguments).current_dir(root).output().ok()?;
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    let commits = git(&["log", "--format=%H", "--", MANIFEST]).unwrap_or_default();
    let version = |commit: &str| Some((commit.to_owned(), git(&["show", &format!("{commit}:{MANIFEST}")])?));
    commits.lines().filter_map(version).collect()
}
