//! Variants of honest documents: each field of another shape, misspelt, in another case, gone.

use serde_json::{Map, Value, json};

/// The path of each value in a document, in reading order.
fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, one)| paths(one, &format!("{at}/{place}"), all));
        }
        Value::Object(map) => map.iter().for_each(|(name, one)| {
            paths(one, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
        }),
        _ => {}
    }
}

/// Every document that differs from `value` in one place: another shape there, and for fields another spelling.
pub(crate) fn variants(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    paths(value, "", &mut all);
    let mut made = Vec::new();
    for path in all.iter().filter(|path| !path.is_empty()) {
        let now = value.pointer(path).unwrap();
        let shapes = [
            json!(null),
            json!([]),
            json!({}),
            json!(""),
            json!("x"),
            json!(7),
            json!(true),
            json!([now]),
            json!({"0": now}),
            json!(now.to_string()),
        ];
        for (at, shape) in shapes.into_iter().enumerate() {
            let mut changed = value.clone();
            *changed.pointer_mut(path).unwrap() = shape;
            made.push((format!("{path} shape {at}"), changed));
        }
        let (parent, name) = path.rsplit_once('/').unwrap();
        if !value.pointer(parent).unwrap().is_object() {
            continue;
        }
        let name = name.replace("~1", "/").replace("~0", "~");
        for (at, spelling) in spellings(&name).into_iter().enumerate() {
            let mut changed = value.clone();
            let map: &mut Map<String, Value> = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            let field = map.remove(&name).unwrap();
            map.insert(spelling, field);
            made.push((format!("{path} spelling {at}"), changed));
        }
        let mut without = value.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&name);
        made.push((format!("{path} gone"), without));
    }
    made
}

fn spellings(name: &str) -> Vec<String> {
    let first = name.chars().next().unwrap().len_utf8();
    let mut title = name.to_owned();
    title.replace_range(..first, &name[..first].to_uppercase());
    let all = [
        name.to_uppercase(),
        title,
        format!("{name}s"),
        name[..name.len() - 1].to_owned(),
        name.replace('_', "-"),
        name.replace('s', "\u{17f}"),
        format!(" {name}"),
        format!("{}{}", &name[1..], &name[..1]),
    ];
    all.into_iter().filter(|one| one != name && !one.is_empty()).collect()
}
