//! Layer contents as an attestation predicate: for each layer of an image, by digest, what was found in it; and how what
//! somebody else found is read.

use lockgate_model::oci::Manifest;
use lockgate_model::{Digest, limits as sizes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Entry, Kind, LayerContent};
use crate::limits;

/// The type of the predicate.
pub const PREDICATE_TYPE: &str = "https://lockgate.dev/layer-contents/v1";

/// What was found in the layers of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerContents {
    /// The edition of the analyser that found it.
    pub analyser: String,
    /// The layers of the image, lowest first.
    pub layers: Vec<AnalysedLayer>,
}

/// A layer, and where it is written down what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AnalysedLayer {
    /// The layer's blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// The digest of its uncompressed tar, computed.
    pub diff_id: Digest,
    /// The layer content ([`LayerContent::to_bytes`]), a blob of the same repository; none where it is larger than is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentBlob>,
}

/// The blob of a layer content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl LayerContents {
    /// Reads a predicate; the error says what is wrong with it.
    pub fn read(predicate: &Value) -> Result<Self, String> {
        Self::deserialize(predicate).map_err(|error| format!("it is malformed: {error}"))
    }

    /// Whether its layers are those of an image, by its manifest and its config's `diff_ids`: each, in order, and no others.
    pub fn are_of(&self, manifest: &Manifest, diff_ids: &[Digest]) -> bool {
        let layers = manifest.layers.iter().zip(diff_ids);
        let same = |(said, (layer, diff_id)): (&AnalysedLayer, (&lockgate_model::Descriptor, &Digest))| {
            said.digest == layer.digest
                && said.size == layer.size
                && said.media_type == layer.media_type
                && said.diff_id == *diff_id
        };
        manifest.layers.len() == diff_ids.len()
            && self.layers.len() == diff_ids.len()
            && self.layers.iter().zip(layers).all(same)
    }

    /// What was found in the layer with that blob; nothing where it is not named, or is said to hold different things.
    pub fn content(&self, layer: &Digest) -> Option<ContentBlob> {
        let mut said = self.layers.iter().filter(|one| one.digest == *layer).map(|one| one.content);
        let first = said.next()?;
        said.all(|other| other == first).then_some(first)?
    }
}

impl LayerContent {
    /// Reads what somebody else found in the layer with that `diff_id`; the error says why it is not used. It holds to what
    /// [`LayerContent::to_bytes`] writes of a layer that was read within the limits: memory is bounded by that of the
    /// bytes, for no list is longer than they are.
    pub fn from_others(bytes: &[u8], diff_id: &Digest) -> Result<Self, &'static str> {
        if bytes.len() > sizes::LAYER_CONTENT_BYTES {
            return Err("it is larger than is read");
        }
        let content = Self::from_bytes(bytes).ok_or("it is not a layer content")?;
        if content.diff_id != *diff_id {
            return Err("it is that of another layer");
        }
        let places = content.entries.len();
        let asked = content.asked.iter().map(|(place, _)| place);
        let noted = content.secrets.keys().chain(content.setuid.keys());
        if places > limits::LAYER_ENTRIES || asked.chain(noted).any(|place| *place as usize >= places) {
            return Err("it names entries that it does not have, or has more than are read");
        }
        if content.tocs.len() > limits::TOCS {
            return Err("it was compared with more tables of contents than are kept");
        }
        if !content.entries.iter().all(is_normal) {
            return Err("it has a path that no reader of layers writes");
        }
        // One spelling: what is read is what was signed, and nothing stands behind it.
        if content.to_bytes().as_deref() != Some(bytes) {
            return Err("it is not in the form that is written");
        }
        Ok(content)
    }
}

/// Most bytes that one byte of a name takes in a path: U+FFFD and two hexadecimal digits.
const SPELT: usize = 5;

/// Whether its paths are as `paths::normal` writes them.
fn is_normal(entry: &Entry) -> bool {
    let normal = |path: &str| {
        let part = |part: &str| !part.is_empty() && part != "." && part != "..";
        path.is_empty() || path.len() <= SPELT * limits::PATH_BYTES && path.split('/').all(part)
    };
    normal(&entry.path)
        && match &entry.kind {
            Kind::Hard(target) => normal(target),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::layer::toc::ComparedToc;
    use crate::secrets::{Hit, Rule};

    fn content() -> LayerContent {
        let file = |path: &str| Entry { path: path.to_owned(), kind: Kind::File };
        LayerContent {
            entries: vec![
                file("etc/passwd"),
                Entry { path: "x".into(), kind: Kind::Hard("etc/passwd".into()) },
            ],
            asked: vec![(1, "package.json".to_owned())],
            secrets: BTreeMap::from([(0, vec![Hit { line: 1, rule: Rule::NotSearched }])]),
            ..LayerContent::empty(Digest::of(b"tar"))
        }
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let diff_id = Digest::of(b"tar");
        let bytes = content().to_bytes().unwrap();
        assert_eq!(LayerContent::from_others(&bytes, &diff_id), Ok(content()));
        assert!(LayerContent::from_others(&bytes, &Digest::of(b"other")).is_err());
        assert!(LayerContent::from_others(&[&bytes[..], b"\0"].concat(), &diff_id).is_err());
        for at in 0..bytes.len() {
            assert!(LayerContent::from_others(&bytes[..at], &diff_id).is_err(), "{at}");
        }
        let spoils: [fn(&mut LayerContent); 10] = [
            |one| one.tocs = vec![ComparedToc { toc: Digest::of(b"toc"), differs: None }; limits::TOCS + 1],
            |one| one.entries[0].path = "../x".into(),
            |one| one.entries[0].path = "/etc".into(),
            |one| one.entries[0].path = "a//b".into(),
            |one| one.entries[0].path = "a/./b".into(),
            |one| one.entries[0].path = "x".repeat(SPELT * limits::PATH_BYTES + 1),
            |one| one.entries[1].kind = Kind::Hard("../x".into()),
            |one| one.entries[1].kind = Kind::Read(0),
            |one| one.asked[0].0 = 2,
            |one| drop(one.secrets.insert(2, vec![])),
        ];
        for (at, spoil) in spoils.iter().enumerate() {
            let mut content = content();
            spoil(&mut content);
            let bytes = content.to_bytes().unwrap();
            assert!(LayerContent::from_others(&bytes, &diff_id).is_err(), "{at}");
        }
    }

    #[test]
    fn numbers_in_a_longer_spelling_are_refused() {
        let bytes = content().to_bytes().unwrap();
        // The number of entries follows the digest: 2, or 2 with a zero above it.
        let at = postcard::to_allocvec(&Digest::of(b"tar")).unwrap().len();
        assert_eq!(bytes.get(at), Some(&2));
        let longer = [&bytes[..at], &[0x82, 0], &bytes[at + 1..]].concat();
        assert!(LayerContent::from_bytes(&longer).is_some());
        assert!(LayerContent::from_others(&longer, &Digest::of(b"tar")).is_err());
    }
}
