//! `feed update`: downloads what changed of the configured files, and imports all of them as one feed.
//!
//! Each file is kept with what the server calls it, so that it is not sent again. Nothing is imported before everything is
//! there; what was downloaded before something failed is there the next time.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lockgate_model::{Digest, Hasher};
use lockgate_registry::{Downloaded, Version};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Source, import, working};
use crate::commands::DONE;
use crate::commands::args::{Global, Output};
use crate::config::FeedEntry;
use crate::failure::Failure;
use crate::session::{Session, read_file};
use crate::show;

/// A file that was downloaded, as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kept {
    url: String,
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

/// `lockgate feed update`
pub(super) async fn run(global: &Global, session: &Session) -> Result<u8, Failure> {
    if session.feed_sources().is_empty() {
        return Err(Failure::told(
            "no feeds are listed in lockgate.yaml",
            "list them: feeds: [{url: \"https://...\"}]; or read files with `lockgate feed import FILE...`",
        ));
    }
    let folder = Folder(session.feed_folder().join("sources"));
    std::fs::create_dir_all(&folder.0).map_err(|error| Failure::file(&folder.0, &error))?;
    let (mut files, mut changed) = (Vec::new(), Vec::new());
    for feed in session.feed_sources() {
        let (digest, fresh) = folder.fetch(session, feed).await?;
        files.push((feed.name().to_owned(), digest));
        changed.extend(fresh.then(|| feed.name()));
    }
    if let Some(feed) = folder.imported(session, &files).await? {
        match global.output {
            Output::Json => show::json(&json!({"feed": feed, "unchanged": true})),
            Output::Table => say!("nothing changed since the last update: {feed}"),
        }
        return Ok(DONE);
    }
    let sources = session.feed_sources().iter();
    let sources = sources.map(|feed| Source { name: feed.name().to_owned(), path: folder.data(&feed.url) });
    let names = files.iter().map(|(name, _)| name.clone()).collect();
    let (feed, summary) = import(session, sources.collect(), names).await?;
    folder.write("last", &Last { feed, files })?;
    match global.output {
        Output::Json => show::json(&json!({"feed": feed, "summary": summary, "changed": changed})),
        Output::Table => {
            for name in &changed {
                say!("changed: {name}");
            }
            show::imported(&feed, &summary);
        }
    }
    Ok(DONE)
}

impl Folder {
    /// The file of an address.
    fn data(&self, url: &str) -> PathBuf {
        self.0.join(format!("{}.data", Digest::of(url.as_bytes()).hex()))
    }

    /// Downloads a feed's file unless it is here and did not change. Its digest, and whether it is another one than before.
    async fn fetch(&self, session: &Session, feed: &FeedEntry) -> Result<(Digest, bool), Failure> {
        let state = Digest::of(feed.url.as_bytes()).hex();
        let kept = self.kept(&state, &feed.url).await;
        let none = Version::default();
        let known = kept.as_ref().map_or(&none, |kept| &kept.version);
        let scratch = |error: io::Error| Failure::file(&self.0, &error);
        let file = tempfile::Builder::new().prefix(".").tempfile_in(&self.0).map_err(scratch)?;
        let downloaded = session.web.download(&feed.url, known, file.path()).await?;
        let (version, digest) = match (downloaded, &kept) {
            (Downloaded::Unchanged, Some(kept)) => return Ok((kept.digest, false)),
            (Downloaded::Unchanged, None) => {
                let what = format!("{}: the server says that nothing changed, and nothing is here", feed.url);
                return Err(Failure::told(what, "look at the server, then try again"));
            }
            (Downloaded::File { version, digest, .. }, _) => (version, digest),
        };
        let fresh = kept.is_none_or(|kept| kept.digest != digest);
        file.persist(self.data(&feed.url)).map_err(|error| scratch(error.error))?;
        self.write(&state, &Kept { url: feed.url.clone(), version, digest })?;
        Ok((digest, fresh))
    }

    /// What is kept of an address, when its file is as it was.
    async fn kept(&self, state: &str, url: &str) -> Option<Kept> {
        let kept: Kept = self.read(state)?;
        let file = self.data(url);
        let digest = working(move || digest(&file)).await.ok()?;
        (kept.url == url && kept.digest == digest).then_some(kept)
    }

    /// The feed of the last update, when it was made of these files and is still here.
    async fn imported(
        &self,
        session: &Session,
        files: &[(String, Digest)],
    ) -> Result<Option<Digest>, Failure> {
        let Some(last) = self.read::<Last>("last").filter(|last| last.files == files) else {
            return Ok(None);
        };
        let recorded = session.workspace.store.feeds().await?.iter().any(|row| row.feed == last.feed);
        let here = recorded && session.workspace.feeds.get(&last.feed).await.is_ok();
        Ok(here.then_some(last.feed))
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
