//! What changed between two feeds, for those who carry feeds by hand: small, and proven by the digest of what it makes.
//!
//! It carries what each source gave, and when it was fetched; what sources know of each other is joined again by whoever
//! applies it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};

use lockgate_model::{Digest, Timestamp, canon};
use serde::{Deserialize, Serialize};

use super::collect::Collected;
use super::facts::Facts;
use super::name::Name;
use super::withdrawn::Withdrawal;
use super::{Advisory, Feed, FeedError, FeedHeader, FeedSource, record};

/// The shape of a delta; another one gets another number.
const FORMAT: &str = "lockgate-delta-3";

/// The step from one feed to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// `lockgate-delta-3`.
    pub format: String,
    /// The feed it begins with.
    pub from: Digest,
    /// The feed it makes.
    pub to: Digest,
    /// All sources of the feed it makes, with their dates.
    pub sources: Vec<FeedSource>,
    /// By source: ids of advisories that are gone, sorted.
    pub removed: BTreeMap<String, BTreeSet<String>>,
    /// By source: advisories that are new or changed, as the source gave them, sorted by id.
    pub changed: BTreeMap<String, Vec<Advisory>>,
    /// By source: what it says by the names of vulnerabilities, whole, where that changed.
    pub facts: BTreeMap<String, NamedFacts>,
}

/// What a source says by the names of vulnerabilities, for a delta.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFacts {
    /// Known to be exploited.
    pub exploited: BTreeSet<String>,
    /// Probabilities of exploitation, in parts per million.
    pub probabilities: BTreeMap<String, u32>,
    /// The days on which distributions end.
    pub ends: BTreeMap<String, Timestamp>,
    /// Records that it withdrew, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withdrawn: BTreeMap<String, NamedWithdrawal>,
}

/// A record that a source withdrew, for a delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedWithdrawal {
    /// Its last change, where it has one that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Its other names.
    pub aliases: BTreeSet<String>,
    /// The ecosystems that it was about, without releases.
    pub families: BTreeSet<String>,
}

impl NamedWithdrawal {
    fn of(withdrawal: &Withdrawal) -> Self {
        Self {
            modified: withdrawal.modified.map(Timestamp::from_unix),
            aliases: withdrawal.aliases.iter().map(ToString::to_string).collect(),
            families: withdrawal.families.clone(),
        }
    }

    fn withdrawal(&self) -> Withdrawal {
        Withdrawal {
            modified: self.modified.map(Timestamp::unix),
            aliases: self.aliases.iter().map(|name| Name::from(name.as_str())).collect(),
            families: self.families.clone(),
        }
    }
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

/// What two feeds have of the advisories of one source, by id.
type Pair = (Option<Advisory>, Option<Advisory>);

/// A contribution: its place in the order, which is its id and then its source, and the advisory as the source gave it.
type Contribution<'a> = ((String, &'a str), Advisory);

/// The next contribution of a feed.
fn next<'a>(
    feed: &'a Feed,
    all: &mut impl Iterator<Item = Result<(record::Head, Vec<u8>), FeedError>>,
) -> Result<Option<Contribution<'a>>, FeedError> {
    let damaged = || FeedError::Damaged("an advisory".to_owned());
    let Some((head, bytes)) = all.next().transpose()? else { return Ok(None) };
    let place = usize::try_from(head.source).unwrap_or(usize::MAX);
    let source = feed.summary().sources.get(place).ok_or_else(damaged)?;
    let advisory = record::advisory(&bytes).ok_or_else(damaged)?;
    Ok(Some(((head.id, &source.name), advisory)))
}

/// Calls `visit` with every contribution that differs, and its source.
fn differences(old: &Feed, new: &Feed, mut visit: impl FnMut(&str, &str, Pair)) -> Result<(), FeedError> {
    let (mut before, mut after) = (old.contributions(), new.contributions());
    let (mut one, mut other) = (next(old, &mut before)?, next(new, &mut after)?);
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let gone = if order.is_le() { std::mem::replace(&mut one, next(old, &mut before)?) } else { None };
        let fresh = if order.is_ge() { std::mem::replace(&mut other, next(new, &mut after)?) } else { None };
        let Some(((id, source), _)) = gone.as_ref().or(fresh.as_ref()) else { return Ok(()) };
        let pair = (gone.as_ref().map(|one| one.1.clone()), fresh.as_ref().map(|one| one.1.clone()));
        if pair.0 != pair.1 {
            visit(source, id, pair);
        }
    }
}

