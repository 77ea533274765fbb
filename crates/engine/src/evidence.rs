//! What is attached to an artifact, what was seen of it before and is gone, and what of that may be forgotten.

use std::collections::BTreeSet;

use lockgate_judge::{Edition, Signed};
use lockgate_model::entry::EvidenceForgotten;
use lockgate_model::projection::DecisionRow;
use lockgate_model::{
    Case, CaseRecord, Digest, Entry, Event, Evidence, Reference, Service, Timestamp, limits,
};
use serde::Serialize;

use crate::gather::seen::{self, Before};
use crate::gather::{Basket, evidence, find, trust};
use crate::judge::stored;
use crate::{EngineError, Workspace};

/// Whether a piece of evidence is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is attached.
    Attached,
    /// A recorded Decision saw it, and it is no longer attached.
    Gone,
    /// It is gone, and somebody said that it may be.
    Forgotten,
}

/// A piece of evidence.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Piece {
    /// Whether it is there.
    pub state: State,
    /// The manifest that carries it.
    pub evidence: Digest,
    /// The artifact or image that it was found at.
    pub about: Digest,
    /// What it says, and who signed it of those that the workspace knows.
    pub signed: Vec<Signed>,
    /// When the newest Decision that saw it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// That Decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Digest>,
}

/// The evidence of one artifact.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pieces {
    /// The artifact.
    pub artifact: Digest,
    /// Its evidence, by what became of it.
    pub evidence: Vec<Piece>,
    /// What could not be fetched: of that nothing is known.
    pub unread: Vec<String>,
}

/// Lists the evidence of the artifact that `reference` names now.
pub async fn list(workspace: &Workspace, reference: &Reference) -> Result<Pieces, EngineError> {
    let found = find(&workspace.reach, reference).await?;
    let subjects = found.subjects();
    let mut basket = Basket::default();
    let repository = &reference.repository;
    let attached = evidence::of(&workspace.reach, repository, &subjects, &["evidence"], &mut basket).await;
    let before = Before::of(workspace, &found.artifact.digest).await?;
    let there = attached.evidence.iter().chain(&attached.summaries);
    let mut pieces: Vec<(State, Evidence)> = there.map(|one| (State::Attached, one.clone())).collect();
    for one in before.sightings.values() {
        let name = (one.evidence.subject, one.evidence.manifest.digest);
        if attached.there.contains(&name) || !attached.read.contains(&one.evidence.subject) {
            continue;
        }
        for digest in one.evidence.digests() {
            basket.inputs.insert(stored(workspace, "evidence that was seen", digest).await?);
        }
        let state = if before.has_forgotten(one) { State::Forgotten } else { State::Gone };
        pieces.push((state, one.evidence.clone()));
    }
    let artifact = found.artifact.digest;
    let case = asking(workspace, found.artifact, reference, &mut basket).await?;
    let evidence: Vec<Evidence> = pieces.iter().map(|(_, one)| one.clone()).collect();
    let signed = crate::gather::blocking(move || lockgate_judge::signed(&case, &evidence)).await?;
    let mut listed: Vec<Piece> = pieces
        .into_iter()
        .zip(signed)
        .map(|((state, one), signed)| {
            let sighting = before.sightings.get(&(one.subject, one.manifest.digest));
            let (last_seen, decision) = (sighting.map(|one| one.at), sighting.map(|one| one.decision));
            let (evidence, about) = (one.manifest.digest, one.subject);
            Piece { state, evidence, about, signed, last_seen, decision }
        })
        // What nobody signed and is gone is nobody's loss.
        .filter(|piece| piece.state == State::Attached || !piece.signed.is_empty())
        .collect();
    listed.sort_by(|a, b| {
        (a.state, a.about, &a.signed, a.evidence).cmp(&(b.state, b.about, &b.signed, b.evidence))
    });
    let unread = basket.gaps.iter().map(|gap| format!("{}: {}", gap.subject, gap.reason)).collect();
    Ok(Pieces { artifact, evidence: listed, unread })
}

/// A Case that asks nothing: it says whom the workspace knows.
async fn asking(
    workspace: &Workspace,
    artifact: lockgate_model::Descriptor,
    reference: &Reference,
    basket: &mut Basket,
) -> Result<Case, EngineError> {
    let keyring = workspace.store.keyring().await?;
    let trust = trust::file(workspace, &keyring, &reference.repository, &mut basket.inputs);
    let first = workspace.route.stages().first().map(|stage| stage.name.clone());
    let stage = first.ok_or(EngineError::Interrupted)?;
    let service: Service = "image".parse().map_err(|_| EngineError::Interrupted)?;
    let record = CaseRecord {
        edition: Edition::CURRENT.name().to_owned(),
        as_of: workspace.clock.now(),
        ledger_size: 0,
        service,
        from: stage.clone(),
        to: stage,
        artifact,
        release: None,
        from_guarded: false,
        images: vec![],
        attestations: vec![],
        companions: vec![],
        evidence: vec![],
        seen: None,
        feed: None,
        keys: trust.keys,
        identities: trust.identities,
        sigstore: trust.sigstore,
        notary: trust.notary,
        policies: vec![],
        gates: std::collections::BTreeMap::new(),
        gaps: vec![],
    };
    Ok(Case { record, inputs: basket.inputs.clone() })
}

/// Records that a piece of evidence, which recorded Decisions saw, may be gone: one entry for each artifact that it was
/// seen at.
pub async fn forget(
    workspace: &Workspace,
    evidence: Digest,
    reason: &str,
) -> Result<Vec<EvidenceForgotten>, EngineError> {
    let refuse = |reason| Err(EngineError::CannotForget { evidence, reason });
    let reason = reason.trim();
    if reason.is_empty() {
        return refuse("a reason must be given");
    }
    if reason.chars().count() > limits::REASON_CHARS {
        return refuse("the reason is too long");
    }
    let mut forgotten = Vec::new();
    for row in saw(workspace, evidence).await? {
        let before = Before::of(workspace, &row.artifact).await?;
        let sightings = before.sightings.values().filter(|one| one.evidence.manifest.digest == evidence);
        let Some(last) = sightings.filter(|one| !before.has_forgotten(one)).max_by_key(|one| one.seq) else {
            continue;
        };
        forgotten.push(EvidenceForgotten {
            artifact: row.artifact,
            evidence,
            decision: last.decision,
            reason: reason.to_owned(),
        });
    }
    if forgotten.is_empty() {
        return refuse("no recorded Decision saw it, or none did since it was forgotten");
    }
    let entry = |what: &EvidenceForgotten| {
        let event = Event::EvidenceForgotten(Box::new(what.clone()));
        Entry::new(workspace.clock.now(), &workspace.actor, event)
    };
    workspace.ledger.append(forgotten.iter().map(entry).collect(), vec![]).await?;
    Ok(forgotten)
}

/// The newest Decision about each artifact whose Case has the evidence.
async fn saw(workspace: &Workspace, evidence: Digest) -> Result<Vec<DecisionRow>, EngineError> {
    // What was seen is in the store.
    if workspace.store.blob(&evidence).await?.is_none() {
        return Ok(vec![]);
    }
    let (mut artifacts, mut lists, mut found) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for row in workspace.store.decisions(None).await?.into_iter().rev() {
        let known = row.evidence.is_some_and(|list| !lists.insert((row.artifact, list)));
        if known || artifacts.contains(&row.artifact) {
            continue;
        }
        let record = seen::case(workspace, &row).await?;
        if record.evidence.iter().any(|one| one.manifest.digest == evidence) {
            artifacts.insert(row.artifact);
            found.push(row);
        }
    }
    Ok(found)
}
