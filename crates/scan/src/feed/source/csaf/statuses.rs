//! What a vendor says about its products (CSAF 2.0, section 3.2.3.9), as advisories have it: by package.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::products::{Build, NoPackage, Product, Products, Which};
use crate::feed::{Affected, PackageKey, RangeEvent};

/// Products by what is said of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ProductStatus {
    #[serde(default)]
    first_affected: Vec<String>,
    #[serde(default)]
    first_fixed: Vec<String>,
    #[serde(default)]
    fixed: Vec<String>,
    #[serde(default)]
    known_affected: Vec<String>,
    #[serde(default)]
    known_not_affected: Vec<String>,
    #[serde(default)]
    last_affected: Vec<String>,
    #[serde(default)]
    recommended: Vec<String>,
    #[serde(default)]
    under_investigation: Vec<String>,
}

/// What is said of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    FirstAffected,
    LastAffected,
    Affected,
    UnderInvestigation,
    FirstFixed,
    Fixed,
    Recommended,
    NotAffected,
}

impl Status {
    /// Those of one group may be said of one product together; `Recommended` of any (CSAF 2.0, section 6.1.6).
    fn group(self) -> Option<u8> {
        match self {
            Self::FirstAffected | Self::LastAffected | Self::Affected => Some(0),
            Self::UnderInvestigation => Some(1),
            Self::FirstFixed | Self::Fixed => Some(2),
            Self::NotAffected => Some(3),
            Self::Recommended => None,
        }
    }
}

impl ProductStatus {
    fn each(&self) -> impl Iterator<Item = (Status, &str)> {
        let all = [
            (Status::FirstAffected, &self.first_affected),
            (Status::LastAffected, &self.last_affected),
            (Status::Affected, &self.known_affected),
            (Status::UnderInvestigation, &self.under_investigation),
            (Status::FirstFixed, &self.first_fixed),
            (Status::Fixed, &self.fixed),
            (Status::Recommended, &self.recommended),
            (Status::NotAffected, &self.known_not_affected),
        ];
        all.into_iter().flat_map(|(status, products)| products.iter().map(move |id| (status, id.as_str())))
    }
}

/// What a vulnerability's statuses come to.
pub(super) struct Said {
    /// By package, sorted.
    pub(super) affected: Vec<Affected>,
    /// What of it could not be used.
    pub(super) left_out: Option<String>,
    /// Whether nothing but `under_investigation` makes packages affected.
    pub(super) investigated: bool,
}

/// What is said of one package: its versions by status, and whether it is said of every version.
#[derive(Default)]
struct Package {
    versions: BTreeMap<Status, BTreeSet<String>>,
    every: BTreeSet<Status>,
    within: Vec<(Status, Vec<RangeEvent>)>,
}

impl Said {
    /// `by_vendor`: whether the publisher is the vendor of what it speaks about.
    ///
    /// Errors: one product is said to be both, or nothing that is said is about a package.
    pub(super) fn of(
        status: &ProductStatus,
        products: &Products<'_>,
        by_vendor: bool,
    ) -> Result<Self, String> {
        contradiction(status)?;
        let mut packages: BTreeMap<PackageKey, Package> = BTreeMap::new();
        let (mut unread, mut first, mut all) = (0_usize, None, 0_usize);
        for (status, id) in status.each() {
            all += 1;
            let product = products.product(id).and_then(|product| heeded(product, status, by_vendor));
            match product {
                Ok(Product { ecosystem, name, which, build, .. }) => {
                    for binary in builds(build, status) {
                        let (ecosystem, name) = (ecosystem.clone(), name.clone());
                        let key = PackageKey { ecosystem, name, binary: *binary };
                        packages.entry(key).or_default().add(status, which.clone());
                    }
                }
                Err(NoPackage::Other) => {}
                Err(NoPackage::Unread(reason)) => {
                    unread += 1;
                    first.get_or_insert(reason);
                }
            }
        }
        let affected = Status::group(Status::Affected);
        let open = |group| packages.values().any(|one| one.statuses().any(|status| status.group() == group));
        let investigated = open(Status::UnderInvestigation.group())
            && !open(affected)
            && !open(Status::Fixed.group())
            && !packages.values().any(|one| one.statuses().any(|status| status == Status::Recommended));
        let affected: Vec<_> = packages.into_iter().filter_map(|(key, one)| one.affected(key)).collect();
        if affected.is_empty() {
            let why = first.map_or(String::new(), |reason| format!(": {reason}"));
            return Err(format!("none of its {all} products is a package that inventories have{why}"));
        }
        let left_out =
            first.map(|reason| format!("{unread} of its {all} products were left out; the first: {reason}"));
        Ok(Self { affected, left_out, investigated })
    }
}

