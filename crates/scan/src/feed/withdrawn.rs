//! What databases took back. Whoever numbers a vulnerability knows best: what it withdrew is withdrawn too in records of those
//! who only repeat it under ids of their own.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::Name;
use super::record;
use crate::version::family;

/// A record that its database withdrew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Withdrawal {
    /// Its last change; nothing where it has none that could be believed.
    pub(super) modified: Option<i64>,
    /// Its other names.
    pub(super) aliases: BTreeSet<Name>,
    /// The ecosystems that it was about, without releases.
    pub(super) families: BTreeSet<String>,
}

impl Withdrawal {
    /// Whether it is not older than what is said under the same id.
    pub(super) fn outlives(&self, modified: Timestamp) -> bool {
        self.modified.is_some_and(|own| own >= modified.unix())
    }
}

/// Databases that number and review what is about one ecosystem (OSV schema, "id"): their word about it decides.
const OF_ECOSYSTEM: [(&str, &str); 6] = [
    ("PYSEC-", "PyPI"),
    ("GO-", "Go"),
    ("RUSTSEC-", "crates.io"),
    ("RSEC-", "CRAN"),
    ("HSEC-", "Hackage"),
    ("EEF-", "Hex"),
];
/// The ecosystems that GitHub reviews (github.com/github/advisory-database, "Supported ecosystems").
const OF_GITHUB: [&str; 12] = [
    "GitHub Actions",
    "Go",
    "Hex",
    "Maven",
    "NuGet",
    "Packagist",
    "Pub",
    "PyPI",
    "RubyGems",
    "SwiftURL",
    "crates.io",
    "npm",
];
/// How the ids of records begin that repeat what others number. All others speak for themselves.
const DERIVED: [&str; 5] = ["VCID-", "BIT-", "DEBIAN-CVE-", "UBUNTU-CVE-", "ALPINE-CVE-"];

/// What a CVE that is rejected is about.
const ANY: &str = "*";

/// Whether the database of an id decides about an ecosystem.
fn decides(id: &Name, of: &str) -> bool {
    match id {
        Name::Cve(..) => of == ANY,
        Name::Ghsa(_) => OF_GITHUB.contains(&of),
        Name::Other(text) => {
            OF_ECOSYSTEM.iter().any(|(prefix, ecosystem)| *ecosystem == of && text.starts_with(prefix))
        }
    }
}

/// Whether a record repeats what others number.
fn is_derived(id: &str) -> bool {
    DERIVED.iter().any(|prefix| id.starts_with(prefix))
}

/// What is withdrawn, by name and ecosystem, and what somebody who reviews still says.
#[derive(Default)]
pub(super) struct Withdrawn {
    by_id: BTreeMap<Name, Withdrawal>,
    names: BTreeMap<Name, BTreeSet<String>>,
    alive: BTreeMap<Name, BTreeSet<String>>,
}

/// What becomes of a record.
pub(super) enum Fate {
    /// It stays as it is.
    Stays,
    /// It is withdrawn.
    Withdrawn,
    /// What it says about some of its packages is withdrawn: the rest of it.
    Cut(Vec<u8>),
}

impl Withdrawn {
    /// What all sources withdrew; of two withdrawals of one id the later.
    pub(super) fn of<'a>(all: impl Iterator<Item = (&'a Name, &'a Withdrawal)>) -> Self {
        let mut this = Self::default();
        for (id, withdrawal) in all {
            let known = this.by_id.entry(id.clone()).or_insert_with(|| withdrawal.clone());
            if known.modified < withdrawal.modified {
                *known = withdrawal.clone();
            }
        }
        for (id, withdrawal) in &this.by_id {
            let families = || {
                let all = withdrawal.families.iter().map(String::as_str).chain([ANY]);
                all.filter(|of| decides(id, of)).map(str::to_owned)
            };
            for name in std::iter::once(id).chain(&withdrawal.aliases) {
                this.names.entry(name.clone()).or_default().extend(families());
            }
        }
        this
    }

    /// Whether the record of that id is withdrawn by its own name.
    pub(super) fn takes(&self, id: &Name, modified: Timestamp) -> bool {
        self.by_id.get(id).is_some_and(|withdrawal| withdrawal.outlives(modified))
    }

    /// Whether something that is withdrawn has one of these names.
    pub(super) fn concerns(&self, names: &[Name]) -> bool {
        names.iter().any(|name| self.names.contains_key(name))
    }

    /// Notes a record of somebody who reviews: what it is about is not withdrawn.
    pub(super) fn note(&mut self, id: &str, names: &[Name], bytes: &[u8]) -> Option<()> {
        if is_derived(id) {
            return Some(());
        }
        let families: BTreeSet<String> =
            record::parts(bytes)?.into_iter().map(|part| family(&part.key.ecosystem).to_owned()).collect();
        for name in names.iter().filter(|name| self.names.contains_key(name)) {
            self.alive.entry(name.clone()).or_default().extend(families.iter().cloned());
        }
        Some(())
    }

    /// What becomes of a record with that head; nothing where it is damaged.
    pub(super) fn fate(&self, head: &record::Head, bytes: &[u8]) -> Option<Fate> {
        if self.takes(&Name::from(head.id.as_str()), head.modified()) {
            return Some(Fate::Withdrawn);
        }
        let aliases: Vec<Name> = head.aliases.iter().map(|name| Name::from(name.as_str())).collect();
        if !is_derived(&head.id) || !self.concerns(&aliases) {
            return Some(Fate::Stays);
        }
        let (rest, kept, all) = record::retain(bytes, |ecosystem| !self.covers(&aliases, family(ecosystem)))?;
        Some(match kept {
            kept if kept == all => Fate::Stays,
            0 => Fate::Withdrawn,
            _ => Fate::Cut(rest),
        })
    }

    /// Whether what is known by these names is withdrawn for an ecosystem: one of them is, no CVE among them is not, and
    /// nobody who reviews says anything about it.
    fn covers(&self, names: &[Name], of: &str) -> bool {
        let has = |map: &BTreeMap<Name, BTreeSet<String>>, name: &Name| {
            map.get(name).is_some_and(|families| families.contains(of) || families.contains(ANY))
        };
        let is_cve = |name: &&Name| matches!(name, Name::Cve(..));
        names.iter().any(|name| has(&self.names, name))
            && names.iter().filter(is_cve).all(|name| has(&self.names, name))
            && !names.iter().any(|name| has(&self.alive, name))
    }
}
