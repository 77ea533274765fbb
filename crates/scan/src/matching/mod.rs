//! Which advisories apply to which packages.

mod said;

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lockgate_model::{Inventory, Package, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::feed::{Advisory, names, one_spelling};
use crate::vendor::Vendor;
use crate::version::{NotComparable, compare, family};

pub(crate) use said::{Answer, Event, Said, same_release};

/// An advisory that applies to a package. Advisories that name the same vulnerability are one match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "four independent facts, each of which a feed may lack")]
pub struct Match {
    /// The package, by its place in the inventory.
    pub package: usize,
    /// The name to show: a CVE where there is one.
    pub id: String,
    /// Its other names, sorted.
    pub aliases: Vec<String>,
    /// How bad it is, by the worst of the advisories.
    pub severity: Severity,
    /// CVSS score in tenths.
    pub cvss_tenths: Option<u8>,
    /// The version to go to: the first that every advisory calls fixed.
    pub fixed: Option<String>,
    /// Known to be exploited.
    pub known_exploited: bool,
    /// Probability of exploitation, in parts per million.
    pub epss_ppm: Option<u32>,
    /// One line about it.
    pub summary: String,
    /// Where to read on.
    pub url: Option<String>,
    /// Nobody rated it: `severity` is a guess. Always false by feeds of format 3, which do not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrated: bool,
    /// The system's package manager installed the package, and nobody has the distribution's advisories about it: what is
    /// said of its own ecosystem counts, and fixes of the distribution do not show in its version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vendor_silent: bool,
    /// The package itself is the attack. Always false by feeds of format 3, which do not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malicious: bool,
}

impl Match {
    /// Every name of it, the one to show first.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.id).chain(&self.aliases)
    }

    /// How pressing it is, the most pressing first: what is exploited, then what probably will be, then the worst.
    pub fn pressing(&self) -> impl Ord + use<> {
        let likely = self.epss_ppm.unwrap_or_default() / 100_000;
        (Reverse(self.known_exploited), Reverse(likely), Reverse(self.severity))
    }

    /// The order in which people should look at vulnerabilities: the most pressing, of these the worst by score, and what
    /// can be fixed first.
    pub fn urgency(&self) -> impl Ord + '_ {
        (self.pressing(), Reverse(self.cvss_tenths), self.fixed.is_none(), &self.id)
    }
}

/// An advisory that may apply: a version could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncomparable {
    /// The package, by its place in the inventory.
    pub package: usize,
    /// Its name and version.
    pub name: String,
    /// The advisory.
    pub advisory: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Uncomparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} against {}: {}", self.name, self.advisory, self.reason)
    }
}

/// What a feed says about an inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Matches {
    /// What applies, by package, then by id.
    pub matches: Vec<Match>,
    /// What may apply.
    pub uncomparable: Vec<Uncomparable>,
}

/// The rules by which advisories are matched: a Case is judged by those of its Edition for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// What Editions 2026-1 and 2026-2 were judged by: names and listed versions are compared as texts, and of the ranges of
    /// one record each counts alone.
    First,
    /// Since Edition 2026-3: a version that a record names as fixed is fixed, whatever its ranges say; names are compared as
    /// their registry does, and listed versions by the order of their ecosystem.
    Second,
}

/// An ecosystem without its release, and a name in it: of a source, or of a package as it is installed.
type Named<'a> = (&'a str, Cow<'a, str>, bool);

/// What one advisory says about a package.
pub(crate) struct Word<'a> {
    pub(crate) advisory: &'a Advisory,
    pub(crate) ecosystem: &'a str,
    pub(crate) answer: Result<Answer<'a>, NotComparable>,
}

/// Matches `inventory` against `advisories`, which may be an extract or all of a feed, by the newest rules. The releases that
/// they speak of are those that are covered.
pub fn match_inventory(inventory: &Inventory, advisories: &[Advisory]) -> Matches {
    let ecosystems: BTreeSet<&str> =
        advisories.iter().flat_map(|one| &one.affected).map(|one| one.ecosystem.as_str()).collect();
    Matching::NEWEST.matches(inventory, advisories, |release| ecosystems.contains(release))
}

impl Matching {
    /// The rules by which new Cases are judged.
    pub const NEWEST: Self = Self::Second;

    /// Matches `inventory` against `advisories`, which may be an extract or all of a feed. `covered` says whether there are
    /// advisories of an ecosystem with its release (`Debian:12`): the extract may have none of it.
    pub fn matches(
        self,
        inventory: &Inventory,
        advisories: &[Advisory],
        covered: impl Fn(&str) -> bool,
    ) -> Matches {
        let by_name = ByName::of(advisories, self);
        let vendor = Vendor::of(inventory, self, covered);
        let mut matches = Matches::default();
        for (index, package) in inventory.packages.iter().enumerate() {
            if !vendor.answers(package) {
                by_name.about(index, package, &mut matches);
            }
        }
        matches
    }
}

/// What advisories say, by the packages that they are about.
pub(crate) struct ByName<'a> {
    rules: Matching,
    said: BTreeMap<Named<'a>, Vec<(&'a Advisory, Said<'a>)>>,
}

impl<'a> ByName<'a> {
    pub(crate) fn of(advisories: &'a [Advisory], rules: Matching) -> Self {
        let mut this = Self { rules, said: BTreeMap::new() };
        for advisory in advisories {
            for affected in &advisory.affected {
                let key = this.key(&affected.ecosystem, &affected.name, affected.binary);
                this.said.entry(key).or_default().push((advisory, Said::of(affected)));
            }
        }
        this
    }

