//! The file system that layers make, as far as packages need it: laid as a runtime unpacks them, entry after entry.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::Unread;

use super::DATABASES;
use super::follow::follow;
use super::sieve::{PathHash, Sieve};
use super::system::system_kind;
use crate::catalog::{self, PackageKind, Reading};
use crate::layer::{Entry, Kind, LayerContent, Rights};
use crate::paths;
use crate::secrets::Hit;

/// What is known of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// What it says, read as one thing and another.
    Read(&'a [Reading]),
    /// It is a JSON document that names no package of Node's.
    Nameless,
    /// It was not read.
    Unread,
}

/// A regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed<'a> {
    pub(crate) said: Said<'a>,
    /// The layer that brought it, or the hard link to it.
    pub(crate) layer: usize,
    /// The layer and the place of the entry that have its content; nothing for a hard link to what is not known.
    pub(super) origin: Option<(usize, u32)>,
    /// Whether it stands at the path of that entry, as which it was read first.
    pub(super) own: bool,
    /// The rights that it gives to whoever runs it.
    pub(super) rights: Option<Rights>,
}

/// A file of a layer that has secrets, whether or not it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried<'a> {
    /// The layer and the place of the entry.
    pub(super) origin: (usize, u32),
    pub(super) path: String,
    pub(super) hits: &'a [Hit],
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node<'a> {
    File(Placed<'a>),
    Link {
        target: &'a str,
        layer: usize,
    },
    /// Known in a tree of everything only, as what follows.
    Folder {
        layer: usize,
        /// Whether it hides what lower layers have in it; in the tree of one layer.
        opaque: bool,
    },
    /// A device, a pipe, or something of another system.
    Other {
        layer: usize,
    },
    /// A whiteout, in the tree of one layer.
    Removed {
        layer: usize,
    },
}

impl Node<'_> {
    fn layer(&self) -> usize {
        match self {
            Self::File(placed) => placed.layer,
            Self::Link { layer, .. }
            | Self::Folder { layer, .. }
            | Self::Other { layer }
            | Self::Removed { layer } => *layer,
        }
    }
}

/// The file system as far as packages need it: links, and the files that were read. Of everything, where that is asked for.
#[derive(Default)]
pub(crate) struct Tree<'a> {
    pub(super) nodes: BTreeMap<String, Node<'a>>,
    pub(super) unread: Vec<Unread>,
    /// The kinds of system packages that any layer brought, whether or not they are still there.
    pub(super) systems: BTreeSet<PackageKind>,
    /// The files of all layers that have secrets.
    pub(super) secrets: Vec<Carried<'a>>,
    /// Whether everything is kept that stands in the file system.
    pub(super) whole: bool,
    /// Whether an overlay mount may make another file system of these layers ([`Tree::mount`]).
    pub(super) forks: bool,
    /// Where the present layer removed folders, or what is in them.
    emptied: BTreeSet<String>,
    /// What lies below, in the tree of one layer.
    pub(super) lower: Option<Box<Tree<'a>>>,
    pub(super) sieve: Sieve,
    /// The folder that the entry before was in: entries of one folder stand together.
    pub(super) here: Option<Here>,
}

/// A folder and where links lead it, until a link is added or removed.
pub(super) struct Here {
    folder: String,
    resolved: String,
    hash: PathHash,
}

