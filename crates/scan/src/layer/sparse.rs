//! Files with holes (GNU tar manual, "Storing Sparse Files"): the old GNU header, and PAX 0.0, 0.1 and 1.0. Which of them a
//! member is, and what is refused, is as in Go's `archive/tar`.

use std::io::{self, BufRead, Read};

use super::header::{BLOCK, Block, Format, invalid, number};
use super::pax::{self, Pax, SPARSE_MAP};
use crate::limits;

/// Where stored bytes belong: offset and length.
pub(super) type Extent = (u64, u64);

/// A file with holes: its size, and where its stored bytes belong, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    pub(super) size: u64,
    pub(super) extents: Vec<Extent>,
}

/// What a map says before it is checked.
type Pieces = Vec<(i64, i64)>;

fn malformed(reason: &str) -> io::Error {
    invalid(format!("a sparse file is malformed: {reason}"))
}

impl Sparse {
    /// Pieces that are in order, apart, and within the file.
    fn new(size: i64, pieces: &[(i64, i64)]) -> io::Result<Self> {
        let whole = u64::try_from(size).map_err(|_| malformed("its size is negative"))?;
        let (mut end, mut extents) = (0, Vec::with_capacity(pieces.len()));
        for (offset, length) in pieces {
            let (Ok(offset), Ok(length)) = (u64::try_from(*offset), u64::try_from(*length)) else {
                return Err(malformed("a negative number"));
            };
            let until = offset.checked_add(length).filter(|until| *until <= whole);
            let until = until.ok_or_else(|| malformed("a piece lies beyond its end"))?;
            if offset < end {
                return Err(malformed("pieces lie over each other or out of order"));
            }
            end = until;
            extents.push((offset, length));
        }
        Ok(Self { size: whole, extents })
    }

    /// Bytes that are stored.
    pub(super) fn stored(&self) -> u64 {
        self.extents.iter().map(|(_, length)| length).sum()
    }
}

/// The version of a map in PAX records; nothing where there is none, or one that nobody knows.
enum Version {
    InRecords,
    BeforeContent,
}

/// What PAX records say about holes: the file with its name, if they give one. `stored` is the size without them; the map of
/// version 1.0 stands before the content.
pub(super) fn of_pax(
    records: &Pax,
    stored: i64,
    content: &mut impl BufRead,
) -> io::Result<Option<(Sparse, Option<Vec<u8>>)>> {
    let text = |key: &str| records.get(key).unwrap_or_default();
    let version = match (text("GNU.sparse.major"), text("GNU.sparse.minor")) {
        (b"0", b"0" | b"1") => Version::InRecords,
        (b"1", b"0") => Version::BeforeContent,
        (b"", b"") if records.get(SPARSE_MAP).is_some() => Version::InRecords,
        _ => return Ok(None),
    };
    let size = match records.number("GNU.sparse.size")? {
        Some(size) => size,
        None => records.number("GNU.sparse.realsize")?.unwrap_or(stored),
    };
    let pieces = match version {
        Version::InRecords => in_records(records)?,
        Version::BeforeContent => before_content(content)?,
    };
    let name = records.get("GNU.sparse.name").map(<[u8]>::to_vec);
    Ok(Some((Sparse::new(size, &pieces)?, name)))
}

/// `offset,length,offset,length`, and beside it how many pairs there are.
fn in_records(records: &Pax) -> io::Result<Pieces> {
    let count = records.number("GNU.sparse.numblocks")?.ok_or_else(|| malformed("how many pieces it has"))?;
    let numbers = records.get(SPARSE_MAP).map(|map| map.split(|byte| *byte == b',').map(pax::number));
    let numbers: Option<Vec<_>> = numbers.into_iter().flatten().collect();
    let numbers = numbers.ok_or_else(|| malformed("its map is not one of numbers"))?;
    if u64::try_from(count).ok() != Some(numbers.len() as u64 / 2) || !numbers.len().is_multiple_of(2) {
        return Err(malformed("it has another number of pieces than it says"));
    }
    Ok(numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect())
}

