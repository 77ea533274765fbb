//! Alpine versions (apk-tools, `version.c`; documented in apk-package(5)): numbers, a letter, suffixes, a
//! revision.

use std::cmp::Ordering;

/// Suffixes in their order; what has none stands between `rc` and `cvs`.
const SUFFIXES: [(&str, i8); 9] = [
    ("alpha", -4),
    ("beta", -3),
    ("pre", -2),
    ("rc", -1),
    ("cvs", 1),
    ("svn", 2),
    ("git", 3),
    ("hg", 4),
    ("p", 5),
];

/// A version taken apart.
#[derive(Debug)]
struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: Option<char>,
    suffixes: Vec<(i8, &'a str)>,
    commit: &'a str,
    revision: Option<&'a str>,
}

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (parse(a).ok_or(a)?, parse(b).ok_or(b)?);
    Ok(numbers(&left.numbers, &right.numbers)
        .then_with(|| left.letter.cmp(&right.letter))
        .then_with(|| suffixes(&left.suffixes, &right.suffixes))
        .then_with(|| left.commit.cmp(right.commit))
        .then_with(|| revision(left.revision, right.revision)))
}

fn parse(version: &str) -> Option<Version<'_>> {
    let (rest, revision) = match version.trim().rsplit_once("-r") {
        Some((rest, revision)) => (rest, Some(number(revision)?)),
        None => (version.trim(), None),
    };
    let (rest, commit) = match rest.split_once('~') {
        Some((rest, commit)) => (rest, Some(commit).filter(|c| c.chars().all(|c| c.is_ascii_hexdigit()))?),
        None => (rest, ""),
    };
    let mut parts = rest.split('_');
    let mut main = parts.next()?;
    let letter = main.chars().last().filter(char::is_ascii_lowercase);
    if letter.is_some() {
        main = main.get(..main.len() - 1)?;
    }
    let numbers = main.split('.').map(number).collect::<Option<Vec<_>>>()?;
    let suffixes = parts.map(suffix).collect::<Option<Vec<_>>>()?;
    Some(Version { numbers, letter, suffixes, commit, revision })
}

fn number(text: &str) -> Option<&str> {
    (!text.is_empty() && text.chars().all(|c| c.is_ascii_digit())).then_some(text)
}

fn suffix(text: &str) -> Option<(i8, &str)> {
    let at = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (name, count) = text.split_at(at);
    let (_, weight) = SUFFIXES.iter().find(|(suffix, _)| *suffix == name)?;
    (count.is_empty() || number(count).is_some()).then_some((*weight, count))
}

/// The first number counts as a whole; a later one with a leading zero is a fraction and compares as text.
fn numbers(a: &[&str], b: &[&str]) -> Ordering {
    for (index, (left, right)) in a.iter().zip(b).enumerate() {
        let fraction = index > 0 && (left.starts_with('0') || right.starts_with('0'));
        let order = if fraction { left.cmp(right) } else { super::numbers(left, right) };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn suffixes(a: &[(i8, &str)], b: &[(i8, &str)]) -> Ordering {
    for index in 0..a.len().max(b.len()) {
        let (left, right) = (a.get(index), b.get(index));
        let weight = |suffix: Option<&(i8, &str)>| suffix.map_or(0, |(weight, _)| *weight);
        let count =
            |suffix: Option<&(i8, &str)>| suffix.map_or(String::new(), |(_, count)| (*count).to_owned());
        let order =
            weight(left).cmp(&weight(right)).then_with(|| super::numbers(&count(left), &count(right)));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn revision(a: Option<&str>, b: Option<&str>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => super::numbers(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}
