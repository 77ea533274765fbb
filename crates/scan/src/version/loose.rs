//! Orders that are semantic versions with more freedom: Go (golang.org/x/mod, "semver"), NuGet ("Version ordering"),
//! composer (`composer/semver`, `VersionParser`), Dart and Swift.

use std::cmp::Ordering;

use semver::{Prerelease, Version};

/// Semantic versions, with or without `v`, and with missing parts, which are zero; what follows `+` does not count.
pub(super) fn semantic<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (read(a, 3).ok_or(a)?, read(b, 3).ok_or(b)?);
    Ok(left.cmp(&right))
}

/// NuGet has a fourth number, and compares the names of pre-releases without regard to case.
pub(super) fn nuget<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let read = |version: &str| {
        let (numbers, pre) = read(version, 4)?;
        let pre = Prerelease::new(&pre.as_str().to_lowercase()).ok()?;
        Some((numbers, pre.is_empty(), pre))
    };
    let (left, right) = (read(a).ok_or(a)?, read(b).ok_or(b)?);
    Ok(left.cmp(&right))
}

/// Numbers, and whether it is no pre-release, which comes after all of them.
type Parts = (Vec<u64>, Prerelease);

fn read(version: &str, most: usize) -> Option<Parts> {
    let text = version.trim().trim_start_matches(['v', 'V']);
    let text = text.split('+').next()?;
    let (numbers, pre) = text.split_once('-').map_or((text, ""), |(numbers, pre)| (numbers, pre));
    let mut parts: Vec<u64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if parts.len() > most {
        return None;
    }
    parts.resize(4, 0);
    Some((parts, prerelease(pre)?))
}

/// Numbers with zeros before them are allowed here, and are read as numbers.
fn prerelease(text: &str) -> Option<Prerelease> {
    let identifiers = text.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.trim_start_matches('0');
        if !digits {
            part
        } else if number.is_empty() {
            "0"
        } else {
            number
        }
    });
    Prerelease::new(&identifiers.collect::<Vec<_>>().join(".")).ok()
}

/// Composer: up to four numbers, then a stability with a number: dev, alpha, beta, RC, (stable), patch.
pub(super) fn composer<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (composed(a).ok_or(a)?, composed(b).ok_or(b)?);
    Ok(left.cmp(&right))
}

/// Place of a release among the stabilities.
const STABLE: u8 = 4;

/// Whether a version of composer is before its release; what cannot be read is.
pub(super) fn is_unstable(version: &str) -> bool {
    composed(version).is_none_or(|(_, stability, _)| stability < STABLE)
}

fn composed(version: &str) -> Option<(Vec<u64>, u8, Vec<u64>)> {
    let text = version.trim().to_lowercase();
    let text = text.trim_start_matches('v').split('+').next()?;
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut parts: Vec<u64> =
        numbers.trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if parts.len() > 4 && parts.first().is_some_and(|first| *first < 1000) {
        return None;
    }
    parts.resize(parts.len().max(4), 0);
    let rest = rest.trim_start_matches(['-', '_', '.']);
    let at = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (word, number) = rest.split_at(at);
    let stability = match word {
        "" | "stable" => STABLE,
        "dev" => 0,
        "a" | "alpha" => 1,
        "b" | "beta" => 2,
        "rc" | "c" => 3,
        "p" | "pl" | "patch" => 5,
        _ => return None,
    };
    let numbers = number.split(['.', '-']).filter(|part| !part.is_empty());
    // A pre-release of a pre-release: `beta.2-dev`.
    let number = numbers.map_while(|part| part.parse().ok()).collect();
    Some((parts, stability, number))
}

/// Strict semantic versions (crates.io, Hex).
pub(super) fn strict<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let parse = |version: &'a str| Version::parse(version.trim()).map_err(|_| version);
    Ok(parse(a)?.cmp_precedence(&parse(b)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ascending(
        order: fn(&'static str, &'static str) -> Result<Ordering, &'static str>,
        versions: &[&'static str],
    ) {
        for pair in versions.windows(2) {
            assert_eq!(order(pair[0], pair[1]), Ok(Ordering::Less), "{pair:?}");
            assert_eq!(order(pair[1], pair[0]), Ok(Ordering::Greater), "{pair:?}");
            assert_eq!(order(pair[0], pair[0]), Ok(Ordering::Equal), "{pair:?}");
        }
    }

    #[test]
    fn go_versions_are_semantic() {
        ascending(semantic, &["0.0.0-20190101000000-abc", "v0.3.5", "0.3.7", "v1.0.0-rc.1", "1.0", "1.2.3"]);
        assert_eq!(semantic("1.20", "1.20.0"), Ok(Ordering::Equal));
        assert_eq!(semantic("(devel)", "1.0.0"), Err("(devel)"));
    }

    #[test]
    fn nuget_has_four_numbers() {
        ascending(nuget, &["1.0.0-ALPHA", "1.0.0-beta", "1.0.0", "1.0.0.1", "1.0.1"]);
        assert_eq!(nuget("1.0", "1.0.0.0"), Ok(Ordering::Equal));
        assert!(nuget("1.0.0.0.0", "1").is_err());
    }

    #[test]
    fn composer_has_stabilities() {
        ascending(
            composer,
            &["1.0.0-dev", "1.0.0-alpha1", "1.0.0-beta2", "v1.0.0-RC1", "1.0.0", "1.0.0-patch1", "1.0.1"],
        );
        assert!(composer("dev-master", "1.0").is_err());
    }
}
