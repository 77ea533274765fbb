//! The file system that layers make, as far as packages need it.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::Descriptor;
use lockgate_model::inventory::Unread;

use super::sieve::{PathHash, Sieve};
use super::system::system_kind;
use crate::catalog::{self, Facts, PackageKind};
use crate::layer::{Kind, LayerContent};
use crate::{limits, paths};

/// A file that a cataloger read, and the layer that brought it.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) layer: usize,
}

/// The file system as far as packages need it.
#[derive(Default)]
pub(crate) struct Tree<'a> {
    pub(crate) files: BTreeMap<String, Placed<'a>>,
    pub(super) links: BTreeMap<String, String>,
    pub(super) unread: Vec<Unread>,
    /// The kinds of system packages that any layer brought, whether or not they are still there.
    pub(super) systems: BTreeSet<PackageKind>,
    sieve: Sieve,
    /// The folder that the entry before was in: entries of one folder stand together.
    here: Option<Here>,
}

/// A folder and where links lead it, until a link is added or removed.
struct Here {
    folder: String,
    resolved: String,
    hash: PathHash,
}

impl<'a> Tree<'a> {
    /// The tree that has these files and links.
    pub(super) fn of(
        files: impl Iterator<Item = (String, Placed<'a>)>,
        links: impl Iterator<Item = (String, String)>,
        unread: Vec<Unread>,
        systems: BTreeSet<PackageKind>,
    ) -> Self {
        let (files, links) = (files.collect::<BTreeMap<_, _>>(), links.collect::<BTreeMap<_, _>>());
        let mut sieve = Sieve::default();
        for path in files.keys() {
            sieve.add(path);
        }
        for path in links.keys() {
            sieve.add_link(path);
        }
        Self { files, links, unread, systems, sieve, here: None }
    }

    pub(super) fn lay(&mut self, layer: usize, descriptor: &Descriptor, content: &'a LayerContent) {
        // Whiteouts speak about lower layers only, wherever they stand in the tar.
        for entry in &content.entries {
            match entry.kind {
                Kind::Removed => {
                    let path = self.resolve_folder(&entry.path);
                    self.remove(&path);
                }
                Kind::Opaque => {
                    let path = self.resolve(&entry.path);
                    self.remove_below(&path);
                }
                _ => {}
            }
        }
        for entry in &content.entries {
            if matches!(entry.kind, Kind::Other | Kind::Folder) && self.nothing_at(&entry.path) {
                continue;
            }
            let path = self.resolve_folder(&entry.path);
            match &entry.kind {
                Kind::Removed | Kind::Opaque => {}
                // A folder replaces a link or file of that name, and joins a folder.
                Kind::Folder => {
                    self.unlink(&path);
                    self.files.remove(&path);
                }
                Kind::Other => self.remove(&path),
                Kind::Link(target) => {
                    self.remove(&path);
                    self.link(path, target);
                }
                Kind::Wanted(index) => {
                    self.remove(&path);
                    if let Some(facts) = content.facts.get(*index as usize) {
                        self.place(path, Placed { facts, layer });
                    }
                }
                Kind::Hard(target) => self.hard_link(&path, target, layer, descriptor),
            }
        }
        self.unread.extend(content.unread.iter().cloned());
    }

    pub(super) fn link(&mut self, path: String, target: &str) {
        self.here = None;
        self.sieve.add_link(&path);
        self.links.insert(path, target.to_owned());
    }

    pub(super) fn place(&mut self, path: String, placed: Placed<'a>) {
        self.sieve.add(&path);
        self.systems.extend(system_kind(placed.facts));
        self.files.insert(path, placed);
    }

    /// Whether what is at `path` replaces nothing that matters.
    fn nothing_at(&mut self, path: &str) -> bool {
        let (folder, name) = paths::split(path);
        let hash = self.here(folder).hash.join(name);
        !self.sieve.may_hold(hash)
    }

    fn here(&mut self, folder: &str) -> &Here {
        match self.here.take() {
            Some(here) if here.folder == folder => self.here.insert(here),
            _ => {
                let resolved = self.resolve(folder);
                let hash = PathHash::of(&resolved);
                self.here.insert(Here { folder: folder.to_owned(), resolved, hash })
            }
        }
    }

    /// A hard link to a file of a lower layer.
    fn hard_link(&mut self, path: &str, target: &str, layer: usize, descriptor: &Descriptor) {
        let resolved = self.resolve(target);
        let placed = self.files.get(&resolved).copied().filter(|_| catalog::same(&resolved, path));
        self.remove(path);
        match placed {
            Some(placed) => self.place(path.to_owned(), Placed { facts: placed.facts, layer }),
            None if catalog::wants(path) => self.unread.push(Unread {
                layer: descriptor.digest,
                path: format!("/{path}"),
                reason: format!("it is a hard link to /{resolved}, which was not read"),
            }),
            None => {}
        }
    }

    fn unlink(&mut self, path: &str) {
        if self.links.remove(path).is_some() {
            self.here = None;
        }
    }

    /// Removes a path and, if it was a folder, everything below it.
    fn remove(&mut self, path: &str) {
        if self.sieve.may_hold(PathHash::of(path)) {
            self.unlink(path);
            self.files.remove(path);
            self.remove_below(path);
        }
    }

    fn remove_below(&mut self, folder: &str) {
        remove_below(&mut self.files, folder);
        if remove_below(&mut self.links, folder) {
            self.here = None;
        }
    }

    /// A path whose folders are followed through links; the last part is not.
    fn resolve_folder(&mut self, path: &str) -> String {
        let (folder, name) = paths::split(path);
        if folder.is_empty() {
            return name.to_owned();
        }
        let folder = &self.here(folder).resolved;
        if folder.is_empty() { name.to_owned() } else { [folder, "/", name].concat() }
    }

    /// A path followed through links in every part. After too many links it is taken as it stands.
    pub(crate) fn resolve(&self, path: &str) -> String {
        if !self.sieve.may_follow(path) {
            return path.to_owned();
        }
        let (mut done, mut rest) = (String::new(), path.to_owned());
        let mut followed = 0;
        while !rest.is_empty() {
            let (part, tail) = rest.split_once('/').unwrap_or((&rest, ""));
            let at = if done.is_empty() { part.to_owned() } else { format!("{done}/{part}") };
            match self.links.get(&at) {
                Some(target) if followed < limits::LINKS_FOLLOWED => {
                    followed += 1;
                    let target = paths::link_target(&at, target);
                    rest = if tail.is_empty() { target } else { format!("{target}/{tail}") };
                    done.clear();
                }
                _ => {
                    rest = tail.to_owned();
                    done = at;
                }
            }
        }
        done
    }
}

/// Whether anything lies below `folder`.
pub(super) fn below<T>(map: &BTreeMap<String, T>, folder: &str) -> bool {
    if folder.is_empty() {
        return !map.is_empty();
    }
    let first = map.range(format!("{folder}/")..).next();
    first.is_some_and(|(path, _)| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}

/// Removes what lies below `folder`; whether there was anything.
fn remove_below<T>(map: &mut BTreeMap<String, T>, folder: &str) -> bool {
    if folder.is_empty() {
        let any = !map.is_empty();
        map.clear();
        return any;
    }
    if !below(map, folder) {
        return false;
    }
    // `0` is the character after `/`: the range holds exactly what lies below.
    let below: Vec<String> =
        map.range(format!("{folder}/")..format!("{folder}0")).map(|(path, _)| path.clone()).collect();
    for path in below {
        map.remove(&path);
    }
    true
}