/// The step from `old` to `new`, which are named by their digests.
///
/// Errors: one of them is damaged, or of a format that does not remember its sources.
pub fn delta(from: Digest, old: &Feed, to: Digest, new: &Feed) -> Result<Delta, FeedError> {
    if !old.remembers_sources() || !new.remembers_sources() {
        return Err(FeedError::Earlier);
    }
    let mut delta = Delta {
        format: FORMAT.to_owned(),
        from,
        to,
        sources: new.summary().sources.clone(),
        removed: BTreeMap::new(),
        changed: BTreeMap::new(),
        facts: BTreeMap::new(),
    };
    let kept: BTreeSet<&str> = delta.sources.iter().map(|source| source.name.as_str()).collect();
    let (mut removed, mut changed) = (BTreeMap::new(), BTreeMap::new());
    differences(old, new, |source, id, (_, fresh)| match fresh {
        Some(fresh) => changed.entry(source.to_owned()).or_insert_with(Vec::new).push(fresh),
        // A source that is gone goes with all it has.
        None if kept.contains(source) => {
            removed.entry(source.to_owned()).or_insert_with(BTreeSet::new).insert(id.to_owned());
        }
        None => {}
    })?;
    (delta.removed, delta.changed) = (removed, changed);
    let named = |feed: &Feed| -> Result<BTreeMap<String, Facts>, FeedError> {
        let names = feed.summary().sources.iter().map(|source| source.name.clone());
        Ok(names.zip(feed.facts()?).collect())
    };
    let (before, after) = (named(old)?, named(new)?);
    let differs = after.iter().filter(|(name, facts)| {
        before.get(*name).map_or(**facts != Facts::default(), |before| before != *facts)
    });
    delta.facts = differs.map(|(name, facts)| (name.clone(), NamedFacts::of(facts))).collect();
    Ok(delta)
}

impl NamedFacts {
    fn of(facts: &Facts) -> Self {
        let ends = facts.ends.iter().map(|(release, day)| (release.clone(), Timestamp::from_unix(*day)));
        let withdrawn = facts.withdrawn.iter().map(|(id, one)| (id.to_string(), NamedWithdrawal::of(one)));
        Self {
            exploited: facts.exploited.iter().map(ToString::to_string).collect(),
            probabilities: facts.probabilities.iter().map(|(name, ppm)| (name.to_string(), *ppm)).collect(),
            ends: ends.collect(),
            withdrawn: withdrawn.collect(),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            exploited: self.exploited.iter().map(|name| Name::from(name.as_str())).collect(),
            probabilities: self
                .probabilities
                .iter()
                .map(|(name, ppm)| (Name::from(name.as_str()), *ppm))
                .collect(),
            ends: self.ends.iter().map(|(release, day)| (release.clone(), day.unix())).collect(),
            withdrawn: self
                .withdrawn
                .iter()
                .map(|(id, one)| (Name::from(id.as_str()), one.withdrawal()))
                .collect(),
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
        let delta: Self = canon::from_bytes(bytes).map_err(|error| FeedError::Damaged(error.to_string()))?;
        if delta.format == FORMAT { Ok(delta) } else { Err(FeedError::Earlier) }
    }

    /// Writes the feed that this makes of `old`; records wait in `spool`, which is empty.
    ///
    /// Errors: what came out is not what the delta says it makes.
    pub fn apply(
        &self,
        old: &Feed,
        spool: impl Read + Write + Seek,
        out: impl Write,
    ) -> Result<FeedHeader, FeedError> {
        if !old.remembers_sources() {
            return Err(FeedError::Earlier);
        }
        // Dates were looked at when the feed was made.
        let mut collected = Collected::new(spool, Timestamp::from_unix(i64::MAX));
        let kept: BTreeSet<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let changed: BTreeSet<(&str, &str)> = self
            .changed
            .iter()
            .flat_map(|(source, all)| all.iter().map(|one| (source.as_str(), one.id.as_str())))
            .collect();
        let removed =
            |source: &str, id: &str| self.removed.get(source).is_some_and(|removed| removed.contains(id));
        collected.carry(
            old,
            |source| kept.contains(source),
            |source, id| !removed(source, id) && !changed.contains(&(source, id)),
        )?;
        for said in &self.sources {
            let facts = self.facts.get(&said.name).map(NamedFacts::facts);
            let place = collected.restate(said, facts);
            for advisory in self.changed.get(&said.name).into_iter().flatten() {
                collected.keep(place, advisory)?;
            }
        }
        let (digest, header, _) = collected.write(out)?;
        let said = self.changed.keys().chain(self.removed.keys()).chain(self.facts.keys());
        if header.sources != self.sources || said.into_iter().any(|source| !kept.contains(source.as_str())) {
            return Err(FeedError::Damaged("the delta says something else than it makes".to_owned()));
        }
        if digest == self.to {
            return Ok(header);
        }
        Err(FeedError::Damaged(format!("the delta makes {digest} and says {}", self.to)))
    }
}
