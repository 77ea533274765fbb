//! The places where catalogers look, in the finished file system: symbolic links are followed as the kernel does, to files
//! and through folders, and each file that is found so counts as what the place is for.
//!
//! Links make endlessly many paths. Two paths to one folder are the same here when they mean the same to catalogers
//! ([`Context`]), and each folder is entered once under each meaning; besides there is a limit ([`limits::PLACES`]).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::follow::follow;
use super::tree::{Node, Placed, Said, Tree};
use crate::catalog::{self, Context, Facts, Key, Probes};
use crate::limits;

/// A file at a place where a cataloger looks.
#[derive(Clone, Copy)]
pub(crate) struct Place<'t> {
    /// What it says there.
    pub(crate) facts: &'t Facts,
    pub(crate) file: Placed<'t>,
}

/// A file whose content must be read under a name that it does not have in its layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Which layer of the image, counted from the lowest.
    pub layer: usize,
    /// The place of the entry in that layer.
    pub entry: u32,
    /// The name to read it as.
    pub name: String,
}

/// What must be known before everything is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// The layers must be laid over each other again with everything that is in them ([`super::lay_whole`]).
    pub everything: bool,
    /// Files that must be read again.
    pub asks: BTreeSet<Ask>,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.asks.is_empty()
    }
}

/// What was found in a file system.
#[derive(Default)]
pub(crate) struct Places<'t> {
    /// By path.
    pub(crate) at: BTreeMap<Cow<'t, str>, Place<'t>>,
    pub(super) missing: Missing,
    /// Hard links to files that no layer has.
    pub(super) dangling: BTreeSet<String>,
    /// Places that could not be read whatever is done, and why.
    pub(super) unread: Vec<(String, String)>,
}

impl<'t> Places<'t> {
    /// The place at `path`; where a link leads there from it, that link's end.
    pub(crate) fn get(&self, tree: &Tree<'_>, path: &str) -> Option<&Place<'t>> {
        self.at.get(path).or_else(|| self.at.get(tree.resolve(path).as_str()))
    }
}

impl<'t> Places<'t> {
    /// The places below `folder`.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &Place<'t>)> {
        let (from, to) = bounds(folder);
        let range = self.at.range::<str, _>((Bound::Included(from.as_str()), Bound::Excluded(to.as_str())));
        range.map(|(path, place)| (path.as_ref(), place))
    }
}

/// What lies below `folder` is between these: `0` is the character after `/`.
fn bounds(folder: &str) -> (String, String) {
    match folder {
        "" => (String::new(), char::MAX.to_string()),
        _ => (format!("{folder}/"), format!("{folder}0")),
    }
}

/// Where a link leads.
struct Led {
    path: String,
    /// Whether the way goes out of a folder of which is not known that it is there.
    unsure: bool,
}

/// A file system being looked through.
struct Search<'t> {
    tree: &'t Tree<'t>,
    found: Places<'t>,
    probes: Probes,
    /// What a description of Node's is read as.
    node: Option<Key>,
    /// Files that no cataloger asks for at their own path.
    loose: BTreeMap<&'t str, Placed<'t>>,
    links: BTreeMap<&'t str, Led>,
    /// Folders that were entered, and as what.
    seen: BTreeSet<(&'t str, Context)>,
    /// How many places may still be looked at.
    left: usize,
    /// Whether links made a longer path than is followed.
    long: bool,
}

/// What a file says at `path`.
fn counted<'t>(path: &str, file: &Placed<'t>) -> Option<&'t Facts> {
    let Said::Read(said) = file.said else { return None };
    // The first key is that of its own path, which takes long to work out.
    if file.own {
        return said.first().map(|reading| &reading.facts);
    }
    let reading = match catalog::key(path) {
        Some(key) => said.iter().find(|reading| reading.key == key),
        None => said.iter().find(|reading| reading.key.is_program()),
    };
    reading.map(|reading| &reading.facts)
}

/// Looks through a file system.
pub(super) fn find<'t>(tree: &'t Tree<'t>) -> Places<'t> {
    find_within(tree, limits::PLACES)
}

