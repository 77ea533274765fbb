//! Layers that were laid over each other, kept: an image that stands on them begins there, and what their tens of
//! thousands of files do to each other is not worked out again.

use std::collections::BTreeSet;

use lockgate_model::inventory::Unread;
use serde::{Deserialize, Serialize};

use super::tree::{Carried, Node, Placed, Said, Tree};
use crate::catalog::{PackageKind, Reading};
use crate::layer::Rights;
use crate::secrets::Hit;

/// What is left of layers after they were laid over each other, as far as packages need it.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Base {
    /// How many layers it is made of.
    layers: usize,
    files: Vec<File<String, Vec<Reading>>>,
    /// Links, each with its target.
    links: Vec<(String, String)>,
    unread: Vec<Unread>,
    systems: BTreeSet<PackageKind>,
    secrets: Vec<Secrets<String, Vec<Hit>>>,
}

/// The layer and the place of the entry of a file that has secrets, its path, and the secrets.
type Secrets<Path, Hits> = ((usize, u32), Path, Hits);

/// A file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File<Path, Readings> {
    path: Path,
    /// The layer that brought it.
    layer: usize,
    origin: Option<(usize, u32)>,
    own: bool,
    rights: Option<Rights>,
    content: Content<Readings>,
}

/// What is known of a file's content.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Content<Readings> {
    Read(Readings),
    Nameless,
    Unread,
}

/// A [`Base`] that is written without being made.
#[derive(Serialize)]
struct Kept<'a> {
    layers: usize,
    files: Vec<File<&'a str, &'a [Reading]>>,
    links: Vec<(&'a str, &'a str)>,
    unread: &'a [Unread],
    systems: &'a BTreeSet<PackageKind>,
    secrets: Vec<Secrets<&'a str, &'a [Hit]>>,
}

impl Base {
    /// How many layers it is made of.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Reads what [`super::Laid::base`] gives; nothing when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let base: Self = postcard::from_bytes(bytes).ok()?;
        let layers = base.files.iter().map(|file| file.layer);
        let layers = layers.chain(base.secrets.iter().map(|((layer, _), ..)| *layer));
        layers.into_iter().all(|layer| layer < base.layers).then_some(base)
    }
}

