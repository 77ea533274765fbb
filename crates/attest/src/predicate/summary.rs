//! SLSA Verification Summary Attestations, read (slsa.dev/spec/v1.1/verification_summary); ours are written by
//! [`crate::vsa`].

use std::collections::BTreeMap;

use lockgate_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{PredicateError, few, malformed, typed};
use crate::limits;

/// The verdict of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Summarised {
    /// It met the policy.
    Passed,
    /// It did not.
    Failed,
}

/// What somebody else's verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Who verified, a URI. Believed only of the signer that is trusted for this verifier.
    pub verifier: String,
    /// When.
    pub time: Option<Timestamp>,
    /// For which resource: a summary for one place says nothing about another.
    pub resource: String,
    /// By which policy: its address, and its digests.
    pub policy: Option<(String, BTreeMap<String, String>)>,
    /// The verdict.
    pub result: Summarised,
    /// The levels that were found, for example `SLSA_BUILD_LEVEL_3`.
    pub levels: Vec<String>,
    /// How many dependencies were found at which level.
    pub dependencies: BTreeMap<String, u64>,
    /// The version of SLSA, where it is said.
    pub slsa_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    verifier: RawVerifier,
    #[serde(default)]
    time_verified: Option<Timestamp>,
    resource_uri: String,
    #[serde(default)]
    policy: Option<RawPolicy>,
    verification_result: Summarised,
    #[serde(default)]
    verified_levels: Vec<String>,
    #[serde(default)]
    dependency_levels: BTreeMap<String, Number>,
    #[serde(default)]
    slsa_version: Option<String>,
}

#[derive(Deserialize)]
struct RawVerifier {
    id: String,
}

#[derive(Deserialize)]
struct RawPolicy {
    #[serde(default)]
    uri: String,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// protobuf writes large numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Summary {
    pub(super) fn read(kind: &str, content: &Value) -> Result<Self, PredicateError> {
        let raw: Raw = typed(kind, content)?;
        few("levels", raw.verified_levels.len().max(raw.dependency_levels.len()), limits::PREDICATE_ITEMS)?;
        if raw.verifier.id.is_empty() || raw.resource_uri.is_empty() {
            return Err(malformed(kind, "it does not name its verifier, or the resource"));
        }
        let mut dependencies = BTreeMap::new();
        for (level, count) in raw.dependency_levels {
            let count = match count {
                Number::Number(count) => count,
                Number::Text(text) => {
                    text.parse().map_err(|_| malformed(kind, format!("the number of {level} is none")))?
                }
            };
            dependencies.insert(level, count);
        }
        Ok(Self {
            verifier: raw.verifier.id,
            time: raw.time_verified,
            resource: raw.resource_uri,
            policy: raw.policy.map(|policy| (policy.uri, policy.digest)),
            result: raw.verification_result,
            levels: raw.verified_levels,
            dependencies,
            slsa_version: raw.slsa_version,
        })
    }

    /// The highest SLSA build level that it says was found; nothing, when it failed or says none.
    pub fn build_level(&self) -> Option<u8> {
        let passed = self.result == Summarised::Passed;
        let level = |text: &String| text.strip_prefix("SLSA_BUILD_LEVEL_")?.parse().ok();
        self.levels.iter().filter(|_| passed).filter_map(level).max()
    }
}
