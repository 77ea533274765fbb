//! `feed affected`: which recorded artifacts a new feed speaks about.

use lockgate_engine::affected::affected;
use lockgate_model::projection::FeedRow;
use serde_json::json;

use super::row;
use crate::commands::DONE;
use crate::commands::args::{Global, Output};
use crate::failure::Failure;
use crate::session::Session;
use crate::show;

/// `lockgate feed affected`
pub(super) async fn run(
    global: &Global,
    session: &Session,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<u8, Failure> {
    let new = row(session, to).await?;
    let old = match from {
        Some(prefix) => session.feed(prefix).await?,
        None => before(session, &new).await?,
    };
    let feeds = &session.workspace.feeds;
    let (before, after) = (feeds.get(&old.feed).await?, feeds.get(&new.feed).await?);
    let found = affected(&session.workspace, &session.index(), before, after).await?;
    match global.output {
        Output::Json => show::json(&json!({"from": old.feed, "to": new.feed, "affected": found})),
        Output::Table => {
            say!("from {} to {}: {} artifacts", old.feed.short(), new.feed.short(), found.artifacts.len());
            show::affected(&found);
        }
    }
    Ok(DONE)
}

/// The feed that was imported before another.
async fn before(session: &Session, new: &FeedRow) -> Result<FeedRow, Failure> {
    let rows = session.workspace.store.feeds().await?;
    rows.into_iter().rfind(|row| row.seq < new.seq).ok_or_else(|| {
        Failure::told(
            "no feed was imported before this one",
            "name the feed to begin with: `lockgate feed list`",
        )
    })
}
