//! Imports a feed: keeps its bytes by digest and records that it is there. A feed that has less than those before it, back to
//! the last one with a reason, needs a reason, which is recorded; without one, the one before stays in force.

use std::sync::Arc;

use lockgate_model::entry::FeedImported;
use lockgate_model::feed::FeedPeaks;
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Digest, Entry, Event};
use lockgate_scan::feed::{FeedChange, Loss, change};
use lockgate_scan::{Feed, FeedHeader, FeedSource};

use crate::gather::blocking;
use crate::{EngineError, Workspace};

/// Lines that an entry has of what was lost and gained: the feeds have all of it.
const RECORDED: usize = 64;
/// Characters of such a line, and of a name in it.
const LINE: usize = 200;
/// Bytes that the names of sources take in an entry: the feed's header has all of them.
const NAMES: usize = 16 << 10;

/// What the importer was told.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// Where it came from: file names, or names under `feeds`.
    pub sources: Vec<String>,
    /// Records that were kept out.
    pub refused: u64,
    /// Why the feed may have less than the one before it.
    pub reason: Option<String>,
}

/// A recorded import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Digest of the feed.
    pub feed: Digest,
    /// What the feed has more and less than the one before it.
    pub change: FeedChange,
}

/// Keeps `feed` and records the import.
///
/// Errors: it has less than the feed that was imported last and no reason was given, or claims to have been fetched later
/// than now. Nothing is recorded then, and the feed before stays in force.
pub async fn import(
    workspace: &Workspace,
    feed: Arc<dyn FeedBytes>,
    import: Import,
) -> Result<Imported, EngineError> {
    let header = header(feed.clone()).await?.map_err(EngineError::Feed)?;
    let now = workspace.clock.now();
    if let Some(source) = header.sources.iter().find(|source| source.fetched > Some(now)) {
        return Err(EngineError::FeedOfTomorrow { source_name: source.name.clone(), now });
    }
    let change = since_the_last(workspace, &header).await?;
    if !change.losses.is_empty() && import.reason.is_none() {
        return Err(EngineError::FeedLost(change.losses));
    }
    let digest = workspace.feeds.put(feed).await?;
    let peaks = if import.reason.is_some() { FeedPeaks::default() } else { change.peaks.clone() };
    let cut = |line: String| line.chars().take(LINE).collect::<String>();
    let gained = change.steps.iter().filter(|(_, step)| step.before == 0).map(|(name, _)| name.clone());
    let event = Event::FeedImported(FeedImported {
        feed: digest,
        sources: within(import.sources.into_iter(), String::len),
        advisories: header.advisories,
        refused: import.refused,
        newest: header.newest,
        origins: within(header.sources.iter().map(FeedSource::origin), |origin| origin.name.len()),
        reason: import.reason,
        lost: change.losses.iter().map(Loss::to_string).map(cut).take(RECORDED).collect(),
        gained: gained.map(cut).take(RECORDED).collect(),
        peaks,
    });
    let entry = Entry::new(now, &workspace.actor, event);
    workspace.ledger.append_one(entry, vec![]).await?;
    Ok(Imported { feed: digest, change })
}

/// The first of `all`, as many as an entry has room for.
fn within<T>(all: impl Iterator<Item = T>, length: impl Fn(&T) -> usize) -> Vec<T> {
    /// What each takes besides its name.
    const AROUND: usize = 80;
    let fits = |room: &mut usize, one: T| {
        *room = room.checked_sub(length(&one) + AROUND)?;
        Some(one)
    };
    all.scan(NAMES, fits).collect()
}

/// What a feed says about itself.
async fn header(bytes: Arc<dyn FeedBytes>) -> Result<Result<FeedHeader, String>, EngineError> {
    let opened = blocking(move || Feed::open(bytes).map(|feed| feed.summary().clone())).await?;
    Ok(opened.map_err(|error| error.to_string()))
}

/// What a feed has more than the one that was imported last, and less than that one and those before it.
async fn since_the_last(workspace: &Workspace, new: &FeedHeader) -> Result<FeedChange, EngineError> {
    let Some(last) = workspace.store.feeds().await?.pop() else {
        return Ok(change(None, &FeedPeaks::default(), new));
    };
    let before = match workspace.feeds.open(&last.feed).await {
        Ok(bytes) => header(bytes).await?,
        Err(error) => Err(error.to_string()),
    };
    Ok(match before {
        Ok(before) => change(Some(&before), &last.peaks, new),
        // What cannot be read cannot be compared with.
        Err(why) => {
            let losses = vec![Loss::Unreadable { feed: last.feed, why }];
            FeedChange { losses, ..change(None, &last.peaks, new) }
        }
    })
}
