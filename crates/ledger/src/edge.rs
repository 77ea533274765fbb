//! The right edge of the tree: all that appending needs.
//!
//! For each level of tiles the edge holds the hashes of the tile that is still growing (C2SP tlog-tiles,
//! "Merkle tree": 256 hashes a tile, a level of tiles for every eight levels of the tree).

use std::collections::BTreeMap;

use lockgate_model::ports::TileId;

use crate::hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// Levels of tiles that a tree of 2^64 leaves has.
const LEVELS: usize = 8;

/// Why tiles do not make a right edge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A tile is missing, or has fewer hashes than the size of the tree demands.
    #[error("tile {level}/{index} has {actual} hashes; a tree of {size} entries needs {needed}")]
    Width {
        /// Level of the tile.
        level: u8,
        /// Index of the tile.
        index: u64,
        /// Size of the tree.
        size: u64,
        /// Hashes found.
        actual: usize,
        /// Hashes needed.
        needed: usize,
    },
    /// The tiles give another root than the signed checkpoint names (CVE-2026-56865).
    #[error(
        "the tiles give another root than the signed checkpoint of size {size}: they were forged or damaged"
    )]
    Root {
        /// Size of the tree.
        size: u64,
    },
}

/// The right edge of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    /// The growing tile of each level, lowest first; always shorter than [`TILE_WIDTH`].
    growing: Vec<Vec<Hash>>,
    /// Tiles that changed since the last [`Edge::take_changed`], whole.
    changed: BTreeMap<TileId, Vec<Hash>>,
}

/// The growing tiles of a tree of `size` entries, with the hashes each must have; full tiles are not needed.
pub fn needed_tiles(size: u64) -> Vec<(TileId, usize)> {
    let mut needed = Vec::new();
    let mut count = size;
    for level in 0..LEVELS {
        let width = usize::try_from(count % TILE_WIDTH as u64).unwrap_or(0);
        if width > 0 {
            let id =
                TileId { level: u8::try_from(level).unwrap_or(u8::MAX), index: count / TILE_WIDTH as u64 };
            needed.push((id, width));
        }
        count /= TILE_WIDTH as u64;
    }
    needed
}

impl Edge {
    /// The edge of an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size` entries, from the tiles that [`needed_tiles`] names, checked against the
    /// root of the signed checkpoint of that size. A tile may have grown since: another process appends, and what it
    /// adds is not of this tree.
    pub fn load(size: u64, root: &Hash, tiles: &[(TileId, Vec<u8>)]) -> Result<Self, EdgeError> {
        let mut edge = Self { size, growing: Vec::new(), changed: BTreeMap::new() };
        for (id, needed) in needed_tiles(size) {
            let bytes = tiles.iter().find(|(other, _)| *other == id).map_or(&[][..], |(_, bytes)| bytes);
            let mut hashes: Vec<Hash> =
                bytes.chunks_exact(32).filter_map(|chunk| Hash::try_from(chunk).ok()).collect();
            if hashes.len() < needed || !bytes.len().is_multiple_of(32) {
                let (level, index, actual) = (id.level, id.index, hashes.len());
                return Err(EdgeError::Width { level, index, size, actual, needed });
            }
            hashes.truncate(needed);
            while edge.growing.len() < usize::from(id.level) {
                edge.growing.push(Vec::new());
            }
            edge.growing.push(hashes);
        }
        if edge.root() == *root { Ok(edge) } else { Err(EdgeError::Root { size }) }
    }

    /// Entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry; gives back its leaf hash.
    pub fn append(&mut self, entry: &[u8]) -> Hash {
        let leaf = leaf_hash(entry);
        let mut carry = leaf;
        let mut index = self.size;
        self.size += 1;
        for level in 0..LEVELS {
            if self.growing.len() <= level {
                self.growing.push(Vec::new());
            }
            let Some(tile) = self.growing.get_mut(level) else { break };
            tile.push(carry);
            let id =
                TileId { level: u8::try_from(level).unwrap_or(u8::MAX), index: index / TILE_WIDTH as u64 };
            self.changed.insert(id, tile.clone());
            if tile.len() < TILE_WIDTH {
                break;
            }
            carry = subtree(tile);
            tile.clear();
            index /= TILE_WIDTH as u64;
        }
        leaf
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for tile in &self.growing {
            for left in subtrees(tile).into_iter().rev() {
                root = Some(root.map_or(left, |right| node_hash(&left, &right)));
            }
        }
        root.unwrap_or(EMPTY_ROOT)
    }

