//! Which versions are releases, and which releases are of one branch.

use std::str::FromStr;

use pep440_rs::Version;

use super::{family, loose};

/// Whether a version is a pre-release, by the rules of its ecosystem. What a distribution published is a release.
pub(crate) fn is_prerelease(ecosystem: &str, version: &str) -> bool {
    match family(ecosystem) {
        "PyPI" => Version::from_str(version).is_ok_and(|version| version.any_prerelease()),
        // A word before the end of the release (Apache Maven, "Version Order Specification").
        "Maven" => words(version).any(|(word, counted)| {
            matches!(
                word.as_str(),
                "alpha" | "beta" | "milestone" | "rc" | "cr" | "snapshot" | "pre" | "preview" | "ea"
            ) || counted && matches!(word.as_str(), "a" | "b" | "m")
        }),
        // Any letter (Ruby, `Gem::Version#prerelease?`).
        "RubyGems" => version.contains(|one: char| one.is_ascii_alphabetic()),
        "Packagist" => loose::is_unstable(version),
        "npm" | "crates.io" | "Hex" | "Go" | "Pub" | "SwiftURL" | "CocoaPods" | "NuGet" | "Bitnami" => {
            // A build's name may have dashes (Semantic Versioning 2.0.0, item 10).
            version.split('+').next().unwrap_or_default().contains('-')
        }
        _ => false,
    }
}

/// The words of a version in small letters, each with whether a number follows it at once.
fn words(version: &str) -> impl Iterator<Item = (String, bool)> + '_ {
    let mut rest = version;
    std::iter::from_fn(move || {
        let start = rest.find(|one: char| one.is_ascii_alphabetic())?;
        let (_, from) = rest.split_at(start);
        let end = from.find(|one: char| !one.is_ascii_alphabetic()).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        rest = after;
        Some((word.to_ascii_lowercase(), after.starts_with(|one: char| one.is_ascii_digit())))
    })
}

/// Whether two releases are of one branch, in which upgrades are expected to keep what works: the same first number, and
/// the same second one where the first is zero (Semantic Versioning 2.0.0, items 4 and 8). Distributions have one branch a
/// release.
pub(crate) fn same_branch(ecosystem: &str, a: &str, b: &str) -> bool {
    let of_language = matches!(
        family(ecosystem),
        "PyPI"
            | "Maven"
            | "RubyGems"
            | "Packagist"
            | "npm"
            | "crates.io"
            | "Hex"
            | "Go"
            | "Pub"
            | "SwiftURL"
            | "CocoaPods"
            | "NuGet"
            | "Bitnami"
    );
    !of_language || branch(a) == branch(b)
}

fn branch(version: &str) -> (&str, &str) {
    let version = version.trim_start_matches(['v', 'V', '=']);
    let mut numbers = version.split(|one: char| !one.is_ascii_digit());
    let mut number = || {
        let number = numbers.next().unwrap_or_default().trim_start_matches('0');
        if number.is_empty() { "0" } else { number }
    };
    match number() {
        "0" => ("0", number()),
        first => (first, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pre_releases_are_known_by_the_rules_of_their_ecosystem() {
        for (ecosystem, version) in [
            ("PyPI", "24.7.0rc1"),
            ("PyPI", "4.0.0a0"),
            ("PyPI", "1.0.dev3"),
            ("Maven", "2.0-alpha1"),
            ("Maven", "2.0-M1"),
            ("Maven", "1.0-SNAPSHOT"),
            ("RubyGems", "1.0.0.pre"),
            ("Packagist", "1.0.0-beta2"),
            ("npm", "1.0.0-next.1"),
            ("Go", "0.0.0-20201216223049-8b5274cf687f"),
            ("NuGet", "1.0.0-Preview"),
        ] {
            assert!(is_prerelease(ecosystem, version), "{ecosystem} {version}");
        }
        for (ecosystem, version) in [
            ("PyPI", "1.0.post1"),
            ("PyPI", "1.0+local"),
            ("Maven", "5.3.18.RELEASE"),
            ("Maven", "4.1.100.Final"),
            ("Maven", "31.1-jre"),
            ("Maven", "2.13.4.2"),
            ("RubyGems", "1.0.0"),
            ("Packagist", "1.0.0-patch1"),
            ("npm", "1.0.0+build-7"),
            ("Go", "2.0.0+incompatible"),
            ("Debian:12", "1.0~rc1-2"),
            ("Alpine:v3.20", "1.0_rc1-r0"),
        ] {
            assert!(!is_prerelease(ecosystem, version), "{ecosystem} {version}");
        }
    }

    #[test]
    fn a_branch_is_what_upgrades_stay_in() {
        assert!(same_branch("npm", "4.17.4", "4.17.21"));
        assert!(same_branch("npm", "v1.2.3", "1.9"));
        assert!(!same_branch("npm", "4.17.4", "5.0.0"));
        assert!(!same_branch("npm", "0.4.1", "0.5.0"));
        assert!(same_branch("npm", "0.4.1", "0.4.9"));
        assert!(same_branch("Debian:12", "1.0-1", "2.0-1"));
    }
}
