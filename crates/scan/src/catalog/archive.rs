//! The members of a zip archive (APPNOTE.TXT 6.3.10): those of its central directory, which is found from the end, as Java's
//! `ZipFile` finds it. Nothing is held but what is asked for, and everything is taken from a budget.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::DeflateDecoder;

use super::budget::{Budget, swollen};
use crate::limits;

/// The end of the central directory: its signature, and its length without the comment.
const END: &[u8; 4] = b"PK\x05\x06";
const END_BYTES: usize = 22;
/// The same for large archives, and what says where it is.
const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR64: &[u8; 4] = b"PK\x06\x07";
const LOCATOR64_BYTES: usize = 20;
/// An entry of the directory, and the header before a member.
const ENTRY: &[u8; 4] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL: &[u8; 4] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;

/// A file of an archive.
pub(super) struct Member<'a> {
    name: String,
    archive: &'a [u8],
    method: u16,
    encrypted: bool,
    /// Where its local header is.
    at: u64,
    /// Bytes as stored.
    stored: u64,
    budget: &'a Budget<'a>,
}

impl<'a> Member<'a> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its content, to be read as a description.
    pub(super) fn read_description(&self) -> Result<Cow<'a, [u8]>, String> {
        let bytes = self.read(limits::MEMBER_BYTES)?;
        self.budget.spend(limits::DESCRIPTION_WORK.saturating_mul(bytes.len() as u64))?;
        Ok(bytes)
    }

    /// Its content, of at most `most` bytes.
    fn read(&self, most: u64) -> Result<Cow<'a, [u8]>, String> {
        self.content(most)?.ok_or_else(|| format!("{}: it has more than {most} bytes", self.name))
    }

    /// Calls `look` with the content of an archive inside, which has as many bytes as archives swell to and as may be held. One
    /// that swells more ends the reading of the archives that it is in.
    pub(super) fn look_into(&self, look: impl FnOnce(&[u8])) -> Result<(), String> {
        let (swollen, held) = (swollen(self.stored), self.budget.held());
        let most = swollen.min(held);
        let content = self.content(most)?.ok_or_else(|| {
            self.budget.end();
            if held < swollen {
                return self.budget.over();
            }
            format!("{}: it swells to more than {most} bytes; the rest of the archive is not read", self.name)
        })?;
        let held = if matches!(content, Cow::Owned(_)) { content.len() as u64 } else { 0 };
        self.budget.hold(held)?;
        look(&content);
        self.budget.release(held);
        self.budget.ended()
    }

    /// Nothing when it has more than `most` bytes.
    fn content(&self, most: u64) -> Result<Option<Cow<'a, [u8]>>, String> {
        let told = |why: &str| format!("{}: {why}", self.name);
        if self.encrypted {
            return Err(told("it is encrypted"));
        }
        let stored = self.bytes().ok_or_else(|| told("it lies outside the archive"))?;
        let bytes = match self.method {
            0 => Cow::Borrowed(stored),
            8 => {
                let mut bytes = Vec::new();
                let inflated =
                    DeflateDecoder::new(stored).take(most.saturating_add(1)).read_to_end(&mut bytes);
                self.budget.spend(bytes.len() as u64)?;
                inflated.map_err(|error| told(&error.to_string()))?;
                Cow::Owned(bytes)
            }
            other => return Err(told(&format!("it is compressed by method {other}, which is not read"))),
        };
        Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
    }

    fn bytes(&self) -> Option<&'a [u8]> {
        let rest = self.archive.get(usize::try_from(self.at).ok()?..)?;
        let header = rest.get(..LOCAL_BYTES).filter(|header| header.starts_with(LOCAL))?;
        let start = LOCAL_BYTES + usize::from(short(header, 26)?) + usize::from(short(header, 28)?);
        rest.get(start..)?.get(..usize::try_from(self.stored).ok()?)
    }
}

/// Calls `visit` with every file in the archive, in the order of its directory.
pub(super) fn each_member<'a>(
    archive: &'a [u8],
    budget: &'a Budget<'a>,
    mut visit: impl FnMut(Member<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let directory = Directory::find(archive).ok_or("it is not a readable archive")?;
    let mut rest = directory.entries;
    for at in 0..directory.count {
        if at >= limits::ARCHIVE_MEMBERS {
            return Err(format!("it has more than {} files", limits::ARCHIVE_MEMBERS));
        }
        budget.spend(limits::MEMBER_WORK)?;
        let (member, after) = Member::of_entry(archive, rest, directory.base, budget)
            .ok_or_else(|| format!("file {at} in it cannot be read: its directory is damaged"))?;
        rest = after;
        if !member.name.ends_with('/') {
            visit(member)?;
        }
    }
    Ok(())
}

