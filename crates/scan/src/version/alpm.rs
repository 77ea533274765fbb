//! Versions of Arch packages: `vercmp` of libalpm (vercmp(8)). Unlike rpm's order, letters that remain come before nothing.

use std::cmp::Ordering;

use super::numbers;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (parts(a).ok_or(a)?, parts(b).ok_or(b)?);
    let releases = || match (left.2, right.2) {
        (Some(left), Some(right)) => segments(left, right),
        _ => Ordering::Equal,
    };
    Ok(numbers(left.0, right.0).then_with(|| segments(left.1, right.1)).then_with(releases))
}

/// `[EPOCH:]VERSION[-RELEASE]`
fn parts(version: &str) -> Option<(&str, &str, Option<&str>)> {
    let sound = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_graphic());
    let epoch = version.split_once(':').filter(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit()));
    let (epoch, rest) = epoch.unwrap_or(("", version));
    let (version, release) = rest.rsplit_once('-').map_or((rest, None), |(one, two)| (one, Some(two)));
    sound.then_some((epoch, version, release))
}

fn segments(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let separated = |text: &'_ str| text.len() - text.trim_start_matches(separates).len();
        let (before_a, before_b) = (separated(a), separated(b));
        (a, b) = (a.trim_start_matches(separates), b.trim_start_matches(separates));
        if a.is_empty() || b.is_empty() {
            break;
        }
        if before_a != before_b {
            return before_a.cmp(&before_b);
        }
        let digits = a.starts_with(|one: char| one.is_ascii_digit());
        let ends = |one: char| separates(one) || one.is_ascii_digit() != digits;
        let split = |text: &'_ str| text.find(ends).unwrap_or(text.len());
        let ((one, rest_a), (two, rest_b)) = (a.split_at(split(a)), b.split_at(split(b)));
        if two.is_empty() {
            return if digits { Ordering::Greater } else { Ordering::Less };
        }
        let order = if digits { numbers(one, two) } else { one.cmp(two) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    let letter = |text: &str| text.starts_with(|one: char| one.is_ascii_alphabetic());
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if !letter(b) => Ordering::Less,
        _ if letter(a) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn separates(one: char) -> bool {
    !one.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_libalpm_orders_them() {
        for ascending in [
            // The order that vercmp(8) gives as its example, and rules of its test suite.
            &["1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1"][..],
            &["1", "1.0", "1.1", "1.1.1", "1.2", "2.0", "3.0.0"],
            &["1.0.0-1", "1.0.0-1.1", "1.0.0-2"],
            &["0:1.0", "1:0.9", "2:0.1"],
            &["1.5.0-1", "1.5.1-1", "1.5.10"],
            &["2.0", "2_0..1"],
        ] {
            for pair in ascending.windows(2) {
                assert_eq!(compare(pair[0], pair[1]), Ok(Ordering::Less), "{pair:?}");
                assert_eq!(compare(pair[1], pair[0]), Ok(Ordering::Greater), "{pair:?}");
            }
        }
        for (a, b) in
            [("1.5.0-1", "1.5.0"), ("0:1.0-1", "1.0-1"), ("1.0.", "1.0."), ("1.01", "1.1"), ("2_0", "2.0")]
        {
            assert_eq!(compare(a, b), Ok(Ordering::Equal), "{a} {b}");
        }
        assert!(compare("", "1").is_err() && compare("1", "1 2").is_err());
    }
}
