//! Evidence that recorded Cases of an artifact had and that is no longer there.
//!
//! What was seen is read from the ledger: from the Cases of recorded Decisions, by the digests that the entries name. The
//! tables only say which entries to look at. How many there were is filed in the Case, so that `ledger verify` notices
//! when a table said less than the ledger has.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::case::{Gap, Seen, Withheld};
use lockgate_model::evidence::Kind;
use lockgate_model::oci::Content;
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::projection::{DecisionRow, ForgottenRow};
use lockgate_model::{Case, CaseRecord, Digest, Entry, Event, Evidence, Inputs, Timestamp, canon, limits};

use super::blocking;
use super::evidence::Attached;
use crate::judge::stored;
use crate::ledger::LedgerError;
use crate::{EngineError, Workspace};

/// Pieces of evidence that are examined at a time.
const BATCH: usize = 8;

/// A piece of evidence, and the newest Decision that saw it.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) evidence: Evidence,
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) decision: Digest,
}

/// What recorded Decisions about an artifact saw.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// How many there are.
    pub(crate) decisions: u64,
    /// Evidence that was forgotten: the entries that did.
    pub(crate) forgotten: Vec<ForgottenRow>,
    /// What they saw, by the subject and the manifest.
    pub(crate) sightings: BTreeMap<(Digest, Digest), Sighting>,
}

impl Before {
    /// Reads what was seen of `artifact`.
    pub(crate) async fn of(workspace: &Workspace, artifact: &Digest) -> Result<Self, EngineError> {
        let mut before = Self::default();
        let rows = workspace.store.decisions_of(artifact).await?;
        for row in &rows {
            confirm_decision(workspace, row).await?;
        }
        before.decisions = rows.len() as u64;
        before.forgotten = workspace.store.forgotten(Some(artifact)).await?;
        for row in &before.forgotten {
            confirm_forgotten(workspace, row).await?;
        }
        // Decisions that saw the same have the same list: the newest of them says when it was seen last.
        let mut lists = BTreeSet::new();
        for row in rows.iter().rev() {
            if row.evidence.is_some_and(|list| !lists.insert(list)) {
                continue;
            }
            before.add(row, &case(workspace, row).await?);
        }
        Ok(before)
    }

    fn add(&mut self, row: &DecisionRow, record: &CaseRecord) {
        for evidence in &record.evidence {
            let name = (evidence.subject, evidence.manifest.digest);
            let sighting =
                Sighting { evidence: evidence.clone(), seq: row.seq, at: row.at, decision: row.decision };
            let newest = self.sightings.get(&name).is_none_or(|known| known.seq < row.seq);
            if newest {
                self.sightings.insert(name, sighting);
            }
        }
    }

    /// Whether it was forgotten after it was seen last.
    pub(crate) fn has_forgotten(&self, sighting: &Sighting) -> bool {
        let manifest = sighting.evidence.manifest.digest;
        self.forgotten.iter().any(|row| row.what.evidence == manifest && row.seq > sighting.seq)
    }

    /// What was seen and not forgotten, and is not among `attached`, newest first. Of what could not be listed nothing
    /// is known, and the gap says so.
    fn gone(&self, attached: &Attached) -> Vec<&Sighting> {
        let gone = |one: &&Sighting| {
            let (subject, manifest) = (one.evidence.subject, one.evidence.manifest.digest);
            let is_there = attached.there.contains(&(subject, manifest));
            attached.read.contains(&subject) && !is_there && !one.evidence.blobs.is_empty()
        };
        let mut gone: Vec<_> = self.sightings.values().filter(gone).collect();
        gone.retain(|one| !self.has_forgotten(one));
        gone.sort_by_key(|one| (std::cmp::Reverse(one.seq), &one.evidence));
        gone
    }
}

/// The entry at that place of the ledger.
async fn entry(workspace: &Workspace, seq: u64) -> Result<Entry, EngineError> {
    let bytes = workspace.store.entries(seq, 1).await?.pop().ok_or_else(|| untrue(seq))?;
    Ok(Entry::decode(&bytes).map_err(LedgerError::from)?)
}

/// A table says of a Decision what its entry says.
async fn confirm_decision(workspace: &Workspace, row: &DecisionRow) -> Result<(), EngineError> {
    match entry(workspace, row.seq).await?.event {
        Event::Decided(said)
            if (said.decision, said.case, said.artifact, said.evidence)
                == (row.decision, row.case, row.artifact, row.evidence) =>
        {
            Ok(())
        }
        _ => Err(untrue(row.seq).into()),
    }
}

/// What is forgotten was forgotten by an entry.
async fn confirm_forgotten(workspace: &Workspace, row: &ForgottenRow) -> Result<(), EngineError> {
    match entry(workspace, row.seq).await?.event {
        Event::EvidenceForgotten(said) if *said == row.what => Ok(()),
        _ => Err(untrue(row.seq).into()),
    }
}

