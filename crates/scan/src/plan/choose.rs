//! Which version of one package clears most.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use lockgate_model::Package;

use super::{Target, at_version};
use crate::feed::version;
use crate::matching::{ByName, Match, Matches, Said, same_release};
use crate::version::{Order, is_prerelease, same_branch};

/// Most versions of one package that are matched again on a branch and over all: those first that clear most by the word of
/// the single advisories.
const TRIED: usize = 16;

/// What to do about one package.
pub(super) struct Choice {
    /// Whether versions are those of its source package.
    pub(super) of_source: bool,
    pub(super) vulnerabilities: u64,
    pub(super) targets: Vec<Target>,
    /// By id, sorted.
    pub(super) unfixed: Vec<String>,
}

/// A package and what was found in it.
struct Asked<'a> {
    package: &'a Package,
    matches: &'a [&'a Match],
    by_name: &'a ByName<'a>,
    order: Order<'a>,
    of_source: bool,
}

pub(super) fn choose(package: &Package, matches: &[&Match], by_name: &ByName<'_>) -> Choice {
    let of_release = |said: &&Said<'_>| same_release(package, said.ecosystem);
    let said: Vec<&Said<'_>> = by_name.said(package).map(|(_, said)| said).filter(of_release).collect();
    // Versions of a source and of what it makes are not of one kind: those of the source come first.
    let of_source =
        package.source.is_some() && said.iter().any(|said| !said.binary && said.fixes().next().is_some());
    let kind = |said: &&&Said<'_>| package.source.is_none() || said.binary != of_source;
    let said: Vec<&Said<'_>> = said.iter().filter(kind).copied().collect();
    let asked = Asked { package, matches, by_name, order: Order::of(&package.ecosystem), of_source };
    let candidates = asked.candidates(&said);
    let targets = asked.targets(&candidates);
    let cleared: BTreeSet<&String> = targets.iter().flat_map(|target| &target.clears).collect();
    let hopeless = |one: &&&Match| one.fixed.is_none() || targets.is_empty();
    let unfixed = matches.iter().filter(hopeless).filter(|one| !cleared.contains(&one.id));
    let mut unfixed: Vec<String> = unfixed.map(|one| one.id.clone()).collect();
    unfixed.sort();
    Choice { of_source, vulnerabilities: matches.len() as u64, targets, unfixed }
}

impl Asked<'_> {
    fn installed(&self) -> &str {
        version(self.package, !self.of_source)
    }

    /// The versions that advisories name as fixed and that come after the installed one, ascending, each once; and where
    /// that is a pre-release, the first release at or after it that an advisory names at all.
    fn candidates<'s>(&self, said: &[&'s Said<'_>]) -> Vec<&'s str> {
        let installed = self.order.key(self.installed());
        let fixes = said.iter().flat_map(|said| said.fixes()).filter(|fix| self.order.after(fix, &installed));
        let mut candidates: Vec<&str> = fixes.map(|fix| fix.text).collect();
        self.sort(&mut candidates);
        let early = candidates.iter().filter(|one| is_prerelease(&self.package.ecosystem, one));
        let released: Vec<&str> = early.filter_map(|early| self.release_of(early, said)).collect();
        candidates.extend(released);
        self.sort(&mut candidates);
        candidates
    }

    fn sort(&self, versions: &mut Vec<&str>) {
        let key = |version| self.order.key(version);
        versions.sort_by(|a, b| self.order.sorting(&key(a), &key(b)).then_with(|| a.cmp(b)));
        versions.dedup_by(|a, b| self.order.compare(&key(a), &key(b)) == Ok(Ordering::Equal));
    }

    /// The first release that an advisory names, as affected by something else, at or after a pre-release.
    fn release_of<'s>(&self, early: &str, said: &[&'s Said<'_>]) -> Option<&'s str> {
        let early = self.order.key(early);
        let listed = said.iter().flat_map(|said| said.listed_versions());
        let later = listed.map(|version| self.order.key(version)).filter(|one| self.order.after(one, &early));
        let releases = later.filter(|one| !is_prerelease(&self.package.ecosystem, one.text));
        releases.min_by(|a, b| self.order.sorting(a, b)).map(|release| release.text)
    }

    /// The best version of the installed branch, where another one clears more, and that one.
    fn targets(&self, candidates: &[&str]) -> Vec<Target> {
        let (early, released): (Vec<&str>, Vec<&str>) =
            candidates.iter().partition(|one| is_prerelease(&self.package.ecosystem, one));
        let Some(best) = self.best(&released).or_else(|| self.best(&early)) else { return vec![] };
        if best.same_branch {
            return vec![best];
        }
        let of_branch = |one: &&str| same_branch(&self.package.ecosystem, self.installed(), one);
        let near: Vec<&str> = released.into_iter().filter(of_branch).collect();
        self.best(&near).into_iter().chain([best]).collect()
    }

    /// Of ascending versions the first of those that clear most and bring least; nothing when none clears anything.
    fn best(&self, candidates: &[&str]) -> Option<Target> {
        let fixed: Vec<_> = self.matches.iter().filter_map(|one| one.fixed.as_deref()).collect();
        let promises = |candidate: &str| {
            let candidate = self.order.key(candidate);
            fixed.iter().filter(|fix| self.order.at_most(&self.order.key(fix), &candidate)).count()
        };
        let mut tried: Vec<_> = candidates.iter().map(|one| (Reverse(promises(one)), *one)).collect();
        tried.sort_by_key(|(promises, _)| *promises);
        let targets = tried.iter().take(TRIED).map(|(_, version)| self.target(version));
        let clearing = targets.filter(|target| !target.clears.is_empty());
        clearing.min_by(|a, b| {
            let worth = |target: &Target| (Reverse(target.clears.len()), target.brings.len());
            let earlier = || self.order.sorting(&self.order.key(&a.version), &self.order.key(&b.version));
            worth(a).cmp(&worth(b)).then_with(earlier)
        })
    }

    /// What a version clears, by matching it.
    fn target(&self, candidate: &str) -> Target {
        let planned = at_version(self.package, self.of_source, candidate);
        let mut then = Matches::default();
        self.by_name.about(0, &planned, &mut then);
        let names = |one: &Match| -> BTreeSet<String> { one.names().cloned().collect() };
        // What cannot be compared may apply.
        let unclear: BTreeSet<&str> = then.uncomparable.iter().map(|one| one.advisory.as_str()).collect();
        let later: Vec<BTreeSet<String>> = then.matches.iter().map(names).collect();
        let now: BTreeSet<String> = self.matches.iter().flat_map(|one| names(one)).collect();
        let (mut clears, mut remains) = (Vec::new(), Vec::new());
        for one in self.matches {
            let own = names(one);
            let still = later.iter().any(|names| !names.is_disjoint(&own))
                || own.iter().any(|name| unclear.contains(name.as_str()));
            if still { &mut remains } else { &mut clears }.push(one.id.clone());
        }
        let fresh = then.matches.iter().filter(|one| names(one).is_disjoint(&now));
        let mut brings: Vec<String> = fresh.map(|one| one.id.clone()).collect();
        for ids in [&mut clears, &mut remains, &mut brings] {
            ids.sort();
        }
        Target {
            version: candidate.to_owned(),
            same_branch: same_branch(&self.package.ecosystem, self.installed(), candidate),
            prerelease: is_prerelease(&self.package.ecosystem, candidate),
            clears,
            remains,
            brings,
        }
    }
}
