//! A plan in place of a list: of each vulnerable package the version that clears most, checked against the advisories.
//!
//! It is a function of an inventory, of what was found in it, and of every advisory that names those packages. A planned
//! version is one that an advisory names, never one before the installed one, and what it is said to clear was matched
//! again at that version.

mod choose;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use lockgate_model::{Digest, Inventory, Package};
use serde::{Deserialize, Serialize};

use crate::feed::Advisory;
use crate::matching::{ByName, Match, Matching};

/// What to change so that vulnerabilities are gone, by layer, the lowest first, and by who owns the packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Changes of one layer and one owner each.
    pub groups: Vec<PlanGroup>,
}

/// The changes of one layer and one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanGroup {
    /// The layer that brought the packages.
    pub layer: Digest,
    /// Its place in the manifest, 0 the lowest.
    pub layer_index: u32,
    /// Who brought them.
    pub owner: PlanOwner,
    /// Upgrades: first those that clear what is most pressing, and of these those that clear most.
    pub upgrades: Vec<Upgrade>,
    /// What no version is known to clear, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfixed: Vec<Unfixed>,
}

/// Who owns packages, and so makes the change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlanOwner {
    /// The base image: rebuilt on a newer one.
    BaseImage,
    /// What was laid on the base image.
    Application,
    /// Nobody knows where the base image ends: the layer alone is known.
    Layer,
    /// A package of the operating system that has the package's files: upgraded with it.
    Package {
        /// Its name.
        name: String,
    },
}

/// The upgrade of one package, or of all that one source package makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upgrade {
    /// Their names, sorted.
    pub names: Vec<String>,
    /// Their places in the inventory, ascending: one package may be installed in several places.
    pub packages: Vec<usize>,
    /// The ecosystem, with its release where it has one.
    pub ecosystem: String,
    /// The source package whose versions `installed` and those of `targets` are; else they are the package's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The installed version.
    pub installed: String,
    /// How many vulnerabilities it has.
    pub vulnerabilities: u64,
    /// The versions to go to, one or two: first the one on the installed branch, where another clears more.
    pub targets: Vec<Target>,
}

/// A version to go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The version, which an advisory names.
    pub version: String,
    /// Whether it is of the installed branch, in which upgrades are expected to keep what works.
    pub same_branch: bool,
    /// It is a pre-release: no release is known that clears anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prerelease: bool,
    /// The vulnerabilities that it does not have any more, by id, sorted.
    pub clears: Vec<String>,
    /// Those that it still has, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remains: Vec<String>,
    /// Those that it has and the installed version has not, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brings: Vec<String>,
}

/// Vulnerabilities of a package that no version is known to clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unfixed {
    /// The names of the packages, sorted.
    pub names: Vec<String>,
    /// Their places in the inventory, ascending.
    pub packages: Vec<usize>,
    /// The installed version.
    pub installed: String,
    /// The vulnerabilities, by id, sorted.
    pub vulnerabilities: Vec<String>,
}

impl Upgrade {
    /// The target that clears most.
    pub fn best(&self) -> Option<&Target> {
        self.targets.last()
    }

    /// The package as it is once it was brought to the version of a target.
    pub fn applied(&self, package: &Package, target: &Target) -> Package {
        at_version(package, self.source.is_some(), &target.version)
    }
}

/// The package in another version: that of its source where `of_source`. A package whose own version is its source's
/// follows it, and the other way about.
fn at_version(package: &Package, of_source: bool, version: &str) -> Package {
    let mut planned = package.clone();
    let alike = package.source.as_ref().is_some_and(|source| source.version == package.version);
    if !of_source || alike {
        version.clone_into(&mut planned.version);
    }
    if let Some(source) = planned.source.as_mut().filter(|_| of_source || alike) {
        version.clone_into(&mut source.version);
    }
    planned
}

