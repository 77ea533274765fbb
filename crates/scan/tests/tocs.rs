//! Layers with a table of contents (TOC), as zstd:chunked and eStargz have one: it is compared with the tar, and what differs
//! is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod tars;

use std::io::Write;

use lockgate_model::inventory::Unread;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use lockgate_scan::layer::toc::{TocPlace, TocRef, is_compared};
use lockgate_scan::{LayerContent, Tocs, analyse, analyse_again, analyse_verified, limits, merge};
use proptest::prelude::*;
use serde_json::{Value, json};
use tars::{Item, gzip, tar_of};

const CHECKSUM: &str = "io.github.containers.zstd-chunked.manifest-checksum";
const POSITION: &str = "io.github.containers.zstd-chunked.manifest-position";
const STARGZ: &str = "containerd.io/snapshot/stargz/toc.digest";

const LODASH: &str = r#"{"name":"lodash","version":"4.17.4"}"#;

fn items<'a>() -> Vec<Item<'a>> {
    vec![
        Item::Folder("app/"),
        Item::Raw(b"app/.wh.old", b""),
        Item::File("app/node_modules/lodash/package.json", LODASH),
        Item::Link("app/link", "../srv/x"),
        Item::Hard("app/hard", "app/node_modules/lodash/package.json"),
        Item::Pipe("app/pipe"),
        Item::File("app/data", "0123456789"),
    ]
}

/// What a writer of TOCs says of these.
fn entries(items: &[Item<'_>]) -> Vec<Value> {
    let entry = |item: &Item<'_>| match item {
        Item::File(path, content) => file(path, content.as_bytes()),
        Item::Raw(path, content) => file(std::str::from_utf8(path).unwrap(), content),
        Item::Folder(path) => json!({"type": "dir", "name": path, "mode": 0o644}),
        Item::Link(path, target) => {
            json!({"type": "symlink", "name": path, "linkName": target, "mode": 0o644})
        }
        Item::Hard(path, target) => {
            json!({"type": "hardlink", "name": path, "linkName": target, "mode": 0o644})
        }
        Item::Pipe(path) => json!({"type": "fifo", "name": path, "mode": 0o644}),
    };
    items.iter().map(entry).collect()
}

fn file(path: &str, content: &[u8]) -> Value {
    let mut entry = json!({
        "type": "reg", "name": path, "mode": 0o644, "size": content.len(), "modtime": "1970-01-01T00:00:00Z",
    });
    if !content.is_empty() {
        entry["digest"] = Digest::of(content).to_string().into();
        entry["offset"] = 4711.into();
    }
    entry
}

/// A layer of zstd:chunked: its tar, and behind it the TOC in a frame that readers skip.
fn chunked_with(plain: &[u8], json: &[u8]) -> (Descriptor, Vec<u8>) {
    let mut blob = zstd::encode_all(plain, 1).unwrap();
    let toc = zstd::encode_all(json, 1).unwrap();
    blob.extend(0x184d_2a50_u32.to_le_bytes());
    blob.extend(u32::try_from(toc.len()).unwrap().to_le_bytes());
    let position = format!("{}:{}:{}:1", blob.len(), toc.len(), json.len());
    blob.extend(&toc);
    let mut layer = Descriptor::of(media::OCI_LAYER_ZSTD, &blob);
    layer.annotations.insert(CHECKSUM.to_owned(), Digest::of(&toc).to_string());
    layer.annotations.insert(POSITION.to_owned(), position);
    (layer, blob)
}

fn document(entries: &[Value]) -> Vec<u8> {
    json!({"version": 1, "entries": entries}).to_string().into_bytes()
}

fn chunked(items: &[Item<'_>], entries: &[Value]) -> (Descriptor, Vec<u8>) {
    chunked_with(&tar_of(items), &document(entries))
}

/// A layer of eStargz: its tar ends with the TOC, and the blob with a footer.
fn stargz(items: &[Item<'_>], entries: &[Value]) -> (Descriptor, Vec<u8>) {
    let (json, tar) = (document(entries), tar_of(items));
    // Without the two blocks of zeros that end it.
    let mut blob = gzip(&tar[..tar.len() - 1024]);
    let offset = blob.len();
    blob.extend(gzip(&tar_of(&[Item::Raw(b"stargz.index.json", &json)])));
    blob.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 26, 0]);
    blob.extend(b"SG\x16\0");
    write!(blob, "{offset:016x}STARGZ").unwrap();
    blob.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut layer = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
    layer.annotations.insert(STARGZ.to_owned(), Digest::of(&json).to_string());
    (layer, blob)
}

