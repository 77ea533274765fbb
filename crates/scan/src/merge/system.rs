//! The operating system of an image: which distribution it says it is, and what shows that it has packages which no database
//! names.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::inventory::{Confidence, Distribution, Silent, SilentReason, Unread};

use super::{DATABASES, Looked, tell};
use crate::catalog::{self, PackageKind, released_ecosystem};

/// Where the distribution is named (os-release(5)); the first that is there counts.
pub(super) const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];
/// What signs of that kind are called where a package manager's name stands.
pub(super) const NAMES: &str = "os-release";
/// Most packages that are missed by name.
const MISSED: usize = 20;

impl Looked<'_> {
    /// The distribution that the image says it is. What others may read otherwise is told.
    pub(super) fn distribution(
        &self,
        unread: &mut Vec<Unread>,
        silent: &mut Vec<Silent>,
    ) -> Option<Distribution> {
        let mut named: BTreeMap<&str, Distribution> = BTreeMap::new();
        let mut elsewhere = Vec::new();
        for path in OS_RELEASE {
            let real = self.tree.resolve(path);
            let said = self.places.get(self.tree, path).and_then(|place| place.facts.distribution.as_ref());
            match said {
                Some([id, why, _]) if id.is_empty() => {
                    tell(
                        unread,
                        self.layers,
                        format!("/{path}"),
                        format!("the distribution cannot be read: {why}"),
                    );
                }
                Some([id, version, codename]) => {
                    let [id, version, codename] = [id, version, codename].map(Clone::clone);
                    named.insert(path, Distribution { id, version, codename });
                }
                None if real != path && !OS_RELEASE.contains(&real.as_str()) => elsewhere.push(path),
                None => {}
            }
        }
        let sign =
            |path: &str, reason| Silent { manager: NAMES.to_owned(), path: format!("/{path}"), reason };
        if named.is_empty() {
            silent.extend(elsewhere.into_iter().map(|path| sign(path, SilentReason::Elsewhere)));
        }
        let releases: BTreeSet<_> = named.values().map(released_ecosystem).collect();
        let [first, _] = OS_RELEASE;
        if releases.len() > 1 {
            silent.push(sign(first, SilentReason::Contradicted));
        }
        named.into_values().next()
    }

    /// Databases of system packages that name none, though there is or was one.
    pub(super) fn silent(&self, silent: &mut Vec<Silent>) {
        let sign = |manager: &str, path: &str, reason| Silent {
            manager: manager.to_owned(),
            path: format!("/{path}"),
            reason,
        };
        let (mut present, mut foreign) = (BTreeSet::new(), BTreeMap::new());
        for (path, place) in &self.places.at {
            if let Some(manager) = &place.facts.foreign {
                foreign.entry(manager.as_str()).or_insert(path.as_ref());
            }
            present.extend(system_kind(place.facts));
        }
        for (manager, path) in foreign {
            // What chisel cut from packages of Debian's kind may have their database, too.
            if manager != "chisel" || present.is_empty() {
                silent.push(sign(manager, path, SilentReason::Unread));
            }
        }
        for kind in self.tree.systems.difference(&present) {
            let path = DATABASES.iter().find(|(_, of)| of == kind).map_or("", |(path, _)| path);
            silent.push(sign(kind.cataloger(), path, SilentReason::Removed));
        }
        if present.is_empty() && self.tree.systems.is_empty() {
            let empty = DATABASES.iter().filter(|(path, _)| self.places.get(self.tree, path).is_some());
            silent.extend(empty.map(|(path, kind)| sign(kind.cataloger(), path, SilentReason::Empty)));
        }
        silent.extend(self.missed().into_iter().map(|path| sign("dpkg", path, SilentReason::Incomplete)));
    }

    /// Files that dpkg keeps about installed packages, of packages that its database does not call installed.
    fn missed(&self) -> Vec<&str> {
        const INFO: &str = "var/lib/dpkg/info";
        let lists = || {
            self.places.below(INFO).filter_map(|(path, _)| {
                Some((path, path.strip_prefix(INFO)?.strip_prefix('/')?.strip_suffix(".md5sums")?))
            })
        };
        if lists().next().is_none() {
            return Vec::new();
        }
        let installed: BTreeSet<&str> = self
            .places
            .at
            .values()
            .flat_map(|place| &place.facts.packages)
            .filter(|found| found.kind == PackageKind::Dpkg)
            .map(|found| found.name.as_str())
            .collect();
        let name = |stem: &'_ str| stem.split(':').next().unwrap_or_default().to_owned();
        lists()
            .filter(|(_, stem)| !installed.contains(name(stem).as_str()))
            .map(|(path, _)| path)
            .take(MISSED)
            .collect()
    }
}

/// The kind of system package whose database a file is: it records some.
pub(super) fn system_kind(facts: &catalog::Facts) -> Option<PackageKind> {
    let found = facts.packages.first()?;
    (found.kind.of_system() && found.confidence == Confidence::Recorded).then_some(found.kind)
}
