//! Which advisories apply to which packages.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lockgate_model::{Inventory, Package, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::feed::{Advisory, Affected, RangeEvent, names, version};
use crate::version::{NotComparable, compare, family};

/// An advisory that applies to a package. Advisories that name the same vulnerability are one match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The package itself is the attack. Always false by feeds of format 3, which do not say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malicious: bool,
}

impl Match {
    /// The order in which people should look at vulnerabilities: what is exploited, then what probably will be, then
    /// the worst, and what can be fixed first.
    pub fn urgency(&self) -> impl Ord + '_ {
        use std::cmp::Reverse;
        let likely = self.epss_ppm.unwrap_or_default() / 100_000;
        let bad = (Reverse(self.severity), Reverse(self.cvss_tenths));
        (Reverse(self.known_exploited), Reverse(likely), bad, self.fixed.is_none(), &self.id)
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

/// An ecosystem without its release, and a name in it: of a source, or of a package as it is installed.
type Named<'a> = (&'a str, (&'a str, bool));

/// Matches `inventory` against `advisories`, which may be an extract or all of a feed.
pub fn match_inventory(inventory: &Inventory, advisories: &[Advisory]) -> Matches {
    let mut by_name: BTreeMap<Named<'_>, Vec<(&Advisory, &Affected)>> = BTreeMap::new();
    for advisory in advisories {
        for affected in &advisory.affected {
            let key = (family(&affected.ecosystem), (affected.name.as_str(), affected.binary));
            by_name.entry(key).or_default().push((advisory, affected));
        }
    }
    let mut matches = Matches::default();
    for (index, package) in inventory.packages.iter().enumerate() {
        if vendor_answers(inventory, package) {
            continue;
        }
        let family = family(&package.ecosystem);
        let candidates = names(package).filter_map(|name| by_name.get(&(family, name))).flatten();
        let said: Vec<_> =
            candidates.filter(|(_, one)| same_release(package, &one.ecosystem)).copied().collect();
        let denials: Vec<_> = said.iter().filter(|(_, one)| denies(package, one)).copied().collect();
        let mut applying = Vec::new();
        for (advisory, affected) in &said {
            match applies(package, affected) {
                Ok(Some(_)) if denied(advisory, affected, &denials) => {}
                Ok(Some(vulnerability)) => applying.push((*advisory, vulnerability.fixed)),
                Ok(None) => {}
                Err(error) => matches.uncomparable.push(Uncomparable {
                    package: index,
                    name: format!("{} {}", package.name, package.version),
                    advisory: advisory.id.clone(),
                    reason: error.to_string(),
                }),
            }
        }
        matches.matches.extend(grouped(index, package, applying));
    }
    matches
}

/// Whether the distribution's maintainers answer for a package that their package manager installed: their fixes do
/// not show in its version. Distributions whose advisories nobody has answer for nothing.
pub(crate) fn vendor_answers(inventory: &Inventory, package: &Package) -> bool {
    const KNOWN: [&str; 18] = [
        "alpine",
        "almalinux",
        "amzn",
        "azurelinux",
        "chainguard",
        "debian",
        "fedora",
        "mageia",
        "mariner",
        "ol",
        "openEuler",
        "opensuse-leap",
        "opensuse-tumbleweed",
        "photon",
        "rhel",
        "rocky",
        "sles",
        "ubuntu",
    ];
    let distribution = inventory.distribution.as_ref();
    !package.installed_by.is_empty() && distribution.is_some_and(|one| KNOWN.contains(&one.id.as_str()))
}

/// Whether the distribution says that the package has not the vulnerability.
fn denies(package: &Package, affected: &Affected) -> bool {
    let named = || affected.versions.iter().any(|one| one == version(package, affected.binary));
    affected.unaffected
        && affected.ecosystem == package.ecosystem
        && (affected.versions.is_empty() || named())
}

/// Whether every CVE that an advisory names is denied: for this release of the distribution, and not before the advisory
/// said otherwise about the same release.
fn denied(advisory: &Advisory, affected: &Affected, denials: &[(&Advisory, &Affected)]) -> bool {
    let mut cves = advisory.names().filter(|name| name.starts_with("CVE-")).peekable();
    cves.peek().is_some()
        && cves.all(|cve| {
            denials.iter().any(|(denial, said)| {
                // What has no date may be younger than any denial.
                let dated = advisory.modified > Timestamp::UNIX_EPOCH;
                let younger = dated && denial.modified >= advisory.modified;
                let heeded = said.ecosystem != affected.ecosystem || younger;
                heeded && denial.names().any(|name| name == cve)
            })
        })
}

/// What an advisory says about one package, as far as it decides whether it applies.
pub(crate) struct Said<'a, V, F> {
    pub(crate) ecosystem: &'a str,
    pub(crate) ranges: &'a [Vec<RangeEvent>],
    pub(crate) versions: V,
    pub(crate) fixed: F,
    pub(crate) binary: bool,
    pub(crate) unaffected: bool,
}

/// An advisory for one release of a distribution says nothing about another; one without a release speaks about
/// all (OSV schema, "affected[].package field").
fn same_release(package: &Package, ecosystem: &str) -> bool {
    ecosystem == package.ecosystem || !ecosystem.contains(':')
}

/// A vulnerability that a package has.
struct Vulnerability {
    fixed: Option<String>,
}

/// An advisory that applies, and the version that has its fix.
type Applying<'a> = (&'a Advisory, Option<String>);

