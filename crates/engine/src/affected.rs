//! Which recorded artifacts a new feed speaks about: the index of their inventories is brought up to date from the
//! ledger, and only the inventories that it names are loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::ports::{FeedBytes, KeptIndex};
use lockgate_model::{CaseRecord, Digest, Entry, Event, Inventory, Service, StageName, canon};
use lockgate_scan::feed::{PackageKey, keys_of, touched};
use lockgate_scan::inventories::{Batch, Covered, Subject, write_index};
use lockgate_scan::{Feed, InventoryIndex};
use serde::Serialize;

use crate::gather::blocking;
use crate::judge::stored;
use crate::{EngineError, Workspace};

/// Entries that are read at once.
const ENTRIES: u32 = 1000;

/// What a step between feeds touches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// The recorded artifacts with packages that it touches: those that a stage holds first, then by digest.
    pub artifacts: Vec<AffectedArtifact>,
    /// Recorded artifacts that were not read whole: they may have any package.
    pub unread: BTreeSet<Digest>,
}

/// A recorded artifact with packages that a step between feeds touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AffectedArtifact {
    /// The artifact.
    pub artifact: Digest,
    /// The services that it was judged for.
    pub services: BTreeSet<Service>,
    /// The stages that hold it now, each with the service.
    pub held: BTreeSet<(Service, StageName)>,
    /// The packages, by name.
    pub packages: Vec<AffectedPackage>,
}

/// A package of an artifact that advisories speak about which are new, changed or gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AffectedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its ecosystem.
    pub ecosystem: String,
    /// Those advisories.
    pub advisories: BTreeSet<String>,
    /// Vulnerabilities that it has by these advisories, as the later feed has them.
    pub vulnerabilities: BTreeSet<String>,
}

/// What the step from one feed to another touches of everything that the ledger has.
pub async fn affected(
    workspace: &Workspace,
    kept: &dyn KeptIndex,
    old: Arc<dyn FeedBytes>,
    new: Arc<dyn FeedBytes>,
) -> Result<Affected, EngineError> {
    let index = up_to_date(workspace, kept).await?;
    let found = blocking(move || {
        let open = |bytes| Feed::open(bytes).map_err(|error| EngineError::Feed(error.to_string()));
        let (old, new) = (open(old)?, open(new)?);
        let touched = touched(&old, &new).map_err(|error| EngineError::Feed(error.to_string()))?;
        let Some(index) = index else { return Ok((new, touched, BTreeSet::new(), BTreeSet::new())) };
        let subjects = index.having(&touched.keys().cloned().collect()).map_err(unusable)?;
        Ok::<_, EngineError>((new, touched, subjects, index.unread().map_err(unusable)?))
    });
    let (new, touched, subjects, unread) = found.await??;
    let unread = unread.into_iter().map(|subject| subject.artifact).collect();
    let (new, touched) = (Arc::new(new), Arc::new(touched));
    let mut packages: BTreeMap<Digest, BTreeSet<AffectedPackage>> = BTreeMap::new();
    for Subject { artifact, inventory } in subjects {
        let bytes = stored(workspace, "the inventory", &inventory).await?;
        let inventory: Inventory = canon::from_bytes(&bytes)?;
        let (new, touched) = (new.clone(), touched.clone());
        let found = blocking(move || of_inventory(&inventory, &new, &touched)).await??;
        packages.entry(artifact).or_default().extend(found);
    }
    Ok(Affected { artifacts: with_places(workspace, packages).await?, unread })
}

fn unusable(error: impl std::fmt::Display) -> EngineError {
    EngineError::Index(error.to_string())
}

/// The packages of one inventory that are touched.
fn of_inventory(
    inventory: &Inventory,
    new: &Feed,
    touched: &BTreeMap<PackageKey, BTreeSet<String>>,
) -> Result<Vec<AffectedPackage>, EngineError> {
    let ids: BTreeSet<_> = touched.values().flatten().collect();
    let matches = new.matches(inventory).map_err(|error| EngineError::Feed(error.to_string()))?.matches;
    let mut vulnerabilities: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for vulnerability in matches {
        // A vulnerability is known by every name of the advisories that it is joined of.
        if vulnerability.names().any(|name| ids.contains(name)) {
            vulnerabilities.entry(vulnerability.package).or_default().insert(vulnerability.id);
        }
    }
    let mut found = Vec::new();
    for (at, package) in inventory.packages.iter().enumerate() {
        let advisories: BTreeSet<_> =
            keys_of(package).filter_map(|key| touched.get(&key)).flatten().cloned().collect();
        if !advisories.is_empty() {
            found.push(AffectedPackage {
                name: package.name.clone(),
                version: package.version.clone(),
                ecosystem: package.ecosystem.clone(),
                advisories,
                vulnerabilities: vulnerabilities.remove(&at).unwrap_or_default(),
            });
        }
    }
    Ok(found)
}

