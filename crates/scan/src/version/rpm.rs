//! RPM versions `[epoch:]version[-release]` (rpm, `lib/rpmvercmp.c` and the manual's "Version comparison").

use std::cmp::Ordering;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (parts(a)?, parts(b)?);
    let release = || segments(left.2.unwrap_or_default(), right.2.unwrap_or_default());
    Ok(left.0.cmp(&right.0).then_with(|| segments(left.1, right.1)).then_with(release))
}

fn parts(version: &str) -> Result<(u64, &str, Option<&str>), &str> {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.trim().parse().map_err(|_| version)?, rest),
        None => (0, version),
    };
    let (number, release) = match rest.rsplit_once('-') {
        Some((number, release)) => (number, Some(release)),
        None => (rest, None),
    };
    if number.is_empty() { Err(version) } else { Ok((epoch, number, release)) }
}

/// Compares piece by piece: runs of digits, runs of letters; `~` sorts before everything, `^` after the end only.
fn segments(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let skip = |text: &'_ str| {
            text.find(|c: char| c.is_ascii_alphanumeric() || "~^".contains(c)).unwrap_or(text.len())
        };
        a = a.get(skip(a)..).unwrap_or_default();
        b = b.get(skip(b)..).unwrap_or_default();
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(left), Some(right)) => {
                (a, b) = (left, right);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (a.strip_prefix('^'), b.strip_prefix('^')) {
            (Some(left), Some(right)) => {
                (a, b) = (left, right);
                continue;
            }
            (Some(_), None) => return if b.is_empty() { Ordering::Greater } else { Ordering::Less },
            (None, Some(_)) => return if a.is_empty() { Ordering::Less } else { Ordering::Greater },
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        let digits = a.starts_with(|c: char| c.is_ascii_digit());
        let run = |text: &str| {
            let same = |c: char| if digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
            text.find(|c: char| !same(c)).unwrap_or(text.len())
        };
        let ((left, rest_a), (right, rest_b)) = (a.split_at(run(a)), b.split_at(run(b)));
        // Digits beat letters.
        if right.is_empty() {
            return if digits { Ordering::Greater } else { Ordering::Less };
        }
        let order = if digits { super::numbers(left, right) } else { left.cmp(right) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}