/// Lines of numbers, filled up to a block: how many pieces, then offset and length of each.
fn before_content(content: &mut impl BufRead) -> io::Result<Pieces> {
    let mut read = 0;
    let mut next = |content: &mut dyn BufRead| -> io::Result<i64> {
        let mut line = Vec::new();
        content.take(limits::SPARSE_DIGITS).read_until(b'\n', &mut line)?;
        read += line.len();
        let digits = line.strip_suffix(b"\n").and_then(pax::number);
        digits.ok_or_else(|| malformed("its map is not one of numbers"))
    };
    let count = next(content)?;
    if !(0..=limits::SPARSE_EXTENTS).contains(&count) {
        return Err(malformed("too many pieces"));
    }
    let mut pieces = Vec::new();
    for _ in 0..count {
        pieces.push((next(content)?, next(content)?));
    }
    let padding = (read.next_multiple_of(BLOCK) - read) as u64;
    match io::copy(&mut content.take(padding), &mut io::sink())? {
        passed if passed == padding => Ok(pieces),
        _ => Err(malformed("its map ends inside a block")),
    }
}

/// The map of the old GNU header and of the blocks that go on with it.
pub(super) fn of_old_gnu(header: &Block, blocks: &mut impl Read) -> io::Result<Sparse> {
    if header.format() != Format::Gnu {
        return Err(malformed("its header is not GNU's"));
    }
    let size = number(header.field(483, 12)).ok_or_else(|| malformed("its size is not a number"))?;
    let mut pieces = Vec::new();
    let mut more = of_block(header.field(386, 4 * 24 + 1), &mut pieces)?;
    while more {
        let mut next = [0; BLOCK];
        blocks.read_exact(&mut next)?;
        more = of_block(next.get(..21 * 24 + 1).unwrap_or_default(), &mut pieces)?;
        if pieces.len() as u64 > limits::SPARSE_EXTENTS.cast_unsigned() {
            return Err(malformed("too many pieces"));
        }
    }
    Sparse::new(size, &pieces)
}

/// Pairs of offset and length, the first without an offset being the end, and a byte that says whether a block with more
/// follows.
fn of_block(map: &[u8], pieces: &mut Pieces) -> io::Result<bool> {
    let (pairs, more) = map.as_chunks::<24>();
    for pair in pairs.iter().take_while(|pair| pair.first() != Some(&0)) {
        let (offset, length) = pair.split_at(12);
        let (Some(offset), Some(length)) = (number(offset), number(length)) else {
            return Err(malformed("its map is not one of numbers"));
        };
        pieces.push((offset, length));
    }
    Ok(more.first().is_some_and(|byte| *byte > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_end() {
        let told = |sparse: io::Result<Sparse>| sparse.unwrap_err().to_string();
        let mut header = Block::default();
        header.bytes_mut()[257..265].copy_from_slice(b"ustar  \0");
        header.bytes_mut()[482] = 1;
        let mut block = [b'0'; BLOCK];
        block[21 * 24..].fill(1);
        let blocks = block.repeat(usize::try_from(limits::SPARSE_EXTENTS).unwrap() / 21 + 2);
        assert!(told(of_old_gnu(&header, &mut blocks.as_slice())).contains("too many pieces"));
        let long = format!("{}1\n0\n0\n", "0".repeat(30));
        let pieces = before_content(&mut long.as_bytes()).map(|_| Sparse { size: 0, extents: vec![] });
        assert!(told(pieces).contains("not one of numbers"));
    }

    #[test]
    fn pieces_are_in_order_and_within_the_file() {
        assert_eq!(Sparse::new(9, &[(1, 2), (3, 0), (5, 4)]).unwrap().stored(), 6);
        for (size, pieces) in [
            (-1, &[][..]),
            (9, &[(5, 5)]),
            (9, &[(-1, 2)]),
            (9, &[(1, -1)]),
            (9, &[(0, 4), (3, 1)]),
            (9, &[(5, 1), (0, 1)]),
            (9, &[(i64::MAX, i64::MAX)]),
        ] {
            assert!(Sparse::new(size, pieces).is_err(), "{size} {pieces:?}");
        }
    }
}