    fn key<'n>(&self, ecosystem: &'n str, name: &'n str, binary: bool) -> Named<'n> {
        let name = match self.rules {
            Matching::First => Cow::Borrowed(name),
            Matching::Second => one_spelling(ecosystem, name),
        };
        (family(ecosystem), name, binary)
    }

    /// What is said about a package, of any release.
    pub(crate) fn said<'s>(
        &'s self,
        package: &'s Package,
    ) -> impl Iterator<Item = &'s (&'s Advisory, Said<'s>)> {
        let of = |(name, binary)| self.said.get(&self.key(&package.ecosystem, name, binary));
        names(package).filter_map(of).flatten()
    }

    /// Adds what applies to a package, which has that place in its inventory, and what may.
    pub(crate) fn about(&self, index: usize, package: &Package, matches: &mut Matches) {
        let words = self.said(package).map(|(advisory, said)| Word {
            advisory,
            ecosystem: said.ecosystem,
            answer: said.about(package, self.rules),
        });
        conclude(index, package, &words.collect::<Vec<_>>(), matches);
    }
}

/// What is found in a package by everything that is said about it.
pub(crate) fn conclude(index: usize, package: &Package, words: &[Word<'_>], matches: &mut Matches) {
    let denials: Vec<_> = words.iter().filter(|word| word.answer == Ok(Answer::Denied)).collect();
    let mut applying = Vec::new();
    for word in words {
        match &word.answer {
            Ok(Answer::Affected(_)) if denied(word, &denials) => {}
            Ok(Answer::Affected(fixed)) => applying.push((word.advisory, *fixed)),
            Ok(Answer::Nothing | Answer::Denied) => {}
            Err(error) => matches.uncomparable.push(Uncomparable {
                package: index,
                name: format!("{} {}", package.name, package.version),
                advisory: word.advisory.id.clone(),
                reason: error.to_string(),
            }),
        }
    }
    matches.matches.extend(grouped(index, package, applying));
}

/// Whether every CVE that an advisory names is denied: for this release of the distribution, and not before the advisory
/// said otherwise about the same release.
fn denied(word: &Word<'_>, denials: &[&Word<'_>]) -> bool {
    let advisory = word.advisory;
    let mut cves = advisory.names().filter(|name| name.starts_with("CVE-")).peekable();
    cves.peek().is_some()
        && cves.all(|cve| {
            denials.iter().any(|denial| {
                // What has no date may be younger than any denial.
                let dated = advisory.modified > Timestamp::UNIX_EPOCH;
                let younger = dated && denial.advisory.modified >= advisory.modified;
                let heeded = denial.ecosystem != word.ecosystem || younger;
                heeded && denial.advisory.names().any(|name| name == cve)
            })
        })
}

/// An advisory that applies, and the version that has its fix.
type Applying<'a> = (&'a Advisory, Option<&'a str>);

/// Joins advisories that share a name.
fn grouped(index: usize, package: &Package, applying: Vec<Applying<'_>>) -> Vec<Match> {
    let mut groups: Vec<(BTreeSet<&str>, Vec<Applying<'_>>)> = Vec::new();
    for (advisory, fixed) in applying {
        let mut names: BTreeSet<&str> = advisory.names().collect();
        let mut members = vec![(advisory, fixed)];
        let (joined, apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(other, _)| !other.is_disjoint(&names));
        for (other_names, other_members) in joined {
            names.extend(other_names);
            members.extend(other_members);
        }
        groups = apart;
        groups.push((names, members));
    }
    let mut matches: Vec<_> =
        groups.into_iter().map(|(names, members)| one_match(index, package, &names, members)).collect();
    matches.sort_by(|a, b| a.id.cmp(&b.id));
    matches
}

fn one_match(
    index: usize,
    package: &Package,
    names: &BTreeSet<&str>,
    mut members: Vec<Applying<'_>>,
) -> Match {
    members.sort_by(|a, b| a.0.id.cmp(&b.0.id));
    let id = names
        .iter()
        .find(|name| name.starts_with("CVE-"))
        .or_else(|| names.iter().find(|name| name.starts_with("GHSA-")).or_else(|| names.iter().next()));
    let id = (*id.unwrap_or(&"")).to_owned();
    let advisories = || members.iter().map(|(advisory, _)| *advisory);
    let order = |a: &&str, b: &&str| compare(&package.ecosystem, a, b).unwrap_or(Ordering::Equal);
    Match {
        package: index,
        aliases: names.iter().filter(|name| **name != id).map(|name| (*name).to_owned()).collect(),
        severity: advisories().map(|one| one.severity).max().unwrap_or(Severity::Medium),
        cvss_tenths: advisories().filter_map(|one| one.cvss_tenths).max(),
        fixed: members.iter().filter_map(|(_, fixed)| *fixed).max_by(order).map(str::to_owned),
        known_exploited: advisories().any(|one| one.known_exploited),
        epss_ppm: advisories().filter_map(|one| one.epss_ppm).max(),
        summary: advisories()
            .map(|one| one.summary.clone())
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        url: advisories().find_map(|one| one.url.clone()),
        // That one source sees no harm does not answer for those that are silent.
        unrated: advisories().any(|one| one.unrated)
            && !advisories().any(|one| !one.unrated && one.severity > Severity::Info),
        vendor_silent: !package.installed_by.is_empty(),
        malicious: advisories().any(|one| one.malicious),
        id,
    }
}
