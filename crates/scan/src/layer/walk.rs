//! Walks the tar of a layer.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use lockgate_model::inventory::Unread;
use lockgate_model::{Descriptor, Digest};

use super::pipe::drain;
use super::tar::{Member, MemberKind, TarReader};
use super::toc::{Comparing, Watched};
use super::{Entry, Kind, LayerContent, LayerError, rights};
use crate::catalog::{self, Facts, Key, LayerBudget, Looks, Program, Reading};
use crate::secrets::{self, Hit, Rule};
use crate::{licenses, limits, paths};

/// Marks a removed path (image-spec, layer.md, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// Marks a folder whose lower content is removed.
const OPAQUE: &str = ".wh..wh..opq";
/// Bytes of a file by which it is known what it looks like.
const START: usize = 64;

/// One layer being walked.
struct Walk<'a> {
    layer: &'a Digest,
    content: LayerContent,
    /// The names that files are to be read under besides, by the place of the entry.
    asked: BTreeMap<u32, Vec<&'a str>>,
    /// Where the readings of descriptions are beside which the text of a licence may lie.
    described: BTreeMap<String, u32>,
    /// Texts of licences, by the folder of the package that they may belong to.
    texts: BTreeMap<String, String>,
    texts_bytes: usize,
    budgets: Budgets,
    /// Bytes of the present member that are passed over.
    passed: u64,
    /// Bytes that were searched for secrets, and room for those of one file.
    searched: u64,
    room: Vec<u8>,
    /// Whether it was told that there are more setuid files than are noted.
    setuid_told: bool,
}

/// What reading files may cost: each for itself, so that neither what looks like a description nor what other layers ask for
/// takes from what the layer's own names say.
struct Budgets {
    named: LayerBudget,
    /// Of files that only look like descriptions. Where it ends nothing is told: they are asked for when they have a name.
    looking: LayerBudget,
    asked: LayerBudget,
}

impl Budgets {
    fn new(size: u64) -> Self {
        let [named, looking, asked] = [(); 3].map(|()| LayerBudget::new(size));
        Self { named, looking, asked }
    }

    fn earn(&self, bytes: u64) {
        for budget in [&self.named, &self.looking, &self.asked] {
            budget.earn(bytes);
        }
    }
}

/// What is noted where a limit ends the search.
const NOT_SEARCHED: Hit = Hit { line: 0, rule: Rule::NotSearched };

/// Walks a layer and compares it with `tocs`; the files that `asked` names by the place of their entry are read under those
/// names besides.
pub(super) fn walk(
    reader: impl BufRead,
    layer: &Descriptor,
    asked: &[(u32, String)],
    mut tocs: Vec<Comparing>,
) -> Result<LayerContent, LayerError> {
    let mut names: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (entry, name) in asked {
        names.entry(*entry).or_default().push(name);
    }
    let mut walk = Walk {
        layer: &layer.digest,
        content: LayerContent { asked: asked.to_vec(), ..LayerContent::empty(layer.digest) },
        asked: names,
        described: BTreeMap::new(),
        texts: BTreeMap::new(),
        texts_bytes: 0,
        budgets: Budgets::new(layer.size),
        passed: 0,
        searched: 0,
        room: Vec::new(),
        setuid_told: false,
    };
    let mut tar = TarReader::new(reader);
    while let Some(member) = tar.next().map_err(LayerError::Unreadable)? {
        // Bytes that were there, whatever a header claims.
        walk.budgets.earn(std::mem::take(&mut walk.passed));
        if walk.content.entries.len() >= limits::LAYER_ENTRIES {
            return Err(LayerError::TooLarge { what: "entries", limit: limits::LAYER_ENTRIES as u64 });
        }
        let path = paths::normal(&member.path).map_err(|why| (paths::text(&member.path), why));
        let shown = path.as_deref().map_err(|(path, _)| path.as_str());
        let mut watches: Vec<_> = tocs.iter_mut().map(|toc| toc.member(&member, shown)).collect();
        walk.entry(path, &member, Watched::new(tar.content(), &mut watches))?;
        walk.passed = tar.left();
        if watches.iter().any(Option::is_some) {
            drain(&mut Watched::new(tar.content(), &mut watches)).map_err(LayerError::Unreadable)?;
        }
        for (toc, watch) in tocs.iter_mut().zip(watches) {
            toc.seen(watch);
        }
    }
    walk.read_texts();
    walk.content.tocs = tocs.into_iter().map(Comparing::done).collect();
    Ok(walk.done())
}

