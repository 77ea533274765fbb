//! Walks the tar of a layer.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use lockgate_model::Digest;
use lockgate_model::inventory::Unread;

use super::tar::{Content, Member, MemberKind, TarReader};
use super::{Entry, Kind, LayerContent, LayerError};
use crate::catalog::{self, Cataloger, Facts, Program};
use crate::{licenses, limits, paths};

/// Marks a removed path (image-spec, layer.md, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Marks a folder whose lower content is removed.
const OPAQUE: &str = ".wh..wh..opq";

/// One layer being walked.
struct Walk<'a> {
    layer: &'a Digest,
    content: LayerContent,
    /// Where wanted and kept files of this layer are, for hard links.
    kept: BTreeMap<String, Kept>,
    /// Texts of licences, by the folder of the package that they may belong to.
    texts: BTreeMap<String, String>,
    texts_bytes: usize,
}

/// A file that a hard link may name.
enum Kept {
    Wanted(u32),
    /// What it would say under the name that descriptions of its kind have.
    Maybe(Box<Facts>, &'static str),
}

pub(super) fn walk(reader: impl BufRead, layer: &Digest) -> Result<LayerContent, LayerError> {
    let content =
        LayerContent { diff_id: *layer, entries: Vec::new(), facts: Vec::new(), unread: Vec::new() };
    let mut walk = Walk { layer, content, kept: BTreeMap::new(), texts: BTreeMap::new(), texts_bytes: 0 };
    let mut tar = TarReader::new(reader);
    while let Some(member) = tar.next().map_err(LayerError::Unreadable)? {
        if walk.content.entries.len() >= limits::LAYER_ENTRIES {
            return Err(LayerError::TooLarge { what: "entries", limit: limits::LAYER_ENTRIES as u64 });
        }
        match paths::normal(&member.path) {
            Ok(path) if path.is_empty() => {}
            Ok(path) if member.kind == MemberKind::Global => walk.global(path),
            Ok(path) => walk.member(path, &member, tar.content())?,
            Err(why) => {
                let path = paths::text(&member.path).chars().take(200).collect();
                walk.unread(path, why);
            }
        }
    }
    walk.read_texts();
    Ok(walk.content)
}

impl Walk<'_> {
    fn member(
        &mut self,
        path: String,
        member: &Member,
        content: Content<'_, impl BufRead>,
    ) -> Result<(), LayerError> {
        let (folder, name) = paths::split(&path);
        if name == OPAQUE {
            let path = folder.to_owned();
            self.push(path, Kind::Opaque);
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(WHITEOUT) {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            self.push(path, Kind::Removed);
            return Ok(());
        }
        let kind = match member.kind {
            MemberKind::Folder => Kind::Folder,
            MemberKind::Symlink => Kind::Link(paths::text(&member.link)),
            MemberKind::Hard => self.hard_link(&path, &member.link),
            MemberKind::File => self.file(&path, member, content).map_err(LayerError::Unreadable)?,
            MemberKind::Other | MemberKind::Global => Kind::Other,
        };
        self.push(path, kind);
        Ok(())
    }

    /// containerd and Docker remove what has the path of a PAX global header, others do not. The names that writers give such
    /// headers are nobody's.
    fn global(&mut self, path: String) {
        let name = paths::split(&path).1;
        if !matches!(name, "pax_global_header" | "@PaxHeader") && !name.starts_with("GlobalHead.") {
            self.unread(
                path,
                "a PAX global header has its name: some runtimes remove what is there, others do not",
            );
        }
    }

    fn push(&mut self, path: String, kind: Kind) {
        self.content.entries.push(Entry { path, kind });
    }

    fn unread(&mut self, path: String, reason: impl Into<String>) {
        self.content.unread.push(Unread { layer: *self.layer, path, reason: reason.into() });
    }

    fn file(
        &mut self,
        path: &str,
        member: &Member,
        mut content: Content<'_, impl BufRead>,
    ) -> std::io::Result<Kind> {
        // A file of this name that came before is no longer what a hard link names.
        self.kept.remove(path);
        let kind = if let Some(cataloger) = catalog::of(path) {
            self.wanted(path, cataloger, member, content)?
        } else {
            let mut start = [0; catalog::PROGRAM_MAGIC.len()];
            let read = fill(&mut content, &mut start)?;
            let start = start.get(..read).unwrap_or_default();
            if start == catalog::PROGRAM_MAGIC {
                self.program(path, start, content)?
            } else if let Some(folder) = catalog::folder_of_text(path) {
                self.keep_text(folder.to_owned(), member.size, start, content)?;
                Kind::Other
            } else {
                self.maybe_linked(path, member.size, start, content)?;
                Kind::Other
            }
        };
        if let Kind::Wanted(index) = kind {
            self.kept.insert(path.to_owned(), Kept::Wanted(index));
        }
        Ok(kind)
    }

    fn wanted(
        &mut self,
        path: &str,
        cataloger: &Cataloger,
        member: &Member,
        mut content: Content<'_, impl BufRead>,
    ) -> std::io::Result<Kind> {
        if member.size > cataloger.most {
            let why = format!("it has {} bytes; at most {} are read", member.size, cataloger.most);
            self.unread(path.to_owned(), why);
            return Ok(Kind::Other);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(member.size.min(1 << 20)).unwrap_or_default());
        content.read_to_end(&mut bytes)?;
        Ok(self.read(path, &bytes))
    }

    /// A program is read as it streams by.
    fn program(
        &mut self,
        path: &str,
        start: &[u8],
        mut content: Content<'_, impl BufRead>,
    ) -> std::io::Result<Kind> {
        let mut program = Program::new(path);
        let mut named = program.push(start);
        loop {
            let here = content.fill_buf()?;
            if here.is_empty() {
                break;
            }
            let length = here.len();
            named = program.push(here).or(named);
            content.consume(length);
        }
        let facts = program.finish(named);
        if facts.packages.is_empty() && facts.unread.is_empty() {
            return Ok(Kind::Other);
        }
        Ok(self.keep(path, facts))
    }

    /// Keeps what a file that nobody asked for says, when it is a package's description under another name: a later
    /// hard link may give it a wanted one.
    fn maybe_linked(
        &mut self,
        path: &str,
        size: u64,
        start: &[u8],
        mut content: Content<'_, impl BufRead>,
    ) -> std::io::Result<()> {
        if size > limits::LINK_TARGET_BYTES || !start.first().is_some_and(|first| catalog::may_begin(*first))
        {
            return Ok(());
        }
        let mut bytes = start.to_vec();
        content.read_to_end(&mut bytes)?;
        if let Some((facts, usual)) = catalog::read_nameless(&bytes) {
            self.kept.insert(path.to_owned(), Kept::Maybe(Box::new(facts), usual));
        }
        Ok(())
    }

    fn keep_text(
        &mut self,
        folder: String,
        size: u64,
        start: &[u8],
        mut content: Content<'_, impl BufRead>,
    ) -> std::io::Result<()> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > limits::TEXT_BYTES || self.texts_bytes + size > limits::TEXTS_BYTES {
            return Ok(());
        }
        let mut bytes = start.to_vec();
        content.read_to_end(&mut bytes)?;
        self.texts_bytes += size;
        self.texts.insert(folder, String::from_utf8_lossy(&bytes).into_owned());
        Ok(())
    }

