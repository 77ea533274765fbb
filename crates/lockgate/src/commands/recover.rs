//! `recover`: finish promotions that were interrupted, or give them up.

use lockgate_engine::recover;
use serde_json::json;

use super::DONE;
use super::args::{Global, Output, Recover};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate recover`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Recover) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let workspace = &session.workspace;
    if let (Some(decision), Some(reason)) = (&args.undo, &args.reason) {
        let undone = recover::undo(workspace, decision, reason).await?;
        match global.output {
            Output::Json => show::json(&json!({"undone": [undone]})),
            Output::Table => say!("given up: the promotion of Decision {}", undone.short()),
        }
        return Ok(DONE);
    }
    let mut finished = Vec::new();
    for row in recover::open(workspace).await? {
        recover::finish(workspace, &row.intent).await?;
        if global.output == Output::Table {
            say!("finished: {} is now in {}", row.intent.service, row.intent.to);
        }
        finished.push(row.intent.decision);
    }
    match global.output {
        Output::Json => show::json(&json!({"finished": finished})),
        Output::Table if finished.is_empty() => say!("Nothing was interrupted."),
        Output::Table => {}
    }
    Ok(DONE)
}
