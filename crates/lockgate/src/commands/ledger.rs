//! `ledger`: verify, prove, list.

use lockgate_engine::ledger;
use lockgate_model::Entry;
use serde_json::json;

use super::args::{Global, Ledger, Output};
use super::{DONE, ERROR};
use crate::failure::Failure;
use crate::session::{Session, Surroundings, read_file};
use crate::show;

/// `lockgate ledger`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Ledger) -> Result<u8, Failure> {
    match args {
        Ledger::Verify { checkpoint } => verify(global, around, checkpoint).await,
        Ledger::Proof { entry } => {
            let session = Session::open(global, around).await?;
            let proof = ledger::proof(&*session.workspace.store, *entry).await?.to_string();
            match global.output {
                Output::Json => show::json(&json!({"entry": entry, "proof": proof})),
                Output::Table => show::lines(&proof),
            }
            Ok(DONE)
        }
        Ledger::List { from, limit } => list(global, around, *from, *limit).await,
        Ledger::Rebuild => {
            let session = Session::open(global, around).await?;
            let differed = session.workspace.store.rebuild().await?;
            match global.output {
                Output::Json => show::json(&json!({"differed": differed})),
                Output::Table if differed => {
                    say!("The tables differed from the entries, and were derived again.");
                }
                Output::Table => say!("The tables are what the entries give."),
            }
            Ok(DONE)
        }
        Ledger::Checkpoint => {
            let session = Session::open(global, around).await?;
            let head = session.workspace.store.head().await?;
            let checkpoint = head.checkpoint.ok_or_else(|| {
                Failure::told("the ledger has no entry yet", "the first judgement or import makes one")
            })?;
            match global.output {
                Output::Json => show::json(&json!({"size": head.size, "checkpoint": checkpoint})),
                Output::Table => show::lines(&checkpoint),
            }
            Ok(DONE)
        }
    }
}

async fn verify(
    global: &Global,
    around: &Surroundings,
    checkpoints: &[std::path::PathBuf],
) -> Result<u8, Failure> {
    let session = Session::open_damaged(global, around).await?;
    let mut anchors = session.anchors()?;
    for file in checkpoints {
        let text = String::from_utf8(read_file(file)?)
            .map_err(|_| Failure::told(format!("{}: not text", file.display()), "give a checkpoint file"))?;
        anchors.push(text);
    }
    let report = ledger::verify(&*session.workspace.store, &session.verifier, &anchors).await?;
    match global.output {
        Output::Json => show::json(&report),
        Output::Table => show::verified(&report),
    }
    Ok(if report.problems.is_empty() { DONE } else { ERROR })
}

async fn list(global: &Global, around: &Surroundings, from: u64, limit: u32) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let mut entries = Vec::new();
    for (seq, bytes) in (from..).zip(session.workspace.store.entries(from, limit).await?) {
        let entry = Entry::decode(&bytes).map_err(|error| {
            Failure::told(
                format!("entry {seq}: {error}"),
                "`lockgate ledger verify` tells what else is damaged",
            )
        })?;
        entries.push((seq, entry));
    }
    match global.output {
        Output::Json => show::json(&json!({
            "entries": entries.iter().map(|(seq, entry)| json!({"seq": seq, "entry": entry})).collect::<Vec<_>>()
        })),
        Output::Table => show::entries(&entries),
    }
    Ok(DONE)
}