/// Whether the package has the vulnerability, and then the first fixed version above its own.
fn applies(package: &Package, affected: &Affected) -> Result<Option<Vulnerability>, NotComparable> {
    let said = Said {
        ecosystem: &affected.ecosystem,
        ranges: &affected.ranges,
        versions: affected.versions.iter().map(String::as_str),
        fixed: affected.fixed.iter().map(String::as_str),
        binary: affected.binary,
        unaffected: affected.unaffected,
    };
    if !said.applies(package)? {
        return Ok(None);
    }
    let events = affected.ranges.iter().flatten();
    let fixes = events.filter_map(|event| match event {
        RangeEvent::Fixed(version) => Some(version.as_str()),
        RangeEvent::Introduced(_) | RangeEvent::LastAffected(_) | RangeEvent::Limit(_) => None,
    });
    let fixes: Vec<_> = fixes.chain(affected.fixed.iter().map(String::as_str)).collect();
    Ok(Some(Vulnerability {
        fixed: first_above(&package.ecosystem, version(package, affected.binary), &fixes),
    }))
}

impl<'a, V, F> Said<'a, V, F>
where
    V: Iterator<Item = &'a str> + Clone,
    F: Iterator<Item = &'a str> + Clone,
{
    /// Whether it applies to the package, cannot be compared, or denies what others say.
    pub(crate) fn may_apply(&self, package: &Package) -> bool {
        same_release(package, self.ecosystem) && (self.unaffected || self.applies(package).unwrap_or(true))
    }

    fn applies(&self, package: &Package) -> Result<bool, NotComparable> {
        if self.unaffected {
            return Ok(false);
        }
        let installed = version(package, self.binary);
        // A list may name a version that it calls fixed as well: the fix counts.
        let named = self.versions.clone().any(|version| version == installed)
            && !self.fixed.clone().any(|version| version == installed);
        let mut hit = named || self.ranges.is_empty() && self.between(&package.ecosystem, installed);
        let mut trouble = None;
        for range in self.ranges {
            match in_range(&package.ecosystem, installed, range) {
                Ok(inside) => hit |= inside,
                Err(error) => trouble = Some(error),
            }
        }
        match (hit, trouble) {
            (false, Some(error)) => Err(error),
            (hit, _) => Ok(hit),
        }
    }

    /// Whether a version that no list names stands after one that has the vulnerability, and before its fix. Lists that
    /// come with fixed versions are lists of what someone looked at; those without, as of malicious releases, are
    /// exact.
    fn between(&self, ecosystem: &str, installed: &str) -> bool {
        if self.fixed.clone().next().is_none() {
            return false;
        }
        let at_most = |a: &str, b: &str| compare(ecosystem, a, b).is_ok_and(Ordering::is_le);
        let order = |a: &&str, b: &&str| compare(ecosystem, a, b).unwrap_or(Ordering::Equal);
        let fix = self.fixed.clone().filter(|fixed| at_most(fixed, installed)).max_by(order);
        // The list of versions may be long: most of them stand before the fix, and are asked about once.
        let after_fix = |vulnerability: &str| {
            fix.is_none_or(|fix| compare(ecosystem, vulnerability, fix).is_ok_and(Ordering::is_gt))
        };
        self.versions
            .clone()
            .any(|vulnerability| after_fix(vulnerability) && at_most(vulnerability, installed))
    }
}

