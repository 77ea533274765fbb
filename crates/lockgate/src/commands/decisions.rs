//! `show`, `explain` and `replay`: recorded Decisions.

use lockgate_engine::{judge, replay};
use lockgate_judge::explain;
use serde_json::json;

use super::args::{Global, OneDecision, Output};
use super::{DONE, ERROR};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate show`
pub(super) async fn show(global: &Global, around: &Surroundings, args: &OneDecision) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let row = judge::find(&session.workspace, &args.decision).await?;
    let (decision, _) = judge::load(&session.workspace, &row.decision).await?;
    match global.output {
        Output::Json => show::json(&json!({"row": row, "record": decision})),
        Output::Table => show::decision(&row.decision, &decision, args.all),
    }
    Ok(DONE)
}

/// `lockgate explain`
pub(super) async fn explain(
    global: &Global,
    around: &Surroundings,
    args: &OneDecision,
) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let row = judge::find(&session.workspace, &args.decision).await?;
    let (decision, _) = judge::load(&session.workspace, &row.decision).await?;
    // Without its Case, the Decision alone says what to do.
    let (plan, checked) = match replay::load_case(&session.workspace, &row.case).await {
        Ok(case) => explain::plan_of(&decision, &case),
        Err(_) => (explain::plan(&decision), None),
    };
    match global.output {
        Output::Json => show::json(&json!({
            "decision": row.decision,
            "outcome": row.outcome,
            "plan": plan,
            "upgrades": checked,
        })),
        Output::Table => show::plan(&row.decision, &decision, &plan, checked.as_ref()),
    }
    Ok(DONE)
}

/// `lockgate replay`
pub(super) async fn replay(
    global: &Global,
    around: &Surroundings,
    args: &OneDecision,
) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let replay = replay::replay(&session.workspace, &args.decision).await?;
    let identical = replay.identical();
    match global.output {
        Output::Json => show::json(&json!({
            "decision": replay.row.decision,
            "replayed": replay.digest,
            "identical": identical,
            "extractConfirmed": replay.extract_confirmed,
            "record": replay.replayed,
        })),
        Output::Table => {
            say!("recorded  {}  {}", replay.row.decision, replay.recorded.outcome);
            say!("replayed  {}  {}", replay.digest, replay.replayed.outcome);
            say!(
                "{}",
                match (identical, replay.extract_confirmed) {
                    (true, Some(true)) =>
                        "Identical bytes, and the feed confirms the advisories in the Case.",
                    (true, Some(false)) =>
                        "Identical bytes, but the feed says something else than the Case's extract.",
                    (true, None) => "Identical bytes.",
                    (false, _) => "The bytes differ: an input is gone, or this version judges differently.",
                }
            );
        }
    }
    Ok(if identical && replay.extract_confirmed != Some(false) { DONE } else { ERROR })
}
