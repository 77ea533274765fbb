//! Reads a tar as container runtimes do: ustar, PAX, GNU long names and sparse files (POSIX pax, "pax Interchange
//! Format"; GNU tar manual, "Basic Tar Format"). Where writers differ, Go's `archive/tar` is followed, which
//! containerd, Docker and Podman unpack with: another reading would see other files than they do.

use std::io::{self, BufRead, Read};

use tar::{EntryType, Header};

use super::sparse::{self, Extent};
use crate::limits;

/// Bytes of a block.
const BLOCK: u64 = 512;

/// What a member of a tar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberKind {
    File,
    Folder,
    Symlink,
    Hard,
    /// A device, a pipe, or something of another system.
    Other,
}

/// The head of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: MemberKind,
    /// Bytes of its content, holes included.
    pub(super) size: u64,
    /// Where the stored bytes belong, when the file has holes.
    pub(super) extents: Option<Vec<Extent>>,
}

/// A tar being read, member after member.
pub(super) struct TarReader<R> {
    inner: R,
    /// Bytes of the present member that were not read.
    left: u64,
    /// Bytes that fill its last block.
    padding: u64,
    /// The header of the present member, and the PAX records that stood before it.
    header: Header,
    records: Vec<u8>,
}

/// What stood before a member and is about it.
#[derive(Default)]
struct Before {
    pax: Pax,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// The PAX records that matter here; one with an empty value takes back what was said.
#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: sparse::Records,
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

impl<R: BufRead> TarReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, left: 0, padding: 0, header: Header::new_old(), records: Vec::new() }
    }

    /// The next member; what is left of the one before is passed over. Nothing after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut before = Before::default();
        self.records.clear();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size()?;
            match header.entry_type() {
                // Go hands these to the caller, and runtimes pass over them: they change nothing.
                EntryType::XGlobalHeader => self.content_of(size),
                EntryType::XHeader => {
                    self.content_of(size);
                    self.records = self.small(size, "PAX header")?;
                    before.pax = Pax::read(&self.records)?;
                }
                EntryType::GNULongName => {
                    self.content_of(size);
                    before.path = Some(until_nul(self.small(size, "long name")?));
                }
                EntryType::GNULongLink => {
                    self.content_of(size);
                    before.link = Some(until_nul(self.small(size, "long link name")?));
                }
                _ => {
                    let member = self.member(&header, size, before)?;
                    self.header = header;
                    return Ok(Some(member));
                }
            }
        }
    }

    /// The content of the present member.
    pub(super) fn content(&mut self) -> Content<'_, R> {
        Content { tar: self }
    }

    /// The header of the present member, as it stands.
    pub(super) fn header_of(&self) -> &Header {
        &self.header
    }

    /// The PAX records that stood before the present member, each with its key.
    pub(super) fn records_of(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.records.as_slice();
        std::iter::from_fn(move || {
            let (key, value, after) = record(rest)?;
            rest = after;
            Some((key, value))
        })
    }

    fn content_of(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
    }

    fn member(&mut self, header: &Header, size: u64, before: Before) -> io::Result<Member> {
        let path = before.path.or(before.pax.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let own_link = || header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let link = before.link.or(before.pax.link).unwrap_or_else(own_link);
        let kind = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => MemberKind::File,
            EntryType::Directory => MemberKind::Folder,
            EntryType::Symlink => MemberKind::Symlink,
            EntryType::Link => MemberKind::Hard,
            _ => MemberKind::Other,
        };
        // A name of an old tar that ends with a slash is a folder's.
        let kind = if kind == MemberKind::File && path.ends_with(b"/") { MemberKind::Folder } else { kind };
        let stored = before.pax.size.unwrap_or(size);
        let headless = matches!(kind, MemberKind::Folder | MemberKind::Symlink | MemberKind::Hard)
            || matches!(header.entry_type(), EntryType::Char | EntryType::Block | EntryType::Fifo);
        self.content_of(if headless { 0 } else { stored });
        let mut member = Member { path, link, kind, size: self.left, extents: None };
        if header.entry_type() == EntryType::GNUSparse {
            let (real, extents) = sparse::old_gnu(header, &mut self.inner)?;
            (member.size, member.extents) = (real, Some(extents));
        } else if before.pax.sparse.present() {
            let sparse = before.pax.sparse.read(&mut self.content())?;
            if let Some(name) = sparse.name {
                member.path = name;
            }
            (member.size, member.extents) = (sparse.size, Some(sparse.extents));
        }
        Ok(member)
    }

    /// A header whose checksum is right; nothing at the end. The end is two blocks of zeros, or that of the stream.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut header = Header::new_old();
        if !self.block(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = [0; 512];
            if self.block(&mut second)? && second.iter().any(|byte| *byte != 0) {
                return Err(invalid("one block of zeros, and then more: the end of a tar is two"));
            }
            return Ok(None);
        }
        let sum: u32 = header.as_bytes().iter().enumerate().map(|(at, byte)| summand(at, *byte)).sum();
        if header.cksum()? != sum {
            return Err(invalid("a header has a wrong checksum: this is not a tar archive"));
        }
        Ok(Some(header))
    }

    /// Fills a block; false at the end of the stream.
    fn block(&mut self, block: &mut [u8; 512]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < block.len() {
            match self.inner.read(block.get_mut(filled..).unwrap_or_default())? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(invalid("the tar ends inside a header")),
                read => filled += read,
            }
        }
        Ok(true)
    }

    /// The content of a member that is about another.
    fn small(&mut self, size: u64, what: &str) -> io::Result<Vec<u8>> {
        if size > limits::TAR_EXTENSION_BYTES {
            let most = limits::TAR_EXTENSION_BYTES;
            return Err(invalid(format!("a {what} has {size} bytes; at most {most} are read")));
        }
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self) -> io::Result<()> {
        let mut left = self.left + std::mem::take(&mut self.padding);
        self.left = 0;
        while left > 0 {
            let here = self.inner.fill_buf()?.len() as u64;
            if here == 0 {
                return Err(invalid("the tar ends inside a file"));
            }
            let step = here.min(left);
            self.inner.consume(usize::try_from(step).unwrap_or(usize::MAX));
            left -= step;
        }
        Ok(())
    }
}