impl<'a> Tree<'a> {
    /// The tree that has these files and links.
    pub(super) fn of(
        nodes: impl Iterator<Item = (String, Node<'a>)>,
        unread: Vec<Unread>,
        systems: BTreeSet<PackageKind>,
        secrets: Vec<Carried<'a>>,
    ) -> Self {
        let nodes = nodes.collect::<BTreeMap<_, _>>();
        let mut sieve = Sieve::default();
        for (path, node) in &nodes {
            match node {
                Node::Link { .. } => sieve.add_link(path),
                _ => sieve.add(path),
            }
        }
        Self { nodes, unread, systems, secrets, sieve, ..Self::default() }
    }

    /// An empty tree in which everything is kept.
    pub(super) fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Lays a layer over what is there, in the order of its tar: what stands there was put there by an entry before or by a
    /// lower layer, and a whiteout removes only the latter.
    pub(super) fn lay(&mut self, layer: usize, content: &'a LayerContent) {
        self.here = None;
        self.emptied.clear();
        let linked = hard_link_targets(content);
        for (at, entry) in content.entries.iter().enumerate() {
            let path = entry.path.as_str();
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let noted = || content.secrets.contains_key(&at) || content.setuid.contains_key(&at);
            let kept = match entry.kind {
                Kind::File | Kind::Nameless => self.whole || noted() || linked.contains(path),
                Kind::Other | Kind::Folder => self.whole,
                _ => true,
            };
            if kept || !self.nothing_at(path, layer) {
                self.lay_entry(layer, content, at, entry, kept);
            }
        }
        self.unread.extend(content.unread.iter().cloned());
        self.note_systems();
    }

    fn lay_entry(&mut self, layer: usize, content: &'a LayerContent, at: u32, entry: &'a Entry, kept: bool) {
        let path = match entry.kind {
            Kind::Opaque => self.resolve_opaque(&entry.path, layer),
            _ => self.resolve_folder(&entry.path, layer),
        };
        let rights = content.setuid.get(&at).copied();
        let said = match &entry.kind {
            Kind::Removed | Kind::Opaque => return self.white_out(path, entry.kind == Kind::Opaque, layer),
            Kind::Folder => return self.make_folder(path, layer),
            Kind::Hard(target) => return self.hard_link(path, target, layer, rights),
            Kind::Link(target) => {
                self.remove(&path);
                return self.link(path, target, layer);
            }
            Kind::Other => {
                self.remove(&path);
                return self.other(path, layer);
            }
            Kind::File => Said::Unread,
            Kind::Nameless => Said::Nameless,
            Kind::Read(index) | Kind::Looks(index) => {
                content.said.get(*index as usize).map_or(Said::Unread, |said| Said::Read(said))
            }
        };
        self.remove(&path);
        let (origin, hits) = ((layer, at), content.secrets.get(&at));
        self.secrets.extend(hits.map(|hits| Carried { origin, path: path.clone(), hits }));
        if kept {
            let own = path == entry.path && matches!(entry.kind, Kind::Read(_));
            self.place(path, Placed { said, layer, origin: Some(origin), own, rights });
        }
    }

    fn other(&mut self, path: String, layer: usize) {
        if self.whole {
            self.make_folders_of(&path, layer);
            self.sieve.add(&path);
            self.nodes.insert(path, Node::Other { layer });
        }
    }

    fn link(&mut self, path: String, target: &'a str, layer: usize) {
        self.here = None;
        self.make_folders_of(&path, layer);
        self.sieve.add_link(&path);
        self.nodes.insert(path, Node::Link { target, layer });
    }

    fn place(&mut self, path: String, placed: Placed<'a>) {
        self.make_folders_of(&path, placed.layer);
        self.sieve.add(&path);
        if let Said::Read([reading, ..]) = placed.said
            && placed.own
        {
            self.systems.extend(system_kind(&reading.facts));
        }
        self.nodes.insert(path, Node::File(placed));
    }

    /// A folder replaces anything else of that name, and joins a folder.
    pub(super) fn make_folder(&mut self, path: String, layer: usize) {
        self.forks |= self.emptied.contains(&path);
        let opaque = match self.nodes.get(&path) {
            Some(Node::Folder { opaque, .. }) => *opaque,
            Some(_) => {
                self.take(&path);
                false
            }
            None => false,
        };
        if self.whole {
            self.make_folders_of(&path, layer);
            self.sieve.add(&path);
            self.nodes.insert(path, Node::Folder { layer, opaque });
        }
    }

    /// Folders that no entry names are made on the way.
    pub(super) fn make_folders_of(&mut self, path: &str, layer: usize) {
        let mut folder = paths::split(path).0;
        while self.whole && !folder.is_empty() && !self.nodes.contains_key(folder) {
            self.nodes.insert(folder.to_owned(), Node::Folder { layer, opaque: false });
            folder = paths::split(folder).0;
        }
    }

    /// Whether what is at `path` replaces nothing that matters.
    fn nothing_at(&mut self, path: &str, layer: usize) -> bool {
        let (folder, name) = paths::split(path);
        let hash = self.here(folder, layer).hash.join(name);
        !self.sieve.may_hold(hash)
    }

    fn here(&mut self, folder: &str, layer: usize) -> &Here {
        match self.here.take() {
            Some(here) if here.folder == folder => self.here.insert(here),
            _ => {
                let (resolved, lower) = self.resolve_whole(folder, layer);
                // An overlay mount follows no link of a lower layer: it has a folder in its place.
                self.forks |= lower;
                let hash = PathHash::of(&resolved);
                self.here.insert(Here { folder: folder.to_owned(), resolved, hash })
            }
        }
    }

    /// A hard link is another name of what stands at `target`, which may be a link. The rights that it names are the file's in
    /// some runtimes, and passed over by others: what either has counts.
    fn hard_link(&mut self, path: String, target: &str, layer: usize, rights: Option<Rights>) {
        let linked = self.linked(target, layer);
        // The name is made free before it is linked: a file that stood below it is gone.
        self.remove(&path);
        // A mount may have what a layer before removed.
        self.forks |= self.whole && linked.is_none();
        match linked {
            Some(Node::File(placed)) => {
                let rights = rights.or(placed.rights);
                self.place(path, Placed { layer, own: false, rights, ..placed });
            }
            Some(Node::Link { target, .. }) => self.link(path, target, layer),
            Some(Node::Other { .. }) => self.other(path, layer),
            _ if catalog::wants(&path) || rights.is_some() => {
                self.place(path, Placed { said: Said::Unread, layer, origin: None, own: false, rights });
            }
            _ => {}
        }
    }

    /// What a hard link to `target` links.
    fn linked(&mut self, target: &str, layer: usize) -> Option<Node<'a>> {
        let own = self.resolve_folder(target, layer);
        let here = self.nodes.get(&own).copied();
        here.or_else(|| self.lower.as_deref_mut()?.linked(target, layer))
    }

