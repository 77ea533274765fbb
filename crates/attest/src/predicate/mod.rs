//! What statements say: the predicates that gates ask about, read into types.
//!
//! A predicate whose type is known and whose content cannot be read is an error, never "something else": a
//! failure to read must not look like the absence of bad news (GHSA-739f-hw6h-7wq8, GHSA-w6c6-c85g-mmv6).

pub mod ci;

mod provenance;
mod reports;
mod sbom;
mod summary;
mod vex;

use serde::de::DeserializeOwned;

pub use provenance::{Completeness, Material, Provenance, Source};
pub use reports::{Attribute, AttributeReport, Outcome, TestResult, Vulnerability, VulnerabilityScan};
pub use sbom::{Sbom, SbomFormat};
pub use summary::{Summarised, Summary};
pub use vex::{Status, Vex, VexStatement};

use crate::reading::Reading;
use crate::statement::{COSIGN_SIGN, Statement};
use crate::vsa::PREDICATE_TYPE as SUMMARY;

/// SLSA provenance, up to its version.
const PROVENANCE: &str = "https://slsa.dev/provenance";

/// Why a predicate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// Its content is not that of its type.
    #[error("the predicate `{kind}` is malformed: {why}")]
    Malformed {
        /// Its type.
        kind: String,
        /// What is wrong with it.
        why: String,
    },
    /// It has more of something than is read.
    #[error("the predicate has {actual} {what}; at most {limit} are read")]
    TooMuch {
        /// Of what there is too much.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much is read.
        limit: usize,
    },
}

/// A predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// How it was built (SLSA provenance).
    Provenance(Box<Provenance>),
    /// What somebody's verification found (SLSA VSA).
    Summary(Summary),
    /// What a scanner found.
    Scan(VulnerabilityScan),
    /// What is in it.
    Sbom(Sbom),
    /// What tests said.
    TestResult(TestResult),
    /// Attributes of it, with evidence (SCAI).
    Attributes(AttributeReport),
    /// Which vulnerabilities matter (OpenVEX).
    Vex(Vex),
    /// cosign's signature in bundle form: it says nothing besides.
    Signature,
    /// Of a type that is not read.
    Other {
        /// The type.
        kind: String,
    },
}

impl Predicate {
    /// Reads what a statement says. That the statement is believed, and is about the artifact, is for the caller.
    pub fn read(statement: &Statement) -> Result<Self, PredicateError> {
        Self::read_as(statement, Reading::NEWEST)
    }

    /// The same, as a recorded Case was judged.
    pub fn read_as(statement: &Statement, reading: Reading) -> Result<Self, PredicateError> {
        let (kind, content) = (statement.predicate_type.as_str(), &statement.predicate);
        match kind {
            COSIGN_SIGN => Ok(Self::Signature),
            SUMMARY => Summary::read(kind, content).map(Self::Summary),
            "https://cosign.sigstore.dev/attestation/vuln/v1" | "cosign.sigstore.dev/attestation/vuln/v1" => {
                VulnerabilityScan::read_cosigns(kind, content).map(Self::Scan)
            }
            "https://in-toto.io/attestation/vulns/v0.1" | "https://in-toto.io/attestation/vulns/v0.2" => {
                VulnerabilityScan::read_in_totos(kind, content).map(Self::Scan)
            }
            "https://in-toto.io/attestation/test-result/v0.1" => {
                TestResult::read(kind, content).map(Self::TestResult)
            }
            _ if is_version_of(kind, PROVENANCE) => {
                Provenance::read(kind, content, reading).map(|read| Self::Provenance(Box::new(read)))
            }
            _ if is_version_of(kind, "https://in-toto.io/attestation/scai/attribute-report")
                || is_version_of(kind, "https://in-toto.io/attestation/scai") =>
            {
                AttributeReport::read(kind, content).map(Self::Attributes)
            }
            _ if is_version_of(kind, "https://openvex.dev/ns") => Vex::read(kind, content).map(Self::Vex),
            _ => match SbomFormat::of(kind) {
                Some(format) => Sbom::read(kind, format, content).map(Self::Sbom),
                None => Ok(Self::Other { kind: kind.to_owned() }),
            },
        }
    }
}

/// Whether a statement of this type claims to say how something was built: also in a version that is not read, so that it
/// is told of and not passed over.
pub fn claims_provenance(kind: &str) -> bool {
    kind.starts_with(PROVENANCE)
}

/// Whether `kind` is `name`, or `name` and a version.
pub(crate) fn is_version_of(kind: &str, name: &str) -> bool {
    match kind.strip_prefix(name) {
        Some("") => true,
        Some(rest) => {
            rest.strip_prefix("/v").is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
        }
        None => false,
    }
}

fn malformed(kind: &str, why: impl std::fmt::Display) -> PredicateError {
    PredicateError::Malformed { kind: kind.chars().take(200).collect(), why: why.to_string() }
}

fn typed<T: DeserializeOwned>(kind: &str, content: &serde_json::Value) -> Result<T, PredicateError> {
    T::deserialize(content).map_err(|error| malformed(kind, error))
}

fn few(what: &'static str, actual: usize, limit: usize) -> Result<(), PredicateError> {
    if actual > limit { Err(PredicateError::TooMuch { what, actual, limit }) } else { Ok(()) }
}
