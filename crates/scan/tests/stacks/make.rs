//! Random stacks of layers: files, folders, links of all kinds, whiteouts, opaque folders, replaced types, duplicates, in any
//! order, with names and headers of all the forms that tools write.

use std::collections::BTreeMap;
use std::io::Write;

/// A generator of numbers (xorshift64*): the same seed makes the same case everywhere.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// What a file's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Matter {
    Npm,
    Python,
    Gem,
    Dpkg,
    Apk,
    Jar,
    /// Nothing that anybody describes packages with.
    Nothing,
    /// A JSON document without a version, as `{"type":"module"}`.
    Nameless,
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    File(Matter, Vec<u8>),
    Folder,
    Link(String),
    Hard(String),
    Pipe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    V7,
    Ustar,
    Prefix,
    Pax,
    Gnu,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) what: What,
    pub(crate) format: Format,
}

/// One case: layers, lowest first.
pub(crate) type Stack = Vec<Vec<Entry>>;

const TOPS: [&str; 6] = ["a", "b", "x", "y", "srv/app", "a/b"];
const PLACES: [(Matter, &str); 14] = [
    (Matter::Npm, "node_modules/n/package.json"),
    (Matter::Npm, "node_modules/m/package.json"),
    (Matter::Npm, "node_modules/@s/n/package.json"),
    (Matter::Npm, "node_modules/n/lib/package.json"),
    (Matter::Npm, "node_modules/n/test/package.json"),
    (Matter::Npm, "node_modules/n/node_modules/m/package.json"),
    (Matter::Python, "q-1.dist-info/METADATA"),
    (Matter::Python, "r-1.egg-info/PKG-INFO"),
    (Matter::Python, "t-1.egg-info"),
    (Matter::Gem, "specifications/g-1.gemspec"),
    (Matter::Gem, "specifications/default/h-1.gemspec"),
    (Matter::Jar, "lib/j.jar"),
    (Matter::Npm, "package.json"),
    (Matter::Nothing, "readme"),
];
const FIXED: [(Matter, &str); 6] = [
    (Matter::Dpkg, "var/lib/dpkg/status"),
    (Matter::Dpkg, "var/lib/dpkg/status.d/f"),
    (Matter::Dpkg, "var/lib/dpkg/status.d/e"),
    (Matter::Apk, "lib/apk/db/installed"),
    (Matter::Apk, "usr/lib/apk/db/installed"),
    (Matter::Npm, "usr/share/nodejs/d/package.json"),
];
const STORES: [&str; 6] = ["store/1", "store/2", "x/data", "same", "y/status", "b/package.json"];

/// What is being made.
pub(crate) struct Maker {
    chance: Chance,
    made: usize,
    /// Paths that were written, folders among them.
    used: Vec<String>,
}

impl Maker {
    pub(crate) fn stack(seed: u64) -> Stack {
        let mut maker = Self { chance: Chance::new(seed), made: 0, used: Vec::new() };
        let layers = 1 + maker.chance.below(4);
        (0..layers).map(|_| maker.layer()).collect()
    }

    fn layer(&mut self) -> Vec<Entry> {
        let count = 1 + self.chance.below(7);
        let mut entries = Vec::new();
        for _ in 0..count {
            self.entry(&mut entries);
        }
        if self.chance.one_in(4) && entries.len() > 1 {
            for at in (1..entries.len()).rev() {
                entries.swap(at, self.chance.below(at + 1));
            }
        }
        entries
    }

    fn entry(&mut self, entries: &mut Vec<Entry>) {
        match self.chance.below(20) {
            0..=7 => self.file(entries),
            8..=12 => self.link(entries),
            13..=14 => self.hard(entries),
            15 => {
                let path = self.known();
                self.push(entries, &path, What::Folder);
            }
            16..=17 => {
                let path = self.known();
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let path =
                    if folder.is_empty() { format!(".wh.{name}") } else { format!("{folder}/.wh.{name}") };
                self.push(entries, &path, What::File(Matter::Empty, Vec::new()));
            }
            18 => self.opaque(entries),
            _ => {
                let path = self.known();
                let what = if self.chance.one_in(3) { What::Pipe } else { self.content(Matter::Nothing) };
                self.push(entries, &path, what);
            }
        }
    }