    /// Removes what lower layers have at `path` or, for an opaque folder, below it.
    fn white_out(&mut self, path: String, opaque: bool, layer: usize) {
        if self.lower.is_some() {
            return self.mark(path, opaque, layer);
        }
        let below = self.below(&path).map(|(path, node)| (path.to_owned(), *node));
        let itself = self.nodes.get(&path).filter(|_| !opaque).map(|node| (path.clone(), *node));
        let gone: Vec<_> =
            itself.into_iter().chain(below).filter(|(_, node)| node.layer() != layer).collect();
        for (path, _) in &gone {
            self.take(path);
        }
        if !gone.is_empty() {
            // The root of an overlay mount is never opaque.
            self.forks |= path.is_empty();
            self.emptied.insert(path);
        }
    }

    pub(super) fn take(&mut self, path: &str) {
        if let Some(Node::Link { .. }) = self.nodes.remove(path) {
            self.here = None;
        }
    }

    /// Removes a path and, if it was a folder, everything below it.
    pub(super) fn remove(&mut self, path: &str) {
        if self.sieve.may_hold(PathHash::of(path)) {
            self.take(path);
            self.empty(path);
        }
    }

    /// Removes everything below a folder.
    pub(super) fn empty(&mut self, folder: &str) {
        let below: Vec<String> = self.below(folder).map(|(path, _)| path.to_owned()).collect();
        for path in &below {
            self.take(path);
        }
        if !below.is_empty() {
            self.emptied.insert(folder.to_owned());
        }
    }

    /// What stands below `folder`.
    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &Node<'a>)> {
        // `0` is the character after `/`: the range holds exactly what lies below.
        let range = match folder {
            "" => self.nodes.range(String::new()..),
            _ => self.nodes.range(format!("{folder}/")..format!("{folder}0")),
        };
        range.map(|(path, node)| (path.as_str(), node))
    }

    /// Whether anything stands below `folder`.
    pub(super) fn holds(&self, folder: &str) -> bool {
        let from = [folder, "/"].concat();
        self.nodes.range(from.clone()..).next().is_some_and(|(path, _)| path.starts_with(&from))
    }

    /// A path whose folders are followed through links; the last part is not.
    fn resolve_folder(&mut self, path: &str, layer: usize) -> String {
        let (folder, name) = paths::split(path);
        if folder.is_empty() {
            return name.to_owned();
        }
        let folder = &self.here(folder, layer).resolved;
        if folder.is_empty() { name.to_owned() } else { [folder, "/", name].concat() }
    }

    /// The path of the folder in which an opaque marker stands.
    fn resolve_opaque(&mut self, folder: &str, layer: usize) -> String {
        let (resolved, lower) = self.resolve_whole(folder, layer);
        self.forks |= lower;
        resolved
    }

    /// A path followed through links in every part, as far as there are any; and whether links of lower layers were.
    fn resolve_whole(&self, path: &str, layer: usize) -> (String, bool) {
        if !self.sieve.may_follow(path) {
            return (path.to_owned(), false);
        }
        let mut lower = false;
        let followed = follow(path, |at| {
            let Some(Node::Link { target, layer: brought }) = self.nodes.get(at) else { return None };
            lower |= *brought != layer;
            Some(*target)
        });
        (followed.path, lower)
    }

    /// A path followed through links in every part.
    pub(crate) fn resolve(&self, path: &str) -> String {
        self.resolve_whole(path, usize::MAX).0
    }

    /// The file that stands at `path`, links followed.
    pub(crate) fn file(&self, path: &str) -> Option<Placed<'a>> {
        match self.nodes.get(&self.resolve(path))? {
            Node::File(placed) => Some(*placed),
            _ => None,
        }
    }

    /// Remembers which kinds of system packages the databases name now.
    pub(super) fn note_systems(&mut self) {
        for (path, _) in DATABASES {
            let Some((Said::Read(said), key)) = self.file(path).map(|file| file.said).zip(catalog::key(path))
            else {
                continue;
            };
            let readings = said.iter().filter(|reading| reading.key == key);
            self.systems.extend(readings.filter_map(|reading| system_kind(&reading.facts)));
        }
    }
}

/// The files of a layer that its hard links name, as they are written.
fn hard_link_targets(content: &LayerContent) -> BTreeSet<&str> {
    let targets = content.entries.iter().filter_map(|entry| match &entry.kind {
        Kind::Hard(target) if catalog::wants(&entry.path) => Some(target.as_str()),
        _ => None,
    });
    targets.collect()
}
