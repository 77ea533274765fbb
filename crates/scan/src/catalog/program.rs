//! Programs (ELF), as their bytes stream by: the modules that Go's linker and `cargo auditable` write into them, and
//! the version strings of well-known programs that no package manager installed. A program is never held whole.

use flate2::{Decompress, FlushDecompress, Status};
use lockgate_model::inventory::Confidence;
use memchr::{memchr_iter, memmem};

use super::{Facts, Found, PackageKind, cargo, golang};

/// What an ELF file begins with.
pub const MAGIC: [u8; 4] = *b"\x7fELF";

/// What both marks of a program of Go begin with.
const GO: &[u8] = b"\xff Go build";
/// Before Go's build information, after [`GO`] (debug/buildinfo).
const GO_INFO: &[u8] = b"inf:";
/// Before the identity of a build, which every program of Go has unless it was left out (cmd/internal/buildid).
const GO_ID: &[u8] = b" ID: \"";
/// Where the texts of Go's build information begin, after the mark.
const GO_TEXTS: usize = 32 - GO.len() - GO_INFO.len();
/// Bytes at each end of the list of modules that mark it.
const GO_MARK: usize = 16;
/// What UPX writes behind the program headers (upx, "l_info").
const UPX: &[u8] = b"UPX!";
/// Bytes at the beginning of a program in which that stands.
const UPX_START: usize = 512;
/// Before and after the list of modules (runtime/debug, cmd/go/internal/modload).
const MODULES_START: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const MODULES_END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
/// What the list of `cargo auditable` begins with, inflated.
const AUDITABLE: &[u8] = br#"{"packages":["#;

/// Bytes that a search sees of what was before: longer than any pattern with what must follow it at once.
const OVERLAP: usize = 1024;
/// Most bytes of a list.
const LIST: usize = 16 << 20;
/// Most lists of one program.
const LISTS: usize = 16;
/// Work that looking at what may be the start of a list takes, in units of a budget.
const START_WORK: u64 = 500;
/// Longest version string.
const VERSION: usize = 40;

/// A list being collected.
struct List {
    kind: ListKind,
    bytes: Vec<u8>,
    /// Most bytes of it.
    most: usize,
    done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListKind {
    Modules,
    Auditable,
}

/// A program being read.
pub struct Program {
    window: Vec<u8>,
    lists: Vec<List>,
    /// The first bytes of the file.
    start: Vec<u8>,
    go_version: Option<String>,
    /// It has the identity of a build of Go.
    of_go: bool,
    /// Built by a Go that wrote addresses instead of texts (before 1.18).
    old_go: bool,
    known: Option<(&'static Known, Option<String>)>,
    inflate: Decompress,
    /// Work done since it was last asked for, in units of a budget.
    work: u64,
}

/// A well-known program and what stands before its version.
struct Known {
    /// The name that advisories use.
    name: &'static str,
    files: &'static [&'static str],
    before: &'static [&'static [u8]],
}

const KNOWN: [Known; 14] = [
    Known { name: "busybox", files: &["busybox"], before: &[b"BusyBox v"] },
    Known { name: "openssl", files: &["openssl", "libcrypto.so", "libssl.so"], before: &[b"OpenSSL "] },
    Known { name: "nginx", files: &["nginx"], before: &[b"nginx version: nginx/", b"nginx/"] },
    Known { name: "python", files: &["python3", "python2", "libpython3", "libpython2"], before: &[] },
    Known { name: "node", files: &["node"], before: &[b"https://nodejs.org/download/release/v"] },
    Known { name: "redis", files: &["redis-server"], before: &[b"\0"] },
    Known { name: "postgresql", files: &["postgres"], before: &[b"PostgreSQL "] },
    Known { name: "curl", files: &["curl"], before: &[b"curl "] },
    Known { name: "libcurl", files: &["libcurl.so"], before: &[b"libcurl/"] },
    Known { name: "apache", files: &["httpd", "apache2"], before: &[b"Apache/"] },
    Known { name: "php", files: &["php", "php-fpm", "libphp.so"], before: &[b"X-Powered-By: PHP/"] },
    Known { name: "memcached", files: &["memcached"], before: &[b"memcached "] },
    Known { name: "perl", files: &["perl"], before: &[b"/lib/perl5/"] },
    Known { name: "ruby", files: &["libruby.so", "ruby"], before: &[b"ruby "] },
];

