//! What folders mean to catalogers: `METADATA` is a description in `a-1.dist-info` and nothing elsewhere. Where a link leads
//! from a folder that means one thing into one that means another, the files there are looked at under the link's name.

use std::collections::BTreeSet;

use super::{CATALOGERS, PLACES, is_only_of_licenses, is_package};
use crate::paths;

/// What a folder means: a bit for each probe that a cataloger wants in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Context {
    /// Of Node's packages.
    node: u8,
    /// Of places that are anywhere.
    anywhere: u64,
    /// Of places that are in one folder of the image.
    fixed: u128,
}

impl Context {
    /// Whether it means something that `other` does not, Node's packages left out: their descriptions have one name
    /// everywhere, and are always read.
    pub(crate) fn has_more_than(self, other: Self) -> bool {
        self.anywhere & !other.anywhere != 0 || self.fixed & !other.fixed != 0
    }
}

/// A path below a folder, and the cataloger that may want it there.
type Probe = (usize, &'static str);

/// The ends of places where catalogers look.
pub(crate) struct Probes {
    anywhere: Vec<Probe>,
    fixed: Vec<Probe>,
    /// The folders on the way to fixed places.
    folders: BTreeSet<&'static str>,
}

impl Probes {
    /// Those of all places.
    pub(crate) fn new() -> Self {
        let (mut anywhere, mut fixed, mut folders) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for place in PLACES.iter().copied().filter(|place| !is_only_of_licenses(place)) {
            let Some(at) = CATALOGERS.iter().position(|one| (one.wants)(place)) else { continue };
            let is_fixed = !wants(at, &format!("q/{place}"));
            for (slash, _) in place.match_indices('/') {
                let (folder, end) = place.split_at(slash);
                let end = end.get(1..).unwrap_or_default();
                // What a cataloger wants in any folder says nothing about one.
                if wants(at, &format!("q/{end}")) {
                    continue;
                }
                if is_fixed {
                    folders.insert(folder);
                    fixed.insert((at, end));
                } else {
                    anywhere.insert((at, end));
                }
            }
        }
        Self { anywhere: anywhere.into_iter().collect(), fixed: fixed.into_iter().collect(), folders }
    }

    /// What `folder` means.
    pub(crate) fn context(&self, folder: &str) -> Context {
        let near = self.folders.contains(folder) || self.folders.contains(paths::split(folder).0);
        Context {
            node: node(folder),
            anywhere: bits(&self.anywhere, folder).fold(0, |bits, at| bits | 1 << at.min(63)),
            fixed: if near {
                bits(&self.fixed, folder).fold(0, |bits, at| bits | 1 << at.min(127))
            } else {
                0
            },
        }
    }

    /// Whether a folder of this path means anything but to Node.
    pub(crate) fn means(&self, folder: &str) -> bool {
        let near = self.folders.contains(folder) || self.folders.contains(paths::split(folder).0);
        bits(&self.anywhere, folder).next().is_some() || near && bits(&self.fixed, folder).next().is_some()
    }
}

fn wants(cataloger: usize, path: &str) -> bool {
    CATALOGERS.get(cataloger).is_some_and(|one| (one.wants)(path))
}

/// The places of the probes that are wanted in `folder`.
fn bits<'a>(probes: &'a [Probe], folder: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut path = [folder, "/"].concat();
    let wanted = move |(_, (cataloger, end)): &(usize, &Probe)| {
        path.truncate(folder.len() + 1);
        path.push_str(end);
        wants(*cataloger, &path)
    };
    probes.iter().enumerate().filter(wanted).map(|(at, _)| at)
}

/// What a folder means to Node: whether it is a package, holds packages, or holds scopes.
fn node(folder: &str) -> u8 {
    let ends = ["package.json", "a/package.json", "@a/a/package.json", "test/package.json"];
    ends.iter().fold(0, |bits, end| bits << 1 | u8::from(is_package(&format!("{folder}/{end}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_known_by_what_they_mean() {
        let probes = Probes::new();
        let context = |folder: &str| probes.context(folder);
        let nothing = context("srv/x");
        assert_eq!(nothing, Context::default());
        for folder in [
            "x/a-1.dist-info",
            "x/a.egg-info",
            "EGG-INFO",
            "usr/share/gems/specifications",
            "x/specifications/default",
            "opt/conda-meta",
            "var/lib/dpkg",
            "var/lib/dpkg/status.d",
            "var/lib",
            "var",
            "lib/apk",
            "var/lib/pacman/local",
            "var/lib/pacman/local/bash-5.2-1",
            "var/lib/rpm",
            "etc",
        ] {
            assert!(context(folder).has_more_than(nothing) && probes.means(folder), "{folder}");
        }
        let node = ["node_modules", "a/node_modules/x", "a/node_modules/@s", "usr/share/nodejs"];
        for folder in node {
            assert!(
                context(folder) != nothing && !probes.means(folder) || folder.starts_with("usr"),
                "{folder}"
            );
        }
        // Material of a package's tests is nothing.
        assert_eq!(context("node_modules/x/test"), nothing);
        // Two folders of one meaning.
        assert_eq!(context("a/node_modules/x"), context("node_modules/.pnpm/x@1/node_modules/x"));
        assert_eq!(context("a-1.dist-info"), context("x/b-2.dist-info"));
        assert!(probes.anywhere.len() <= 64 && probes.fixed.len() <= 128);
    }
}