fn untrue(seq: u64) -> PortError {
    let reason = format!("a table differs from entry {seq} of the ledger");
    let help =
        "`lockgate ledger verify` tells what is damaged; `lockgate ledger rebuild` derives the tables again";
    PortError::new(Trouble::Corrupt, "ledger", reason, help)
}

/// The Case of a recorded Decision.
pub(crate) async fn case(workspace: &Workspace, row: &DecisionRow) -> Result<CaseRecord, EngineError> {
    let record: CaseRecord = canon::from_bytes(&stored(workspace, "the Case", &row.case).await?)?;
    let listed = record.evidence_digest()?;
    if row.evidence.is_some_and(|list| list != listed) {
        return Err(untrue(row.seq).into());
    }
    Ok(record)
}

/// Adds to a Case the summaries that are evidence, and what was seen before and is gone, where a signer that the Case knows
/// made it: what a stranger attaches and removes is nobody's loss. `gates` are those of the stage that read evidence.
pub(super) async fn complete(
    workspace: &Workspace,
    case: Case,
    attached: Attached,
    gates: &[&str],
) -> Result<Case, EngineError> {
    let (mut case, summaries) = known(case, attached.summaries.clone()).await?;
    case.record.evidence.extend(summaries);
    let before = Before::of(workspace, &case.record.artifact.digest).await?;
    let (mut withheld, mut bytes_left) = (Vec::new(), limits::EVIDENCE_TOTAL_BYTES);
    for some in before.gone(&attached).chunks(BATCH) {
        let (kept, bytes) = signed(workspace, &case, some).await?;
        for one in kept {
            let found: Vec<_> = one.evidence.digests().filter_map(|digest| bytes.get(digest)).collect();
            let size = found.iter().map(|bytes| bytes.len()).sum();
            match bytes_left.checked_sub(size) {
                Some(left) if withheld.len() < limits::WITHHELD_PER_ARTIFACT => bytes_left = left,
                _ => {
                    case.record.gaps.extend(gates.iter().map(|gate| too_much(gate)));
                    break;
                }
            }
            for bytes in found {
                case.inputs.insert(bytes.clone());
            }
            let (evidence, last_seen, decision) = (one.evidence.clone(), one.at, one.decision);
            withheld.push(Withheld { evidence, last_seen, decision });
        }
    }
    let forgotten = before.forgotten.iter().map(|row| row.seq).collect();
    case.record.seen = Some(Seen { decisions: before.decisions, forgotten, withheld });
    Ok(case)
}

/// Those of `some` that a signer made whom the Case knows, and the bytes of all of them.
async fn signed<'a>(
    workspace: &Workspace,
    case: &Case,
    some: &[&'a Sighting],
) -> Result<(Vec<&'a Sighting>, Inputs), EngineError> {
    let mut bytes = Inputs::new();
    for digest in some.iter().flat_map(|one| one.evidence.digests()) {
        bytes.insert(stored(workspace, "evidence that was seen", digest).await?);
    }
    let candidates = some.iter().map(|one| &one.evidence).filter(|one| !is_own(one, &bytes)).cloned();
    let candidates = candidates.collect();
    let mut with = case.clone();
    with.inputs.take(&bytes);
    let (_, signed) = known(with, candidates).await?;
    Ok((some.iter().filter(|one| signed.contains(&one.evidence)).copied().collect(), bytes))
}

/// The pieces that somebody signed whom the Case knows, as a key, an identity or by a trust policy.
async fn known(case: Case, pieces: Vec<Evidence>) -> Result<(Case, Vec<Evidence>), EngineError> {
    if pieces.is_empty() {
        return Ok((case, pieces));
    }
    blocking(move || {
        let by = lockgate_judge::signed(&case, &pieces);
        let signed = pieces.into_iter().zip(by).filter(|(_, by)| !by.is_empty()).map(|(one, _)| one);
        let signed = signed.collect();
        (case, signed)
    })
    .await
}

/// Whether it is a verdict or proof of Lockgate's own: Cases of older Editions list them.
fn is_own(evidence: &Evidence, bytes: &Inputs) -> bool {
    let manifest = bytes.get(&evidence.manifest.digest);
    let content = manifest.and_then(|bytes| Content::read(&evidence.manifest.media_type, bytes).ok());
    content.is_some_and(|content| Kind::of_content(&content) == Kind::Own)
}

fn too_much(gate: &str) -> Gap {
    let most = limits::WITHHELD_PER_ARTIFACT;
    Gap {
        gate: gate.to_owned(),
        subject: "evidence that was seen".to_owned(),
        reason: format!("more than {most} pieces of signed evidence were seen and are gone"),
        remediation: "attach them again; or, piece by piece: lockgate evidence forget DIGEST --reason TEXT"
            .to_owned(),
    }
}