    /// A folder that hides what lower layers have in it: as tools write one, or alone.
    fn opaque(&mut self, entries: &mut Vec<Entry>) {
        let path = self.known();
        let alone = self.chance.one_in(5);
        let marker = format!("{path}/.wh..wh..opq");
        let first = self.chance.one_in(6);
        if first {
            self.push(entries, &marker, What::File(Matter::Empty, Vec::new()));
        }
        if !alone {
            self.push(entries, &path, What::Folder);
        }
        if !first {
            self.push(entries, &marker, What::File(Matter::Empty, Vec::new()));
        }
    }

    /// A place where a cataloger looks, and what belongs there.
    fn place(&mut self) -> (Matter, String) {
        if self.chance.one_in(4) {
            let (matter, place) = FIXED[self.chance.below(FIXED.len())];
            return (matter, place.to_owned());
        }
        let (matter, place) = PLACES[self.chance.below(PLACES.len())];
        let place = match self.chance.below(3) {
            0 => place.to_owned(),
            _ => format!("{}/{place}", self.chance.of(&TOPS)),
        };
        (matter, place)
    }

    fn file(&mut self, entries: &mut Vec<Entry>) {
        let (mut matter, mut path) = self.place();
        match self.chance.below(8) {
            0..=1 => path = self.chance.of(&STORES).to_owned(),
            2 => matter = [Matter::Nothing, Matter::Nameless, Matter::Empty][self.chance.below(3)],
            3 if !self.used.is_empty() => path = self.known(),
            _ => {}
        }
        let content = self.content(matter);
        self.push(entries, &path, content);
    }