/// The same, with a limit of its own.
fn find_within<'t>(tree: &'t Tree<'t>, left: usize) -> Places<'t> {
    let mut search = Search {
        tree,
        found: Places::default(),
        probes: Probes::new(),
        node: catalog::key("node_modules/x/package.json"),
        loose: BTreeMap::new(),
        links: BTreeMap::new(),
        seen: BTreeSet::new(),
        left,
        long: false,
    };
    search.files();
    search.follow_links();
    if search.long {
        let why = format!("links make paths of more than {} bytes", limits::PATH_BYTES);
        search.found.unread.push((String::new(), why));
    }
    if search.left == 0 {
        let why = format!("links lead to more than {left} places");
        search.found.unread.push((String::new(), why));
    }
    search.found
}

impl<'t> Search<'t> {
    /// The files that are asked for at their own path, and the others.
    fn files(&mut self) {
        let mut at = Vec::new();
        for (path, node) in &self.tree.nodes {
            let Node::File(file) = node else { continue };
            match counted(path, file) {
                Some(facts) if catalog::is_package(path) || catalog::stands_alone(path, facts) => {
                    at.push((Cow::Borrowed(path.as_str()), Place { facts, file: *file }));
                    // A name that links give may tell what the file's own does not.
                    if facts.packages.is_empty() && facts.owned.is_empty() && facts.licenses.is_empty() {
                        self.loose.insert(path, *file);
                    }
                }
                Some(_) => drop(self.loose.insert(path, *file)),
                None if catalog::is_package(path) && self.ask(path, file) => {}
                None => drop(self.loose.insert(path, *file)),
            }
        }
        self.found.at = at.into_iter().collect();
    }

    /// Asks for a file to be read as the one at `path`, where a cataloger wants that and it was not done; whether any does.
    fn ask(&mut self, path: &str, file: &Placed<'t>) -> bool {
        let Some(key) = catalog::key(path) else { return false };
        if file.said == Said::Nameless && Some(&key) == self.node.as_ref() {
            let lacks = catalog::lacks_version(path).map(|why| (path.to_owned(), why.to_owned()));
            self.found.unread.extend(lacks);
            return true;
        }
        match file.origin {
            Some((layer, entry)) => {
                self.found.missing.asks.insert(Ask { layer, entry, name: path.to_owned() });
            }
            None if self.tree.whole => drop(self.found.dangling.insert(path.to_owned())),
            None => self.found.missing.everything = true,
        }
        true
    }

    fn follow_links(&mut self) {
        for (path, node) in &self.tree.nodes {
            if let Node::Link { .. } = node
                && let Some(led) = self.led(path)
            {
                self.links.insert(path, led);
            }
        }
        let links = std::mem::take(&mut self.links);
        let mut folders = Vec::new();
        for (path, led) in &links {
            folders.extend(self.link(path, led).map(|folder| ((*path).to_owned(), folder)));
        }
        self.links = links;
        while let Some((path, folder)) = folders.pop() {
            self.enter(&path, folder, &mut folders);
        }
    }

    /// Where the link at `path` leads; nowhere when a kernel finds nothing there.
    fn led(&self, path: &str) -> Option<Led> {
        let followed = follow(path, |at| match self.tree.nodes.get(at) {
            Some(Node::Link { target, .. }) => Some(*target),
            _ => None,
        });
        let known = |folder: &String| {
            matches!(self.tree.nodes.get(folder), Some(Node::Folder { .. })) || self.tree.holds(folder)
        };
        let sure = followed.left.iter().all(known);
        if !sure && self.tree.whole {
            return None;
        }
        Some(Led { path: followed.path, unsure: !sure })
    }