/// Plans upgrades for what was found in `inventory`.
///
/// `matches` is what the advisories say about it, `advisories` every one that names a package which has matches, and
/// `base_layers` how many of the lowest layers are the base image's, where somebody knows.
pub fn plan(
    inventory: &Inventory,
    matches: &[Match],
    advisories: &[Advisory],
    base_layers: Option<u32>,
) -> Plan {
    let mut found: BTreeMap<usize, Vec<&Match>> = BTreeMap::new();
    for one in matches {
        found.entry(one.package).or_default().push(one);
    }
    let by_name = ByName::of(advisories, Matching::NEWEST);
    // One package in several places is asked about once.
    let mut alike: BTreeMap<(&str, &str, &str, Option<&lockgate_model::inventory::Source>), choose::Choice> =
        BTreeMap::new();
    let mut groups: BTreeMap<(u32, Digest, PlanOwner), Group> = BTreeMap::new();
    for (place, matches) in &found {
        let Some(package) = inventory.packages.get(*place) else { continue };
        let key = (&*package.ecosystem, &*package.name, &*package.version, package.source.as_ref());
        let choice = alike.entry(key).or_insert_with(|| choose::choose(package, matches, &by_name));
        let owner = owner(package, base_layers);
        groups.entry((package.layer_index, package.layer, owner)).or_default().add(*place, package, choice);
    }
    // The most pressing of some vulnerabilities of a package.
    let pressing = |packages: &[usize], ids: &[String]| {
        let all = packages.first().and_then(|place| found.get(place)).into_iter().flatten();
        all.filter(|one| ids.binary_search(&one.id).is_ok()).map(|one| one.pressing()).min()
    };
    let groups = groups.into_iter().map(|((layer_index, layer, owner), group)| {
        let mut upgrades: Vec<_> = group.upgrades.into_values().collect();
        upgrades.sort_by_cached_key(|one| {
            let cleared = one.best().map_or(&[][..], |target| &target.clears);
            (pressing(&one.packages, cleared), Reverse(cleared.len()), one.names.clone())
        });
        let mut unfixed: Vec<_> = group.unfixed.into_values().collect();
        unfixed.sort_by_cached_key(|one| {
            let all = &one.vulnerabilities;
            (pressing(&one.packages, all), Reverse(all.len()), one.names.clone())
        });
        PlanGroup { layer, layer_index, owner, upgrades, unfixed }
    });
    Plan { groups: groups.collect() }
}

fn owner(package: &Package, base_layers: Option<u32>) -> PlanOwner {
    if !package.installed_by.is_empty() {
        return PlanOwner::Package { name: package.installed_by.clone() };
    }
    match base_layers {
        None => PlanOwner::Layer,
        Some(layers) if package.layer_index < layers => PlanOwner::BaseImage,
        Some(_) => PlanOwner::Application,
    }
}

/// What is alike of several packages: their ecosystem, source and version, and what clears what.
type Alike = (String, String, String, Vec<String>);

#[derive(Default)]
struct Group {
    upgrades: BTreeMap<Alike, Upgrade>,
    unfixed: BTreeMap<Alike, Unfixed>,
}

impl Group {
    fn add(&mut self, place: usize, package: &Package, choice: &choose::Choice) {
        let source = choice.of_source.then_some(package.source.as_ref()).flatten();
        let installed = source.map_or(&package.version, |source| &source.version).clone();
        // What has no source is one package.
        let of = source.map_or(&package.name, |source| &source.name).clone();
        let said = |all: Vec<String>| (package.ecosystem.clone(), of.clone(), installed.clone(), all);
        if !choice.targets.is_empty() {
            let told = |target: &Target| {
                [std::slice::from_ref(&target.version), &target.clears, &target.remains].concat().join(" ")
            };
            let key = said(choice.targets.iter().map(told).collect());
            let upgrade = self.upgrades.entry(key).or_insert_with(|| Upgrade {
                names: vec![],
                packages: vec![],
                ecosystem: package.ecosystem.clone(),
                source: source.map(|source| source.name.clone()),
                installed: installed.clone(),
                vulnerabilities: choice.vulnerabilities,
                targets: choice.targets.clone(),
            });
            note(&mut upgrade.names, &package.name);
            upgrade.packages.push(place);
        }
        if !choice.unfixed.is_empty() {
            let unfixed = self.unfixed.entry(said(choice.unfixed.clone())).or_insert_with(|| Unfixed {
                names: vec![],
                packages: vec![],
                installed: installed.clone(),
                vulnerabilities: choice.unfixed.clone(),
            });
            note(&mut unfixed.names, &package.name);
            unfixed.packages.push(place);
        }
    }
}

/// Adds a name to sorted ones.
fn note(names: &mut Vec<String>, name: &str) {
    if let Err(at) = names.binary_search_by(|known| known.as_str().cmp(name)) {
        names.insert(at, name.to_owned());
    }
}
