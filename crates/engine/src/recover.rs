//! Finishes or gives up promotions that were announced and not completed.

use lockgate_model::entry::Intent;
use lockgate_model::projection::{PromotionRow, PromotionState};
use lockgate_model::{Digest, Entry, Event};

use crate::promote::complete;
use crate::{EngineError, Workspace, carry, judge};

/// Every promotion that is open, oldest first.
pub async fn open(workspace: &Workspace) -> Result<Vec<PromotionRow>, EngineError> {
    let mut rows = workspace.store.promotions(None).await?;
    rows.retain(|row| row.state == PromotionState::Open);
    Ok(rows)
}

/// Carries the intent out, from wherever it stopped, and records that it is done.
pub async fn finish(workspace: &Workspace, intent: &Intent) -> Result<(), EngineError> {
    carry::out(workspace, intent).await?;
    complete(workspace, &intent.decision).await
}

/// Gives the open promotion of that Decision up. Refused when the stage's tag already names the artifact:
/// then users may have it, and finishing is the honest way.
pub async fn undo(workspace: &Workspace, decision: &str, reason: &str) -> Result<Digest, EngineError> {
    let decision = judge::find(workspace, decision).await?;
    let rows = open(workspace).await?;
    let refuse = |reason| EngineError::CannotUndo {
        service: decision.service.clone(),
        decision: decision.decision,
        reason,
    };
    let row = rows
        .iter()
        .find(|row| row.intent.decision == decision.decision)
        .ok_or_else(|| refuse("it is not open"))?;
    if tag_has_moved(workspace, &row.intent).await? {
        return Err(refuse("the stage's tag already names the artifact; finish it with `lockgate recover`"));
    }
    let event = Event::PromotionUndone { decision: decision.decision, reason: reason.to_owned() };
    let entry = Entry::new(workspace.clock.now(), &workspace.actor, event);
    workspace.ledger.append_one(entry, vec![]).await?;
    Ok(decision.decision)
}

async fn tag_has_moved(workspace: &Workspace, intent: &Intent) -> Result<bool, EngineError> {
    let Some(tag) = &intent.tag else { return Ok(false) };
    let named = workspace.reach.registry.resolve(&intent.target, tag).await?;
    Ok(named.is_some_and(|named| named.digest == intent.artifact.digest))
}
