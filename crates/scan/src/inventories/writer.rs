//! Writes an index: an earlier one and a batch, key by key, so that what is in memory is the batch and the keys.

use std::collections::BTreeMap;
use std::io::{self, Write};

use lockgate_model::canon;

use super::{Batch, Covered, FOOTER, FORMAT, Header, IndexError, InventoryIndex, Subject};

/// Writes to `out` what `old` has and what `batch` adds to it.
pub fn write_index(
    old: Option<&InventoryIndex>,
    batch: &Batch,
    covered: Covered,
    out: impl Write,
) -> Result<(), IndexError> {
    let mut out = Counted { out, at: 0 };
    out.write_all(format!("{FORMAT}\n").as_bytes())?;
    let places = subjects(old, batch, &mut out)?;
    let subjects_end = out.at;
    let (mut names, mut index) = (Vec::new(), Vec::new());
    let mut fresh = batch.keys.iter().peekable();
    let mut earlier = 0..old.map_or(0, InventoryIndex::keys);
    let mut at = earlier.next();
    loop {
        let before = match (at, old) {
            (Some(at), Some(old)) => Some((old, old.entry(at)?)),
            _ => None,
        };
        let key = match (&before, fresh.peek()) {
            (None, None) => break,
            (Some((_, (old, _))), None) => old.to_vec(),
            (None, Some((new, _))) => (*new).clone(),
            (Some((_, (old, _))), Some((new, _))) => (*old).min(new.as_slice()).to_vec(),
        };
        let mut numbers = Vec::new();
        if let Some((old, (_, range))) = before.filter(|(_, (name, _))| *name == key) {
            for place in old.postings(range)? {
                numbers.push(moved(&places.old, place)?);
            }
            at = earlier.next();
        }
        if let Some((_, added)) = fresh.next_if(|(name, _)| **name == key) {
            for number in added {
                numbers.push(moved(&places.new, *number)?);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        index.extend((names.len() as u64).to_le_bytes());
        index.extend((out.at - subjects_end).to_le_bytes());
        names.extend(key);
        out.write_all(&encode(&numbers))?;
    }
    let postings_end = out.at;
    index.extend((names.len() as u64).to_le_bytes());
    index.extend((postings_end - subjects_end).to_le_bytes());
    out.write_all(&names)?;
    let names_end = out.at;
    out.write_all(&index)?;
    let header = Header {
        format: FORMAT.to_owned(),
        covered,
        subjects: places.count,
        subjects_end,
        postings_end,
        names_end,
        index_end: out.at,
    };
    let bytes = canon::to_bytes(&header).map_err(|_| IndexError::Damaged("its header"))?;
    out.write_all(&bytes)?;
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(FOOTER)?;
    out.flush()?;
    Ok(())
}

/// Where subjects are in the new index: by their place in the old one, and by their number in the batch.
struct Places {
    old: Vec<u32>,
    new: Vec<u32>,
    count: u32,
}

fn moved(places: &[u32], at: u32) -> Result<u32, IndexError> {
    places.get(at as usize).copied().ok_or(IndexError::Damaged("its postings"))
}

/// Writes the subjects of both, sorted, each once.
fn subjects(old: Option<&InventoryIndex>, batch: &Batch, out: &mut impl Write) -> Result<Places, IndexError> {
    let earlier = old.map_or(0, InventoryIndex::len);
    let mut places = Places { old: Vec::new(), new: vec![0; batch.subjects.len()], count: 0 };
    let mut put = |subject: &Subject, count: &mut u32| {
        out.write_all(subject.artifact.as_bytes())?;
        out.write_all(subject.inventory.as_bytes())?;
        let place = *count;
        *count = count.checked_add(1).ok_or(IndexError::Full)?;
        Ok::<_, IndexError>(place)
    };
    let mut added: BTreeMap<_, _> = batch.subjects.iter().collect();
    for at in 0..earlier {
        let Some(old) = old else { break };
        let subject = old.subject(at)?;
        while let Some(first) = added.first_entry().filter(|first| **first.key() < subject) {
            let (new, number) = first.remove_entry();
            note(&mut places.new, *number, put(new, &mut places.count)?);
        }
        let place = put(&subject, &mut places.count)?;
        places.old.push(place);
        if let Some(number) = added.remove(&subject) {
            note(&mut places.new, *number, place);
        }
    }
    for (new, number) in added {
        note(&mut places.new, *number, put(new, &mut places.count)?);
    }
    Ok(places)
}

fn note(places: &mut [u32], number: u32, place: u32) {
    if let Some(slot) = places.get_mut(number as usize) {
        *slot = place;
    }
}

/// Ascending numbers: each less the one before and 1, LEB128 (seven bits a byte, the lowest first).
fn encode(numbers: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(numbers.len());
    let mut next = 0;
    for number in numbers {
        let mut rest = number - next;
        next = number.wrapping_add(1);
        while rest >= 0x80 {
            bytes.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        bytes.push(rest.to_le_bytes()[0]);
    }
    bytes
}

/// What [`encode`] wrote; nothing when it was not, or when a number is not below `limit`.
pub(super) fn decode(bytes: &[u8], limit: u32) -> Option<Vec<u32>> {
    let mut numbers = Vec::with_capacity(bytes.len());
    let (mut next, mut value, mut shift) = (0_u64, 0_u64, 0_u32);
    for byte in bytes {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 != 0 {
            shift += 7;
            if shift > 28 {
                return None;
            }
            continue;
        }
        let number = u32::try_from(next + value).ok().filter(|number| *number < limit)?;
        numbers.push(number);
        (next, value, shift) = (u64::from(number) + 1, 0, 0);
    }
    (shift == 0).then_some(numbers)
}

/// Counts what is written.
struct Counted<W> {
    out: W,
    at: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_and_damage_is_seen() {
        for numbers in [vec![], vec![0], vec![0, 1, 2, 300, 301, 70_000, u32::MAX - 1]] {
            assert_eq!(decode(&encode(&numbers), u32::MAX), Some(numbers));
        }
        assert_eq!(encode(&[0, 1, 2, 130]), [0, 0, 0, 127]);
        assert_eq!(decode(&[5], 5), None);
        assert_eq!(decode(&[0x80], 5), None);
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 1], u32::MAX), None);
    }
}
