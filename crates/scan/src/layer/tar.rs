//! Reads a tar as container runtimes do: ustar, PAX, GNU long names and sparse files (POSIX pax, "pax Interchange
//! Format"; GNU tar manual, "Basic Tar Format"). Where writers differ, Go's `archive/tar` is followed, which
//! containerd, Docker and Podman unpack with: another reading would see other files than they do.

use std::io::{self, BufRead, Read};

use super::header::{BLOCK, Block, invalid, until_nul};
use super::pax::{self, Pax};
use super::pipe::read_filled;
use super::rights;
use super::sparse::{self, Extent, Sparse};
use crate::limits;

/// What a member of a tar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File,
    Folder,
    Symlink,
    Hard,
    /// A device, a pipe, or something of another system.
    Other,
    /// A PAX global header. It says nothing about other members, but it has a path of its own: containerd and Docker remove
    /// what is there.
    Global,
}

/// The head of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) path: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) kind: MemberKind,
    /// Bytes of its content, holes included.
    pub(crate) size: u64,
    /// The permission bits, with setuid, setgid and sticky.
    pub(crate) mode: u16,
    /// The numbers of its owner and its group.
    pub(crate) owner: i64,
    pub(crate) group: i64,
    /// Its capabilities, as stored.
    pub(crate) capability: Option<Vec<u8>>,
}

impl Member {
    /// A global header. What it says besides its path is about nothing.
    fn global(path: Vec<u8>) -> Self {
        let kind = MemberKind::Global;
        Self { path, link: Vec::new(), kind, size: 0, mode: 0, owner: 0, group: 0, capability: None }
    }
}

/// A tar being read, member after member.
pub(crate) struct TarReader<R> {
    inner: R,
    /// Bytes of the present member that were not read.
    left: u64,
    /// Bytes that fill its last block.
    padding: u64,
    /// Where the bytes of the present member belong, when it has holes.
    holes: Option<Holes>,
    /// Bytes of holes that may still be read as zeros.
    zeros: u64,
    /// Bytes that names may still have.
    names: u64,
    /// The header of the present member, and the PAX records that stood before it.
    header: Block,
    records: Vec<u8>,
}

/// Where reading stands in a file with holes.
struct Holes {
    at: u64,
    size: u64,
    extents: std::vec::IntoIter<Extent>,
    /// The piece that comes next, or what is left of the present one.
    piece: Extent,
}

/// What stood before a member and is about it.
#[derive(Default)]
struct Before {
    pax: Pax,
    path: Vec<u8>,
    link: Vec<u8>,
}