impl<'a> Member<'a> {
    /// The member of the first entry of a directory, and the entries after it.
    fn of_entry(
        archive: &'a [u8],
        entries: &'a [u8],
        base: u64,
        budget: &'a Budget<'a>,
    ) -> Option<(Self, &'a [u8])> {
        let entry = entries.get(..ENTRY_BYTES).filter(|entry| entry.starts_with(ENTRY))?;
        let length = |at| short(entry, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let extra_at = ENTRY_BYTES + name;
        let after = entries.get(extra_at + extra + comment..)?;
        let name = String::from_utf8_lossy(entries.get(ENTRY_BYTES..extra_at)?).into_owned();
        let extra = entries.get(extra_at..extra_at + extra)?;
        let (size, mut stored, mut at) =
            (long(entry, 24)?, u64::from(long(entry, 20)?), u64::from(long(entry, 42)?));
        let mut wide = wide(extra);
        // Each stands in the extra field only where its own field says so (4.5.3).
        let _size = if size == u32::MAX { wide.next()? } else { u64::from(size) };
        if stored == u64::from(u32::MAX) {
            stored = wide.next()?;
        }
        if at == u64::from(u32::MAX) {
            at = wide.next()?;
        }
        let encrypted = short(entry, 8)? & 1 == 1;
        let at = at.checked_add(base)?;
        Some((Self { name, archive, method: short(entry, 10)?, encrypted, at, stored, budget }, after))
    }
}

/// The numbers of 64 bits in an extra field.
fn wide(extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = extra;
    let field = std::iter::from_fn(move || {
        let length = usize::from(short(rest, 2)?);
        let field = (short(rest, 0)?, rest.get(4..4 + length)?);
        rest = rest.get(4 + length..)?;
        Some(field)
    });
    let numbers = field.filter(|(id, _)| *id == 1).flat_map(|(_, bytes)| bytes.as_chunks::<8>().0);
    numbers.map(|number| u64::from_le_bytes(*number))
}

/// Where the entries of an archive are.
struct Directory<'a> {
    entries: &'a [u8],
    count: usize,
    /// Where offsets count from: programs may stand before an archive.
    base: u64,
}

impl<'a> Directory<'a> {
    fn find(archive: &'a [u8]) -> Option<Self> {
        let first = archive.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
        let tail = archive.get(first..)?;
        memchr::memmem::rfind_iter(tail, END).find_map(|at| Self::at_end(archive, first + at))
    }

    /// The directory that ends at `at`, if one does.
    fn at_end(archive: &'a [u8], at: usize) -> Option<Self> {
        let end = archive.get(at..at + END_BYTES)?;
        let comment = usize::from(short(end, 20)?);
        let (count, length, offset) = (short(end, 10)?, long(end, 12)?, long(end, 16)?);
        let small = Self::within(archive, at, u64::from(length), u64::from(offset), u64::from(count));
        // What does not reach to the end of the file may be part of a comment.
        let reaches = at + END_BYTES + comment == archive.len();
        let small = small.filter(|small| reaches || small.is_sound(archive));
        if length == u32::MAX || offset == u32::MAX || count == u16::MAX {
            return Self::wide(archive, at).or(small);
        }
        small
    }

    /// That of a large archive, whose locator stands before the end at `at`.
    fn wide(archive: &'a [u8], at: usize) -> Option<Self> {
        let locator = archive.get(at.checked_sub(LOCATOR64_BYTES)?..at)?;
        let at = usize::try_from(wide_number(locator, 8)?).ok().filter(|_| locator.starts_with(LOCATOR64))?;
        let end = archive.get(at..at.checked_add(56)?).filter(|end| end.starts_with(END64))?;
        Self::within(archive, at, wide_number(end, 40)?, wide_number(end, 48)?, wide_number(end, 32)?)
    }

    /// The directory of so many bytes that ends at `at`.
    fn within(archive: &'a [u8], at: usize, length: u64, offset: u64, count: u64) -> Option<Self> {
        let start = at.checked_sub(usize::try_from(length).ok()?)?;
        let base = (start as u64).checked_sub(offset)?;
        Some(Self { entries: archive.get(start..at)?, count: usize::try_from(count).ok()?, base })
    }

    fn is_sound(&self, archive: &[u8]) -> bool {
        let local = usize::try_from(self.base).ok().and_then(|base| archive.get(base..));
        self.entries.starts_with(ENTRY) && local.is_some_and(|local| local.starts_with(LOCAL))
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn wide_number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::super::budget::LayerBudget;
    use super::*;
    use crate::limits::MEMBER_WORK;

    /// What `work` makes of the budget of an archive.
    fn within<T>(work: impl FnOnce(&Budget<'_>) -> T) -> T {
        work(&Budget::of_archive(0, &LayerBudget::new(0)))
    }

    fn archive(members: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8], budget: &Budget, most: u64) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut found = Vec::new();
        each_member(bytes, budget, |member| {
            found.push((member.name().to_owned(), member.read(most)?.into_owned()));
            Ok(())
        })?;
        Ok(found)
    }

    fn names(bytes: &[u8]) -> Result<Vec<String>, String> {
        let found = within(|budget| read(bytes, budget, 1000))?;
        Ok(found.into_iter().map(|(name, _)| name).collect())
    }