impl Known {
    fn of(file: &str) -> Option<&'static Self> {
        let fits = |known: &str| {
            let rest = file.strip_prefix(known);
            // `python3.11` and `libssl.so.3` are the same program, `nodemon` is another.
            rest.is_some_and(|rest| {
                rest.starts_with(|next: char| next == '.' || next.is_ascii_digit()) || rest.is_empty()
            })
        };
        KNOWN.iter().find(|one| one.files.iter().any(|known| fits(known)))
    }
}

impl Program {
    /// A program in the file at `path`.
    pub fn new(path: &str) -> Self {
        let file = crate::paths::split(path).1;
        Self {
            window: Vec::new(),
            lists: Vec::new(),
            start: Vec::new(),
            go_version: None,
            of_go: false,
            old_go: false,
            known: Known::of(file).map(|known| (known, series(file))),
            inflate: Decompress::new(true),
            work: 0,
        }
    }

    /// The work done since this was last called, in units of a layer's budget.
    pub(crate) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    /// Whether a file of this name may be a well-known program.
    pub fn is_known(file: &str) -> bool {
        Known::of(file).is_some()
    }

    /// The next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Found> {
        self.work += bytes.len() as u64;
        for list in self.lists.iter_mut().filter(|list| !list.done) {
            self.work += list.push(bytes);
        }
        let room = UPX_START - self.start.len();
        self.start.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        let old = self.window.len();
        self.window.extend_from_slice(bytes);
        let window = std::mem::take(&mut self.window);
        self.search(&window, old);
        let version = self.version(&window);
        let keep = window.len().min(OVERLAP);
        self.window = window;
        self.window.drain(..self.window.len() - keep);
        version
    }

    /// Looks for patterns that end in the new part of the window, which begins at `old`, or that could not be told
    /// apart before for want of what follows them.
    fn search(&mut self, window: &[u8], old: usize) {
        let from = old.saturating_sub(OVERLAP);
        let fresh = |at: usize, length: usize| at + length + OVERLAP / 2 > old;
        let part = window.get(from..).unwrap_or_default();
        for at in memmem::find_iter(part, GO) {
            let rest = part.get(at + GO.len()..).unwrap_or_default();
            self.of_go |= rest.starts_with(GO_ID);
            if let Some(info) = rest.strip_prefix(GO_INFO) {
                self.go_info(info);
            }
        }
        for at in memmem::find_iter(part, MODULES_START) {
            let start = at + MODULES_START.len();
            let rest = part.get(start..).unwrap_or_default();
            let begins =
                [&b"path\t"[..], b"mod\t", b"dep\t", b"build\t"].iter().any(|word| rest.starts_with(word));
            if begins && fresh(from + at, MODULES_START.len()) {
                self.collect(ListKind::Modules, rest, LIST);
            }
        }
        for at in memchr_iter(0x78, part) {
            let rest = part.get(at..).unwrap_or_default();
            let plausible = matches!(rest, [_, 0x01 | 0x5e | 0x9c | 0xda, block, ..] if block & 6 != 6);
            if plausible && fresh(from + at, 0) && self.inflates(rest) {
                self.collect(ListKind::Auditable, rest, LIST);
            }
        }
    }

    fn collect(&mut self, kind: ListKind, bytes: &[u8], most: usize) {
        // What was at the edge of two windows is seen in both.
        let again = |list: &List| {
            list.kind == kind && (bytes.starts_with(&list.bytes) || list.bytes.starts_with(bytes))
        };
        if self.lists.len() < LISTS && !self.lists.iter().any(again) {
            let mut list = List { kind, bytes: Vec::new(), most: most.min(LIST), done: false };
            self.work += list.push(bytes);
            self.lists.push(list);
        }
    }

    /// Whether what is here inflates to the beginning of a list of crates.
    fn inflates(&mut self, bytes: &[u8]) -> bool {
        let mut start = [0; AUDITABLE.len()];
        self.work += START_WORK;
        self.inflate.reset(true);
        let input = bytes.get(..OVERLAP.min(bytes.len())).unwrap_or_default();
        let inflated = self.inflate.decompress(input, &mut start, FlushDecompress::None);
        inflated.is_ok() && start == AUDITABLE
    }

    /// Bytes after the magic: pointer size, flags; with flag 2 the texts follow at 32, each after its length: the version of
    /// Go, and the list of modules between two marks, which Go does not look at.
    fn go_info(&mut self, rest: &[u8]) {
        match rest.get(1) {
            Some(flags) if flags & 2 == 2 => {
                let Some((version, rest)) = rest.get(GO_TEXTS..).and_then(counted) else { return };
                let Some(text) = rest.get(..version) else { return };
                let text = String::from_utf8_lossy(text).into_owned();
                self.go_version = self.go_version.take().or(Some(text).filter(|text| !text.is_empty()));
                let Some((modules, rest)) = rest.get(version..).and_then(counted) else { return };
                if let (Some(length), Some(list)) = (modules.checked_sub(2 * GO_MARK), rest.get(GO_MARK..))
                    && length > 0
                {
                    self.collect(ListKind::Modules, list, length);
                }
            }
            Some(0 | 1) if matches!(rest.first(), Some(4 | 8)) => self.old_go = true,
            _ => {}
        }
    }

    /// The version of a well-known program.
    fn version(&mut self, window: &[u8]) -> Option<Found> {
        let (known, series) = self.known.as_ref()?;
        let series_before = series.as_ref().map(|series| [b"\0", series.as_bytes(), b"."].concat());
        let (before, kept): (Vec<&[u8]>, usize) = match &series_before {
            Some(before) if known.before.is_empty() => (vec![before], before.len() - 1),
            _ => (known.before.to_vec(), 0),
        };
        for pattern in before {
            for at in memmem::find_iter(window, pattern) {
                let rest = window.get(at + pattern.len() - kept..).unwrap_or_default();
                if let Some(version) = version_in(rest, pattern == b"\0" || kept > 0) {
                    let found = Found {
                        confidence: Confidence::Derived,
                        ..Found::new(PackageKind::Program, known.name, version)
                    };
                    self.known = None;
                    return Some(found);
                }
            }
        }
        None
    }

    /// What the whole program said; `named` is what [`Program::push`] found.
    pub fn finish(self, named: Option<Found>) -> Facts {
        let mut facts = Facts::from(Vec::from_iter(named));
        let mut go = self.go_version.as_deref().and_then(golang::standard_library);
        for list in &self.lists {
            match list.kind {
                ListKind::Modules => {
                    let text = String::from_utf8_lossy(list.until_end());
                    facts.packages.extend(golang::built_in(&text));
                    facts.packages.extend(go.take());
                }
                ListKind::Auditable => match list.crates() {
                    Ok(packages) => facts.packages.extend(packages),
                    Err(why) => facts.unread.push((String::new(), format!("its list of crates: {why}"))),
                },
            }
        }
        let listed = self.lists.iter().any(|list| list.kind == ListKind::Modules);
        facts.packages.extend(go.filter(|_| !listed));
        facts.unread.extend(self.hidden(listed).map(|why| (String::new(), why.to_owned())));
        facts.packages.sort();
        facts.packages.dedup();
        facts
    }
}

