//! Random stacks of layers, laid by `umoci raw unpack`, as an overlay mount, and here: the packages are those that a process in
//! either file system finds. `LOCKGATE_LAYERS` says how many stacks; `cargo xtask layers` sets it. `LOCKGATE_STACK` is the number of one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, and runs programs"
)]

#[path = "stacks/make.rs"]
mod make;
#[path = "stacks/mount.rs"]
mod mount;
#[path = "stacks/oracle.rs"]
mod oracle;
#[path = "stacks/read.rs"]
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use lockgate_model::inventory::Confidence;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use make::{Maker, Stack, contents};
use oracle::{Listed, packages};
use read::Read;
use serde_json::json;
use xtask::parts::{self, or_skip};

/// Stacks, unless said.
const COUNT: usize = 500;

/// What came of one stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Same,
    /// No runtime unpacks it.
    Refused,
    /// What could not be read was told.
    Told(String),
    /// A package is missing without a word.
    Miss(String),
    /// A package is listed that is not there.
    Ghost(String),
    /// On a kept base it is another image.
    Base(String),
}

/// Writes a layout with the one image `x`.
fn write_layout(folder: &Path, read: &Read) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let blob = |media_type: &str, bytes: &[u8]| {
        let descriptor = Descriptor::of(media_type, bytes);
        std::fs::write(blobs.join(descriptor.digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": descriptor.digest, "size": bytes.len()})
    };
    let layers: Vec<_> = read.blobs.iter().map(|bytes| blob(media::OCI_LAYER, bytes)).collect();
    let diff_ids: Vec<_> = read.blobs.iter().map(|bytes| Digest::of(bytes)).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = blob(media::OCI_CONFIG, config.to_string().as_bytes());
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config, "layers": layers});
    let mut manifest = blob(media::OCI_MANIFEST, manifest.to_string().as_bytes());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "x"});
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    std::fs::write(
        folder.join("index.json"),
        json!({"schemaVersion": 2, "manifests": [manifest]}).to_string(),
    )
    .unwrap();
}

/// Lays a stack in both ways and compares.
fn came(umoci: &Path, stack: &Stack, seed: u64) -> Came {
    let read = Read::new(stack);
    let inventory = read.inventory(0);
    let known = usize::try_from(seed).unwrap() % (stack.len() + 1);
    let on_base = read.inventory(known);
    if on_base != inventory {
        return Came::Base(format!("{known}: {on_base:?}, not {inventory:?}"));
    }
    let Some((expected, all)) = unpacked(umoci, stack, &read) else { return Came::Refused };
    // Folders of wheels are named after packages here that nobody describes.
    let described = inventory.packages.iter().filter(|one| one.confidence == Confidence::Recorded);
    let found: BTreeSet<String> = described.map(|one| one.name.trim_start_matches("g:").to_owned()).collect();
    // Where something else stands than belongs there, its reader says so.
    let of_links = ["it is a hard link", "links "];
    let told = inventory.unread.iter().find(|unread| {
        expected.odd.is_empty() || of_links.iter().any(|start| unread.reason.starts_with(start))
    });
    let missing: Vec<_> = expected.packages.difference(&found).collect();
    let ghosts: Vec<_> = found.difference(&expected.packages).filter(|_| all).collect();
    let told = told.map(|unread| unread.reason.split([':', ',']).next().unwrap_or_default().to_owned());
    match (missing.is_empty(), ghosts.is_empty(), told) {
        (false, _, None) => Came::Miss(format!("{missing:?}")),
        (_, _, Some(why)) => Came::Told(why),
        (_, false, None) => Came::Ghost(format!("{ghosts:?}")),
        _ => Came::Same,
    }
}

/// What stands in the file systems that umoci and an overlay mount make of a stack, and whether both make one; nothing where
/// neither does.
fn unpacked(umoci: &Path, stack: &Stack, read: &Read) -> Option<(Listed, bool)> {
    let scratch = tempfile::tempdir().unwrap();
    let (layout, root, over) =
        (scratch.path().join("layout"), scratch.path().join("root"), scratch.path().join("over"));
    write_layout(&layout, read);
    let mut unpack = Command::new(umoci);
    unpack.args(["raw", "unpack", "--image"]).arg(format!("{}:x", layout.display())).arg(&root);
    let onto = unpack.output().unwrap().status.success();
    let mounted = mount::mounted(&scratch.path().join("layers"), &over, stack);
    let mut listed = Listed::default();
    for root in [onto.then_some(&root), mounted.then_some(&over)].into_iter().flatten() {
        let one = packages(root, &contents(stack));
        listed.packages.extend(one.packages);
        listed.odd.extend(one.odd);
    }
    (onto || mounted).then_some((listed, onto && mounted))
}

