//! Coverage: which release's advisories a feed was asked about the packages of an image, or that nobody was asked.
//!
//! A package is asked about under its ecosystem, with its release where the ecosystem has releases. What no advisory of
//! that release was asked about is neither clean nor vulnerable: it is unknown.

mod age;
mod releases;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::feed::FeedCoverage;
use lockgate_model::inventory::{Confidence, SilentReason};
use lockgate_model::{Inventory, Package};
use serde::{Deserialize, Serialize};

use crate::catalog::released_ecosystem;
use crate::matching::Matching;
use crate::vendor::Vendor;
use crate::version::family;

pub use age::{Age, MAX_AGE_DAYS, age};

/// The answer about one ecosystem of an image, with its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The ecosystem with its release, as settings name it: `Debian:12`, `npm`; the package manager where there is none.
    pub ecosystem: String,
    /// Packages of the image that this is about.
    pub packages: u64,
    /// What the feed has about them; nothing when nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedCoverage>,
    /// Why nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// Why nobody was asked about packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Silence {
    /// The feed has no advisory about the ecosystem, or about this release of it.
    NotInFeed,
    /// No public source has advisories about the ecosystem: silence about it is no gap of the feed.
    NoSource,
    /// Packages of an operating system whose release nothing in the image says.
    NoRelease,
    /// The distribution has packages of another package manager.
    OtherManager {
        /// The type of the packages: `deb`, `apk`, `rpm` and so on.
        manager: String,
    },
    /// A package of the distribution is of another release than os-release says.
    OtherRelease {
        /// The package, with its version.
        package: String,
    },
    /// The image names a distribution, and none of its packages was found.
    NoPackages,
    /// A database of system packages says nothing.
    Database {
        /// Its file.
        path: String,
        /// What is the matter with it.
        reason: SilentReason,
    },
}

/// Ecosystems that no public source has advisories of.
const NO_SOURCE: [&str; 4] = ["CocoaPods", "Conda", "LuaRocks", "Nix"];

/// Operating systems' ecosystems that have no releases.
const ROLLING: [&str; 6] = ["Arch Linux", "Chainguard", "CleanStart", "Echo", "MinimOS", "Wolfi"];

/// The ecosystems of each type of system packages whose versions can be compared.
const OF_DEB: [&str; 3] = ["Debian", "Echo", "Ubuntu"];
const OF_APK: [&str; 7] =
    ["Alpaquita", "Alpine", "BellSoft Hardened Containers", "Chainguard", "CleanStart", "MinimOS", "Wolfi"];
const OF_ALPM: [&str; 1] = ["Arch Linux"];
const OF_RPM: [&str; 12] = [
    "AlmaLinux",
    "Amazon Linux",
    "Azure Linux",
    "Fedora",
    "Mageia",
    "Oracle Linux",
    "Photon OS",
    "Red Hat",
    "Rocky Linux",
    "SUSE",
    "openEuler",
    "openSUSE",
];

impl Silence {
    /// Whether it leaves something unknown.
    pub fn blinds(&self) -> bool {
        *self != Self::NoSource
    }
}

impl Asked {
    /// Why nobody was asked, for people; nothing when somebody was.
    pub fn why(&self) -> Option<String> {
        let Self { ecosystem, packages, .. } = self;
        Some(match self.silence.as_ref()? {
            Silence::NotInFeed => format!("the feed has no advisory about {ecosystem} ({packages} packages)"),
            Silence::NoSource => {
                format!("no public source has advisories about {ecosystem} ({packages} packages)")
            }
            Silence::NoRelease => {
                format!(
                    "{packages} packages of {ecosystem} have no known release: os-release does not name one"
                )
            }
            Silence::OtherManager { manager } => {
                format!("{packages} {manager} packages are in an image whose os-release says {ecosystem}")
            }
            Silence::OtherRelease { package } => {
                format!(
                    "os-release says {ecosystem}, and the installed package {package} is of another release"
                )
            }
            Silence::NoPackages => format!("os-release says {ecosystem}, and no system package was found"),
            Silence::Database { path, reason } => database(ecosystem, path, *reason),
        })
    }

    /// What to do about it, for people.
    pub fn fix(&self) -> String {
        let ecosystem = &self.ecosystem;
        match &self.silence {
            Some(Silence::NotInFeed | Silence::NoSource) | None => {
                format!("import advisories of {ecosystem}: lockgate feed import FILE...")
            }
            Some(Silence::NoRelease | Silence::OtherManager { .. } | Silence::OtherRelease { .. }) => {
                "keep the distribution's own os-release in the image".to_owned()
            }
            Some(Silence::NoPackages | Silence::Database { .. }) => {
                "keep the package database in the image, or rebuild on a base image whose database is read"
                    .to_owned()
            }
        }
    }

    /// Whether it leaves something unknown.
    pub fn blinds(&self) -> bool {
        self.silence.as_ref().is_some_and(Silence::blinds)
    }
}

fn database(manager: &str, path: &str, reason: SilentReason) -> String {
    match reason {
        SilentReason::Unread => format!("{path}: package databases of {manager} are not read"),
        SilentReason::Empty => format!("{path}: the package database of {manager} names no package"),
        SilentReason::Removed => {
            format!("{path}: a lower layer has packages of {manager}, and the image no longer names any")
        }
        SilentReason::Incomplete => format!("{path}: the package database of {manager} lacks this package"),
        SilentReason::Elsewhere => format!("{path} is a link to where it is not read"),
        SilentReason::Contradicted => {
            format!("{path}: etc/os-release and usr/lib/os-release name two releases")
        }
    }
}