/// The checksum counts its own field (bytes 148 to 155) as spaces.
fn summand(at: usize, byte: u8) -> u32 {
    if (148..156).contains(&at) { u32::from(b' ') } else { u32::from(byte) }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

impl Pax {
    fn read(bytes: &[u8]) -> io::Result<Self> {
        let mut pax = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or_else(|| invalid("a PAX record is malformed"))?;
            rest = after;
            let said = (!value.is_empty()).then(|| value.to_vec());
            match key {
                b"path" | b"linkpath" if value.contains(&0) => {
                    return Err(invalid("a PAX name has a zero byte"));
                }
                b"path" => pax.path = said,
                b"linkpath" => pax.link = said,
                b"size" => {
                    pax.size = said.map(|value| number(&value, "size")).transpose()?;
                }
                _ if key.starts_with(b"GNU.sparse.") => pax.sparse.add(key, value)?,
                _ => {}
            }
        }
        Ok(pax)
    }
}

/// `LENGTH KEY=VALUE\n`, LENGTH counting all of it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(bytes.get(..space)?).ok()?.parse().ok()?;
    let (whole, rest) = bytes.split_at_checked(length)?;
    let body = whole.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let (key, value) = body.split_at_checked(equals)?;
    (!key.is_empty() && !key.contains(&0)).then_some((key, value.get(1..)?, rest))
}

/// A decimal number of a PAX record.
pub(super) fn number(value: &[u8], what: &str) -> io::Result<u64> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| invalid(format!("a PAX {what} is not a number")))
}

/// The content of a member, as it is stored.
pub(super) struct Content<'a, R> {
    tar: &'a mut TarReader<R>,
}