/// OSV schema, "Evaluation": the events in the order of their versions switch the vulnerability on and off.
fn in_range(ecosystem: &str, installed: &str, range: &[RangeEvent]) -> Result<bool, NotComparable> {
    if !before_limits(ecosystem, installed, range)? {
        return Ok(false);
    }
    // The last event at or before the installed version decides.
    let mut latest: Option<(&str, bool)> = None;
    for event in range {
        let (at, vulnerability, reached) = match event {
            RangeEvent::Introduced(at) if at == "0" => ("0", true, true),
            RangeEvent::Introduced(at) => (at.as_str(), true, compare(ecosystem, installed, at)?.is_ge()),
            RangeEvent::Fixed(at) => (at.as_str(), false, compare(ecosystem, installed, at)?.is_ge()),
            RangeEvent::LastAffected(at) => (at.as_str(), false, compare(ecosystem, installed, at)?.is_gt()),
            RangeEvent::Limit(_) => continue,
        };
        if !reached {
            continue;
        }
        let later = match latest {
            None | Some(("0", _)) => true,
            Some(_) if at == "0" => false,
            Some((other, other_vulnerability)) => match compare(ecosystem, at, other)? {
                Ordering::Greater => true,
                Ordering::Less => false,
                // One version that opens and closes: closing counts, as with equal events in the schema.
                Ordering::Equal => other_vulnerability,
            },
        };
        if later {
            latest = Some((at, vulnerability));
        }
    }
    Ok(latest.is_some_and(|(_, vulnerability)| vulnerability))
}

/// Whether a version is before one of the limits, where there are any (OSV schema, "Evaluation", `BeforeLimits`).
fn before_limits(ecosystem: &str, installed: &str, range: &[RangeEvent]) -> Result<bool, NotComparable> {
    let limits = range.iter().filter_map(|event| match event {
        RangeEvent::Limit(limit) => Some(limit),
        RangeEvent::Introduced(_) | RangeEvent::Fixed(_) | RangeEvent::LastAffected(_) => None,
    });
    let mut limited = false;
    for limit in limits {
        if limit == "*" || compare(ecosystem, installed, limit)?.is_lt() {
            return Ok(true);
        }
        limited = true;
    }
    Ok(!limited)
}

fn first_above(ecosystem: &str, installed: &str, fixes: &[&str]) -> Option<String> {
    let above = |fix: &&&str| compare(ecosystem, fix, installed).is_ok_and(Ordering::is_gt);
    let order = |a: &&&str, b: &&&str| compare(ecosystem, a, b).unwrap_or(Ordering::Equal);
    fixes.iter().filter(above).min_by(order).map(|fix| (*fix).to_owned())
}

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
    let order = |a: &&String, b: &&String| compare(&package.ecosystem, a, b).unwrap_or(Ordering::Equal);
    Match {
        package: index,
        aliases: names.iter().filter(|name| **name != id).map(|name| (*name).to_owned()).collect(),
        severity: advisories().map(|one| one.severity).max().unwrap_or(Severity::Medium),
        cvss_tenths: advisories().filter_map(|one| one.cvss_tenths).max(),
        fixed: members.iter().filter_map(|(_, fixed)| fixed.as_ref()).max_by(order).cloned(),
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
        malicious: advisories().any(|one| one.malicious),
        id,
    }
}
