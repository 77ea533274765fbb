//! What a bundle claims: who signed what, which logs have it, who stamped it. Nothing is verified here.

use data_encoding::BASE64;
use lockgate_model::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

use super::merkle::Node;
use super::verify::SigstoreError;
use crate::bundle::Bundle;
use crate::dsse::Envelope;
use crate::limits;
use crate::reading::Reading;
use crate::verify::Refusal;
use crate::x509::Certificate;

/// Who says to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a certificate.
    Certificate(Box<Certificate>),
    /// The holder of a managed key; the hint at it proves nothing.
    Key {
        /// The hint.
        hint: String,
    },
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An envelope (DSSE).
    Envelope {
        /// What the payload is.
        payload_type: String,
        /// The payload.
        payload: Vec<u8>,
        /// SHA-256 of the envelope's own bytes, where they are kept as they were logged.
        digest: Option<Vec<u8>>,
    },
    /// cosign's payload about an image.
    SimpleSigning {
        /// The payload.
        payload: Vec<u8>,
    },
    /// The bytes themselves.
    Message {
        /// Their digest as the bundle says it, with the algorithm: must be right where it is given.
        digest: Option<(String, Vec<u8>)>,
    },
}

/// An inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The leaf's place in the tree.
    pub index: u64,
    /// The tree's size.
    pub size: u64,
    /// The tree's root, as the bundle says it.
    pub root: Vec<u8>,
    /// The path from the leaf to the root.
    pub hashes: Vec<Node>,
    /// The tree's size and root, as the log signed them.
    pub checkpoint: String,
}

/// An entry of a transparency log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The log's id.
    pub log: Vec<u8>,
    /// The entry's place in the log.
    pub index: u64,
    /// What kind of entry, and of which version.
    pub kind: (String, String),
    /// When the log says to have taken it; only a promise proves it.
    pub integrated: Option<Timestamp>,
    /// The log's signed promise to include it (SET).
    pub promise: Option<Vec<u8>>,
    /// The proof that it did.
    pub proof: Option<Proof>,
    /// The entry.
    pub body: Vec<u8>,
}

/// A signature with what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Who says to have signed.
    pub signer: Signer,
    /// Certificates that came with the signer's: steps to a trusted root, where there is one.
    pub between: Vec<Certificate>,
    /// What is signed.
    pub content: Content,
    /// The signature.
    pub signature: Vec<u8>,
    /// Which logs have it.
    pub entries: Vec<LogEntry>,
    /// RFC 3161 timestamps of the signature.
    pub stamps: Vec<Vec<u8>>,
    /// How it was read, and is to be judged.
    pub reading: Reading,
}

/// A number that protobuf's JSON writes as text, and that is left out when it is zero.
#[derive(Debug, Clone, Copy, Default)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        let number = number.filter(|number| i64::try_from(*number).is_ok());
        number.map(Self).ok_or_else(|| D::Error::custom("a number from 0 to 2^63-1 is needed"))
    }
}

/// Bytes in base64, in the one spelling that RFC 4648, section 4, allows.
#[derive(Debug, Clone, Default)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Self).map_err(|_| D::Error::custom("it is not base64"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry {
    #[serde(default)]
    log_index: Number,
    log_id: RawId,
    kind_version: RawKind,
    #[serde(default)]
    integrated_time: Number,
    #[serde(default)]
    inclusion_promise: Option<RawPromise>,
    #[serde(default)]
    inclusion_proof: Option<RawProof>,
    canonicalized_body: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawId {
    key_id: Bytes,
}

