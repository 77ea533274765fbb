//! Maven versions (Apache Maven, "Version Order Specification", and `ComparableVersion` of 3.8).

use std::cmp::Ordering;

/// Longest version: each dash, and each change between letters and digits, nests.
const LENGTH: usize = 256;

/// A piece of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Number(String),
    Word(String),
    List(Vec<Item>),
}

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    for version in [a, b] {
        if version.is_empty() || version.len() > LENGTH {
            return Err(version);
        }
    }
    Ok(lists(&parse(a), &parse(b)))
}

/// Known qualifiers in their order; the release itself stands between `snapshot` and `sp`.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

fn qualifier(word: &str, before_digit: bool) -> String {
    let word = word.to_lowercase();
    let long = match word.as_str() {
        "a" if before_digit => "alpha",
        "b" if before_digit => "beta",
        "m" if before_digit => "milestone",
        "ga" | "final" | "release" => "",
        "cr" => "rc",
        other => other,
    };
    long.to_owned()
}

/// Known qualifiers by their place, others after them by the alphabet.
fn rank(word: &str) -> (usize, &str) {
    match QUALIFIERS.iter().position(|known| *known == word) {
        Some(place) => (place, ""),
        None => (QUALIFIERS.len(), word),
    }
}

fn number(digits: &str) -> Item {
    let digits = digits.trim_start_matches('0');
    Item::Number(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() })
}

/// The lists that are being built, the innermost last.
struct Open(Vec<Vec<Item>>);

impl Open {
    fn add(&mut self, item: Item) {
        if let Some(list) = self.0.last_mut() {
            list.push(item);
        }
    }

    fn nest(&mut self) {
        self.0.push(Vec::new());
    }

    /// `1.0.0.X` is read as `1.0.0-X`.
    fn nest_word(&mut self) {
        if self.0.last().is_some_and(|list| !list.is_empty()) {
            self.nest();
        }
    }

    fn whole(mut self) -> Vec<Item> {
        while let Some(mut list) = self.0.pop() {
            normalise(&mut list);
            match self.0.last_mut() {
                Some(outer) => outer.push(Item::List(list)),
                None => return list,
            }
        }
        Vec::new()
    }
}

fn parse(version: &str) -> Vec<Item> {
    let text = version.to_lowercase();
    let mut open = Open(vec![Vec::new()]);
    let (mut start, mut in_digits) = (0, false);
    for (at, character) in text.char_indices() {
        let piece = text.get(start..at).unwrap_or_default();
        match character {
            '.' | '-' => {
                open.add(if piece.is_empty() { number("0") } else { item(in_digits, piece) });
                start = at + 1;
                if character == '-' {
                    open.nest();
                }
            }
            // A new list begins wherever letters and digits meet.
            digit if digit.is_ascii_digit() => {
                if !in_digits && !piece.is_empty() {
                    open.nest_word();
                    open.add(Item::Word(qualifier(piece, true)));
                    start = at;
                    open.nest();
                }
                in_digits = true;
            }
            _ => {
                if in_digits && !piece.is_empty() {
                    open.add(number(piece));
                    start = at;
                    open.nest();
                }
                in_digits = false;
            }
        }
    }
    let rest = text.get(start..).unwrap_or_default();
    if !rest.is_empty() {
        if !in_digits {
            open.nest_word();
        }
        open.add(item(in_digits, rest));
    }
    open.whole()
}

fn item(digits: bool, text: &str) -> Item {
    if digits { number(text) } else { Item::Word(qualifier(text, false)) }
}

fn is_null(item: &Item) -> bool {
    match item {
        Item::Number(number) => number == "0",
        Item::Word(word) => word.is_empty(),
        Item::List(list) => list.is_empty(),
    }
}

/// Drops what says nothing at the end, and before lists at the end.
fn normalise(list: &mut Vec<Item>) {
    for at in (0..list.len()).rev() {
        match list.get(at) {
            Some(item) if is_null(item) => drop(list.remove(at)),
            Some(Item::List(_)) => {}
            _ => break,
        }
    }
}

fn lists(a: &[Item], b: &[Item]) -> Ordering {
    for at in 0..a.len().max(b.len()) {
        let order = match (a.get(at), b.get(at)) {
            (Some(left), Some(right)) => items(left, right),
            (Some(left), None) => against_nothing(left),
            (None, Some(right)) => against_nothing(right).reverse(),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn against_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(number) if number == "0" => Ordering::Equal,
        Item::Number(_) => Ordering::Greater,
        Item::Word(word) => rank(word).cmp(&rank("")),
        Item::List(list) => {
            list.iter().map(against_nothing).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }
    }
}

fn items(a: &Item, b: &Item) -> Ordering {
    use Item::{List, Number, Word};
    match (a, b) {
        (Number(left), Number(right)) => super::numbers(left, right),
        (Word(left), Word(right)) => rank(left).cmp(&rank(right)),
        (List(left), List(right)) => lists(left, right),
        // 1.qualifier < 1-1 < 1.1
        (Number(_), Word(_) | List(_)) | (List(_), Word(_)) => Ordering::Greater,
        (Word(_) | List(_), Number(_)) | (Word(_), List(_)) => Ordering::Less,
    }
}
