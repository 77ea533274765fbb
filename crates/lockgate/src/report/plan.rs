//! The upgrade plan of an image, as people read it: on a terminal and on a page.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_scan::Plan;
use lockgate_scan::plan::{PlanGroup, PlanOwner, Target, Unfixed, Upgrade};

use super::Vulnerability;

/// Packages that are named of one upgrade, and of what has no fix; more are counted.
const NAMES: usize = 4;

/// The plan of one image.
pub(crate) struct Planned<'a> {
    /// How many upgrades there are.
    pub(crate) upgrades: usize,
    /// How many vulnerabilities they clear, of how many.
    pub(crate) cleared: usize,
    pub(crate) known: usize,
    /// By layer, the lowest first, and owner.
    pub(crate) groups: Vec<Group<'a>>,
}

/// What one layer and one owner can do.
pub(crate) struct Group<'a> {
    /// The layer and the owner.
    pub(crate) title: String,
    /// The most pressing first.
    pub(crate) steps: Vec<Step<'a>>,
    /// The packages that have vulnerabilities without a fix, and how many; empty where there are none.
    pub(crate) unfixed: String,
}

/// One upgrade.
pub(crate) struct Step<'a> {
    /// The most pressing vulnerability that it clears.
    pub(crate) worst: Option<&'a Vulnerability<'a>>,
    /// The packages.
    pub(crate) packages: String,
    /// How many vulnerabilities it clears, in all places.
    pub(crate) cleared: usize,
    pub(crate) installed: &'a str,
    /// The version that clears most, and what it clears; then another one on the installed branch, where there is one.
    pub(crate) targets: Vec<(&'a str, String)>,
}

impl<'a> Planned<'a> {
    /// Nothing where no upgrade is known. `vulnerabilities` are those of the image, the most urgent first.
    pub(crate) fn of(plan: &'a Plan, vulnerabilities: &[&'a Vulnerability<'a>]) -> Option<Self> {
        let mut by_package: BTreeMap<usize, Vec<&Vulnerability<'_>>> = BTreeMap::new();
        for vulnerability in vulnerabilities {
            by_package.entry(vulnerability.found.package).or_default().push(vulnerability);
        }
        let groups: Vec<_> = plan.groups.iter().map(|group| Group::of(group, &by_package)).collect();
        let steps = || groups.iter().flat_map(|group| &group.steps);
        let planned = Self {
            upgrades: steps().count(),
            cleared: steps().map(|step| step.cleared).sum(),
            known: vulnerabilities.len(),
            groups,
        };
        (planned.upgrades > 0).then_some(planned)
    }

    /// What it comes to.
    pub(crate) fn total(&self) -> String {
        format!("{} of {} vulnerabilities", clearing("", self.upgrades, self.cleared), self.known)
    }
}

/// How many upgrades clear how many vulnerabilities.
fn clearing(more: &str, upgrades: usize, cleared: usize) -> String {
    let (upgrade, clear) = if upgrades == 1 { ("upgrade", "clears") } else { ("upgrades", "clear") };
    format!("{upgrades} {more}{upgrade} {clear} {cleared}")
}

impl<'a> Group<'a> {
    fn of(group: &'a PlanGroup, by_package: &BTreeMap<usize, Vec<&'a Vulnerability<'a>>>) -> Self {
        let layer = format!("layer {}", group.layer_index);
        let title = match &group.owner {
            PlanOwner::BaseImage => format!("base image, {layer}"),
            PlanOwner::Application => format!("application, {layer}"),
            PlanOwner::Layer => layer,
            PlanOwner::Package { name } => format!("{layer}, installed by the package {name}"),
        };
        let steps = group.upgrades.iter().map(|upgrade| Step::of(upgrade, by_package)).collect();
        Self { title, steps, unfixed: unfixed(&group.unfixed) }
    }

    /// What the upgrades after the first `shown` come to; nothing where there are none.
    pub(crate) fn more(&self, shown: usize) -> Option<String> {
        let rest = self.steps.get(shown..).filter(|rest| !rest.is_empty())?;
        let cleared: usize = rest.iter().map(|step| step.cleared).sum();
        Some(clearing("more ", rest.len(), cleared))
    }
}

impl<'a> Step<'a> {
    fn of(upgrade: &'a Upgrade, by_package: &BTreeMap<usize, Vec<&'a Vulnerability<'a>>>) -> Self {
        let best = upgrade.best();
        let cleared: &[String] = best.map_or(&[], |target| &target.clears);
        let of_package =
            upgrade.packages.first().and_then(|place| by_package.get(place)).into_iter().flatten();
        let mut clears = of_package.filter(|one| cleared.binary_search(&one.found.id).is_ok());
        let told = |target: &'a Target| {
            let near = if Some(target) == best { "" } else { " (same branch)" };
            (target.version.as_str(), format!("{}{near}", clears_of(target, upgrade.vulnerabilities)))
        };
        Self {
            worst: clears.next().copied(),
            packages: packages(upgrade),
            cleared: cleared.len() * upgrade.packages.len(),
            installed: &upgrade.installed,
            targets: upgrade.targets.iter().rev().map(told).collect(),
        }
    }
}

/// What a version clears, of how many, and what speaks against it.
fn clears_of(target: &Target, of: u64) -> String {
    let mut told = format!("clears {} of {of}", target.clears.len());
    if !target.brings.is_empty() {
        told.push_str(&format!(", brings {}", target.brings.len()));
    }
    if target.prerelease {
        told.push_str(", a pre-release: no release has a fix");
    }
    told
}

/// The packages of an upgrade: those of a source with it, and in how many places.
fn packages(upgrade: &Upgrade) -> String {
    let names: Vec<_> = upgrade.names.iter().map(String::as_str).collect();
    let mut told = listed(&names, NAMES);
    if let Some(source) = upgrade.source.as_deref().filter(|source| !names.contains(source)) {
        told.push_str(&format!(" (source {source})"));
    }
    if upgrade.packages.len() > names.len() {
        told.push_str(&format!(" in {} places", upgrade.packages.len()));
    }
    told
}

/// The packages that have vulnerabilities without a fix, and how many.
fn unfixed(unfixed: &[Unfixed]) -> String {
    let mut seen = BTreeSet::new();
    let told = unfixed.iter().flat_map(|one| one.names.iter().map(|name| (name, one.vulnerabilities.len())));
    let told = told.filter(|(name, _)| seen.insert(*name));
    let told: Vec<_> = told
        .map(|(name, count)| if count > 1 { format!("{name} ({count})") } else { name.clone() })
        .collect();
    listed(&told.iter().map(String::as_str).collect::<Vec<_>>(), NAMES)
}

/// The first of them, and how many more there are.
pub(crate) fn listed(all: &[&str], shown: usize) -> String {
    let some: Vec<_> = all.iter().take(shown).copied().collect();
    let more = all.len().saturating_sub(shown);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", some.join(", "))
}
