//! Lays layers over each other, as a container runtime does, and makes the inventory of what is left.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::{Accounts, Confidence, Distribution, Package, Source, Unread};
use lockgate_model::{Descriptor, Inventory};

mod base;
mod follow;
mod locks;
mod notes;
mod overlay;
mod places;
mod runtimes;
mod sieve;
mod system;
mod tree;

use crate::ANALYSER;
use crate::catalog::{self, Found, PackageKind};
use crate::layer::{LayerContent, toc};
use crate::{licenses, limits, ownership, paths};
pub use base::Base;
pub use places::{Ask, Missing};
pub(crate) use places::{Place, Places};
pub(crate) use tree::Tree;

/// Where the operating system's package managers keep their databases.
const DATABASES: [(&str, PackageKind); 6] = [
    ("lib/apk/db/installed", PackageKind::Apk),
    ("usr/lib/apk/db/installed", PackageKind::Apk),
    ("var/lib/dpkg/status", PackageKind::Dpkg),
    ("var/lib/rpm/Packages", PackageKind::Rpm),
    ("var/lib/rpm/Packages.db", PackageKind::Rpm),
    ("var/lib/rpm/rpmdb.sqlite", PackageKind::Rpm),
];

/// The inventory of an image, from its layers, lowest first. What would have to be read again is told.
pub fn merge(layers: &[(Descriptor, LayerContent)]) -> Inventory {
    let (descriptors, contents): (Vec<_>, Vec<_>) =
        layers.iter().map(|(layer, content)| (layer.clone(), content)).unzip();
    let base = Base::default();
    let laid = lay_onto(&base, &descriptors, &contents);
    let looked = laid.look();
    if !looked.missing().everything {
        return looked.inventory();
    }
    lay_whole(&descriptors, &contents).look().inventory()
}

/// The layers of an image, laid over each other.
pub struct Laid<'a> {
    tree: Tree<'a>,
    /// What an overlay mount makes of them, where that may be something else.
    mounted: Option<Tree<'a>>,
    layers: &'a [Descriptor],
    below: Option<(usize, Vec<u8>)>,
}

/// Lays the `layers` of an image over each other, lowest first, of which `base` holds the lower ones and `contents` are
/// the others.
pub fn lay_onto<'a>(base: &'a Base, layers: &'a [Descriptor], contents: &[&'a LayerContent]) -> Laid<'a> {
    let mut tree = Tree::on(base);
    let mut below = None;
    for (at, content) in (base.layers()..layers.len()).zip(contents) {
        lay(&mut tree, layers, at, content);
        if at + 2 == layers.len() {
            below = tree.to_base(at + 1).map(|bytes| (at + 1, bytes));
        }
    }
    Laid { tree, mounted: None, layers, below }
}

/// Lays a layer over what is there, with what is told of its tables of contents.
fn lay<'a>(tree: &mut Tree<'a>, layers: &[Descriptor], at: usize, content: &'a LayerContent) {
    tree.lay(at, content);
    tree.unread.extend(layers.get(at).into_iter().flat_map(|layer| toc::told(layer, content)));
}

