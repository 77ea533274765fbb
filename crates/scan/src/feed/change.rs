//! What a feed has less than the one before it. A feed that lost something would call images clean that are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lockgate_model::feed::{FeedStep, FeedSteps};
use lockgate_model::{Digest, Timestamp};
use serde::Serialize;

use super::{FeedHeader, FeedSource};

/// How many of a hundred advisories may go without a word: publishers withdraw some.
const MAY_GO: u64 = 10;
/// How much older the newest record of a source may become without a word, in seconds: it may have been withdrawn.
const MAY_GO_BACK: i64 = 86_400;

/// The step from one feed to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedChange {
    /// Advisories by ecosystem with its release, where there are more or fewer.
    pub steps: FeedSteps,
    /// What must not be lost without a reason.
    pub losses: Vec<Loss>,
}

/// Something that a feed has less than the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Loss {
    /// No advisory of an ecosystem is left, or many are gone.
    Ecosystem {
        /// The ecosystem, with its release.
        ecosystem: String,
        /// Advisories.
        step: FeedStep,
    },
    /// A source is gone, or brings far fewer advisories.
    Source {
        /// Its name.
        name: String,
        /// Advisories; none now when it is gone.
        step: FeedStep,
    },
    /// A source was fetched earlier than before, or nobody knows when any more.
    Older {
        /// Its name.
        name: String,
        /// When it had been fetched.
        before: Timestamp,
        /// When it was fetched.
        now: Option<Timestamp>,
    },
    /// The newest record of a source is older than before.
    OlderRecords {
        /// Its name.
        name: String,
        /// The newest record before.
        before: Timestamp,
        /// The newest record.
        now: Option<Timestamp>,
    },
    /// The feed before it cannot be read, so that nobody knows what is lost.
    Unreadable {
        /// The feed before it.
        feed: Digest,
        /// Why.
        why: String,
    },
    /// What is said by the names of vulnerabilities: known exploitation, probabilities, ends of distributions.
    Facts {
        /// Of what there are fewer.
        what: &'static str,
        /// How many.
        step: FeedStep,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |now: &Option<Timestamp>| now.map_or_else(|| "unknown".to_owned(), |now| now.to_string());
        match self {
            Self::Ecosystem { ecosystem, step: FeedStep { before, now: 0 } } => {
                write!(f, "`{ecosystem}` is lost: it had {before} advisories")
            }
            Self::Ecosystem { ecosystem, step: FeedStep { before, now } } => {
                write!(f, "`{ecosystem}` has {now} advisories, it had {before}")
            }
            Self::Source { name, step: FeedStep { before, now: 0 } } => {
                write!(f, "source `{name}` is gone: it brought {before} advisories")
            }
            Self::Source { name, step: FeedStep { before, now } } => {
                write!(f, "source `{name}` brings {now} advisories, it brought {before}")
            }
            Self::Older { name, before, now } => {
                write!(f, "source `{name}` went back in time: fetched {}, before {before}", day(now))
            }
            Self::OlderRecords { name, before, now } => {
                write!(
                    f,
                    "source `{name}` went back in time: its newest record is of {}, before of {before}",
                    day(now)
                )
            }
            Self::Unreadable { feed, why } => {
                write!(f, "the feed before, {}, cannot be read to be compared with: {why}", feed.short())
            }
            Self::Facts { what, step: FeedStep { before, now } } => {
                write!(f, "{now} {what}, before {before}")
            }
        }
    }
}

/// The step from the feed that says `before` about itself, where there is one, to the one that says `after`.
pub fn change(before: Option<&FeedHeader>, after: &FeedHeader) -> FeedChange {
    let mut change = FeedChange::default();
    let none = BTreeMap::new();
    // Feeds of earlier formats counted by family only.
    let by_family = before.is_some_and(|before| before.format != after.format);
    let counts =
        |header: &'_ FeedHeader| if by_family { header.ecosystems.clone() } else { header.releases.clone() };
    let (old, new) = (before.map_or(none, counts), counts(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or_default();
        let step = FeedStep { before: of(&old), now: of(&new) };
        if shrank(&step) {
            change.losses.push(Loss::Ecosystem { ecosystem: name.clone(), step: step.clone() });
        }
        if step.before != step.now {
            change.steps.insert(name.clone(), step);
        }
    }
    if let Some(before) = before {
        sources(before, after, &mut change.losses);
        facts(before, after, &mut change.losses);
    }
    change
}

fn shrank(step: &FeedStep) -> bool {
    step.now == 0 && step.before > 0
        || step.before.saturating_sub(step.now).saturating_mul(100) > step.before.saturating_mul(MAY_GO)
}

fn sources(before: &FeedHeader, after: &FeedHeader, losses: &mut Vec<Loss>) {
    for old in &before.sources {
        let name = old.name.clone();
        let Some(new) = after.sources.iter().find(|new| new.name == old.name) else {
            losses.push(Loss::Source { name, step: FeedStep { before: old.advisories, now: 0 } });
            continue;
        };
        let step = FeedStep { before: old.advisories, now: new.advisories };
        if shrank(&step) {
            losses.push(Loss::Source { name: name.clone(), step });
        }
        if let Some(before) = old.fetched
            && new.fetched < old.fetched
        {
            losses.push(Loss::Older { name: name.clone(), before, now: new.fetched });
        }
        if let Some(before) = old.newest
            && new.newest.is_none_or(|now| now.plus_seconds(MAY_GO_BACK) < before)
        {
            losses.push(Loss::OlderRecords { name, before, now: new.newest });
        }
    }
}

fn facts(before: &FeedHeader, after: &FeedHeader, losses: &mut Vec<Loss>) {
    type Count = fn(&FeedSource) -> u64;
    let count = |header: &FeedHeader, of: Count| header.sources.iter().map(of).sum();
    let all: [(&'static str, Count); 3] = [
        ("vulnerabilities known to be exploited (KEV)", |source| source.known_exploited),
        ("probabilities of exploitation (EPSS)", |source| source.probabilities),
        ("ends of distributions", |source| source.ends),
    ];
    for (what, of) in all {
        let step = FeedStep { before: count(before, of), now: count(after, of) };
        if shrank(&step) {
            losses.push(Loss::Facts { what, step });
        }
    }
}
