//! Strict reading of foreign JSON: a cap on size, a cap on depth, no duplicate keys.
//!
//! Two readers that disagree about `{"a":1,"a":2}` are how a signed document comes to mean two things, so
//! such a document is refused before anything is read from it.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why foreign JSON was refused.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// More bytes than the reader allows.
    #[error("{actual} bytes of JSON where at most {limit} are allowed")]
    TooLarge {
        /// Bytes given.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not JSON, nested deeper than 127 levels, a key twice, or another shape than expected. The text
    /// names line and column.
    #[error("{0}")]
    Malformed(String),
}

/// Reads `bytes` as `T`, refusing more than `limit` bytes, duplicate keys at any depth, and trailing bytes.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, JsonError> {
    T::deserialize(value(bytes, limit)?).map_err(|error| JsonError::Malformed(error.to_string()))
}

/// Reads `bytes` as any JSON value, with the same refusals as [`from_slice`].
pub fn value(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { actual: bytes.len(), limit });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let malformed = |error: serde_json::Error| JsonError::Malformed(error.to_string());
    let value = Strict.deserialize(&mut reader).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok(value)
}

/// Builds a [`Value`] and refuses a key that was seen before in the same object.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` appears twice in one object")));
            }
            let value = entries.next_value_seed(Strict)?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_duplicates_depth_size_and_trailing_bytes() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for bad in [r#"{"a":1,"a":2}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#, "{} {}", "", "{", deep.as_str()] {
            assert!(value(bad.as_bytes(), 10_000).is_err(), "{bad}");
        }
        assert!(matches!(value(b"[1,2]", 4), Err(JsonError::TooLarge { actual: 5, limit: 4 })));
    }

    #[test]
    fn names_the_key_and_the_place() {
        let error = value(b"{\"a\":1,\n\"a\":2}", 100).unwrap_err().to_string();
        assert!(error.contains("`a`") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn agrees_with_serde_json_on_the_rest() {
        let text = r#"{"n":null,"t":true,"i":-3,"u":18446744073709551615,"f":1.5,"s":"x\n","l":[1,{}]}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value(text.as_bytes(), 1000).unwrap(), expected);
    }
}
