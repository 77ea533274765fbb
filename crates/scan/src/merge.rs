//! Lays layers over each other, as a container runtime does, and makes the inventory of what is left.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::{Confidence, Distribution, Package, Source, Unread};
use lockgate_model::{Descriptor, Inventory};

use crate::ANALYSER;
use crate::catalog::{self, Facts, Found, PackageKind};
use crate::layer::{Kind, LayerContent};
use crate::{licenses, limits, ownership, paths};

/// A file that a cataloger read, and the layer that brought it.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) layer: usize,
}

/// Where the operating system's package managers keep their databases.
const DATABASES: [&str; 6] = [
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "var/lib/dpkg/status",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
];

/// The file system as far as packages need it.
#[derive(Default)]
pub(crate) struct Tree<'a> {
    pub(crate) files: BTreeMap<String, Placed<'a>>,
    links: BTreeMap<String, String>,
    unread: Vec<Unread>,
    /// The folder that the entry before was in: entries of one folder stand together.
    here: Here,
}

/// What is known about one folder, until anything is added.
#[derive(Default)]
struct Here {
    known: bool,
    folder: String,
    resolved: String,
    /// Nothing below it is a file or link that matters.
    empty: bool,
}

/// The inventory of an image, from its layers, lowest first.
pub fn merge(layers: &[(Descriptor, LayerContent)]) -> Inventory {
    let mut tree = Tree::default();
    for (index, (layer, content)) in layers.iter().enumerate() {
        tree.lay(index, layer, content);
    }
    tree.inventory(layers)
}

