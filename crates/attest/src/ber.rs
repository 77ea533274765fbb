//! From BER to DER (ITU-T X.690, sections 8 and 10): lengths without an end, lengths with zeros in front, and octet strings
//! in pieces become what DER writes.
//!
//! Some timestamp authorities write their tokens so (Entrust, Thales). Nothing else is changed or mended: what is no DER for
//! another reason stays none, and what is inside of an octet string is not looked at.

use crate::limits;

const CONSTRUCTED: u8 = 0x20;
const CLASS: u8 = 0xc0;
/// A tag number of more than five bits follows.
const LONG_TAG: u8 = 0x1f;
const OCTET_STRING: u8 = 4;
const WITHOUT_END: u8 = 0x80;

/// The same values in DER; the error says why not.
pub(crate) fn to_der(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut reader = Reader { rest: bytes, left: limits::BER_ELEMENTS };
    let mut der = vec![];
    reader.element(limits::BER_DEPTH, &mut der)?;
    if reader.rest.is_empty() { Ok(der) } else { Err("bytes follow it") }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many elements may still be read.
    left: usize,
}

/// The first bytes of an element.
struct Head<'a> {
    /// The whole tag.
    tag: &'a [u8],
    first: u8,
    /// Without it, the element ends at a mark.
    length: Option<usize>,
}

