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
mod stability;

use std::cmp::Ordering;

pub use range::VersionRange;
pub(crate) use stability::{is_prerelease, same_branch};

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
    let order = Order::of(ecosystem);
    order.texts(a, b).map_err(|version| order.not_comparable(version))
}

/// Whether versions of an ecosystem can be compared: of others no advisory can match anything but by the exact version.
pub fn is_ordered(ecosystem: &str) -> bool {
    Order::of(ecosystem).is_known
}

/// The ecosystem without its release: `Debian` of `Debian:12`.
pub fn family(ecosystem: &str) -> &str {
    ecosystem.split_once(':').map_or(ecosystem, |(family, _)| family)
}

/// Compares two texts; the error is the one that is no version.
type Compare = for<'a> fn(&'a str, &'a str) -> Result<Ordering, &'a str>;

/// The order of the versions of one ecosystem.
#[derive(Clone, Copy)]
pub(crate) struct Order<'e> {
    family: &'e str,
    compare: Compare,
    /// Which versions are ordered as the lists of their numbers, where what is missing is zero.
    plain: Plain,
    is_known: bool,
}

/// Which versions of an ecosystem are ordered as the numbers that they consist of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// None.
    No,
    /// Those of one to so many numbers.
    UpTo(usize),
    /// Those of exactly three numbers, without zeros before them (Semantic Versioning 2.0.0, item 2).
    Three,
}

/// Most numbers that are compared at once.
const NUMBERS: usize = 4;
/// Most digits of such a number: it has room in 32 bits.
const DIGITS: usize = 9;

/// A version, read as far as that makes comparing it fast.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) text: &'a str,
    numbers: Option<[u32; NUMBERS]>,
}

impl<'e> Order<'e> {
    /// The order of an ecosystem, named as OSV does, with or without its release.
    pub(crate) fn of(ecosystem: &'e str) -> Self {
        use Plain::{No, Three, UpTo};
        let family = family(ecosystem);
        let (compare, plain): (Compare, _) = match family {
            "Debian" | "Ubuntu" | "Echo" => (deb::compare, No),
            "Alpine"
            | "Wolfi"
            | "Chainguard"
            | "Alpaquita"
            | "BellSoft Hardened Containers"
            | "CleanStart"
            | "MinimOS" => (apk::compare, No),
            "AlmaLinux" | "Rocky Linux" | "Red Hat" | "openSUSE" | "SUSE" | "Azure Linux" | "openEuler"
            | "Mageia" | "Photon OS" | "Amazon Linux" | "Oracle Linux" | "Fedora" => (rpm::compare, No),
            "Arch Linux" => (alpm::compare, No),
            "CRAN" | "Bioconductor" => (cran::compare, No),
            // opam orders as Debian does (opam manual, "Version ordering").
            "opam" => (deb::compare, No),
            "PyPI" => (pep440::compare, UpTo(4)),
            "npm" => (npm::compare, Three),
            "Maven" => (maven::compare, UpTo(4)),
            "RubyGems" => (gem::compare, UpTo(4)),
            "Go" | "Pub" | "SwiftURL" | "CocoaPods" | "Bitnami" | "ConanCenter" | "Julia" => {
                (loose::semantic, UpTo(3))
            }
            "NuGet" => (loose::nuget, UpTo(4)),
            "Packagist" => (loose::composer, UpTo(4)),
            "crates.io" | "Hex" => (loose::strict, Three),
            _ => return Self { family, compare: unknown, plain: No, is_known: false },
        };
        Self { family, compare, plain, is_known: true }
    }

