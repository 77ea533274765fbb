//! Layers of a few kilobytes that are made to take hours or gigabytes: each ends within its budget, says so in a few words, and
//! takes a bounded memory, whatever is in it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod heads;

use std::io::{Cursor, Read, Write, repeat};
use std::sync::{Mutex, PoisonError};

use heads::Head;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use lockgate_scan::{LayerContent, LayerError, analyse, analyse_again, merge};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Most memory that reading one such layer takes, in bytes.
const MEMORY: u64 = 300 << 20;
/// Most places that one layer names as unread: a reader that ends says so once.
const TOLD: usize = 30;

/// The same test may run beside others in one process; what it measures is the process's.
static ALONE: Mutex<()> = Mutex::new(());

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() * 1024
}

/// What `work` makes, and how much memory it took at its peak.
fn peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    // proc(5): 5 resets the peak to what is in use.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    let made = work();
    (made, status("VmHWM").saturating_sub(before))
}

/// A layer being written; zstd, since that is quick here.
struct Layer(zstd::stream::write::Encoder<'static, Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap())
    }

    fn file(mut self, path: &str, content: &[u8]) -> Self {
        self.add(path, content.len() as u64, content);
        self
    }

    fn add(&mut self, path: &str, size: u64, mut content: impl Read) {
        let head = Head::new(b'0', path.as_bytes()).with(124, format!("{size:011o}\0").as_bytes());
        self.0.write_all(&head.block()).unwrap();
        let copied = std::io::copy(&mut content, &mut self.0).unwrap();
        assert_eq!(copied, size);
        self.0.write_all(&vec![0; usize::try_from(size.next_multiple_of(512) - size).unwrap()]).unwrap();
    }

    fn done(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }
}

/// What came of one layer.
struct Outcome {
    packages: Vec<String>,
    told: Vec<String>,
}

/// Reads the layer and lays it; within memory and words.
fn read(name: &str, blob: &[u8]) -> Outcome {
    read_within(MEMORY, name, blob)
}

