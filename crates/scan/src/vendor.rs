//! Vendor: whether the distribution that installed a package answers for it, or the package's own ecosystem.
//!
//! Fixes of a distribution do not show in the version that the ecosystem knows: Debian's `python3-six` is judged by what
//! Debian says. Where nobody has the advisories of that release, nobody answers, and those of the ecosystem count.

use std::collections::BTreeSet;

use lockgate_model::{Inventory, Package};

use crate::catalog::released_ecosystem;
use crate::feed::is_of_distribution;
use crate::matching::Matching;

/// Distributions of which the first rules took for granted that their advisories are there.
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

/// For which packages of an inventory its distribution answers.
pub(crate) enum Vendor<'a> {
    /// For none.
    Silent,
    /// For all that a package of the system installed.
    Installed,
    /// For what packages of these names installed, where distributions install.
    Owners(BTreeSet<&'a str>),
}

impl<'a> Vendor<'a> {
    /// `covered` says whether there are advisories of an ecosystem with its release (`Debian:12`).
    pub(crate) fn of(inventory: &'a Inventory, rules: Matching, covered: impl Fn(&str) -> bool) -> Self {
        let Some(distribution) = &inventory.distribution else { return Self::Silent };
        match rules {
            Matching::First if KNOWN.contains(&distribution.id.as_str()) => Self::Installed,
            Matching::Second if covered(&released_ecosystem(distribution)) => {
                let owners = inventory.packages.iter().filter(|one| is_of_distribution(one));
                Self::Owners(owners.map(|one| one.name.as_str()).collect())
            }
            _ => Self::Silent,
        }
    }

    /// Whether the distribution answers for a package.
    pub(crate) fn answers(&self, package: &Package) -> bool {
        let owner = package.installed_by.as_str();
        !owner.is_empty()
            && match self {
                Self::Silent => false,
                Self::Installed => true,
                Self::Owners(names) => names.contains(owner) && is_of_the_system(&package.path),
            }
    }
}

/// Whether a distribution installs files there (Filesystem Hierarchy Standard 3.0; Debian Policy, 9.1): what a package
/// brings to `/opt`, `/srv` or `/usr/local` is of another vendor, about whom the distribution says nothing.
fn is_of_the_system(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    match first {
        "usr" => !path.starts_with("usr/local/"),
        "bin" | "sbin" | "etc" | "var" | "boot" => true,
        _ => first.starts_with("lib"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_the_system;

    #[test]
    fn distributions_install_where_the_standard_says() {
        for path in ["/usr/lib/python3/dist-packages/six", "/lib/x", "/lib64/x", "/bin/busybox", "/var/lib/x"]
        {
            assert!(is_of_the_system(path), "{path}");
        }
        for path in ["/usr/local/lib/x", "/opt/google/x", "/srv/app/x", "/home/x", "/app/x", "/x", ""] {
            assert!(!is_of_the_system(path), "{path}");
        }
    }
}
