//! Layers as an overlay mount makes one file system of them (the kernel's `overlayfs.rst`): each is unpacked into a folder of its
//! own, where nothing of the lower layers is seen, and the folders are laid over each other. Docker, Podman and containerd run
//! images so. Others unpack each layer onto the lower ones ([`Tree::lay`]), as umoci does.
//!
//! Three things differ, all of which an overlay mount shows and others may hide: where the way of an entry leads through a link
//! of a lower layer, there is a folder in its place; a folder that takes the place of a whiteout or a file of its own layer joins
//! what lower layers have there; and the root is never opaque.

use super::tree::{Node, Tree};
use crate::layer::LayerContent;

impl<'a> Tree<'a> {
    /// Lays a layer over what is there, as an overlay mount does.
    pub(super) fn mount(&mut self, layer: usize, content: &'a LayerContent) {
        let lower = std::mem::replace(self, Self::whole());
        self.lower = Some(Box::new(lower));
        self.lay(layer, content);
        let lower = self.lower.take().map_or_else(Self::whole, |lower| *lower);
        let own = std::mem::replace(self, lower);
        self.cover(own);
    }

    /// Lays the folder of one layer over the lower ones: what is above comes first in its order.
    fn cover(&mut self, own: Self) {
        self.here = None;
        for (path, node) in own.nodes {
            match node {
                Node::Removed { .. } => {
                    self.remove(&path);
                    continue;
                }
                Node::Folder { opaque: true, .. } => self.empty(&path),
                Node::Folder { .. } => {}
                Node::File(_) | Node::Link { .. } | Node::Other { .. } => self.remove(&path),
            }
            match node {
                Node::Link { .. } => self.sieve.add_link(&path),
                _ => self.sieve.add(&path),
            }
            self.nodes.insert(path, node);
        }
        self.secrets.extend(own.secrets);
        self.note_systems();
    }

    /// Marks what is to be hidden of the lower layers. A whiteout of what its own layer has makes runtimes refuse the layer; where
    /// others take it, what the layer has stays.
    pub(super) fn mark(&mut self, path: String, opaque: bool, layer: usize) {
        if !opaque {
            if !self.nodes.contains_key(&path) {
                self.make_folders_of(&path, layer);
                self.sieve.add(&path);
                self.nodes.insert(path, Node::Removed { layer });
            }
        } else if !path.is_empty() {
            self.make_folder(path.clone(), layer);
            if let Some(Node::Folder { opaque, .. }) = self.nodes.get_mut(&path) {
                *opaque = true;
            }
        }
    }
}
