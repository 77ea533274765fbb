//! Two JSON documents, value by value.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Named, Value};
use crate::limits;

/// Longest value that is shown, in characters.
const SHOWN: usize = 200;

/// What differs between two documents; places in `but` (RFC 6901) are passed over.
pub fn values(a: &Json, b: &Json, but: &[&str]) -> Named<Value> {
    let mut found = Named::default();
    compare(String::new(), Some(a), Some(b), but, 0, &mut found);
    found
}

fn compare(
    place: String,
    a: Option<&Json>,
    b: Option<&Json>,
    but: &[&str],
    depth: usize,
    found: &mut Named<Value>,
) {
    if a == b || but.contains(&place.as_str()) {
        return;
    }
    match (a, b) {
        (Some(Json::Object(one)), Some(Json::Object(other))) if depth < limits::CONFIG_DEPTH => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let below = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                compare(below, one.get(key), other.get(key), but, depth + 1, found);
            }
        }
        (Some(Json::Array(one)), Some(Json::Array(other))) if depth < limits::CONFIG_DEPTH => {
            for at in 0..one.len().max(other.len()) {
                compare(format!("{place}/{at}"), one.get(at), other.get(at), but, depth + 1, found);
            }
        }
        _ => found.push(Value { name: place, a: a.map(shown), b: b.map(shown) }),
    }
}

fn shown(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_have_their_place() {
        let a = json!({"created": "2026", "config": {"Env": ["A=1", "B=2"], "x/y": 1}, "rootfs": [1]});
        let b = json!({"created": "2027", "config": {"Env": ["A=1"], "x/y": {"deep": 1}}, "rootfs": [2]});
        let found = values(&a, &b, &["/rootfs"]);
        let told: Vec<_> = found
            .named
            .iter()
            .map(|one| (one.name.as_str(), one.a.as_deref().unwrap_or("-"), one.b.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(
            told,
            [
                ("/config/Env/1", "B=2", "-"),
                ("/config/x~1y", "1", "{\"deep\":1}"),
                ("/created", "2026", "2027")
            ]
        );
    }

    #[test]
    fn many_are_counted_and_long_ones_cut() {
        let list = |first: usize| Json::from((0..300).map(|at| at + first).collect::<Vec<_>>());
        let found = values(&list(0), &list(1), &[]);
        assert_eq!((found.named.len(), found.count()), (limits::DIFFERENCES_NAMED, 300));
        let found = values(&json!("\u{e4}".repeat(500)), &json!(1), &[]);
        assert_eq!(found.named[0].a.as_ref().unwrap().chars().count(), SHOWN + 3);
        let deep = |end: i32| (0..100).fold(json!(end), |inner, _| json!([inner]));
        assert_eq!(values(&deep(1), &deep(2), &[]).count(), 1);
    }

    proptest! {
        #[test]
        fn equal_documents_alone_have_no_difference(a in "[a-c]{0,3}", b in "[a-c]{0,3}") {
            let document = |text: &str| json!({"k": text.chars().map(|one| one.to_string()).collect::<Vec<_>>()});
            prop_assert_eq!(values(&document(&a), &document(&b), &[]).is_empty(), a == b);
        }
    }
}
