//! Ruby versions (`Gem::Version`).

use std::cmp::Ordering;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (segments(a)?, segments(b)?);
    for at in 0..left.len().max(right.len()) {
        let order = match (left.get(at), right.get(at)) {
            (Some(left), Some(right)) => one(left, right),
            (Some(left), None) => against_nothing(left),
            (None, Some(right)) => against_nothing(right).reverse(),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

/// Runs of digits and of letters; what says nothing before a word and at the end is dropped.
fn segments(version: &str) -> Result<Vec<&str>, &str> {
    let text = version.trim();
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (main, after) = text.split_once('-').unwrap_or((text, ""));
    let begins = text.starts_with(|first: char| first.is_ascii_digit());
    let whole = main.split('.').all(sound) && (after.is_empty() || after.split(['.', '-']).all(sound));
    if !begins || !whole {
        return Err(version);
    }
    let mut found = Vec::new();
    for part in main.split('.') {
        runs(part, &mut found);
    }
    if !after.is_empty() || text.contains('-') {
        // A dash begins a pre-release.
        found.push("pre");
        for part in after.split(['.', '-']) {
            runs(part, &mut found);
        }
    }
    let word = found.iter().position(|part| !is_number(part)).unwrap_or(found.len());
    let mut numbers: Vec<&str> = found.get(..word).unwrap_or_default().to_vec();
    let mut rest: Vec<&str> = found.get(word..).unwrap_or_default().to_vec();
    for list in [&mut numbers, &mut rest] {
        while list.last().is_some_and(|last| is_zero(last)) {
            list.pop();
        }
    }
    numbers.extend(rest);
    Ok(numbers)
}

fn runs<'a>(part: &'a str, found: &mut Vec<&'a str>) {
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| c.is_ascii_digit() != first.is_ascii_digit()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        found.push(run);
        rest = after;
    }
}

fn is_number(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_digit())
}

fn is_zero(part: &str) -> bool {
    is_number(part) && part.bytes().all(|byte| byte == b'0')
}

/// A word is before every number.
fn one(a: &str, b: &str) -> Ordering {
    match (is_number(a), is_number(b)) {
        (true, true) => super::numbers(a, b),
        (false, false) => a.cmp(b),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
    }
}

fn against_nothing(part: &str) -> Ordering {
    if is_zero(part) {
        Ordering::Equal
    } else if is_number(part) {
        Ordering::Greater
    } else {
        Ordering::Less
    }
}
