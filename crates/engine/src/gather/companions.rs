//! What travels with an artifact because it is attached to it, to one of its children, or to what is: settled here, so that
//! nothing has to be listed again when it is copied. What could be run stays behind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lockgate_model::evidence::{Attachment, Companion};
use lockgate_model::oci::{self, Content};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Evidence, Inputs, Repository, limits};

use super::{Basket, layers, unreadable};
use crate::workspace::Reach;

/// The gate that tells what travels.
const GATES: &[&str] = &["route"];

/// What of `evidence` travels. With `further` subjects, which are children of the artifact that were not asked about, what is
/// attached to those, to evidence, and to that, is listed too: for a promotion. What cannot be listed or read is a gap: it
/// would be lost.
pub(crate) async fn gather(
    reach: &Reach,
    repository: &Repository,
    evidence: &[Evidence],
    further: Option<Vec<Digest>>,
    basket: &mut Basket,
) -> Vec<Companion> {
    let mut finder =
        Finder { reach, repository, found: Vec::new(), seen: BTreeSet::new(), plain: BTreeMap::new() };
    let mut waiting: VecDeque<(Digest, usize)> = VecDeque::new();
    for one in evidence {
        finder.look_at(&one.blobs, &basket.inputs);
        let Evidence { subject, attachment, manifest, .. } = one;
        let listed = finder.consider(*subject, *attachment, manifest, basket).await;
        waiting.extend(told(listed, &manifest.digest, basket).flatten().map(|digest| (digest, 1)));
    }
    let Some(further) = further else { return finder.found };
    waiting.extend(further.into_iter().map(|subject| (subject, 0)));
    while let Some((subject, depth)) = waiting.pop_front() {
        if finder.seen.insert(subject) {
            let listed = finder.about(&subject, depth, basket).await;
            let listed = told(listed, &subject, basket).into_iter().flatten();
            waiting.extend(listed.map(|digest| (digest, depth + 1)));
        }
    }
    finder.found
}

/// The answer, or a gap.
fn told<T>(answer: Result<T, PortError>, subject: &Digest, basket: &mut Basket) -> Option<T> {
    answer.map_err(|error| basket.gap(GATES, &format!("what is attached to {subject}"), &error)).ok()
}

struct Finder<'a> {
    reach: &'a Reach,
    repository: &'a Repository,
    found: Vec<Companion>,
    /// What was listed already.
    seen: BTreeSet<Digest>,
    /// Which layers of evidence were looked at, and are no archive.
    plain: BTreeMap<Digest, bool>,
}

impl Finder<'_> {
    /// Notes of content that was fetched whether it is an archive.
    fn look_at(&mut self, blobs: &[Digest], inputs: &Inputs) {
        for blob in blobs {
            if let Some(bytes) = inputs.get(blob) {
                self.plain.insert(*blob, !oci::is_archive(bytes));
            }
        }
    }

    /// What is attached to `subject`; those that travel are given back.
    async fn about(
        &mut self,
        subject: &Digest,
        depth: usize,
        basket: &mut Basket,
    ) -> Result<Vec<Digest>, PortError> {
        let listed = self.reach.registry.attached(self.repository, subject).await?;
        if !listed.is_empty() && depth >= limits::REFERRER_DEPTH {
            return Err(self.too_much(subject, "more evidence of evidence of evidence than travels"));
        }
        let mut travelling = Vec::new();
        for (attachment, manifest) in &listed {
            travelling.extend(self.consider(*subject, *attachment, manifest, basket).await?);
        }
        Ok(travelling)
    }

    /// Notes one attached manifest. It is given back when it travels.
    async fn consider(
        &mut self,
        subject: Digest,
        attachment: Attachment,
        manifest: &Descriptor,
        basket: &mut Basket,
    ) -> Result<Option<Digest>, PortError> {
        if self.found.len() >= limits::REFERRERS_PER_COPY {
            return Err(self.too_much(&manifest.digest, "more is attached to the artifact than travels"));
        }
        let place = format!("{}@{}", self.repository, manifest.digest);
        let fetched = if let Some(bytes) = basket.inputs.get(&manifest.digest) {
            bytes.clone()
        } else {
            let fetched = self.reach.registry.manifest(self.repository, &manifest.digest).await?;
            basket.inputs.insert(fetched.bytes.clone());
            fetched.bytes
        };
        let content =
            Content::read(&manifest.media_type, &fetched).map_err(|error| unreadable(&place, &error))?;
        self.fetch_what_could_run(&content).await;
        let plain = |layer: &Digest| self.plain.get(layer).copied().unwrap_or_default();
        let stays_behind = oci::stays_behind(&content, plain);
        let travels = stays_behind.is_none().then_some(manifest.digest);
        let manifest = manifest.bare();
        self.found.push(Companion { subject, attachment, manifest, stays_behind });
        Ok(travels)
    }

    /// Looks at the layers of a manifest with an image's config. What cannot be had was not looked at, and stays behind.
    async fn fetch_what_could_run(&mut self, content: &Content) {
        let Content::Manifest(manifest) = content else { return };
        if !oci::is_config(&manifest.config.media_type) || oci::stays_behind(content, |_| true).is_some() {
            return;
        }
        for layer in manifest.layers.iter().take(limits::SIGNATURES_PER_EVIDENCE) {
            if self.plain.contains_key(&layer.digest) {
                continue;
            }
            let fetched =
                layers::small_blob(self.reach, self.repository, layer, limits::EVIDENCE_BYTES).await;
            if let Ok(bytes) = fetched {
                self.plain.insert(layer.digest, !oci::is_archive(&bytes));
            }
        }
    }

    fn too_much(&self, digest: &Digest, reason: &str) -> PortError {
        let place = format!("{}@{digest}", self.repository);
        PortError::new(Trouble::TooLarge, place, reason, "remove what is attached and not needed")
    }
}
