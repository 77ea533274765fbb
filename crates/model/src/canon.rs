//! The one canonical encoder: JSON Canonicalization Scheme, RFC 8785.
//!
//! What Lockgate hashes, signs or compares goes through here. Floating-point numbers are kept out of the
//! types that are encoded, so that no reader has to agree with us about their spelling.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::Digest;
use crate::json;

/// Why a value has no canonical bytes, or bytes are not canonical.
#[derive(Debug, thiserror::Error)]
pub enum CanonError {
    /// The value cannot be written as JSON (a map whose keys are no strings).
    #[error("the value cannot be written as canonical JSON")]
    Encode(#[source] serde_json::Error),
    /// The bytes are no JSON of the expected shape.
    #[error(transparent)]
    Json(#[from] json::JsonError),
    /// The bytes are JSON, but not the canonical spelling of it.
    #[error("the bytes are not canonical (RFC 8785): they were changed or written by another program")]
    NotCanonical,
}

/// The canonical bytes of `value`.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonError> {
    serde_json_canonicalizer::to_vec(value).map_err(CanonError::Encode)
}

/// The canonical bytes of `value` and their digest.
pub fn encode<T: Serialize>(value: &T) -> Result<(Vec<u8>, Digest), CanonError> {
    let bytes = to_bytes(value)?;
    let digest = Digest::of(&bytes);
    Ok((bytes, digest))
}

/// Reads `bytes`, refusing duplicate keys and any spelling but the canonical one.
pub fn from_bytes<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonError> {
    let value: T = json::from_slice(bytes, bytes.len())?;
    if to_bytes(&value)? != bytes {
        return Err(CanonError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn sorts_keys_by_utf16_and_escapes_as_rfc_8785_says() {
        // RFC 8785, section 3.2.3: the sorting example.
        let value =
            json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let bytes = String::from_utf8(to_bytes(&value).unwrap()).unwrap();
        assert_eq!(
            bytes,
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
    }

    #[test]
    fn refuses_other_spellings() {
        for bad in
            [r#"{"b":1,"a":2}"#, r#"{"a": 1}"#, r#"{"a":1}  "#, r#"{"a":1,"a":1}"#, r#"{"a":"\u0041"}"#]
        {
            assert!(from_bytes::<Value>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1i64 << 53)..(1i64 << 53)).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_bytes_read_back_as_the_same_value(value in any_json()) {
            let bytes = to_bytes(&value).unwrap();
            prop_assert_eq!(from_bytes::<Value>(&bytes).unwrap(), value);
        }
    }
}
