//! Lays layers over each other, as a container runtime does, and makes the inventory of what is left.

use std::collections::BTreeMap;

use lockgate_model::inventory::{Distribution, Package, Unread};
use lockgate_model::{Descriptor, Inventory};

use crate::ANALYSER;
use crate::catalog::{self, Facts, Found};
use crate::layer::{Kind, LayerContent};
use crate::{limits, paths};

/// A file that a cataloger read, and the layer that brought it.
#[derive(Clone, Copy)]
struct Placed<'a> {
    facts: &'a Facts,
    layer: usize,
}

/// The file system as far as packages need it.
#[derive(Default)]
struct Tree<'a> {
    files: BTreeMap<String, Placed<'a>>,
    links: BTreeMap<String, String>,
    unread: Vec<Unread>,
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
            let path = self.resolve_folder(&entry.path);
            match &entry.kind {
                Kind::Removed | Kind::Opaque => {}
                // A folder replaces a link or file of that name, and joins a folder.
                Kind::Folder => {
                    self.links.remove(&path);
                    self.files.remove(&path);
                }
                Kind::Other => self.remove(&path),
                Kind::Link(target) => {
                    self.remove(&path);
                    self.links.insert(path.clone(), target.clone());
                }
                Kind::Wanted(index) => {
                    self.remove(&path);
                    if let Some(facts) = content.facts.get(*index) {
                        self.files.insert(path, Placed { facts, layer });
                    }
                }
                Kind::Hard(target) => self.hard_link(&path, target, layer, descriptor),
            }
        }
        self.unread.extend(content.unread.iter().cloned());
    }

    /// A hard link to a file of a lower layer.
    fn hard_link(&mut self, path: &str, target: &str, layer: usize, descriptor: &Descriptor) {
        let target = self.resolve(target);
        let placed = self.files.get(&target).copied();
        self.remove(path);
        match placed {
            Some(placed) => {
                self.files.insert(path.to_owned(), Placed { facts: placed.facts, layer });
            }
            None => self.unread.push(Unread {
                layer: descriptor.digest,
                path: format!("/{path}"),
                reason: format!("it is a hard link to /{target}, which was not read"),
            }),
        }
    }

    /// Removes a path and, if it was a folder, everything below it.
    fn remove(&mut self, path: &str) {
        self.links.remove(path);
        self.files.remove(path);
        self.remove_below(path);
    }

    fn remove_below(&mut self, folder: &str) {
        remove_below(&mut self.files, folder);
        remove_below(&mut self.links, folder);
    }

    /// A path whose folders are followed through links; the last part is not.
    fn resolve_folder(&self, path: &str) -> String {
        match path.rsplit_once('/') {
            Some((folder, name)) => {
                let folder = self.resolve(folder);
                if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
            }
            None => path.to_owned(),
        }
    }

    /// A path followed through links in every part. After too many links it is taken as it stands.
    fn resolve(&self, path: &str) -> String {
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
        let licenses = self.licenses();
        let linked = self.linked_packages();
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
            for found in &placed.facts.packages {
                if packages.len() >= limits::PACKAGES {
                    break;
                }
                let Some((layer, _)) = layers.get(placed.layer) else { continue };
                packages.push(package(found, &named, distribution.as_ref(), &licenses, layer, placed));
            }
        }
        if packages.len() >= limits::PACKAGES {
            let reason = format!("the image has more than {} packages", limits::PACKAGES);
            let layer = |(layer, _): &(Descriptor, LayerContent)| layer.digest;
            self.unread.extend(layers.first().map(layer).map(|layer| Unread {
                layer,
                path: String::new(),
                reason,
            }));
        }
        let mut inventory =
            Inventory { analyser: ANALYSER.to_owned(), distribution, packages, unread: self.unread };
        inventory.sort();
        inventory
    }

    /// The folders that links in `node_modules` lead to, each with such a link.
    fn linked_packages(&self) -> BTreeMap<String, &str> {
        let mut linked = BTreeMap::new();
        for (link, target) in &self.links {
            if catalog::is_package(&format!("{link}/package.json")) {
                linked.insert(self.resolve(&paths::link_target(link, target)), link.as_str());
            }
        }
        linked
    }

    fn distribution(&self) -> Option<Distribution> {
        let at = |path: &str| self.files.get(&self.resolve(path))?.facts.distribution.clone();
        at("etc/os-release").or_else(|| at("usr/lib/os-release"))
    }

    /// Licences of Debian packages, by package name, from their copyright files.
    fn licenses(&self) -> BTreeMap<&str, &[String]> {
        let licenses = self.files.iter().filter_map(|(path, placed)| {
            let name = path.strip_prefix("usr/share/doc/")?.strip_suffix("/copyright")?;
            Some((name, placed.facts.licenses.as_slice()))
        });
        licenses.collect()
    }
}

fn remove_below<T>(map: &mut BTreeMap<String, T>, folder: &str) {
    if folder.is_empty() {
        map.clear();
        return;
    }
    // `0` is the character after `/`: the range holds exactly what lies below.
    let below: Vec<String> =
        map.range(format!("{folder}/")..format!("{folder}0")).map(|(path, _)| path.clone()).collect();
    for path in below {
        map.remove(&path);
    }
}

fn package(
    found: &Found,
    path: &str,
    distribution: Option<&Distribution>,
    licenses: &BTreeMap<&str, &[String]>,
    layer: &Descriptor,
    placed: &Placed<'_>,
) -> Package {
    let declared = if found.licenses.is_empty() {
        licenses.get(found.name.as_str()).map(|licenses| licenses.to_vec()).unwrap_or_default()
    } else {
        found.licenses.clone()
    };
    Package {
        ecosystem: found.kind.ecosystem(distribution),
        name: found.name.clone(),
        version: found.version.clone(),
        source: found.source.clone(),
        architecture: found.architecture.clone(),
        purl: found.kind.purl(found, distribution),
        licenses: declared,
        layer: layer.digest,
        layer_index: u32::try_from(placed.layer).unwrap_or(u32::MAX),
        path: format!("/{path}"),
        cataloger: found.kind.cataloger().to_owned(),
    }
}
