//! `provenance`: who built an image, from what, and how.

use lockgate_engine::provenance::record;

use lockgate_model::Outcome;

use super::DONE;
use super::args::{Global, Output, Provenance};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate provenance`. What could not be read leaves the answer open, as a pause does.
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Provenance) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let record = record(&session.workspace, &around.reference(&args.image)?).await?;
    match global.output {
        Output::Json => show::json(&record),
        Output::Table => show::provenance(&record, args.all),
    }
    Ok(if record.unread.is_empty() { DONE } else { Outcome::Pause.exit_code() })
}
