//! Whether what an advisory says about one package applies to a version of it.

use std::cmp::Ordering;

use lockgate_model::Package;
use serde::{Deserialize, Serialize};

use super::Matching;
use crate::feed::{Affected, RangeEvent, version};
use crate::version::{Key, NotComparable, Order};

/// A point of a range, as [`RangeEvent`] has it, where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event<'a> {
    Introduced(&'a str),
    Fixed(&'a str),
    LastAffected(&'a str),
    Limit(&'a str),
}

impl<'a> Event<'a> {
    pub(crate) fn of(event: &'a RangeEvent) -> Self {
        match event {
            RangeEvent::Introduced(at) => Self::Introduced(at),
            RangeEvent::Fixed(at) => Self::Fixed(at),
            RangeEvent::LastAffected(at) => Self::LastAffected(at),
            RangeEvent::Limit(at) => Self::Limit(at),
        }
    }

    pub(crate) fn owned(self) -> RangeEvent {
        match self {
            Self::Introduced(at) => RangeEvent::Introduced(at.to_owned()),
            Self::Fixed(at) => RangeEvent::Fixed(at.to_owned()),
            Self::LastAffected(at) => RangeEvent::LastAffected(at.to_owned()),
            Self::Limit(at) => RangeEvent::Limit(at.to_owned()),
        }
    }

    fn version(self) -> &'a str {
        match self {
            Self::Introduced(at) | Self::Fixed(at) | Self::LastAffected(at) | Self::Limit(at) => at,
        }
    }
}

/// An event with its version, read.
type Point<'a> = (Event<'a>, Key<'a>);

/// What an advisory says about one package, as far as it decides whether it applies; its versions are read once.
pub(crate) struct Said<'a> {
    pub(crate) ecosystem: &'a str,
    pub(crate) binary: bool,
    unaffected: bool,
    order: Order<'a>,
    ranges: Vec<Vec<Point<'a>>>,
    versions: Vec<Key<'a>>,
    fixed: Vec<Key<'a>>,
}

/// What it says about a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// Nothing.
    Nothing,
    /// It is affected; the first fixed version after it, where there is one.
    Affected(Option<&'a str>),
    /// The distribution says that it is not affected, whatever others say.
    Denied,
}

impl<'a> Said<'a> {
    pub(crate) fn new(
        (ecosystem, binary, unaffected): (&'a str, bool, bool),
        ranges: impl Iterator<Item = impl Iterator<Item = Event<'a>>>,
        versions: impl Iterator<Item = &'a str>,
        fixed: impl Iterator<Item = &'a str>,
    ) -> Self {
        let order = Order::of(ecosystem);
        let point = |event: Event<'a>| (event, order.key(event.version()));
        Self {
            ecosystem,
            binary,
            unaffected,
            order,
            ranges: ranges.map(|range| range.map(point).collect()).collect(),
            versions: versions.map(|version| order.key(version)).collect(),
            fixed: fixed.map(|version| order.key(version)).collect(),
        }
    }

    pub(crate) fn of(affected: &'a Affected) -> Self {
        Self::new(
            (&affected.ecosystem, affected.binary, affected.unaffected),
            affected.ranges.iter().map(|range| range.iter().map(Event::of)),
            affected.versions.iter().map(String::as_str),
            affected.fixed.iter().map(String::as_str),
        )
    }

    /// What it says about the version of a package that it is about.
    ///
    /// Errors: a version cannot be compared, and no other word says that the package is affected.
    pub(crate) fn about(&self, package: &Package, rules: Matching) -> Result<Answer<'a>, NotComparable> {
        if !same_release(package, self.ecosystem) {
            return Ok(Answer::Nothing);
        }
        let installed = self.order.key(version(package, self.binary));
        if self.unaffected {
            let denied = self.ecosystem == package.ecosystem
                && (self.versions.is_empty() || self.listed(&self.versions, &installed, rules));
            return Ok(if denied { Answer::Denied } else { Answer::Nothing });
        }
        let affected = self.affects(&installed, rules)?;
        Ok(if affected { Answer::Affected(self.first_fix_after(&installed)) } else { Answer::Nothing })
    }

    /// The versions that it calls fixed.
    pub(crate) fn fixes(&self) -> impl Iterator<Item = &Key<'a>> {
        let events = self.ranges.iter().flatten().filter(|(event, _)| matches!(event, Event::Fixed(_)));
        events.map(|(_, at)| at).chain(&self.fixed)
    }

    /// The versions that it lists as affected.
    pub(crate) fn listed_versions(&self) -> impl Iterator<Item = &'a str> {
        self.versions.iter().map(|version| version.text)
    }

    /// Whether a list has a version.
    fn listed(&self, list: &[Key<'_>], installed: &Key<'_>, rules: Matching) -> bool {
        match rules {
            Matching::First => list.iter().any(|one| one.text == installed.text),
            Matching::Second => list.iter().any(|one| self.order.names(one, installed)),
        }
    }

    fn affects(&self, installed: &Key<'_>, rules: Matching) -> Result<bool, NotComparable> {
        if rules == Matching::Second && self.calls_fixed(installed) {
            return Ok(false);
        }
        // A list may name a version that it calls fixed as well: the fix counts.
        let named = self.listed(&self.versions, installed, rules)
            && !self.fixed.iter().any(|one| one.text == installed.text);
        let mut hit = named || self.ranges.is_empty() && self.between(installed);
        let mut trouble = None;
        for range in &self.ranges {
            match self.in_range(installed, range) {
                Ok(inside) => hit |= inside,
                Err(error) => trouble = Some(error),
            }
        }
        match (hit, trouble) {
            (false, Some(error)) => Err(error),
            (hit, _) => Ok(hit),
        }
    }

    /// Whether it names the version as fixed, and by no event as affected. One record may have a range for each of several
    /// branches: each fix is one, wherever the ranges of the other branches end.
    fn calls_fixed(&self, installed: &Key<'_>) -> bool {
        let names = |at: &Key<'_>| self.order.names(at, installed);
        let affected = |(event, at): &Point<'_>| {
            matches!(event, Event::Introduced(_) | Event::LastAffected(_)) && names(at)
        };
        self.fixes().any(names) && !self.ranges.iter().flatten().any(affected)
    }

    /// Whether a version that no list names stands after one that is affected, and before its fix. Lists that come
    /// with fixed versions are lists of what someone looked at; those without, as of malicious releases, are exact.
    fn between(&self, installed: &Key<'_>) -> bool {
        if self.fixed.is_empty() {
            return false;
        }
        let order = &self.order;
        let passed = self.fixed.iter().filter(|fixed| order.at_most(fixed, installed));
        let fix = passed.max_by(|a, b| order.sorting(a, b));
        self.versions.iter().any(|version| {
            fix.is_none_or(|fix| order.after(version, fix)) && order.at_most(version, installed)
        })
    }

    fn first_fix_after(&self, installed: &Key<'_>) -> Option<&'a str> {
        let after = self.fixes().filter(|fix| self.order.after(fix, installed));
        after.min_by(|a, b| self.order.sorting(a, b)).map(|fix| fix.text)
    }

    /// OSV schema, "Evaluation": the events in the order of their versions switch the vulnerability on and off.
    fn in_range(&self, installed: &Key<'_>, range: &[Point<'a>]) -> Result<bool, NotComparable> {
        if !self.before_limits(installed, range)? {
            return Ok(false);
        }
        // The last event at or before the installed version decides.
        let mut latest: Option<(&Key<'a>, bool)> = None;
        for (event, at) in range {
            let (affected, reached) = match event {
                Event::Introduced("0") => (true, true),
                Event::Introduced(_) => (true, self.order.compare(installed, at)?.is_ge()),
                Event::Fixed(_) => (false, self.order.compare(installed, at)?.is_ge()),
                Event::LastAffected(_) => (false, self.order.compare(installed, at)?.is_gt()),
                Event::Limit(_) => continue,
            };
            if !reached {
                continue;
            }
            let later = match latest {
                None => true,
                Some((other, _)) if other.text == "0" => true,
                Some(_) if at.text == "0" => false,
                Some((other, other_affected)) => match self.order.compare(at, other)? {
                    Ordering::Greater => true,
                    Ordering::Less => false,
                    // One version that opens and closes: closing counts, as with equal events in the schema.
                    Ordering::Equal => other_affected,
                },
            };
            if later {
                latest = Some((at, affected));
            }
        }
        Ok(latest.is_some_and(|(_, affected)| affected))
    }

    /// Whether a version is before one of the limits, where there are any (OSV schema, "Evaluation", `BeforeLimits`).
    fn before_limits(&self, installed: &Key<'_>, range: &[Point<'a>]) -> Result<bool, NotComparable> {
        let mut limited = false;
        for (event, at) in range {
            let Event::Limit(limit) = event else { continue };
            if *limit == "*" || self.order.compare(installed, at)?.is_lt() {
                return Ok(true);
            }
            limited = true;
        }
        Ok(!limited)
    }
}

/// An advisory for one release of a distribution says nothing about another; one without a release speaks about
/// all (OSV schema, "affected[].package field").
pub(crate) fn same_release(package: &Package, ecosystem: &str) -> bool {
    ecosystem == package.ecosystem || !ecosystem.contains(':')
}
