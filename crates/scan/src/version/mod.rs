//! Version orders, one file each: as the ecosystem's own tool compares.

mod alpm;
mod apk;
mod cran;
mod deb;
mod gem;
mod loose;
mod maven;
mod npm;
mod pep440;
mod range;
mod rpm;

use std::cmp::Ordering;

pub use range::VersionRange;

/// Two versions that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{version}` is not a version of the ecosystem {ecosystem}")]
pub struct NotComparable {
    /// The ecosystem, without its release.
    pub ecosystem: String,
    /// The version that is none.
    pub version: String,
}

/// Compares two versions of an ecosystem, named as OSV does, with or without its release.
///
/// Errors: one of them is no version there, or the ecosystem's order is not known.
pub fn compare(ecosystem: &str, a: &str, b: &str) -> Result<Ordering, NotComparable> {
    let family = family(ecosystem);
    let order = match family {
        "Debian" | "Ubuntu" => deb::compare,
        "Alpine" | "Wolfi" | "Chainguard" => apk::compare,
        "AlmaLinux" | "Rocky Linux" | "Red Hat" | "openSUSE" | "SUSE" | "Azure Linux" | "openEuler"
        | "Mageia" | "Photon OS" | "Amazon Linux" | "Oracle Linux" | "Fedora" => rpm::compare,
        "Arch Linux" => alpm::compare,
        "CRAN" | "Bioconductor" => cran::compare,
        // opam orders as Debian does (opam manual, "Version ordering").
        "opam" => deb::compare,
        "PyPI" => pep440::compare,
        "npm" => npm::compare,
        "Maven" => maven::compare,
        "RubyGems" => gem::compare,
        "Go" | "Pub" | "SwiftURL" | "CocoaPods" | "Bitnami" | "ConanCenter" | "Julia" => loose::semantic,
        "NuGet" => loose::nuget,
        "Packagist" => loose::composer,
        "crates.io" | "Hex" => loose::strict,
        _ => unknown,
    };
    order(a, b).map_err(|version| NotComparable {
        ecosystem: family.to_owned(),
        version: version.chars().take(100).collect(),
    })
}

/// The ecosystem without its release: `Debian` of `Debian:12`.
pub fn family(ecosystem: &str) -> &str {
    ecosystem.split_once(':').map_or(ecosystem, |(family, _)| family)
}

/// Compares runs of digits of any length as numbers.
fn numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn unknown<'a>(a: &'a str, _b: &'a str) -> Result<Ordering, &'a str> {
    Err(a)
}
