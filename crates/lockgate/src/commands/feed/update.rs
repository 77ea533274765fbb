//! `feed update`: downloads what changed of the configured files, and imports all of them as one feed.
//!
//! Each file is kept with what the server calls it, so that it is not sent again. Nothing is imported before everything is
//! there; what was downloaded before something failed is there the next time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lockgate_engine::feed::Imported;
use lockgate_model::feed::FeedOrigin;
use lockgate_model::{Digest, Hasher, Timestamp};
use lockgate_registry::{Downloaded, Version};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::import::{Plan, Source, carry_out, in_force};
use super::working;
use crate::commands::DONE;
use crate::commands::args::{Global, Output};
use crate::config::FeedEntry;
use crate::failure::Failure;
use crate::session::{Session, read_file};
use crate::show;

/// A file that was downloaded, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kept {
    url: String,
    /// When it was downloaded, or the server said that it did not change.
    #[serde(default)]
    fetched: Option<Timestamp>,
    version: Version,
    digest: Digest,
}

/// What the last update imported.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Last {
    feed: Digest,
    files: Vec<(String, Digest)>,
}

/// The folder of what was downloaded.
struct Folder(PathBuf);

/// How old the dates of a feed may become before they are written anew though nothing changed, in seconds: each new feed is
/// a file as large as the one before.
const CONFIRM_AFTER: i64 = 3600;

/// `lockgate feed update`
pub(super) async fn run(global: &Global, session: &Session, reason: Option<String>) -> Result<u8, Failure> {
    if session.feed_sources().is_empty() {
        return Err(Failure::told(
            "no feeds are listed in lockgate.yaml",
            "list them: feeds: [{url: \"https://...\"}]; or read files with `lockgate feed import FILE...`",
        ));
    }
    let folder = Folder(session.feed_folder().join("sources"));
    std::fs::create_dir_all(&folder.0).map_err(|error| Failure::file(&folder.0, &error))?;
    let (mut files, mut changed, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    for feed in session.feed_sources() {
        let (kept, fresh) = folder.fetch(session, feed).await?;
        files.push((feed.name().to_owned(), kept.digest));
        changed.extend(fresh.then(|| feed.name()));
        let origin = FeedOrigin { name: feed.name().to_owned(), fetched: kept.fetched, claimed: false };
        sources.push(Source { origin, files: vec![folder.data(&feed.url)] });
    }
    if let Some(feed) = folder.imported(session, &files).await? {
        match global.output {
            Output::Json => show::json(&json!({"feed": feed, "unchanged": true})),
            Output::Table => say!("nothing changed since the last update: {feed}"),
        }
        return Ok(DONE);
    }
    let plan = Plan { sources, gone: BTreeSet::new(), anew: false, reason };
    let (Imported { feed, change }, summary) = carry_out(session, plan).await?;
    folder.write("last", &Last { feed, files })?;
    match global.output {
        Output::Json => {
            let said = json!({"feed": feed, "summary": summary, "changed": changed, "change": change});
            show::json(&said);
        }
        Output::Table => {
            for name in &changed {
                say!("changed: {name}");
            }
            show::imported(&feed, &summary, &change);
        }
    }
    Ok(DONE)
}

impl Folder {
    /// The file of an address.
    fn data(&self, url: &str) -> PathBuf {
        self.0.join(format!("{}.data", Digest::of(url.as_bytes()).hex()))
    }

    /// Downloads a feed's file unless it is here and did not change. What is kept of it now, and whether its content is
    /// another one than before.
    async fn fetch(&self, session: &Session, feed: &FeedEntry) -> Result<(Kept, bool), Failure> {
        let state = Digest::of(feed.url.as_bytes()).hex();
        let kept = self.kept(&state, &feed.url).await;
        let none = Version::default();
        let known = kept.as_ref().map_or(&none, |kept| &kept.version);
        let scratch = |error: io::Error| Failure::file(&self.0, &error);
        let file = tempfile::Builder::new().prefix(".").tempfile_in(&self.0).map_err(scratch)?;
        // The instant before it was asked for: what it answers is not older.
        let fetched = Some(session.workspace.clock.now());
        let downloaded = session.web.download(&feed.url, known, file.path()).await?;
        let (version, digest) = match (downloaded, &kept) {
            (Downloaded::Unchanged, Some(kept)) => {
                let Kept { url, version, digest, .. } = kept.clone();
                let kept = Kept { url, fetched, version, digest };
                self.write(&state, &kept)?;
                return Ok((kept, false));
            }
            (Downloaded::Unchanged, None) => {
                let what = format!("{}: the server says that nothing changed, and nothing is here", feed.url);
                return Err(Failure::told(what, "look at the server, then try again"));
            }
            (Downloaded::File { version, digest, .. }, _) => (version, digest),
        };
        let fresh = kept.is_none_or(|kept| kept.digest != digest);
        file.persist(self.data(&feed.url)).map_err(|error| scratch(error.error))?;
        let kept = Kept { url: feed.url.clone(), fetched, version, digest };
        self.write(&state, &kept)?;
        Ok((kept, fresh))
    }

    /// What is kept of an address, when its file is as it was.
    async fn kept(&self, state: &str, url: &str) -> Option<Kept> {
        let kept: Kept = self.read(state)?;
        let file = self.data(url);
        let digest = working(move || digest(&file)).await.ok()?;
        (kept.url == url && kept.digest == digest).then_some(kept)
    }

    /// The feed in force, when the last update made it of these files, it is still here, and what it says of when they were
    /// fetched is not old.
    async fn imported(
        &self,
        session: &Session,
        files: &[(String, Digest)],
    ) -> Result<Option<Digest>, Failure> {
        let Some(last) = self.read::<Last>("last").filter(|last| last.files == files) else {
            return Ok(None);
        };
        let newest = session.workspace.store.feeds().await?.pop();
        if newest.is_none_or(|newest| newest.feed != last.feed) {
            return Ok(None);
        }
        let Ok(Some((_, feed))) = in_force(session).await else { return Ok(None) };
        let since = session.workspace.clock.now().plus_seconds(-CONFIRM_AFTER);
        let fresh = |name: &String| {
            let source = feed.summary().sources.iter().find(|source| source.name == *name);
            source.is_some_and(|source| source.fetched >= Some(since))
        };
        Ok(files.iter().all(|(name, _)| fresh(name)).then_some(last.feed))
    }

    /// What was written under `name`; what is damaged counts as lost, which costs time only.
    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&read_file(&self.0.join(format!("{name}.json"))).ok()?).ok()
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Failure> {
        let path = self.0.join(format!("{name}.json"));
        let write = || {
            let mut file = tempfile::Builder::new().prefix(".").tempfile_in(&self.0)?;
            file.write_all(&serde_json::to_vec_pretty(value)?)?;
            file.as_file().sync_all()?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        };
        write().map_err(|error| Failure::file(&path, &error))
    }
}

fn digest(path: &Path) -> Result<Digest, Failure> {
    let failed = |error: io::Error| Failure::file(path, &error);
    let mut hasher = Hashing(Hasher::new());
    io::copy(&mut File::open(path).map_err(failed)?, &mut hasher).map_err(failed)?;
    Ok(hasher.0.finish())
}

/// Takes the digest of what is written to it.
struct Hashing(Hasher);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