impl<'a> Tree<'a> {
    /// The tree that `base` is.
    pub(super) fn on(base: &'a Base) -> Self {
        let files = base.files.iter().map(|file| {
            let said = match &file.content {
                Content::Read(said) => Said::Read(said),
                Content::Nameless => Said::Nameless,
                Content::Unread => Said::Unread,
            };
            let File { layer, origin, own, rights, .. } = *file;
            let placed = Placed { said, layer, origin, own, rights };
            (file.path.clone(), Node::File(placed))
        });
        // Which layer brought a link is asked while that layer is laid, and no more.
        let links = base.links.iter().map(|(path, target)| (path.clone(), Node::Link { target, layer: 0 }));
        let carried = |(origin, path, hits): &'a Secrets<String, Vec<Hit>>| Carried {
            origin: *origin,
            path: path.clone(),
            hits,
        };
        let secrets = base.secrets.iter().map(carried).collect();
        Self::of(files.chain(links), base.unread.clone(), base.systems.clone(), secrets)
    }

    /// This tree as a base of that many layers; nothing when it cannot be written, or is one of two that runtimes make.
    pub(super) fn to_base(&self, layers: usize) -> Option<Vec<u8>> {
        if self.forks {
            return None;
        }
        let (mut files, mut links) = (Vec::new(), Vec::new());
        for (path, node) in &self.nodes {
            match node {
                Node::File(Placed { said, layer, origin, own, rights }) => {
                    let content = match said {
                        Said::Read(said) => Content::Read(*said),
                        Said::Nameless => Content::Nameless,
                        Said::Unread => Content::Unread,
                    };
                    files.push(File {
                        path: path.as_str(),
                        layer: *layer,
                        origin: *origin,
                        own: *own,
                        rights: *rights,
                        content,
                    });
                }
                Node::Link { target, .. } => links.push((path.as_str(), *target)),
                Node::Folder { .. } | Node::Other { .. } | Node::Removed { .. } => {}
            }
        }
        let secrets = self.secrets.iter().map(|one| (one.origin, one.path.as_str(), one.hits)).collect();
        let kept = Kept { layers, files, links, unread: &self.unread, systems: &self.systems, secrets };
        postcard::to_allocvec(&kept).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lockgate_model::oci::media;
    use lockgate_model::{Descriptor, Digest};
    use proptest::prelude::*;

    use super::super::{lay_onto, merge};
    use super::*;
    use crate::catalog::{Facts, Found, key};
    use crate::layer::{Capabilities, Entry, Kind, LayerContent, Rights};
    use crate::secrets::{Hit, Rule};

    fn path() -> impl Strategy<Value = String> {
        "[abc](/[abc]){0,2}"
    }

    /// Any layer: folders, links, whiteouts, and files of which each names a package of its own.
    fn layer() -> impl Strategy<Value = LayerContent> {
        let kind = prop_oneof![
            3 => Just(Kind::Read(0)),
            2 => Just(Kind::File),
            1 => Just(Kind::Nameless),
            2 => Just(Kind::Folder),
            2 => path().prop_map(Kind::Link),
            1 => path().prop_map(Kind::Hard),
            1 => Just(Kind::Removed),
            1 => Just(Kind::Opaque),
        ];
        let entries = prop::collection::vec((path(), kind), 0..8);
        (entries, any::<u8>()).prop_map(|(entries, salt)| {
            let (mut said, mut unread) = (Vec::new(), Vec::new());
            let (mut secrets, mut setuid) = (BTreeMap::new(), BTreeMap::new());
            for (at, (_, kind)) in (0_u32..).zip(&entries) {
                let number = u16::from(salt).wrapping_mul(7).wrapping_add(u16::try_from(at).unwrap());
                if matches!(kind, Kind::File | Kind::Read(_)) && number % 3 == 0 {
                    secrets.insert(at, vec![Hit { line: at + 1, rule: Rule::GithubToken }]);
                }
                if matches!(kind, Kind::File | Kind::Hard(_)) && number % 2 == 0 {
                    let rights =
                        Rights { mode: 0o4755, owner: 0, group: 0, capabilities: Capabilities::None };
                    setuid.insert(at, rights);
                }
            }
            let entry = |(path, kind): (String, Kind)| {
                let Kind::Read(_) = kind else { return Entry { path, kind } };
                let (path, name) = (format!("{path}/a.jar"), format!("p{salt}-{}", said.len()));
                let facts = Facts::from(vec![Found::new(PackageKind::Maven, name, "1")]);
                said.push(vec![Reading { key: key(&path).unwrap(), facts }]);
                Entry { path, kind: Kind::Read(u32::try_from(said.len() - 1).unwrap()) }
            };
            let entries = entries.into_iter().map(entry).collect();
            if salt % 5 == 0 {
                let layer = Digest::of(&[salt]);
                unread.push(Unread { layer, path: "/x".to_owned(), reason: "odd".to_owned() });
            }
            let (diff_id, asked) = (Digest::of(&[salt]), Vec::new());
            LayerContent { diff_id, entries, said, asked, unread, secrets, setuid, tocs: vec![] }
        })
    }

    #[test]
    fn a_base_has_no_files_of_other_layers() {
        for (layer, right) in [(1, true), (2, false)] {
            let content = Content::Unread;
            let files = vec![File { path: "x", layer, origin: None, own: false, rights: None, content }];
            let kept = Kept {
                layers: 2,
                files,
                links: vec![],
                unread: &[],
                systems: &BTreeSet::new(),
                secrets: vec![],
            };
            assert_eq!(Base::from_bytes(&postcard::to_allocvec(&kept).unwrap()).is_some(), right);
        }
    }

    proptest! {
        #[test]
        fn an_image_on_a_kept_base_is_the_same_image(layers in prop::collection::vec(layer(), 1..5), cut in 0_usize..5) {
            let cut = cut.min(layers.len());
            let described: Vec<_> =
                (0..layers.len()).map(|at| Descriptor::of(media::OCI_LAYER, at.to_string().as_bytes())).collect();
            let whole: Vec<_> = described.iter().cloned().zip(layers.iter().cloned()).collect();
            let contents: Vec<_> = layers.iter().collect();
            let above = contents.get(cut..).unwrap();
            let nothing = Base::default();
            // An image of one layer more keeps them.
            let more = layers.len().min(cut + 1);
            let first = lay_onto(&nothing, described.get(..more).unwrap(), contents.get(..more).unwrap()).base();
            let kept = first.filter(|(count, _)| *count == cut);
            let base = kept.map(|(_, bytes)| Base::from_bytes(&bytes).unwrap()).unwrap_or_default();
            let is_kept = base.layers() == cut && cut < layers.len();
            prop_assert!(is_kept || base.layers() == 0);
            let above = if base.layers() == cut { above } else { &contents };
            let laid = lay_onto(&base, &described, above);
            if !laid.look().missing().everything {
                prop_assert_eq!(laid.look().inventory(), merge(&whole));
            }
            let kept = laid.base().map(|(count, _)| count);
            prop_assert!(kept.is_none_or(|count| layers.len() > base.layers() + 1 && count == layers.len() - 1));
        }

        #[test]
        fn other_bytes_are_no_base(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(base) = Base::from_bytes(&bytes) {
                prop_assert!(base.files.iter().all(|file| file.layer < base.layers));
            }
        }
    }
}