fn read_within(most: u64, name: &str, blob: &[u8]) -> Outcome {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let layer = Descriptor::of(media::OCI_LAYER_ZSTD, blob);
    let (inventory, peak) = peak(|| {
        let content = analyse(blob, &layer, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        merge(&[(layer.clone(), content)])
    });
    assert!(peak < most, "{name}: {} MiB", peak >> 20);
    assert!(inventory.unread.len() <= TOLD, "{name}: {} told", inventory.unread.len());
    Outcome {
        packages: inventory.packages.into_iter().map(|package| package.name).collect(),
        told: inventory
            .unread
            .into_iter()
            .map(|unread| format!("{}: {}", unread.path, unread.reason))
            .collect(),
    }
}

/// The layer is told as unread in these words, once.
fn told(name: &str, blob: &[u8], words: &str) -> Outcome {
    let read = read(name, blob);
    let said = read.told.iter().filter(|told| told.contains(words)).count();
    assert!(said == 1, "{name}: {:?}", read.told);
    read
}

fn repeated(text: &str, bytes: usize) -> Vec<u8> {
    text.as_bytes().repeat(bytes / text.len())
}

const POM: &str = "META-INF/maven/g/a/pom.properties";
const OWN: &[u8] = b"groupId=g\nartifactId=a\nversion=1\n";

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_level(Some(1))
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// An archive: its own record last, so that it is found whatever comes before.
fn jar(options: SimpleFileOptions, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.start_file(POM, deflated()).unwrap();
    zip.write_all(OWN).unwrap();
    zip.finish().unwrap().into_inner()
}

/// So many MiB of zeros deflated: one is compressed, and stands there again and again.
fn deflated_zeros(mebibytes: usize) -> Vec<u8> {
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let mut one = Vec::with_capacity(8 << 10);
    deflate.compress_vec(&vec![0; 1 << 20], &mut one, flate2::FlushCompress::Full).unwrap();
    // An empty last block (RFC 1951, 3.2.4).
    [one.repeat(mebibytes).as_slice(), &[1, 0, 0, 0xff, 0xff]].concat()
}

/// An archive whose only member is this, deflated before.
fn swelling(name: &str, deflated: &[u8], size: usize) -> Vec<u8> {
    let [name_length, stored, size] =
        [name.len(), deflated.len(), size].map(|one| u32::try_from(one).unwrap());
    let fields = |head: &[u8]| {
        let numbers = [0, stored, size, name_length].map(u32::to_le_bytes).concat();
        [head, &[20, 0, 0, 0, 8, 0, 0, 0, 0, 0], &numbers].concat()
    };
    let mut zip = [&fields(b"PK\x03\x04"), name.as_bytes(), deflated].concat();
    let at = u32::try_from(zip.len()).unwrap();
    zip.extend([&fields(b"PK\x01\x02\x14\0"), [0; 14].as_slice(), name.as_bytes()].concat());
    let length = u32::try_from(zip.len()).unwrap() - at;
    zip.extend(
        [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &length.to_le_bytes(), &at.to_le_bytes(), &[0; 2]]
            .concat(),
    );
    zip
}

/// An archive whose only member has so many MiB of zeros.
fn zeros(name: &str, mebibytes: usize) -> Vec<u8> {
    swelling(name, &deflated_zeros(mebibytes), mebibytes << 20)
}

/// The same archive many times as a member of another.
fn crowd(count: usize, member: &[u8], options: SimpleFileOptions) -> Vec<u8> {
    let names: Vec<_> = (0..count).map(|at| format!("{at}.jar")).collect();
    jar(options, &names.iter().map(|name| (name.as_str(), member)).collect::<Vec<_>>())
}

#[test]
fn archives_that_swell_end_and_keep_their_own_name() {
    let bomb = zeros("x.jar", 20);
    let many = crowd(200, &bomb, deflated());
    let read =
        told("200 archives that hold a bomb", &Layer::new().file("a.jar", &many).done(), "swells to more");
    assert_eq!(read.told.len(), 1, "{:?}", read.told);
    assert_eq!(read.packages, ["g:a"]);
    let mut layer = Layer::new();
    for at in 0..10 {
        layer = layer.file(&format!("{at}.jar"), &many);
    }
    let read = self::read("ten such", &layer.done());
    assert!(read.told.len() <= 10, "{:?}", read.told);
    let inner = crowd(10, &zeros("pad", 15), deflated());
    let inner = crowd(10, &inner, stored());
    // Each of the two hundred is read, and nothing in it is.
    let read = self::read("two levels of ten archives each", &Layer::new().file("a.jar", &inner).done());
    assert_eq!((read.packages.len(), read.told.len()), (11, 0), "{:?}", read.told);
    for (name, member) in [("record", POM), ("manifest", "META-INF/MANIFEST.MF")] {
        let swollen = zeros(member, 20);
        told(name, &Layer::new().file("a.jar", &swollen).done(), "more than 16777216 bytes");
    }
}

/// Archives that swell to what may be held, one in the other.
#[test]
fn archives_in_archives_take_bounded_memory() {
    // Each as large as an archive inside may become: the next one, and zeros.
    let (mut nested, zeros) = (jar(stored(), &[]), vec![0; 15 << 20]);
    for _ in 0..6 {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, options, content) in [("pad", stored(), &zeros), ("x.jar", deflated(), &nested)] {
            zip.start_file(name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        nested = zip.finish().unwrap().into_inner();
    }
    let nested = jar(stored(), &[("x.jar", &nested)]);
    let read = told("six archives", &Layer::new().file("a.jar", &nested).done(), "bytes of memory");
    assert!(!read.packages.is_empty());
    // The layer has 16 bytes for each of its own.
    let size = 300 << 20;
    let mut layer = Layer::new();
    layer.add("zeros.jar", size, repeat(0).take(size));
    let read = read_within(MEMORY / 3, "300 MiB of zeros", &layer.file("a.jar", &jar(stored(), &[])).done());
    assert!(read.told.len() == 1 && read.told[0].contains("at most 67108864 are read"), "{:?}", read.told);
    assert_eq!(read.packages, ["g:a"]);
}

#[test]
fn what_a_layer_takes_too_much_of_is_told_once() {
    let lock = |byte| vec![byte; 8 << 20];
    let mut layer = Layer::new();
    for at in 0..9 {
        layer = layer.file(&format!("{at}/package-lock.json"), &lock(b'x'));
    }
    for at in 0..39 {
        layer = layer.file(&format!("{at}.jar"), &jar(stored(), &[]));
    }
    // The module that it was built from is not found either.
    layer = layer.file("usr/bin/x", &[b"\x7fELF".as_slice(), &[0; 100]].concat());
    let read = read("nine lock files", &layer.file("node_modules/a/package.json", b"{}").done());
    assert!(read.packages.is_empty(), "{:?}", read.packages);
    let (told, others): (Vec<_>, Vec<_>) =
        read.told.iter().partition(|told| told.contains("reading the layer"));
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.starts_with("5/package-lock.json: ") && told.contains("units of work"), "{told}");
    assert!(
        told.ends_with(
            "nor is `6/package-lock.json`; `7/package-lock.json`; `8/package-lock.json`; and 41 more"
        ),
        "{told}"
    );
    assert_eq!(others.len(), 5, "{others:?}");
}

/// What others ask for has a budget of its own.
#[test]
fn what_is_asked_for_takes_nothing_from_the_layer() {
    let mut layer = Layer::new();
    for at in 0..9 {
        layer = layer.file(&format!("{at}"), &vec![b'x'; 8 << 20]);
    }
    let blob = layer.file("a.jar", &jar(stored(), &[])).done();
    let layer = Descriptor::of(media::OCI_LAYER_ZSTD, &blob);
    let content = analyse(&blob[..], &layer, None).unwrap();
    assert!(content.unread.is_empty());
    let asked: Vec<_> = (0..9).map(|at| (at, format!("{at}/package-lock.json"))).collect();
    let again = analyse_again(&blob[..], &layer, &content, &asked, Vec::new()).unwrap();
    let [told] = again.unread.as_slice() else { panic!("{:?}", again.unread) };
    assert!(
        told.path == "5/package-lock.json"
            && told
                .reason
                .ends_with("nor is `6/package-lock.json`; `7/package-lock.json`; `8/package-lock.json`"),
        "{told:?}"
    );
    let packages = merge(&[(layer, again)]).packages;
    assert_eq!(packages.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["g:a"]);
}

#[test]
fn many_honest_archives_and_descriptions_are_read() {
    let mut layer = Layer::new();
    for at in 0..3000 {
        let own = format!("groupId=g\nartifactId=a{at}\nversion=1\n");
        let jar = swelling(POM, &stored_block(own.as_bytes()), own.len());
        layer = layer.file(&format!("opt/{at}.jar"), &jar);
        layer = layer.file(
            &format!("node_modules/p{at}/package.json"),
            format!("{{\"name\": \"p{at}\", \"version\": \"1.0.0\"}}").as_bytes(),
        );
    }
    let read = read("3000 of each", &layer.done());
    assert_eq!((read.packages.len(), read.told.as_slice()), (6000, &[][..]));
}

/// Bytes as deflate has them that it does not compress (RFC 1951, 3.2.4).
fn stored_block(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes].concat()
}

