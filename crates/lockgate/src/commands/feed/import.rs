//! `feed import` and `feed remove`: what is read is added to the feed in force.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lockgate_engine::feed::{self, Import, Imported};
use lockgate_model::Timestamp;
use lockgate_model::feed::FeedOrigin;
use lockgate_model::ports::FeedBytes;
use lockgate_scan::{Feed, FeedBuilder, FeedError, FeedSummary};
use lockgate_store::FeedFile;
use serde_json::json;

use super::working;
use crate::commands::DONE;
use crate::commands::args::{FeedImport, Fetched, Global, Output};
use crate::failure::Failure;
use crate::session::Session;
use crate::show;

/// Most files that one import reads: a whole OSV ecosystem unpacked has some hundred thousand.
const FILES: usize = 1_000_000;
/// Longest reason that is recorded, and longest name of a source, in characters.
const TEXT: usize = 1000;

/// `lockgate feed import`
pub(super) async fn run(global: &Global, session: &Session, args: &FeedImport) -> Result<u8, Failure> {
    let now = session.workspace.clock.now();
    let fetched = args.fetched.map(|fetched| match fetched {
        Fetched::Now => now,
        Fetched::At(at) => at,
    });
    if let Some(later) = fetched.filter(|fetched| *fetched > now) {
        return Err(Failure::told(
            format!("`--fetched {later}` is later than now, {now}: nothing was fetched yet"),
            "say when the files were fetched from their publisher, or set this machine's clock",
        ));
    }
    let mut sources = Vec::new();
    for path in &args.files {
        let name = args.name.clone().unwrap_or_else(|| called(path));
        let origin = FeedOrigin { name, fetched, claimed: fetched.is_some() };
        sources.push(Source { origin, files: files_below(path)? });
    }
    let plan = Plan { sources, gone: BTreeSet::new(), anew: args.replace, reason: args.reason.clone() };
    let (Imported { feed, change }, summary) = carry_out(session, plan).await?;
    match global.output {
        Output::Json => show::json(&json!({"feed": feed, "summary": summary, "change": change})),
        Output::Table => show::imported(&feed, &summary, &change),
    }
    Ok(DONE)
}

/// `lockgate feed remove`
pub(super) async fn remove(
    global: &Global,
    session: &Session,
    sources: &[String],
    reason: &str,
) -> Result<u8, Failure> {
    let latest = session.latest_feed().await?;
    let (_, base) = in_force(session).await?.ok_or_else(|| Failure::told("no feed was imported yet", ""))?;
    let known: Vec<&str> = base.summary().sources.iter().map(|source| source.name.as_str()).collect();
    if let Some(unknown) = sources.iter().find(|name| !known.contains(&name.as_str())) {
        let near = lockgate_judge::nearest(unknown, &known);
        return Err(Failure::told(
            format!("the feed {} has no source `{unknown}`{near}", latest.feed.short()),
            "`lockgate feed show` lists the sources",
        ));
    }
    let gone = sources.iter().cloned().collect();
    let plan = Plan { sources: Vec::new(), gone, anew: false, reason: Some(reason.to_owned()) };
    let (Imported { feed, change }, summary) = carry_out(session, plan).await?;
    match global.output {
        Output::Json => show::json(&json!({"feed": feed, "summary": summary, "change": change})),
        Output::Table => show::imported(&feed, &summary, &change),
    }
    Ok(DONE)
}

/// A source, and its files.
pub(super) struct Source {
    pub(super) origin: FeedOrigin,
    pub(super) files: Vec<PathBuf>,
}

/// What the next feed is made of.
pub(super) struct Plan {
    /// What is read.
    pub(super) sources: Vec<Source>,
    /// Sources of the feed in force that go.
    pub(super) gone: BTreeSet<String>,
    /// Nothing of the feed in force stays.
    pub(super) anew: bool,
    /// Why it may have less.
    pub(super) reason: Option<String>,
}