/// Lays the `layers` of an image over each other, all of which are in `contents`, with everything that is in them: for images
/// whose links lead where nobody looked, and of which runtimes make two file systems.
pub fn lay_whole<'a>(layers: &'a [Descriptor], contents: &[&'a LayerContent]) -> Laid<'a> {
    let mut tree = Tree::whole();
    for (at, content) in contents.iter().enumerate() {
        lay(&mut tree, layers, at, content);
    }
    let mounted = tree.forks.then(|| {
        let mut mounted = Tree::whole();
        for (at, content) in contents.iter().enumerate() {
            mounted.mount(at, content);
        }
        mounted
    });
    Laid { tree, mounted, layers, below: None }
}

impl Laid<'_> {
    /// Looks through the file system.
    pub fn look(&self) -> Looked<'_> {
        let mut places = places::find(&self.tree);
        places.missing.everything |= self.tree.forks && !self.tree.whole;
        let mounted = self.mounted.as_ref().map(|tree| {
            let mut there = places::find(tree);
            places.missing.asks.extend(there.missing.asks.iter().cloned());
            // Runtimes refuse a layer with a hard link to nothing: there is the other file system only.
            places.dangling.retain(|path| there.dangling.contains(path));
            there.dangling.clone_from(&places.dangling);
            Box::new(Looked { tree, places: there, layers: self.layers, mounted: None })
        });
        Looked { tree: &self.tree, places, layers: self.layers, mounted }
    }

    /// The layers below the topmost as a base, in the form that [`Base::from_bytes`] reads, and how many they are; nothing
    /// where that base was given. The next image likely stands on them; where it stands on all of these layers, laying the
    /// topmost again costs less than writing what is left of all.
    pub fn base(self) -> Option<(usize, Vec<u8>)> {
        self.below
    }
}

/// What was found in the file system that layers make.
pub struct Looked<'a> {
    tree: &'a Tree<'a>,
    places: Places<'a>,
    layers: &'a [Descriptor],
    /// The same of what an overlay mount makes of the layers.
    mounted: Option<Box<Looked<'a>>>,
}

/// Names an unread place of the image, as its topmost layer made it.
fn tell(unread: &mut Vec<Unread>, layers: &[Descriptor], path: String, reason: String) {
    unread.extend(layers.last().map(|layer| Unread { layer: layer.digest, path, reason }));
}

impl<'a> Looked<'a> {
    /// What must be known before this is everything.
    pub fn missing(&self) -> &Missing {
        &self.places.missing
    }

    /// The inventory of the whole image; what is missing is told.
    pub fn inventory(&self) -> Inventory {
        let inventory = self.of_one();
        match &self.mounted {
            Some(mounted) => runtimes::both(inventory, mounted.of_one()),
            None => inventory,
        }
    }

    /// The inventory of one file system.
    fn of_one(&self) -> Inventory {
        let (mut unread, mut silent) = (self.unread(), Vec::new());
        let distribution = self.distribution(&mut unread, &mut silent);
        self.silent(&mut silent);
        let mut packages = self.packages(distribution.as_ref());
        forget_named_twice(&mut packages);
        self.forget_superseded(&mut packages);
        if packages.len() >= limits::PACKAGES {
            let reason = format!("the image has more than {} packages", limits::PACKAGES);
            tell(&mut unread, self.layers, String::new(), reason);
        }
        let packages = packages.into_iter().map(|(_, package)| package).collect();
        let accounts = self.accounts();
        let (secrets, setuid) = (self.secrets(), self.setuid());
        let mut inventory = Inventory {
            analyser: ANALYSER.to_owned(),
            distribution,
            accounts,
            packages,
            unread,
            silent,
            secrets,
            setuid,
        };
        inventory.sort();
        inventory
    }

    /// What could not be read: of layers, and of what is left of them.
    fn unread(&self) -> Vec<Unread> {
        let mut unread = self.tree.unread.clone();
        let places = self
            .places
            .at
            .iter()
            .filter(|(path, place)| !place.facts.unread.is_empty() && catalog::must_be_read(path));
        for (path, place) in places {
            let Some(layer) = self.layers.get(place.file.layer) else { continue };
            unread.extend(place.facts.unread.iter().map(|(inside, why)| {
                let path = if inside.is_empty() { path.to_string() } else { format!("{path}!/{inside}") };
                Unread { layer: layer.digest, path, reason: why.clone() }
            }));
        }
        for (path, place) in self.places.at.iter().filter(|(_, place)| place.facts.versionless) {
            let layer = self.layers.get(place.file.layer).zip(catalog::lacks_version(path));
            unread.extend(layer.map(|(layer, why)| Unread {
                layer: layer.digest,
                path: path.to_string(),
                reason: why.to_owned(),
            }));
        }
        for (path, why) in &self.places.unread {
            tell(&mut unread, self.layers, path.clone(), why.clone());
        }
        for path in &self.places.dangling {
            let reason = "it is a hard link to a file that no layer has";
            tell(&mut unread, self.layers, path.clone(), reason.to_owned());
        }
        for ask in &self.places.missing.asks {
            let reason = "links give this name to a file that was not read under it";
            tell(&mut unread, self.layers, ask.name.clone(), reason.to_owned());
        }
        if self.places.missing.everything {
            let reason = "links lead where it was not looked";
            tell(&mut unread, self.layers, String::new(), reason.to_owned());
        }
        unread
    }

