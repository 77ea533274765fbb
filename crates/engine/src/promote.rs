//! Promotes an artifact: judge, record, announce, carry out, complete.

use std::sync::Arc;

use lockgate_model::entry::Intent;
use lockgate_model::ports::Copied;
use lockgate_model::projection::{Conflict, PromotionState};
use lockgate_model::reference::Target;
use lockgate_model::{Digest, Entry, Event, Outcome};

use crate::gather::Request;
use crate::judge::{Recorded, judge_to_promote};
use crate::staging::Staging;
use crate::{EngineError, Workspace, attachments, carry};

/// What came of asking for a promotion.
#[derive(Debug)]
pub struct Promoted {
    /// The recorded Decision.
    pub recorded: Recorded,
    /// What the copy did; nothing when the Decision did not let it happen.
    pub copied: Option<Copied>,
}

/// Judges the artifact and, only when the Decision says `proceed`, promotes it. `tag` is the tag that moves
/// last; without one, the tag it was asked for by.
///
/// On an error after the intent was recorded the promotion stays open: [`crate::recover`] finishes it or
/// gives it up.
pub async fn promote(
    workspace: &Workspace,
    request: &Request,
    tag: Option<String>,
) -> Result<Promoted, EngineError> {
    let step = workspace.route.step_to(request.to.as_str())?;
    let from = Workspace::repository(&step.from.registry, &request.service);
    let to = Workspace::repository(&step.to.registry, &request.service);
    let staging = Arc::new(Staging::new(workspace.reach.registry.clone(), from, to));
    let promoted = promote_staged(workspace, request, tag, &staging).await;
    staging.abandon().await;
    promoted
}

async fn promote_staged(
    workspace: &Workspace,
    request: &Request,
    tag: Option<String>,
    staging: &Arc<Staging>,
) -> Result<Promoted, EngineError> {
    let recorded = judge_to_promote(workspace, request, staging.clone()).await?;
    if recorded.decision.outcome != Outcome::Proceed {
        return Ok(Promoted { recorded, copied: None });
    }
    let tag = tag.or_else(|| match &request.target {
        Target::Tag(tag) => Some(tag.clone()),
        Target::Digest(_) => None,
    });
    let intent = announce(workspace, &recorded, tag).await?;
    staging.commit().await;
    let copied = carry::out(workspace, &intent).await?;
    complete(workspace, &intent.decision).await?;
    Ok(Promoted { recorded, copied: Some(copied) })
}

/// Records the intent, with the attachments that carrying it out will need: signed once, here, so that every
/// attempt pushes the same bytes.
async fn announce(
    workspace: &Workspace,
    recorded: &Recorded,
    tag: Option<String>,
) -> Result<Intent, EngineError> {
    let decision = &recorded.decision;
    let step = workspace.route.step_to(decision.to.as_str())?;
    let target = Workspace::repository(&step.to.registry, &decision.service);
    let (attachments, blobs) = attachments::of(workspace, recorded, &target).await?;
    let intent = Intent {
        decision: recorded.digest,
        service: decision.service.clone(),
        to: decision.to.clone(),
        artifact: recorded.case.record.artifact.clone(),
        source: Workspace::repository(&step.from.registry, &decision.service),
        target,
        tag,
        attachments,
    };
    let event = Event::PromotionIntended(Box::new(intent.clone()));
    let entry = Entry::new(workspace.clock.now(), &workspace.actor, event);
    workspace.ledger.append_one(entry, blobs).await?;
    Ok(intent)
}

/// Records that the promotion is done. Someone else may have recorded it: that is as good.
pub(crate) async fn complete(workspace: &Workspace, decision: &Digest) -> Result<(), EngineError> {
    let event = Event::PromotionCompleted { decision: *decision };
    let entry = Entry::new(workspace.clock.now(), &workspace.actor, event);
    let error = match workspace.ledger.append_one(entry, vec![]).await {
        Ok(_) => return Ok(()),
        Err(error) => EngineError::from(error),
    };
    if matches!(error.conflict(), Some(Conflict::NotOpen(_))) {
        let rows = workspace.store.promotions(None).await?;
        let done = |row: &lockgate_model::projection::PromotionRow| {
            row.intent.decision == *decision && row.state == PromotionState::Done
        };
        if rows.iter().any(done) {
            return Ok(());
        }
    }
    Err(error)
}
