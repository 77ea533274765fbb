//! SLSA Verification Summary Attestations (slsa.dev/spec/v1.1/verification_summary).

use lockgate_model::{Descriptor, Digest, Timestamp};
use serde_json::json;

use crate::statement::Statement;

/// The predicate type.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// Said of artifacts whose SLSA build level was not asked for, and of those that passed Lockgate's gates.
const LEVELS: [&str; 2] = ["SLSA_BUILD_LEVEL_UNEVALUATED", "LOCKGATE_GATES_PASSED"];

/// What a verdict says.
#[derive(Debug, Clone)]
pub struct Summary<'a> {
    /// Who verified, a URI.
    pub verifier: &'a str,
    /// The instant that was judged for.
    pub time: Timestamp,
    /// The repository that the artifact may enter.
    pub resource: String,
    /// The stage whose gates were asked.
    pub stage: &'a str,
    /// Digest of the Case: it names gates, keys and policies.
    pub case: Digest,
    /// What was judged from, besides: a URI and a digest each. Never empty.
    pub inputs: Vec<(String, Digest)>,
    /// Whether the gates passed.
    pub passed: bool,
}

/// The statement that says `summary` about `artifact`.
pub fn vsa_statement(artifact: &Descriptor, summary: &Summary<'_>) -> Statement {
    let inputs: Vec<_> = summary
        .inputs
        .iter()
        .map(|(uri, digest)| json!({"uri": uri, "digest": {"sha256": digest.hex()}}))
        .collect();
    let predicate = json!({
        "verifier": {"id": summary.verifier},
        "timeVerified": summary.time,
        "resourceUri": format!("{}@{}", summary.resource, artifact.digest),
        "policy": {"uri": format!("urn:lockgate:stage:{}", summary.stage), "digest": {"sha256": summary.case.hex()}},
        "inputAttestations": inputs,
        "verificationResult": if summary.passed { "PASSED" } else { "FAILED" },
        "verifiedLevels": if summary.passed { LEVELS.to_vec() } else { vec!["FAILED"] },
        "slsaVersion": "1.1",
    });
    Statement::about(artifact, PREDICATE_TYPE, predicate)
}