    /// Looks at what a link at `path` leads to; a folder that is to be entered.
    fn link(&mut self, path: &str, led: &Led) -> Option<&'t str> {
        if let Some(Node::File(file)) = self.tree.nodes.get(&led.path) {
            self.candidate(path, &led.path, *file, led.unsure);
            return None;
        }
        let tree = self.tree;
        let known = tree.nodes.get_key_value(&led.path).map(|(folder, _)| folder.as_str());
        let first = || tree.below(&led.path).next()?.0.get(..led.path.len());
        let Some(folder) = known.or_else(first) else {
            // Nothing that is known of is there: a file that nobody read, a folder of such, or nothing.
            if !tree.whole && !self.found.missing.everything {
                self.found.missing.everything = self.wants_at(path, &led.path);
            }
            return None;
        };
        self.found.missing.everything |= led.unsure;
        Some(folder)
    }

    /// Whether a cataloger may want something at or below `path` which it does not want at `led`.
    fn wants_at(&self, path: &str, led: &str) -> bool {
        let wanted = catalog::wants(path) && catalog::is_package(path);
        wanted && !catalog::is_only_of_licenses(path)
            || self.probes.means(path) && self.probes.context(path).has_more_than(self.probes.context(led))
    }

    /// Looks at the files and links of `folder` as standing at `path`.
    fn enter(&mut self, path: &str, folder: &'t str, folders: &mut Vec<(String, &'t str)>) {
        let (here, there) = (self.probes.context(path), self.probes.context(folder));
        // Where both mean the same, nothing counts here that does not count there.
        if here == there || !self.seen.insert((folder, here)) {
            return;
        }
        self.found.missing.everything |= !self.tree.whole && here.has_more_than(there);
        let below =
            |known: &str| known.get(folder.len()..).map(|rest| rest.trim_start_matches('/').to_owned());
        let (from, to) = bounds(folder);
        let files: Vec<_> =
            self.loose.range(from.as_str()..to.as_str()).map(|(known, file)| (*known, *file)).collect();
        for (known, file) in files {
            let Some(rest) = below(known) else { continue };
            self.candidate(&format!("{path}/{rest}"), known, file, false);
        }
        let links = std::mem::take(&mut self.links);
        for (known, led) in links.range(from.as_str()..to.as_str()) {
            let Some(rest) = below(known).filter(|_| self.looks()) else { break };
            let path = format!("{path}/{rest}");
            if path.len() <= limits::PATH_BYTES {
                folders.extend(self.link(&path, led).map(|folder| (path, folder)));
            } else {
                self.long = true;
            }
        }
        self.links = links;
    }

    /// Looks at the file `known` as standing at `path`.
    fn candidate(&mut self, path: &str, known: &str, file: Placed<'t>, unsure: bool) {
        if !self.looks() || !catalog::is_package(path) {
            return;
        }
        let Some(key) = catalog::key(path) else { return };
        // A file that counts where it is counts once.
        let counts = self.found.at.get(known).map(|place| !place.facts.packages.is_empty());
        if counts == Some(true) || counts.is_some() && catalog::key(known).as_ref() == Some(&key) {
            return;
        }
        self.found.missing.everything |= unsure;
        let said = match file.said {
            Said::Read(said) => said,
            Said::Nameless | Said::Unread => &[],
        };
        match said.iter().find(|reading| reading.key == key) {
            Some(reading) => {
                let place = Place { facts: &reading.facts, file };
                self.found.at.insert(Cow::Owned(path.to_owned()), place);
            }
            None => drop(self.ask(path, &file)),
        }
    }

    /// Whether one more place may be looked at. That there are more is told in the end.
    fn looks(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use lockgate_model::Digest;

    use super::*;
    use crate::layer::{Entry, Kind, LayerContent};

    #[test]
    fn places_have_a_limit_that_is_told() {
        let entry = |path: &str, kind| Entry { path: path.to_owned(), kind };
        let entries = vec![
            entry("a/b", Kind::File),
            entry("a/c", Kind::File),
            entry("x/node_modules", Kind::Link("/a".to_owned())),
        ];
        let content = LayerContent { entries, ..LayerContent::empty(Digest::of(b"")) };
        let mut tree = Tree::whole();
        tree.lay(0, &content);
        let told = |left| find_within(&tree, left).unread.into_iter().map(|(_, why)| why).collect::<Vec<_>>();
        assert_eq!(told(2), ["links lead to more than 2 places"]);
        assert!(told(3).is_empty() && told(limits::PLACES).is_empty());
    }
}