#[test]
fn archives_that_are_none_or_lie_about_themselves_end() {
    let good = jar(stored(), &[]);
    let end = good.len() - 22;
    let lying = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[end + at..end + at + bytes.len()].copy_from_slice(bytes);
        bad
    };
    for (name, jar) in [
        ("more files than there are", lying(8, &[0xfe, 0xff, 0xfe, 0xff])),
        ("a directory longer than the file", lying(12, &[0xff, 0xff, 0xff, 0x7f])),
        ("a directory beyond the end", lying(16, &[0xff, 0xff, 0xff, 0x7f])),
        ("a large archive that is none", lying(8, &[0xff; 12])),
        ("ends without end", repeated("PK\u{5}\u{6}", 8 << 20)),
        ("entries without end", repeated("PK\u{1}\u{2}", 8 << 20)),
        ("15 MiB of zeros", vec![0; 15 << 20]),
    ] {
        told(name, &Layer::new().file("a.jar", &jar).done(), "a.jar");
    }
    let garbage = crowd(1000, b"junk", stored());
    let read = self::read("1000 archives that are none", &Layer::new().file("a.jar", &garbage).done());
    assert_eq!(read.packages, ["g:a"]);
}

#[test]
fn crowds_of_members_end() {
    // The directory names one member of 15 MiB again and again.
    let one = zeros(POM, 15);
    let at = one.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    let end = one.len() - 22;
    let (count, entries) = (60_000u16, one[at..end].repeat(60_000));
    let length = u32::try_from(entries.len()).unwrap();
    let mut tail = one[end..].to_vec();
    tail[8..12].copy_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
    tail[12..16].copy_from_slice(&length.to_le_bytes());
    let overlapping = [&one[..at], &entries, &tail].concat();
    told("60 000 members in one place", &Layer::new().file("a.jar", &overlapping).done(), "units of work");
    // A large archive of more members than are read.
    let entries = b"PK\x01\x02".iter().copied().chain([0; 42]).collect::<Vec<_>>().repeat(600_000);
    let at = entries.len() as u64;
    let mut large = entries;
    let start = large.len();
    large.extend(b"PK\x06\x06");
    large.extend(44u64.to_le_bytes());
    large.extend([0; 12]);
    for number in [600_000, 600_000, at, 0] {
        large.extend(u64::to_le_bytes(number));
    }
    large.extend([b"PK\x06\x07".as_slice(), &[0; 4], &(start as u64).to_le_bytes(), &[1, 0, 0, 0]].concat());
    large.extend([b"PK\x05\x06".as_slice(), &[0; 4], &[0xff; 12], &[0; 2]].concat());
    told("600 000 members", &Layer::new().file("a.jar", &large).done(), "more than 500000 files");
}