impl Head<'_> {
    fn is_constructed(&self) -> bool {
        self.first & CONSTRUCTED != 0
    }

    /// The tag's number, where it is one of ASN.1's own types.
    fn universal(&self) -> Option<u8> {
        (self.first & CLASS == 0).then_some(self.first & LONG_TAG)
    }

    /// The mark that ends what has no length.
    fn is_end(&self) -> bool {
        self.first == 0
    }
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        self.take(1)?.first().copied().ok_or("it ends too early")
    }

    fn head(&mut self) -> Result<Head<'a>, &'static str> {
        self.left = self.left.checked_sub(1).ok_or("it has too many elements")?;
        let start = self.rest;
        let first = self.byte()?;
        if first & LONG_TAG == LONG_TAG {
            // Nothing that is read has one; it is passed over as it is, if it is the shortest of its number.
            let mut number = self.byte()?;
            if matches!(number, 0..LONG_TAG | 0x80) {
                return Err("a tag is not written in its shortest form");
            }
            while number & 0x80 != 0 {
                number = self.byte()?;
                if start.len() - self.rest.len() > limits::BER_TAG_BYTES {
                    return Err("a tag is too long");
                }
            }
        }
        let tag = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        let length = match self.byte()? {
            WITHOUT_END => None,
            0xff => return Err("a length is malformed"),
            short if short < 0x80 => Some(usize::from(short)),
            long => {
                let bytes = self.take(usize::from(long & 0x7f))?;
                let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
                if digits.len() > 4 {
                    return Err("a length is too large");
                }
                Some(digits.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)))
            }
        };
        Ok(Head { tag, first, length })
    }

    /// Reads one element and writes it to `der`.
    fn element(&mut self, depth: usize, der: &mut Vec<u8>) -> Result<(), &'static str> {
        let head = self.head()?;
        self.after(&head, depth, der)
    }

    /// Reads what follows `head` and writes the element to `der`.
    fn after(&mut self, head: &Head<'a>, depth: usize, der: &mut Vec<u8>) -> Result<(), &'static str> {
        if head.is_end() {
            return Err("a mark of an end stands where nothing ends");
        }
        if head.is_constructed() && head.universal() == Some(OCTET_STRING) {
            let mut content = vec![];
            self.pieces(head, depth, &mut content)?;
            return write(&[OCTET_STRING], &content, der);
        }
        if !head.is_constructed() {
            let length = head.length.ok_or("a length without end, where nothing marks one")?;
            let content = self.take(length)?;
            return write(head.tag, content, der);
        }
        let mut content = vec![];
        self.inside(head, depth, |reader, head, depth| reader.after(head, depth, &mut content))?;
        write(head.tag, &content, der)
    }

    /// The pieces of an octet string, one after the other; pieces may be in pieces.
    fn pieces(&mut self, head: &Head<'a>, depth: usize, whole: &mut Vec<u8>) -> Result<(), &'static str> {
        self.inside(head, depth, |reader, head, depth| {
            if head.universal() != Some(OCTET_STRING) {
                return Err("a piece of an octet string is none");
            }
            if head.is_constructed() {
                return reader.pieces(head, depth, whole);
            }
            let length = head.length.ok_or("a length without end, where nothing marks one")?;
            whole.extend(reader.take(length)?);
            Ok(())
        })
    }

    /// Gives each element inside of a constructed one to `each`, after its head, up to its length or the mark of its end.
    fn inside(
        &mut self,
        head: &Head<'a>,
        depth: usize,
        mut each: impl FnMut(&mut Self, &Head<'a>, usize) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let depth = depth.checked_sub(1).ok_or("it is nested too deeply")?;
        let Some(length) = head.length else {
            loop {
                let head = self.head()?;
                if head.is_end() {
                    return if head.length == Some(0) {
                        Ok(())
                    } else {
                        Err("a mark of an end is malformed")
                    };
                }
                each(self, &head, depth)?;
            }
        };
        let mut inner = Self { rest: self.take(length)?, left: self.left };
        while !inner.rest.is_empty() {
            let head = inner.head()?;
            each(&mut inner, &head, depth)?;
        }
        self.left = inner.left;
        Ok(())
    }
}

fn write(tag: &[u8], content: &[u8], der: &mut Vec<u8>) -> Result<(), &'static str> {
    der.extend(tag);
    let size = u32::try_from(content.len()).map_err(|_| "a length is too large")?.to_be_bytes();
    let digits: Vec<u8> = size.iter().copied().skip_while(|byte| *byte == 0).collect();
    match digits.as_slice() {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        digits => {
            der.push(0x80 | u8::try_from(digits.len()).map_err(|_| "a length is too large")?);
            der.extend(digits);
        }
    }
    der.extend(content);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_ber_writes_otherwise() {
        let der: &[u8] = &[0x30, 0x0c, 0xa0, 0x07, 4, 5, 1, 2, 3, 4, 5, 2, 1, 9];
        for (what, ber) in [
            ("DER", der.to_vec()),
            ("no lengths", vec![0x30, 0x80, 0xa0, 0x80, 4, 5, 1, 2, 3, 4, 5, 0, 0, 2, 1, 9, 0, 0]),
            ("pieces", vec![0x30, 0x10, 0xa0, 0x0b, 0x24, 9, 4, 2, 1, 2, 4, 3, 3, 4, 5, 2, 1, 9]),
            (
                "pieces without length",
                vec![
                    0x30, 0x80, 0xa0, 0x80, 0x24, 0x80, 4, 1, 1, 4, 0, 4, 4, 2, 3, 4, 5, 0, 0, 0, 0, 2, 1, 9,
                    0, 0,
                ],
            ),
            (
                "pieces in pieces",
                vec![
                    0x30, 0x80, 0xa0, 0x80, 0x24, 0x80, 0x24, 4, 4, 2, 1, 2, 0x24, 0x80, 4, 3, 3, 4, 5, 0, 0,
                    0, 0, 0, 0, 2, 1, 9, 0, 0,
                ],
            ),
            ("long lengths", vec![0x30, 0x81, 0x10, 0xa0, 0x83, 0, 0, 7, 4, 5, 1, 2, 3, 4, 5, 2, 0x81, 1, 9]),
        ] {
            assert_eq!(to_der(&ber).as_deref(), Ok(der), "{what}");
        }
    }

    #[test]
    fn what_is_none() {
        for (what, wrong) in [
            ("nothing", vec![]),
            ("no end", vec![0x30, 0x80, 2, 1, 9]),
            ("half an end", vec![0x30, 0x80, 2, 1, 9, 0]),
            ("an end with content", vec![0x30, 0x80, 0, 1, 0]),
            ("an end of any length", vec![0x30, 0x80, 0, 0x80, 0, 0]),
            ("an end in a length", vec![0x30, 2, 0, 0]),
            ("an end alone", vec![0, 0]),
            ("more bytes", vec![0x30, 0, 0]),
            ("more bytes after the end", vec![0x30, 0x80, 0, 0, 0]),
            ("an octet string without end that is not in pieces", vec![4, 0x80, 1, 0, 0]),
            ("a piece that is a number", vec![0x24, 3, 2, 1, 9]),
            ("a piece of another class", vec![0x24, 3, 0x84, 1, 9]),
            ("longer than it is", vec![0x30, 3, 2, 1]),
            ("an inner one longer than the outer", vec![0x30, 3, 2, 2, 9, 9]),
            ("a reserved length", vec![0x30, 0xff, 0]),
            ("a length of five bytes", vec![0x30, 0x85, 1, 0, 0, 0, 0]),
            ("a long tag for a short number", vec![0x1f, 0x1e, 0]),
            ("a long tag with zeros", vec![0x1f, 0x80, 0x1f, 0]),
            ("a tag without end", vec![0x1f, 0x81, 0x81, 0x81, 0x81, 0x81, 1, 0]),
        ] {
            assert!(to_der(&wrong).is_err(), "{what}");
        }
    }

    #[test]
    fn it_has_its_limits() {
        let nested = |depth: usize| [[0x30, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
        assert!(to_der(&nested(limits::BER_DEPTH)).is_ok());
        assert_eq!(to_der(&nested(limits::BER_DEPTH + 1)), Err("it is nested too deeply"));
        assert_eq!(to_der(&nested(60_000)), Err("it is nested too deeply"));
        let pieces = |count: usize| [vec![0x24, 0x80], [4, 0].repeat(count), vec![0, 0]].concat();
        assert!(to_der(&pieces(limits::BER_ELEMENTS - 2)).is_ok());
        assert_eq!(to_der(&pieces(limits::BER_ELEMENTS)), Err("it has too many elements"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(der) = to_der(&bytes) {
                // What came out is DER, as far as this goes: it stays as it is.
                prop_assert_eq!(to_der(&der), Ok(der.clone()));
            }
        }
    }
}