impl<R: BufRead> TarReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            left: 0,
            padding: 0,
            holes: None,
            zeros: limits::HOLE_BYTES,
            names: limits::LAYER_NAME_BYTES,
            header: Block::default(),
            records: Vec::new(),
        }
    }

    /// The next member; what is left of the one before is passed over. Nothing after the last.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut before = Before::default();
        self.records.clear();
        loop {
            if !self.skip()? {
                return Ok(None);
            }
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.size()?;
            self.content_of(&header, header.kind(), size)?;
            match header.kind() {
                // What stood before it is forgotten: Go hands it to the caller as a member.
                b'g' => {
                    self.records = self.small("PAX header")?;
                    let pax = Pax::read(&self.records)?;
                    let path = pax.get("path").map_or_else(|| header.name(), <[u8]>::to_vec);
                    self.header = header;
                    return Ok(Some(Member::global(path)));
                }
                b'x' => {
                    self.records = self.small("PAX header")?;
                    before.pax = Pax::read(&self.records)?;
                }
                b'L' => before.path = until_nul(&self.small("long name")?).to_vec(),
                b'K' => before.link = until_nul(&self.small("long link name")?).to_vec(),
                _ => {
                    let member = self.member(&header, size, before)?;
                    self.header = header;
                    let named = (member.path.len() + member.link.len()) as u64;
                    self.names = self.names.checked_sub(named).ok_or_else(|| {
                        invalid(format!("its names have more than {} bytes", limits::LAYER_NAME_BYTES))
                    })?;
                    return Ok(Some(member));
                }
            }
        }
    }

    /// Bytes of the present member, as it is stored, that were not read.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The content of the present member, holes as zeros.
    pub(crate) fn content(&mut self) -> Content<'_, R> {
        Content { tar: self }
    }

    /// The content of the present member as it is stored, without its holes.
    pub(super) fn stored(&mut self) -> Content<'_, R> {
        self.holes = None;
        Content { tar: self }
    }

    /// The header of the present member, as it stands.
    pub(super) fn header_of(&self) -> &Block {
        &self.header
    }

    /// The PAX records that stood before the present member, each with its key.
    pub(super) fn records_of(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.records.as_slice();
        std::iter::from_fn(move || {
            let (key, value, after) = pax::record(rest)?;
            rest = after;
            Some((key, value))
        })
    }

    /// What follows a header of this kind and size: links, folders, devices and pipes have no content whatever they say.
    fn content_of(&mut self, header: &Block, kind: u8, size: i64) -> io::Result<()> {
        let size = if matches!(kind, b'1'..=b'6') { 0 } else { size };
        self.left = u64::try_from(size).map_err(|_| {
            let name = String::from_utf8_lossy(&header.name()).chars().take(100).collect::<String>();
            invalid(format!("the size of `{name}` is negative"))
        })?;
        self.padding = self.left.next_multiple_of(BLOCK as u64) - self.left;
        self.holes = None;
        Ok(())
    }

    fn member(&mut self, header: &Block, size: i64, before: Before) -> io::Result<Member> {
        let Before { pax, path, link } = before;
        pax.check()?;
        // A long name of GNU's comes before one of PAX, and that before the header's.
        let or_pax =
            |long: Vec<u8>, key| if long.is_empty() { pax.get(key).map(<[u8]>::to_vec) } else { Some(long) };
        let mut path = or_pax(path, "path").unwrap_or_else(|| header.name());
        let link = or_pax(link, "linkpath").unwrap_or_else(|| header.link().to_vec());
        // In old tars a name that ends with a slash is a folder's; since then there is a type for folders, and a file's name may
        // end so and be a file's all the same.
        let byte = if header.kind() == 0 && path.ends_with(b"/") { b'5' } else { header.kind() };
        let size = pax.number("size")?.unwrap_or(size);
        self.content_of(header, byte, size)?;
        let sparse = if byte == b'S' {
            Some(sparse::of_old_gnu(header, &mut self.inner)?)
        } else if let Some((sparse, name)) = sparse::of_pax(&pax, size, &mut self.content())? {
            path = name.unwrap_or(path);
            Some(sparse)
        } else {
            None
        };
        let kind = match byte {
            0 | b'0' | b'7' | b'S' => MemberKind::File,
            b'1' => MemberKind::Hard,
            b'2' => MemberKind::Symlink,
            b'5' => MemberKind::Folder,
            _ => MemberKind::Other,
        };
        let size = sparse.as_ref().map_or(self.left, |sparse| sparse.size);
        self.holes = sparse.map(|sparse| self.holes_of(sparse, byte)).transpose()?;
        let capability = pax.get(rights::CAPABILITY).map(<[u8]>::to_vec);
        let owner = pax.number("uid")?.unwrap_or_else(|| header.owner());
        let group = pax.number("gid")?.unwrap_or_else(|| header.group());
        Ok(Member { path, link, kind, size, mode: header.mode(), owner, group, capability })
    }

    fn holes_of(&self, sparse: Sparse, kind: u8) -> io::Result<Holes> {
        if matches!(kind, b'1'..=b'6') {
            return Err(invalid("a sparse file is none: it is a link, a folder or a device"));
        }
        if sparse.stored() != self.left {
            return Err(invalid("a sparse file has other bytes than its map says"));
        }
        Ok(Holes { at: 0, size: sparse.size, extents: sparse.extents.into_iter(), piece: (0, 0) })
    }

    /// A header whose checksum is right; nothing at the end. The end is two blocks of zeros, or that of the stream.
    fn header(&mut self) -> io::Result<Option<Block>> {
        let mut header = Block::default();
        if !self.block(&mut header)? {
            return Ok(None);
        }
        if header.is_zero() {
            if self.block(&mut header)? && !header.is_zero() {
                return Err(invalid("one block of zeros, and then more: the end of a tar is two"));
            }
            return Ok(None);
        }
        if !header.checksum_is_right() {
            return Err(invalid("a header has a wrong checksum: this is not a tar archive"));
        }
        Ok(Some(header))
    }

    /// Fills a block; false at the end of the stream.
    fn block(&mut self, block: &mut Block) -> io::Result<bool> {
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(block.bytes_mut().get_mut(filled..).unwrap_or_default())? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(invalid("the tar ends inside a header")),
                read => filled += read,
            }
        }
        Ok(true)
    }

    /// The content of a member that is about another.
    fn small(&mut self, what: &str) -> io::Result<Vec<u8>> {
        let (size, most) = (self.left, limits::TAR_EXTENSION_BYTES);
        if size > most {
            return Err(invalid(format!("a {what} has {size} bytes; at most {most} are read")));
        }
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Passes over what is left of a member; false where the stream ends in what fills its last block, which is an end too.
    fn skip(&mut self) -> io::Result<bool> {
        self.holes = None;
        let mut left = std::mem::take(&mut self.left) + self.padding;
        while left > 0 {
            let here = self.inner.fill_buf()?.len() as u64;
            if here == 0 {
                return if left <= self.padding { Ok(false) } else { Err(invalid(CUT)) };
            }
            let step = here.min(left);
            self.inner.consume(usize::try_from(step).unwrap_or(usize::MAX));
            left -= step;
        }
        self.padding = 0;
        Ok(true)
    }
}

