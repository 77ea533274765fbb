//! Having Rekor log a signature (sigstore/rekor, openapi.yaml, version 1; types `dsse` 0.0.1).

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER};
use lockgate_model::json;
use serde::{Deserialize, Serialize};

use super::KeylessError;
use crate::dsse::Envelope;
use crate::limits;
use crate::x509::Certificate;

/// Where it is asked, below Rekor's address; an entry is found below it by its id.
pub const PATH: &str = "/api/v1/log/entries";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    api_version: &'static str,
    kind: &'static str,
    spec: Spec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    proposed_content: Proposed,
}

#[derive(Serialize)]
struct Proposed {
    envelope: String,
    verifiers: [String; 1],
}

/// What is asked, as JSON: an entry for the envelope, which the holder of the certificate signed.
pub fn request(envelope: &Envelope, certificate: &Certificate) -> Result<Vec<u8>, KeylessError> {
    let envelope = serde_json::to_string(envelope).map_err(|error| KeylessError::Json(error.to_string()))?;
    let verifiers = [BASE64.encode(certificate.to_pem().as_bytes())];
    let spec = Spec { proposed_content: Proposed { envelope, verifiers } };
    super::to_json(&Request { api_version: "0.0.1", kind: "dsse", spec })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    body: String,
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    inclusion_proof: Proof,
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    api_version: String,
    kind: String,
}

/// An entry as a bundle has it (sigstore_rekor.proto, `TransparencyLogEntry`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    log_index: String,
    log_id: LogId,
    kind_version: KindVersion,
    integrated_time: String,
    inclusion_promise: Promise,
    inclusion_proof: Inclusion,
    canonicalized_body: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    log_index: String,
    root_hash: String,
    tree_size: String,
    hashes: Vec<String>,
    checkpoint: Signed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Signed {
    envelope: String,
}

fn wrong(why: impl Into<String>) -> KeylessError {
    KeylessError::Answer { who: "transparency log", why: why.into() }
}

fn hex(text: &str) -> Result<String, KeylessError> {
    let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| wrong("a hash in it is not hex"))?;
    Ok(BASE64.encode(&bytes))
}

/// The one entry of an answer. Whether it is the one that was asked for is judged with the bundle.
pub fn answer(bytes: &[u8]) -> Result<Entry, KeylessError> {
    let mut entries: BTreeMap<String, Answer> =
        json::from_slice(bytes, limits::ANSWER_BYTES).map_err(|error| wrong(error.to_string()))?;
    let (Some((_, entry)), true) = (entries.pop_first(), entries.is_empty()) else {
        return Err(wrong("one entry is needed"));
    };
    let body = BASE64.decode(entry.body.as_bytes()).map_err(|_| wrong("the entry is not base64"))?;
    let kind: Kind =
        json::from_slice(&body, limits::ENTRY_BYTES).map_err(|error| wrong(format!("the entry: {error}")))?;
    let proof = entry.verification.inclusion_proof;
    Ok(Entry {
        log_index: entry.log_index.to_string(),
        log_id: LogId { key_id: hex(&entry.log_id)? },
        kind_version: KindVersion { kind: kind.kind, version: kind.api_version },
        integrated_time: entry.integrated_time.to_string(),
        inclusion_promise: Promise { signed_entry_timestamp: entry.verification.signed_entry_timestamp },
        inclusion_proof: Inclusion {
            log_index: proof.log_index.to_string(),
            root_hash: hex(&proof.root_hash)?,
            tree_size: proof.tree_size.to_string(),
            hashes: proof.hashes.iter().map(|hash| hex(hash)).collect::<Result<_, _>>()?,
            checkpoint: Signed { envelope: proof.checkpoint },
        },
        canonicalized_body: entry.body,
    })
}

/// The path of an entry that the log says to have already, when `location` is one: below Rekor's address, and named by hex
/// digits alone.
pub fn existing(location: &str) -> Option<String> {
    let id = location.rsplit_once(PATH)?.1.strip_prefix('/')?;
    let is_id = (64..=80).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| format!("{PATH}/{id}"))
}
