//! Versions of R packages (Writing R Extensions, 1.1.1): numbers with `.` or `-` between them; more of them come later.

use std::cmp::Ordering;

use super::numbers;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (mut left, mut right) = (parts(a).ok_or(a)?, parts(b).ok_or(b)?);
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ok(Ordering::Equal),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(two)) => numbers(one, two),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
}

fn parts(version: &str) -> Option<impl Iterator<Item = &str>> {
    let parts = version.trim().split(['.', '-']);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.clone().all(number).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_number_by_number() {
        let ascending = ["0.1", "0.1-1", "0.1.2", "0.9", "0.10", "1.0", "1.0.0", "1.0.0-1"];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ok(Ordering::Less), "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ok(Ordering::Greater), "{pair:?}");
        }
        assert_eq!(compare("1.2-3", "1.02.3"), Ok(Ordering::Equal));
        assert!(compare("1.0.rc", "1").is_err() && compare("1", "").is_err());
    }
}
