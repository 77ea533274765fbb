//! Judges a Case and records the Decision with everything it was judged from.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_judge::gates;
use lockgate_model::entry::{Alert, Decided};
use lockgate_model::projection::DecisionRow;
use lockgate_model::{Answer, Case, Decision, Digest, Effect, Entry, Event, Outcome, Verdict, canon};

use crate::gather::{Purpose, Request, blocking, gather, gather_through};
use crate::ledger::{Appended, LedgerError};
use crate::staging::Staging;
use crate::{EngineError, Workspace};

/// Codes that an alert names; the Decision has them all.
const ALERT_CODES: usize = 32;

/// A Decision as it was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Digest of the Decision's bytes: its name.
    pub digest: Digest,
    /// The Decision.
    pub decision: Decision,
    /// The Case it was judged from.
    pub case: Case,
    /// Its place in the ledger.
    pub appended: Appended,
}

/// Closes the Case of `request`, judges it and records the Decision. Promotes nothing.
pub async fn judge(workspace: &Workspace, request: &Request) -> Result<Recorded, EngineError> {
    judge_with(workspace, request, None).await
}

/// As [`judge`], by another feed than the one in force. Whoever asks for a promotion does not choose the feed: there is no
/// such function for promotions.
pub async fn judge_with(
    workspace: &Workspace,
    request: &Request,
    feed: Option<Digest>,
) -> Result<Recorded, EngineError> {
    let case = gather(workspace, request, Purpose::Judge(feed)).await?;
    record(workspace, case, false).await
}

/// As [`judge`], for a promotion: when it halts because of whose signature or provenance the artifact has or lacks, an
/// alert is recorded with the Decision. Layers are staged while they are scanned.
pub(crate) async fn judge_to_promote(
    workspace: &Workspace,
    request: &Request,
    staging: Arc<Staging>,
) -> Result<Recorded, EngineError> {
    // The clock's instant, whatever was asked for: a promotion is judged for now, by the feed in force.
    let request = Request { as_of: workspace.clock.now(), ..request.clone() };
    let reach = workspace.reach.staging(staging);
    let case = gather_through(workspace, &reach, &request, Purpose::Promote).await?;
    record(workspace, case, true).await
}

/// The alert that a Decision gives rise to.
fn alert(digest: Digest, decision: &Decision) -> Option<Alert> {
    let halted = decision.outcome != Outcome::Proceed;
    let alerts = |verdict: &Verdict| gates::named(&verdict.gate).is_some_and(|gate| gate.alerts);
    let alerting = |verdict: &&Verdict| verdict.answer != Answer::Pass && alerts(verdict);
    let verdicts: Vec<&Verdict> = decision.verdicts.iter().filter(alerting).collect();
    if !halted || verdicts.is_empty() {
        return None;
    }
    let findings = verdicts.into_iter().flat_map(|verdict| &verdict.findings);
    let blocking = findings.filter(|finding| finding.effect != Effect::Advise);
    let codes: BTreeSet<_> = blocking.map(|finding| finding.code.clone()).collect();
    Some(Alert {
        decision: digest,
        service: decision.service.clone(),
        to: decision.to.clone(),
        artifact: decision.artifact,
        codes: codes.into_iter().take(ALERT_CODES).collect(),
    })
}

/// Judges `case` and records the Decision.
async fn record(workspace: &Workspace, case: Case, alerts: bool) -> Result<Recorded, EngineError> {
    let (case, decision) = decide(case).await?;
    let (case_bytes, case_digest) = case.record.encode()?;
    let (decision_bytes, digest) = canon::encode(&decision)?;
    let entry = Entry::new(
        workspace.clock.now(),
        &workspace.actor,
        Event::Decided(Decided {
            decision: digest,
            case: case_digest,
            service: decision.service.clone(),
            from: decision.from.clone(),
            to: decision.to.clone(),
            artifact: decision.artifact,
            outcome: decision.outcome,
            ledger_size: Some(case.record.ledger_size),
            evidence: Some(case.record.evidence_digest()?),
        }),
    );
    let mut blobs: Vec<Bytes> = vec![case_bytes.into(), decision_bytes.into()];
    blobs.extend(case.record.inputs().iter().filter_map(|input| case.inputs.get(input).cloned()));
    let mut entries = vec![entry];
    if let Some(alert) = alert(digest, &decision).filter(|_| alerts) {
        entries.push(Entry::new(workspace.clock.now(), &workspace.actor, Event::Alert(Box::new(alert))));
    }
    let appended = workspace.ledger.append(entries, blobs).await?;
    let appended = appended.into_iter().next().ok_or(LedgerError::Crowded)?;
    Ok(Recorded { digest, decision, case, appended })
}

/// Judges on the blocking pool: a Case may take seconds of computing.
pub(crate) async fn decide(case: Case) -> Result<(Case, Decision), EngineError> {
    blocking(move || {
        let decision = lockgate_judge::decide(&case);
        (case, decision)
    })
    .await
}

/// The recorded Decision whose digest begins with `prefix`: `sha256:` and hex digits, or hex digits alone.
pub async fn find(workspace: &Workspace, prefix: &str) -> Result<DecisionRow, EngineError> {
    let hex = prefix.strip_prefix("sha256:").unwrap_or(prefix);
    let usable = hex.len() >= 4 && hex.len() <= 64 && hex.chars().all(|c| c.is_ascii_hexdigit());
    let hex = hex.to_ascii_lowercase();
    let mut rows = if usable { workspace.store.decisions_by_prefix(&hex).await? } else { vec![] };
    match (rows.len(), rows.pop()) {
        (1, Some(row)) => Ok(row),
        (found, _) => Err(EngineError::Prefix { prefix: prefix.chars().take(80).collect(), found }),
    }
}

/// A recorded Decision's bytes, read back and checked against their digest.
pub async fn load(workspace: &Workspace, digest: &Digest) -> Result<(Decision, Bytes), EngineError> {
    let bytes = stored(workspace, "the Decision", digest).await?;
    Ok((canon::from_bytes(&bytes)?, bytes))
}

/// Content of the store, checked against its digest.
pub(crate) async fn stored(
    workspace: &Workspace,
    what: &'static str,
    digest: &Digest,
) -> Result<Bytes, EngineError> {
    match workspace.store.blob(digest).await? {
        Some(bytes) if Digest::of(&bytes) == *digest => Ok(bytes),
        _ => Err(EngineError::Missing { what, digest: *digest }),
    }
}
