//! Debian versions (deb-version(7)).

use std::cmp::Ordering;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (parse(a)?, parse(b)?);
    Ok(left.0.cmp(&right.0).then_with(|| part(left.1, right.1)).then_with(|| part(left.2, right.2)))
}

/// Epoch, upstream version, revision.
fn parse(version: &str) -> Result<(u64, &str, &str), &str> {
    let trimmed = version.trim();
    let (epoch, rest) = match trimmed.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().map_err(|_| version)?, rest),
        None => (0, trimmed),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '~' | ':' | '_');
    if upstream.is_empty() || !rest.chars().all(allowed) {
        return Err(version);
    }
    Ok((epoch, upstream, revision))
}

/// Compares by turns the parts without and with digits.
fn part<'a>(mut a: &'a str, mut b: &'a str) -> Ordering {
    loop {
        let (words, numbers) = (take(&mut a, &mut b, false), take(&mut a, &mut b, true));
        let order = letters(words.0, words.1).then_with(|| super::numbers(numbers.0, numbers.1));
        if order != Ordering::Equal || (a.is_empty() && b.is_empty()) {
            return order;
        }
    }
}

/// Cuts the longest beginning that has only digits, or none, off both.
fn take<'a>(a: &mut &'a str, b: &mut &'a str, digits: bool) -> (&'a str, &'a str) {
    let cut = |text: &mut &'a str| {
        let at = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
        let (head, tail) = text.split_at(at);
        *text = tail;
        head
    };
    (cut(a), cut(b))
}

/// `~` sorts before the end, letters before everything else.
fn letters(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + 256,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (left, right) = (a.next(), b.next());
        let order = weight(left).cmp(&weight(right));
        if order != Ordering::Equal || left.is_none() {
            return order;
        }
    }
}
