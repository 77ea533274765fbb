//! One header block of a tar (POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"; star(5)), read as
//! Go's `archive/tar` reads it: the magic decides the format, and the format decides which fields there are.

use std::io;

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// The format of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Without a magic, or with one that nobody knows: there is no prefix.
    V7,
    /// `ustar\0`, whatever the version; PAX headers are such too.
    Ustar,
    /// `ustar\0` that ends with `tar\0`: the prefix is shorter.
    Star,
    /// `ustar ` with the version ` \0`.
    Gnu,
}

/// A header as it is stored.
#[derive(Clone)]
pub(super) struct Block([u8; BLOCK]);

pub(super) fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

impl Default for Block {
    fn default() -> Self {
        Self([0; BLOCK])
    }
}

impl Block {
    pub(super) fn bytes_mut(&mut self) -> &mut [u8; BLOCK] {
        &mut self.0
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// The `length` bytes at `at`.
    pub(super) fn field(&self, at: usize, length: usize) -> &[u8] {
        self.0.get(at..at + length).unwrap_or_default()
    }

    pub(super) fn format(&self) -> Format {
        match (self.field(257, 6), self.field(263, 2), self.field(508, 4)) {
            (b"ustar\0", _, b"tar\0") => Format::Star,
            (b"ustar\0", ..) => Format::Ustar,
            (b"ustar ", b" \0", _) => Format::Gnu,
            _ => Format::V7,
        }
    }

    /// Whether the checksum is the sum of the bytes, its own field counted as spaces: of unsigned bytes, as POSIX has it, or
    /// of signed ones, as old tars of Sun wrote it.
    pub(super) fn checksum_is_right(&self) -> bool {
        let counted = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { b' ' } else { *byte };
        let bytes = || self.0.iter().enumerate().map(counted);
        let unsigned: i64 = bytes().map(i64::from).sum();
        let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
        octal(self.field(148, 8)).is_some_and(|said| said == unsigned || said == signed)
    }

    /// The type of the member, one byte.
    pub(super) fn kind(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    pub(super) fn link(&self) -> &[u8] {
        until_nul(self.field(157, 100))
    }

    /// The permission bits, with setuid, setgid and sticky.
    pub(super) fn mode(&self) -> u16 {
        let mode = number(self.field(100, 8)).unwrap_or_default() & 0o7777;
        u16::try_from(mode).unwrap_or_default()
    }

    /// The number of the owner.
    pub(super) fn owner(&self) -> i64 {
        number(self.field(108, 8)).unwrap_or_default()
    }

    /// The number of the group.
    pub(super) fn group(&self) -> i64 {
        number(self.field(116, 8)).unwrap_or_default()
    }

    /// The name, with its prefix.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = until_nul(self.field(0, 100));
        let prefix = match self.format() {
            Format::V7 => &[],
            Format::Ustar => until_nul(self.field(345, 155)),
            Format::Star => until_nul(self.field(345, 131)),
            Format::Gnu => self.prefix_of_old_writers(),
        };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// GNU's format has two times where others have a prefix. Writers in Go before 1.8 put a prefix there all the same, and
    /// its reader honours one where the times are not numbers and the prefix is ASCII (golang.org/issue/12594, 21005).
    fn prefix_of_old_writers(&self) -> &[u8] {
        let wrong = |field: &[u8]| field.first() != Some(&0) && number(field).is_none();
        let prefix = until_nul(self.field(345, 155));
        let honoured = (wrong(self.field(345, 12)) || wrong(self.field(357, 12))) && prefix.is_ascii();
        if honoured { prefix } else { &[] }
    }

    /// Bytes of the content. Errors where Go refuses the header: one of its numbers is not a number.
    pub(super) fn size(&self) -> io::Result<i64> {
        let size =
            number(self.field(124, 12)).ok_or_else(|| invalid("the size in a header is not a number"))?;
        let v7 = [("mode", 100, 8), ("uid", 108, 8), ("gid", 116, 8), ("mtime", 136, 12)];
        let ustar = [("devmajor", 329, 8), ("devminor", 337, 8)];
        let star = [("atime", 476, 12), ("ctime", 488, 12)];
        let format = self.format();
        let ustar = ustar.iter().filter(|_| format != Format::V7);
        let star = star.iter().filter(|_| format == Format::Star);
        for (name, at, length) in v7.iter().chain(ustar).chain(star) {
            if number(self.field(*at, *length)).is_none() {
                return Err(invalid(format!("the {name} in a header is not a number")));
            }
        }
        Ok(size)
    }
}

pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number of a header: octal digits among spaces and zero bytes; or, with the first bit set, the other bits as one
/// signed number (GNU tar manual, "Extending the Archive Format": base-256).
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let first = *field.first()?;
    if first & 0x80 == 0 {
        return octal(field);
    }
    // The second bit is the sign: what lies in front of a shorter number is filled with it.
    let fill = if first & 0x40 == 0 { 0 } else { 0xff };
    let bytes =
        std::iter::once(if fill == 0 { first & 0x7f } else { first }).chain(field.iter().skip(1).copied());
    let bytes: Vec<u8> = bytes.collect();
    let (front, back) = bytes.split_at(bytes.len().saturating_sub(8));
    let mut low = [fill; 8];
    low.get_mut(8 - back.len()..)?.copy_from_slice(back);
    let value = i64::from_be_bytes(low);
    let fits = front.iter().all(|byte| *byte == fill) && (value < 0) == (fill == 0xff);
    fits.then_some(value)
}

/// Octal digits among spaces and zero bytes; nothing at all is 0.
fn octal(field: &[u8]) -> Option<i64> {
    let padding = |byte: &u8| matches!(byte, 0 | b' ');
    let Some(start) = field.iter().position(|byte| !padding(byte)) else { return Some(0) };
    let end = field.iter().rposition(|byte| !padding(byte)).map_or(start, |at| at + 1);
    let digits = until_nul(field.get(start..end)?);
    let octal =
        |value: i64, byte: &u8| matches!(byte, b'0'..=b'7').then(|| value << 3 | i64::from(byte - b'0'));
    // Twelve digits have 36 bits.
    digits.iter().try_fold(0, octal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"\0\0 644\0\0", Some(0o644)),
            (b"00000644", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"64\x004\0\0\0\0", Some(0o64)),
            (b"64 4\0\0\0\0", None),
            (b"648\0\0\0\0\0", None),
            (b"-1\0\0\0\0\0\0", None),
            (b"+1\0\0\0\0\0\0", None),
            (b"0x1\0\0\0\0\0", None),
            (b"\x80\0\0\0\0\0\0\x01", Some(1)),
            (b"\x80\0\0\0\0\0\0\0\0\0\x02\0", Some(512)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\xc0\0\0\0\0\0\0\0", Some(-(1 << 62))),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff", Some(0x3fff_ffff_ffff_ffff)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xfe\0\0\0\0\0\0\0\0", None),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", Some(i64::MIN)),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
