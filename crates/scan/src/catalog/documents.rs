//! Documents that lock files are written in: JSON, TOML and YAML, as one kind of value.

use std::cell::Cell;
use std::fmt;

use saphyr_parser::{Event, Parser};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::limits;

/// Deepest nesting of a YAML document.
const DEPTH: usize = 64;

/// Reads JSON; a byte order mark is passed over.
pub(super) fn json(bytes: &[u8]) -> Result<Value, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Weighed(&Room::new()).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| format!("it is not JSON that is read: {error}"))
}

/// Memory that the tree of a document may still take, in bytes: a small document can be a large tree.
struct Room(Cell<u64>);

impl Room {
    /// An object with its first member; each other member; a list with its first elements; and a value, without its text.
    const OBJECT: u64 = 640;
    const MEMBER: u64 = 96;
    const LIST: u64 = 144;
    const VALUE: u64 = 64;

    fn new() -> Self {
        Self(Cell::new(limits::TREE_BYTES))
    }

    fn take(&self, bytes: u64) -> Result<(), String> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.ok_or_else(|| format!("as a tree it takes more than {} bytes", limits::TREE_BYTES))?);
        Ok(())
    }
}

/// A value whose tree has room.
#[derive(Clone, Copy)]
struct Weighed<'a>(&'a Room);

impl Weighed<'_> {
    fn of<E: serde::de::Error>(self, value: Value, bytes: usize) -> Result<Value, E> {
        self.0.take(Room::VALUE + bytes as u64).map_err(E::custom).map(|()| value)
    }
}

impl<'de> DeserializeSeed<'de> for Weighed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weighed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.of(Value::Null, 0)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.of(value.into(), 0)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.of(value.into(), 0)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.of(value.into(), 0)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.of(value.into(), 0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.of(text.into(), text.len())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        let length = text.len();
        self.of(text.into(), length)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        self.0.take(Room::LIST).map_err(A::Error::custom)?;
        let mut list = Vec::new();
        while let Some(value) = elements.next_element_seed(self)? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        self.0.take(Room::OBJECT).map_err(A::Error::custom)?;
        while let Some(key) = members.next_key::<String>()? {
            self.0.take(Room::MEMBER + key.len() as u64).map_err(A::Error::custom)?;
            map.insert(key, members.next_value_seed(self)?);
        }
        Ok(map.into())
    }
}

/// Reads JSON with comments and with commas after the last member, as editors' settings and Bun have it.
pub(super) fn json_with_comments(bytes: &[u8]) -> Result<Value, String> {
    let mut plain = bytes.to_vec();
    let (mut at, mut comma) = (0, None);
    let blank = |plain: &mut Vec<u8>, from: usize, to: usize| {
        plain.get_mut(from..to).unwrap_or_default().fill(b' ');
    };
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = match byte {
            b'"' => at + text_length(rest),
            b'/' if rest.starts_with(b"//") => at + memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => {
                at + memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2)
            }
            _ => at + 1,
        };
        match byte {
            b'/' if end > at + 1 => blank(&mut plain, at, end),
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    blank(&mut plain, comma, comma + 1);
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at = end;
    }
    json(&plain)
}

/// How long the text is that begins here with its quote.
fn text_length(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let end = bytes.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(bytes.len(), |end| end + 2)
}

/// Reads the members called `keys` of a JSON object, the last of each name. The others are passed over whatever they
/// hold: what a program loads although a strict reader stumbles over it must not hide.
pub(super) fn some_members(bytes: &[u8], keys: &[&str]) -> Result<Value, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let map = Wanted(keys, Room::new()).deserialize(&mut reader).and_then(|map| reader.end().map(|()| map));
    map.map(Value::Object).map_err(|error| format!("it is not a JSON object: {error}"))
}

/// The members to read.
struct Wanted<'a>(&'a [&'a str], Room);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if self.0.contains(&key.as_str()) {
                map.insert(key, members.next_value_seed(Weighed(&self.1))?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(map)
    }
}

