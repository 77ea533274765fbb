//! The packages of a file system on disk, found by walking it as a process inside of it would: links are followed one after
//! the other, absolute ones from the root. Written apart from the scanner, on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::make::Matter;

/// What stands in a file system.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Packages, each as what it is.
    pub(crate) packages: BTreeSet<String>,
    /// Places that have something else than belongs there.
    pub(crate) odd: BTreeSet<String>,
}

struct Walk<'a> {
    root: &'a Path,
    contents: &'a BTreeMap<Vec<u8>, Matter>,
    listed: Listed,
    seen: BTreeSet<(PathBuf, String)>,
}

pub(crate) fn packages(root: &Path, contents: &BTreeMap<Vec<u8>, Matter>) -> Listed {
    let mut walk = Walk { root, contents, listed: Listed::default(), seen: BTreeSet::new() };
    for (place, matter) in [
        ("var/lib/dpkg/status", Matter::Dpkg),
        ("lib/apk/db/installed", Matter::Apk),
        ("usr/lib/apk/db/installed", Matter::Apk),
    ] {
        walk.look(place, matter);
    }
    for name in walk.names("var/lib/dpkg/status.d") {
        walk.look(&format!("var/lib/dpkg/status.d/{name}"), Matter::Dpkg);
    }
    walk.folder("", 0);
    walk.listed
}

impl Walk<'_> {
    /// Where a path inside of the root leads; nowhere if a part of it is missing.
    fn real(&self, path: &str) -> Option<PathBuf> {
        let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let (mut at, mut links) = (Vec::<String>::new(), 0);
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => drop(at.pop()),
                _ => {
                    let here = self.root.join(at.join("/")).join(&part);
                    let kind = fs::symlink_metadata(&here).ok()?;
                    if kind.is_symlink() {
                        links += 1;
                        if links > 40 {
                            return None;
                        }
                        let target = fs::read_link(&here).unwrap().to_str().unwrap().to_owned();
                        if target.starts_with('/') {
                            at.clear();
                        }
                        todo.extend(target.split('/').rev().map(str::to_owned));
                    } else {
                        if !kind.is_dir() && todo.iter().any(|part| !part.is_empty()) {
                            return None;
                        }
                        at.push(part);
                    }
                }
            }
        }
        Some(at.iter().collect())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Some(real) = self.real(folder) else { return Vec::new() };
        let Ok(entries) = fs::read_dir(self.root.join(real)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn folder(&mut self, path: &str, depth: usize) {
        for name in self.names(path) {
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            let Some(real) = self.real(&path) else { continue };
            let kind = fs::metadata(self.root.join(&real)).unwrap();
            if kind.is_file() {
                if let Some(matter) = wanted(&path) {
                    self.look(&path, matter);
                }
            } else if kind.is_dir() && depth < 16 && self.seen.insert((real, meaning(&path))) {
                self.folder(&path, depth + 1);
            }
        }
    }

    fn look(&mut self, path: &str, matter: Matter) {
        let Some(real) = self.real(path) else { return };
        let file = self.root.join(real);
        if !fs::symlink_metadata(&file).unwrap().is_file() {
            return;
        }
        let bytes = fs::read(file).unwrap();
        let has = self.contents.get(&bytes).copied().unwrap_or(Matter::Empty);
        if has == matter {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
            let start = ["\"name\":\"p", "Name: p", "stub: p", "Package: p", "P:p", "artifactId=p"];
            let name = start.iter().find_map(|start| Some(number(text.split_once(start)?.1))).unwrap();
            self.listed.packages.insert(format!("p{name}"));
        } else if has != Matter::Empty {
            self.listed.odd.insert(path.to_owned());
        }
    }
}

/// What is looked for at a place that is anywhere.
fn wanted(path: &str) -> Option<Matter> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name == "package.json" {
        let all = format!("/{folder}/");
        let (_, rest) =
            all.rsplit_once("/node_modules/").or_else(|| all.rsplit_once("/usr/share/nodejs/"))?;
        let mut parts = rest.split('/').filter(|part| !part.is_empty());
        let scope = parts.next()?.starts_with('@');
        if scope && parts.next().is_none() || parts.any(|part| part == "test") {
            return None;
        }
        return Some(Matter::Npm);
    }
    let python = name == "METADATA" && folder.ends_with(".dist-info")
        || name == "PKG-INFO" && folder.ends_with(".egg-info")
        || name.ends_with(".egg-info");
    let gem = name.ends_with(".gemspec")
        && (folder.ends_with("specifications") || folder.ends_with("specifications/default"));
    let end = Path::new(name).extension();
    match (python, gem, end.is_some_and(|end| end == "jar")) {
        (true, ..) => Some(Matter::Python),
        (_, true, _) => Some(Matter::Gem),
        (.., true) => Some(Matter::Jar),
        _ => None,
    }
}

/// What can matter of a path for what is below it.
fn meaning(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    let debian = |at: usize| at > 1 && parts[at - 2..=at] == ["usr", "share", "nodejs"];
    let from = (0..parts.len()).rev().find(|at| parts[*at] == "node_modules" || debian(*at));
    let from = from.filter(|from| parts.len() - from <= 4).unwrap_or(parts.len().saturating_sub(2));
    let inside = path.contains("node_modules/") || format!("/{path}").contains("/usr/share/nodejs/");
    let test = path.rsplit("node_modules").next().is_some_and(|rest| rest.contains("/test"));
    format!("{inside} {test} {}", parts[from..].join("/"))
}
