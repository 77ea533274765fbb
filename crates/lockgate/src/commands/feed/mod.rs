//! `feed`: import, update, list and show feeds of advisories.

mod affected;
mod update;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockgate_engine::feed;
use lockgate_model::Digest;
use lockgate_model::ports::FeedBytes;
use lockgate_model::projection::FeedRow;
use lockgate_scan::feed::{Delta, delta};
use lockgate_scan::{Feed as OpenFeed, FeedBuilder, FeedError, FeedSummary};
use lockgate_store::FeedFile;
use serde_json::json;

use super::DONE;
use super::args::{Feed, Global, Output};
use crate::failure::Failure;
use crate::session::{Session, Surroundings, timestamp};
use crate::show;

/// Most files that one import reads: a whole OSV ecosystem unpacked has some hundred thousand.
const FILES: usize = 1_000_000;

/// `lockgate feed`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Feed) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    match args {
        Feed::Import { files } => {
            let sources = files.iter().map(|file| file.display().to_string()).collect();
            let files =
                files_below(files)?.into_iter().map(|path| Source { name: path.display().to_string(), path });
            let (digest, summary) = import(&session, files.collect(), sources).await?;
            match global.output {
                Output::Json => show::json(&json!({"feed": digest, "summary": summary})),
                Output::Table => show::imported(&digest, &summary),
            }
            Ok(DONE)
        }
        Feed::Update => update::run(global, &session).await,
        Feed::List => {
            let rows = session.workspace.store.feeds().await?;
            match global.output {
                Output::Json => show::json(&json!({"feeds": rows})),
                Output::Table if rows.is_empty() => {
                    say!("No feed yet: `lockgate feed import FILE...` reads OSV, KEV and EPSS files.");
                }
                Output::Table => show::feeds(&rows),
            }
            Ok(DONE)
        }
        Feed::Show { feed } => one(global, &session, feed.as_deref()).await,
        Feed::Verify { feed } => verify(global, &session, feed.as_deref()).await,
        Feed::Delta { from, to, file } => step(&session, from, to.as_deref(), file).await,
        Feed::Affected { from, to } => affected::run(global, &session, from.as_deref(), to.as_deref()).await,
        Feed::Apply { file } => apply(global, &session, file).await,
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
    say!("{}: {} advisories changed, {} gone", file.display(), step.changed.len(), step.removed.len());
    Ok(DONE)
}

/// Makes the feed that a delta leads to, and imports it.
async fn apply(global: &Global, session: &Session, file: &Path) -> Result<u8, Failure> {
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
        let header = step.apply(&base, &mut feed).map_err(|error| damaged(&error))?;
        let feed = feed.into_inner().map_err(|error| scratch(error.into_error()))?;
        let bytes: Arc<dyn FeedBytes> = Arc::new(FeedFile::new(&folder, feed)?);
        Ok((bytes, header))
    });
    let (bytes, header) = made.await?;
    let digest = feed::import(&session.workspace, bytes, vec![file.display().to_string()], 0).await?;
    match global.output {
        Output::Json => show::json(&json!({"feed": digest, "header": header})),
        Output::Table => say!("imported {digest}: {} advisories", header.advisories),
    }
    Ok(DONE)
}

/// A file of advisories, and what messages call it.
struct Source {
    name: String,
    path: PathBuf,
}

/// Makes a feed of `files` and imports it; `sources` is what the ledger says about where it came from.
async fn import(
    session: &Session,
    files: Vec<Source>,
    sources: Vec<String>,
) -> Result<(Digest, FeedSummary), Failure> {
    let folder = session.feed_folder();
    let (bytes, summary) = working(move || read(&files, &folder)).await?;
    if summary.header.advisories == 0 {
        let first = summary.refused.first();
        let why = first.map_or_else(String::new, |one| format!("; {}: {}", one.place, one.reason));
        return Err(Failure::told(
            format!("no advisory was read, {} records were refused{why}", summary.refused_count),
            "a feed without advisories would call every image clean: give OSV files",
        ));
    }
    let digest = feed::import(&session.workspace, bytes, sources, summary.refused_count).await?;
    Ok((digest, summary))
}

/// Reads files into one feed, which lies in a file that goes away: memory does not grow with it.
fn read(files: &[Source], folder: &Path) -> Result<(Arc<dyn FeedBytes>, FeedSummary), Failure> {
    let scratch = |error: std::io::Error| Failure::file(folder, &error);
    std::fs::create_dir_all(folder).map_err(scratch)?;
    let mut builder = FeedBuilder::spooled(Spool::new(tempfile::tempfile_in(folder).map_err(scratch)?));
    let told = |error: FeedError| {
        Failure::told(error.to_string(), "see `lockgate feed import --help` for the files that are read")
    };
    for Source { name, path } in files {
        let failed = |error: std::io::Error| Failure::file(path, &error);
        let file = File::open(path).map_err(failed)?;
        let modified = file.metadata().and_then(|metadata| metadata.modified()).map_err(failed)?;
        builder.add(name, BufReader::new(file), timestamp(modified)).map_err(told)?;
    }
    let mut feed = BufWriter::new(tempfile::tempfile_in(folder).map_err(scratch)?);
    let (_, summary) = builder.write(&mut feed).map_err(told)?;
    let feed = feed.into_inner().map_err(|error| scratch(error.into_error()))?;
    Ok((Arc::new(FeedFile::new(folder, feed)?), summary))
}

/// A file in which records wait: written in large pieces, read back one by one.
struct Spool(BufWriter<File>);

impl Spool {
    fn new(file: File) -> Self {
        Self(BufWriter::with_capacity(1 << 20, file))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Spool {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Read for Spool {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.get_mut().read(bytes)
    }
}

/// The files themselves, and every file below the folders, sorted: hidden ones are left out.
fn files_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = Vec::new();
    let sort_in = |path: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>| {
        let kind = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
        if kind.is_dir() {
            folders.push(path.to_owned());
        } else {
            files.push(path.to_owned());
        }
        Ok::<_, Failure>(())
    };
    for path in paths {
        sort_in(path, &mut files, &mut folders)?;
    }
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Failure::file(&folder, &error))?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                sort_in(&entry.path(), &mut files, &mut folders)?;
            }
        }
        if files.len() > FILES {
            return Err(Failure::told(format!("more than {FILES} files to import"), "import a zip of them"));
        }
    }
    files.sort();
    Ok(files)
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
