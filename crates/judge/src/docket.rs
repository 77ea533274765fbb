//! The docket: a Case as gates see it, and what was examined of it already.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use lockgate_attest::sigstore::TrustedRoot;
use lockgate_attest::verify::{Carried, Examined};
use lockgate_model::case::Image;
use lockgate_model::oci::Content;
use lockgate_model::{Case, Descriptor, Digest, Finding, Inventory, canon};

use crate::edition::Edition;
use crate::findings::blind;
use crate::gates::Words;

/// A Case as gates see it.
pub struct Docket<'a> {
    /// The Case.
    pub case: &'a Case,
    /// The Edition that it is judged by.
    pub edition: Edition,
    /// The artifact, when its bytes are there and can be read.
    pub content: Option<Content>,
    /// What was examined already, by the digests of the evidence and of whom it was examined for.
    pub(crate) examined: Examinations,
    /// The authorities and logs of the instances of Sigstore, or why they cannot be used, in the record's order; read for
    /// the first gate that asks.
    pub(crate) roots: OnceCell<Vec<Result<TrustedRoot, String>>>,
    /// Layer contents that others signed; heard for the first gate that looks into images of which a layer was not read.
    words: OnceCell<Words>,
}

/// Why an image has no inventory, and what to do where that is something else than making its layers readable.
pub(crate) struct Unread {
    pub(crate) why: String,
    pub(crate) fix: Option<String>,
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self { why, fix: None }
    }
}

impl From<&str> for Unread {
    fn from(why: &str) -> Self {
        Self::from(why.to_owned())
    }
}

/// By the digest of the evidence and that of the trust, never by a name: several gates ask the same of the same.
pub(crate) type Examinations = RefCell<BTreeMap<(Digest, Digest), Vec<Examined>>>;

impl<'a> Docket<'a> {
    /// The Case, nothing examined yet.
    pub fn of(case: &'a Case) -> Self {
        // A Case of no known Edition is not asked about: `decide` says so.
        let edition = Edition::named(&case.record.edition).unwrap_or(Edition::CURRENT);
        let Descriptor { digest, media_type, .. } = &case.record.artifact;
        let artifact = case.inputs.get(digest);
        let content =
            artifact.and_then(|bytes| Content::read_as(edition.reads_documents(), media_type, bytes).ok());
        Self {
            case,
            edition,
            content,
            examined: RefCell::default(),
            roots: OnceCell::new(),
            words: OnceCell::new(),
        }
    }
}

impl Docket<'_> {
    /// Whether evidence that `gate` reads could not be had, so that what it does not find may be there all the same. Editions
    /// before 2026-3 did not ask.
    pub(crate) fn lacks_evidence(&self, gate: &str) -> bool {
        self.edition.minds_absence() && self.case.record.gaps.iter().any(|gap| gap.gate == gate)
    }

    /// Whether it is the artifact, or one of its images.
    pub(crate) fn is_ours(&self, digest: Digest) -> bool {
        let record = &self.case.record;
        digest == record.artifact.digest || record.images.iter().any(|image| image.manifest == digest)
    }

    /// The evidence whose subject `about` admits, with its bytes; what is missing is a finding that blinds `gate`.
    pub(crate) fn evidence(
        &self,
        gate: &str,
        about: impl Fn(Digest) -> bool,
        findings: &mut Vec<Finding>,
    ) -> Vec<Carried<'_>> {
        let mut found = Vec::new();
        for evidence in self.case.record.evidence.iter().filter(|evidence| about(evidence.subject)) {
            let Some(carried) = Carried::of(evidence, &self.case.inputs) else {
                let (code, subject) = (format!("{gate}.input-missing"), evidence.manifest.digest.to_string());
                let why = "evidence that the Case names is missing".to_owned();
                findings.push(blind(&code, &subject, why, "judge again".to_owned()));
                continue;
            };
            found.push(carried);
        }
        found
    }

    /// The inventory of an image; the error says why there is none that may be judged by.
    pub(crate) fn inventory(&self, image: &Image) -> Result<Inventory, Unread> {
        let digest = image.inventory.ok_or("its layers were not read")?;
        let bytes =
            self.case.inputs.get(&digest).ok_or_else(|| format!("its inventory {digest} is missing"))?;
        let inventory = canon::from_bytes(bytes)
            .map_err(|error| format!("its inventory {digest} is damaged: {error}"))?;
        if !image.by_word.is_empty() {
            self.words().hold(image, &inventory)?;
        }
        Ok(inventory)
    }

    /// The layer contents that others signed.
    pub(crate) fn words(&self) -> &Words {
        self.words.get_or_init(|| Words::hear(self))
    }
}

/// An image, for people: its platform where that says something.
pub(crate) fn image_name(image: &Image) -> String {
    if image.platform.is_empty() { image.manifest.short() } else { image.platform.clone() }
}
