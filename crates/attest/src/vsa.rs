//! SLSA Verification Summary Attestations (slsa.dev/spec/v1.1/verification_summary).

use lockgate_model::{Descriptor, Digest, Timestamp};
use serde_json::json;

use crate::statement::Statement;

pub use lockgate_model::evidence::SUMMARY_TYPE as PREDICATE_TYPE;

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

#[cfg(test)]
mod tests {
    use lockgate_model::oci::media;

    use super::*;

    fn written(passed: bool) -> serde_json::Value {
        let artifact = Descriptor::of(media::OCI_MANIFEST, b"the artifact");
        let (case, decision) = (Digest::of(b"case"), Digest::of(b"decision"));
        let summary = Summary {
            verifier: "https://lockgate.example/verifier",
            time: Timestamp::from_unix(0),
            resource: "registry.example/prod/web".to_owned(),
            stage: "prod",
            case,
            inputs: vec![("urn:lockgate:decision:1".to_owned(), decision)],
            passed,
        };
        serde_json::to_value(vsa_statement(&artifact, &summary)).unwrap()
    }

    #[test]
    fn has_the_fields_of_the_specification() {
        let artifact = Digest::of(b"the artifact");
        let expected = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": artifact.hex()}}],
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {
                "verifier": {"id": "https://lockgate.example/verifier"},
                "timeVerified": "1970-01-01T00:00:00Z",
                "resourceUri": format!("registry.example/prod/web@{artifact}"),
                "policy": {"uri": "urn:lockgate:stage:prod", "digest": {"sha256": Digest::of(b"case").hex()}},
                "inputAttestations": [{
                    "uri": "urn:lockgate:decision:1",
                    "digest": {"sha256": Digest::of(b"decision").hex()},
                }],
                "verificationResult": "PASSED",
                "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED", "LOCKGATE_GATES_PASSED"],
                "slsaVersion": "1.1",
            },
        });
        assert_eq!(written(true), expected);
    }

    #[test]
    fn says_no_level_of_what_failed() {
        let predicate = &written(false)["predicate"];
        assert_eq!(predicate["verificationResult"], "FAILED");
        assert_eq!(predicate["verifiedLevels"], json!(["FAILED"]));
    }
}
