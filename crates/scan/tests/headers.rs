//! Tar headers in every form, as runtimes read them: those by Go's `archive/tar`. Each row is what `docs/reading.md` says, and
//! umoci unpacks the same files from it. `LOCKGATE_HEADERS` says how many random tars are unpacked beside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "an independent reader needs files")]

mod heads;
mod unpacked;

use std::collections::BTreeMap;

use heads::{Head, file, long_name, pax, records};
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use lockgate_scan::{LayerError, analyse, list_verified};
use unpacked::Unpacker;
use xtask::parts::{self, or_skip};

/// Random tars, unless said.
const COUNT: u64 = 300;

const V7: &[u8; 8] = b"\0\0\0\0\0\0\0\0";
const GNU: &[u8; 8] = b"ustar  \0";
/// Where the magic with its version, the prefix, and STAR's trailer are.
const MAGIC: usize = 257;
const PREFIX: usize = 345;
const TRAILER: usize = 508;

/// What a tar lays out: a line for each path.
type Tree = BTreeMap<String, String>;

/// One path in its one spelling; nothing for the root.
fn clean(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// What the layer's members are, later ones over earlier ones.
fn listed(tar: &[u8]) -> Result<Tree, LayerError> {
    let listing = list_verified(tar, &Descriptor::of(media::OCI_LAYER, tar), &Digest::of(tar))?;
    let mut tree = Tree::new();
    for entry in listing.entries {
        let Some(path) = clean(&entry.path) else { continue };
        let link = entry.fields.get("link").map_or("", String::as_str);
        let is = match entry.fields["kind"].as_str() {
            "PAX global header" => continue,
            "file" => format!("file {}", entry.content.unwrap()),
            "folder" => "folder".to_owned(),
            "hard link" => tree[&clean(link).unwrap()].clone(),
            "symbolic link" => format!("link {link}"),
            other => other.to_owned(),
        };
        for (at, _) in path.match_indices('/') {
            tree.entry(path[..at].to_owned()).or_insert_with(|| "folder".to_owned());
        }
        tree.insert(path, is);
    }
    Ok(tree)
}

fn tree(lines: &[(&str, &str)]) -> Tree {
    let is = |what: &str| match what.split_once(' ') {
        Some(("file", text)) => format!("file {}", Digest::of(text.as_bytes())),
        _ => what.to_owned(),
    };
    lines.iter().map(|(path, what)| ((*path).to_owned(), is(what))).collect()
}

/// What a runtime makes of a row besides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Umoci {
    /// It lays out the same, or refuses where the row is refused.
    Same,
    /// It refuses the type of the member; what such a layer holds runs nowhere.
    RefusesType,
}

struct Row {
    name: &'static str,
    tar: Vec<u8>,
    /// Nothing where it is refused.
    tree: Option<Tree>,
    umoci: Umoci,
}

fn row(name: &'static str, tar: Vec<u8>, lines: &[(&str, &str)]) -> Row {
    Row { name, tar, tree: Some(tree(lines)), umoci: Umoci::Same }
}

fn refused(name: &'static str, tar: Vec<u8>) -> Row {
    Row { name, tar, tree: None, umoci: Umoci::Same }
}

const TEXT: &str = "file text";