#[test]
fn documents_that_are_large_trees_end() {
    let size = 4 << 20;
    let around = |open: &str, unit: &str, close: &str| {
        [open.as_bytes(), &repeated(unit, size), close.as_bytes()].concat()
    };
    for (name, path, document, words) in [
        ("TOML, lists", "poetry.lock", around("a = [\n", "[],", "]\n"), "TOML of more"),
        ("TOML, dotted keys", "uv.lock", around("a", ".a", " = 1\n"), "TOML of more"),
        ("TOML, tables", "Cargo.lock", around("", "[[a]]\n", ""), "TOML of more"),
        ("JSON, lists", "package-lock.json", around("{\"packages\":[", "[],", "[]]}"), "as a tree"),
        ("JSON, objects", "composer.lock", around("{\"packages\":[", "{\"a\":0},", "0]}"), "as a tree"),
        ("JSON, members", "app.deps.json", around("{", "\"\":{\"\":0},", "\"\":0}"), "as a tree"),
        (
            "JSON, a bill of materials",
            "bom.json",
            around("{\"bomFormat\":\"CycloneDX\",\"components\":[", "[[0]],", "0]}"),
            "as a tree",
        ),
        ("YAML, lists", "pnpm-lock.yaml", around("a:\n", "- [[]]\n", ""), "as a tree"),
        ("YAML, maps", "pubspec.lock", around("a:\n", "- {a: }\n", ""), "as a tree"),
        ("YAML, flows", "Podfile.lock", around("PODS: [", "[],", "]\n"), "as a tree"),
        ("YAML, nested", "pnpm-lock.yaml", around("a: ", "[", ""), "not YAML"),
    ] {
        let read = told(name, &Layer::new().file(path, &document).done(), words);
        assert!(read.packages.is_empty(), "{name}");
    }
}

#[test]
fn documents_that_are_too_long_are_told() {
    let size = 17u64 << 20;
    for path in [
        "poetry.lock",
        "package-lock.json",
        "pnpm-lock.yaml",
        "x-1.dist-info/METADATA",
        "node_modules/x/package.json",
        "var/lib/dpkg/status",
        "lib/apk/db/installed",
        "etc/passwd",
        "etc/os-release",
        "go.mod",
        "requirements.txt",
        "bom.json",
        "usr/share/doc/x/copyright",
        "var/lib/dpkg/info/x.list",
    ] {
        let mut layer = Layer::new();
        layer.add(path, size, repeat(b'a').take(size));
        told(path, &layer.done(), path);
    }
}