/// Adds what the tables know about artifacts.
async fn with_places(
    workspace: &Workspace,
    packages: BTreeMap<Digest, BTreeSet<AffectedPackage>>,
) -> Result<Vec<AffectedArtifact>, EngineError> {
    let mut services: BTreeMap<Digest, BTreeSet<Service>> = BTreeMap::new();
    for row in workspace.store.decisions(None).await? {
        services.entry(row.artifact).or_default().insert(row.service);
    }
    let mut current = BTreeMap::new();
    for row in workspace.store.releases(None).await? {
        current.insert((row.service, row.stage), row.artifact);
    }
    let mut affected: Vec<_> = packages
        .into_iter()
        .map(|(artifact, packages)| AffectedArtifact {
            services: services.remove(&artifact).unwrap_or_default(),
            held: current
                .iter()
                .filter(|(_, held)| **held == artifact)
                .map(|(place, _)| place.clone())
                .collect(),
            packages: packages.into_iter().collect(),
            artifact,
        })
        .collect();
    affected.sort_by_key(|one| (one.held.is_empty(), one.artifact));
    Ok(affected)
}

/// The index with everything that the ledger has; none when there is no inventory to speak of.
async fn up_to_date(
    workspace: &Workspace,
    kept: &dyn KeptIndex,
) -> Result<Option<InventoryIndex>, EngineError> {
    let mut index = opened(workspace, kept).await?;
    let mut covered = index.as_ref().map(InventoryIndex::covered).unwrap_or_default();
    let before = covered;
    let mut batch = Batch::default();
    loop {
        let entries = workspace.store.entries(covered.size, ENTRIES).await?;
        if entries.is_empty() {
            break;
        }
        for bytes in entries {
            if let Event::Decided(decided) =
                Entry::decode(&bytes).map_err(crate::ledger::LedgerError::from)?.event
            {
                add(workspace, index.as_ref(), &mut batch, decided.artifact, &decided.case).await?;
            }
            covered = Covered { size: covered.size + 1, last: Some(Digest::of(&bytes)) };
            if batch.is_full() {
                index = Some(written(kept, index, std::mem::take(&mut batch), covered).await?);
            }
        }
    }
    if covered != before {
        index = Some(written(kept, index, batch, covered).await?);
    }
    Ok(index)
}

/// The index that was kept, when it is of this ledger.
async fn opened(workspace: &Workspace, kept: &dyn KeptIndex) -> Result<Option<InventoryIndex>, EngineError> {
    let Some(index) = kept.get().await?.and_then(|bytes| InventoryIndex::open(bytes).ok()) else {
        return Ok(None);
    };
    let Covered { size, last } = index.covered();
    let Some(at) = size.checked_sub(1) else { return Ok(Some(index)) };
    let entry = workspace.store.entries(at, 1).await?.pop();
    Ok(entry.is_some_and(|bytes| Some(Digest::of(&bytes)) == last).then_some(index))
}

/// Adds the inventories of a recorded Case.
async fn add(
    workspace: &Workspace,
    index: Option<&InventoryIndex>,
    batch: &mut Batch,
    artifact: Digest,
    case: &Digest,
) -> Result<(), EngineError> {
    let case: CaseRecord = canon::from_bytes(&stored(workspace, "the Case", case).await?)?;
    for image in &case.images {
        let subject = Subject { artifact, inventory: image.inventory.unwrap_or(image.manifest) };
        let known = match index {
            Some(index) => index.contains(&subject).map_err(unusable)?,
            None => false,
        };
        if known || batch.contains(&subject) {
            continue;
        }
        match image.inventory {
            Some(inventory) => {
                let bytes = stored(workspace, "the inventory", &inventory).await?;
                batch.add(subject, &canon::from_bytes(&bytes)?);
            }
            None => batch.add_unread(subject),
        }
    }
    Ok(())
}

/// Adds a batch to an index and keeps the new one.
async fn written(
    kept: &dyn KeptIndex,
    index: Option<InventoryIndex>,
    batch: Batch,
    covered: Covered,
) -> Result<InventoryIndex, EngineError> {
    let made = blocking(move || {
        let mut bytes = Vec::new();
        write_index(index.as_ref(), &batch, covered, &mut bytes).map(|()| Bytes::from(bytes))
    });
    let bytes = made.await?.map_err(unusable)?;
    kept.put(bytes.clone()).await?;
    // Read where it lies, not in memory.
    let bytes = kept.get().await?.unwrap_or_else(|| Arc::new(bytes));
    InventoryIndex::open(bytes).map_err(unusable)
}
