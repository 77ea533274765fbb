//! Documents that are spoilt at some places.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of this")]

use proptest::prelude::*;
use serde_json::{Value, json};

/// A place, counted in reading order, and what is put there.
pub type Change = (prop::sample::Index, Value);

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[null], {"": ""}, "x", 1e300])),
        Just(json!("2026-99-99T00:00:00Z")),
        Just(json!("pkg:apk/%/@?=&#")),
        Just(json!("sha256:zz")),
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|truth| json!(truth)),
        "\\PC{0,20}".prop_map(|text| json!(text)),
    ]
}

/// One to four changes.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<prop::sample::Index>(), leaf()), 1..5)
}

/// Makes the changes.
pub fn apply(document: &mut Value, changes: &[Change]) {
    for (place, value) in changes {
        let mut left = place.index(places(document));
        put(document, &mut left, value);
    }
}

fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(places).sum::<usize>(),
        Value::Object(map) => map.values().map(places).sum(),
        _ => 0,
    }
}

fn put(value: &mut Value, left: &mut usize, new: &Value) -> bool {
    if *left == 0 {
        *value = new.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|one| put(one, left, new)),
        Value::Object(map) => map.values_mut().any(|one| put(one, left, new)),
        _ => false,
    }
}