/// Whether a status is about packages as they are installed, or about sources. Where nothing says so, it is about both; but
/// what is not affected is the package of that name only, not everything that is built of the source.
fn builds(build: Build, status: Status) -> &'static [bool] {
    match build {
        Build::Source => &[false],
        Build::Binary => &[true],
        Build::Unsaid if status == Status::NotAffected => &[true],
        Build::Unsaid => &[false, true],
    }
}

/// Whether one product is said to be affected and not to be, or the like.
fn contradiction(status: &ProductStatus) -> Result<(), String> {
    let mut groups: BTreeMap<&str, u8> = BTreeMap::new();
    for (status, id) in status.each() {
        if let Some(group) = status.group()
            && groups.insert(id, group).is_some_and(|other| other != group)
        {
            let id: String = id.chars().take(100).collect();
            return Err(format!("it says two things about `{id}` that cannot both be"));
        }
    }
    Ok(())
}

/// A denial counts when a distribution says it of its own package.
fn heeded(product: Product, status: Status, by_vendor: bool) -> Result<Product, NoPackage> {
    if status != Status::NotAffected || product.of_distribution && by_vendor {
        return Ok(product);
    }
    let who = if by_vendor { "no distribution ships the package" } else { "its publisher is not the vendor" };
    let name: String = product.name.chars().take(100).collect();
    Err(NoPackage::Unread(format!(
        "that `{name}` is not affected holds for one product only, since {who}: use it as VEX of that product"
    )))
}

impl Package {
    fn add(&mut self, status: Status, which: Which) {
        match which {
            Which::Every => drop(self.every.insert(status)),
            Which::One(version) => drop(self.versions.entry(status).or_default().insert(version)),
            Which::Within(ranges) => self.within.extend(ranges.into_iter().map(|range| (status, range))),
        }
    }

    fn statuses(&self) -> impl Iterator<Item = Status> {
        let within = self.within.iter().map(|(status, _)| *status);
        self.every.iter().copied().chain(self.versions.keys().copied()).chain(within)
    }

    fn take(&mut self, status: Status) -> BTreeSet<String> {
        self.versions.remove(&status).unwrap_or_default()
    }

    /// What an advisory says of it; nothing when there is nothing to say.
    fn affected(mut self, PackageKey { ecosystem, name, binary }: PackageKey) -> Option<Affected> {
        let denied_everywhere = self.every.contains(&Status::NotAffected);
        let denied = self.take(Status::NotAffected);
        let [first, last] = [Status::FirstAffected, Status::LastAffected].map(|status| self.take(status));
        let mut versions = self.take(Status::Affected);
        versions.extend(self.take(Status::UnderInvestigation));
        // The first version with the fix says most; then every one that has it; then the one to go to.
        let with_fix =
            [Status::FirstFixed, Status::Fixed, Status::Recommended].map(|status| self.take(status));
        let with_fix = with_fix.into_iter().find(|with_fix| !with_fix.is_empty()).unwrap_or_default();
        let is_open = |status: Status| matches!(status.group(), Some(group) if group < 2);
        let within = std::mem::take(&mut self.within).into_iter();
        let mut ranges: Vec<_> =
            within.filter(|(status, _)| is_open(*status)).map(|(_, range)| range).collect();
        match (first.len(), last.len()) {
            (0, 0) => {}
            (0 | 1, 0 | 1) => {
                let begins = first.into_iter().next().unwrap_or_else(|| "0".to_owned());
                let mut range = vec![RangeEvent::Introduced(begins)];
                range.extend(last.into_iter().next().map(RangeEvent::LastAffected));
                ranges.push(range);
            }
            _ => versions.extend(first.into_iter().chain(last)),
        }
        let every = self.every.iter().any(|status| is_open(*status));
        let introduced = || RangeEvent::Introduced("0".to_owned());
        // What is fixed was open before, unless something says since when. Of several fixes of one release the last
        // counts, as each of them is of another branch.
        let since_ever = every || versions.is_empty() && ranges.is_empty();
        if since_ever && !with_fix.is_empty() {
            ranges.extend(with_fix.iter().map(|fix| vec![introduced(), RangeEvent::Fixed(fix.clone())]));
        } else if every {
            ranges.push(vec![introduced()]);
        }
        ranges.sort();
        ranges.dedup();
        let unaffected = versions.is_empty() && ranges.is_empty();
        if unaffected {
            if !denied_everywhere && denied.is_empty() {
                return None;
            }
            versions = if denied_everywhere { BTreeSet::new() } else { denied };
        }
        let fixed =
            if versions.is_empty() || unaffected { Vec::new() } else { with_fix.into_iter().collect() };
        Some(Affected {
            ecosystem,
            name,
            ranges,
            versions: versions.into_iter().collect(),
            fixed,
            binary,
            unaffected,
        })
    }
}
