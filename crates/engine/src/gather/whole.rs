//! Images whose links lead where nobody looked when their layers were read: the layers are laid over each other with everything
//! that is in them, and files that links give a name of a description are read again, under that name.

use std::collections::BTreeMap;

use lockgate_model::ports::PortError;
use lockgate_model::{Digest, Inventory};
use lockgate_scan::{LayerContent, Missing, lay_whole};

use super::layers::{Image, LayerJob, image_name, interrupted, keep};
use crate::workspace::Reach;

impl Image<'_> {
    /// What the layers make.
    pub(super) async fn whole(&self, reach: &Reach) -> Result<Inventory, PortError> {
        let contents = self.contents(reach, 0, None).await?.contents;
        let (inventory, missing, contents) = self.laid(contents).await?;
        let inventory = if missing.asks.is_empty() {
            inventory
        } else {
            let contents = self.again(reach, contents, missing).await?;
            self.laid(contents).await?.0
        };
        if let Ok(bytes) = serde_json::to_vec(&inventory) {
            let named: Vec<(Digest, Vec<u8>)> = vec![(image_name(self.layers, self.diff_ids), bytes)];
            reach.later.add(keep(reach.layers.clone(), tokio::task::spawn_blocking(move || named)));
        }
        Ok(inventory)
    }

    async fn laid(
        &self,
        contents: Vec<LayerContent>,
    ) -> Result<(Inventory, Missing, Vec<LayerContent>), PortError> {
        let layers = self.layers.to_vec();
        let work = tokio::task::spawn_blocking(move || {
            let borrowed: Vec<_> = contents.iter().collect();
            let laid = lay_whole(&layers, &borrowed);
            let looked = laid.look();
            let (inventory, missing) = (looked.inventory(), looked.missing().clone());
            drop(looked);
            drop(laid);
            (inventory, missing, contents)
        });
        work.await.map_err(|_| interrupted(self.repository))
    }

    /// Reads the layers again that have what is asked for, one after the other.
    async fn again(
        &self,
        reach: &Reach,
        contents: Vec<LayerContent>,
        missing: Missing,
    ) -> Result<Vec<LayerContent>, PortError> {
        let mut asked: BTreeMap<usize, Vec<(u32, String)>> = BTreeMap::new();
        for ask in missing.asks {
            asked.entry(ask.layer).or_default().push((ask.entry, ask.name));
        }
        let mut all = Vec::with_capacity(contents.len());
        for ((at, content), (layer, diff_id)) in
            contents.into_iter().enumerate().zip(self.layers.iter().zip(self.diff_ids))
        {
            let job = LayerJob::new(reach, self.repository, layer, diff_id);
            all.push(match asked.remove(&at) {
                Some(asked) => job.again(content, asked).await?,
                None => content,
            });
        }
        Ok(all)
    }
}