/// The ecosystems, with their releases, whose advisories may answer for the packages of an image: that of the distribution
/// and those of the packages.
pub fn ecosystems(inventory: &Inventory) -> BTreeSet<String> {
    let distribution = inventory.distribution.as_ref().map(released_ecosystem);
    inventory.packages.iter().map(|package| package.ecosystem.clone()).chain(distribution).collect()
}

/// What was asked about a package, of `asked` about its image; nothing where nobody was to be asked.
pub fn asked_about<'a>(inventory: &Inventory, package: &Package, asked: &'a [Asked]) -> Option<&'a Asked> {
    let of = |ecosystem: &str| asked.iter().find(|one| one.packages > 0 && one.ecosystem == ecosystem);
    let covered = |release: &str| of(release).is_some_and(|one| one.silence != Some(Silence::NotInFeed));
    let vendor = Vendor::of(inventory, Matching::NEWEST, covered);
    of(&answering(inventory, &vendor, package))
}

/// The ecosystem, with its release, whose advisories answer for a package.
fn answering<'a>(inventory: &'a Inventory, vendor: &Vendor<'_>, package: &'a Package) -> Cow<'a, str> {
    match &inventory.distribution {
        Some(distribution) if vendor.answers(package) => released_ecosystem(distribution).into(),
        _ => (&package.ecosystem).into(),
    }
}

/// What was asked about the packages of an image: of each ecosystem with its release, then what shows that there are
/// packages that nobody could ask about. `covered` is what the feed has, by ecosystem; nothing where there is no feed.
pub fn asked(inventory: &Inventory, covered: &BTreeMap<String, FeedCoverage>) -> Vec<Asked> {
    let contradicting = releases::contradicting(inventory);
    let vendor = Vendor::of(inventory, Matching::NEWEST, |release| covered.contains_key(release));
    let mut by_ecosystem: BTreeMap<(String, Option<Silence>), u64> = BTreeMap::new();
    let mut of_system = 0;
    for package in &inventory.packages {
        let ecosystem = answering(inventory, &vendor, package).into_owned();
        let own = ecosystem == package.ecosystem;
        let manager = system_of(package).filter(|_| own);
        of_system += u64::from(manager.is_some() && package.confidence == Confidence::Recorded);
        let silence = match manager {
            Some(manager) => of_system_package(&ecosystem, manager, contradicting.as_deref()),
            None if own => None,
            None => contradicting.clone().map(|package| Silence::OtherRelease { package }),
        };
        let missing = || (!covered.contains_key(&ecosystem)).then(|| not_in_feed(&ecosystem));
        let silence = silence.or_else(missing);
        *by_ecosystem.entry((ecosystem, silence)).or_default() += 1;
    }
    let packages = by_ecosystem.into_iter().map(|((ecosystem, silence), packages)| {
        let feed = covered.get(&ecosystem).filter(|_| silence.is_none()).cloned();
        Asked { ecosystem, packages, feed, silence }
    });
    let mut asked: Vec<_> = packages.collect();
    let sign =
        |ecosystem: String, silence| Asked { ecosystem, packages: 0, feed: None, silence: Some(silence) };
    if let (Some(distribution), 0) = (&inventory.distribution, of_system)
        && !(distribution.id == "nixos" && inventory.packages.iter().any(|one| one.cataloger == "nix"))
    {
        asked.push(sign(released_ecosystem(distribution), Silence::NoPackages));
    }
    asked.extend(inventory.silent.iter().map(|silent| {
        let database = Silence::Database { path: silent.path.clone(), reason: silent.reason };
        sign(silent.manager.clone(), database)
    }));
    asked
}

/// The type of package URL, for packages of an operating system.
fn system_of(package: &Package) -> Option<&'static str> {
    ["deb", "apk", "rpm", "alpm", "ebuild", "opkg"].into_iter().find(|kind| {
        package
            .purl
            .strip_prefix("pkg:")
            .and_then(|rest| rest.strip_prefix(kind))
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// What keeps a system package from being asked about, whatever the feed has.
fn of_system_package(ecosystem: &str, manager: &str, contradicting: Option<&str>) -> Option<Silence> {
    let own: &[&str] = match manager {
        "deb" => &OF_DEB,
        "apk" => &OF_APK,
        "alpm" => &OF_ALPM,
        "rpm" => &OF_RPM,
        _ => &[],
    };
    let of = family(ecosystem);
    let others = [&OF_DEB[..], &OF_APK, &OF_RPM, &OF_ALPM].concat();
    if own.contains(&of) {
        let released = ecosystem.split_once(':').is_some_and(|(_, release)| !release.is_empty());
        if !released && !ROLLING.contains(&of) {
            return Some(Silence::NoRelease);
        }
        return contradicting.map(|package| Silence::OtherRelease { package: package.to_owned() });
    }
    if ecosystem == "Rpm" {
        return Some(Silence::NoRelease);
    }
    // The package manager of one distribution in another, or the name of something that is not a distribution at all.
    Some(if others.contains(&of) {
        Silence::OtherManager { manager: manager.to_owned() }
    } else {
        Silence::NotInFeed
    })
}

fn not_in_feed(ecosystem: &str) -> Silence {
    if NO_SOURCE.contains(&family(ecosystem)) { Silence::NoSource } else { Silence::NotInFeed }
}
