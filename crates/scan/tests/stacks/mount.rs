//! What an overlay mount makes of a stack: each layer is unpacked into a folder of its own, as Docker, Podman and containerd do,
//! and the folders are laid over each other by the rules of the kernel (`overlayfs.rst`). Written apart from the scanner, on
//! purpose; `cargo xtask overlays` holds the rules against the kernel.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::make::{Entry, Stack, What};

/// What a whiteout, an opaque folder and a pipe are here: files with this in them.
const WHITEOUT: &[u8] = b"\0whiteout";
const OPAQUE: &str = ".opaque";
const PIPE: &[u8] = b"\0pipe";
/// Links that are followed.
const LINKS: usize = 40;

/// Lays a stack out in `root`; false where no runtime does that.
pub(crate) fn mounted(scratch: &Path, root: &Path, stack: &Stack) -> bool {
    fs::create_dir_all(root).unwrap();
    stack.iter().enumerate().all(|(at, layer)| {
        let own = scratch.join(at.to_string());
        fs::create_dir_all(&own).unwrap();
        let right = layer.iter().all(|entry| unpack(&own, root, entry).is_some());
        if right {
            cover(&own, root);
        }
        right
    })
}

/// Where a path inside of `root` leads, its last part not followed; what is missing is made later.
pub(crate) fn place(root: &Path, path: &str) -> Option<PathBuf> {
    let mut parts: Vec<String> =
        path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
    let name = parts.pop()?;
    parts.reverse();
    let (mut at, mut links) = (Vec::<String>::new(), 0);
    while let Some(part) = parts.pop() {
        match part.as_str() {
            "" | "." => {}
            ".." => drop(at.pop()),
            _ => match fs::read_link(root.join(at.join("/")).join(&part)) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS {
                        return None;
                    }
                    let target = target.to_str().unwrap();
                    if target.starts_with('/') {
                        at.clear();
                    }
                    parts.extend(target.split('/').rev().map(str::to_owned));
                }
                Err(_) => at.push(part),
            },
        }
    }
    Some(root.join(at.join("/")).join(name))
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|kind| kind.is_dir())
}

pub(crate) fn remove(path: &Path) {
    if is_folder(path) {
        fs::remove_dir_all(path).unwrap();
    } else if exists(path) {
        fs::remove_file(path).unwrap();
    }
}

/// Unpacks one entry into the folder of its layer; nothing where runtimes refuse that.
fn unpack(own: &Path, lower: &Path, entry: &Entry) -> Option<()> {
    let path = place(own, &entry.name)?;
    let folder = path.parent().unwrap();
    fs::create_dir_all(folder).ok()?;
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    if name == ".wh..wh..opq" {
        if folder != own {
            fs::write(folder.join(OPAQUE), b"").unwrap();
        }
        return Some(());
    }
    if let Some(name) = name.strip_prefix(".wh.") {
        let path = folder.join(name);
        return if exists(&path) { None } else { fs::write(path, WHITEOUT).ok() };
    }
    make(own, lower, entry, &path)
}

/// Makes what an entry stands for at `path`.
pub(crate) fn make(own: &Path, lower: &Path, entry: &Entry, path: &Path) -> Option<()> {
    if !(entry.what == What::Folder && is_folder(path)) {
        remove(path);
    }
    match &entry.what {
        What::Folder if is_folder(path) => Some(()),
        What::Folder => fs::create_dir(path).ok(),
        What::File(_, bytes) => fs::write(path, bytes).ok(),
        What::Link(target) => symlink(target, path).ok(),
        What::Pipe => fs::write(path, PIPE).ok(),
        What::Hard(target) => link(own, lower, target, path),
    }
}

/// containerd looks into the lower layers for what its own layer does not have; others refuse that.
fn link(own: &Path, lower: &Path, target: &str, path: &Path) -> Option<()> {
    let here = place(own, target)?;
    if exists(&here) {
        let whiteout = !is_folder(&here) && fs::read(&here).is_ok_and(|bytes| bytes == WHITEOUT);
        return if whiteout { None } else { fs::hard_link(here, path).ok() };
    }
    let below = place(lower, target)?;
    match fs::read_link(&below) {
        Ok(target) => symlink(target, path).ok(),
        Err(_) => fs::copy(below, path).ok().map(drop),
    }
}

/// Lays the folder of a layer over the lower ones.
fn cover(own: &Path, root: &Path) {
    for entry in fs::read_dir(own).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), root.join(entry.file_name()));
        if entry.file_name() == OPAQUE {
            continue;
        }
        if is_folder(&from) {
            if !is_folder(&to) || from.join(OPAQUE).exists() {
                remove(&to);
                fs::create_dir(&to).unwrap();
            }
            cover(&from, &to);
            continue;
        }
        remove(&to);
        let link = fs::symlink_metadata(&from).unwrap().is_symlink();
        if link || fs::read(&from).unwrap() != WHITEOUT {
            fs::rename(from, to).unwrap();
        }
    }
}
