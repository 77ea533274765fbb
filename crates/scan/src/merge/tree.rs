//! The file system that layers make, as far as packages need it: laid as a runtime unpacks them, entry after entry.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::Descriptor;
use lockgate_model::inventory::Unread;

use super::DATABASES;
use super::follow::follow;
use super::sieve::{PathHash, Sieve};
use super::system::system_kind;
use crate::catalog::{self, PackageKind, Reading};
use crate::layer::{Kind, LayerContent};
use crate::paths;

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
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node<'a> {
    File(Placed<'a>),
    Link {
        target: &'a str,
        layer: usize,
    },
    /// Known in a tree of everything only.
    Folder {
        layer: usize,
    },
}

impl Node<'_> {
    fn layer(&self) -> usize {
        match self {
            Self::File(placed) => placed.layer,
            Self::Link { layer, .. } | Self::Folder { layer } => *layer,
        }
    }

    /// Whether packages may depend on it.
    fn matters(&self) -> bool {
        match self {
            Self::File(placed) => matches!(placed.said, Said::Read(_)),
            Self::Link { .. } => true,
            Self::Folder { .. } => false,
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
    /// Whether everything is kept that stands in the file system.
    pub(super) whole: bool,
    sieve: Sieve,
    /// The folder that the entry before was in: entries of one folder stand together.
    here: Option<Here>,
}

/// A folder and where links lead it, until a link is added or removed.
struct Here {
    folder: String,
    resolved: String,
    hash: PathHash,
    /// The topmost layer below the present one whose links were followed on the way.
    lower: bool,
    layer: usize,
}

impl<'a> Tree<'a> {
    /// The tree that has these files and links.
    pub(super) fn of(
        nodes: impl Iterator<Item = (String, Node<'a>)>,
        unread: Vec<Unread>,
        systems: BTreeSet<PackageKind>,
    ) -> Self {
        let nodes = nodes.collect::<BTreeMap<_, _>>();
        let mut sieve = Sieve::default();
        for (path, node) in &nodes {
            match node {
                Node::Link { .. } => sieve.add_link(path),
                _ => sieve.add(path),
            }
        }
        Self { nodes, unread, systems, whole: false, sieve, here: None }
    }

    /// An empty tree in which everything is kept.
    pub(super) fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Lays a layer over what is there, in the order of its tar: what stands there was put there by an entry before or by a
    /// lower layer, and a whiteout removes only the latter.
    pub(super) fn lay(&mut self, layer: usize, descriptor: &Descriptor, content: &'a LayerContent) {
        self.here = None;
        let linked = hard_link_targets(content);
        for (at, entry) in content.entries.iter().enumerate() {
            let path = entry.path.as_str();
            let kept = match entry.kind {
                Kind::File | Kind::Nameless => self.whole || linked.contains(path),
                Kind::Other | Kind::Folder => self.whole,
                _ => true,
            };
            if !kept && self.nothing_at(path, layer) {
                continue;
            }
            let (path, lower) = match entry.kind {
                Kind::Opaque => self.resolve_whole(path, layer),
                _ => self.resolve_folder(path, layer),
            };
            let said = match &entry.kind {
                Kind::Removed | Kind::Opaque => {
                    let opaque = entry.kind == Kind::Opaque;
                    self.white_out(&path, opaque, lower, layer, descriptor);
                    continue;
                }
                Kind::Folder => {
                    self.make_folder(path, layer);
                    continue;
                }
                Kind::Other => {
                    self.remove(&path);
                    continue;
                }
                Kind::Link(target) => {
                    self.remove(&path);
                    self.link(path, target, layer);
                    continue;
                }
                Kind::Hard(target) => {
                    self.hard_link(path, target, layer);
                    continue;
                }
                Kind::File => Said::Unread,
                Kind::Nameless => Said::Nameless,
                Kind::Read(index) | Kind::Looks(index) => {
                    content.said.get(*index as usize).map_or(Said::Unread, |said| Said::Read(said))
                }
            };
            self.remove(&path);
            if kept {
                let origin = u32::try_from(at).ok().map(|at| (layer, at));
                let own = path == entry.path && matches!(entry.kind, Kind::Read(_));
                self.place(path, Placed { said, layer, origin, own });
            }
        }
        self.unread.extend(content.unread.iter().cloned());
        self.note_systems();
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

    /// A folder replaces a link or file of that name, and joins a folder.
    fn make_folder(&mut self, path: String, layer: usize) {
        if matches!(self.nodes.get(&path), Some(Node::File(_) | Node::Link { .. })) {
            self.take(&path);
        }
        if self.whole {
            self.make_folders_of(&path, layer);
            self.sieve.add(&path);
            self.nodes.insert(path, Node::Folder { layer });
        }
    }

    /// Folders that no entry names are made on the way.
    fn make_folders_of(&mut self, path: &str, layer: usize) {
        let mut folder = paths::split(path).0;
        while self.whole && !folder.is_empty() && !self.nodes.contains_key(folder) {
            self.nodes.insert(folder.to_owned(), Node::Folder { layer });
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
            Some(here) if here.folder == folder && here.layer == layer => self.here.insert(here),
            _ => {
                let (resolved, lower) = self.resolve_whole(folder, layer);
                let hash = PathHash::of(&resolved);
                self.here.insert(Here { folder: folder.to_owned(), resolved, hash, lower, layer })
            }
        }
    }

    /// A hard link is another name of what stands at `target`, which may be a link.
    fn hard_link(&mut self, path: String, target: &str, layer: usize) {
        let (target, _) = self.resolve_folder(target, layer);
        // The name is made free before it is linked: a file that stood below it is gone.
        self.remove(&path);
        match self.nodes.get(&target).copied() {
            Some(Node::File(placed)) => self.place(path, Placed { layer, own: false, ..placed }),
            Some(Node::Link { target, .. }) => self.link(path, target, layer),
            _ if catalog::wants(&path) => {
                self.place(path, Placed { said: Said::Unread, layer, origin: None, own: false });
            }
            _ => {}
        }
    }

    /// Removes what lower layers have at `path` or, for an opaque folder, below it. Where the way there leads through a link
    /// of a lower layer, runtimes that unpack onto the lower layers follow it, and those that keep layers apart make a folder
    /// in its place: nothing is removed then, and that is told.
    fn white_out(&mut self, path: &str, opaque: bool, lower: bool, layer: usize, descriptor: &Descriptor) {
        let below = self.below(path).map(|(path, node)| (path.to_owned(), *node));
        let itself = self.nodes.get(path).filter(|_| !opaque).map(|node| (path.to_owned(), *node));
        let gone: Vec<_> =
            itself.into_iter().chain(below).filter(|(_, node)| node.layer() != layer).collect();
        if lower {
            if gone.iter().any(|(_, node)| node.matters()) {
                self.unread.push(Unread {
                    layer: descriptor.digest,
                    path: format!("/{path}"),
                    reason:
                        "it is removed through a symbolic link of a lower layer, which some runtimes follow \
                             and others replace: what it has is listed"
                            .to_owned(),
                });
            }
            return;
        }
        for (path, _) in gone {
            self.take(&path);
        }
    }

    fn take(&mut self, path: &str) {
        if let Some(Node::Link { .. }) = self.nodes.remove(path) {
            self.here = None;
        }
    }

    /// Removes a path and, if it was a folder, everything below it.
    fn remove(&mut self, path: &str) {
        if self.sieve.may_hold(PathHash::of(path)) {
            self.take(path);
            let below: Vec<String> = self.below(path).map(|(path, _)| path.to_owned()).collect();
            for path in &below {
                self.take(path);
            }
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

    /// A path whose folders are followed through links, the last part is not; and whether links of lower layers were.
    fn resolve_folder(&mut self, path: &str, layer: usize) -> (String, bool) {
        let (folder, name) = paths::split(path);
        if folder.is_empty() {
            return (name.to_owned(), false);
        }
        let here = self.here(folder, layer);
        let folder = &here.resolved;
        let path = if folder.is_empty() { name.to_owned() } else { [folder, "/", name].concat() };
        (path, here.lower)
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
    fn note_systems(&mut self) {
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
