//! Writes a repository into a folder: the first time, or after what is there, which is verified before.

use std::collections::BTreeMap;
use std::path::Path;

use lockgate_attest::keys::Signer;
use lockgate_attest::tuf::write::{Versions, repository};
use lockgate_attest::tuf::{File, Role, Trusted};
use lockgate_model::Timestamp;

use super::seen::replace;
use super::{Source, Visit, refused};
use crate::failure::Failure;

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The root's version.
    pub root: u64,
    /// The other versions.
    pub versions: Versions,
}

/// Writes `files` as the newest version of the repository in `folder`, under `root`, which must be the folder's own or the
/// one that follows it. Nothing is written before what is there was verified, and before what is to be written was.
pub async fn write(
    folder: &Path,
    root: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    keys: &[Box<dyn Signer>],
    now: Timestamp,
    expires: Timestamp,
) -> Result<Written, Failure> {
    let before = before(folder, root).await?;
    let versions = Versions {
        targets: before.targets.saturating_add(1),
        snapshot: before.snapshot.saturating_add(1),
        timestamp: before.timestamp.saturating_add(1),
    };
    let written = repository(root, versions, expires, files, keys).map_err(|error| refused(&error))?;
    let version = verified(root, &written, files, now)?;
    for (path, bytes) in &written {
        replace(&folder.join(path), bytes)?;
    }
    Ok(Written { root: version, versions })
}

/// The versions of what is in the folder: none at the first time.
async fn before(folder: &Path, root: &[u8]) -> Result<Versions, Failure> {
    let source = Source::Folder(folder.to_owned());
    // Then nothing has expired: what is exported again may have.
    let beginning = Timestamp::from_unix(0);
    let given = Trusted::pinned(root, beginning).map_err(|error| refused(&error))?;
    let version = given.root().version;
    let at = |version: u64| File { path: format!("{version}.root.json"), limit: Role::Root.limit() };
    let (there, previous) =
        (source.fetch(&at(version)).await?, source.fetch(&at(version.saturating_sub(1))).await?);
    let told = |what: String, help: &str| Err(Failure::told(format!("{}: {what}", folder.display()), help));
    let followed = |previous: &[u8]| {
        let mut chain = Trusted::pinned(previous, beginning)?;
        chain.follow_root(root)
    };
    match (&there, &previous) {
        (Some(there), _) if there == root => {}
        (Some(_), _) => {
            return told(
                format!("it has another root of version {version}"),
                "make the new root with the next version: lockgate trust root --previous FILE",
            );
        }
        (None, Some(previous)) => followed(previous).map_err(|error| refused(&error))?,
        (None, None) if version == 1 && !folder.join("timestamp.json").exists() => {
            return Ok(Versions::default());
        }
        (None, None) => {
            return told(
                format!("it has no root before version {version}"),
                "whoever pinned an earlier root follows them one by one: put them all there, from 1.root.json",
            );
        }
    }
    if source.fetch(&at(version.saturating_add(1))).await?.is_some() {
        return told(format!("it has a newer root than version {version}"), "name the newest with --root");
    }
    if !folder.join("timestamp.json").exists() {
        return Ok(Versions::default());
    }
    // What is there is signed by keys of this root, or of the one before it.
    let by = |bytes: &[u8]| Trusted::pinned(bytes, beginning).map_err(|error| refused(&error));
    let visit = match (Visit::metadata(&source, by(root)?, None).await, &previous) {
        (Err(_), Some(previous)) => Visit::metadata(&source, by(previous)?, None).await?,
        (visit, _) => visit?,
    }
    .trusted;
    Ok(Versions {
        targets: visit.targets().map_or(0, |targets| targets.version),
        snapshot: visit.snapshot_version().unwrap_or(0),
        timestamp: visit.timestamp_version().unwrap_or(0),
    })
}

/// Verifies what is to be written as its readers will. The root's version.
fn verified(
    root: &[u8],
    written: &[(String, Vec<u8>)],
    files: &BTreeMap<String, Vec<u8>>,
    now: Timestamp,
) -> Result<u64, Failure> {
    let check = || {
        let mut trusted = Trusted::pinned(root, now)?;
        trusted.close_roots()?;
        let get = |file: &File| {
            written.iter().find(|(path, _)| *path == file.path).map_or(&[][..], |(_, bytes)| bytes)
        };
        trusted.follow_timestamp(get(&trusted.timestamp_file()))?;
        trusted.follow_snapshot(get(&trusted.snapshot_file()?))?;
        trusted.follow_targets(get(&trusted.targets_file()?))?;
        for name in files.keys() {
            trusted.check_target(name, get(&trusted.target_file(name)?))?;
        }
        Ok(trusted.root().version)
    };
    check().map_err(|error| refused(&error))
}
