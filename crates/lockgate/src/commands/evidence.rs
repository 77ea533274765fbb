//! `evidence`: what is attached to an image, what was seen and is gone, and what of that may be forgotten.

use lockgate_engine::evidence;
use serde_json::json;

use super::DONE;
use super::args::{Evidence, Global, Output};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate evidence`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Evidence) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let workspace = &session.workspace;
    match args {
        Evidence::List { image } => {
            let pieces = evidence::list(workspace, &around.reference(image)?).await?;
            match global.output {
                Output::Json => show::json(&pieces),
                Output::Table => show::evidence(&pieces),
            }
        }
        Evidence::Forget { digest, reason } => {
            let forgotten = evidence::forget(workspace, *digest, reason).await?;
            match global.output {
                Output::Json => show::json(&json!({"forgotten": forgotten})),
                Output::Table => {
                    for one in &forgotten {
                        say!(
                            "forgotten: the evidence {} of {}, last seen by Decision {}",
                            one.evidence.short(),
                            one.artifact.short(),
                            one.decision.short()
                        );
                    }
                }
            }
        }
    }
    Ok(DONE)
}