/// The magic and the fields that it gives meaning to.
fn formats() -> Vec<Row> {
    let head = || Head::new(b'0', b"f");
    let prefixed = |magic: &[u8]| head().with(MAGIC, magic).with(PREFIX, b"a/b").holding(b"text");
    let deep = [("a", "folder"), ("a/b", "folder"), ("a/b/f", TEXT)];
    let flat = [("f", TEXT)];
    let long = "p".repeat(131);
    let star = |trailer: &[u8]| {
        head()
            .with(PREFIX, long.as_bytes())
            .with(476, b"00000000001\0")
            .with(488, b"00000000002\0")
            .with(TRAILER, trailer)
    };
    let in_long = format!("{long}/f");
    let times = |atime: &[u8], ctime: &[u8]| {
        head().with(MAGIC, GNU).with(345, atime).with(357, ctime).holding(b"text")
    };
    vec![
        row("ustar", prefixed(b"ustar\x0000"), &deep),
        row("ustar, version blank", prefixed(b"ustar\0  "), &deep),
        row("ustar, version zero", prefixed(b"ustar\0\0\0"), &deep),
        row("ustar, any version", prefixed(b"ustar\0xy"), &deep),
        row("v7", prefixed(V7), &flat),
        row("another magic", prefixed(b"USTAR\x0000"), &flat),
        row("GNU's magic, another version", prefixed(b"ustar 00"), &flat),
        row("GNU, a prefix where times belong", prefixed(GNU), &deep),
        row("GNU, times", times(b"00000000001\0", b"00000000002\0"), &flat),
        row("GNU, no times, then a prefix", times(b"\0", b"xyz"), &flat),
        row("GNU, a prefix that is not ASCII", times(b"\xc3\xa4", b""), &flat),
        row("GNU, one time that is not a number", times(b"01\0", b"x"), &[("01", "folder"), ("01/f", TEXT)]),
        row("star", star(b"tar\0").holding(b"text"), &[(&long, "folder"), (&in_long, TEXT)]),
        refused("star, times that are no numbers", star(b"tar\0").with(476, b"x").holding(b"text")),
        row(
            "names end at a zero byte",
            Head::new(b'0', b"f\0g").with(PREFIX, b"d\0e").holding(b"text"),
            &[("d", "folder"), ("d/f", TEXT)],
        ),
        row(
            "names of 100 bytes",
            Head::new(b'0', &[b'n'; 100]).holding(b"text"),
            &[(&"n".repeat(100), TEXT)],
        ),
        row("links end at a zero byte", Head::new(b'2', b"l").with(157, b"t\0u").block(), &[("l", "link t")]),
    ]
}

