//! Of which release an image is by the packages of its distribution: os-release is one file, and anybody can write another
//! over it.

use lockgate_model::{Inventory, Package};

use crate::feed::is_of_distribution;

/// A package that has the release of its distribution as its version.
struct Witness {
    package: &'static str,
    /// The distributions that ship it, by `ID`.
    of: &'static [&'static str],
    /// Whether a version of the package belongs to the release that `VERSION_ID` says.
    agrees: fn(version: &str, release: &str) -> bool,
}

const fn by_major(package: &'static str, of: &'static [&'static str]) -> Witness {
    Witness { package, of, agrees: same_major }
}

const WITNESSES: &[Witness] = &[
    Witness { package: "base-files", of: &["debian", "ubuntu"], agrees: base_files },
    Witness { package: "alpine-release", of: &["alpine"], agrees: same_minor },
    by_major("almalinux-release", &["almalinux"]),
    by_major("azurelinux-release", &["azurelinux"]),
    by_major("centos-release", &["centos"]),
    by_major("centos-stream-release", &["centos"]),
    by_major("fedora-release-common", &["fedora"]),
    by_major("mariner-release", &["mariner"]),
    by_major("openEuler-release", &["openEuler"]),
    by_major("openSUSE-release", &["opensuse-leap", "opensuse-tumbleweed"]),
    by_major("oraclelinux-release", &["ol"]),
    by_major("photon-release", &["photon"]),
    by_major("redhat-release", &["rhel"]),
    by_major("rocky-release", &["rocky"]),
    by_major("sles-release", &["sles", "sles_sap"]),
    by_major("system-release", &["amzn"]),
];

/// The package of the distribution that says another release than os-release, with its version.
pub(super) fn contradicting(inventory: &Inventory) -> Option<String> {
    let distribution = inventory.distribution.as_ref()?;
    let agrees = |package: &Package, witness: &Witness| {
        let id = distribution.id.as_str();
        // The bases of derivatives keep the name of the package; nobody is asked about those by Debian's releases.
        let shared = witness.package == "base-files" && !witness.of.contains(&id);
        let numbered =
            distribution.version.is_empty() || (witness.agrees)(&package.version, &distribution.version);
        shared || witness.of.contains(&id) && of_family(package, id) && numbered
    };
    let other = inventory.packages.iter().find(|package| {
        is_of_distribution(package)
            && WITNESSES.iter().any(|one| one.package == package.name && !agrees(package, one))
    })?;
    Some(format!("{} {}", other.name, other.version))
}

/// Ubuntu's `base-files` has Ubuntu's name in its version, and Debian's has not.
fn of_family(package: &Package, id: &str) -> bool {
    package.name != "base-files" || package.version.contains("ubuntu") == (id == "ubuntu")
}

/// The digits before the first character that is none; an rpm's epoch is not part of it.
fn major(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    version.split(|one: char| !one.is_ascii_digit()).next().unwrap_or_default()
}

fn same_major(version: &str, release: &str) -> bool {
    major(version) == major(release)
}

/// `3.22.1-r0` and `3.22.1`; edge has its date in both.
fn same_minor(version: &str, release: &str) -> bool {
    let minor = |text: &str| {
        let mut parts = text.split('.');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        (first.to_owned(), major(second).to_owned())
    };
    minor(version) == minor(release) && version.contains("_alpha") == release.contains("_alpha")
}

/// Debian's has the number of the release before the point; Ubuntu's that of Debian's release that it was made of.
fn base_files(version: &str, release: &str) -> bool {
    const UBUNTU: [(&str, &str); 6] = [
        ("14.04", "7.2ubuntu"),
        ("16.04", "9.4ubuntu"),
        ("18.04", "10.1ubuntu"),
        ("20.04", "11ubuntu"),
        ("22.04", "12ubuntu"),
        ("24.04", "13ubuntu"),
    ];
    if version.contains("ubuntu") {
        let known = UBUNTU.iter().find(|(known, _)| *known == release);
        let of = UBUNTU.iter().find(|(_, start)| version.starts_with(start));
        // Releases between those that are supported for long have versions between theirs.
        return match (known, of) {
            (Some((_, start)), _) => version.starts_with(start),
            (None, Some((lts, _))) => major(lts) == major(release) || release_after(release, lts),
            (None, None) => true,
        };
    }
    same_major(version, release)
}

/// Whether one release of Ubuntu came at most two years after another.
fn release_after(release: &str, lts: &str) -> bool {
    let number = |text: &str| text.replace('.', "").parse::<u32>().unwrap_or_default();
    (number(lts)..number(lts).saturating_add(200)).contains(&number(release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_packages_agree_with_their_releases() {
        for (version, release, agrees) in [
            ("12.4+deb12u5", "12", true),
            ("13.8+deb13u1", "9", false),
            ("12ubuntu4.6", "22.04", true),
            ("13ubuntu10.1", "22.04", false),
            ("13.3ubuntu6", "24.10", true),
            ("13ubuntu10.1", "24.10", true),
            ("13ubuntu10.1", "14.10", false),
            ("13ubuntu10.1", "16.04", false),
        ] {
            assert_eq!(base_files(version, release), agrees, "{version} {release}");
        }
        assert!(same_minor("3.22.1-r0", "3.22.4") && !same_minor("3.22.1-r0", "3.2.0"));
        assert!(same_minor("3.23.0_alpha20250612-r0", "3.23.0_alpha20250612"));
        assert!(!same_minor("3.23.0_alpha20250612-r0", "3.23.0"));
        assert!(same_major("9.4-1.el9", "9.4") && !same_major("1:9.4-1.el9", "8"));
        assert!(same_major("2023.6.20250107-0.amzn2023", "2023"));
    }
}