impl Program {
    /// Why the program may have more in it than it says; `listed` is whether it has a list of modules of Go.
    fn hidden(&self, listed: bool) -> Option<&'static str> {
        if memmem::find(&self.start, UPX).is_some() {
            return Some(
                "it is packed with UPX, and what is in it cannot be read: leave it unpacked, or `upx -d` it",
            );
        }
        if self.old_go && listed && self.go_version.is_none() {
            return Some(
                "it was built with a Go before 1.18, whose version it does not say where it can be read: \
                 build it with a current Go",
            );
        }
        if let Some(version) = &self.go_version
            && golang::standard_library(version).is_none()
        {
            return Some("it does not say which version of Go it was built with");
        }
        let of_go = self.of_go || self.go_version.is_some();
        (of_go && !listed && !self.old_go)
            .then_some("it is a program of Go, and its list of modules was taken out or altered")
    }
}

/// A number in front of bytes, and what follows it (encoding/binary, "Uvarint").
fn counted(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0_usize;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}

impl List {
    /// Adds what comes next; the work that takes.
    fn push(&mut self, bytes: &[u8]) -> u64 {
        let from = self.bytes.len().saturating_sub(MODULES_END.len());
        let room = self.most - self.bytes.len().min(self.most);
        self.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        let ended = self.kind == ListKind::Modules
            && memmem::find(self.bytes.get(from..).unwrap_or_default(), MODULES_END).is_some();
        let (mut complete, mut work) = (false, bytes.len() as u64);
        if self.kind == ListKind::Auditable {
            let (inflated, length) = self.inflated();
            // To its end, or never.
            complete = inflated.is_none_or(|inflated| inflated.is_ok());
            work += length as u64;
        }
        self.done = ended || self.bytes.len() >= self.most || complete;
        work
    }

