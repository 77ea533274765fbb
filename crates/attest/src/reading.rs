//! How the forms in which signatures come are read. What is refused that others accept is taken in by a later reading, and
//! what should have been refused is by it too: recorded Cases stay with the one that they were judged by.

use data_encoding::BASE64;

/// A reading profile. Whoever judges picks it by the Edition of the Case; everybody else takes [`Reading::NEWEST`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// What Editions 2026-1 and 2026-2 were judged by.
    First,
    /// Since Edition 2026-3: line ends in the base64 of annotations, timestamps in BER, keys on P-521, chains in bundles
    /// v0.3, indices as text; points of Ed25519 that are anybody's are refused; what does not count is told.
    #[default]
    Second,
}

impl Reading {
    /// The one for everything that is not a recorded Case.
    pub const NEWEST: Self = Self::Second;

    /// Whether it has what came with the second reading.
    pub(crate) fn is_second(self) -> bool {
        self >= Self::Second
    }

    /// The bytes that an annotation holds in base64 (RFC 4648, section 4), in its one spelling. From the second reading on
    /// CR and LF do not count, wherever they stand, as in Go's `base64.StdEncoding`: `cosign attach signature` writes the
    /// file as it is, with the line ends that `base64` and `openssl` put there.
    pub(crate) fn base64(self, text: &str) -> Option<Vec<u8>> {
        if !self.is_second() {
            return BASE64.decode(text.as_bytes()).ok();
        }
        let bare: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        // The library takes several texts in a row, each with its padding; nothing follows padding here.
        let is_one = bare.iter().skip_while(|byte| **byte != b'=').all(|byte| *byte == b'=');
        BASE64.decode(&bare).ok().filter(|_| is_one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_are_passed_over() {
        let read = |text: &str| Reading::Second.base64(text);
        for (text, bytes) in [
            ("", &b""[..]),
            ("\n", b""),
            ("AAEC", b"\x00\x01\x02"),
            ("AAEC\n", b"\x00\x01\x02"),
            ("AAEC\r\n", b"\x00\x01\x02"),
            ("AA\nEC", b"\x00\x01\x02"),
            ("A\r\n\r\nAEC\r", b"\x00\x01\x02"),
            ("AAE=\n", b"\x00\x01"),
            ("AA=\n=", b"\x00"),
            ("\nAA==", b"\x00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(bytes), "{text:?}");
        }
        for wrong in [
            " AAEC",
            "AAEC ",
            "AA EC",
            "AA\tEC",
            "AAE",
            "AAE=\n=",
            "AA=",
            "AA",
            "AB==",
            "AAF=",
            "AA==AA==",
            "AAE=\nAAE=",
            "AA-_",
            "AA\u{b}EC",
            "AA\u{c}EC",
            "AA\\nEC",
            "AA\u{85}EC",
            "AA\u{2028}EC",
            "AAEC\0",
            "=",
            "====",
            "AA.EC",
            "AAEC=",
            "AAECA",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        for text in ["AAEC\n", "AA\r\nEC", "\nAAEC"] {
            assert_eq!(Reading::First.base64(text), None, "{text:?}");
        }
    }
}
