//! The upgrades that close blocking vulnerabilities of a Decision, planned by the advisories of its Case.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::case::Image;
use lockgate_model::{Case, Decision, Detail, Effect, Finding, Inventory, Package};
use lockgate_scan::plan::{Target, Upgrade};
use lockgate_scan::{Matching, Plan, plan, read_extract};

use crate::commands::copyable;
use crate::docket::{Docket, image_name};
use crate::gates::{KNOWN, VULNERABILITY, upgrade};

/// The gate of which they are.
pub(super) const GATE: &str = VULNERABILITY.name;

/// Where a package is: the image, its package URL and the file that says so.
type Place = (String, String, String);

/// What was planned about a vulnerability.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// What to do.
    pub(super) action: String,
    /// What the planned version has and the installed one has not.
    pub(super) brings: Vec<String>,
}

/// What was planned about the vulnerabilities of packages.
#[derive(Debug, Default)]
pub(super) struct Upgrades(BTreeMap<(Place, String), Planned>);

impl Upgrades {
    /// Plans by what the Case has; what it lacks is not planned.
    pub(super) fn of(decision: &Decision, case: &Case) -> Self {
        let mut blocking: BTreeMap<Place, BTreeSet<&str>> = BTreeMap::new();
        let findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
        for finding in findings.filter(|finding| finding.effect != Effect::Advise) {
            if let Some((place, id)) = place(finding) {
                blocking.entry(place).or_default().insert(id);
            }
        }
        let mut upgrades = Self::default();
        let Some(pin) = &case.record.feed else { return upgrades };
        let Some(Ok(advisories)) = case.inputs.get(&pin.extract).map(|bytes| read_extract(bytes)) else {
            return upgrades;
        };
        let docket = Docket::of(case);
        for image in &case.record.images {
            if let Ok(inventory) = docket.inventory(image) {
                let covered = |release: &str| pin.coverage.contains_key(release);
                let found = Matching::NEWEST.matches(&inventory, &advisories, covered).matches;
                let planned = plan(&inventory, &found, &advisories, None);
                upgrades.add(image, &inventory, &planned, &blocking);
            }
        }
        upgrades
    }

    fn add(
        &mut self,
        image: &Image,
        inventory: &Inventory,
        planned: &Plan,
        blocking: &BTreeMap<Place, BTreeSet<&str>>,
    ) {
        for one in planned.groups.iter().flat_map(|group| &group.upgrades) {
            for package in one.packages.iter().filter_map(|at| inventory.packages.get(*at)) {
                let place = (image_name(image), package.purl.clone(), package.path.clone());
                let Some((target, closes)) = blocking.get(&place).and_then(|ids| least(one, ids)) else {
                    continue;
                };
                let planned = Planned::of(package, target);
                self.0.extend(closes.into_iter().map(|id| ((place.clone(), id.to_owned()), planned.clone())));
            }
        }
    }

    /// What was planned about the vulnerability that a finding tells of.
    pub(super) fn about(&self, finding: &Finding) -> Option<&Planned> {
        let (place, id) = place(finding)?;
        self.0.get(&(place, id.to_owned()))
    }
}

impl Planned {
    fn of(package: &Package, target: &Target) -> Self {
        let text = upgrade(package, &target.version).to_string();
        let action = copyable(&text, &package.name, &target.version).into_owned();
        Self { action, brings: target.brings.clone() }
    }
}

/// The first version that clears as many of some vulnerabilities as any, and those.
fn least<'a, 'b>(upgrade: &'a Upgrade, ids: &BTreeSet<&'b str>) -> Option<(&'a Target, Vec<&'b str>)> {
    let of = |target: &Target| -> Vec<&'b str> {
        let cleared = |id: &&&str| target.clears.iter().any(|one| one == **id);
        ids.iter().filter(cleared).copied().collect()
    };
    let all = of(upgrade.best()?);
    let first = upgrade.targets.iter().find(|target| of(target).len() >= all.len())?;
    let closes = of(first);
    (!closes.is_empty()).then_some((first, closes))
}

/// Of which package and which vulnerability a finding tells.
fn place(finding: &Finding) -> Option<(Place, &str)> {
    let detail = |name: &str| finding.details.get(name).map(Detail::as_str);
    let known = finding.code == KNOWN;
    let place = (detail("image")?.to_owned(), detail("package")?.to_owned(), detail("path")?.to_owned());
    known.then_some((place, detail("advisory")?))
}
