//! The client's workflow (TUF specification, section 5.2 to 5.7), step by step: each file is verified by what was verified
//! before it, and nothing is believed before it was.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use lockgate_model::Timestamp;

use super::TufError;
use super::metadata::{Content, Meta, Role, Root, Signed, Snapshot, Targets, TimestampMeta, compare};
use crate::limits;

/// A file to fetch: where it is, relative to the repository, and how many bytes of it are to be read at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Most bytes to read.
    pub limit: usize,
}

/// What is trusted so far.
#[derive(Debug, Clone)]
pub struct Trusted {
    as_of: Timestamp,
    root: Signed<Root>,
    /// The root's keys were compared with the instant: no other root may follow.
    closed: bool,
    /// Of the visit before.
    seen_timestamp: Option<Signed<TimestampMeta>>,
    seen_snapshot: Option<Signed<Snapshot>>,
    timestamp: Option<Signed<TimestampMeta>>,
    snapshot: Option<Signed<Snapshot>>,
    targets: Option<Signed<Targets>>,
}

const TIMESTAMP: &str = "timestamp.json";
const SNAPSHOT: &str = "snapshot.json";
const TARGETS: &str = "targets.json";

impl Trusted {
    /// Begins with a root that came by a way that is trusted (section 5.2). It must be signed by its own keys, and may have
    /// expired: later ones follow.
    pub fn pinned(root: &[u8], as_of: Timestamp) -> Result<Self, TufError> {
        let what = "the pinned root";
        let root: Signed<Root> = Signed::read(what, root)?;
        root.content.verify(root.version, what, &root)?;
        Ok(Self {
            as_of,
            root,
            closed: false,
            seen_timestamp: None,
            seen_snapshot: None,
            timestamp: None,
            snapshot: None,
            targets: None,
        })
    }

    /// The root that counts.
    pub fn root(&self) -> &Signed<Root> {
        &self.root
    }

    /// The targets, once they are verified.
    pub fn targets(&self) -> Option<&Signed<Targets>> {
        self.targets.as_ref()
    }

