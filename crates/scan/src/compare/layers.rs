//! Two layers, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use super::{Changed, Difference, Named, Order, Relation, Value};
use crate::layer::{Listed, Listing};

/// An entry: its path, and how many of that path came before it.
type Key<'a> = (&'a str, usize);

/// How two layers relate whose blobs differ.
pub fn layers(a: &Listing, b: &Listing) -> Relation {
    if a.diff_id == b.diff_id {
        return Relation::CompressedOtherwise;
    }
    let (first, second) = (keyed(&a.entries), keyed(&b.entries));
    let other: BTreeMap<Key<'_>, &Listed> = second.iter().copied().collect();
    let one: BTreeMap<Key<'_>, &Listed> = first.iter().copied().collect();
    let mut difference = Difference {
        only_in_a: only(&one, &other),
        only_in_b: only(&other, &one),
        order: order(&first, &second, &one, &other),
        ..Difference::default()
    };
    for (key, mine) in &one {
        let Some(theirs) = other.get(key) else { continue };
        let values = differing(mine, theirs);
        if !values.is_empty() {
            difference.changed.push(Changed { path: key.0.to_owned(), values });
        }
    }
    difference.only_framing = difference.only_in_a.is_empty()
        && difference.only_in_b.is_empty()
        && difference.changed.is_empty()
        && difference.order.is_none();
    Relation::Different(Box::new(difference))
}

fn keyed(entries: &[Listed]) -> Vec<(Key<'_>, &Listed)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    entries
        .iter()
        .map(|entry| {
            let count = seen.entry(&entry.path).or_default();
            *count += 1;
            ((entry.path.as_str(), *count - 1), entry)
        })
        .collect()
}

fn only(mine: &BTreeMap<Key<'_>, &Listed>, theirs: &BTreeMap<Key<'_>, &Listed>) -> Named<String> {
    let mut found = Named::default();
    mine.keys().filter(|key| !theirs.contains_key(*key)).for_each(|key| found.push(key.0.to_owned()));
    found
}

/// Where the entries that both have stand in another order.
fn order(
    first: &[(Key<'_>, &Listed)],
    second: &[(Key<'_>, &Listed)],
    one: &BTreeMap<Key<'_>, &Listed>,
    other: &BTreeMap<Key<'_>, &Listed>,
) -> Option<Order> {
    let mine = first.iter().map(|(key, _)| key).filter(|key| other.contains_key(*key));
    let theirs = second.iter().map(|(key, _)| key).filter(|key| one.contains_key(*key));
    let (a, b) = mine.zip(theirs).find(|(a, b)| a != b)?;
    Some(Order { a: a.0.to_owned(), b: b.0.to_owned() })
}

fn differing(a: &Listed, b: &Listed) -> Vec<Value> {
    let names: BTreeSet<&String> = a.fields.keys().chain(b.fields.keys()).collect();
    let fields = names
        .into_iter()
        .map(|name| (name.as_str(), a.fields.get(name).cloned(), b.fields.get(name).cloned()));
    let digest = |one: &Listed| one.content.map(|digest| digest.to_string());
    let all = fields.chain([("content", digest(a), digest(b))]);
    let differing = all.filter(|(_, a, b)| a != b);
    differing.map(|(name, a, b)| Value { name: name.to_owned(), a, b }).collect()
}

#[cfg(test)]
mod tests {
    use lockgate_model::Digest;
    use proptest::prelude::*;

    use super::*;

    fn entry(path: &str, mtime: u64, content: &str) -> Listed {
        let fields = [("mtime".to_owned(), mtime.to_string()), ("kind".to_owned(), "file".to_owned())];
        Listed { path: path.to_owned(), fields: fields.into(), content: Some(Digest::of(content.as_bytes())) }
    }

    fn listing(entries: &[Listed]) -> Listing {
        let diff_id = Digest::of(format!("{entries:?}").as_bytes());
        Listing { diff_id, entries: entries.to_vec() }
    }

    fn different(a: &[Listed], b: &[Listed]) -> Difference {
        match layers(&listing(a), &listing(b)) {
            Relation::Different(difference) => *difference,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let same = [entry("a", 1, "x")];
        assert_eq!(layers(&listing(&same), &listing(&same)), Relation::CompressedOtherwise);
        let found = different(
            &[entry("a", 1, "x"), entry("b", 1, "x"), entry("c", 1, "x"), entry("a", 1, "x")],
            &[entry("d", 1, "x"), entry("b", 2, "y"), entry("a", 1, "x"), entry("c", 1, "x")],
        );
        assert_eq!(
            (found.only_in_a.named, found.only_in_b.named),
            (vec!["a".to_owned()], vec!["d".to_owned()])
        );
        let [changed] = found.changed.named.as_slice() else { panic!("{:?}", found.changed) };
        let names: Vec<_> = changed.values.iter().map(|value| value.name.as_str()).collect();
        assert_eq!((changed.path.as_str(), names), ("b", vec!["mtime", "content"]));
        assert_eq!(found.order, Some(Order { a: "a".to_owned(), b: "b".to_owned() }));
        assert!(!found.only_framing);
        let mut padded = listing(&same);
        padded.diff_id = Digest::of(b"padded");
        let Relation::Different(found) = layers(&listing(&same), &padded) else { panic!() };
        assert!(found.only_framing);
    }

    #[test]
    fn many_are_counted() {
        let many: Vec<_> = (0..250).map(|at| entry(&format!("f{at}"), 1, "x")).collect();
        let found = different(&many, &[]);
        assert_eq!((found.only_in_a.named.len(), found.only_in_a.more), (100, 150));
    }

    proptest! {
        #[test]
        fn the_other_way_round_is_the_mirror(a in prop::collection::vec(("[a-c]", 0_u64..3, "[xy]"), 0..6), b in prop::collection::vec(("[a-c]", 0_u64..3, "[xy]"), 0..6)) {
            let list = |all: &[(String, u64, String)]| -> Vec<Listed> {
                all.iter().map(|(path, mtime, content)| entry(path, *mtime, content)).collect()
            };
            let (a, b) = (list(&a), list(&b));
            if a != b {
                let (there, back) = (different(&a, &b), different(&b, &a));
                prop_assert_eq!(there.only_in_a, back.only_in_b);
                prop_assert_eq!(there.changed.count(), back.changed.count());
                prop_assert_eq!(there.order.is_some(), back.order.is_some());
                prop_assert!(!there.only_framing);
            }
        }
    }
}
