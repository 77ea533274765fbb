//! Verifies the ledger: recomputes everything from the entries and compares.

use std::collections::BTreeMap;

use lockgate_ledger::{Checkpoint, Edge, Hash, TILE_WIDTH, VerifierKey};
use lockgate_model::ports::{PortError, Store, TileId};
use lockgate_model::{CaseRecord, Digest, Entry, Event, canon};
use serde::Serialize;

use super::looked::Looked;

/// Entries and digests read at a time.
const BATCH: u32 = 1000;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The entry it is about, where it can be said: for content, the first entry that names it.
    pub entry: Option<u64>,
    /// What it is.
    pub what: String,
}

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Entries.
    pub size: u64,
    /// Root of the tree over them, in hex.
    pub root: String,
    /// Checkpoints whose signature and root were compared.
    pub checkpoints: u64,
    /// Pieces of content whose digest was computed.
    pub contents: u64,
    /// What is wrong, by entry.
    pub problems: Vec<Problem>,
}

/// What is recomputed while the entries stream by.
struct Recount {
    edge: Edge,
    tiles: BTreeMap<TileId, Vec<u8>>,
    /// Roots at the sizes that a checkpoint or an anchor names.
    roots: BTreeMap<u64, Hash>,
    /// Content that entries name, and the first entry that does.
    named: BTreeMap<Digest, u64>,
    /// What Cases must have looked at.
    looked: Looked,
    problems: Vec<Problem>,
}

impl Recount {
    fn problem(&mut self, entry: Option<u64>, what: String) {
        self.problems.push(Problem { entry, what });
    }
}

/// Recomputes everything in `store` from its entries. `anchors` are checkpoints that were kept elsewhere: the
/// ledger must contain each.
pub async fn verify(store: &dyn Store, key: &VerifierKey, anchors: &[String]) -> Result<Report, PortError> {
    let mut recount = Recount {
        edge: Edge::new(),
        tiles: BTreeMap::new(),
        roots: BTreeMap::new(),
        named: BTreeMap::new(),
        looked: Looked::default(),
        problems: Vec::new(),
    };
    let checkpoints = all_checkpoints(store).await?;
    let mut sizes: Vec<u64> = checkpoints.iter().map(|(size, _)| *size).collect();
    sizes.extend(anchors.iter().filter_map(|note| Checkpoint::open(note, key).ok()).map(|one| one.size));
    read_entries(store, &mut recount, &sizes).await?;
    compare_tiles(store, &mut recount).await?;
    compare_checkpoints(&checkpoints, key, &mut recount);
    compare_anchors(anchors, key, &mut recount);
    let contents = compare_contents(store, &mut recount).await?;
    match store.tables_differ().await {
        Ok(false) => {}
        Ok(true) => recount.problem(
            None,
            "the tables are not what the entries give: `lockgate ledger rebuild` derives them again"
                .to_owned(),
        ),
        Err(error) => recount.problem(None, format!("the tables cannot be derived: {error}")),
    }
    recount.problems.sort();
    recount.problems.dedup();
    Ok(Report {
        size: recount.edge.size(),
        root: Digest::from_bytes(recount.edge.root()).hex(),
        checkpoints: checkpoints.len() as u64,
        contents,
        problems: recount.problems,
    })
}

async fn all_checkpoints(store: &dyn Store) -> Result<Vec<(u64, String)>, PortError> {
    let mut all: Vec<(u64, String)> = Vec::new();
    loop {
        let after = all.last().map_or(0, |(size, _)| *size);
        let batch = store.checkpoints(after, BATCH).await?;
        if batch.is_empty() {
            return Ok(all);
        }
        all.extend(batch);
    }
}

async fn read_entries(store: &dyn Store, recount: &mut Recount, sizes: &[u64]) -> Result<(), PortError> {
    recount.roots.insert(0, recount.edge.root());
    loop {
        let from = recount.edge.size();
        let batch = match store.entries(from, BATCH).await {
            Ok(batch) => batch,
            Err(error) => {
                recount.problem(Some(from), error.to_string());
                return Ok(());
            }
        };
        if batch.is_empty() {
            return Ok(());
        }
        for bytes in batch {
            let seq = recount.edge.size();
            recount.edge.append(&bytes);
            recount.tiles.extend(recount.edge.take_changed());
            if sizes.contains(&(seq + 1)) {
                recount.roots.insert(seq + 1, recount.edge.root());
            }
            match Entry::decode(&bytes) {
                Ok(entry) => name_contents(store, seq, &entry.event, recount).await?,
                Err(error) => recount.problem(Some(seq), format!("the entry cannot be read: {error}")),
            }
        }
    }
}

async fn name_contents(
    store: &dyn Store,
    seq: u64,
    event: &Event,
    recount: &mut Recount,
) -> Result<(), PortError> {
    for digest in event.blobs() {
        recount.named.entry(digest).or_insert(seq);
    }
    match event {
        Event::Decided(decided) => {
            let record = case(store, &decided.case).await?;
            for digest in record.iter().flat_map(CaseRecord::inputs) {
                recount.named.entry(digest).or_insert(seq);
            }
            for what in recount.looked.decided(seq, decided, record.as_ref()) {
                recount.problem(Some(seq), what);
            }
        }
        Event::EvidenceForgotten(what) => {
            let saw = match recount.looked.forgotten(seq, what) {
                Some(digest) => case(store, &digest).await?,
                None => None,
            };
            let had =
                |record: &CaseRecord| record.evidence.iter().any(|one| one.manifest.digest == what.evidence);
            if !saw.is_some_and(|record| had(&record)) {
                recount.problem(Some(seq), "it forgets what its Decision did not see".to_owned());
            }
        }
        _ => {}
    }
    Ok(())
}

