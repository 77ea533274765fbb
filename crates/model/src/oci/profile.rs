//! The profile of `docs/reading.md`: one reading of a document, or none.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{Object, Shape};
use crate::digest::Digest;

/// Most fields that are told as not known.
const TOLD: usize = 16;
/// Longest key that is quoted, in characters.
const QUOTED: usize = 60;

/// Holds `value` against the fields of `object`: every key is a field or like none, every field has its type. A `null`
/// field is taken out, since to every client it is one that is not there. The places of fields that no client knows are
/// given back, sorted.
///
/// Errors: where the document could be read in two ways, for people.
pub(super) fn check(value: &mut Value, object: &'static Object) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    texts(value)?;
    Reader { unknown: &mut unknown }.object(value, object, "")?;
    unknown.sort();
    unknown.truncate(TOLD);
    Ok(unknown)
}

/// A key as readers compare it that do not compare exactly: without case (Unicode, so that U+017F is `s` and U+212A is
/// `k`, as in Go), and without `-` and `_` (as in Go's second version of JSON).
pub(super) fn folded(key: &str) -> String {
    let letters = key.chars().filter(|letter| !matches!(letter, '-' | '_'));
    letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn quoted(key: &str) -> String {
    key.escape_debug().take(QUOTED).collect()
}

/// Some readers end a text at U+0000.
fn texts(value: &Value) -> Result<(), String> {
    let whole = |text: &str| {
        if text.contains('\0') {
            Err(format!("`{}` has the character U+0000, at which some readers stop", quoted(text)))
        } else {
            Ok(())
        }
    };
    match value {
        Value::String(text) => whole(text),
        Value::Array(items) => items.iter().try_for_each(texts),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            whole(key)?;
            texts(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

struct Reader<'a> {
    unknown: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn object(&mut self, value: &mut Value, object: &'static Object, at: &str) -> Result<(), String> {
        let place = if at.is_empty() { object.what } else { at };
        let map = value.as_object_mut().ok_or_else(|| format!("{place} is not an object"))?;
        let unknown = keys(map, object, place)?;
        self.unknown.extend(unknown.iter().map(|key| join(at, key)));
        for field in object.fields {
            if map.get(field.name).is_some_and(Value::is_null) && !field.needed {
                map.remove(field.name);
            }
            match map.get_mut(field.name) {
                Some(value) => self.field(value, field.shape, &join(at, field.name))?,
                None if field.needed => return Err(format!("{place} has no `{}`", field.name)),
                None => {}
            }
        }
        data(map, at)
    }

    fn field(&mut self, value: &mut Value, shape: Shape, at: &str) -> Result<(), String> {
        let right = match (shape, &*value) {
            (Shape::Object(object), _) => return self.object(value, object, at),
            (Shape::List(object), Value::Array(_)) => {
                let items = value.as_array_mut().into_iter().flatten().enumerate();
                for (index, item) in items {
                    self.object(item, object, &format!("{at}[{index}]"))?;
                }
                true
            }
            (Shape::Text | Shape::Data, Value::String(_))
            | (Shape::Flag, Value::Bool(_))
            | (Shape::Any, _) => true,
            (Shape::Texts, Value::Array(items)) => items.iter().all(Value::is_string),
            (Shape::TextMap, Value::Object(map)) => map.values().all(Value::is_string),
            (Shape::Names, Value::Object(map)) => map.values().all(|one| one.is_object() || one.is_null()),
            (Shape::Integer, Value::Number(number)) => {
                number.is_i64() && !number.to_string().starts_with("-0")
            }
            (Shape::Bytes, Value::Number(number)) => number.as_i64().is_some_and(|bytes| bytes >= 0),
            _ => false,
        };
        if right { Ok(()) } else { Err(format!("`{at}` is not {}", wanted(shape))) }
    }
}

fn join(at: &str, key: &str) -> String {
    let key = quoted(key);
    if at.is_empty() { key } else { format!("{at}.{key}") }
}

fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Data => "a text",
        Shape::Texts => "a list of texts",
        Shape::Integer => "an integer of 64 bits, written as digits",
        Shape::Bytes => "a number of bytes, written as digits",
        Shape::Flag => "`true` or `false`",
        Shape::TextMap => "an object whose values are texts",
        Shape::Names => "an object whose keys are the names",
        Shape::Any => "anything",
        Shape::Object(_) => "an object",
        Shape::List(_) => "a list of objects",
    }
}

/// The keys that are no field; an error where a key is like a field, like another key, or another document's.
fn keys<'a>(
    map: &'a Map<String, Value>,
    object: &'static Object,
    place: &str,
) -> Result<Vec<&'a str>, String> {
    let known: BTreeMap<String, &str> =
        object.fields.iter().map(|field| (folded(field.name), field.name)).collect();
    let foreign: BTreeMap<String, &str> = object.foreign.iter().map(|name| (folded(name), *name)).collect();
    let mut others: BTreeMap<String, &str> = BTreeMap::new();
    for key in map.keys() {
        let like = folded(key);
        if let Some(name) = known.get(&like) {
            if key != name {
                let key = quoted(key);
                return Err(format!(
                    "{place} has the key `{key}`, which some readers take for `{name}`: write `{name}`, once"
                ));
            }
        } else if let Some(name) = foreign.get(&like) {
            let what = object.what;
            return Err(format!(
                "{place} has `{name}`: some readers would take it for another kind than {what}"
            ));
        } else if let Some(other) = others.insert(like, key) {
            let (key, other) = (quoted(key), quoted(other));
            return Err(format!(
                "{place} has the keys `{other}` and `{key}`, which some readers take for one"
            ));
        }
    }
    Ok(others.into_values().collect())
}

/// Embedded content of a descriptor must be what it names: a client may read it instead of fetching.
fn data(map: &Map<String, Value>, at: &str) -> Result<(), String> {
    let Some(Value::String(data)) = map.get("data").filter(|_| map.contains_key("digest")) else {
        return Ok(());
    };
    let bytes = data_encoding::BASE64.decode(data.as_bytes()).ok();
    let named = |bytes: &Vec<u8>| {
        let digest = map.get("digest").and_then(Value::as_str);
        let size = map.get("size").and_then(Value::as_u64);
        digest == Some(&Digest::of(bytes).to_string()) && size == Some(bytes.len() as u64)
    };
    if bytes.as_ref().is_some_and(named) {
        Ok(())
    } else {
        Err(format!("`{at}.data` is not base64 of the bytes that its digest and size name"))
    }
}