    pub(crate) fn key<'a>(&self, text: &'a str) -> Key<'a> {
        Key { text, numbers: numbers_of(text, self.plain) }
    }

    /// Compares two versions that were read by this order.
    ///
    /// Errors: one of them is no version, or the order is not known.
    pub(crate) fn compare(&self, a: &Key<'_>, b: &Key<'_>) -> Result<Ordering, NotComparable> {
        self.keys(a, b).map_err(|version| self.not_comparable(version))
    }

    /// Whether `a` stands before `b` or is `b`; not where they cannot be compared.
    pub(crate) fn at_most(&self, a: &Key<'_>, b: &Key<'_>) -> bool {
        self.keys(a, b).is_ok_and(Ordering::is_le)
    }

    /// Whether `a` stands after `b`; not where they cannot be compared.
    pub(crate) fn after(&self, a: &Key<'_>, b: &Key<'_>) -> bool {
        self.keys(a, b).is_ok_and(Ordering::is_gt)
    }

    /// For sorting: those that cannot be compared are equal.
    pub(crate) fn sorting(&self, a: &Key<'_>, b: &Key<'_>) -> Ordering {
        self.keys(a, b).unwrap_or(Ordering::Equal)
    }

    /// Whether an advisory that names `named` means `installed`: the same text, or the same version in another spelling. A
    /// name without a local version means those with one, too (PEP 440, "Version matching").
    pub(crate) fn names(&self, named: &Key<'_>, installed: &Key<'_>) -> bool {
        if named.text == installed.text {
            return true;
        }
        // Lists have hundreds of versions, and taking one apart takes longer than seeing that it is another.
        if self.plain != Plain::No && begin_apart(named.text, installed.text) {
            return false;
        }
        if self.keys(named, installed).is_ok_and(Ordering::is_eq) {
            return true;
        }
        match installed.text.split_once('+') {
            Some((public, _)) if self.family == "PyPI" && !named.text.contains('+') => {
                self.keys(named, &self.key(public)).is_ok_and(Ordering::is_eq)
            }
            _ => false,
        }
    }

    fn keys<'a>(&self, a: &Key<'a>, b: &Key<'a>) -> Result<Ordering, &'a str> {
        match (&a.numbers, &b.numbers) {
            (Some(a), Some(b)) => Ok(a.cmp(b)),
            _ => self.texts(a.text, b.text),
        }
    }

    fn texts<'a>(&self, a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
        (self.compare)(a, b)
    }

    fn not_comparable(&self, version: &str) -> NotComparable {
        NotComparable { ecosystem: self.family.to_owned(), version: version.chars().take(100).collect() }
    }
}