/// Numbers and checksums.
fn numbers() -> Vec<Row> {
    let size =
        |field: &[u8; 12]| [Head::new(b'0', b"f").with(124, field).before(b"text"), file("g")].concat();
    let both = [("f", TEXT), ("g", TEXT)];
    let mode = |field: &[u8]| Head::new(b'0', b"f").with(100, field).holding(b"text");
    let only = [("f", TEXT)];
    let odd = Head::new(b'0', b"\xe9").holding(b"text");
    let mut wrong = file("f");
    wrong[148..156].copy_from_slice(b"0000001\0");
    let mut blank = file("f");
    let digits = blank[148..154].to_vec();
    blank[148..156].copy_from_slice(&[b"\0 ", digits.as_slice()].concat());
    vec![
        row("size, octal", size(b"00000000004\0"), &both),
        row("size, blanks", size(b"   4        "), &both),
        row("size, zero bytes before it", size(b"\0\0\0 4\0\0\0\0\0\0\0"), &both),
        row("size, twelve digits", size(b"000000000004"), &both),
        row("size, base 256", size(b"\x80\0\0\0\0\0\0\0\0\0\0\x04"), &both),
        refused("size, base 256, negative", size(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
        refused("size, base 256, beyond 64 bits", size(b"\x80\0\0\x01\0\0\0\0\0\0\0\x04")),
        refused("size, a digit that is not octal", size(b"00000000008\0")),
        refused("size, a blank inside", size(b"0000 000004\0")),
        row(
            "size, none",
            [Head::new(b'0', b"f").with(124, &[0; 12]).block(), file("g")].concat(),
            &[("f", "file "), ("g", TEXT)],
        ),
        row("mode, none", mode(&[0; 8]), &only),
        refused("mode, text", mode(b"rw-r--r-")),
        refused("mtime, text", Head::new(b'0', b"f").with(136, b"yesterday").holding(b"text")),
        refused("uid, a sign", Head::new(b'0', b"f").with(108, b"-1").holding(b"text")),
        refused("device numbers, text", Head::new(b'0', b"f").with(329, b"x").holding(b"text")),
        row(
            "device numbers of v7 are not read",
            Head::new(b'0', b"f").with(MAGIC, V7).with(329, b"x").holding(b"text"),
            &only,
        ),
        row("checksum, unsigned bytes", odd, &[("\u{fffd}e9", TEXT)]),
        row(
            "checksum, signed bytes",
            Head::new(b'0', b"\xe9").signed().holding(b"text"),
            &[("\u{fffd}e9", TEXT)],
        ),
        row("checksum, blanks before it", blank, &only),
        refused("checksum, wrong", wrong),
    ]
}

/// Types, and what content they have.
fn types() -> Vec<Row> {
    let slash = |kind| [Head::new(kind, b"d/").holding(b"text"), file("g")].concat();
    let bare = |kind| [Head::new(kind, b"d").sized(512).block(), file("g")].concat();
    let refuses = |row: Row| Row { umoci: Umoci::RefusesType, ..row };
    let linked =
        |kind| [file("t"), Head::new(kind, b"l").with(157, b"t").sized(4).block(), file("g")].concat();
    vec![
        row("type 0, a name that ends in a slash", slash(b'0'), &[("d", TEXT), ("g", TEXT)]),
        row(
            "no type, a name that ends in a slash",
            [Head::new(0, b"d/").sized(4).block(), file("g")].concat(),
            &[("d", "folder"), ("g", TEXT)],
        ),
        row(
            "no type, a PAX name that ends in a slash",
            [pax(&[("path", "e/")]), Head::new(0, b"d").sized(4).block(), file("g")].concat(),
            &[("e", "folder"), ("g", TEXT)],
        ),
        row("no type", Head::new(0, b"f").holding(b"text"), &[("f", TEXT)]),
        row("a folder with a size", bare(b'5'), &[("d", "folder"), ("g", TEXT)]),
        row("a pipe with a size", bare(b'6'), &[("d", "device or pipe"), ("g", TEXT)]),
        row("a symbolic link with a size", linked(b'2'), &[("t", TEXT), ("l", "link t"), ("g", TEXT)]),
        row("a hard link with a size", linked(b'1'), &[("t", TEXT), ("l", TEXT), ("g", TEXT)]),
        refuses(row("a contiguous file", Head::new(b'7', b"f").holding(b"text"), &[("f", TEXT)])),
        refuses(row(
            "an unknown type has content",
            [Head::new(b'Z', b"f").holding(b"text"), file("g")].concat(),
            &[("f", "device or pipe"), ("g", TEXT)],
        )),
    ]
}

/// What stands before a member.
fn extensions() -> Vec<Row> {
    let after = |before: &[Vec<u8>]| [before.concat(), file("f")].concat();
    let named = |name| [(name, TEXT)];
    let link = |before: &[Vec<u8>]| [before.concat(), Head::new(b'2', b"l").with(157, b"t").block()].concat();
    let long_link = Head::new(b'K', b"././@LongLink").with(MAGIC, GNU).holding(b"k\0z");
    let global = |said: &[(&str, &str)]| Head::new(b'g', b"pax_global_header").holding(&records(said));
    let refuses = |row: Row| Row { umoci: Umoci::RefusesType, ..row };
    let small = |said| [pax(&[("size", said)]), Head::new(b'0', b"f").before(b"text"), file("g")].concat();
    vec![
        row("PAX path", after(&[pax(&[("path", "p")])]), &named("p")),
        row("PAX path, twice", after(&[pax(&[("path", "o"), ("path", "p")])]), &named("p")),
        row("PAX path, taken back", after(&[pax(&[("path", "o"), ("path", "")])]), &named("f")),
        row(
            "two PAX headers: the second",
            after(&[pax(&[("path", "o")]), pax(&[("path", "p")])]),
            &named("p"),
        ),
        row(
            "two PAX headers: all of the first is gone",
            after(&[pax(&[("path", "o")]), pax(&[("uname", "p")])]),
            &named("f"),
        ),
        row("long name", after(&[long_name(b"n\0z")]), &named("n")),
        row("long name before PAX", after(&[long_name(b"n"), pax(&[("path", "p")])]), &named("n")),
        row("long name after PAX", after(&[pax(&[("path", "p")]), long_name(b"n")]), &named("n")),
        row("long name, empty", after(&[pax(&[("path", "p")]), long_name(b"\0")]), &named("p")),
        row("long name, twice", after(&[long_name(b"o"), long_name(b"n")]), &named("n")),
        row(
            "long name with a prefix",
            [long_name(b"n"), Head::new(b'0', b"f").with(PREFIX, b"a").holding(b"text")].concat(),
            &named("n"),
        ),
        row("PAX link", link(&[pax(&[("linkpath", "p")])]), &[("l", "link p")]),
        row("long link name before PAX", link(&[long_link, pax(&[("linkpath", "p")])]), &[("l", "link k")]),
        row("PAX size", small("4"), &[("f", TEXT), ("g", TEXT)]),
        row("PAX size, with a sign", small("+4"), &[("f", TEXT), ("g", TEXT)]),
        refused("PAX size, negative", small("-4")),
        row(
            "PAX size of a folder",
            [pax(&[("size", "-512")]), Head::new(b'5', b"d").block(), file("g")].concat(),
            &[("d", "folder"), ("g", TEXT)],
        ),
        refused("PAX size, text", small("0x4")),
        refused("PAX time, text", after(&[pax(&[("mtime", "now")])])),
        refused("PAX path with a zero byte", after(&[pax(&[("path", "p\0q")])])),
        refused("PAX records that are cut off", after(&[Head::new(b'x', b"x").holding(b"99 path=p\n")])),
        refuses(row(
            "a global header changes nothing",
            after(&[global(&[("path", "p"), ("size", "1")])]),
            &named("f"),
        )),
        refuses(row(
            "a global header ends what stood before it",
            after(&[pax(&[("path", "p")]), global(&[("comment", "x")])]),
            &named("f"),
        )),
        refused(
            "a global header that cannot be read",
            after(&[Head::new(b'g', b"g").holding(b"99 path=p\n")]),
        ),
    ]
}

/// Files with holes; here with none, so that stored and real content are the same.
fn sparse() -> Vec<Row> {
    let file =
        |said: &[(&str, &str)], content: &[u8]| [pax(said), Head::new(b'0', b"f").holding(content)].concat();
    let version = |major, minor| [("GNU.sparse.major", major), ("GNU.sparse.minor", minor)];
    let map = [("GNU.sparse.map", "0,4"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.size", "4")];
    let pieces = [
        ("GNU.sparse.size", "4"),
        ("GNU.sparse.numblocks", "1"),
        ("GNU.sparse.offset", "0"),
        ("GNU.sparse.numbytes", "4"),
    ];
    let only = [("f", TEXT)];
    let with = |more: (&'static str, &'static str)| [map.as_slice(), &[more]].concat();
    let old = |real: &[u8]| {
        let head = Head::new(b'S', b"f").with(MAGIC, GNU).with(386, b"00000000000\x0000000000004\0");
        head.with(483, real).holding(b"text")
    };
    vec![
        row("a sparse size alone", file(&[("GNU.sparse.size", "0")], b"text"), &only),
        row("a sparse name alone", file(&[("GNU.sparse.name", "n")], b"text"), &only),
        row("an unknown version", file(&[version("2", "0").as_slice(), &map].concat(), b"text"), &only),
        row("half a version", file(&[&version("1", "0")[..1], &map].concat(), b"text"), &only),
        row("version 0.0", file(&pieces, b"text"), &only),
        row(
            "version 0.1, said",
            file(&[version("0", "1").as_slice(), &map, &[("GNU.sparse.name", "n")]].concat(), b"text"),
            &[("n", TEXT)],
        ),
        refused(
            "a sparse link",
            [
                pax(&[("GNU.sparse.map", "0,0"), map[1], map[2]]),
                Head::new(b'2', b"l").with(157, b"t").block(),
            ]
            .concat(),
        ),
        refused(
            "version 1.0, fewer pieces than none",
            file(&version("1", "0"), &[b"-1\n".as_slice(), &[0; 509]].concat()),
        ),
        row("version 0.1", file(&map, b"text"), &only),
        row("version 0.1, named", file(&with(("GNU.sparse.name", "n")), b"text"), &[("n", TEXT)]),
        refused("pieces in another order", file(&[pieces[3], pieces[2], pieces[0], pieces[1]], b"text")),
        refused("fewer pieces than it says", file(&with(("GNU.sparse.numblocks", "2")), b"text")),
        refused("a piece beyond its end", file(&with(("GNU.sparse.size", "3")), b"text")),
        refused("a negative size", file(&with(("GNU.sparse.size", "-1")), b"text")),
        refused("more content than its map says", file(&map, b"texts")),
        refused("less content than its map says", file(&map, b"tex")),
        refused("a map without the number of pieces", file(&[map[0], map[2]], b"text")),
        refused("version 1.0, a map that is text", file(&version("1", "0"), &[b'x'; 512])),
        refused("version 1.0, a map that ends inside a block", file(&version("1", "0"), b"0\n")),
        Row { umoci: Umoci::RefusesType, ..row("the old form", old(b"00000000004\0"), &only) },
        refused(
            "the old form, ustar",
            Head::new(b'S', b"f")
                .with(386, b"00000000000\x0000000000004\0")
                .with(483, b"00000000004\0")
                .holding(b"text"),
        ),
        refused("the old form, too short", old(b"00000000003\0")),
    ]
}

/// Where a tar ends.
fn ends() -> Vec<Row> {
    let only = [("f", TEXT)];
    let then = |more: &[u8]| [file("f"), more.to_vec()].concat();
    vec![
        row("the stream ends", file("f"), &only),
        row("the stream ends in what fills a block", file("f")[..700].to_vec(), &only),
        row(
            "two blocks of zeros, then anything",
            then(&[&[0; 1024][..], b"junk", &file("g")].concat()),
            &only,
        ),
        row("one block of zeros", then(&[0; 512]), &only),
        refused("one block of zeros, then more", then(&[&[0; 512][..], &file("g")].concat())),
        refused("one block of zeros and a half", then(&[0; 700])),
        refused("the stream ends inside a header", then(&[b'x'; 100])),
        refused("the stream ends inside a file", file("f")[..514].to_vec()),
        refused("the stream ends after a header with content", file("f")[..512].to_vec()),
        refused("what is not a header", then(&[b'x'; 512])),
        row("nothing at all", Vec::new(), &[]),
    ]
}

fn rows() -> Vec<Row> {
    [formats(), numbers(), types(), extensions(), sparse(), ends()].into_iter().flatten().collect()
}

#[test]
fn headers_are_read_as_go_reads_them() {
    for Row { name, tar, tree, .. } in rows() {
        let read = listed(&tar);
        assert_eq!(read.as_ref().ok(), tree.as_ref(), "{name}: {read:?}");
    }
}

#[test]
fn umoci_unpacks_what_is_listed() {
    let Some(umoci) = or_skip(parts::program("umoci"), "umoci_unpacks_what_is_listed") else { return };
    let runtime = Unpacker::new(umoci);
    for Row { name, tar, tree, umoci } in rows() {
        let unpacked = runtime.unpacked(&tar);
        match umoci {
            Umoci::Same => assert_eq!(unpacked, tree, "{name}"),
            Umoci::RefusesType => assert_eq!(unpacked, None, "{name}"),
        }
    }
}

#[test]
fn a_global_header_with_a_path_is_told() {
    let layer = |name: &[u8], said: &[(&str, &str)]| {
        let tar = [Head::new(b'g', name).holding(&records(said)), file("f")].concat();
        analyse(tar.as_slice(), &Descriptor::of(media::OCI_LAYER, &tar), None).unwrap()
    };
    for (name, said) in [(&b"var/lib/dpkg"[..], &[][..]), (b"pax_global_header", &[("path", "var/lib/dpkg")])]
    {
        let unread = layer(name, said).unread;
        assert_eq!(unread.len(), 1, "{unread:?}");
        assert_eq!(unread[0].path, "var/lib/dpkg");
    }
    for name in [&b"pax_global_header"[..], b"././@PaxHeader", b"/tmp/GlobalHead.1.1", b"", b"./"] {
        assert_eq!(layer(name, &[("comment", "x")]).unread, [], "{name:?}");
    }
}

/// Chance that is the same each time (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % most
    }

    fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// A header and what stands before it, of any form; the number makes its names its own.
fn random_member(chance: &mut Chance, at: usize) -> Vec<u8> {
    let name = format!(
        "{}{at}{}",
        chance.of(&["f", "a/f", "./f", "/f", "\u{e9}"]),
        chance.of(&["", "", "", "/", "\0x"])
    );
    let mut head =
        Head::new(*chance.of(&[&b'0', &b'0', &b'0', &0, &0, &b'1', &b'2', &b'5', &b'6']), name.as_bytes());
    head = head.with(
        MAGIC,
        chance.of(&[b"ustar\x0000", b"ustar\x0000", b"ustar\0\0\0", b"ustar\0  ", GNU, GNU, b"ustar 00", V7]),
    );
    if chance.one_in(3) {
        head = head.with(PREFIX, chance.of(&[&b"p"[..], b"p/q", b"00000000001\0", b"p\0q", b"\xe9", b"7"]));
    }
    for (at, most) in [(357, 6), (TRAILER, 6), (100, 20), (108, 20), (136, 20), (329, 20), (337, 20)] {
        if chance.one_in(most) {
            let values = [&b"tar\0"[..], b"tar", b"1\0", b"\x80\0\0\0", b"x", b" 7 \0", b"\0\0\0\x01"];
            head = head.with(at, chance.of(&values));
        }
    }
    head = head.with(157, chance.of(&[b"t\0", b"t/", b"tt"]));
    if chance.one_in(12) {
        head = head.signed();
    }
    let content = &b"content"[..*chance.of(&[&0, &4, &7])];
    let sizes = [
        &b"00000000007\0"[..],
        b"         7 \0",
        b"\x80\0\0\0\0\0\0\0\0\0\0\x07",
        b"7\0junk",
        b"\0\x007\0\0",
    ];
    let said = if content.len() == 7 {
        chance.of(&sizes).to_vec()
    } else {
        format!("{:011o}\0", content.len()).into_bytes()
    };
    let mut tar = Vec::new();
    for _ in 0..chance.below(3) {
        tar.extend(random_extension(chance, at));
    }
    tar.extend(head.with(124, &said).before(if chance.one_in(9) { &[] } else { content }));
    tar
}

fn random_extension(chance: &mut Chance, at: usize) -> Vec<u8> {
    let name = format!("{}{at}{}", chance.of(&["n", "b/n", "/n"]), chance.of(&["", "", "/", "\0x"]));
    match chance.below(6) {
        0 => long_name(name.as_bytes()),
        1 => Head::new(b'K', b"k").with(MAGIC, GNU).holding(chance.of(&[&b"t"[..], b"\0", b"t\0u"])),
        _ => {
            let name = name.trim_end_matches("\0x");
            let said = [
                ("path", name),
                ("path", ""),
                ("linkpath", "t"),
                ("size", chance.of(&["0", "4", "7", "+7", "-1"])),
                ("GNU.sparse.size", chance.of(&["0", "4", "7", ""])),
                ("GNU.sparse.realsize", "7"),
                ("GNU.sparse.major", chance.of(&["0", "1", "2", ""])),
                ("GNU.sparse.minor", chance.of(&["0", "1", ""])),
                ("GNU.sparse.name", name),
                ("GNU.sparse.map", chance.of(&["0,7", "0,4,4,3", "", "0,4"])),
                ("GNU.sparse.numblocks", chance.of(&["1", "2", "0"])),
                ("GNU.sparse.offset", "0"),
                ("GNU.sparse.numbytes", chance.of(&["7", "4"])),
                ("mtime", chance.of(&["1.5", "1.x"])),
                ("comment", "x"),
            ];
            let count = 1 + chance.below(4);
            pax(&(0..count).map(|_| said[chance.below(said.len())]).collect::<Vec<_>>())
        }
    }
}

fn random_tar(seed: u64) -> Vec<u8> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut tar = file("t");
    for at in 0..=chance.below(3) {
        tar.extend(random_member(&mut chance, at));
    }
    if chance.one_in(6) {
        tar.truncate(chance.below(tar.len()));
    } else if chance.one_in(2) {
        tar.extend([0; 1024]);
    }
    tar
}

#[test]
fn umoci_unpacks_what_is_listed_of_random_headers() {
    let test = "umoci_unpacks_what_is_listed_of_random_headers";
    let Some(umoci) = or_skip(parts::program("umoci"), test) else { return };
    let runtime = Unpacker::new(umoci);
    let count = std::env::var("LOCKGATE_HEADERS").ok().and_then(|count| count.parse().ok()).unwrap_or(COUNT);
    let mut unpacked = 0;
    for seed in 0..count {
        let tar = random_tar(seed);
        // What the runtime refuses does not run.
        let Some(tree) = runtime.unpacked(&tar) else { continue };
        assert_eq!(listed(&tar).unwrap_or_else(|error| panic!("{seed}: {error}")), tree, "{seed}");
        unpacked += 1;
    }
    assert!(unpacked > count / 5, "{unpacked} of {count}");
}
