//! Reads the folder of policies, and everything below it.
//!
//! What looks like a policy and is not read would be a rule that is silently not asked: each file is read, passed over by a
//! rule that docs/policies.md has, or an error that names it.

use std::path::{Path, PathBuf};

use lockgate_engine::workspace::PolicySource;

use crate::failure::Failure;
use crate::session::read_file;

/// Most policy files, and most entries of the folder.
const POLICIES: usize = 1000;
const ENTRIES: usize = 10_000;
/// Deepest folder.
const DEPTH: usize = 16;
/// What the names of editors' and tools' backups end in.
const BACKUPS: [&str; 7] = ["~", ".bak", ".orig", ".rej", ".swp", ".swo", ".tmp"];
/// Formats of data, which policies do not get.
const DATA: [&str; 4] = ["json", "yaml", "yml", "toml"];

/// What a file in the folder is, by its name.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Policy,
    PassedOver,
    /// It is not read, and its author may think that it is.
    Wrong(String),
}

/// The policies below `folder`, by their paths, each called `name/PATH`. Without the folder there are none, and the gate says
/// so.
pub fn read(folder: &Path, name: &Path) -> Result<Vec<PolicySource>, Failure> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file(folder, &error)),
        Ok(_) => {}
    }
    let root = folder.canonicalize().map_err(|error| Failure::file(folder, &error))?;
    if !root.is_dir() {
        return Err(wrong(
            folder,
            "it is not a folder",
            "name the folder of policies: `policies` in lockgate.yaml",
        ));
    }
    let (mut policies, mut entries) = (Vec::new(), 0);
    let mut waiting = vec![(folder.to_owned(), name.display().to_string(), 0)];
    while let Some((folder, name, depth)) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| Failure::file(&folder, &error))? {
            let path = entry.map_err(|error| Failure::file(&folder, &error))?.path();
            entries += 1;
            if entries > ENTRIES || policies.len() >= POLICIES || depth > DEPTH {
                let what = format!(
                    "more than {POLICIES} policies, {ENTRIES} entries or {DEPTH} folders in each other"
                );
                return Err(wrong(&folder, &what, "move what is no policy away"));
            }
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else {
                return Err(wrong(&path, "its name is not text in UTF-8", "rename it"));
            };
            let called = format!("{name}/{file}");
            if file.starts_with('.') {
                continue;
            }
            let kind = path.symlink_metadata().map_err(|error| Failure::file(&path, &error))?.file_type();
            if kind.is_symlink()
                && path.canonicalize().map_err(|error| Failure::file(&path, &error))?.is_dir()
            {
                return Err(wrong(
                    &path,
                    "a link to a folder is not followed",
                    "put the folder itself there",
                ));
            }
            if kind.is_dir() {
                waiting.push((path, called, depth + 1));
            } else if let Some(text) = one(&root, &path, file)? {
                policies.push(PolicySource { path: called, text: text.into() });
            }
        }
    }
    policies.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(policies)
}

/// The text of a policy; nothing for what is passed over.
fn one(root: &Path, path: &Path, file: &str) -> Result<Option<Vec<u8>>, Failure> {
    let named = named(file);
    if named == Named::PassedOver {
        return Ok(None);
    }
    let target: PathBuf = path.canonicalize().map_err(|error| Failure::file(path, &error))?;
    if let Named::Wrong(what) = named {
        return Err(wrong(path, &what, "rename it, or move it out of the folder of policies"));
    }
    if !target.starts_with(root) {
        return Err(wrong(
            path,
            "the link leads out of the folder of policies",
            "copy the file into the folder",
        ));
    }
    // Reading what is no file may never end.
    if !target.metadata().map_err(|error| Failure::file(path, &error))?.is_file() {
        return Err(wrong(path, "it is not a file", "move it out of the folder of policies"));
    }
    read_file(path).map(Some)
}

fn wrong(path: &Path, what: &str, fix: &str) -> Failure {
    Failure::told(format!("{}: {what}", path.display()), fix)
}

