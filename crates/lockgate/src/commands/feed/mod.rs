//! `feed`: import, update, list and show feeds of advisories.

mod affected;
mod import;
mod update;

use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use lockgate_engine::feed::{self, Import, Imported};
use lockgate_model::ports::FeedBytes;
use lockgate_model::projection::FeedRow;
use lockgate_scan::feed::{Delta, delta};
use lockgate_scan::{Feed as OpenFeed, FeedError};
use lockgate_store::FeedFile;
use serde_json::json;

use super::DONE;
use super::args::{Feed, Global, Output};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;
use import::Spool;

/// `lockgate feed`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Feed) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    match args {
        Feed::Import(args) => import::run(global, &session, args).await,
        Feed::Update { reason } => update::run(global, &session, reason.clone()).await,
        Feed::Remove { sources, reason } => import::remove(global, &session, sources, reason).await,
        Feed::List => {
            let rows = session.workspace.store.feeds().await?;
            match global.output {
                Output::Json => show::json(&json!({"feeds": rows})),
                Output::Table if rows.is_empty() => {
                    say!(
                        "No feed yet: `lockgate feed import FILE... --fetched INSTANT` reads OSV, KEV and EPSS files."
                    );
                }
                Output::Table => show::feeds(&rows),
            }
            Ok(DONE)
        }
        Feed::Show { feed } => one(global, &session, feed.as_deref()).await,
        Feed::Verify { feed } => verify(global, &session, feed.as_deref()).await,
        Feed::Delta { from, to, file } => step(&session, from, to.as_deref(), file).await,
        Feed::Affected { from, to } => affected::run(global, &session, from.as_deref(), to.as_deref()).await,
        Feed::Apply { file, reason } => apply(global, &session, file, reason.clone()).await,
    }
}

async fn row(session: &Session, feed: Option<&str>) -> Result<FeedRow, Failure> {
    match feed {
        Some(prefix) => session.feed(prefix).await,
        None => session.latest_feed().await,
    }
}

/// Runs what computes for long where it may.
async fn working<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::told("the work was interrupted", "run it again"))?
}

fn damaged(error: &FeedError) -> Failure {
    if matches!(error, FeedError::Earlier) {
        let help =
            "import all sources again (`lockgate feed import FILE... --replace`), and make the delta again";
        return Failure::told(error.to_string(), help);
    }
    Failure::told(error.to_string(), "import the feed again: lockgate feed import FILE...")
}

/// Compares the feed's digest, and reads every advisory.
async fn verify(global: &Global, session: &Session, feed: Option<&str>) -> Result<u8, Failure> {
    let row = row(session, feed).await?;
    let bytes = session.workspace.feeds.get(&row.feed).await?;
    let count = working(move || {
        let feed = OpenFeed::open(bytes).map_err(|error| damaged(&error))?;
        let mut count = 0_u64;
        for advisory in feed.advisories() {
            advisory.map_err(|error| damaged(&error))?;
            count += 1;
        }
        Ok(count)
    });
    let count = count.await?;
    if count != row.advisories {
        let what = format!("it has {count} advisories, and {} were recorded", row.advisories);
        return Err(Failure::told(what, "import the feed again: lockgate feed import FILE..."));
    }
    match global.output {
        Output::Json => show::json(&json!({"feed": row.feed, "advisories": count, "verified": true})),
        Output::Table => say!("{} is whole: {count} advisories", row.feed),
    }
    Ok(DONE)
}

/// Writes what changed between two feeds.
async fn step(session: &Session, from: &str, to: Option<&str>, file: &Path) -> Result<u8, Failure> {
    let (old, new) = (session.feed(from).await?, row(session, to).await?);
    let [before, after] =
        [session.workspace.feeds.get(&old.feed).await?, session.workspace.feeds.get(&new.feed).await?];
    let step = working(move || {
        let told = |error: FeedError| damaged(&error);
        let (before, after) = (OpenFeed::open(before).map_err(told)?, OpenFeed::open(after).map_err(told)?);
        delta(old.feed, &before, new.feed, &after).map_err(told)
    });
    let step = step.await?;
    std::fs::write(file, step.to_bytes().map_err(|error| damaged(&error))?)
        .map_err(|error| Failure::file(file, &error))?;
    let changed: usize = step.changed.values().map(Vec::len).sum();
    let gone: usize = step.removed.values().map(std::collections::BTreeSet::len).sum();
    say!("{}: {changed} advisories changed, {gone} gone", file.display());
    Ok(DONE)
}

/// Makes the feed that a delta leads to, and imports it.
async fn apply(
    global: &Global,
    session: &Session,
    file: &Path,
    reason: Option<String>,
) -> Result<u8, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::file(file, &error))?;
    let step = Delta::from_bytes(&bytes).map_err(|error| {
        Failure::told(format!("{}: {error}", file.display()), "`lockgate feed delta` writes such files")
    })?;
    let base = session.feed(&step.from.to_string()).await.map_err(|_| {
        let what = format!("the delta begins with the feed {}, which is not here", step.from);
        Failure::told(what, "apply the deltas before it first, or import the whole feed")
    })?;
    let (base, folder) = (session.workspace.feeds.get(&base.feed).await?, session.feed_folder());
    let made = working(move || {
        let scratch = |error: io::Error| Failure::file(&folder, &error);
        let base = OpenFeed::open(base).map_err(|error| damaged(&error))?;
        let mut feed = BufWriter::new(tempfile::tempfile_in(&folder).map_err(scratch)?);
        let spool = Spool::new(tempfile::tempfile_in(&folder).map_err(scratch)?);
        let header = step.apply(&base, spool, &mut feed).map_err(|error| damaged(&error))?;
        let feed = feed.into_inner().map_err(|error| scratch(error.into_error()))?;
        let bytes: Arc<dyn FeedBytes> = Arc::new(FeedFile::new(&folder, feed)?);
        Ok((bytes, header))
    });
    let (bytes, header) = made.await?;
    let told = Import { sources: vec![file.display().to_string()], refused: 0, reason };
    let Imported { feed, change } = feed::import(&session.workspace, bytes, told).await?;
    match global.output {
        Output::Json => show::json(&json!({"feed": feed, "header": header, "change": change})),
        Output::Table => {
            say!("imported {feed}: {} advisories", header.advisories);
            show::feed_change(&header, &change);
        }
    }
    Ok(DONE)
}

async fn one(global: &Global, session: &Session, feed: Option<&str>) -> Result<u8, Failure> {
    let row = row(session, feed).await?;
    let bytes = session.workspace.feeds.open(&row.feed).await?;
    let opened = OpenFeed::open(bytes);
    let opened = opened.map_err(|error| Failure::told(error.to_string(), "import the feed again"))?;
    match global.output {
        Output::Json => show::json(&json!({"row": row, "header": opened.summary()})),
        Output::Table => show::feed(&row, opened.summary()),
    }
    Ok(DONE)
}
