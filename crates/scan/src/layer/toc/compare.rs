//! Compares the entries of a TOC with those of the tar, in order, while that streams by.

use std::io::{self, BufRead, Read};
use std::vec::IntoIter;

use lockgate_model::{Digest, Hasher};

use super::read::{Chunk, Row, Toc};
use super::{ComparedToc, Format, TocRef};
use crate::layer::pipe::read_filled;
use crate::layer::tar::{Member, MemberKind};
use crate::paths;

/// The name of the TOC of eStargz in its tar, which does not name itself.
const STARGZ_TOC: &str = "stargz.index.json";

/// A TOC being compared with a tar.
pub(in crate::layer) struct Comparing {
    key: Digest,
    format: Format,
    rows: IntoIter<Row>,
    differs: Option<(String, String)>,
}

impl Comparing {
    /// Begins to compare with what `read` gives of the TOC that `toc` names.
    pub(in crate::layer) fn new(toc: &TocRef, read: Result<Toc, String>) -> Self {
        let (rows, differs) = match read {
            Ok(toc) => (toc.rows, None),
            Err(why) => (Vec::new(), Some((String::new(), why))),
        };
        Self { key: toc.key(), format: toc.format, rows: rows.into_iter(), differs }
    }

    /// Compares the next entry of the tar, but for its content: that is what is returned to watch, where it matters.
    pub(in crate::layer) fn member(&mut self, member: &Member, path: Result<&str, &str>) -> Option<Watch> {
        if self.differs.is_some() || member.kind == MemberKind::Global {
            return None;
        }
        let next = self.rows.as_slice().first();
        let itself =
            self.format == Format::EStargz && member.kind == MemberKind::File && path == Ok(STARGZ_TOC);
        if itself && next.is_none_or(|row| row.path.as_deref() != Ok(STARGZ_TOC)) {
            return None;
        }
        let Some(row) = self.rows.next() else {
            self.differ(path, "it ends before the tar does");
            return None;
        };
        if let Some(why) = unlike(&row, member, path) {
            self.differ(path, why);
            return None;
        }
        (member.kind == MemberKind::File && row.size > 0).then(|| Watch::new(row))
    }

    /// Takes what was seen of the content of a file.
    pub(in crate::layer) fn seen(&mut self, watch: Option<Watch>) {
        if let Some(path) = watch.and_then(Watch::wrong) {
            self.differ(path.as_deref().map_err(String::as_str), "the file has another content");
        }
    }

    fn differ(&mut self, path: Result<&str, &str>, why: &str) {
        let (Ok(path) | Err(path)) = path;
        let path = path.chars().take(200).collect();
        self.differs.get_or_insert_with(|| (path, why.to_owned()));
    }

    /// What came of it, at the end of the tar.
    pub(in crate::layer) fn done(mut self) -> ComparedToc {
        if let Some(row) = self.rows.next() {
            let path = row.path.as_deref().map_err(String::as_str);
            self.differ(path, "the tar has no such entry in this place");
        }
        ComparedToc { toc: self.key, differs: self.differs }
    }
}

/// What is unlike in an entry of the tar and one of the TOC.
fn unlike(row: &Row, member: &Member, path: Result<&str, &str>) -> Option<&'static str> {
    // The same path, which leaves the root, is refused or told whichever of them is read.
    if row.path.as_deref().ok() != path.ok() {
        return Some("another path stands in its place");
    }
    let link = match member.kind {
        MemberKind::Symlink => paths::text(row.link.as_bytes()) == paths::text(&member.link),
        MemberKind::Hard => paths::normal(row.link.as_bytes()).ok() == paths::normal(&member.link).ok(),
        _ => true,
    };
    let rights = row.mode == member.mode & 0o7777
        && (row.owner, row.group) == (member.owner, member.group)
        && row.capability == member.capability;
    if row.kind != member.kind {
        Some("it is of another type")
    } else if !link {
        Some("the link has another target")
    } else if member.kind == MemberKind::File && row.size != member.size {
        Some("the file has another size")
    } else if member.kind != MemberKind::Symlink && !rights {
        Some("it has another mode, owner or capabilities")
    } else {
        None
    }
}

/// The content of a file that is watched: whether it is what the TOC says.
pub(in crate::layer) struct Watch {
    path: Result<String, String>,
    digest: Option<Digest>,
    whole: Hasher,
    chunks: IntoIter<Chunk>,
    /// The present piece, and how much of it was not seen.
    piece: Option<(Chunk, Hasher, u64)>,
    left: u64,
    wrong: bool,
}

impl Watch {
    fn new(row: Row) -> Self {
        let chunks = row.chunks.into_iter();
        let (path, digest, left) = (row.path, row.digest, row.size);
        Self { path, digest, whole: Hasher::new(), chunks, piece: None, left, wrong: false }
    }

    fn see(&mut self, bytes: &[u8]) {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.digest.is_some() {
            self.whole.update(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let next = || self.chunks.next().map(|chunk| (chunk, Hasher::new(), chunk.size));
            let Some((chunk, mut hasher, left)) = self.piece.take().or_else(next) else { return };
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(here);
            match chunk.digest {
                Some(_) => hasher.update(now),
                None => self.wrong |= now.iter().any(|byte| *byte != 0),
            }
            match left - here as u64 {
                0 => self.wrong |= chunk.digest.is_some_and(|digest| digest != hasher.finish()),
                left => self.piece = Some((chunk, hasher, left)),
            }
            rest = later;
        }
    }

    /// The path of the file, where its content is another.
    fn wrong(self) -> Option<Result<String, String>> {
        let whole = self.digest.is_none_or(|digest| digest == self.whole.finish());
        (self.wrong || self.left > 0 || !whole).then_some(self.path)
    }
}

/// A content that is watched while it is read.
pub(in crate::layer) struct Watched<'w, R> {
    inner: R,
    watches: &'w mut [Option<Watch>],
}

impl<'w, R: BufRead> Watched<'w, R> {
    pub(in crate::layer) fn new(inner: R, watches: &'w mut [Option<Watch>]) -> Self {
        Self { inner, watches }
    }
}

impl<R: BufRead> BufRead for Watched<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed was filled, and is given again without reading.
        if !self.watches.is_empty()
            && let Ok(here) = self.inner.fill_buf()
        {
            let seen = here.get(..amount).unwrap_or(here);
            self.watches.iter_mut().flatten().for_each(|watch| watch.see(seen));
        }
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_filled(self, buffer)
    }
}