impl<'a> Tree<'a> {
    fn lay(&mut self, layer: usize, descriptor: &Descriptor, content: &'a LayerContent) {
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
            if entry.kind == Kind::Other && self.nothing_at(&entry.path) {
                continue;
            }
            let path = self.resolve_folder(&entry.path);
            match &entry.kind {
                Kind::Removed | Kind::Opaque => {}
                // A folder replaces a link or file of that name, and joins a folder.
                Kind::Folder => {
                    if self.links.remove(&path).is_some() | self.files.remove(&path).is_some() {
                        self.here.known = false;
                    }
                }
                Kind::Other => self.remove(&path),
                Kind::Link(target) => {
                    self.remove(&path);
                    self.here.known = false;
                    self.links.insert(path.clone(), target.clone());
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

    fn place(&mut self, path: String, placed: Placed<'a>) {
        self.here.known = false;
        self.files.insert(path, placed);
    }

    /// Whether a file at `path` replaces nothing that matters.
    fn nothing_at(&mut self, path: &str) -> bool {
        let folder = paths::split(path).0;
        if !self.here.known || self.here.folder != folder {
            let resolved = self.resolve(folder);
            let empty = !below(&self.files, &resolved) && !below(&self.links, &resolved);
            self.here = Here { known: true, folder: folder.to_owned(), resolved, empty };
        }
        self.here.empty
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

    /// Removes a path and, if it was a folder, everything below it.
    fn remove(&mut self, path: &str) {
        if self.links.remove(path).is_some() {
            self.here.known = false;
        }
        self.files.remove(path);
        self.remove_below(path);
    }

    fn remove_below(&mut self, folder: &str) {
        remove_below(&mut self.files, folder);
        if remove_below(&mut self.links, folder) {
            self.here.known = false;
        }
    }

    /// A path whose folders are followed through links; the last part is not.
    fn resolve_folder(&self, path: &str) -> String {
        let (folder, name) = paths::split(path);
        if folder.is_empty() {
            return name.to_owned();
        }
        let folder = if self.here.known && self.here.folder == folder {
            self.here.resolved.clone()
        } else {
            self.resolve(folder)
        };
        if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
    }

    /// A path followed through links in every part. After too many links it is taken as it stands.
    pub(crate) fn resolve(&self, path: &str) -> String {
        if self.links.is_empty() {
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

    fn inventory(mut self, layers: &[(Descriptor, LayerContent)]) -> Inventory {
        let distribution = self.distribution();
        self.hidden_databases(layers);
        let mut packages = self.packages(distribution.as_ref(), layers);
        forget_named_twice(&mut packages);
        self.forget_superseded(&mut packages);
        if packages.len() >= limits::PACKAGES {
            let reason = format!("the image has more than {} packages", limits::PACKAGES);
            self.tell(layers, String::new(), reason);
        }
        let packages = packages.into_iter().map(|(_, package)| package).collect();
        let mut inventory =
            Inventory { analyser: ANALYSER.to_owned(), distribution, packages, unread: self.unread };
        inventory.sort();
        inventory
    }

    fn packages(
        &self,
        distribution: Option<&Distribution>,
        layers: &[(Descriptor, LayerContent)],
    ) -> Vec<(PackageKind, Package)> {
        let licenses = self.licenses();
        let linked = self.linked_packages();
        let owners = ownership::of(self);
        let mut packages = Vec::new();
        for (path, placed) in &self.files {
            let named = if catalog::is_package(path) {
                path.clone()
            } else {
                let (folder, name) = paths::split(path);
                match linked.get(folder) {
                    Some(link) => format!("{link}/{name}"),
                    None => continue,
                }
            };
            let owner = owners.get(path.as_str()).copied().unwrap_or_default();
            let Some((layer, _)) = layers.get(placed.layer) else { continue };
            for found in &placed.facts.packages {
                // The package that owns a program answers for it; it needs no second name.
                if packages.len() >= limits::PACKAGES
                    || found.kind == PackageKind::Program && !owner.is_empty()
                {
                    continue;
                }
                let mut package = package(found, &named, distribution, &licenses, layer, placed);
                package.installed_by = if found.kind.of_system() { String::new() } else { owner.to_owned() };
                packages.push((found.kind, package));
            }
        }
        packages
    }

    /// Drops what a Node lock file names beside the folder of what is installed: that folder says what is.
    fn forget_superseded(&self, packages: &mut Vec<(PackageKind, Package)>) {
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        packages.retain(|(kind, package)| {
            if *kind != PackageKind::Npm || package.confidence != Confidence::Declared {
                return true;
            }
            let folder = paths::split(package.path.trim_start_matches('/')).0;
            let modules =
                if folder.is_empty() { "node_modules".to_owned() } else { format!("{folder}/node_modules") };
            !*known.entry(modules).or_insert_with_key(|modules| below(&self.files, modules))
        });
    }

    /// A database that is a link to where nobody looks for one would hide every package.
    fn hidden_databases(&mut self, layers: &[(Descriptor, LayerContent)]) {
        for database in DATABASES {
            let real = self.resolve(database);
            if real != database && !catalog::wants(&real) {
                let reason = format!("the package database is a link to /{real}, where it is not read");
                self.tell(layers, format!("/{database}"), reason);
            }
        }
    }

    fn tell(&mut self, layers: &[(Descriptor, LayerContent)], path: String, reason: String) {
        let layer = |(layer, _): &(Descriptor, LayerContent)| layer.digest;
        self.unread.extend(layers.last().map(layer).map(|layer| Unread { layer, path, reason }));
    }

    /// The folders that links in `node_modules` lead to, each with such a link.
    fn linked_packages(&self) -> BTreeMap<String, &str> {
        let mut linked = BTreeMap::new();
        for (link, target) in &self.links {
            if link.contains("node_modules/") && catalog::is_package(&format!("{link}/package.json")) {
                linked.insert(self.resolve(&paths::link_target(link, target)), link.as_str());
            }
        }
        linked
    }

    fn distribution(&self) -> Option<Distribution> {
        let at = |path: &str| self.files.get(&self.resolve(path))?.facts.distribution.clone();
        let [id, version, codename] = at("etc/os-release").or_else(|| at("usr/lib/os-release"))?;
        Some(Distribution { id, version, codename })
    }

    /// Licences of Debian packages, by package name, from their copyright files.
    fn licenses(&self) -> BTreeMap<&str, &[String]> {
        let folder = self.files.range("usr/share/doc/".to_owned().."usr/share/doc0".to_owned());
        let licenses = folder.filter_map(|(path, placed)| {
            let name = path.strip_prefix("usr/share/doc/")?.strip_suffix("/copyright")?;
            Some((name, placed.facts.licenses.as_slice()))
        });
        licenses.collect()
    }
}

/// Drops what lock files name and what is installed in that version anyway.
fn forget_named_twice(packages: &mut Vec<(PackageKind, Package)>) {
    let installed: BTreeSet<_> = packages
        .iter()
        .filter(|(_, package)| package.confidence != Confidence::Declared)
        .map(|(kind, package)| (*kind, package.name.clone(), package.version.clone()))
        .collect();
    packages.retain(|(kind, package)| {
        package.confidence != Confidence::Declared
            || !installed.contains(&(*kind, package.name.clone(), package.version.clone()))
    });
}

/// Whether anything lies below `folder`.
fn below<T>(map: &BTreeMap<String, T>, folder: &str) -> bool {
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

fn package(
    found: &Found,
    path: &str,
    distribution: Option<&Distribution>,
    texts: &BTreeMap<&str, &[String]>,
    layer: &Descriptor,
    placed: &Placed<'_>,
) -> Package {
    let declared = if found.licenses.is_empty() && found.kind == PackageKind::Dpkg {
        texts.get(found.name.as_str()).map(|licenses| licenses.to_vec()).unwrap_or_default()
    } else {
        found.licenses.clone()
    };
    let declared =
        declared.into_iter().map(|license| licenses::expression(&license).unwrap_or(license)).collect();
    let source = found.source.clone();
    Package {
        ecosystem: found.kind.ecosystem(distribution),
        name: found.name.clone(),
        version: found.version.clone(),
        source: source.map(|[name, version]| Source { name, version }),
        architecture: found.architecture.clone(),
        purl: found.kind.purl(found, distribution),
        licenses: declared,
        layer: layer.digest,
        layer_index: u32::try_from(placed.layer).unwrap_or(u32::MAX),
        path: if found.inside.is_empty() { format!("/{path}") } else { format!("/{path}!/{}", found.inside) },
        cataloger: found.kind.cataloger().to_owned(),
        installed_by: String::new(),
        confidence: found.confidence,
    }
}
