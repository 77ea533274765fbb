//! Python versions (PEP 440), by the `pep440_rs` crate.

use std::cmp::Ordering;
use std::str::FromStr;

use pep440_rs::Version;

use super::numbers;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    if is_plain(a) && is_plain(b) {
        return Ok(releases(a, b));
    }
    let (left, right) = (Version::from_str(a).map_err(|_| a)?, Version::from_str(b).map_err(|_| b)?);
    Ok(left.cmp(&right))
}

/// Longest number that is compared as it is written, in digits: any has room in 64 bits, as the library wants it.
const DIGITS: usize = 18;

/// Whether a version is numbers with dots between them, as nearly all are: these need no taking apart.
fn is_plain(version: &str) -> bool {
    let number =
        |part: &str| (1..=DIGITS).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').all(number)
}

/// PEP 440, "Final releases": number by number, and what is missing is zero.
fn releases(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => numbers(one.unwrap_or_default(), other.unwrap_or_default()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_versions_are_ordered_as_the_library_does(a in "[0-2]{1,3}(\\.[0-2]{1,2}){0,4}", b in "[0-2]{1,3}(\\.[0-2]{1,2}){0,4}") {
            prop_assert!(is_plain(&a));
            let by_library = Version::from_str(&a).unwrap().cmp(&Version::from_str(&b).unwrap());
            prop_assert_eq!(releases(&a, &b), by_library);
        }
    }

    #[test]
    fn what_is_not_plain_goes_to_the_library() {
        for version in ["", "1.", ".1", "1..2", "1a1", "1.0+x", "v1", "1!2", "1234567890123456789"] {
            assert!(!is_plain(version), "{version}");
        }
    }
}
