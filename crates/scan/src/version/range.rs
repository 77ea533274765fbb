//! Ranges of versions as package URLs' own specification writes them: `vers:npm/>=1.0.0|<2.0.0` (VERS,
//! VERSION-RANGE-SPEC of package-url/purl-spec).

use std::cmp::Ordering;

use super::{NotComparable, compare};
use crate::purl::decode;

/// Longest range that is read, in bytes.
const BYTES: usize = 8 << 10;
/// Most constraints of one range.
const CONSTRAINTS: usize = 100;

/// Versioning schemes, each with an ecosystem whose order it has. A scheme is the type of the package URLs that it is for.
const SCHEMES: &[(&str, &str)] = &[
    ("apk", "Alpine"),
    ("bitnami", "Bitnami"),
    ("cargo", "crates.io"),
    ("cocoapods", "CocoaPods"),
    ("composer", "Packagist"),
    ("deb", "Debian"),
    ("gem", "RubyGems"),
    ("golang", "Go"),
    ("hex", "Hex"),
    ("maven", "Maven"),
    ("npm", "npm"),
    ("nuget", "NuGet"),
    ("pub", "Pub"),
    ("pypi", "PyPI"),
    ("rpm", "Red Hat"),
    ("swift", "SwiftURL"),
];

/// What a constraint asks of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

use Comparator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Unequal};

/// How comparators are written; the longer ones first.
const COMPARATORS: [(&str, Comparator); 6] =
    [(">=", GreaterOrEqual), ("<=", LessOrEqual), ("!=", Unequal), ("<", Less), (">", Greater), ("=", Equal)];

impl Comparator {
    fn is_lower_bound(self) -> bool {
        matches!(self, Greater | GreaterOrEqual)
    }

    fn is_upper_bound(self) -> bool {
        matches!(self, Less | LessOrEqual)
    }
}

/// A range of versions of one versioning scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    scheme: &'static str,
    ecosystem: &'static str,
    /// Sorted by version, each version once; none where every version is meant (`*`).
    constraints: Vec<(Comparator, String)>,
}

impl VersionRange {
    /// Reads a range. The error says what is wrong with it: an unknown scheme, what is not a version there, or constraints
    /// that contradict each other or say nothing.
    pub fn read(text: &str) -> Result<Self, String> {
        let short: String = text.chars().filter(|one| !one.is_control()).take(100).collect();
        let bad = |why: &str| format!("`{short}` is not a range of versions that is read: {why}");
        if text.len() > BYTES {
            return Err(bad("it is too long"));
        }
        let bare: String = text.chars().filter(|one| !matches!(one, ' ' | '\t')).collect();
        let rest = bare.strip_prefix("vers:").ok_or_else(|| bad("it does not begin with `vers:`"))?;
        let (scheme, rest) = rest.split_once('/').ok_or_else(|| bad("it has no scheme"))?;
        let known = SCHEMES.iter().find(|(name, _)| *name == scheme);
        let (scheme, ecosystem) =
            *known.ok_or_else(|| bad("the order of versions of its scheme is not known"))?;
        let mut range = Self { scheme, ecosystem, constraints: Vec::new() };
        if rest == "*" {
            return Ok(range);
        }
        for constraint in rest.split('|').filter(|one| !one.is_empty()) {
            if range.constraints.len() >= CONSTRAINTS {
                return Err(bad("it has too many constraints"));
            }
            range.add(constraint).map_err(|why| bad(&why))?;
        }
        range.check().map_err(bad)?;
        Ok(range)
    }

    /// Adds a constraint in its place.
    fn add(&mut self, constraint: &str) -> Result<(), String> {
        let written = COMPARATORS
            .iter()
            .find_map(|(sign, comparator)| Some((*comparator, constraint.strip_prefix(sign)?)));
        let (comparator, version) = written.unwrap_or((Equal, constraint));
        let sound = !version.is_empty() && !version.contains(['<', '>', '=', '!', '*', '|']);
        let version = Some(version).filter(|_| sound).and_then(decode);
        let version = version.ok_or_else(|| format!("`{constraint}` is not a constraint"))?;
        // A version that cannot be compared with itself is not one.
        compare(self.ecosystem, &version, &version).map_err(|error| error.to_string())?;
        let mut place = self.constraints.len();
        for (at, (_, other)) in self.constraints.iter().enumerate() {
            match compare(self.ecosystem, &version, other).map_err(|error| error.to_string())? {
                Ordering::Less => {
                    place = at;
                    break;
                }
                Ordering::Equal => return Err(format!("the version {version} is there twice")),
                Ordering::Greater => {}
            }
        }
        self.constraints.insert(place, (comparator, version));
        Ok(())
    }

