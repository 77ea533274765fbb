//! Layers that an overlay mount writes: random operations on a mounted file system, its upper folder packed as Docker packs it, and
//! the packages of the layers compared with those of the mount. Needs root: `cargo xtask overlays [COUNT]` runs it in a mount
//! namespace of its own. `LOCKGATE_OVERLAYS` says how many cases.
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
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use lockgate_model::inventory::Confidence;
use make::{Entry, Format, Maker, Matter, Stack, What, contents};
use oracle::packages;
use read::Read;

/// Cases, unless said.
const COUNT: u64 = 300;
/// Names the folders below one that hide what lower layers have in them.
const OPAQUE: &str = "import os,sys
for folder,folders,_ in os.walk(sys.argv[1]):
    for name in folders:
        path=os.path.join(folder,name)
        try:
            if not os.path.islink(path) and os.getxattr(path,'trusted.overlay.opaque')==b'y': print(path)
        except OSError: pass";

/// A layer being made, and those below it, lowest first.
struct Layers<'a> {
    scratch: &'a Path,
    uppers: Vec<PathBuf>,
}

impl Layers<'_> {
    /// Mounts the layers, the topmost to be written to, and does something in it.
    fn within<T>(&self, work: impl FnOnce(&Path) -> T) -> T {
        let [root, inner, empty] = ["root", "work", "empty"].map(|name| self.scratch.join(name));
        let (upper, lower) = self.uppers.split_last().unwrap();
        for folder in [&root, &inner, &empty] {
            fs::create_dir_all(folder).unwrap();
        }
        let lower: Vec<_> = lower.iter().rev().chain([&empty]).map(|one| one.display().to_string()).collect();
        let options =
            format!("lowerdir={},upperdir={},workdir={}", lower.join(":"), upper.display(), inner.display());
        let mounted =
            Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(&root).status();
        assert!(mounted.unwrap().success(), "{options}");
        let made = work(&root);
        assert!(Command::new("umount").arg(&root).status().unwrap().success());
        made
    }
}

/// Does what an entry stands for, as somebody in the mounted file system would: a whiteout is a removal, and an opaque marker a
/// folder that is made anew.
fn act(root: &Path, entry: &Entry) -> Option<()> {
    let path = mount::place(root, &entry.name)?;
    let folder = path.parent()?;
    fs::create_dir_all(folder).ok()?;
    let name = path.file_name()?.to_str()?;
    match name.strip_prefix(".wh.") {
        Some(".wh..opq") if folder == root => return Some(()),
        Some(".wh..opq") => {
            fs::remove_dir_all(folder).ok()?;
            return fs::create_dir(folder).ok();
        }
        Some(name) => {
            mount::remove(&folder.join(name));
            return Some(());
        }
        None => {}
    }
    mount::make(root, root, entry, &path)
}

/// The entries of an upper folder, as Docker packs it.
struct Pack<'a> {
    upper: &'a Path,
    contents: &'a BTreeMap<Vec<u8>, Matter>,
    opaque: BTreeSet<PathBuf>,
    names: BTreeMap<u64, String>,
    entries: Vec<Entry>,
}

impl Pack<'_> {
    fn push(&mut self, name: String, what: What) {
        self.entries.push(Entry { name, what, format: Format::Ustar });
    }

    fn folder(&mut self, inside: &str) {
        let mut names: Vec<_> = fs::read_dir(self.upper.join(inside))
            .unwrap()
            .map(|one| one.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        for name in names {
            let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            let file = self.upper.join(&path);
            let kind = fs::symlink_metadata(&file).unwrap();
            if kind.is_dir() {
                self.push(path.clone(), What::Folder);
                if self.opaque.contains(&file) {
                    self.push(format!("{path}/.wh..wh..opq"), What::File(Matter::Empty, Vec::new()));
                }
                self.folder(&path);
            } else if kind.file_type().is_char_device() && kind.rdev() == 0 {
                let marker = Path::new(inside).join(format!(".wh.{name}"));
                self.push(marker.to_str().unwrap().to_owned(), What::File(Matter::Empty, Vec::new()));
            } else if kind.is_symlink() {
                self.push(path, What::Link(fs::read_link(&file).unwrap().to_str().unwrap().to_owned()));
            } else if let Some(first) = self.names.get(&kind.ino()).cloned() {
                self.push(path, What::Hard(first));
            } else {
                self.names.insert(kind.ino(), path.clone());
                let bytes = fs::read(&file).unwrap();
                let matter = self.contents.get(&bytes).copied().unwrap_or(Matter::Nothing);
                self.push(path, What::File(matter, bytes));
            }
        }
    }
}

fn packed(upper: &Path, contents: &BTreeMap<Vec<u8>, Matter>) -> Vec<Entry> {
    let asked = Command::new("python3").args(["-c", OPAQUE]).arg(upper).output().unwrap();
    assert!(asked.status.success());
    let opaque = String::from_utf8(asked.stdout).unwrap().lines().map(PathBuf::from).collect();
    let mut pack = Pack { upper, contents, opaque, names: BTreeMap::new(), entries: Vec::new() };
    pack.folder("");
    pack.entries
}

/// The packages of the layers, of the mount, and of the mount as the fuzzer models it.
fn case(seed: u64) -> Option<[BTreeSet<String>; 3]> {
    let operations = Maker::stack(seed);
    let contents = contents(&operations);
    let scratch = tempfile::tempdir().unwrap();
    let mut layers = Layers { scratch: scratch.path(), uppers: Vec::new() };
    let (mut stack, mut there) = (Stack::new(), BTreeSet::new());
    for (at, step) in operations.iter().enumerate() {
        let upper = scratch.path().join(format!("upper{at}"));
        fs::create_dir_all(&upper).unwrap();
        layers.uppers.push(upper.clone());
        there = layers.within(|root| {
            for entry in step {
                let _done = act(root, entry);
            }
            packages(root, &contents).packages
        });
        stack.push(packed(&upper, &contents));
    }
    let inventory = Read::new(&stack).inventory(0);
    let links = ["it is a hard link", "links "];
    assert!(
        !inventory.unread.iter().any(|one| links.iter().any(|start| one.reason.starts_with(start))),
        "{seed}"
    );
    let described = inventory.packages.iter().filter(|one| one.confidence == Confidence::Recorded);
    let found = described.map(|one| one.name.trim_start_matches("g:").to_owned()).collect();
    let model = scratch.path().join("model");
    assert!(mount::mounted(&scratch.path().join("layers"), &model, &stack), "{seed}");
    let modelled = packages(&model, &contents).packages;
    Some([found, there, modelled])
}

#[test]
fn packages_are_those_of_an_overlay_mount() {
    let count = std::env::var("LOCKGATE_OVERLAYS").ok().and_then(|text| text.parse().ok()).unwrap_or(COUNT);
    let (mut wrong, mut some) = (Vec::new(), 0);
    for seed in 0..count {
        let Some([found, there, modelled]) = case(seed) else { continue };
        some += usize::from(!there.is_empty());
        if found != there || modelled != there {
            wrong.push(format!("case {seed}: found {found:?}, mounted {there:?}, modelled {modelled:?}"));
        }
    }
    println!("{count} mounts, {some} with packages, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
