//! Lays layers over each other, as a container runtime does, and makes the inventory of what is left.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::{Accounts, Confidence, Distribution, Package, Source, Unread};
use lockgate_model::{Descriptor, Inventory};

mod base;
mod sieve;
mod system;
mod tree;

use crate::ANALYSER;
use crate::catalog::{self, Found, PackageKind};
use crate::layer::LayerContent;
use crate::{licenses, limits, ownership, paths};
pub use base::Base;
use tree::below;
pub(crate) use tree::{Placed, Tree};

/// Where the operating system's package managers keep their databases.
const DATABASES: [(&str, PackageKind); 6] = [
    ("lib/apk/db/installed", PackageKind::Apk),
    ("usr/lib/apk/db/installed", PackageKind::Apk),
    ("var/lib/dpkg/status", PackageKind::Dpkg),
    ("var/lib/rpm/Packages", PackageKind::Rpm),
    ("var/lib/rpm/Packages.db", PackageKind::Rpm),
    ("var/lib/rpm/rpmdb.sqlite", PackageKind::Rpm),
];

/// The inventory of an image, from its layers, lowest first.
pub fn merge(layers: &[(Descriptor, LayerContent)]) -> Inventory {
    let (descriptors, contents): (Vec<_>, Vec<_>) =
        layers.iter().map(|(layer, content)| (layer.clone(), content)).unzip();
    lay_onto(&Base::default(), &descriptors, &contents).inventory()
}

/// The layers of an image, laid over each other.
pub struct Laid<'a> {
    tree: Tree<'a>,
    layers: &'a [Descriptor],
    /// How many of them the base held.
    known: usize,
    /// The layers below the topmost as a base, where they are none that was given.
    below: Option<(usize, Vec<u8>)>,
}

/// Lays the `layers` of an image over each other, lowest first, of which `base` holds the lower ones and `contents` are
/// the others.
pub fn lay_onto<'a>(base: &'a Base, layers: &'a [Descriptor], contents: &[&'a LayerContent]) -> Laid<'a> {
    let mut tree = Tree::on(base);
    let mut below = None;
    for ((at, layer), content) in layers.iter().enumerate().skip(base.layers()).zip(contents) {
        tree.lay(at, layer, content);
        if at + 2 == layers.len() {
            below = tree.to_base(at + 1).map(|bytes| (at + 1, bytes));
        }
    }
    Laid { tree, layers, known: base.layers(), below }
}

impl Laid<'_> {
    /// The inventory of the whole image.
    pub fn inventory(&self) -> Inventory {
        self.tree.inventory(self.layers)
    }

    /// The layers below the topmost as a base, and all of them, in the form that [`Base::from_bytes`] reads; without
    /// those that the base had already. The next image likely stands on one of them.
    pub fn bases(self) -> Vec<(usize, Vec<u8>)> {
        let count = self.layers.len();
        let whole = (self.known < count).then(|| self.tree.to_base(count)).flatten();
        self.below.into_iter().chain(whole.map(|bytes| (count, bytes))).collect()
    }
}

/// Names an unread place of the image, as its topmost layer made it.
fn tell(unread: &mut Vec<Unread>, layers: &[Descriptor], path: String, reason: String) {
    unread.extend(layers.last().map(|layer| Unread { layer: layer.digest, path, reason }));
}

impl<'a> Tree<'a> {
    fn inventory(&self, layers: &[Descriptor]) -> Inventory {
        let (mut unread, mut silent) = (self.unread.clone(), Vec::new());
        let distribution = self.distribution(layers, &mut unread, &mut silent);
        self.hidden_databases(layers, &mut unread);
        self.silent(&mut silent);
        let mut packages = self.packages(distribution.as_ref(), layers);
        forget_named_twice(&mut packages);
        self.forget_superseded(&mut packages);
        if packages.len() >= limits::PACKAGES {
            let reason = format!("the image has more than {} packages", limits::PACKAGES);
            tell(&mut unread, layers, String::new(), reason);
        }
        let packages = packages.into_iter().map(|(_, package)| package).collect();
        let accounts = self.accounts();
        let mut inventory =
            Inventory { analyser: ANALYSER.to_owned(), distribution, accounts, packages, unread, silent };
        inventory.sort();
        inventory
    }