    fn packages(&self, distribution: Option<&Distribution>) -> Vec<(PackageKind, Package)> {
        let mut licenses = Licenses { of_debian: self.licenses(), spelled: BTreeMap::new() };
        let owners = ownership::of(self.tree, &self.places);
        let count = self.places.at.values().map(|place| place.facts.packages.len()).sum::<usize>();
        let mut packages = Vec::with_capacity(count.min(limits::PACKAGES));
        for (path, place) in &self.places.at {
            let all = catalog::at(path, place.facts);
            if all.is_empty() || catalog::stands_in(path) && self.said_beside(path) {
                continue;
            }
            let owner = owners.get(path.as_ref()).copied().unwrap_or_default();
            let Some(layer) = self.layers.get(place.file.layer) else { continue };
            for found in all.iter() {
                // The package that owns a program or a lock file answers for it; it needs no second name.
                let answered = found.kind == PackageKind::Program || found.confidence == Confidence::Declared;
                if packages.len() >= limits::PACKAGES || answered && !owner.is_empty() {
                    continue;
                }
                let mut package = package(found, path, distribution, layer, place);
                package.licenses = licenses.of(found);
                package.installed_by = if found.kind.of_system() { String::new() } else { owner.to_owned() };
                packages.push((found.kind, package));
            }
        }
        packages
    }

    /// Whether a file beside the one at `path`, which would only stand in for it, describes the package.
    fn said_beside(&self, path: &str) -> bool {
        let mut beside = self.places.below(paths::split(path).0);
        beside.any(|(other, _)| !catalog::stands_in(other) || other < path)
    }

    /// The accounts of `/etc/passwd`, links followed. A name that stands there twice is root's if one of them is: not all
    /// runtimes read lines alike.
    fn accounts(&self) -> Option<Accounts> {
        let listed = self.places.get(self.tree, "etc/passwd")?.facts.accounts.as_ref()?;
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
        let licenses = self.places.below("usr/share/doc").filter_map(|(path, place)| {
            let name = path.strip_prefix("usr/share/doc/")?.strip_suffix("/copyright")?;
            Some((name, place.facts.licenses.as_slice()))
        });
        licenses.collect()
    }
}

/// Drops what lock files name and what is installed in that version anyway.
fn forget_named_twice(packages: &mut Vec<(PackageKind, Package)>) {
    fn key((kind, package): &(PackageKind, Package)) -> (PackageKind, &str, &str) {
        (*kind, &package.name, &package.version)
    }
    let is_declared = |package: &Package| package.confidence == Confidence::Declared;
    let declared: BTreeSet<_> =
        packages.iter().filter(|(_, package)| is_declared(package)).map(key).collect();
    if declared.is_empty() {
        return;
    }
    let installed = packages.iter().filter(|(_, package)| !is_declared(package)).map(key);
    let both: BTreeSet<_> = installed.filter(|key| declared.contains(key)).collect();
    let twice: Vec<bool> =
        packages.iter().map(|one| is_declared(&one.1) && both.contains(&key(one))).collect();
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
    place: &Place<'_>,
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
        layer_index: u32::try_from(place.file.layer).unwrap_or(u32::MAX),
        path: if found.inside.is_empty() { format!("/{path}") } else { format!("/{path}!/{}", found.inside) },
        cataloger: found.kind.cataloger().to_owned(),
        installed_by: String::new(),
        confidence: found.confidence,
    }
}
