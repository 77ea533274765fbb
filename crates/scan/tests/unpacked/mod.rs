//! What umoci lays out of one layer, path by path.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use serde_json::json;

/// umoci and a folder of its own.
pub(crate) struct Unpacker {
    umoci: PathBuf,
    scratch: tempfile::TempDir,
}

impl Unpacker {
    pub(crate) fn new(umoci: PathBuf) -> Self {
        Self { umoci, scratch: tempfile::tempdir().unwrap() }
    }

    fn put(&self, bytes: &[u8]) -> Descriptor {
        let digest = Digest::of(bytes);
        let folder = self.scratch.path().join("layout/blobs/sha256");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(digest.hex()), bytes).unwrap();
        Descriptor::of(media::OCI_LAYER, bytes)
    }

    /// What umoci lays out; nothing where it refuses.
    pub(crate) fn unpacked(&self, tar: &[u8]) -> Option<BTreeMap<String, String>> {
        let layout = self.scratch.path().join("layout");
        let json_of = |media_type: &str, value: serde_json::Value| {
            let blob = self.put(value.to_string().as_bytes());
            json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size})
        };
        let layer = self.put(tar);
        let config = json_of(
            media::OCI_CONFIG,
            json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer.digest]}}),
        );
        let mut manifest = json_of(
            media::OCI_MANIFEST,
            json!({"schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": config,
                "layers": [{"mediaType": media::OCI_LAYER, "digest": layer.digest, "size": layer.size}]}),
        );
        manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "x"});
        std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
        let root = self.scratch.path().join("root");
        let mut command = Command::new(&self.umoci);
        command.args(["raw", "unpack", "--image", "layout:x", "root"]).current_dir(self.scratch.path());
        let right = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success();
        let tree = right.then(|| {
            let mut tree = BTreeMap::new();
            walk(&root, "", &mut tree);
            tree
        });
        for folder in ["root", "layout"] {
            let _gone = std::fs::remove_dir_all(self.scratch.path().join(folder));
        }
        tree
    }
}

fn walk(root: &Path, inside: &str, tree: &mut BTreeMap<String, String>) {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    for entry in std::fs::read_dir(root.join(std::ffi::OsStr::from_bytes(&unspelt(inside)))).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{inside}{}", spelt(&entry.file_name().into_vec()));
        let kind = entry.file_type().unwrap();
        let is = if kind.is_dir() {
            walk(root, &format!("{path}/"), tree);
            "folder".to_owned()
        } else if kind.is_symlink() {
            format!("link {}", spelt(std::fs::read_link(entry.path()).unwrap().as_os_str().as_bytes()))
        } else if kind.is_file() {
            format!("file {}", Digest::of(&std::fs::read(entry.path()).unwrap()))
        } else {
            "device or pipe".to_owned()
        };
        tree.insert(path, is);
    }
}

/// Bytes as listings spell them.
fn spelt(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\u{fffd}{byte:02x}").unwrap();
        }
    }
    text
}

fn unspelt(text: &str) -> Vec<u8> {
    let mut parts = text.split('\u{fffd}');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}
