//! The bytes that TUF signs: OLPC's canonical JSON (specification, section 4.2). It differs from RFC 8785, which Lockgate's
//! own records use: control characters stand in strings as they are, and keys are sorted by code point.

use serde_json::Value;

/// The canonical bytes of `value`; nothing for fractions, which have none.
pub(super) fn bytes(value: &Value) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Some(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(true) => out.extend(b"true"),
        Value::Bool(false) => out.extend(b"false"),
        Value::Number(number) if number.is_u64() || number.is_i64() => {
            out.extend(number.to_string().as_bytes());
        }
        Value::Number(_) => return None,
        Value::String(text) => string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            // UTF-8 sorts as code points do.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            for (place, (key, item)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                string(key, out);
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Some(())
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sorts_keys_and_escapes_two_characters_only() {
        let value = json!({"b": [1, -2, true, null], "a\"\\": "line\nnext\t\u{7f}\u{e9}", "\u{1f600}": {}, "\u{fb33}": []});
        let expected = "{\"a\\\"\\\\\":\"line\nnext\t\u{7f}\u{e9}\",\"b\":[1,-2,true,null],\"\u{fb33}\":[],\"\u{1f600}\":{}}";
        assert_eq!(String::from_utf8(bytes(&value).unwrap()).unwrap(), expected);
    }

    #[test]
    fn fractions_have_no_canonical_bytes() {
        for value in [json!(1.5), json!([1e40]), json!({"a": {"b": 0.1}})] {
            assert_eq!(bytes(&value), None, "{value}");
        }
    }
}
