//! Matches an inventory against a feed where it lies: what is filed under the names of its packages is read once, and of the
//! advisories that do not apply no more than that.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lockgate_model::{Inventory, Package};

use super::{Feed, FeedError, PackageKey, damaged, names, one_spelling, record, version, writer};
use crate::feed::Advisory;
use crate::matching::{Answer, Matches, Matching, Word, conclude};
use crate::plan::{self, Plan};
use crate::vendor::Vendor;
use crate::version::{NotComparable, family};

/// A package that is asked about under one of its keys: ecosystem, name, and whether it is that of the package as it is
/// installed; which of its names that is, its version, and the package.
type Asked<'a> = ((&'a str, Cow<'a, str>, bool), usize, (&'a str, &'a str), usize);

/// What an advisory says about a package that is not nothing.
struct Found {
    package: usize,
    /// Which of the package's names.
    name: usize,
    record: u64,
    part: u64,
    ecosystem: String,
    answer: Result<Said, NotComparable>,
}

/// An answer that does not rest on the bytes it was read from.
#[derive(Clone)]
enum Said {
    Affected(Option<String>),
    Denied,
}

impl Feed {
    /// What [`match_inventory`](crate::match_inventory) finds in an extract for `inventory`, without making one.
    ///
    /// Errors: the feed is damaged where it was read.
    pub fn matches(&self, inventory: &Inventory) -> Result<Matches, FeedError> {
        let asked = self.asked(inventory);
        let mut found = Vec::new();
        for group in asked.chunk_by(|a, b| a.0 == b.0) {
            self.search(inventory, group, &mut found)?;
        }
        let mut heads = BTreeMap::new();
        for one in &found {
            if let Entry::Vacant(vacant) = heads.entry(one.record) {
                vacant.insert(self.head(one.record)?);
            }
        }
        found.sort_by_key(|one| (one.package, one.name, one.record, one.part));
        let mut matches = Matches::default();
        for group in found.chunk_by(|a, b| a.package == b.package) {
            let Some(first) = group.first() else { continue };
            let Some(package) = inventory.packages.get(first.package) else { continue };
            let words = group.iter().filter_map(|one| {
                let advisory = heads.get(&one.record)?;
                Some(Word { advisory, ecosystem: &one.ecosystem, answer: one.answer() })
            });
            conclude(first.package, package, &words.collect::<Vec<_>>(), &mut matches);
        }
        Ok(matches)
    }

    /// Plans upgrades for what was found in `inventory` ([`plan`](crate::plan())).
    ///
    /// Errors: the feed is damaged where it was read.
    pub fn plan(
        &self,
        inventory: &Inventory,
        matches: &Matches,
        base_layers: Option<u32>,
    ) -> Result<Plan, FeedError> {
        let packages = matches.matches.iter().filter_map(|one| inventory.packages.get(one.package));
        let vulnerable = Inventory { packages: packages.cloned().collect(), ..Inventory::default() };
        let advisories = self.extract(&[&vulnerable])?;
        Ok(plan::plan(inventory, &matches.matches, &advisories, base_layers))
    }

    /// Adds what is filed under one key about the packages that are asked about.
    fn search(
        &self,
        inventory: &Inventory,
        group: &[Asked<'_>],
        found: &mut Vec<Found>,
    ) -> Result<(), FeedError> {
        let Some(((ecosystem, name, binary), ..)) = group.first() else { return Ok(()) };
        let key = PackageKey { ecosystem: (*ecosystem).to_owned(), name: name.to_string(), binary: *binary };
        let places = self.find(&writer::key(&key)).ok_or_else(|| damaged("its index"))?;
        for (record, at) in places {
            let bytes = record::take(&*self.bytes, at).ok_or_else(|| damaged("an advisory"))?;
            let part = record::part(&bytes).ok_or_else(|| damaged("an advisory"))?;
            let said = part.said();
            // One version in several places is judged once.
            for alike in group.chunk_by(|a, b| a.2 == b.2) {
                let package = alike.first().and_then(|one| inventory.packages.get(one.3));
                let Some(answer) = package.and_then(|package| kept(said.about(package, Matching::NEWEST)))
                else {
                    continue;
                };
                found.extend(alike.iter().map(|(_, name, _, package)| Found {
                    package: *package,
                    name: *name,
                    record,
                    part: at,
                    ecosystem: said.ecosystem.to_owned(),
                    answer: answer.clone(),
                }));
            }
        }
        Ok(())
    }

    /// The packages that are asked about under each key that advisories about them may have, sorted by key, then by version.
    fn asked<'a>(&self, inventory: &'a Inventory) -> Vec<Asked<'a>> {
        let vendor =
            Vendor::of(inventory, Matching::NEWEST, |release| self.summary().coverage(release).is_some());
        let mut asked = Vec::new();
        for (index, package) in inventory.packages.iter().enumerate() {
            if !vendor.answers(package) {
                ask(index, package, &mut asked);
            }
        }
        asked.sort();
        asked
    }

    /// The advisory whose record begins there, without its packages.
    fn head(&self, record: u64) -> Result<Advisory, FeedError> {
        record::read(&*self.bytes, self.layout, record, []).ok_or_else(|| damaged("an advisory"))
    }
}

impl Found {
    fn answer(&self) -> Result<Answer<'_>, NotComparable> {
        self.answer.as_ref().map_err(Clone::clone).map(|said| match said {
            Said::Affected(fixed) => Answer::Affected(fixed.as_deref()),
            Said::Denied => Answer::Denied,
        })
    }
}

/// An answer that says something.
fn kept(answer: Result<Answer<'_>, NotComparable>) -> Option<Result<Said, NotComparable>> {
    match answer {
        Ok(Answer::Nothing) => None,
        Ok(Answer::Affected(fixed)) => Some(Ok(Said::Affected(fixed.map(str::to_owned)))),
        Ok(Answer::Denied) => Some(Ok(Said::Denied)),
        Err(error) => Some(Err(error)),
    }
}

/// Adds a package under each key that advisories about it may have.
fn ask<'a>(index: usize, package: &'a Package, asked: &mut Vec<Asked<'a>>) {
    for (place, (name, binary)) in names(package).enumerate() {
        let version = (package.ecosystem.as_str(), version(package, binary));
        let mut add = |ecosystem, name| asked.push(((ecosystem, name, binary), place, version, index));
        let (of_family, spelt) = (family(&package.ecosystem), one_spelling(&package.ecosystem, name));
        if of_family != package.ecosystem {
            add(&*package.ecosystem, spelt.clone());
        }
        // Feeds of earlier formats file what is said about a package under its name as the advisory spells it.
        if spelt != name {
            add(of_family, Cow::Borrowed(name));
        }
        add(of_family, spelt);
    }
}