    fn crates(&self) -> Result<Vec<Found>, String> {
        let inflated = self.inflated().0.unwrap_or_else(|| Err("it is damaged or too large".to_owned()));
        cargo::auditable(&inflated?)
    }

    fn until_end(&self) -> &[u8] {
        let end = memmem::find(&self.bytes, MODULES_END).unwrap_or(self.bytes.len());
        self.bytes.get(..end).unwrap_or_default()
    }

    /// The list inflated, with how many bytes were; an error when it goes on, nothing when it is no list.
    fn inflated(&self) -> (Option<Result<Vec<u8>, String>>, usize) {
        let mut bytes = Vec::new();
        let ended = self.inflate_into(&mut bytes);
        let length = bytes.len();
        (ended.map(|ended| ended.map(|()| bytes)), length)
    }

    fn inflate_into(&self, bytes: &mut Vec<u8>) -> Option<Result<(), String>> {
        let mut inflate = Decompress::new(true);
        loop {
            if bytes.len() >= LIST {
                return None;
            }
            bytes.reserve(64 << 10);
            let (read, before) = (inflate.total_in(), bytes.len());
            let rest = usize::try_from(read).ok().and_then(|read| self.bytes.get(read..)).unwrap_or_default();
            let status = inflate.decompress_vec(rest, bytes, FlushDecompress::None);
            match status.ok()? {
                Status::StreamEnd => return Some(Ok(())),
                _ if inflate.total_in() == read && bytes.len() == before => {
                    return Some(Err("it is cut off".to_owned()));
                }
                _ => {}
            }
        }
    }
}

/// `3.11` of `python3.11` and `libpython3.11.so.1.0`.
fn series(file: &str) -> Option<String> {
    let rest = file.trim_start_matches("lib").strip_prefix("python")?;
    let mut parts = rest.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let minor: String = minor.chars().take_while(char::is_ascii_digit).collect();
    let sound = !minor.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| format!("{major}.{minor}"))
}