impl Walk<'_> {
    /// All that was found, and where reading ended.
    fn done(mut self) -> LayerContent {
        let Budgets { named, looking: _, asked } = self.budgets;
        for (path, reason) in [named, asked].into_iter().filter_map(LayerBudget::told) {
            self.content.unread.push(Unread { layer: *self.layer, path, reason });
        }
        self.content
    }

    /// An entry with its path, or with the path as it stands and why it is refused.
    fn entry(
        &mut self,
        path: Result<String, (String, String)>,
        member: &Member,
        content: impl BufRead,
    ) -> Result<(), LayerError> {
        match path {
            Ok(path) if path.is_empty() => {}
            Ok(path) if member.kind == MemberKind::Global => self.global(path),
            Ok(path) => self.member(path, member, content)?,
            Err((path, why)) => self.unread(path.chars().take(200).collect(), why),
        }
        Ok(())
    }

    fn member(&mut self, path: String, member: &Member, content: impl BufRead) -> Result<(), LayerError> {
        let (folder, name) = paths::split(&path);
        if name == OPAQUE {
            let path = folder.to_owned();
            self.push(path, Kind::Opaque);
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(WHITEOUT) {
            if matches!(name, "" | "." | "..") {
                self.unread(path.clone(), "a whiteout that names nothing, which runtimes refuse");
                return Ok(());
            }
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            self.push(path, Kind::Removed);
            return Ok(());
        }
        self.note_rights(&path, member);
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

    /// The place of the entry that is read now.
    fn place(&self) -> u32 {
        u32::try_from(self.content.entries.len()).unwrap_or(u32::MAX)
    }

    /// Notes a file that gives whoever runs it the rights of others.
    fn note_rights(&mut self, path: &str, member: &Member) {
        let Some(rights) = rights::of(member) else { return };
        match self.content.setuid.len() {
            count if count < limits::SETUID_FILES => drop(self.content.setuid.insert(self.place(), rights)),
            _ if self.setuid_told => {}
            _ => {
                self.setuid_told = true;
                let why = format!("the layer has more than {} setuid files", limits::SETUID_FILES);
                self.unread(path.to_owned(), why);
            }
        }
    }

    fn file(&mut self, path: &str, member: &Member, mut content: impl BufRead) -> std::io::Result<Kind> {
        if !secrets::searches(path, member.size) || !self.may_search(member.size) {
            return self.read(path, member, content);
        }
        let mut bytes = std::mem::take(&mut self.room);
        bytes.clear();
        content.read_to_end(&mut bytes)?;
        self.note_secrets(secrets::find(path, &bytes));
        let kind = self.read(path, member, bytes.as_slice());
        if matches!(kind, Ok(Kind::File)) {
            self.budgets.earn(bytes.len() as u64);
        }
        self.room = bytes;
        kind
    }

    /// Whether so many bytes more are searched for secrets. The first that are not are noted.
    fn may_search(&mut self, size: u64) -> bool {
        let before = self.searched;
        self.searched = before.saturating_add(size);
        if before <= limits::SECRET_LAYER_BYTES && self.searched > limits::SECRET_LAYER_BYTES {
            self.note_secrets(vec![NOT_SEARCHED]);
        }
        self.searched <= limits::SECRET_LAYER_BYTES
    }

    fn note_secrets(&mut self, hits: Vec<Hit>) {
        let (count, place) = (self.content.secrets.len(), self.place());
        if hits.is_empty() || count > limits::SECRET_FILES {
            return;
        }
        let hits = if count == limits::SECRET_FILES { vec![NOT_SEARCHED] } else { hits };
        self.content.secrets.insert(place, hits);
    }

    fn read(&mut self, path: &str, member: &Member, mut content: impl BufRead) -> std::io::Result<Kind> {
        let place = self.place();
        let asked = self.asked.remove(&place).unwrap_or_default();
        let own = catalog::wants(path).then_some(path);
        let names: Vec<&str> = own.into_iter().chain(asked).collect();
        if !names.is_empty() {
            return self.wanted(path, &names, member, content);
        }
        let mut start = [0; START];
        let read = fill(&mut content, &mut start)?;
        let start = start.get(..read).unwrap_or_default();
        if start.starts_with(&catalog::PROGRAM_MAGIC) {
            return self.program(path, start, content);
        }
        if let Some(folder) = catalog::folder_of_text(path) {
            self.keep_text(folder.to_owned(), member.size, start, content)?;
            return Ok(Kind::File);
        }
        match catalog::looks(start, member.size) {
            Some(looks) => self.described(looks, start, content),
            None => self.key(path, start, member.size, content),
        }
    }

    /// Reads a file under the names that it is asked for.
    fn wanted(
        &mut self,
        path: &str,
        names: &[&str],
        member: &Member,
        mut content: impl BufRead,
    ) -> std::io::Result<Kind> {
        let budget = |name: &str| if name == path { &self.budgets.named } else { &self.budgets.asked };
        let most = names.iter().filter_map(|name| Some(catalog::of(name)?.most(budget(name)))).max();
        let most = most.unwrap_or_default();
        if member.size > most {
            let why = format!("it has {} bytes; at most {most} are read in this layer", member.size);
            let index = self.keep(path, names.iter().filter_map(|name| failed(name, why.clone())).collect());
            return Ok(if catalog::wants(path) { Kind::Read(index) } else { Kind::Looks(index) });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(member.size.min(1 << 20)).unwrap_or_default());
        content.read_to_end(&mut bytes)?;
        self.budgets.earn(bytes.len() as u64);
        let mut readings: Vec<Reading> = Vec::new();
        for name in names {
            let known = catalog::key(name).is_some_and(|key| readings.iter().any(|one| one.key == key));
            if !known {
                readings.extend(catalog::read_as(name, &bytes, budget(name)));
            }
        }
        if catalog::wants(path) {
            return Ok(Kind::Read(self.keep(path, readings)));
        }
        // Other links may give it the name of what it looks like.
        let looks = catalog::looks(bytes.get(..START).unwrap_or(&bytes), member.size);
        let described = looks.and_then(|looks| looks.read(&bytes, &self.budgets.looking)).unwrap_or_default();
        let known = |one: &Reading| readings.iter().any(|reading| reading.key == one.key);
        let described: Vec<_> = described.into_iter().filter(|one| !known(one)).collect();
        readings.extend(described);
        if bytes.starts_with(&catalog::PROGRAM_MAGIC) {
            let mut program = Program::new(path);
            let version = program.push(&bytes);
            readings.push(Reading { key: Key::of_program(), facts: program.finish(version) });
        }
        Ok(Kind::Looks(self.keep(path, readings)))
    }

    /// A program is read as it streams by.
    fn program(&mut self, path: &str, start: &[u8], mut content: impl BufRead) -> std::io::Result<Kind> {
        let mut program = Program::new(path);
        let mut named = program.push(start);
        loop {
            let here = content.fill_buf()?;
            if here.is_empty() {
                break;
            }
            let length = here.len();
            self.budgets.earn(length as u64);
            if self.budgets.named.spend(program.take_work()).is_ok() {
                named = program.push(here).or(named);
            }
            content.consume(length);
        }
        let mut facts = program.finish(named);
        if !self.budgets.named.keep(&facts) || self.budgets.named.is_over() {
            self.budgets.named.refuse(path);
            // What it lacks may be in what was not read.
            facts.unread.clear();
        }
        if facts.packages.is_empty() && facts.unread.is_empty() {
            return Ok(Kind::File);
        }
        Ok(Kind::Read(self.keep(path, vec![Reading { key: Key::of_program(), facts }])))
    }

    /// Keeps what a file that nobody asked for says, when it looks like a description: a link may give it a name.
    fn described(&mut self, looks: Looks, start: &[u8], mut content: impl BufRead) -> std::io::Result<Kind> {
        let mut bytes = start.to_vec();
        content.read_to_end(&mut bytes)?;
        self.budgets.earn(bytes.len() as u64);
        Ok(match looks.read(&bytes, &self.budgets.looking) {
            Some(readings) if readings.is_empty() => Kind::Nameless,
            Some(readings) => Kind::Looks(self.keep("", readings)),
            None => Kind::File,
        })
    }

    /// Looks for secrets in a file that begins as a key, whatever it is called.
    fn key(
        &mut self,
        path: &str,
        start: &[u8],
        size: u64,
        mut content: impl BufRead,
    ) -> std::io::Result<Kind> {
        let begins = start.starts_with(secrets::KEY_START) && size <= limits::SECRET_FILE_BYTES;
        let known = self.content.secrets.contains_key(&self.place()) || secrets::searches(path, size);
        if begins && !known && !secrets::passed_over(path) && self.may_search(size) {
            let mut bytes = start.to_vec();
            content.read_to_end(&mut bytes)?;
            self.budgets.earn(bytes.len() as u64);
            self.note_secrets(secrets::find(path, &bytes));
        }
        Ok(Kind::File)
    }

    fn keep_text(
        &mut self,
        folder: String,
        size: u64,
        start: &[u8],
        mut content: impl BufRead,
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
                catalog::DESCRIPTIONS.iter().find_map(|name| self.described.get(&format!("{folder}/{name}")));
            let reading = said.and_then(|index| self.content.said.get_mut(*index as usize)?.first_mut());
            if let Some(reading) = reading
                && let [found] = reading.facts.packages.as_mut_slice()
                && found.licenses.is_empty()
            {
                let license = known.entry(text).or_insert_with_key(|text| licenses::of_text(text));
                found.licenses.extend(license.clone());
            }
        }
    }

    fn keep(&mut self, path: &str, readings: Vec<Reading>) -> u32 {
        let index = u32::try_from(self.content.said.len()).unwrap_or(u32::MAX);
        self.content.said.push(readings);
        if catalog::DESCRIPTIONS.contains(&paths::split(path).1) {
            self.described.insert(path.to_owned(), index);
        }
        index
    }

    fn hard_link(&mut self, path: &str, target: &[u8]) -> Kind {
        if let Ok(target) = paths::normal(target) {
            return Kind::Hard(target);
        }
        self.unread(path.to_owned(), "its hard link leaves the root");
        Kind::Other
    }
}

/// What is said under a name of a file that cannot be read.
fn failed(name: &str, why: String) -> Option<Reading> {
    let facts = Facts { unread: vec![(String::new(), why)], ..Facts::default() };
    Some(Reading { key: catalog::key(name)?, facts })
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
