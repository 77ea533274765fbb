//! Layers that were laid over each other, kept: an image that stands on them begins there, and what their tens of
//! thousands of files do to each other is not worked out again.

use std::collections::BTreeSet;

use lockgate_model::inventory::Unread;
use serde::{Deserialize, Serialize};

use super::tree::{Placed, Tree};
use crate::catalog::{Facts, PackageKind};

/// What is left of layers after they were laid over each other, as far as packages need it.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Base {
    /// How many layers it is made of.
    layers: usize,
    /// Files that a cataloger read, each with the layer that brought it.
    files: Vec<(String, usize, Facts)>,
    links: Vec<(String, String)>,
    unread: Vec<Unread>,
    systems: BTreeSet<PackageKind>,
}

/// A [`Base`] that is written without being made.
#[derive(Serialize)]
struct Kept<'a> {
    layers: usize,
    files: Vec<(&'a str, usize, &'a Facts)>,
    links: Vec<(&'a str, &'a str)>,
    unread: &'a [Unread],
    systems: &'a BTreeSet<PackageKind>,
}

impl Base {
    /// How many layers it is made of.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Reads what [`super::Laid::bases`] gives; nothing when it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let base: Self = postcard::from_bytes(bytes).ok()?;
        base.files.iter().all(|(_, layer, _)| *layer < base.layers).then_some(base)
    }
}

impl<'a> Tree<'a> {
    /// The tree that `base` is.
    pub(super) fn on(base: &'a Base) -> Self {
        let files =
            base.files.iter().map(|(path, layer, facts)| (path.clone(), Placed { facts, layer: *layer }));
        Self::of(files, base.links.iter().cloned(), base.unread.clone(), base.systems.clone())
    }

    /// This tree as a base of that many layers; nothing when it cannot be written.
    pub(super) fn to_base(&self, layers: usize) -> Option<Vec<u8>> {
        let files = self.files.iter().map(|(path, placed)| (path.as_str(), placed.layer, placed.facts));
        let links = self.links.iter().map(|(path, target)| (path.as_str(), target.as_str()));
        let kept = Kept {
            layers,
            files: files.collect(),
            links: links.collect(),
            unread: self.unread.as_slice(),
            systems: &self.systems,
        };
        postcard::to_allocvec(&kept).ok()
    }
}

#[cfg(test)]
mod tests {
    use lockgate_model::oci::media;
    use lockgate_model::{Descriptor, Digest};
    use proptest::prelude::*;

    use super::super::{lay_onto, merge};
    use super::*;
    use crate::catalog::Found;
    use crate::layer::{Entry, Kind, LayerContent};

    fn path() -> impl Strategy<Value = String> {
        "[abc](/[abc]){0,2}"
    }

    /// Any layer: folders, links, whiteouts, and files of which each names a package of its own.
    fn layer() -> impl Strategy<Value = LayerContent> {
        let kind = prop_oneof![
            3 => Just(Kind::Wanted(0)),
            2 => Just(Kind::Other),
            2 => Just(Kind::Folder),
            2 => path().prop_map(Kind::Link),
            1 => path().prop_map(Kind::Hard),
            1 => Just(Kind::Removed),
            1 => Just(Kind::Opaque),
        ];
        let entries = prop::collection::vec((path(), kind), 0..8);
        (entries, any::<u8>()).prop_map(|(entries, salt)| {
            let (mut facts, mut unread) = (Vec::new(), Vec::new());
            let entry = |(path, kind): (String, Kind)| {
                let path = if matches!(kind, Kind::Wanted(_)) { format!("{path}/status") } else { path };
                let kind = if let Kind::Wanted(_) = kind {
                    let name = format!("p{salt}-{}", facts.len());
                    facts.push(Facts::from(vec![Found::new(PackageKind::Dpkg, name, "1")]));
                    Kind::Wanted(u32::try_from(facts.len() - 1).unwrap())
                } else {
                    kind
                };
                Entry { path, kind }
            };
            let entries = entries.into_iter().map(entry).collect();
            if salt % 5 == 0 {
                let layer = Digest::of(&[salt]);
                unread.push(Unread { layer, path: "/x".to_owned(), reason: "odd".to_owned() });
            }
            LayerContent { diff_id: Digest::of(&[salt]), entries, facts, unread }
        })
    }

    proptest! {
        #[test]
        fn an_image_on_a_kept_base_is_the_same_image(layers in prop::collection::vec(layer(), 1..5), cut in 0_usize..5) {
            let cut = cut.min(layers.len());
            let described: Vec<_> =
                (0..layers.len()).map(|at| Descriptor::of(media::OCI_LAYER, at.to_string().as_bytes())).collect();
            let whole: Vec<_> = described.iter().cloned().zip(layers.iter().cloned()).collect();
            let contents: Vec<_> = layers.iter().collect();
            let (below, above) = contents.split_at(cut);
            let nothing = Base::default();
            let first = lay_onto(&nothing, described.get(..cut).unwrap(), below).bases();
            let kept = first.iter().find(|(count, _)| *count == cut);
            let base = kept.map(|(_, bytes)| Base::from_bytes(bytes).unwrap()).unwrap_or_default();
            prop_assert_eq!(base.layers(), cut);
            let laid = lay_onto(&base, &described, above);
            prop_assert_eq!(laid.inventory(), merge(&whole));
            let counts: Vec<_> = laid.bases().iter().map(|(count, _)| *count).collect();
            let expected = [layers.len() - 1, layers.len()].into_iter().filter(|count| *count > cut);
            prop_assert_eq!(counts, expected.collect::<Vec<_>>());
        }

        #[test]
        fn other_bytes_are_no_base(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(base) = Base::from_bytes(&bytes) {
                prop_assert!(base.files.iter().all(|(_, layer, _)| *layer < base.layers));
            }
        }
    }
}