    /// Whether its constraints describe a range ("Normalized, canonical representation and validation").
    fn check(&self) -> Result<(), &'static str> {
        let mut including = self.constraints.iter().map(|(comparator, _)| *comparator);
        if including.all(|one| one == Unequal) {
            return Err("it does not say which versions are in it");
        }
        let mut before = None;
        for one in self.constraints.iter().map(|(comparator, _)| *comparator).filter(|one| *one != Unequal) {
            if before == Some(Equal) && one.is_upper_bound() {
                return Err("a single version stands below the end of a range");
            }
            before = Some(one);
        }
        let mut bound = None;
        for one in self.constraints.iter().map(|(comparator, _)| *comparator) {
            if !one.is_lower_bound() && !one.is_upper_bound() {
                continue;
            }
            if bound == Some(one.is_lower_bound()) {
                return Err("two bounds of one kind follow each other");
            }
            bound = Some(one.is_lower_bound());
        }
        Ok(())
    }

    /// Whether it is for packages of that type (purl).
    pub fn is_for(&self, kind: &str) -> bool {
        self.scheme == kind
    }

    /// Whether a version is in it ("Checking if a version is contained within a range").
    pub fn contains(&self, version: &str) -> Result<bool, NotComparable> {
        compare(self.ecosystem, version, version)?;
        if self.constraints.is_empty() {
            return Ok(true);
        }
        // What stands right below the version, and right above it.
        let (mut below, mut above) = (None, None);
        for (comparator, other) in &self.constraints {
            match compare(self.ecosystem, version, other)? {
                Ordering::Equal => return Ok(matches!(comparator, Equal | LessOrEqual | GreaterOrEqual)),
                _ if matches!(comparator, Equal | Unequal) => {}
                Ordering::Greater => below = Some(*comparator),
                Ordering::Less => above = above.or(Some(*comparator)),
            }
        }
        Ok(match (below, above) {
            (Some(below), _) => below.is_lower_bound(),
            (None, above) => above.is_some_and(Comparator::is_upper_bound),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contains(range: &str, version: &str) -> bool {
        VersionRange::read(range).unwrap().contains(version).unwrap()
    }

    #[test]
    fn versions_are_in_their_ranges() {
        for (range, inside, outside) in [
            ("vers:npm/>=1.0.0|<2.0.0", &["1.0.0", "1.9.9"][..], &["0.9.9", "2.0.0", "1.0.0-rc.1"][..]),
            ("vers:npm/>1.0.0|<=2.0.0", &["1.0.1", "2.0.0"], &["1.0.0", "2.0.1"]),
            ("vers:npm/1.2.3", &["1.2.3"], &["1.2.2", "1.2.4"]),
            ("vers:npm/=1.2.3|=1.2.5", &["1.2.3", "1.2.5"], &["1.2.4"]),
            ("vers:npm/*", &["0.0.0", "99.0.0"], &[]),
            ("vers:npm/<2.0.0", &["0.0.1"], &["2.0.0"]),
            ("vers:npm/>=2.0.0", &["2.0.0", "10.0.0"], &["1.99.0"]),
            // In whatever order they are written, with blanks and pipes that say nothing.
            ("vers:npm/ |<2. 0.0||>= 1.0.0|", &["1.5.0"], &["2.0.0", "0.1.0"]),
            ("vers:gem/>=2.2.0|!= 2.2.1|<2.3.0", &["2.2.0", "2.2.2"], &["2.2.1", "2.3.0"]),
            (
                "vers:maven/>=1.0.0-beta1|<=1.7.5|>=7.0.0-M1|<=7.0.7|>=7.1.0|<=7.1.2|>=8.0.0-M1|<=8.0.1",
                &["1.0.0-beta1", "1.7.5", "7.0.5", "8.0.0"],
                &["1.8.0", "7.0.8", "8.0.2", "1.0.0-alpha1"],
            ),
            ("vers:pypi/0.0.0|0.0.1|1.0|2.0pre1|>=3", &["1.0.0", "2.0rc1", "3"], &["1.1", "2.0"]),
            ("vers:deb/>=1%3A2.0-1|<1%3a2.0-3", &["1:2.0-2"], &["2.0-2", "1:2.0-3", "1:2.0-1~rc1"]),
            ("vers:apk/<1.3.1-r3", &["1.3.1-r2", "1.3.1_rc1"], &["1.3.1-r10"]),
            ("vers:rpm/>=3.0.7-1.el9|<3.0.7-28.el9_5", &["3.0.7-27.el9"], &["3.0.7-28.el9_5", "1:3.0.7-2"]),
            ("vers:golang/>=1.2.0|<1.3.0", &["1.2.5"], &["1.3.0"]),
        ] {
            for version in inside {
                assert!(contains(range, version), "{range} {version}");
            }
            for version in outside {
                assert!(!contains(range, version), "{range} {version}");
            }
        }
        assert!(VersionRange::read("vers:npm/<2.0.0").unwrap().contains("latest").is_err());
        assert!(VersionRange::read("vers:npm/*").unwrap().contains("latest").is_err());
    }

    #[test]
    fn what_is_not_a_range_is_told() {
        for text in [
            "",
            "vers",
            "vers:",
            "vers:npm",
            "vers:npm/",
            "vers:npm/|",
            "vers:npm/ ",
            "npm/1.0.0",
            ">=1.0.0",
            "VERS:npm/1.0.0",
            "vers:NPM/1.0.0",
            "vers:Npm/*",
            "vers:none/*",
            "vers:all/*",
            "vers:semver/1.0.0",
            "vers:tomee/>=1.0.0",
            "vers:generic/<2",
            "vers:/1.0.0",
            "vers:npm/**",
            "vers:npm/*1.0.0",
            "vers:npm/*|1.0.0",
            "vers:npm/>=*",
            "vers:npm/>=",
            "vers:npm/<|>1.0.0",
            "vers:npm/1.0.0|1.0.0",
            "vers:npm/>=1.0.0|<1.0.0",
            "vers:npm/>=1.0.0|!=1.0.0",
            "vers:npm/1.0.0|=1.0.0",
            "vers:pypi/1.0|1.0.0",
            "vers:npm/>=1.0.0|>=2.0.0",
            "vers:npm/>1.0.0|>=2.0.0|<3.0.0",
            "vers:npm/<1.0.0|<=2.0.0",
            "vers:npm/1.0.0|<2.0.0",
            "vers:npm/!=1.0.0",
            "vers:npm/!=1.0.0|!=2.0.0",
            "vers:npm/latest",
            "vers:npm/1.x",
            "vers:npm/>=1.0.0|<two",
            "vers:npm/==1.0.0",
            "vers:npm/=>1.0.0",
            "vers:npm/~1.0.0",
            "vers:npm/^1.0.0",
            "vers:npm/>=1.0.0,<2.0.0",
            "vers:npm/%zz",
            "vers:npm/1.0.0%",
            "vers:deb/a:1",
            "vers:npm/>=1.0.0|<2.0.0?x=1",
            "vers:npm/1.0.0#x",
        ] {
            let read = VersionRange::read(text);
            assert!(
                read.as_ref().is_err_and(|why| why.contains("not a range of versions")),
                "{text}: {read:?}"
            );
        }
        let many: Vec<_> = (0..=CONSTRAINTS).map(|at| format!("{at}.0.0")).collect();
        assert!(VersionRange::read(&format!("vers:npm/{}", many.join("|"))).is_err());
        assert!(VersionRange::read(&format!("vers:npm/{}", many[1..].join("|"))).is_ok());
        assert!(VersionRange::read(&format!("vers:npm/1.0.0{}", " ".repeat(BYTES))).is_err());
    }

    proptest! {
        /// Beside what the constraints say one by one: intervals that do not overlap, in any order.
        #[test]
        fn a_version_is_in_one_of_the_intervals(
            mut bounds in prop::collection::btree_set(0..40_u32, 1..8),
            lower_first in any::<bool>(),
            closed in prop::collection::vec(any::<bool>(), 8),
            order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle(),
            version in 0..40_u32,
        ) {
            let bounds: Vec<u32> = std::mem::take(&mut bounds).into_iter().collect();
            let is_lower = |at: usize| at.is_multiple_of(2) == lower_first;
            let sign = |at: usize| match (is_lower(at), closed[at]) {
                (true, true) => ">=", (true, false) => ">", (false, true) => "<=", (false, false) => "<",
            };
            let written: Vec<_> = order.iter().filter(|at| **at < bounds.len())
                .map(|at| format!("{}{}.0.0", sign(*at), bounds[*at])).collect();
            let holds = |at: usize| match sign(at) {
                ">=" => version >= bounds[at], ">" => version > bounds[at],
                "<=" => version <= bounds[at], _ => version < bounds[at],
            };
            // Each interval is a lower bound and the upper bound after it, either of which may be absent at the ends.
            let mut expected = !is_lower(0) && holds(0);
            for at in (0..bounds.len()).filter(|at| is_lower(*at)) {
                expected |= holds(at) && (at + 1 == bounds.len() || holds(at + 1));
            }
            let range = format!("vers:npm/{}", written.join("|"));
            prop_assert_eq!(contains(&range, &format!("{version}.0.0")), expected, "{}", range);
        }

        #[test]
        fn no_text_is_a_panic(text in "vers:(npm|deb|pypi|rpm)/[ -~]{0,30}", version in "[ -~]{0,10}") {
            if let Ok(range) = VersionRange::read(&text) {
                drop(range.contains(&version));
            }
        }
    }
}
