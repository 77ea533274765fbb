//! What a report says that somebody looked at. A clean report answers for that, and for nothing else.

use lockgate_model::inventory::Distribution;
use lockgate_model::{Inventory, Package};

use super::Reported;
use crate::catalog::{PackageKind, is_system_database, system_ecosystem};
use crate::version::family;

/// Distributions that have no releases.
const WITHOUT_RELEASES: [&str; 3] = ["wolfi", "chainguard", "arch"];

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Looked {
    /// The ecosystem as OSV names it, with the release of a distribution.
    pub ecosystem: String,
    /// The file in the image, without a leading slash; empty for the ecosystem as a whole.
    pub path: String,
}

/// Something that was not seen in an image.
#[derive(Debug, Clone, Copy)]
pub enum Gap<'a> {
    /// A file, absolute in the image.
    File(&'a str),
    /// A package.
    Package(&'a Package),
    /// All packages of an ecosystem, with its release or without.
    Ecosystem(&'a str),
}

impl Looked {
    /// An ecosystem as a whole.
    pub(super) fn at(ecosystem: &str) -> Self {
        Self { ecosystem: ecosystem.to_owned(), path: String::new() }
    }

    /// A file of an ecosystem; nothing where the text is no path.
    pub(super) fn file(ecosystem: &str, path: &str) -> Option<Self> {
        let path = plain(path);
        (!path.is_empty()).then(|| Self { ecosystem: ecosystem.to_owned(), path: path.to_owned() })
    }

    /// The packages of a distribution, by the names that scanners have for it. Nothing where its release is not said.
    pub(super) fn system(name: &str, version: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let id = match lower.as_str() {
            "redhat" => "rhel",
            "alma" => "almalinux",
            "rockylinux" => "rocky",
            "amazon" | "amazonlinux" => "amzn",
            "oracle" | "oraclelinux" => "ol",
            "cbl-mariner" => "mariner",
            "suse linux enterprise server" => "sles",
            "opensuse.leap" => "opensuse-leap",
            "opensuse.tumbleweed" => "opensuse-tumbleweed",
            "openeuler" => "openEuler",
            other => other,
        };
        // Amazon's is written with a word behind it: `2 (Karoo)`, and with its day: `2023.6.20241010`.
        let version = version.split_whitespace().next().unwrap_or_default();
        let version = match id {
            "amzn" => version.split('.').next().unwrap_or_default(),
            _ => version,
        };
        let known = version.starts_with(|first: char| first.is_ascii_digit());
        if id.is_empty() || !known && !WITHOUT_RELEASES.contains(&id) {
            return None;
        }
        let distribution =
            Distribution { id: id.to_owned(), version: version.to_owned(), codename: String::new() };
        Some(Self::at(&system_ecosystem(&distribution)))
    }

    /// What a vulnerability's package says was looked at.
    fn of(vulnerability: &Reported) -> Option<Self> {
        let Some(purl) = &vulnerability.purl else {
            return (!vulnerability.ecosystem.is_empty()).then(|| Self::at(&vulnerability.ecosystem));
        };
        let kind = PackageKind::of_purl(&purl.kind)?;
        if !kind.of_system() {
            return Some(Self::at(&kind.ecosystem(None)));
        }
        let distribution = crate::sbom::distribution(purl)?;
        Self::system(&distribution.id, &distribution.version)
    }

    /// Whether this answers for `gap` of an image that has `inventory`.
    pub fn answers(&self, gap: &Gap<'_>, inventory: &Inventory) -> bool {
        match gap {
            Gap::File(path) => {
                let path = plain(path);
                if is_system_database(path) {
                    let own = inventory.distribution.as_ref().map(system_ecosystem);
                    return own.as_ref() == Some(&self.ecosystem) && keeps(&self.ecosystem, path);
                }
                !path.is_empty() && self.path == path
            }
            Gap::Package(package) => self.ecosystem == package.ecosystem,
            Gap::Ecosystem(ecosystem) => self.ecosystem == *ecosystem,
        }
    }
}

/// Whether a distribution's packages are in the database at `path`.
fn keeps(ecosystem: &str, path: &str) -> bool {
    let (apk, dpkg) = (path.contains("lib/apk/"), path.contains("lib/dpkg/"));
    match family(ecosystem) {
        "Alpine" | "Wolfi" | "Chainguard" => apk,
        "Debian" | "Ubuntu" => dpkg,
        _ => !apk && !dpkg,
    }
}

/// All that was looked at: what the report says so of, and what it found something in.
pub(super) fn all(mut at: Vec<Looked>, vulnerabilities: &[Reported]) -> Vec<Looked> {
    at.extend(vulnerabilities.iter().filter_map(Looked::of));
    at.sort();
    at.dedup();
    at
}

/// A path without what stands before it.
fn plain(path: &str) -> &str {
    path.trim().trim_start_matches("./").trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_the_same_however_they_are_written() {
        for (name, version, ecosystem) in [
            ("alpine", "3.22.1", "Alpine:v3.22"),
            ("debian", "12.4", "Debian:12"),
            ("redhat", "9.2", "Red Hat:9"),
            ("alma", "9.3", "AlmaLinux:9"),
            ("rockylinux", "9", "Rocky Linux:9"),
            ("amazon", "2 (Karoo)", "Amazon Linux:2"),
            ("amazon", "2023.6.20241010 (Amazon Linux)", "Amazon Linux:2023"),
            ("cbl-mariner", "2.0.20230126", "Azure Linux:2"),
            ("opensuse.leap", "15.5", "openSUSE:Leap 15.5"),
            ("wolfi", "", "Wolfi"),
        ] {
            assert_eq!(Looked::system(name, version), Some(Looked::at(ecosystem)), "{name} {version}");
        }
        for (name, version) in
            [("debian", ""), ("debian", "trixie/sid"), ("alpine", "edge"), ("", "3"), ("acme", "")]
        {
            assert_eq!(Looked::system(name, version), None, "{name} {version}");
        }
    }
}