#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "`.REGO` is told, not read")]
fn named(file: &str) -> Named {
    let lower = file.to_ascii_lowercase();
    if file.ends_with(".rego") {
        return Named::Policy;
    }
    if BACKUPS.iter().any(|end| lower.ends_with(end)) || (file.starts_with('#') && file.ends_with('#')) {
        return Named::PassedOver;
    }
    let end = lower.rsplit_once('.').map_or("", |(_, end)| end);
    if end == "rego" {
        return Named::Wrong("names of policies end in `.rego`, in lower case".to_owned());
    }
    if DATA.contains(&end) {
        return Named::Wrong(
            "policies get no data but their input: write it as a rule in a `.rego` file".to_owned(),
        );
    }
    let near = strsim::osa_distance(end, "rego") <= 1 && !end.is_empty();
    if near || lower.split('.').skip(1).any(|part| part == "rego") || lower == "rego" {
        return Named::Wrong("it looks like a policy, and names of policies end in `.rego`".to_owned());
    }
    Named::PassedOver
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may panic")]

    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lockgate-policies-{}-{name}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(folder.join("policy/team/deep")).unwrap();
        std::fs::write(folder.join("policy/a.rego"), "package a\n").unwrap();
        std::fs::write(folder.join("policy/team/deep/b.rego"), "package b\n").unwrap();
        folder
    }

    fn paths(folder: &Path) -> Result<Vec<String>, String> {
        let read = read(&folder.join("policy"), Path::new("policy"));
        let paths = read.map(|found| found.into_iter().map(|policy| policy.path).collect());
        paths.map_err(|failure| failure.to_string())
    }

    #[test]
    fn reads_everything_below_the_folder() {
        let folder = folder("below");
        let both = ["policy/a.rego", "policy/team/deep/b.rego"].map(str::to_owned).to_vec();
        assert_eq!(paths(&folder), Ok(both.clone()));
        for other in [
            ".hidden.rego",
            "a.rego~",
            "a.rego.bak",
            "#a.rego#",
            "README.md",
            "a.rego.orig",
            "Makefile",
            ".a.rego.swp",
        ] {
            std::fs::write(folder.join("policy").join(other), "not rego").unwrap();
        }
        std::fs::create_dir_all(folder.join("policy/.git")).unwrap();
        std::fs::write(folder.join("policy/.git/x.rego"), "not rego").unwrap();
        assert_eq!(paths(&folder), Ok(both));
        // As Kubernetes mounts them: a link to a file below the folder.
        symlink("team/deep/b.rego", folder.join("policy/c.rego")).unwrap();
        assert_eq!(paths(&folder).unwrap().len(), 3);
        std::fs::remove_dir_all(folder.join("policy")).unwrap();
        assert_eq!(paths(&folder), Ok(vec![]));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_it() {
        type Spoil = fn(&Path);
        let cases: [(&str, Spoil); 16] = [
            ("dangling.rego", |path| symlink("nowhere.rego", path).unwrap()),
            ("outside.rego", |path| symlink("/etc/passwd", path).unwrap()),
            ("up.rego", |path| {
                std::fs::write(path.parent().unwrap().join("../beside.rego"), "package x\n").unwrap();
                symlink("../beside.rego", path).unwrap();
            }),
            ("loop.rego", |path| symlink("loop.rego", path).unwrap()),
            ("folder.rego", |path| symlink("team", path).unwrap()),
            ("linked", |path| symlink("..", path).unwrap()),
            ("x.REGO", |path| std::fs::write(path, "package x\n").unwrap()),
            ("x.Rego", |path| std::fs::write(path, "package x\n").unwrap()),
            ("data.json", |path| std::fs::write(path, "{}").unwrap()),
            ("data.yaml", |path| std::fs::write(path, "{}").unwrap()),
            ("data.yml", |path| std::fs::write(path, "{}").unwrap()),
            ("x.rego.txt", |path| std::fs::write(path, "package x\n").unwrap()),
            ("x.rgo", |path| std::fs::write(path, "package x\n").unwrap()),
            ("x.reg", |path| std::fs::write(path, "package x\n").unwrap()),
            ("rego", |path| std::fs::write(path, "package x\n").unwrap()),
            ("pipe.rego", |path| {
                assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
            }),
        ];
        for (name, spoil) in cases {
            let folder = folder(name);
            spoil(&folder.join("policy").join(name));
            let told = paths(&folder);
            assert!(told.as_ref().is_err_and(|told| told.contains(name)), "{name}: {told:?}");
            std::fs::remove_dir_all(folder).unwrap();
        }
        let folder = folder("file");
        std::fs::remove_dir_all(folder.join("policy")).unwrap();
        std::fs::write(folder.join("policy"), "").unwrap();
        assert!(paths(&folder).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
