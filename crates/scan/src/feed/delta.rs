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

/// The step from `old` to `new`, which are named by their digests.
pub fn delta(from: Digest, old: &Feed, to: Digest, new: &Feed) -> Result<Delta, FeedError> {
    let mut delta = Delta {
        from,
        to,
        removed: Vec::new(),
        changed: Vec::new(),
        end_of_life: new.summary().end_of_life.clone(),
    };
    let (mut before, mut after) = (old.advisories(), new.advisories());
    let (mut left, mut right) = (before.next().transpose()?, after.next().transpose()?);
    loop {
        match (left.take(), right.take()) {
            (None, None) => return Ok(delta),
            (Some(gone), None) => {
                delta.removed.push(gone.id);
                left = before.next().transpose()?;
            }
            (None, Some(fresh)) => {
                delta.changed.push(fresh);
                right = after.next().transpose()?;
            }
            (Some(one), Some(other)) if one.id < other.id => {
                delta.removed.push(one.id);
                (left, right) = (before.next().transpose()?, Some(other));
            }
            (Some(one), Some(other)) if one.id > other.id => {
                delta.changed.push(other);
                (left, right) = (Some(one), after.next().transpose()?);
            }
            (Some(one), Some(other)) => {
                if one != other {
                    delta.changed.push(other);
                }
                (left, right) = (before.next().transpose()?, after.next().transpose()?);
            }
        }
    }
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