#[test]
fn texts_of_the_longest_kind_take_bounded_memory() {
    let size = 2 << 20;
    for (name, path, unit) in [
        ("dpkg, packages", "var/lib/dpkg/status", "Package: a\nVersion: 1\nStatus: install ok installed\n\n"),
        ("dpkg, fields", "var/lib/dpkg/status", "a:\n"),
        ("dpkg, lines", "var/lib/dpkg/status", "a\n"),
        ("dpkg, blanks", "var/lib/dpkg/status", "\n"),
        ("dpkg, files", "var/lib/dpkg/info/x.list", "/a\n"),
        ("dpkg, digests", "var/lib/dpkg/info/x.md5sums", "d41d8cd98f00b204e9800998ecf8427e  a\n"),
        ("apk, packages", "lib/apk/db/installed", "P:a\nV:1\n\n"),
        ("apk, files", "lib/apk/db/installed", "F:a\nR:b\n"),
        ("passwd", "etc/passwd", "a:x:1:1:::\n"),
        ("os-release", "etc/os-release", "ID=a\n"),
        ("copyright", "usr/share/doc/x/copyright", "License: MIT\n"),
        (
            "METADATA, licences",
            "x-1.dist-info/METADATA",
            "Classifier: License :: OSI Approved :: MIT License\n",
        ),
        ("METADATA, fields", "x-1.dist-info/METADATA", "a:\n"),
        ("go.mod", "go.mod", "require a v1\n"),
        ("Gemfile.lock", "Gemfile.lock", "    a (1)\n"),
        ("requirements", "requirements.txt", "a==1 --hash=sha256:0\n"),
        ("requirements, one line", "requirements.txt", "a==1\\\n"),
        ("yarn.lock", "yarn.lock", "a@1:\n  version \"1\"\n"),
        ("mix.lock", "mix.lock", "\"a\": {:hex, :a, \"1\"},\n"),
        ("gemspec", "specifications/x-1.gemspec", "s.name = \"x\"\n"),
        ("CBL-Mariner", "var/lib/rpmmanifest/container-manifest-2", "a\t1\t\t\t\t\t\tb\t0\tc\n"),
    ] {
        // The longest that is read is eight times as long, and names more than are read of one file.
        read_within(MEMORY / 3, name, &Layer::new().file(path, &repeated(unit, size)).done());
    }
}

#[test]
fn databases_that_bite_their_tail_end() {
    let sqlite = |page: &[u8]| {
        let mut bytes = b"SQLite format 3\0\x02\0\x01\x01\0".to_vec();
        bytes.resize(100, 0);
        bytes.extend(page);
        bytes.resize(4 << 20, 0x05);
        bytes
    };
    for (name, path, bytes) in [
        (
            "SQLite, inner pages",
            "var/lib/rpm/rpmdb.sqlite",
            sqlite(&[5, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 2]),
        ),
        ("SQLite, leaves", "var/lib/rpm/rpmdb.sqlite", sqlite(&[13, 0, 0, 0xff, 0xff])),
        ("SQLite of nix", "nix/var/nix/db/db.sqlite", sqlite(&[5, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1])),
        (
            "ndb",
            "var/lib/rpm/Packages.db",
            [b"RpmP\0\0\0\0\x01\0\0\0\xff\xff\0\0".as_slice(), &repeated("Slot", 4 << 20)].concat(),
        ),
        ("Berkeley DB", "var/lib/rpm/Packages", {
            let mut bytes = vec![0x13; 4 << 20];
            bytes[12..16].copy_from_slice(&[0x61, 0x15, 0x06, 0]);
            bytes[20..24].copy_from_slice(&[0, 2, 0, 0]);
            bytes[32..36].copy_from_slice(&[9, 0, 0, 0]);
            bytes
        }),
    ] {
        told(name, &Layer::new().file(path, &bytes).done(), path);
    }
}