    fn packages(
        &self,
        distribution: Option<&Distribution>,
        layers: &[Descriptor],
    ) -> Vec<(PackageKind, Package)> {
        let mut licenses = Licenses { of_debian: self.licenses(), spelled: BTreeMap::new() };
        let linked = self.linked_packages();
        let owners = ownership::of(self);
        let count = self.files.values().map(|placed| placed.facts.packages.len()).sum::<usize>();
        let mut packages = Vec::with_capacity(count.min(limits::PACKAGES));
        for (path, placed) in &self.files {
            let all = catalog::at(path, placed.facts);
            if all.is_empty() {
                continue;
            }
            let named = if catalog::is_package(path) || catalog::stands_alone(path, placed.facts) {
                path.clone()
            } else {
                let (folder, name) = paths::split(path);
                match linked.get(folder) {
                    Some(link) => format!("{link}/{name}"),
                    None => continue,
                }
            };
            if catalog::stands_in(path) && self.said_beside(path) {
                continue;
            }
            let owner = owners.get(path.as_str()).copied().unwrap_or_default();
            let Some(layer) = layers.get(placed.layer) else { continue };
            for found in all.iter() {
                // The package that owns a program or a lock file answers for it; it needs no second name.
                let answered = found.kind == PackageKind::Program || found.confidence == Confidence::Declared;
                if packages.len() >= limits::PACKAGES || answered && !owner.is_empty() {
                    continue;
                }
                let mut package = package(found, &named, distribution, layer, placed);
                package.licenses = licenses.of(found);
                package.installed_by = if found.kind.of_system() { String::new() } else { owner.to_owned() };
                packages.push((found.kind, package));
            }
        }
        packages
    }

    /// Whether a file beside the one at `path`, which would only stand in for it, describes the package.
    fn said_beside(&self, path: &str) -> bool {
        let folder = format!("{}/", paths::split(path).0);
        let mut beside =
            self.files.range(folder.clone()..).take_while(|(other, _)| other.starts_with(&folder));
        beside.any(|(other, _)| !catalog::stands_in(other) || other.as_str() < path)
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

    /// The accounts of `/etc/passwd`, links followed. A name that stands there twice is root's if one of them is: not all
    /// runtimes read lines alike.
    fn accounts(&self) -> Option<Accounts> {
        let listed = self.files.get(&self.resolve("etc/passwd"))?.facts.accounts.as_ref()?;
        let mut numbers = BTreeMap::new();
        for (name, number) in listed {
            let first = numbers.entry(name.clone()).or_insert(*number);
            if *number == 0 {
                *first = 0;
            }
        }
        Some(Accounts { numbers })
    }

    /// Licences of Debian packages, by package name, from their copyright files.
    fn licenses(&self) -> BTreeMap<&str, &'a [String]> {
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
    fn key((kind, package): &(PackageKind, Package)) -> (PackageKind, &str, &str) {
        (*kind, &package.name, &package.version)
    }
    let named = |package: &Package| package.confidence == Confidence::Declared;
    if !packages.iter().any(|(_, package)| named(package)) {
        return;
    }
    let installed: BTreeSet<_> = packages.iter().filter(|(_, package)| !named(package)).map(key).collect();
    let twice: Vec<bool> =
        packages.iter().map(|one| named(&one.1) && installed.contains(&key(one))).collect();
    let mut twice = twice.into_iter();
    packages.retain(|_| !twice.next().unwrap_or_default());
}

/// The licences of packages. Thousands of packages declare the same few.
struct Licenses<'a> {
    /// Those of Debian packages, by package name.
    of_debian: BTreeMap<&'a str, &'a [String]>,
    /// Declarations, each with what stands for it in inventories.
    spelled: BTreeMap<String, String>,
}

impl Licenses<'_> {
    fn of(&mut self, found: &Found) -> Vec<String> {
        let declared = match self.of_debian.get(found.name.as_str()) {
            Some(texts) if found.licenses.is_empty() && found.kind == PackageKind::Dpkg => texts,
            _ => found.licenses.as_slice(),
        };
        let spelled = declared.iter().map(|license| {
            if let Some(known) = self.spelled.get(license) {
                return known.clone();
            }
            let own = licenses::expression(license).unwrap_or_else(|| license.clone());
            self.spelled.insert(license.clone(), own.clone());
            own
        });
        spelled.collect()
    }
}

fn package(
    found: &Found,
    path: &str,
    distribution: Option<&Distribution>,
    layer: &Descriptor,
    placed: &Placed<'_>,
) -> Package {
    let source = found.source.clone();
    Package {
        ecosystem: match distribution.filter(|_| found.kind.of_system()) {
            Some(distribution) => catalog::released_ecosystem(distribution),
            None => found.kind.ecosystem(None),
        },
        name: found.name.clone(),
        version: found.version.clone(),
        source: source.map(|[name, version]| Source { name, version }),
        architecture: found.architecture.clone(),
        purl: found.kind.purl(found, distribution),
        licenses: Vec::new(),
        layer: layer.digest,
        layer_index: u32::try_from(placed.layer).unwrap_or(u32::MAX),
        path: if found.inside.is_empty() { format!("/{path}") } else { format!("/{path}!/{}", found.inside) },
        cataloger: found.kind.cataloger().to_owned(),
        installed_by: String::new(),
        confidence: found.confidence,
    }
}