const CUT: &str = "the tar ends inside a file";

impl Holes {
    /// How many bytes come before the next piece, and how many are left of it.
    fn next(&mut self) -> (u64, u64) {
        while self.piece.1 == 0 {
            match self.extents.next() {
                Some(piece) => self.piece = piece,
                None => return (self.size.saturating_sub(self.at), 0),
            }
        }
        (self.piece.0.saturating_sub(self.at), self.piece.1)
    }

    fn pass(&mut self, amount: u64) {
        let (hole, _) = self.next();
        self.at += amount;
        if hole == 0 {
            let taken = amount.min(self.piece.1);
            self.piece = (self.piece.0 + taken, self.piece.1 - taken);
        }
    }
}

/// The content of a member.
pub(crate) struct Content<'a, R> {
    tar: &'a mut TarReader<R>,
}

impl<R: BufRead> BufRead for Content<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let tar = &mut *self.tar;
        let (hole, piece) = tar.holes.as_mut().map_or((0, tar.left), Holes::next);
        let most = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        if hole > 0 {
            if tar.zeros == 0 {
                return Err(invalid(format!(
                    "files with holes that are read have more than {} bytes",
                    limits::HOLE_BYTES
                )));
            }
            return Ok(ZEROS.get(..most(hole.min(tar.zeros)).min(ZEROS.len())).unwrap_or_default());
        }
        if piece == 0 {
            return Ok(&[]);
        }
        let here = tar.inner.fill_buf()?;
        if here.is_empty() {
            return Err(invalid(CUT));
        }
        Ok(here.get(..most(piece).min(here.len())).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        let (tar, count) = (&mut *self.tar, amount as u64);
        if let Some(holes) = &mut tar.holes {
            let in_hole = holes.next().0 > 0;
            holes.pass(count);
            if in_hole {
                tar.zeros = tar.zeros.saturating_sub(count);
                return;
            }
        }
        tar.left = tar.left.saturating_sub(count);
        tar.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_filled(self, buffer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tar::{EntryType, Header};

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
        // A type for files is a file's, whatever its name ends with.
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
        assert!(members(&good[..515]).is_err());
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
    fn holes_are_read_as_zeros() {
        let mut body = b"2\n4\n3\n8\n1\n".to_vec();
        body.resize(512, 0);
        body.extend(b"abcd");
        let records = [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "real"),
            ("GNU.sparse.realsize", "11"),
        ];
        let mut tar = pax(&records);
        tar.extend(block(b"GNUSparseFile.0/real", b'0', &body));
        let (member, content) = members(&tar).unwrap().remove(0);
        assert_eq!((member.path.as_slice(), member.size), (&b"real"[..], 11));
        assert_eq!(content, b"\0\0\0\0abc\0d\0\0");
        let mut reader = TarReader::new(tar.as_slice());
        reader.next().unwrap();
        let mut stored = Vec::new();
        reader.stored().read_to_end(&mut stored).unwrap();
        assert_eq!(stored, b"abcd");
        body.push(b'e');
        let mut tar = pax(&records);
        tar.extend(block(b"x", b'0', &body));
        assert!(members(&tar).unwrap_err().to_string().contains("other bytes than its map says"));
    }

    #[test]
    fn holes_without_end_are_read_to_the_limit() {
        let size = (limits::HOLE_BYTES + 1).to_string();
        let records = [("GNU.sparse.map", "0,1"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.size", &size)];
        let mut tar = pax(&records);
        tar.extend(block(b"x", b'0', b"a"));
        let mut reader = TarReader::new(tar.as_slice());
        assert_eq!(reader.next().unwrap().unwrap().size, limits::HOLE_BYTES + 1);
        reader.zeros = 100_000;
        let mut content = Vec::new();
        let error = reader.content().read_to_end(&mut content).unwrap_err();
        assert!(error.to_string().contains("holes"), "{error}");
        assert_eq!(content.len(), 100_001);
        // Nobody need read them.
        let mut reader = TarReader::new(tar.as_slice());
        reader.next().unwrap();
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn names_have_a_limit_of_their_own() {
        let tar = [block(b"abc", b'0', b""), block(b"de", b'0', b"")].concat();
        for (names, right) in [(5, true), (4, false)] {
            let mut reader = TarReader::new(tar.as_slice());
            reader.names = names;
            reader.next().unwrap();
            assert_eq!(reader.next().is_ok(), right);
        }
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