    /// Reads the texts beside packages that declare no licence; each text once, for it takes milliseconds.
    fn read_texts(&mut self) {
        let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (folder, text) in std::mem::take(&mut self.texts) {
            let said =
                catalog::DESCRIPTIONS.iter().find_map(|name| self.kept.get(&format!("{folder}/{name}")));
            let Some(Kept::Wanted(index)) = said else { continue };
            let Some(facts) = self.content.facts.get_mut(*index as usize) else { continue };
            if let [found] = facts.packages.as_mut_slice()
                && found.licenses.is_empty()
            {
                let license = known.entry(text).or_insert_with_key(|text| licenses::of_text(text));
                found.licenses.extend(license.clone());
            }
        }
    }

    fn read(&mut self, path: &str, bytes: &[u8]) -> Kind {
        match catalog::read(path, bytes) {
            Ok(facts) => self.keep(path, facts),
            Err(why) => {
                self.unread(path.to_owned(), why);
                Kind::Other
            }
        }
    }

    fn keep(&mut self, path: &str, mut facts: Facts) -> Kind {
        for (inside, why) in std::mem::take(&mut facts.unread) {
            let place = if inside.is_empty() { path.to_owned() } else { format!("{path}!/{inside}") };
            self.unread(place, why);
        }
        self.content.facts.push(facts);
        Kind::Wanted(u32::try_from(self.content.facts.len() - 1).unwrap_or(u32::MAX))
    }

    /// A hard link has the content of its target even when the target goes away later.
    fn hard_link(&mut self, path: &str, target: &[u8]) -> Kind {
        let Ok(target) = paths::normal(target) else {
            self.unread(path.to_owned(), "its hard link leaves the root");
            return Kind::Other;
        };
        match self.kept.get(&target) {
            Some(Kept::Wanted(index)) if catalog::same(path, &target) => Kind::Wanted(*index),
            Some(Kept::Maybe(facts, usual)) if catalog::same(path, usual) => {
                let facts = (**facts).clone();
                self.keep(path, facts)
            }
            _ => Kind::Hard(target),
        }
    }
}

/// Fills `start` as far as there are bytes.
fn fill(content: &mut impl Read, start: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = start.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