impl<R: BufRead> BufRead for Content<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.tar.left == 0 {
            return Ok(&[]);
        }
        let left = usize::try_from(self.tar.left).unwrap_or(usize::MAX);
        let here = self.tar.inner.fill_buf()?;
        if here.is_empty() {
            return Err(invalid("the tar ends inside a file"));
        }
        Ok(here.get(..left.min(here.len())).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.tar.left -= (amount as u64).min(self.tar.left);
        self.tar.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut here = self.fill_buf()?;
        let count = here.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(bytes: &[u8]) -> io::Result<Vec<(Member, Vec<u8>)>> {
        let mut tar = TarReader::new(bytes);
        let mut found = Vec::new();
        while let Some(member) = tar.next()? {
            let mut content = Vec::new();
            tar.content().read_to_end(&mut content)?;
            found.push((member, content));
        }
        Ok(found)
    }

    fn block(name: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(EntryType::new(kind));
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn pax(records: &[(&str, &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (key, value) in records {
            let tail = format!(" {key}={value}\n");
            let mut length = tail.len() + 1;
            while length != tail.len() + length.to_string().len() {
                length += 1;
            }
            body.extend(format!("{length}{tail}").into_bytes());
        }
        block(b"pax", b'x', &body)
    }

    #[test]
    fn names_come_from_pax_and_gnu_headers() {
        let mut tar = pax(&[("path", "a/long"), ("size", "3")]);
        let mut file = block(b"short", b'0', b"");
        file.extend(b"abc");
        file.resize(file.len().next_multiple_of(512), 0);
        tar.extend(file);
        tar.extend(block(b"././@LongLink", b'L', b"gnu/long\0"));
        tar.extend(block(b"short", b'0', b"x"));
        tar.extend(pax(&[("path", "global")]).iter().copied());
        tar.extend(block(b"folder/", b'0', b""));
        tar.extend([0; 1024]);
        tar.extend(b"what follows the end is nobody's");
        let found = members(&tar).unwrap();
        let paths: Vec<_> = found.iter().map(|(one, _)| String::from_utf8_lossy(&one.path)).collect();
        assert_eq!(paths, ["a/long", "gnu/long", "global"]);
        assert_eq!(found[0].1, b"abc");
        assert_eq!(found[2].0.kind, MemberKind::File);
    }

    #[test]
    fn links_and_folders_have_no_content_whatever_they_say() {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[0] = b'd';
        header.set_entry_type(EntryType::Directory);
        header.set_size(1024);
        header.set_cksum();
        let mut tar = header.as_bytes().to_vec();
        tar.extend(block(b"next", b'0', b"y"));
        let found = members(&tar).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].1, b"y");
    }

    #[test]
    fn damage_is_told() {
        let good = block(b"name", b'0', b"content");
        assert_eq!(members(&good).unwrap().len(), 1);
        assert!(members(&good[..700.min(good.len() - 400)]).is_err());
        let mut wrong = good.clone();
        wrong[0] ^= 1;
        assert!(members(&wrong).unwrap_err().to_string().contains("checksum"));
        let mut one_zero = vec![0; 512];
        one_zero.extend(&good);
        assert!(members(&one_zero).is_err());
        let huge = pax(&[("path", &"x".repeat(2 << 20))]);
        assert!(members(&huge).unwrap_err().to_string().contains("at most"));
    }

    #[test]
    fn sparse_files_say_their_real_size() {
        let map = b"1\n4\n3\n";
        let mut body = map.to_vec();
        body.resize(512, 0);
        body.extend(b"abc");
        let mut tar = pax(&[
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "real"),
            ("GNU.sparse.realsize", "9"),
        ]);
        tar.extend(block(b"GNUSparseFile.0/real", b'0', &body));
        let (member, stored) = members(&tar).unwrap().remove(0);
        assert_eq!((member.path.as_slice(), member.size), (&b"real"[..], 9));
        assert_eq!(sparse::expand(&stored, member.extents.as_ref().unwrap(), 9).unwrap(), b"\0\0\0\0abc\0\0");
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let _members = members(&bytes);
        }

        #[test]
        fn any_content_comes_back(files in prop::collection::vec(("[a-z/]{1,90}[a-z]", prop::collection::vec(any::<u8>(), 0..1500)), 0..6)) {
            let mut tar = Vec::new();
            for (name, content) in &files {
                tar.extend(block(name.as_bytes(), b'0', content));
            }
            let found = members(&tar).unwrap();
            let found: Vec<_> = found.into_iter().map(|(one, content)| (String::from_utf8(one.path).unwrap(), content)).collect();
            prop_assert_eq!(found, files);
        }
    }
}
