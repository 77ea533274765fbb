//! Reads a stack as the engine does.

use std::collections::BTreeMap;

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Inventory};
use lockgate_scan::{Base, LayerContent, analyse, analyse_again, lay_onto, lay_whole};

use super::make::{Stack, tar};

/// A stack, read layer after layer.
pub(crate) struct Read {
    descriptors: Vec<Descriptor>,
    pub(crate) blobs: Vec<Vec<u8>>,
    contents: Vec<LayerContent>,
}

impl Read {
    pub(crate) fn new(stack: &Stack) -> Self {
        let blobs: Vec<_> = stack.iter().map(|layer| tar(layer)).collect();
        let descriptors: Vec<_> = blobs.iter().map(|blob| Descriptor::of(media::OCI_LAYER, blob)).collect();
        let read = descriptors.iter().zip(&blobs);
        let contents = read.map(|(layer, blob)| analyse(&blob[..], layer, None).unwrap()).collect();
        Self { descriptors, blobs, contents }
    }

    /// What the engine does: on a base of the lowest `known` layers; whole where that is needed; and files again.
    pub(crate) fn inventory(&self, known: usize) -> Inventory {
        let borrowed: Vec<_> = self.contents.iter().collect();
        let nothing = Base::default();
        // An image of one layer more keeps them.
        let more = self.contents.len().min(known + 1);
        let base = lay_onto(&nothing, &self.descriptors[..more], &borrowed[..more]).base();
        let base = base.filter(|(count, _)| *count == known);
        let base = base.map(|(_, bytes)| Base::from_bytes(&bytes).unwrap()).unwrap_or_default();
        let laid = lay_onto(&base, &self.descriptors, &borrowed[base.layers()..]);
        let looked = laid.look();
        if looked.missing().is_empty() {
            return looked.inventory();
        }
        let missing = lay_whole(&self.descriptors, &borrowed).look().missing().clone();
        let mut asked: BTreeMap<usize, Vec<(u32, String)>> = BTreeMap::new();
        for ask in missing.asks {
            asked.entry(ask.layer).or_default().push((ask.entry, ask.name));
        }
        let mut again = self.contents.clone();
        for (layer, asked) in asked {
            let blob = &self.blobs[layer][..];
            again[layer] =
                analyse_again(blob, &self.descriptors[layer], &again[layer], &asked, Vec::new()).unwrap();
        }
        let again: Vec<_> = again.iter().collect();
        lay_whole(&self.descriptors, &again).look().inventory()
    }
}
