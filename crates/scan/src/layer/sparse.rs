//! Files with holes (GNU tar manual, "Storing Sparse Files"): the old GNU header, and PAX 0.0, 0.1 and 1.0.

use std::io::{self, BufRead, Read};

use tar::{GnuExtSparseHeader, Header};

use super::tar::number;
use crate::limits;

/// Where stored bytes belong: offset and length.
pub(super) type Extent = (u64, u64);

/// What PAX records say about a file with holes.
#[derive(Default)]
pub(super) struct Records {
    major: Option<u64>,
    name: Option<Vec<u8>>,
    size: Option<u64>,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

/// A file with holes.
pub(super) struct Sparse {
    pub(super) name: Option<Vec<u8>>,
    pub(super) size: u64,
    pub(super) extents: Vec<Extent>,
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a sparse file is malformed: {reason}"))
}

impl Records {
    pub(super) fn present(&self) -> bool {
        self.major.is_some() || self.size.is_some()
    }

    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        if self.offsets.len().max(self.lengths.len()) > limits::SPARSE_EXTENTS {
            return Err(invalid("too many pieces"));
        }
        match key {
            b"GNU.sparse.major" => self.major = Some(number(value, "sparse version")?),
            b"GNU.sparse.name" => self.name = Some(value.to_vec()),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.size = Some(number(value, "sparse size")?),
            b"GNU.sparse.offset" => self.offsets.push(number(value, "sparse offset")?),
            b"GNU.sparse.numbytes" => self.lengths.push(number(value, "sparse length")?),
            b"GNU.sparse.map" => {
                for pair in value.split(|byte| *byte == b',').collect::<Vec<_>>().chunks(2) {
                    let [offset, length] = pair else { return Err(invalid("half a piece")) };
                    self.offsets.push(number(offset, "sparse offset")?);
                    self.lengths.push(number(length, "sparse length")?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The map; that of version 1.0 stands before the content.
    pub(super) fn read(self, content: &mut impl BufRead) -> io::Result<Sparse> {
        let size = self.size.ok_or_else(|| invalid("its size is missing"))?;
        let extents = match self.major {
            Some(1) => map_before(content)?,
            _ => self.offsets.into_iter().zip(self.lengths).collect(),
        };
        Ok(Sparse { name: self.name, size, extents })
    }
}

/// Lines of numbers, filled up to a block: how many pieces, then offset and length of each.
fn map_before(content: &mut impl BufRead) -> io::Result<Vec<Extent>> {
    let mut read = 0;
    let mut next = |content: &mut dyn BufRead| -> io::Result<u64> {
        let mut line = Vec::new();
        content.take(limits::SPARSE_DIGITS).read_until(b'\n', &mut line)?;
        read += line.len();
        number(line.strip_suffix(b"\n").unwrap_or_default(), "sparse map")
    };
    let count = next(content)?;
    if count > limits::SPARSE_EXTENTS as u64 {
        return Err(invalid("too many pieces"));
    }
    let mut extents = Vec::new();
    for _ in 0..count {
        extents.push((next(content)?, next(content)?));
    }
    let padding = read.next_multiple_of(512) - read;
    io::copy(&mut content.take(padding as u64), &mut io::sink())?;
    Ok(extents)
}

/// The map of the old GNU header and of the blocks that go on with it.
pub(super) fn old_gnu(header: &Header, blocks: &mut impl Read) -> io::Result<(u64, Vec<Extent>)> {
    let gnu = header.as_gnu().ok_or_else(|| invalid("its header is not GNU's"))?;
    let mut extents = Vec::new();
    let mut add = |piece: &tar::GnuSparseHeader| -> io::Result<()> {
        if !piece.is_empty() {
            extents.push((piece.offset()?, piece.length()?));
        }
        if extents.len() > limits::SPARSE_EXTENTS { Err(invalid("too many pieces")) } else { Ok(()) }
    };
    gnu.sparse.iter().try_for_each(&mut add)?;
    let mut more = gnu.is_extended();
    while more {
        let mut next = GnuExtSparseHeader::new();
        blocks.read_exact(next.as_mut_bytes())?;
        next.sparse().iter().try_for_each(&mut add)?;
        more = next.is_extended();
    }
    Ok((gnu.real_size()?, extents))
}

/// The file with its holes filled with zeros.
pub(super) fn expand(stored: &[u8], extents: &[Extent], size: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(size).map_err(|_| invalid("it is too large"))?;
    let (mut whole, mut rest) = (vec![0; size], stored);
    for (offset, length) in extents {
        let place = |number: u64| usize::try_from(number).map_err(|_| invalid("it is too large"));
        let (offset, length) = (place(*offset)?, place(*length)?);
        let end = offset.checked_add(length).ok_or_else(|| invalid("a piece is too large"))?;
        let (piece, after) = rest.split_at_checked(length).ok_or_else(|| invalid("pieces are missing"))?;
        let to = whole.get_mut(offset..end).ok_or_else(|| invalid("a piece lies beyond its end"))?;
        to.copy_from_slice(piece);
        rest = after;
    }
    Ok(whole)
}