/// The version at the beginning of `bytes`: digits and dots, then what versions end with. `whole` ones end at once, as
/// texts in programs do.
fn version_in(bytes: &[u8], whole: bool) -> Option<String> {
    let end = bytes.iter().take(VERSION).position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'.'))?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?.trim_end_matches('.');
    let parts: Vec<_> = text.split('.').collect();
    let numbers = parts.iter().all(|part| part.starts_with(|first: char| first.is_ascii_digit()));
    let sound = numbers
        && (2..=4).contains(&parts.len())
        && (!whole || parts.len() >= 3 && bytes.get(end) == Some(&0));
    sound.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn said(path: &str, bytes: &[u8], step: usize) -> Vec<String> {
        let mut program = Program::new(path);
        let mut named = None;
        for chunk in bytes.chunks(step.max(1)) {
            named = program.push(chunk).or(named);
        }
        let facts = program.finish(named);
        facts.packages.iter().map(|found| format!("{}@{}", found.name, found.version)).collect()
    }

    fn program() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.resize(5000, b'x');
        bytes.extend([GO, GO_INFO].concat());
        bytes.extend([8, 2]);
        bytes.resize(5000 + 32, 0);
        bytes.push(8);
        bytes.extend(b"go1.22.1");
        bytes.push(0);
        bytes.extend(MODULES_START);
        bytes.extend(b"path\ta\ndep\tgolang.org/x/text\tv0.3.5\th1:x=\n");
        bytes.extend(MODULES_END);
        bytes.resize(9000, 0x78);
        let mut list = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        list.write_all(br#"{"packages":[{"name":"smallvec","version":"1.6.0","source":"crates.io"}]}"#)
            .unwrap();
        bytes.extend(list.finish().unwrap());
        bytes.resize(12_000, 0);
        bytes
    }

    #[test]
    fn lists_of_go_and_rust_are_found_however_the_bytes_arrive() {
        for step in [1, 7, 100, 1023, 4096, 100_000] {
            let found = said("usr/bin/app", &program(), step);
            assert_eq!(found, ["golang.org/x/text@0.3.5", "stdlib@1.22.1", "smallvec@1.6.0"], "{step}");
        }
    }

    #[test]
    fn well_known_programs_say_their_version() {
        for (path, text, expected) in [
            ("bin/busybox", "\0BusyBox v1.36.1 (2024)\0", "busybox@1.36.1"),
            ("usr/lib/libcrypto.so.3", "\0OpenSSL 3.0.15 3 Sep\0", "openssl@3.0.15"),
            ("usr/local/bin/python3.11", "\0x\x003.11.2\0", "python@3.11.2"),
            ("usr/local/bin/redis-server", "\x007.0.15\0", "redis@7.0.15"),
            ("usr/bin/curl", "\0curl 7.88.1 (x86)\0", "curl@7.88.1"),
        ] {
            for step in [1, 3, 1000] {
                assert_eq!(said(path, text.as_bytes(), step), [expected], "{step}");
            }
        }
        assert!(said("usr/bin/nodemon", b"https://nodejs.org/download/release/v20.1.0/x", 10).is_empty());
    }

    fn told(bytes: &[u8]) -> Vec<String> {
        let mut program = Program::new("bin/a");
        program.push(bytes);
        program.finish(None).unread.into_iter().map(|(_, why)| why).collect()
    }

    #[test]
    fn altered_marks_around_the_list_do_not_hide_it() {
        let list = b"path\ta\ndep\tgolang.org/x/text\tv0.3.5\th1:x=\n";
        let length = list.len() + 32;
        let mut bytes = [&MAGIC[..], GO, GO_INFO, &[8, 2], &[0; 16], b"\x08go1.22.1"].concat();
        bytes.extend([u8::try_from(length % 128).unwrap() | 0x80, u8::try_from(length / 128).unwrap()]);
        bytes.extend([&[7; 16][..], list, &[9; 3000]].concat());
        for step in [1, 7, 100, 1023, 100_000] {
            assert_eq!(said("a", &bytes, step), ["golang.org/x/text@0.3.5", "stdlib@1.22.1"], "{step}");
        }
        assert!(told(&bytes).is_empty());
    }

    #[test]
    fn programs_that_hide_what_is_in_them_are_told() {
        let header = [&MAGIC[..], &[0; 240]].concat();
        assert!(told(&[&header[..], UPX, &[0; 900]].concat())[0].contains("UPX"));
        let id = [&header[..], GO, GO_ID, b"abc\"", &[0; 900]].concat();
        assert!(told(&id)[0].contains("list of modules"));
        let info = |version: &[u8]| [&header[..], GO, GO_INFO, &[8, 2], &[0; 16], version, &[0; 90]].concat();
        assert!(told(&info(b"\x06go1.22"))[0].contains("list of modules"));
        assert!(told(&info(b"\x06secret"))[0].contains("version of Go"));
        assert!(told(&[&header[..], &[0; 900], UPX].concat()).is_empty());
    }

    #[test]
    fn an_old_go_is_told() {
        let mut bytes = b"\xff Go buildinf:\x08\x00".to_vec();
        bytes.resize(64, 0);
        bytes.extend(MODULES_START);
        bytes.extend(b"path\ta\ndep\tb\tv1.0.0\th\n");
        bytes.extend(MODULES_END);
        let mut program = Program::new("bin/a");
        program.push(&bytes);
        assert!(program.finish(None).unread[0].1.contains("1.18"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..3000), step in 1..3000usize) {
            let mut with = bytes.clone();
            with.extend(MODULES_START);
            with.extend(b"mod\t");
            with.extend(&bytes);
            let _found = said("bin/openssl", &with, step);
        }
    }
}
