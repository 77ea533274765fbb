//! Judges a recorded Case again, from stored inputs alone. A replay never authorises anything.

use lockgate_model::case::FeedPin;
use lockgate_model::projection::DecisionRow;
use lockgate_model::{Case, CaseRecord, Decision, Digest, Inputs, Inventory, canon};
use lockgate_scan::{Feed, write_extract};

use crate::gather::{blocking, sboms};
use crate::judge::{decide, load, stored};
use crate::scan::covered;
use crate::{EngineError, Workspace};

/// What a replay gave.
#[derive(Debug)]
pub struct Replay {
    /// The Decision that was replayed.
    pub row: DecisionRow,
    /// What it says.
    pub recorded: Decision,
    /// What judging says now.
    pub replayed: Decision,
    /// Digest of what judging says now. Equal to `row.decision` when the bytes are identical.
    pub digest: Digest,
    /// Whether the advisories in the Case are what its feed says about its packages; `None` when the feed is
    /// no longer here.
    pub extract_confirmed: Option<bool>,
}

impl Replay {
    /// Whether judging gave the same bytes.
    pub fn identical(&self) -> bool {
        self.digest == self.row.decision
    }
}

/// Judges the Case of the Decision whose digest begins with `prefix` again.
pub async fn replay(workspace: &Workspace, prefix: &str) -> Result<Replay, EngineError> {
    let row = crate::judge::find(workspace, prefix).await?;
    let (recorded, _) = load(workspace, &row.decision).await?;
    let case = load_case(workspace, &row.case).await?;
    let extract_confirmed = confirm_extract(workspace, &case).await?;
    let (_, replayed) = decide(case).await?;
    let (_, digest) = canon::encode(&replayed)?;
    Ok(Replay { row, recorded, replayed, digest, extract_confirmed })
}

/// A recorded Case with every input that the store has. An input that is gone stays out: the Decision then
/// differs, and says which one.
pub async fn load_case(workspace: &Workspace, digest: &Digest) -> Result<Case, EngineError> {
    let bytes = stored(workspace, "the Case", digest).await?;
    let record: CaseRecord = canon::from_bytes(&bytes)?;
    let mut inputs = Inputs::new();
    for input in record.inputs() {
        if let Some(bytes) = workspace.store.blob(&input).await? {
            inputs.insert(bytes);
        }
    }
    Ok(Case { record, inputs })
}

async fn confirm_extract(workspace: &Workspace, case: &Case) -> Result<Option<bool>, EngineError> {
    let Some(FeedPin { feed, extract, coverage, .. }) = &case.record.feed else { return Ok(None) };
    let Ok(bytes) = workspace.feeds.get(feed).await else { return Ok(None) };
    let inventory = |digest: &Digest| canon::from_bytes::<Inventory>(case.inputs.get(digest)?).ok();
    let found = case.record.images.iter().filter_map(|image| inventory(image.inventory.as_ref()?));
    // Where more was declared than is read, the extract was taken without it.
    let declared = sboms::declared(&case.record.evidence, &case.record.gates, &case.inputs);
    let inventories: Vec<_> = found.chain(declared.unwrap_or_default()).collect();
    let again = blocking(move || {
        // A feed of another format confirms nothing.
        let feed = Feed::open(bytes).ok()?;
        let inventories: Vec<_> = inventories.iter().collect();
        let extract = feed.extract(&inventories);
        let covered = covered(&feed, &inventories);
        Some(
            extract.ok().and_then(|advisories| write_extract(&advisories).ok()).map(|bytes| (bytes, covered)),
        )
    })
    .await?;
    // Cases of earlier Editions do not say what was covered.
    let confirmed = |(bytes, covered): (Vec<u8>, _)| {
        Digest::of(&bytes) == *extract && (coverage.is_empty() || covered == *coverage)
    };
    Ok(again.map(|made| made.is_some_and(confirmed)))
}
