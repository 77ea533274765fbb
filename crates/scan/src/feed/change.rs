//! What a feed has less than the one before it. A feed that lost something would call images clean that are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lockgate_model::feed::{FeedPeaks, FeedStep, FeedSteps};
use lockgate_model::{Digest, Timestamp};
use serde::Serialize;

use super::{FeedHeader, FeedSource};

/// How many of a hundred advisories may go without a reason, since one was last recorded: publishers withdraw some.
const MAY_GO: u64 = 10;
/// How much older the newest record of a source may become without a reason, in seconds: it may have been withdrawn.
const MAY_GO_BACK: i64 = 86_400;
/// Bytes of high-water marks that an entry has room for.
const PEAKS: usize = 16 << 10;

/// The step from one feed to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedChange {
    /// Advisories by ecosystem with its release, where there are more or fewer.
    pub steps: FeedSteps,
    /// What must not be lost without a reason.
    pub losses: Vec<Loss>,
    /// What the next feed is held against besides this one, when this one has no reason.
    #[serde(skip_serializing_if = "FeedPeaks::is_empty")]
    pub peaks: FeedPeaks,
}

/// Something that a feed has less than those before it.
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

/// The step from the feed that says `before` about itself, where there is one, to the one that says `after`. What may go
/// without a reason is counted from `peaks`, where they are higher than what the feed before has.
pub fn change(before: Option<&FeedHeader>, peaks: &FeedPeaks, after: &FeedHeader) -> FeedChange {
    let change = Step::between(before, peaks, after, true);
    // Nobody could tell afterwards what went: none of it goes without a reason.
    if change.peaks.bytes() > PEAKS { Step::between(before, peaks, after, false) } else { change }
}

/// A step, as it is taken.
struct Step<'a> {
    before: &'a FeedHeader,
    peaks: &'a FeedPeaks,
    after: &'a FeedHeader,
    /// Whether a little may go without a reason.
    lenient: bool,
    change: FeedChange,
}

impl<'a> Step<'a> {
    fn between(
        before: Option<&'a FeedHeader>,
        peaks: &'a FeedPeaks,
        after: &'a FeedHeader,
        lenient: bool,
    ) -> FeedChange {
        let Some(before) = before else {
            let gained =
                after.releases.iter().map(|(name, now)| (name.clone(), FeedStep { before: 0, now: *now }));
            return FeedChange { steps: gained.collect(), ..FeedChange::default() };
        };
        let mut step = Self { before, peaks, after, lenient, change: FeedChange::default() };
        step.ecosystems();
        step.sources();
        step.facts();
        step.change
    }

    /// Whether what became less needs a reason.
    fn shrank(&self, step: &FeedStep) -> bool {
        let may_go = if self.lenient { MAY_GO } else { 0 };
        step.now == 0 && step.before > 0
            || step.before.saturating_sub(step.now).saturating_mul(100) > step.before.saturating_mul(may_go)
    }

    fn ecosystems(&mut self) {
        // Feeds of earlier formats counted by family only.
        let by_family = self.before.format != self.after.format;
        let counts = |header: &'a FeedHeader| if by_family { &header.ecosystems } else { &header.releases };
        let (old, new, peaks) = (counts(self.before), counts(self.after), &self.peaks.ecosystems);
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).chain(peaks.keys()).collect();
        let of = |counts: &BTreeMap<String, u64>, name| counts.get(name).copied().unwrap_or_default();
        for name in names {
            let (before, now) = (of(old, name), of(new, name));
            if before != now {
                self.change.steps.insert(name.clone(), FeedStep { before, now });
            }
            let step = FeedStep { before: before.max(of(peaks, name)), now };
            if step.before > step.now {
                self.change.peaks.ecosystems.insert(name.clone(), step.before);
            }
            if self.shrank(&step) {
                self.change.losses.push(Loss::Ecosystem { ecosystem: name.clone(), step });
            }
        }
    }

    fn sources(&mut self) {
        for old in &self.before.sources {
            let name = old.name.clone();
            let most = self.peaks.sources.get(&name).copied().unwrap_or_default().max(old.advisories);
            let Some(new) = self.after.sources.iter().find(|new| new.name == old.name) else {
                self.change.losses.push(Loss::Source { name, step: FeedStep { before: most, now: 0 } });
                continue;
            };
            let step = FeedStep { before: most, now: new.advisories };
            if step.before > step.now {
                self.change.peaks.sources.insert(name.clone(), most);
            }
            if self.shrank(&step) {
                self.change.losses.push(Loss::Source { name: name.clone(), step });
            }
            if let Some(before) = old.fetched
                && new.fetched < old.fetched
            {
                self.change.losses.push(Loss::Older { name: name.clone(), before, now: new.fetched });
            }
            self.newest(old, new);
        }
    }

    fn newest(&mut self, old: &FeedSource, new: &FeedSource) {
        let Some(before) = old.newest.max(self.peaks.newest.get(&old.name).copied()) else { return };
        if new.newest < Some(before) {
            self.change.peaks.newest.insert(old.name.clone(), before);
        }
        let may_go_back = if self.lenient { MAY_GO_BACK } else { 0 };
        if new.newest.is_none_or(|now| now.plus_seconds(may_go_back) < before) {
            self.change.losses.push(Loss::OlderRecords { name: old.name.clone(), before, now: new.newest });
        }
    }

    fn facts(&mut self) {
        type Count = fn(&FeedSource) -> u64;
        let count = |header: &FeedHeader, of: Count| header.sources.iter().map(of).sum::<u64>();
        let all: [(&'static str, Count); 3] = [
            ("vulnerabilities known to be exploited (KEV)", |source| source.known_exploited),
            ("probabilities of exploitation (EPSS)", |source| source.probabilities),
            ("ends of distributions", |source| source.ends),
        ];
        for (what, of) in all {
            let most = self.peaks.facts.get(what).copied().unwrap_or_default();
            let step = FeedStep { before: count(self.before, of).max(most), now: count(self.after, of) };
            if step.before > step.now {
                self.change.peaks.facts.insert(what.to_owned(), step.before);
            }
            if self.shrank(&step) {
                self.change.losses.push(Loss::Facts { what, step });
            }
        }
    }
}
