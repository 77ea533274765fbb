//! Imports a feed: keeps its bytes by digest and records that it is there.

use std::sync::Arc;

use lockgate_model::entry::FeedImported;
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Digest, Entry, Event};
use lockgate_scan::Feed;

use crate::gather::blocking;
use crate::{EngineError, Workspace};

/// Keeps `feed` and records the import. `refused` is the number of records that the importer kept out.
pub async fn import(
    workspace: &Workspace,
    feed: Arc<dyn FeedBytes>,
    sources: Vec<String>,
    refused: u64,
) -> Result<Digest, EngineError> {
    let bytes = feed.clone();
    let opened = blocking(move || Feed::open(bytes).map(|feed| feed.summary().clone())).await?;
    let header = opened.map_err(|error| EngineError::Feed(error.to_string()))?;
    let digest = workspace.feeds.put(feed).await?;
    let event = Event::FeedImported(FeedImported {
        feed: digest,
        sources,
        advisories: header.advisories,
        refused,
        newest: header.newest,
    });
    let entry = Entry::new(workspace.clock.now(), &workspace.actor, event);
    workspace.ledger.append_one(entry, vec![]).await?;
    Ok(digest)
}
