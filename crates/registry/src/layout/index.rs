//! `index.json`: what a layout holds, and its tags (image-spec, image-layout.md, "index.json file").
//!
//! It is changed as JSON, so that what others wrote into it and Lockgate does not read stays.

use std::fs::{self, File};
use std::io::Read;

use lockgate_model::oci::{Index, media};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, json};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Layout, open_if_there, trouble};
use crate::limits;
use crate::place::Place;

/// The annotation that names a tag (image-spec, annotations.md).
const TAG: &str = "org.opencontainers.image.ref.name";
/// The content of `oci-layout`.
const MARKER: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";
/// The version of the layout that is read.
const VERSION: &str = "1.0.0";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// `index.json`; an empty one where there is no layout yet.
    pub(super) fn index(&self) -> Result<Index, PortError> {
        self.typed(self.document()?)
    }

    fn typed(&self, document: Value) -> Result<Index, PortError> {
        Index::of_list(document).map_err(|error| self.damaged("index.json", error.to_string()))
    }

    fn document(&self) -> Result<Value, PortError> {
        let path = self.folder.join("index.json");
        let Some(file) = open_if_there(&path)? else {
            return Ok(
                serde_json::json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": []}),
            );
        };
        self.check_marker()?;
        let mut bytes = Vec::new();
        // One byte more shows that there is more.
        let most = limits::INDEX_BYTES as u64 + 1;
        file.take(most).read_to_end(&mut bytes).map_err(|error| trouble(&path, &error))?;
        json::value(&bytes, limits::INDEX_BYTES)
            .map_err(|error| self.damaged("index.json", error.to_string()))
    }

    /// A layout of another version may mean something else. One without the file is read: some writers forget it.
    fn check_marker(&self) -> Result<(), PortError> {
        let path = self.folder.join("oci-layout");
        let Some(file) = open_if_there(&path)? else { return Ok(()) };
        let mut bytes = Vec::new();
        file.take(limits::MARKER_BYTES).read_to_end(&mut bytes).map_err(|error| trouble(&path, &error))?;
        let marker: Marker =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged("oci-layout", error.to_string()))?;
        if marker.image_layout_version == VERSION {
            return Ok(());
        }
        let version: String = marker.image_layout_version.chars().take(20).collect();
        let reason = format!("it is a layout of version {version}; {VERSION} is read");
        let help = "copy the images to a layout of that version";
        Err(PortError::new(Trouble::Unsupported, path.display().to_string(), reason, help))
    }

    fn damaged(&self, file: &str, reason: String) -> PortError {
        let help = "the layout was damaged: restore it, or push again into a new folder";
        PortError::new(Trouble::Corrupt, self.folder.join(file).display().to_string(), reason, help)
    }

    /// What a tag names. Two manifests under one tag could be read in two ways.
    pub(super) fn tagged_descriptor(&self, tag: &str) -> Result<Option<Descriptor>, PortError> {
        let tagged = |one: &Descriptor| one.annotations.get(TAG).is_some_and(|name| name == tag);
        let mut found = self.index()?.manifests.into_iter().filter(tagged);
        let Some(first) = found.next() else { return Ok(None) };
        if found.all(|other| other.digest == first.digest) {
            return Ok(Some(first));
        }
        Err(self.damaged("index.json", format!("it names two manifests as `{tag}`")))
    }

    /// What is listed and is not attached to something else, each once under each tag.
    pub(crate) fn images(&self) -> Result<Vec<(Digest, Option<String>)>, PortError> {
        let mut images: Vec<(Digest, Option<String>)> = Vec::new();
        for listed in self.index()?.manifests {
            let tag = listed.annotations.get(TAG).cloned();
            let attached = tag.as_deref().is_some_and(is_fallback) || self.subject_of(&listed)?.is_some();
            if !attached && !images.contains(&(listed.digest, tag.clone())) {
                images.push((listed.digest, tag));
            }
        }
        Ok(images)
    }

    /// Lists a manifest, under a tag or without. What had the tag before stays listed without it.
    pub(super) fn list(&self, entry: &Descriptor, tag: Option<&str>) -> Result<(), PortError> {
        let mut entry = entry.clone();
        if let Some(tag) = tag {
            entry.annotations.insert(TAG.to_owned(), tag.to_owned());
        }
        let new = serde_json::to_value(&entry)
            .map_err(|error| PortError::new(Trouble::Other, self.name(), error.to_string(), ""))?;
        self.change(|manifests| {
            let is = |one: &Value| digest(one) == digest(&new);
            match tag {
                None if manifests.iter().any(is) => return false,
                None => {}
                Some(tag) if manifests.iter().any(|one| is(one) && tag_of(one) == Some(tag)) => return false,
                Some(tag) => {
                    untag(manifests, tag);
                    manifests.retain(|one| !is(one) || tag_of(one).is_some());
                }
            }
            manifests.push(new.clone());
            true
        })
    }

    /// Changes the list of manifests while no other process does; `change` tells whether it did.
    fn change(&self, change: impl FnOnce(&mut Vec<Value>) -> bool) -> Result<(), PortError> {
        let path = self.folder.join(".lock");
        fs::create_dir_all(&self.folder).map_err(|error| trouble(&self.folder, &error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|error| trouble(&path, &error))?;
        lock.lock().map_err(|error| trouble(&path, &error))?;
        let mut document = self.document()?;
        self.typed(document.clone())?;
        let manifests = document.get_mut("manifests").and_then(Value::as_array_mut);
        let manifests =
            manifests.ok_or_else(|| self.damaged("index.json", "`manifests` is not a list".to_owned()))?;
        if !change(manifests) {
            return Ok(());
        }
        let marker = self.folder.join("oci-layout");
        if !marker.exists() {
            self.write_file(&marker, MARKER)?;
        }
        self.write_file(&self.folder.join("index.json"), document.to_string().as_bytes())
    }
}

/// Whether a tag is one under which tools keep what is attached to a digest: `sha256-HEX`, with an ending or without.
fn is_fallback(tag: &str) -> bool {
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|one| one.is_ascii_hexdigit());
    tag.strip_prefix("sha256-").is_some_and(|rest| hex(rest.split('.').next().unwrap_or_default()))
}

fn digest(entry: &Value) -> Option<&str> {
    entry.get("digest")?.as_str()
}

fn tag_of(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(TAG)?.as_str()
}

/// Takes a tag away. The manifest stays listed once: rollbacks go to it, and its referrers are found by it.
fn untag(manifests: &mut Vec<Value>, tag: &str) {
    let Some(at) = manifests.iter().position(|one| tag_of(one) == Some(tag)) else { return };
    let mut old = manifests.remove(at);
    if !manifests.iter().any(|one| digest(one) == digest(&old)) {
        let annotations = old.get_mut("annotations").and_then(Value::as_object_mut);
        let empty = annotations.is_some_and(|annotations| {
            annotations.remove(TAG);
            annotations.is_empty()
        });
        if empty && let Some(fields) = old.as_object_mut() {
            Map::remove(fields, "annotations");
        }
        manifests.push(old);
    }
}
