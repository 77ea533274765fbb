//! Hashes of subtrees, from the tiles of the store.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_ledger::{Hash, HashReader, TILE_WIDTH, node_hash};
use lockgate_model::ports::{PortError, Store, TileId, Trouble};

/// All tiles of a tree.
pub(super) struct Tiles {
    tiles: BTreeMap<TileId, Bytes>,
}

impl Tiles {
    /// Reads the tiles of a tree of `size` entries.
    pub(super) async fn load(store: &dyn Store, size: u64) -> Result<Self, PortError> {
        let mut ids = Vec::new();
        let (mut level, mut count) = (0, size);
        while count > 0 {
            ids.extend((0..count.div_ceil(TILE_WIDTH as u64)).map(|index| TileId { level, index }));
            (level, count) = (level + 1, count / TILE_WIDTH as u64);
        }
        let tiles = store.tiles(&ids).await?;
        let found = ids.into_iter().zip(tiles).filter_map(|(id, tile)| Some((id, tile?)));
        Ok(Self { tiles: found.collect() })
    }

    fn one(&self, level: u8, index: u64) -> Option<Hash> {
        let tile = self.tiles.get(&TileId { level, index: index / TILE_WIDTH as u64 })?;
        let at = usize::try_from(index % TILE_WIDTH as u64).ok()? * 32;
        tile.get(at..at + 32)?.try_into().ok()
    }
}

impl HashReader for Tiles {
    type Error = PortError;

    /// A level of the tree between two levels of tiles is hashed from the tile below.
    fn hash(&self, level: u8, index: u64) -> Result<Hash, PortError> {
        if level.is_multiple_of(8) {
            return self.one(level / 8, index).ok_or_else(|| {
                let reason = format!("the tile of level {} with hash {index} is missing or short", level / 8);
                PortError::new(Trouble::Corrupt, "ledger", reason, "run `lockgate ledger verify`")
            });
        }
        Ok(node_hash(&self.hash(level - 1, index * 2)?, &self.hash(level - 1, index * 2 + 1)?))
    }
}