    fn content(&mut self, matter: Matter) -> What {
        self.made += 1;
        let at = self.made;
        let text = match matter {
            Matter::Npm => format!(r#"{{"name":"p{at}","version":"1.0.0"}}"#),
            Matter::Python => format!("Metadata-Version: 2.1\nName: p{at}\nVersion: 1.0.0\n"),
            Matter::Gem => format!(
                "# -*- encoding: utf-8 -*-\n# stub: p{at} 1.0.0 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"p{at}\".freeze\n  s.version = \"1.0.0\"\nend\n"
            ),
            Matter::Dpkg => {
                format!("Package: p{at}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0.0\n")
            }
            Matter::Apk => format!("C:Q1\nP:p{at}\nV:1.0.0\nA:x86_64\n\n"),
            Matter::Jar => return What::File(matter, jar(&format!("p{at}"))),
            Matter::Nothing => format!("nothing {at}\n"),
            Matter::Nameless => format!(r#"{{"type":"module","at":{at}}}"#),
            Matter::Empty => String::new(),
        };
        What::File(matter, text.into_bytes())
    }

    /// A path that was written before, a folder on the way to one, or a new place.
    fn known(&mut self) -> String {
        if self.used.is_empty() || self.chance.one_in(6) {
            return self.place().1;
        }
        let path = self.used[self.chance.below(self.used.len())].clone();
        let cuts: Vec<_> = path.match_indices('/').map(|(at, _)| at).collect();
        if cuts.is_empty() || self.chance.one_in(2) {
            return path;
        }
        path[..cuts[self.chance.below(cuts.len())]].to_owned()
    }

    fn link(&mut self, entries: &mut Vec<Entry>) {
        let path = match self.chance.below(4) {
            0 => self.chance.of(&["x", "y", "a", "b", "up", "srv"]).to_owned(),
            1 => self.place().1,
            2 => {
                let place = self.place().1;
                let cuts: Vec<_> = place.match_indices('/').map(|(at, _)| at).collect();
                if cuts.is_empty() { place } else { place[..cuts[self.chance.below(cuts.len())]].to_owned() }
            }
            _ => self.known(),
        };
        let target = match self.chance.below(8) {
            0 => "/".to_owned(),
            1 => self.chance.of(&STORES).to_owned(),
            2 => self.chance.of(&TOPS).to_owned(),
            _ => self.known(),
        };
        let depth = path.matches('/').count();
        let target = match self.chance.below(6) {
            0 => format!("{}{target}", "../".repeat(depth)),
            1 => format!("{}{target}", "../".repeat(depth + 2)),
            2 => format!(
                "{}/{}/../{target}",
                self.chance.of(&["", "a/..", "x/.."]),
                self.chance.of(&["a", "x", "gone"])
            ),
            3 if !target.contains('/') && depth == 0 => target,
            _ => format!("/{}", target.trim_start_matches('/')),
        };
        self.push(entries, &path, What::Link(target));
    }

    fn hard(&mut self, entries: &mut Vec<Entry>) {
        if self.used.is_empty() {
            return;
        }
        let path = if self.chance.one_in(4) { self.chance.of(&STORES).to_owned() } else { self.place().1 };
        let target = self.used[self.chance.below(self.used.len())].clone();
        self.push(entries, &path, What::Hard(target));
    }

    fn push(&mut self, entries: &mut Vec<Entry>, path: &str, what: What) {
        let marker = path.rsplit('/').next().unwrap().starts_with(".wh.");
        if !marker && !self.used.iter().any(|used| used == path) {
            self.used.push(path.to_owned());
        }
        let formats = [Format::V7, Format::Ustar, Format::Ustar, Format::Prefix, Format::Pax, Format::Gnu];
        let format = formats[self.chance.below(formats.len())];
        let name = match self.chance.below(8) {
            0 => format!("./{path}"),
            1 => format!("/{path}"),
            2 => path.replacen('/', "//", 1),
            _ => path.to_owned(),
        };
        entries.push(Entry { name, what, format });
    }
}

/// An archive that Maven made of that package.
fn jar(name: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file(format!("META-INF/maven/g/{name}/pom.properties"), options).unwrap();
    zip.write_all(format!("groupId=g\nartifactId={name}\nversion=1.0.0\n").as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// What packages contents name: by the content.
pub(crate) fn contents(stack: &Stack) -> BTreeMap<Vec<u8>, Matter> {
    let files = stack.iter().flatten().filter_map(|entry| match &entry.what {
        What::File(matter, bytes) => Some((bytes.clone(), *matter)),
        _ => None,
    });
    files.collect()
}

/// A layer as a tar.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        let (kind, link, content): (u8, &str, &[u8]) = match &entry.what {
            What::File(_, bytes) => (b'0', "", bytes),
            What::Folder => (b'5', "", b""),
            What::Link(target) => (b'2', target, b""),
            What::Hard(target) => (b'1', target, b""),
            What::Pipe => (b'6', "", b""),
        };
        let name = if entry.what == What::Folder { format!("{}/", entry.name) } else { entry.name.clone() };
        match entry.format {
            Format::Pax => {
                let records = record("path", &name)
                    + &if link.is_empty() { String::new() } else { record("linkpath", link) };
                member(&mut tar, Format::Ustar, b'x', "pax", "", records.as_bytes());
                member(&mut tar, Format::Ustar, kind, "short", "", content);
            }
            Format::Gnu => {
                member(&mut tar, Format::Gnu, b'L', "././@LongLink", "", format!("{name}\0").as_bytes());
                member(&mut tar, Format::Gnu, kind, "short", link, content);
            }
            format => member(&mut tar, format, kind, &name, link, content),
        }
    }
    tar.extend([0; 1024]);
    tar
}

fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length += 1;
    }
    format!("{length}{rest}")
}

fn member(tar: &mut Vec<u8>, format: Format, kind: u8, name: &str, link: &str, content: &[u8]) {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    // A file in a folder may have the folder in a field of its own.
    match name.trim_end_matches('/').rsplit_once('/') {
        Some((folder, _)) if format == Format::Prefix && !folder.is_empty() && !folder.ends_with('/') => {
            put(0, &name.as_bytes()[folder.len() + 1..]);
            put(345, folder.as_bytes());
        }
        _ => put(0, name.as_bytes()),
    }
    put(100, if kind == b'5' { b"0000755\0" } else { b"0000644\0" });
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    match format {
        Format::V7 => {}
        Format::Gnu => put(257, b"ustar  \0"),
        _ => put(257, b"ustar\x0000"),
    }
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(header);
    tar.extend(content);
    tar.resize(tar.len().div_ceil(512) * 512, 0);
}
