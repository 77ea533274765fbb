//! Paths inside an image: relative to its root, without `.` and `..`, separated by `/`.

use std::fmt::Write;

use crate::limits;

/// A name as text, two names never as the same: a byte that is no UTF-8 becomes U+FFFD and two hexadecimal digits, and
/// so does each byte of a U+FFFD that was there. Otherwise one odd name could stand in for another and hide it.
pub(crate) fn text(raw: &[u8]) -> String {
    const ODD: char = char::REPLACEMENT_CHARACTER;
    let mut text = String::with_capacity(raw.len());
    let odd = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a string does not fail.
            let _written = write!(text, "{ODD}{byte:02x}");
        }
    };
    for chunk in raw.utf8_chunks() {
        for (at, part) in chunk.valid().split(ODD).enumerate() {
            if at > 0 {
                odd(&mut text, ODD.encode_utf8(&mut [0; 4]).as_bytes());
            }
            text.push_str(part);
        }
        odd(&mut text, chunk.invalid());
    }
    text
}

/// The path of a tar entry in its one spelling, or why it is refused. The root itself is the empty path.
pub(crate) fn normal(raw: &[u8]) -> Result<String, String> {
    if raw.len() > limits::PATH_BYTES {
        return Err(format!("its path is longer than {} bytes", limits::PATH_BYTES));
    }
    let text = text(raw);
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("its path leaves the root with `..`".to_owned()),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The folder and the name of a path.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spells_paths_in_one_way() {
        assert_eq!(normal(b"./usr//lib/./x").unwrap(), "usr/lib/x");
        assert_eq!(normal(b"/abs").unwrap(), "abs");
        assert!(normal(b"usr/../../etc/passwd").is_err());
    }

    #[test]
    fn odd_names_stay_apart() {
        assert_eq!(text(b"caf\xe9"), "caf\u{fffd}e9");
        assert_eq!(text("caf\u{fffd}e9".as_bytes()), "caf\u{fffd}ef\u{fffd}bf\u{fffd}bde9");
        assert_eq!(text("caf\u{e9}".as_bytes()), "caf\u{e9}");
    }

    proptest! {
        #[test]
        fn two_names_are_two_texts(a in prop::collection::vec(prop::sample::select(&b"\xef\xbf\xbdef9\xe9a"[..]), 0..9), b in prop::collection::vec(prop::sample::select(&b"\xef\xbf\xbdef9\xe9a"[..]), 0..9)) {
            prop_assert_eq!(a == b, text(&a) == text(&b));
        }

        #[test]
        fn nothing_leaves_the_root(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(path) = normal(&raw) {
                prop_assert!(path.split('/').all(|part| part != ".." && part != "."));
            }
        }
    }
}