#[derive(Deserialize)]
struct RawKind {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPromise {
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProof {
    #[serde(default)]
    log_index: Number,
    #[serde(default)]
    root_hash: Bytes,
    #[serde(default)]
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<Bytes>,
    #[serde(default)]
    checkpoint: Option<RawCheckpoint>,
}

#[derive(Deserialize)]
struct RawCheckpoint {
    #[serde(default)]
    envelope: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<RawStamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStamp {
    signed_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCertificate {
    raw_bytes: Bytes,
}

#[derive(Deserialize)]
struct RawChain {
    certificates: Vec<RawCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMessage {
    #[serde(default)]
    message_digest: Option<RawDigest>,
    signature: Bytes,
}

#[derive(Deserialize)]
struct RawDigest {
    algorithm: String,
    digest: Bytes,
}

fn malformed(what: &str, why: impl std::fmt::Display) -> SigstoreError {
    SigstoreError::Malformed(format!("{what}: {why}"))
}

fn typed<T: DeserializeOwned>(value: Value, what: &str) -> Result<T, SigstoreError> {
    T::deserialize(value).map_err(|error| malformed(what, error))
}

impl Signed {
    /// Reads a bundle v0.1 to v0.3.
    pub fn from_bundle(bytes: &[u8]) -> Result<Self, SigstoreError> {
        Self::from_bundle_as(bytes, Reading::NEWEST)
    }

    /// The same, as a recorded Case was judged.
    pub(super) fn from_bundle_as(bytes: &[u8], reading: Reading) -> Result<Self, SigstoreError> {
        let bundle = Bundle::read(bytes).map_err(|refusal| match refusal {
            Refusal::NotRead(why) => SigstoreError::NotRead(why),
            other => SigstoreError::Malformed(other.to_string()),
        })?;
        let version = Version::of(&bundle.media_type);
        let material = bundle.verification_material;
        let (key, certificate) = (material.public_key, material.certificate);
        let with_chain = reading.is_second() || version != Version::Third;
        let (signer, between) = signer(with_chain, key, certificate, material.x509_certificate_chain)?;
        let (content, signature) = content(bundle.dsse_envelope, bundle.message_signature)?;
        let raw: Vec<RawEntry> =
            material.tlog_entries.map_or(Ok(vec![]), |value| typed(value, "the log entries"))?;
        few("log entries", raw.len(), limits::LOG_ENTRIES)?;
        let entries = raw.into_iter().enumerate().map(|(place, raw)| entry(version, place, raw));
        let entries = entries.collect::<Result<_, _>>()?;
        let stamps =
            material.timestamp_verification_data.map(|value| typed::<RawStamps>(value, "the timestamps"));
        let stamps = stamps.transpose()?.map_or(vec![], |stamps| stamps.rfc3161_timestamps);
        few("timestamps", stamps.len(), limits::STAMPS)?;
        let stamps = stamps.into_iter().map(|stamp| stamp.signed_timestamp.0).collect();
        Ok(Self { signer, between, content, signature, entries, stamps, reading })
    }
}

/// The versions of bundles, as far as they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    /// A promise must be there, a proof may.
    First,
    /// A proof must be there.
    Second,
    /// And the one certificate as such; a chain in its place was refused by the first reading. The rest of a chain
    /// serves as steps to a trusted root, whatever the version.
    Third,
}

impl Version {
    fn of(media_type: &str) -> Self {
        match media_type {
            _ if media_type.ends_with("=0.1") => Self::First,
            _ if media_type.ends_with("=0.2") => Self::Second,
            _ => Self::Third,
        }
    }
}

pub(super) fn few(what: &'static str, actual: usize, limit: usize) -> Result<(), SigstoreError> {
    if actual > limit { Err(SigstoreError::TooMuch { what, actual, limit }) } else { Ok(()) }
}

/// Who signed, and the certificates that came along.
fn signer(
    with_chain: bool,
    key: Option<crate::bundle::Hint>,
    certificate: Option<Value>,
    chain: Option<Value>,
) -> Result<(Signer, Vec<Certificate>), SigstoreError> {
    let read = |raw: &RawCertificate| {
        Certificate::from_der(&raw.raw_bytes.0).map_err(|error| malformed("the certificate", error))
    };
    let holder = |certificate| Signer::Certificate(Box::new(certificate));
    match (key, certificate, chain) {
        (Some(hint), None, None) => Ok((Signer::Key { hint: hint.hint }, vec![])),
        (None, Some(certificate), None) => {
            Ok((holder(read(&typed(certificate, "the certificate")?)?), vec![]))
        }
        (None, None, Some(_)) if !with_chain => {
            Err(malformed("the certificate", "a bundle v0.3 holds one certificate, not a chain"))
        }
        (None, None, Some(chain)) => {
            let chain: RawChain = typed(chain, "the certificate chain")?;
            few("certificates", chain.certificates.len(), limits::CHAIN)?;
            let mut chain = chain.certificates.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let between = chain.split_off(chain.len().min(1));
            let first = chain.pop().ok_or_else(|| malformed("the certificate chain", "it is empty"))?;
            Ok((holder(first), between))
        }
        (None, None, None) => Err(malformed("the bundle", "it speaks of neither a key nor a certificate")),
        _ => Err(malformed("the bundle", "it speaks of more than one key or certificate")),
    }
}

fn content(envelope: Option<Envelope>, message: Option<Value>) -> Result<(Content, Vec<u8>), SigstoreError> {
    match (envelope, message) {
        (Some(envelope), None) => enveloped(&envelope, None),
        (None, Some(message)) => {
            let message: RawMessage = typed(message, "the message signature")?;
            let digest = message.message_digest.map(|digest| (digest.algorithm, digest.digest.0));
            Ok((Content::Message { digest }, message.signature.0))
        }
        _ => Err(malformed("the bundle", "it must hold exactly one of an envelope and a message signature")),
    }
}

/// The envelope's content. It must have exactly one signature (sigstore_bundle.proto, `dsse_envelope`): of two, one
/// could be the verified and the other the logged one.
pub(super) fn enveloped(
    envelope: &Envelope,
    digest: Option<Vec<u8>>,
) -> Result<(Content, Vec<u8>), SigstoreError> {
    if envelope.payload_type != crate::dsse::IN_TOTO {
        let found: String = envelope.payload_type.chars().take(100).collect();
        return Err(SigstoreError::NotRead(format!(
            "the envelope holds a `{found}`, not an in-toto statement"
        )));
    }
    let opened = envelope.open().map_err(|error| malformed("the envelope", error))?;
    let Ok([signature]) = <[Vec<u8>; 1]>::try_from(opened.signatures) else {
        return Err(malformed("the envelope", "it must have exactly one signature"));
    };
    let payload_type = envelope.payload_type.clone();
    Ok((Content::Envelope { payload_type, payload: opened.payload, digest }, signature))
}

fn entry(version: Version, place: usize, raw: RawEntry) -> Result<LogEntry, SigstoreError> {
    let what = format!("log entry {place}");
    few("bytes of a log entry", raw.canonicalized_body.0.len(), limits::ENTRY_BYTES)?;
    let proof = raw.inclusion_proof.map(|raw| proof(&what, raw)).transpose()?;
    // Early clients wrote proofs without a checkpoint into bundles v0.1; they prove nothing, the promise counts.
    let unsigned = |proof: &Proof| proof.checkpoint.is_empty();
    let proof = proof.filter(|proof| version != Version::First || !unsigned(proof));
    if proof.as_ref().is_some_and(unsigned) {
        return Err(malformed(&what, "its inclusion proof has no checkpoint"));
    }
    let promise = raw.inclusion_promise.map(|promise| promise.signed_entry_timestamp.0);
    match version {
        Version::First if promise.is_none() => return Err(malformed(&what, "it has no inclusion promise")),
        Version::Second | Version::Third if proof.is_none() => {
            let only = "it has a promise (SET) and no inclusion proof, which bundles since version 0.2 must hold: `promises` is for bundles of version 0.1 and cosign's annotations";
            return Err(malformed(&what, if promise.is_some() { only } else { "it has no inclusion proof" }));
        }
        _ => {}
    }
    let integrated = i64::try_from(raw.integrated_time.0).ok().filter(|seconds| *seconds != 0);
    Ok(LogEntry {
        log: raw.log_id.key_id.0,
        index: raw.log_index.0,
        kind: (raw.kind_version.kind, raw.kind_version.version),
        integrated: integrated.map(Timestamp::from_unix),
        promise,
        proof,
        body: raw.canonicalized_body.0,
    })
}

fn proof(what: &str, raw: RawProof) -> Result<Proof, SigstoreError> {
    few("hashes of an inclusion proof", raw.hashes.len(), limits::PROOF_HASHES)?;
    let hashes = raw.hashes.into_iter().map(|hash| Node::try_from(hash.0));
    let hashes: Result<Vec<_>, _> = hashes.collect();
    let hashes = hashes.map_err(|_| malformed(what, "a hash of its inclusion proof has not 32 bytes"))?;
    Ok(Proof {
        index: raw.log_index.0,
        size: raw.tree_size.0,
        root: raw.root_hash.0,
        hashes,
        checkpoint: raw.checkpoint.map(|checkpoint| checkpoint.envelope).unwrap_or_default(),
    })
}