    /// The snapshot's version, once it is verified.
    pub fn snapshot_version(&self) -> Option<u64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.version)
    }

    /// The timestamp's version, once it is verified.
    pub fn timestamp_version(&self) -> Option<u64> {
        self.timestamp.as_ref().map(|timestamp| timestamp.version)
    }

    /// The root that would follow (section 5.3.3).
    pub fn next_root(&self) -> File {
        File { path: format!("{}.root.json", self.root.version.saturating_add(1)), limit: Role::Root.limit() }
    }

    /// The root that follows: signed by enough keys of this one and of its own, and the next version (sections 5.3.4 to
    /// 5.3.6).
    pub fn follow_root(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        if self.closed {
            return Err(TufError::Order("another root"));
        }
        let what = self.next_root().path;
        let next: Signed<Root> = Signed::read(&what, bytes)?;
        self.root.content.verify(self.root.version, &what, &next)?;
        next.content.verify(next.version, &what, &next)?;
        let expected = self.root.version.saturating_add(1);
        if next.version != expected {
            return Err(TufError::Version { what, found: next.version, expected });
        }
        self.root = next;
        Ok(())
    }

    /// No root follows: the last one must not have expired (section 5.3.10).
    pub fn close_roots(&mut self) -> Result<(), TufError> {
        self.current(&format!("{}.root.json", self.root.version), self.root.expires)?;
        self.closed = true;
        Ok(())
    }

    /// What was seen at the visit before, so that nothing older is taken. What the root's keys no longer sign is forgotten:
    /// so a keeper gets out of versions that a thief of keys has driven up (section 5.3.11).
    ///
    /// Errors: what was kept is no such metadata.
    pub fn recall(&mut self, timestamp: Option<&[u8]>, snapshot: Option<&[u8]>) -> Result<(), TufError> {
        self.seen_timestamp = self.recalled("the timestamp that was kept", timestamp)?;
        self.seen_snapshot = self.recalled("the snapshot that was kept", snapshot)?;
        Ok(())
    }

    fn recalled<T: Content>(&self, what: &str, bytes: Option<&[u8]>) -> Result<Option<Signed<T>>, TufError> {
        let Some(bytes) = bytes else { return Ok(None) };
        let seen = Signed::read(what, bytes)?;
        Ok(self.verified(what, &seen).is_ok().then_some(seen))
    }

    /// The timestamp, which is fetched by its bare name.
    pub fn timestamp_file(&self) -> File {
        File { path: TIMESTAMP.to_owned(), limit: Role::Timestamp.limit() }
    }

    /// The timestamp: signed, no older than the one seen before, and not expired (section 5.4). Says whether it is newer.
    pub fn follow_timestamp(&mut self, bytes: &[u8]) -> Result<bool, TufError> {
        if !self.closed {
            return Err(TufError::Order(TIMESTAMP));
        }
        let new: Signed<TimestampMeta> = Signed::read(TIMESTAMP, bytes)?;
        self.verified(TIMESTAMP, &new)?;
        let mut newer = true;
        let mut taken = new;
        if let Some(seen) = &self.seen_timestamp {
            not_older(TIMESTAMP, "the timestamp", taken.version, seen.version)?;
            if taken.version == seen.version {
                // Section 5.4.3.1: what has the same version is the same, or is not to be believed.
                (taken, newer) = (seen.clone(), false);
            }
            let (found, seen) = (listed(&taken.content.meta, SNAPSHOT), listed(&seen.content.meta, SNAPSHOT));
            not_older(TIMESTAMP, "the snapshot", version(found), version(seen))?;
        }
        self.current(TIMESTAMP, taken.expires)?;
        self.timestamp = Some(taken);
        Ok(newer)
    }

    /// The snapshot that the timestamp names.
    pub fn snapshot_file(&self) -> Result<File, TufError> {
        let timestamp = self.timestamp.as_ref().ok_or(TufError::Order(SNAPSHOT))?;
        Ok(self.file(SNAPSHOT, listed(&timestamp.content.meta, SNAPSHOT), Role::Snapshot))
    }

    /// The snapshot: the one that the timestamp names, signed, with no targets that are older or gone, and not expired
    /// (section 5.5).
    pub fn follow_snapshot(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let what = self.snapshot_file()?.path;
        let timestamp = self.timestamp.as_ref().ok_or(TufError::Order(SNAPSHOT))?;
        let meta = listed(&timestamp.content.meta, SNAPSHOT);
        let new: Signed<Snapshot> = self.named(&what, bytes, Role::Timestamp, meta)?;
        let seen = self.seen_snapshot.iter().flat_map(|seen| &seen.content.meta);
        for (name, seen) in seen {
            let found = new
                .content
                .meta
                .get(name)
                .ok_or_else(|| TufError::Unlisted { what: name.clone(), by: Role::Snapshot })?;
            not_older(&what, "the targets", found.version, seen.version)?;
        }
        self.current(&what, new.expires)?;
        self.snapshot = Some(new);
        Ok(())
    }

    /// The targets that the snapshot names.
    pub fn targets_file(&self) -> Result<File, TufError> {
        let snapshot = self.snapshot.as_ref().ok_or(TufError::Order(TARGETS))?;
        Ok(self.file(TARGETS, listed(&snapshot.content.meta, TARGETS), Role::Targets))
    }

    /// The targets: those that the snapshot names, signed, and not expired (section 5.6).
    pub fn follow_targets(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let what = self.targets_file()?.path;
        let snapshot = self.snapshot.as_ref().ok_or(TufError::Order(TARGETS))?;
        let meta = listed(&snapshot.content.meta, TARGETS);
        let new: Signed<Targets> = self.named(&what, bytes, Role::Snapshot, meta)?;
        self.current(&what, new.expires)?;
        self.targets = Some(new);
        Ok(())
    }

    /// Where the file `name` is, and how long (section 5.7).
    pub fn target_file(&self, name: &str) -> Result<File, TufError> {
        let unlisted = || TufError::Unlisted { what: name.to_owned(), by: Role::Targets };
        let targets = self.targets.as_ref().ok_or(TufError::Order("a target"))?;
        let target = targets.content.targets.get(name).ok_or_else(unlisted)?;
        let limit = limits::TUF_TARGET_BYTES;
        let length = usize::try_from(target.length).unwrap_or(usize::MAX);
        if length > limit {
            return Err(TufError::TooLarge { what: name.to_owned(), limit });
        }
        let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let prefix = if self.root.content.consistent_snapshot {
            // What becomes part of a path is written anew from its bytes (GHSA-fcv2-xgw5-pqxf).
            let hash = target.hashes.get("sha256").or_else(|| target.hashes.get("sha512"));
            let hash = hash.and_then(|hash| HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).ok());
            format!("{}.", HEXLOWER.encode(&hash.ok_or_else(unlisted)?))
        } else {
            String::new()
        };
        Ok(File { path: format!("targets/{folder}{prefix}{file}"), limit: length })
    }

    /// Whether `bytes` are the file `name`.
    pub fn check_target(&self, name: &str, bytes: &[u8]) -> Result<(), TufError> {
        let targets = self.targets.as_ref().ok_or(TufError::Order("a target"))?;
        let target = targets.content.targets.get(name);
        let target = target.ok_or_else(|| TufError::Unlisted { what: name.to_owned(), by: Role::Targets })?;
        compare(name, Role::Targets, bytes, Some(target.length), Some(&target.hashes))
    }

    fn file(&self, name: &str, meta: Option<&Meta>, role: Role) -> File {
        let limit = meta.and_then(|meta| usize::try_from(meta.length?).ok());
        let limit = limit.map_or(role.limit(), |limit| limit.min(role.limit()));
        let path = if self.root.content.consistent_snapshot {
            format!("{}.{name}", version(meta))
        } else {
            name.to_owned()
        };
        File { path, limit }
    }

    /// Metadata that other metadata names: its bytes, its signatures and its version.
    fn named<T: Content>(
        &self,
        what: &str,
        bytes: &[u8],
        by: Role,
        meta: Option<&Meta>,
    ) -> Result<Signed<T>, TufError> {
        let meta = meta.ok_or_else(|| TufError::Unlisted { what: what.to_owned(), by })?;
        compare(what, by, bytes, meta.length, meta.hashes.as_ref())?;
        let new: Signed<T> = Signed::read(what, bytes)?;
        self.verified(what, &new)?;
        if new.version != meta.version {
            return Err(TufError::Version {
                what: what.to_owned(),
                found: new.version,
                expected: meta.version,
            });
        }
        Ok(new)
    }

    fn verified<T: Content>(&self, what: &str, signed: &Signed<T>) -> Result<(), TufError> {
        self.root.content.verify(self.root.version, what, signed)
    }

    /// Metadata counts before the instant at which it expires.
    fn current(&self, what: &str, expires: Timestamp) -> Result<(), TufError> {
        if self.as_of < expires {
            return Ok(());
        }
        Err(TufError::Expired { what: what.to_owned(), expires })
    }
}

fn listed<'a>(meta: &'a std::collections::BTreeMap<String, Meta>, name: &str) -> Option<&'a Meta> {
    meta.get(name)
}

fn version(meta: Option<&Meta>) -> u64 {
    meta.map_or(0, |meta| meta.version)
}

fn not_older(what: &str, of: &'static str, found: u64, seen: u64) -> Result<(), TufError> {
    if found >= seen {
        return Ok(());
    }
    Err(TufError::Rollback { what: what.to_owned(), of, found, seen })
}