/// The kind of what came, without the packages that it is about.
fn kind(came: &Came) -> String {
    match came {
        Came::Told(why) => format!("told: {why}"),
        other => format!("{other:?}").split('(').next().unwrap_or_default().to_owned(),
    }
}

/// The smallest part of a stack with which the same comes.
fn shrunk(umoci: &Path, stack: &Stack, seed: u64, wrong: &Came) -> (Stack, Came) {
    let (mut least, mut came_of) = (stack.clone(), wrong.clone());
    let mut again = true;
    while again {
        again = false;
        let places: Vec<_> =
            (0..least.len()).flat_map(|at| (0..least[at].len()).map(move |entry| (at, entry))).collect();
        for (at, entry) in places.into_iter().rev() {
            let mut smaller = least.clone();
            smaller[at].remove(entry);
            let now = came(umoci, &smaller, seed);
            if kind(&now) == kind(wrong) {
                (least, came_of, again) = (smaller, now, true);
                break;
            }
        }
    }
    (least, came_of)
}

fn shown(stack: &Stack) -> String {
    let mut text = String::new();
    for (at, layer) in stack.iter().enumerate() {
        for entry in layer {
            let what = match &entry.what {
                make::What::File(matter, bytes) => {
                    format!("{matter:?} {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]))
                }
                other => format!("{other:?}"),
            };
            text.push_str(&format!("  {at} {:?} {}: {what}\n", entry.format, entry.name));
        }
    }
    text
}

#[test]
fn packages_are_those_of_the_unpacked_file_system() {
    let Some(umoci) = or_skip(parts::program("umoci"), "packages_are_those_of_the_unpacked_file_system")
    else {
        return;
    };
    let said = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let (from, count) = match said("LOCKGATE_STACK") {
        Some(one) => (one, 1),
        None => (0, said("LOCKGATE_LAYERS").unwrap_or(COUNT)),
    };
    let (tally, wrong) = (Mutex::new(BTreeMap::<String, usize>::new()), Mutex::new(Vec::new()));
    let next = AtomicUsize::new(from);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::SeqCst)
                    && number < from + count
                {
                    let seed = u64::try_from(number).unwrap();
                    let stack = Maker::stack(seed);
                    let came = came(&umoci, &stack, seed);
                    let name = kind(&came);
                    if name.starts_with("told") {
                        println!("stack {number} is {name}");
                    }
                    if count == 1 && came != Came::Same && came != Came::Refused {
                        let (least, came) = shrunk(&umoci, &stack, seed, &came);
                        println!("{came:?}:\n{}", shown(&least));
                    }
                    *tally.lock().unwrap().entry(name).or_default() += 1;
                    if matches!(came, Came::Miss(_) | Came::Ghost(_) | Came::Base(_)) {
                        wrong.lock().unwrap().push((number, stack, came));
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{count} stacks: {tally:?}");
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort_by_key(|(number, ..)| *number);
    let least: Vec<String> = wrong
        .iter()
        .take(6)
        .map(|(number, stack, came)| {
            let (stack, came) = shrunk(&umoci, stack, u64::try_from(*number).unwrap(), came);
            format!("stack {number}, {came:?}:\n{}", shown(&stack))
        })
        .collect();
    assert!(wrong.is_empty(), "{} stacks are another file system here\n{}", wrong.len(), least.join("\n"));
    let same = tally.get("Same").copied().unwrap_or_default();
    let told: usize = tally.iter().filter(|(name, _)| name.starts_with("told")).map(|(_, count)| count).sum();
    // Were nearly all refused or told, agreement would mean nothing.
    assert!(count == 1 || same > count / 2 && told * 100 <= count, "{tally:?}");
}
