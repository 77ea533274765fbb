//! `scan`: list an image's packages and what a feed says about them.

use lockgate_engine::scan;

use super::DONE;
use super::args::{Global, Output, Scan};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate scan`: exit code 0 when everything could be read, 3 when something could not. What a match means
/// for a stage is for `judge` to say.
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Scan) -> Result<u8, Failure> {
    let reference = around.reference(&args.image)?;
    let feed = feed(global, around, args).await?;
    let scanned = scan::scan(&around.reach(global)?, &reference, feed).await?;
    match global.output {
        Output::Json => show::json(&scanned),
        Output::Table => show::scanned(&scanned, args.all),
    }
    let unknown = !scanned.complete();
    Ok(if unknown { lockgate_model::Outcome::Pause.exit_code() } else { DONE })
}

/// The feed asked for, or the one imported last where there is a workspace; outside of one, none.
async fn feed(global: &Global, around: &Surroundings, args: &Scan) -> Result<Option<bytes::Bytes>, Failure> {
    if args.feed.is_none() && !around.has_workspace(global) {
        return Ok(None);
    }
    let session = Session::open(global, around).await?;
    let row = match &args.feed {
        Some(prefix) => session.feed(prefix).await?,
        None => match session.workspace.store.feeds().await?.pop() {
            Some(row) => row,
            None => return Ok(None),
        },
    };
    Ok(Some(session.workspace.feeds.map(&row.feed).await?))
}
