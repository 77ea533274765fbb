//! Version orders, one file each: as the ecosystem's own tool compares.

mod apk;
mod deb;
mod npm;
mod pep440;

use std::cmp::Ordering;

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
        "Alpine" => apk::compare,
        "PyPI" => pep440::compare,
        "npm" => npm::compare,
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

fn unknown<'a>(a: &'a str, _b: &'a str) -> Result<Ordering, &'a str> {
    Err(a)
}