    fn both() -> [SimpleFileOptions; 3] {
        let deflated = SimpleFileOptions::default();
        [deflated, deflated.compression_method(CompressionMethod::Stored), deflated.large_file(true)]
    }

    #[test]
    fn members_are_those_of_the_directory() {
        for options in both() {
            let plain = archive(&[("a", b"0123456789"), ("d/", b""), ("d/b", b"x")], options);
            let expected = [("a".to_owned(), b"0123456789".to_vec()), ("d/b".to_owned(), b"x".to_vec())];
            assert_eq!(within(|budget| read(&plain, budget, 10)).unwrap(), expected);
            // A program before it, as self-executing jars have.
            let before = [b"#!/bin/sh\nexec java -jar $0\n".as_slice(), &plain].concat();
            assert_eq!(within(|budget| read(&before, budget, 10)).unwrap(), expected);
            let long = within(|budget| read(&plain, budget, 9)).unwrap_err();
            assert!(long.contains("more than 9 bytes"));
            for length in 0..plain.len() {
                assert!(within(|budget| read(&plain[..length], budget, 10)).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn an_end_in_a_comment_does_not_hide_the_real_one() {
        let inner = archive(&[("inner", b"")], SimpleFileOptions::default());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.set_raw_comment([b"PK\x05\x06".as_slice(), &[7; 30]].concat().into_boxed_slice()).unwrap();
        zip.start_file("real", SimpleFileOptions::default()).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        assert_eq!(names(&bytes).unwrap(), ["real"]);
        // Of two archives in a row the last counts, as for Java.
        assert_eq!(names(&[bytes.as_slice(), &inner].concat()).unwrap(), ["inner"]);
    }

    #[test]
    fn members_that_lie_over_each_other_cost_each_time() {
        let mut bytes = archive(&[("a", &[b'x'; 1000])], SimpleFileOptions::default());
        let at = bytes.windows(4).position(|four| four == ENTRY).unwrap();
        let end = bytes.windows(4).position(|four| four == END).unwrap();
        let entry = bytes[at..end].to_vec();
        let tail = bytes.split_off(end);
        bytes.extend(entry.repeat(9));
        let count = 10u16.to_le_bytes();
        let length = u32::try_from(bytes.len() - at).unwrap().to_le_bytes();
        bytes.extend([&tail[..8], &count, &count, &length, &tail[16..]].concat());
        let layer = LayerBudget::new(0);
        let budget = Budget::of_archive(0, &layer);
        assert_eq!(read(&bytes, &budget, 1000).unwrap().len(), 10);
        budget.spend(limits::ARCHIVE_WORK - 10 * (1000 + MEMBER_WORK)).unwrap();
        assert!(budget.spend(1).is_err());
    }

    #[test]
    fn what_is_not_read_is_told() {
        let mut bytes = archive(&[("a", b"x")], SimpleFileOptions::default());
        let at = bytes.windows(4).position(|four| four == ENTRY).unwrap();
        bytes[at + 10] = 93;
        assert!(names(&bytes).unwrap_err().contains("method 93"));
        bytes[at + 8] |= 1;
        assert!(names(&bytes).unwrap_err().contains("encrypted"));
        bytes[at + 42] = 200;
        bytes[at + 8] = 0;
        assert!(names(&bytes).unwrap_err().contains("outside"));
        bytes[at] = 0;
        assert!(names(&bytes).unwrap_err().contains("directory"));
    }

    #[test]
    fn the_budget_ends_an_archive() {
        let bytes = archive(&[("a", b"0123456789"), ("b", b"0123456789")], SimpleFileOptions::default());
        let layer = LayerBudget::new(0);
        let budget = Budget::of_archive(0, &layer);
        budget.spend(limits::ARCHIVE_WORK - 2 * MEMBER_WORK - 15).unwrap();
        assert!(read(&bytes, &budget, 100).unwrap_err().contains("work"));
        assert!(budget.is_over());
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
            let _names = names(&bytes);
            let mut bytes = archive(&[("a", &bytes), ("b", b"")], SimpleFileOptions::default());
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _names = names(&bytes);
        }

        #[test]
        fn another_reader_finds_the_same(members in prop::collection::vec(("[a-z/]{0,9}[a-z]", prop::collection::vec(any::<u8>(), 0..200)), 0..6)) {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            for (at, (name, content)) in members.iter().enumerate() {
                zip.start_file(format!("{name}{at}"), SimpleFileOptions::default()).unwrap();
                zip.write_all(content).unwrap();
            }
            let bytes = zip.finish().unwrap().into_inner();
            let mut other = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
            let found = within(|budget| read(&bytes, budget, 1000)).unwrap();
            prop_assert_eq!(found.len(), other.len());
            for (at, (name, content)) in found.into_iter().enumerate() {
                let mut file = other.by_index(at).unwrap();
                let mut expected = Vec::new();
                file.read_to_end(&mut expected).unwrap();
                prop_assert_eq!((file.name().unwrap().into_owned(), expected), (name, content));
            }
        }
    }
}