/// The TOCs of a layer, as whoever fetches them reads them.
fn tocs(layer: &Descriptor, blob: &[u8]) -> Tocs {
    let range = |range: std::ops::Range<u64>| {
        &blob[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    };
    let read = |toc: &TocRef| {
        let at = match toc.place(layer.size)? {
            TocPlace::At(at) => at,
            TocPlace::ByFooter(footer) => toc.by_footer(range(footer), layer.size)?,
        };
        toc.read(range(at))
    };
    TocRef::of(layer).into_iter().map(|toc| (toc.clone(), read(&toc))).collect()
}

fn content((layer, blob): &(Descriptor, Vec<u8>)) -> LayerContent {
    analyse_verified(&blob[..], layer, None, tocs(layer, blob)).unwrap()
}

/// What is told of a layer.
fn told(layer: &(Descriptor, Vec<u8>)) -> Vec<Unread> {
    merge(&[(layer.0.clone(), content(layer))]).unread
}

#[test]
fn a_true_toc_says_what_the_tar_says() {
    let items = items();
    for layer in [chunked(&items, &entries(&items)), stargz(&items, &entries(&items))] {
        let content = content(&layer);
        assert!(is_compared(&layer.0, &content));
        let inventory = merge(&[(layer.0.clone(), content)]);
        assert_eq!(inventory.unread, []);
        assert_eq!(inventory.packages.len(), 1);
    }
}

#[test]
fn chunks_are_the_content() {
    let items = [Item::File("a", "0123456789"), Item::File("b", "x\0\0\0")];
    let digest = |content: &str| Digest::of(content.as_bytes()).to_string();
    let mut all_entries = vec![
        json!({"type": "reg", "name": "a", "mode": 0o644, "size": 10, "digest": digest("0123456789"),
            "chunkSize": 4, "chunkDigest": digest("0123")}),
        json!({"type": "chunk", "name": "a", "chunkOffset": 4, "chunkSize": 4, "chunkDigest": digest("4567")}),
        json!({"type": "chunk", "name": "a", "chunkOffset": 8, "chunkDigest": digest("89")}),
        json!({"type": "reg", "name": "b", "mode": 0o644, "size": 4, "chunkSize": 1, "chunkDigest": digest("x")}),
        json!({"type": "chunk", "name": "b", "chunkOffset": 1, "chunkSize": 3, "chunkType": "zeros"}),
    ];
    assert_eq!(told(&chunked(&items, &all_entries)), []);
    let changes: [fn(&mut Vec<Value>); 11] = [
        |all| all[0]["chunkDigest"] = Digest::of(b"x123").to_string().into(),
        |all| all[2]["chunkDigest"] = Digest::of(b"8x").to_string().into(),
        |all| all[1]["chunkOffset"] = 5.into(),
        |all| all[1]["chunkSize"] = 3.into(),
        |all| all[2]["chunkSize"] = 1.into(),
        |all| all[2]["chunkSize"] = 3.into(),
        |all| all[1]["name"] = "b".into(),
        |all| drop(all.remove(2)),
        |all| drop(all[1].as_object_mut().unwrap().remove("chunkDigest")),
        |all| all[4]["chunkSize"] = 2.into(),
        |all| {
            // Zeros where the tar has something.
            all[3] = json!({"type": "reg", "name": "b", "mode": 0o644, "size": 4, "chunkSize": 4, "chunkType": "zeros"});
            all.pop();
        },
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut spoilt = all_entries.clone();
        change(&mut spoilt);
        assert_eq!(told(&chunked(&items, &spoilt)).len(), 1, "{at}");
    }
    all_entries.truncate(0);
    assert_eq!(told(&chunked(&items, &all_entries)).len(), 1);
}

/// Each makes a TOC that says something else, and names what is told.
type Change = (&'static str, fn(&mut Vec<Value>));

const CHANGES: [Change; 20] = [
    ("the tar has no such entry", |all| all.push(file("app/node_modules/evil/package.json", b"{}"))),
    ("another path", |all| all.insert(2, file("app/node_modules/evil/package.json", b"{}"))),
    ("another path", |all| drop(all.remove(2))),
    ("it ends before", |all| drop(all.pop())),
    ("another content", |all| all[2]["digest"] = Digest::of(b"evil").to_string().into()),
    ("another size", |all| all[2]["size"] = 5.into()),
    ("another path", |all| all[2]["name"] = "app/node_modules/lodash/readme".into()),
    ("another path", |all| all.swap(2, 6)),
    ("another target", |all| all[3]["linkName"] = "/srv/evil".into()),
    ("another target", |all| all[4]["linkName"] = "app/data".into()),
    ("another type", |all| all[5]["type"] = "dir".into()),
    ("another mode", |all| all[6]["mode"] = 0o4755.into()),
    ("another mode", |all| all[6]["uid"] = 1000.into()),
    ("another mode", |all| all[6]["xattrs"] = json!({"security.capability": "AQAAAgAAAAAAAAAAAAAAAAAAAAA="})),
    ("overlayfs", |all| all[0]["xattrs"] = json!({"trusted.overlay.opaque": "eQ=="})),
    ("overlayfs", |all| all[0]["xattrs"] = json!({"user.overlay.whiteout": "eQ=="})),
    ("another path", |all| all[1]["name"] = "app/.wh.node_modules".into()),
    ("takes for a whiteout", |all| all[5]["type"] = "char".into()),
    ("no content", |all| all.insert(2, json!({"type": "chunk", "name": "app/.wh.old", "chunkSize": 1}))),
    ("no digest", |all| drop(all[2].as_object_mut().unwrap().remove("digest"))),
];

#[test]
fn a_toc_that_says_something_else_is_told() {
    let items = items();
    for (why, change) in CHANGES {
        let mut all = entries(&items);
        change(&mut all);
        for layer in [chunked(&items, &all), stargz(&items, &all)] {
            let told = told(&layer);
            let [one] = told.as_slice() else { panic!("{why}: {told:?}") };
            assert!(one.reason.contains(why), "{why}: {}", one.reason);
            assert!(one.reason.contains("push the layer without it"), "{}", one.reason);
        }
    }
}

#[test]
fn a_toc_that_is_not_what_is_named_is_told() {
    let items = items();
    let all = entries(&items);
    let (layer, blob) = chunked(&items, &all);
    let with = |key: &str, value: &str| {
        let mut layer = layer.clone();
        layer.annotations.insert(key.to_owned(), value.to_owned());
        told(&(layer, blob.clone()))
    };
    let other = Digest::of(b"other").to_string();
    for (key, value, why) in [
        (CHECKSUM, other.as_str(), "another digest"),
        (CHECKSUM, "sha256:xyz", "its digest in the annotation is none"),
        (POSITION, "0:5:5:1", "another digest"),
        (POSITION, "5:99999999:5:1", "not inside the layer"),
        (POSITION, "", "its position"),
        (STARGZ, other.as_str(), "another digest"),
    ] {
        let told = with(key, value);
        assert!(told.len() == 1 && told[0].reason.contains(why), "{key} {value}: {told:?}");
    }
    // The stargz snapshotter knows it by what it is uncompressed.
    let plain = Digest::of(&document(&all)).to_string();
    assert_eq!(with(STARGZ, &plain), []);
    let mut gzipped = stargz(&items, &all);
    gzipped.0.annotations.insert(STARGZ.to_owned(), other);
    assert!(told(&gzipped)[0].reason.contains("another digest"));
    gzipped.1.truncate(gzipped.1.len() - 60);
    let annotations = gzipped.0.annotations.clone();
    gzipped.0 = Descriptor { annotations, ..Descriptor::of(media::OCI_LAYER_GZIP, &gzipped.1) };
    assert!(tocs(&gzipped.0, &gzipped.1)[0].1.as_ref().is_err_and(|why| why.contains("footer of eStargz")));
    // A layer that names none is unpacked as a tar by everybody, whatever it ends with.
    assert_eq!(told(&(layer.bare(), blob)), []);
}

#[test]
fn a_toc_is_read_as_other_readers_read_it() {
    let items = [Item::File("a", "x")];
    let entry = file("a", b"x").to_string();
    let evil = |more: &str| format!("{}, {more}}}", entry.strip_suffix('}').unwrap());
    for (json, why) in [
        (r#"{"version":1,"entries":[ENTRY],"Entries":[]}"#.replace("ENTRY", &entry), "read as another"),
        (r#"{"version":1,"entries":[ENTRY],"entries":[]}"#.replace("ENTRY", &entry), "twice"),
        (format!(r#"{{"version":1,"entries":[{}]}}"#, evil(r#""Name":"b""#)), "read as another"),
        (format!(r#"{{"version":1,"entries":[{}]}}"#, evil(r#""name":"b""#)), "twice"),
        (format!(r#"{{"version":1,"entries":[{}]}}"#, evil("\"lin\u{212a}Name\":\"b\"")), "read as another"),
        (format!(r#"{{"version":2,"entries":[{entry}]}}"#), "another version"),
        (format!(r#"{{"version":1,"entries":[{entry}]}} {{}}"#), "trailing"),
        (format!(r#"{{"version":1,"entries":[{entry}"#), "EOF"),
        (r#"{"version":1,"entries":[{"type":"reg","name":"a","size":-1}]}"#.to_owned(), "invalid value"),
        (r#"{"version":1,"entries":[{"type":"hole","name":"a"}]}"#.to_owned(), "type that is not known"),
        (r#"{"version":1,"entries":[{"type":"chunk","name":"a"}]}"#.to_owned(), "does not follow"),
        (r#"{"version":1}"#.to_owned(), "no entries"),
        ("[]".to_owned(), "an object"),
        (String::new(), "EOF"),
    ] {
        let told = told(&chunked_with(&tar_of(&items), json.as_bytes()));
        assert!(told.len() == 1 && told[0].reason.contains(why), "{json}: {told:?}");
    }
    // Keys that nobody knows are nobody's.
    let json = format!(r#"{{"version":1,"tarSplitDigest":"x","entries":[{}]}}"#, evil(r#""other":[1,{}]"#));
    assert_eq!(told(&chunked_with(&tar_of(&items), json.as_bytes())), []);
}

#[test]
fn a_toc_has_limits() {
    let items = [Item::File("a", "x")];
    // Blanks take nearly nothing, and are read to the end by whoever has no limit: what follows them is a true TOC.
    let blanks = vec![b' '; 1 << 20];
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    (0..=limits::TOC_BYTES >> 20).for_each(|_| encoder.write_all(&blanks).unwrap());
    encoder.write_all(&document(&entries(&items))).unwrap();
    let toc = encoder.finish().unwrap();
    let (mut layer, mut blob) = chunked(&items, &entries(&items));
    layer.annotations.insert(CHECKSUM.to_owned(), Digest::of(&toc).to_string());
    layer.annotations.insert(POSITION.to_owned(), format!("{}:{}:100:1", blob.len(), toc.len()));
    blob.extend(&toc);
    let layer = Descriptor { annotations: layer.annotations, ..Descriptor::of(media::OCI_LAYER_ZSTD, &blob) };
    let read = tocs(&layer, &blob).remove(0).1;
    assert!(read.is_err_and(|why| why.contains("EOF")));
    let many = format!(
        r#"{{"version":1,"entries":[{}{{}}]}}"#,
        r#"{"type":"dir","name":"a"},"#.repeat(limits::TOC_ENTRIES)
    );
    let (layer, blob) = chunked_with(&tar_of(&items), many.as_bytes());
    assert!(tocs(&layer, &blob).remove(0).1.is_err_and(|why| why.contains("more than")));
}

#[test]
fn what_was_not_compared_is_told() {
    let items = items();
    let named = chunked(&items, &entries(&items));
    let bare = (named.0.bare(), named.1.clone());
    // The same blob in an image that names no TOC was read first.
    let known = content(&bare);
    assert!(is_compared(&bare.0, &known) && !is_compared(&named.0, &known));
    let unread = merge(&[(named.0.clone(), known.clone())]).unread;
    assert!(unread.len() == 1 && unread[0].reason.contains("not compared"), "{unread:?}");
    // Read again, it is known by both.
    let again = analyse_again(&named.1[..], &named.0, &known, &[], tocs(&named.0, &named.1)).unwrap();
    assert!(is_compared(&named.0, &again));
    assert_eq!(merge(&[(named.0.clone(), again.clone())]).unread, []);
    // Reading it for something else forgets nothing.
    let asked = [(2, "srv/node_modules/lodash/package.json".to_owned())];
    let more = analyse_again(&named.1[..], &named.0, &again, &asked, Vec::new()).unwrap();
    assert_eq!(more.tocs, again.tocs);
    // What is read besides is the same with and without a TOC.
    let plain = analyse(&bare.1[..], &bare.0, None).unwrap();
    assert_eq!(plain, LayerContent { tocs: Vec::new(), ..again });
}

proptest! {
    #[test]
    fn any_true_toc_agrees_and_none_with_a_change(
        files in prop::collection::btree_map("[ab]{1,3}(/[ab]{1,2}){0,2}", "[xyz]{0,5}", 1..6),
        at in any::<prop::sample::Index>(),
        what in 0..5_usize,
    ) {
        let items: Vec<_> = files.iter().map(|(path, content)| Item::File(path, content)).collect();
        let all = entries(&items);
        prop_assert_eq!(told(&chunked(&items, &all)), []);
        let (mut changed, at) = (all.clone(), at.index(all.len()));
        match what {
            0 => drop(changed.remove(at)),
            1 => changed.insert(at, all[at].clone()),
            2 => changed[at]["name"] = "c".into(),
            3 => changed[at]["mode"] = 0o755.into(),
            _ => {
                changed[at]["size"] = 7.into();
                changed[at]["digest"] = Digest::of(b"evil").to_string().into();
            }
        }
        prop_assert_eq!(told(&chunked(&items, &changed)).len(), 1);
    }
}
