//! The gates. A gate is one file here, and one line in [`GATES`].

mod keys;
mod policy;
mod provenance;
mod reproducibility;
mod roots;
mod route;
mod signature;
mod signers;
mod standing;
mod vulnerability;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use lockgate_attest::sigstore::TrustedRoot;
use lockgate_attest::verify::{Carried, Examined};
use lockgate_model::case::Image;
use lockgate_model::oci::Content;
use lockgate_model::{Case, Digest, Finding, Inventory, Verdict, canon};
use serde_json::Value;

use crate::findings::blind;
use crate::settings::SettingsError;

/// One question about a Case.
pub struct Gate {
    /// Its name, in `lockgate.yaml` and in verdicts.
    pub name: &'static str,
    /// The question, for people.
    pub asks: &'static str,
    /// Whether it is asked for every stage, without settings.
    pub always: bool,
    /// Whether settings are right.
    pub check_settings: fn(&Value) -> Result<(), SettingsError>,
    /// The answer, from the Case, the settings and the verdicts of the gates before it.
    pub judge: fn(&Docket<'_>, &Value, &[Verdict]) -> Verdict,
}

/// Every gate, in the order in which they are asked.
pub const GATES: &[Gate] = &[
    route::GATE,
    signature::GATE,
    provenance::GATE,
    reproducibility::GATE,
    vulnerability::GATE,
    policy::GATE,
];

/// A Case as gates see it.
pub struct Docket<'a> {
    /// The Case.
    pub case: &'a Case,
    /// The artifact, when its bytes are there and can be read.
    pub content: Option<Content>,
    /// What was examined already, by the digests of the evidence and of whom it was examined for.
    examined: Examinations,
    /// The authorities and logs of the instances of Sigstore, or why they cannot be used, in the record's order; read for
    /// the first gate that asks.
    roots: OnceCell<Vec<Result<TrustedRoot, String>>>,
}

/// By the digest of the evidence and that of the trust, never by a name: several gates ask the same of the same.
type Examinations = RefCell<BTreeMap<(Digest, Digest), Vec<Examined>>>;

impl<'a> Docket<'a> {
    /// The Case, nothing examined yet.
    pub fn of(case: &'a Case) -> Self {
        let artifact = case.inputs.get(&case.record.artifact.digest);
        let content = artifact.and_then(|bytes| Content::read(&case.record.artifact.media_type, bytes).ok());
        Self { case, content, examined: RefCell::default(), roots: OnceCell::new() }
    }
}

impl Docket<'_> {
    /// Whether it is the artifact, or one of its images.
    fn is_ours(&self, digest: Digest) -> bool {
        let record = &self.case.record;
        digest == record.artifact.digest || record.images.iter().any(|image| image.manifest == digest)
    }

    /// The evidence whose subject `about` admits, with its bytes; what is missing is a finding that blinds `gate`.
    fn evidence(
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

    /// The inventory of an image; the error says why there is none.
    fn inventory(&self, image: &Image) -> Result<Inventory, String> {
        let digest = image.inventory.ok_or("its layers were not read")?;
        let bytes =
            self.case.inputs.get(&digest).ok_or_else(|| format!("its inventory {digest} is missing"))?;
        canon::from_bytes(bytes).map_err(|error| format!("its inventory {digest} is damaged: {error}"))
    }
}

/// An image, for people: its platform where that says something.
fn image_name(image: &Image) -> String {
    if image.platform.is_empty() { image.manifest.short() } else { image.platform.clone() }
}