    /// The tiles that changed since the last call, each whole.
    pub fn take_changed(&mut self) -> Vec<(TileId, Vec<u8>)> {
        std::mem::take(&mut self.changed).into_iter().map(|(id, hashes)| (id, hashes.concat())).collect()
    }
}

/// The root over a power-of-two number of hashes.
fn subtree(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level =
            level.chunks_exact(2).filter_map(|pair| Some(node_hash(pair.first()?, pair.last()?))).collect();
    }
    level.first().copied().unwrap_or(EMPTY_ROOT)
}

/// The roots of the largest complete subtrees that `hashes` decompose into, left to right.
fn subtrees(hashes: &[Hash]) -> Vec<Hash> {
    let mut roots = Vec::new();
    let mut rest = hashes;
    while !rest.is_empty() {
        let width = 1 << rest.len().ilog2();
        let (first, tail) = rest.split_at(width);
        roots.push(subtree(first));
        rest = tail;
    }
    roots
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prove::root_of;

    fn entries(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| n.to_le_bytes().to_vec()).collect()
    }

    #[test]
    fn appending_one_by_one_gives_the_root_of_all() {
        let mut edge = Edge::new();
        let entries = entries(600);
        let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (n, entry) in entries.iter().enumerate() {
            edge.append(entry);
            assert_eq!(edge.root(), root_of(leaves.get(..=n).unwrap()), "{n}");
        }
    }

    proptest! {
        #[test]
        fn tiles_that_grew_meanwhile_bring_the_edge_back(count in 0usize..600, more in 0usize..600) {
            let (mut edge, mut later) = (Edge::new(), None);
            for (at, entry) in entries(count + more).iter().enumerate() {
                if at == count {
                    edge.take_changed();
                    later = Some(edge.clone());
                }
                edge.append(entry);
            }
            let mut then = later.unwrap_or_else(|| edge.clone());
            then.take_changed();
            let root = then.root();
            let mut all = Edge::new();
            let mut stored = BTreeMap::new();
            for entry in entries(count + more) {
                all.append(&entry);
                stored.extend(all.take_changed());
            }
            let tiles: Vec<_> = stored.into_iter().collect();
            prop_assert_eq!(Edge::load(count as u64, &root, &tiles).unwrap(), then);
        }

        #[test]
        fn the_tiles_written_bring_the_edge_back(count in 0usize..1200, at in 0usize..4000, bit in 0u8..8) {
            let mut edge = Edge::new();
            let mut stored = BTreeMap::new();
            for entry in entries(count) {
                edge.append(&entry);
                stored.extend(edge.take_changed());
            }
            let root = edge.root();
            let tiles: Vec<_> = stored.into_iter().collect();
            let loaded = Edge::load(count as u64, &root, &tiles).unwrap();
            prop_assert_eq!(&loaded, &edge);
            // One flipped bit in any tile that the edge needs is seen.
            let mut forged: Vec<_> = needed_tiles(count as u64)
                .iter()
                .filter_map(|(id, _)| tiles.iter().find(|(other, _)| other == id).cloned())
                .collect();
            let total: usize = forged.iter().map(|(_, bytes)| bytes.len()).sum();
            if total > 0 {
                let mut at = at % total;
                for (_, bytes) in &mut forged {
                    if at < bytes.len() {
                        bytes[at] ^= 1 << bit;
                        break;
                    }
                    at -= bytes.len();
                }
                prop_assert!(Edge::load(count as u64, &root, &forged).is_err());
            }
        }
    }
}