async fn case(store: &dyn Store, digest: &Digest) -> Result<Option<CaseRecord>, PortError> {
    Ok(store.blob(digest).await?.and_then(|bytes| canon::from_bytes(&bytes).ok()))
}

async fn compare_tiles(store: &dyn Store, recount: &mut Recount) -> Result<(), PortError> {
    for id in store.tile_ids().await? {
        if !recount.tiles.contains_key(&id) {
            recount.problem(None, format!("tile {}/{} should not be there", id.level, id.index));
        }
    }
    let tiles = std::mem::take(&mut recount.tiles);
    for (id, expected) in tiles {
        let found = store.tiles(&[id]).await?.into_iter().next().flatten();
        let Some(found) = found else {
            recount.problem(first_entry(id, 0), format!("tile {}/{} is missing", id.level, id.index));
            continue;
        };
        if found == expected {
            continue;
        }
        let differs = found.chunks(32).zip(expected.chunks(32)).position(|(a, b)| a != b);
        let at = differs.unwrap_or(found.len().min(expected.len()) / 32);
        let what = if id.level == 0 {
            "the entry is not what its leaf in the tree says: one of them was changed".to_owned()
        } else {
            format!("hash {at} of tile {}/{} is not what the entries give", id.level, id.index)
        };
        recount.problem(first_entry(id, at as u64), what);
    }
    Ok(())
}

/// The first entry below the hash at place `at` of a tile.
fn first_entry(id: TileId, at: u64) -> Option<u64> {
    let width = (TILE_WIDTH as u64).checked_pow(u32::from(id.level))?;
    (id.index.checked_mul(TILE_WIDTH as u64)?.checked_add(at)?).checked_mul(width)
}

fn compare_checkpoints(checkpoints: &[(u64, String)], key: &VerifierKey, recount: &mut Recount) {
    let mut right_up_to = 0;
    for (size, note) in checkpoints {
        let last = Some(size.saturating_sub(1));
        match Checkpoint::open(note, key) {
            Err(error) => recount.problem(last, format!("the checkpoint of size {size} is refused: {error}")),
            Ok(checkpoint) if checkpoint.size != *size => {
                recount.problem(
                    last,
                    format!("the checkpoint filed under {size} is of size {}", checkpoint.size),
                );
            }
            Ok(checkpoint) => match recount.roots.get(size) {
                None => recount.problem(
                    last,
                    format!("there is a checkpoint of size {size}, but fewer entries: some were removed"),
                ),
                Some(root) if *root != checkpoint.root => {
                    let what = format!(
                        "entries {right_up_to} to {} are not what the checkpoint of size {size} was signed for",
                        size - 1
                    );
                    recount.problem(Some(right_up_to), what);
                }
                Some(_) => right_up_to = *size,
            },
        }
    }
    let size = recount.edge.size();
    if size > 0 && checkpoints.last().map(|(size, _)| *size) != Some(size) {
        let what = format!(
            "there is no checkpoint of size {size}: entries were added by something else, or it was removed"
        );
        recount.problem(Some(size - 1), what);
    }
}

fn compare_anchors(anchors: &[String], key: &VerifierKey, recount: &mut Recount) {
    for note in anchors {
        match Checkpoint::open(note, key) {
            Err(error) => recount.problem(None, format!("a checkpoint kept elsewhere is refused: {error}")),
            Ok(anchor) => match recount.roots.get(&anchor.size) {
                None => {
                    let size = recount.edge.size();
                    let what = format!(
                        "a checkpoint kept elsewhere is of size {}, the ledger has {size} entries: it was rolled back",
                        anchor.size
                    );
                    recount.problem(Some(size), what);
                }
                Some(root) if *root != anchor.root => {
                    let what = format!(
                        "a checkpoint of size {} kept elsewhere has another root: this ledger is another history",
                        anchor.size
                    );
                    recount.problem(None, what);
                }
                Some(_) => {}
            },
        }
    }
}

async fn compare_contents(store: &dyn Store, recount: &mut Recount) -> Result<u64, PortError> {
    let mut count = 0;
    let named = recount.named.clone();
    for (digest, entry) in &named {
        count += 1;
        match store.blob(digest).await? {
            Some(bytes) if Digest::of(&bytes) == *digest => {}
            Some(_) => recount.problem(Some(*entry), format!("the content {digest} was changed")),
            None => recount.problem(Some(*entry), format!("the content {digest} is missing")),
        }
    }
    let mut after: Option<Digest> = None;
    loop {
        let batch = match store.blob_digests(after.as_ref(), BATCH).await {
            Ok(batch) => batch,
            Err(error) => {
                recount.problem(None, error.to_string());
                return Ok(count);
            }
        };
        let Some(last) = batch.last() else { return Ok(count) };
        after = Some(*last);
        for digest in batch.iter().filter(|digest| !named.contains_key(digest)) {
            count += 1;
            let bytes = store.blob(digest).await?;
            if bytes.is_none_or(|bytes| Digest::of(&bytes) != *digest) {
                recount.problem(None, format!("the content {digest}, which no entry names, was changed"));
            }
        }
    }
}