/// Reads TOML. Its reader holds more than the tree, so the tree is bounded before: each value and table has one of these marks
/// before it.
pub(super) fn toml(text: &str) -> Result<Value, String> {
    let marks = text.bytes().filter(|byte| matches!(byte, b'=' | b',' | b'.' | b'[' | b'{')).count();
    if marks > limits::TOML_MARKS {
        return Err(format!("it is TOML of more than {} values", limits::TOML_MARKS));
    }
    toml::from_str(text).map_err(|error| format!("it is not TOML: {}", error.message()))
}

/// Reads the first document of a YAML file; scalars stay text. Aliases are refused: no lock file has them, and they
/// can make a small file endless.
pub(super) fn yaml(text: &str) -> Result<Value, String> {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let room = Room::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| format!("it is not YAML: {error}"))?;
        if open.len() > DEPTH {
            return Err(format!("its YAML is nested more than {DEPTH} deep"));
        }
        room.take(match &event {
            Event::MappingStart(..) => Room::OBJECT,
            Event::SequenceStart(..) => Room::LIST,
            Event::Scalar(text, ..) => Room::MEMBER + text.len() as u64,
            _ => 0,
        })?;
        let done = match event {
            Event::Alias(_) => return Err("its YAML has aliases, which are not read".to_owned()),
            Event::MappingStart(..) => {
                open.push((Value::Object(Map::new()), None));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push((Value::Array(Vec::new()), None));
                continue;
            }
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::MappingEnd | Event::SequenceEnd => open.pop().map(|(value, _)| value).unwrap_or_default(),
            Event::DocumentEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(done),
            Some((Value::Array(list), _)) => list.push(done),
            Some((Value::Object(map), key)) => match (key.take(), done) {
                (Some(key), value) => drop(map.insert(key, value)),
                (None, Value::String(text)) => *key = Some(text),
                (None, other) => *key = Some(other.to_string()),
            },
            Some(_) => {}
        }
    }
    Ok(Value::Null)
}

/// The text under `key`, trimmed; empty where there is none.
pub(crate) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default().trim()
}

/// The list under `key`; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The members of the object under `key`; none where there is none.
pub(crate) fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_past_what_a_strict_reader_refuses() {
        let odd = br#"{"name":"a","x":1e999,"y":"\ud800","name":"b","z":[{}]}"#;
        assert!(json(odd).is_err());
        assert_eq!(some_members(odd, &["name"]).unwrap(), serde_json::json!({"name": "b"}));
        for bad in [&b"[\"name\"]"[..], b"{\"name\":\"a\"", b"{} {}", b"", b"{\"name\":\"\\ud800\"}"] {
            assert!(some_members(bad, &["name"]).is_err());
        }
    }

    #[test]
    fn json_may_have_comments_and_commas_at_the_end() {
        let text = br#"{ // one
            "a": ["x//,}", 1, /* , ] */ ], "b\\\"": {"c": 2,},
        }"#;
        let value = json_with_comments(text).unwrap();
        assert_eq!(value, serde_json::json!({"a": ["x//,}", 1], "b\\\"": {"c": 2}}));
        for bad in [&b"{,}{"[..], b"[1,,]", b"{\"a\": 1 /* ", b"\"", b"//", b"/"] {
            assert!(json_with_comments(bad).is_err());
        }
    }

    #[test]
    fn yaml_is_read_as_text_without_aliases() {
        let value = yaml("a:\n  - b: 1.10\n    c: 'x'\n  - d\nlist: []\n").unwrap();
        assert_eq!(value, serde_json::json!({"a": [{"b": "1.10", "c": "x"}, "d"], "list": []}));
        assert!(yaml("a: &x [1]\nb: *x\n").unwrap_err().contains("aliases"));
        assert!(yaml(&"[".repeat(1000)).is_err());
        assert_eq!(yaml("").unwrap(), Value::Null);
    }
}