/// The feed in force, opened, and whether something can be added to it.
pub(super) async fn in_force(session: &Session) -> Result<Option<(Arc<dyn FeedBytes>, Feed)>, Failure> {
    let Some(last) = session.workspace.store.feeds().await?.pop() else { return Ok(None) };
    let told = |why: String| {
        Failure::told(
            format!("the feed in force, {}, cannot be added to: {why}", last.feed.short()),
            "import all sources: lockgate feed import FILE... --replace --reason TEXT",
        )
    };
    let bytes = session.workspace.feeds.get(&last.feed).await.map_err(|error| told(error.to_string()))?;
    let opened = bytes.clone();
    let feed = working(move || Ok(Feed::open(opened))).await?.map_err(|error| told(error.to_string()))?;
    Ok(Some((bytes, feed)))
}

/// Makes the feed that is planned, and imports it.
pub(super) async fn carry_out(session: &Session, plan: Plan) -> Result<(Imported, FeedSummary), Failure> {
    for text in plan.reason.iter().chain(plan.sources.iter().map(|source| &source.origin.name)) {
        if text.trim().is_empty() || text.chars().count() > TEXT || text.chars().any(char::is_control) {
            return Err(Failure::told(
                format!("`{}` is not a reason or a name of a source", text.escape_debug()),
                format!("write one line of up to {TEXT} characters"),
            ));
        }
    }
    // What was made before feeds remembered their sources is replaced as a whole.
    let base = if plan.anew { None } else { in_force(session).await?.map(|(_, feed)| feed) };
    let base = base.filter(Feed::remembers_sources);
    let (folder, now) = (session.feed_folder(), session.workspace.clock.now());
    let names = plan.sources.iter().map(|source| source.origin.name.clone());
    let (names, reason): (Vec<String>, _) = (names.collect(), plan.reason.clone());
    let (bytes, summary) = working(move || read(&plan, base.as_ref(), &folder, now)).await?;
    if summary.header.advisories == 0 {
        let first = summary.refused.first();
        let why = first.map_or_else(String::new, |one| format!("; {}: {}", one.place, one.reason));
        return Err(Failure::told(
            format!("no advisory was read, {} records were refused{why}", summary.refused_count),
            "a feed without advisories would call every image clean: give OSV files",
        ));
    }
    let told = Import { sources: names, refused: summary.refused_count, reason };
    Ok((feed::import(&session.workspace, bytes, told).await?, summary))
}

/// Reads files into one feed, which lies in a file that goes away: memory does not grow with it.
fn read(
    plan: &Plan,
    base: Option<&Feed>,
    folder: &Path,
    now: Timestamp,
) -> Result<(Arc<dyn FeedBytes>, FeedSummary), Failure> {
    let scratch = |error: io::Error| Failure::file(folder, &error);
    std::fs::create_dir_all(folder).map_err(scratch)?;
    let spool = Spool::new(tempfile::tempfile_in(folder).map_err(scratch)?);
    let mut builder = FeedBuilder::spooled(spool, now);
    let told = |error: FeedError| {
        Failure::told(error.to_string(), "see `lockgate feed import --help` for the files that are read")
    };
    if let Some(base) = base {
        let read = plan.sources.iter().map(|source| source.origin.name.clone());
        builder.carry(base, &plan.gone.iter().cloned().chain(read).collect()).map_err(told)?;
    }
    for Source { origin, files } in &plan.sources {
        builder.source(origin.clone());
        for path in files {
            let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
            let name = match files.as_slice() {
                [_] => origin.name.clone(),
                _ => path.display().to_string(),
            };
            builder.add(&name, BufReader::new(file)).map_err(told)?;
        }
    }
    let mut feed = BufWriter::new(tempfile::tempfile_in(folder).map_err(scratch)?);
    let (_, summary) = builder.write(&mut feed).map_err(told)?;
    let feed = feed.into_inner().map_err(|error| scratch(error.into_error()))?;
    Ok((Arc::new(FeedFile::new(folder, feed)?), summary))
}

/// What a source is called that is read from a path: the path, written in one way.
fn called(path: &Path) -> String {
    let parts: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
    if parts.as_os_str().is_empty() { ".".to_owned() } else { parts.display().to_string() }
}

/// A file in which records wait: written in large pieces, read back one by one.
pub(super) struct Spool(BufWriter<File>);

impl Spool {
    pub(super) fn new(file: File) -> Self {
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

/// The file itself, or every file below the folder, sorted: hidden ones are left out.
fn files_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
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
    sort_in(path, &mut files, &mut folders)?;
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