#[test]
fn programs_that_say_too_much_end() {
    let mut layer = Layer::new();
    let start = |rest: &[u8]| [b"\x7fELF".as_slice(), rest].concat();
    let modules = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6path\t";
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(br#"{"packages":["#).unwrap();
    std::io::copy(&mut repeat(b' ').take(40 << 20), &mut encoder).unwrap();
    let crates = encoder.finish().unwrap();
    let size = 8u64 << 20;
    for (name, unit) in [
        ("build information", b"\xff Go buildinf:\x08\x02".as_slice()),
        ("modules", modules),
        ("modules, lines", b"dep\ta\tv1\n"),
        ("zlib", b"\x78\x9c\x63"),
    ] {
        let content = start(&unit.repeat((1 << 18) / unit.len()));
        layer = layer.file(name, &content);
    }
    layer.add("large", size + 4, start(b"").chain(repeat(0x78).take(size)));
    layer = layer.file("crates", &start(&crates));
    layer = layer.file("lists", &start(&[modules.as_slice(), &repeated("dep\ta\tv1\n", 4 << 20)].concat()));
    read("programs", &layer.done());
}

#[test]
fn names_that_are_long_are_refused_in_the_end() {
    let (name, link) = ("n".repeat(4000), Head::new(b'2', b"l").with(157, b"t").block());
    let mut member = [heads::pax(&[("path", &format!("{:05}{name}", 0))]).as_slice(), &link].concat();
    let place = member.windows(10).position(|ten| ten == b"path=00000").unwrap() + 5;
    let mut layer = Layer::new();
    for at in 0..70_000 {
        member[place..place + 5].copy_from_slice(format!("{at:05}").as_bytes());
        layer.0.write_all(&member).unwrap();
    }
    let blob = layer.done();
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let layer = Descriptor::of(media::OCI_LAYER_ZSTD, &blob);
    let (read, peak) = peak(|| analyse(&blob[..], &layer, None));
    assert!(peak < 2 * MEMORY, "{} MiB", peak >> 20);
    assert!(
        matches!(&read, Err(LayerError::Unreadable(error)) if error.to_string().contains("names")),
        "{read:?}"
    );
}

#[test]
fn contents_that_others_wrote_take_bounded_memory() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let diff_id = Digest::of(b"tar");
    let most = lockgate_model::limits::LAYER_CONTENT_BYTES;
    let number = |mut value: usize| {
        let mut bytes = Vec::new();
        while value > 127 {
            bytes.push(u8::try_from(value & 127).unwrap() | 128);
            value >>= 7;
        }
        bytes.push(u8::try_from(value).unwrap());
        bytes
    };
    // The digest, then lists: entries, what files say, what was asked, and three more.
    let mut head = LayerContent { diff_id, ..LayerContent::empty(Digest::of(b"")) }.to_bytes().unwrap();
    head.truncate(head.len() - 6);
    let rest = vec![0; most - head.len() - 32];
    let shortest: Vec<u8> = rest.chunks(2).flat_map(|_| [0, 2]).collect();
    let cases = [
        ("a list said to be longest", [&head[..], &number(usize::MAX >> 1)].concat()),
        ("more entries than are read", [&head[..], &number(shortest.len() / 2), &shortest].concat()),
        ("as many as are read", [&head[..], &number(2_000_000), &shortest].concat()),
        ("files that say nothing", [&head[..], &number(0), &number(rest.len()), &rest].concat()),
        ("files that say the most", [&head[..], &number(0), &number(1), &number(rest.len()), &rest].concat()),
        ("names of nothing", [&head[..], &number(0), &number(0), &number(rest.len() / 2), &rest].concat()),
        ("more bytes than are read", vec![0; most + 1]),
    ];
    // Whoever is asked for their word may take this much.
    let memory_of_words = 512 << 20;
    for (what, bytes) in cases {
        let (read, memory) = peak(|| LayerContent::from_others(&bytes, &diff_id).is_err());
        assert!(read, "{what}");
        assert!(memory < memory_of_words, "{what}: {} MiB", memory >> 20);
    }
}