/// The numbers of a version that is ordered as they are.
fn numbers_of(text: &str, plain: Plain) -> Option<[u32; NUMBERS]> {
    let most = match plain {
        Plain::No => return None,
        Plain::UpTo(most) => most,
        Plain::Three => 3,
    };
    let (mut numbers, mut count) = ([0; NUMBERS], 0);
    for part in text.split('.') {
        let sound = (1..=DIGITS).contains(&part.len()) && (plain != Plain::Three || !has_zeros_before(part));
        let slot = numbers.get_mut(count).filter(|_| sound && count < most)?;
        for byte in part.bytes() {
            *slot = *slot * 10 + u32::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        count += 1;
    }
    (plain != Plain::Three || count == 3).then_some(numbers)
}

/// Whether two versions begin with other numbers, so that they are not one in two spellings wherever versions are ordered by
/// their numbers first. An epoch (PEP 440, "Version epochs") may stand before the numbers: of such nothing is said.
fn begin_apart(a: &str, b: &str) -> bool {
    let is_prefix = |one: char| matches!(one, 'v' | 'V' | '=' | ' ');
    let (mut a, mut b) = (a.trim_start_matches(is_prefix), b.trim_start_matches(is_prefix));
    loop {
        let (left, after) = a.split_at(digits(a));
        let (right, behind) = b.split_at(digits(b));
        if left.is_empty() || right.is_empty() || after.starts_with('!') || behind.starts_with('!') {
            return false;
        }
        if numbers(left, right).is_ne() {
            return true;
        }
        match (after.strip_prefix('.'), behind.strip_prefix('.')) {
            (Some(after), Some(behind)) => (a, b) = (after, behind),
            _ => return false,
        }
    }
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn has_zeros_before(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0')
}

/// Compares runs of digits of any length as numbers.
fn numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn unknown<'a>(a: &'a str, _b: &'a str) -> Result<Ordering, &'a str> {
    Err(a)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One ecosystem of each order that reads numbers.
    const BY_NUMBERS: [&str; 8] =
        ["PyPI", "npm", "Maven", "RubyGems", "Go", "NuGet", "Packagist", "crates.io"];

    proptest! {
        #[test]
        fn reading_before_comparing_changes_nothing(
            ecosystem in prop::sample::select(&BY_NUMBERS),
            a in "(v?[0-3]{1,3}(\\.[0-9]{1,3}){0,4}|[0-2](\\.[0-2]){2})(-rc1|\\+b1|)",
            b in "([0-3]{1,3}(\\.[0-9]{1,3}){0,4}|[0-2](\\.[0-2]){2})(-rc1|)",
        ) {
            let order = Order::of(ecosystem);
            prop_assert_eq!(order.compare(&order.key(&a), &order.key(&b)), compare(ecosystem, &a, &b));
        }
    }

    proptest! {
        #[test]
        fn what_begins_with_other_numbers_is_another_version(
            ecosystem in prop::sample::select(&BY_NUMBERS),
            a in "(v|=)?([01]!)?[01]{1,2}((\\.|-)[012ab]{1,2}){0,3}(-rc1|\\.Final|\\+b1|\\.post1|)",
            b in "(v|=)?([01]!)?[01]{1,2}((\\.|-)[012ab]{1,2}){0,3}(-rc1|\\.Final|\\+b1|\\.post1|)",
        ) {
            let equal = compare(ecosystem, &a, &b).is_ok_and(Ordering::is_eq);
            prop_assert!(!(equal && begin_apart(&a, &b)), "{ecosystem} {a} {b}");
        }
    }

    #[test]
    fn other_numbers_are_seen_without_taking_versions_apart() {
        for (a, b, apart) in [
            ("1.2rc1", "1.3", true),
            ("2.0.post1", "v3", true),
            ("1.10", "1.1", true),
            ("01.2.x", "1.2", false),
            ("1!2.0", "2.0", false),
            ("2.0", "1!2.0", false),
            ("1.2-3", "1.2-4", false),
            ("1.0", "1", false),
            ("a", "1", false),
        ] {
            assert_eq!(begin_apart(a, b), apart, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_ordered_by_its_numbers_is_read_as_numbers() {
        let read = |ecosystem: &str, version: &str| Order::of(ecosystem).key(version).numbers;
        assert_eq!(read("PyPI", "1.02"), Some([1, 2, 0, 0]));
        assert_eq!(read("npm", "1.2.3"), Some([1, 2, 3, 0]));
        for (ecosystem, version) in [
            ("npm", "1.2"),
            ("npm", "1.02.3"),
            ("npm", "1.2.3.4"),
            ("Go", "1.2.3.4"),
            ("PyPI", "1.2.3.4.5"),
            ("PyPI", ""),
            ("PyPI", "1..2"),
            ("PyPI", "1.2a1"),
            ("PyPI", "1.1234567890"),
            ("Debian:12", "1.2"),
            ("Alpine:v3.20", "1.2"),
            ("nobody's", "1.2"),
        ] {
            assert_eq!(read(ecosystem, version), None, "{ecosystem} {version}");
        }
    }

    #[test]
    fn one_version_in_two_spellings_is_named() {
        let names = |ecosystem: &str, named: &str, installed: &str| {
            let order = Order::of(ecosystem);
            order.names(&order.key(named), &order.key(installed))
        };
        for (ecosystem, named, installed) in [
            ("PyPI", "1.0", "1.0.0"),
            ("PyPI", "1.0.0-RC1", "1.0rc1"),
            ("PyPI", "1.0", "1.0.0+cpu"),
            ("NuGet", "1.0", "1.0.0.0"),
            ("NuGet", "1.0.0-ALPHA", "1.0.0-alpha"),
            ("Packagist", "v1.0", "1.0.0"),
            ("Maven", "1.0.0.Final", "1.0"),
            ("RubyGems", "1.0", "1.0.0"),
            ("Go", "v2.0.0+incompatible", "2.0.0"),
            ("npm", "v1.0.0", "1.0.0"),
            ("Debian:12", "0:1.0-1", "1.0-1"),
            ("nobody's", "1.0", "1.0"),
        ] {
            assert!(names(ecosystem, named, installed), "{ecosystem} {named} {installed}");
        }
        for (ecosystem, named, installed) in [
            ("PyPI", "1.0+cpu", "1.0"),
            ("PyPI", "1.0+cpu", "1.0+gpu"),
            ("PyPI", "1.0", "1.0.post1"),
            ("Debian:12", "1.0", "1.0-1"),
            ("Alpine:v3.20", "1.0", "1.0.0"),
            ("nobody's", "1.0", "1.0.0"),
        ] {
            assert!(!names(ecosystem, named, installed), "{ecosystem} {named} {installed}");
        }
    }
}
