//! What layers hold by the word of others: signed layer contents in place of a layer that was not read here (ADR 19).
//!
//! Whose word counts, the judge says, of the Case as far as it is closed ([`layer_words`]). What cannot be had or is not as it
//! was signed is no error: the layer is read. Nothing that came by word is kept, for what is kept was verified here.

use std::collections::BTreeMap;

use lockgate_judge::{LayerWord, hears_layer_contents, layer_words};
use lockgate_model::case::LayerByWord;
use lockgate_model::oci::media;
use lockgate_model::ports::Registry;
use lockgate_model::{Case, CaseRecord, Descriptor, Digest, Inputs, Inventory, Repository, limits};
use lockgate_scan::{ANALYSER, Base, LayerContent, lay_onto, lay_whole};

use super::blocking;
use super::evidence::Attached;
use super::layers::{Image, whole_blob};
use crate::EngineError;

/// What the layers of one image hold by somebody's word, by the layer's blob.
pub(crate) type ImageWords = BTreeMap<Digest, LayerWord>;

/// What the layers of images hold by somebody's word, by the image's manifest.
#[derive(Default)]
pub(crate) struct Words(BTreeMap<Digest, ImageWords>);

impl Words {
    /// Those that count in a Case of which no layer was read yet. None where the stage asks nobody, or where it is not known
    /// who else signed something: a builder's signature may be among what could not be had.
    pub(crate) async fn heard(
        record: &CaseRecord,
        inputs: &Inputs,
        attached: &Attached,
    ) -> Result<Self, EngineError> {
        let mut subjects = record.images.iter().map(|image| &image.manifest).chain([&record.artifact.digest]);
        if !hears_layer_contents(&record.gates) || !subjects.all(|one| attached.read.contains(one)) {
            return Ok(Self::default());
        }
        let case = Case { record: record.clone(), inputs: inputs.clone() };
        let words = blocking(move || layer_words(&case, ANALYSER)).await?;
        let read = |words| within(words, limits::LAYER_CONTENTS_BYTES);
        Ok(Self(words.into_iter().map(|(image, words)| (image, read(words))).collect()))
    }

    /// Those about an image.
    pub(crate) fn of(&self, image: &Digest) -> Option<&ImageWords> {
        self.0.get(image)
    }

    /// Those about layers of an image that were taken by word before.
    pub(crate) fn used(&self, image: &Digest, by_word: &[LayerByWord]) -> ImageWords {
        let words = self.of(image).into_iter().flatten();
        let used = |layer: &Digest| by_word.iter().any(|one| one.layer == *layer);
        words.filter(|(layer, _)| used(layer)).map(|(layer, word)| (*layer, *word)).collect()
    }
}

/// Those whose contents have together no more than `left` bytes: all layers of an image are in memory at once.
fn within(words: ImageWords, mut left: u64) -> ImageWords {
    let mut fits = |word: &LayerWord| match left.checked_sub(word.content.size) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    words.into_iter().filter(|(_, word)| fits(word)).collect()
}

/// What a layer holds by somebody's word; nothing where that cannot be had, or is not a content of this layer.
pub(super) async fn content(
    registry: &dyn Registry,
    repository: &Repository,
    word: &LayerWord,
    diff_id: Digest,
) -> Option<LayerContent> {
    let blob = Descriptor::new(media::LAYER_CONTENT, word.content.digest, word.content.size);
    let bytes = whole_blob(registry, repository, &blob, limits::LAYER_CONTENT_BYTES).await.ok()?;
    let signed = word.content.digest;
    let read = tokio::task::spawn_blocking(move || {
        // The port says that it verifies; nothing else stands between these bytes and a verdict.
        (Digest::of(&bytes) == signed).then(|| LayerContent::from_others(&bytes, &diff_id).ok()).flatten()
    });
    read.await.ok().flatten()
}

impl Image<'_> {
    /// What the layers make, where not all of them were read here; nothing where more must be read than was. None of it is
    /// kept.
    pub(super) async fn laid_by_word(&self, base: Base, contents: Vec<LayerContent>) -> Option<Inventory> {
        let layers = self.layers.to_vec();
        let work = tokio::task::spawn_blocking(move || {
            let contents: Vec<_> = contents.iter().collect();
            let laid = lay_onto(&base, &layers, &contents);
            let looked = laid.look();
            if looked.missing().is_empty() {
                return Some(looked.inventory());
            }
            if base.layers() > 0 {
                return None;
            }
            let laid = lay_whole(&layers, &contents);
            let looked = laid.look();
            looked.missing().asks.is_empty().then(|| looked.inventory())
        });
        work.await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use lockgate_scan::layer::ContentBlob;

    use super::*;

    #[test]
    fn contents_of_an_image_have_a_limit_together() {
        let evidence = Digest::of(b"evidence");
        let word = |size: u64| {
            let digest = Digest::of(&size.to_be_bytes());
            (digest, LayerWord { content: ContentBlob { digest, size }, evidence })
        };
        let words: ImageWords = [word(1), word(2), word(3), word(u64::MAX)].into();
        let sizes = |left: u64| {
            let mut sizes: Vec<_> =
                within(words.clone(), left).values().map(|word| word.content.size).collect();
            sizes.sort_unstable();
            sizes
        };
        assert_eq!(sizes(6), [1, 2, 3]);
        assert!(sizes(5).iter().sum::<u64>() <= 5 && sizes(5).len() == 2);
        assert!(sizes(0).is_empty());
    }
}
