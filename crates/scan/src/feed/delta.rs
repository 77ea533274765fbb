//! What changed between two feeds, for those who carry feeds by hand: small, and proven by the digest of what it makes.

use std::io::Write;

use lockgate_model::{Digest, canon};
use serde::{Deserialize, Serialize};

use super::writer::FeedWriter;
use super::{Advisory, Feed, FeedError, FeedHeader};

/// The step from one feed to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The feed it begins with.
    pub from: Digest,
    /// The feed it makes.
    pub to: Digest,
    /// Ids that are gone.
    pub removed: Vec<String>,
    /// Advisories that are new or changed, sorted by id.
    pub changed: Vec<Advisory>,
    /// The days on which distributions end, all of them.
    pub end_of_life: std::collections::BTreeMap<String, lockgate_model::Timestamp>,
}

/// What happened to one advisory between two feeds.
pub(super) enum Change {
    /// It is not there any more.
    Gone(Box<Advisory>),
    /// It was not there.
    Fresh(Box<Advisory>),
    /// It says something else.
    Altered { before: Box<Advisory>, after: Box<Advisory> },
}

/// Calls `visit` with every change from `old` to `new`, in the order of the ids.
pub(super) fn walk(old: &Feed, new: &Feed, mut visit: impl FnMut(Change)) -> Result<(), FeedError> {
    let (mut before, mut after) = (old.advisories(), new.advisories());
    let mut left = || before.next().transpose().map(|one| one.map(Box::new));
    let mut right = || after.next().transpose().map(|one| one.map(Box::new));
    let (mut one, mut other) = (left()?, right()?);
    loop {
        (one, other) = match (one, other) {
            (None, None) => return Ok(()),
            (Some(gone), other) if other.as_ref().is_none_or(|other| gone.id < other.id) => {
                visit(Change::Gone(gone));
                (left()?, other)
            }
            (one, Some(fresh)) if one.as_ref().is_none_or(|one| one.id > fresh.id) => {
                visit(Change::Fresh(fresh));
                (one, right()?)
            }
            (one, other) => {
                if let (Some(before), Some(after)) = (one, other)
                    && before != after
                {
                    visit(Change::Altered { before, after });
                }
                (left()?, right()?)
            }
        };
    }
}

/// The step from `old` to `new`, which are named by their digests.
pub fn delta(from: Digest, old: &Feed, to: Digest, new: &Feed) -> Result<Delta, FeedError> {
    let mut delta = Delta {
        from,
        to,
        removed: Vec::new(),
        changed: Vec::new(),
        end_of_life: new.summary().end_of_life.clone(),
    };
    walk(old, new, |change| match change {
        Change::Gone(gone) => delta.removed.push(gone.id),
        Change::Fresh(after) | Change::Altered { after, .. } => delta.changed.push(*after),
    })?;
    Ok(delta)
}

impl Delta {
    /// Canonical JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FeedError> {
        canon::to_bytes(self).map_err(|error| FeedError::Damaged(error.to_string()))
    }

    /// Reads what [`Delta::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeedError> {
        canon::from_bytes(bytes).map_err(|error| FeedError::Damaged(error.to_string()))
    }

    /// Writes the feed that this makes of `old`.
    ///
    /// Errors: what came out is not what the delta says it makes.
    pub fn apply(&self, old: &Feed, out: impl Write) -> Result<FeedHeader, FeedError> {
        let mut writer = FeedWriter::new(out)?;
        let mut changed = self.changed.iter().peekable();
        for advisory in old.advisories() {
            let advisory = advisory?;
            while let Some(fresh) = changed.next_if(|fresh| fresh.id < advisory.id) {
                writer.add(fresh)?;
            }
            match changed.next_if(|fresh| fresh.id == advisory.id) {
                Some(fresh) => writer.add(fresh)?,
                None if self.removed.binary_search(&advisory.id).is_ok() => {}
                None => writer.add(&advisory)?,
            }
        }
        for fresh in changed {
            writer.add(fresh)?;
        }
        let (digest, header) = writer.finish(self.end_of_life.clone())?;
        if digest == self.to {
            return Ok(header);
        }
        Err(FeedError::Damaged(format!("the delta makes {digest} and says {}", self.to)))
    }
}
