//! Whether a log's entry is about this signature: the same signature, by the same key, over the same content. Without
//! it, an entry of anybody's lends its time and its publicity (GHSA-whqx-f9j3-ch6m, GHSA-8gw7-4j42-w388).

use data_encoding::{BASE64, HEXLOWER};
use lockgate_model::json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::entry::LogError;
use super::read::{Content, LogEntry, Signed};
use super::verify::Artifact;
use crate::dsse::pae;
use crate::hash::Hash;
use crate::keys::encode_pem;
use crate::limits;
use crate::x509::Certificate;

/// Whose entry it must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder<'a> {
    /// The certificate's.
    Certificate(&'a Certificate),
    /// One of these keys' (`SubjectPublicKeyInfo`).
    Keys(&'a [&'a [u8]]),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: Value,
}

/// `hashedrekord` 0.0.1.
#[derive(Deserialize)]
struct HashedFirst {
    data: HashedData,
    signature: HashedSignature,
}

#[derive(Deserialize)]
struct HashedData {
    hash: HexHash,
}

#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedSignature {
    content: String,
    public_key: PemContent,
}

#[derive(Deserialize)]
struct PemContent {
    content: String,
}

/// `hashedrekord` 0.0.2 and `dsse` 0.0.2 of Rekor v2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedSecond {
    hashed_rekord_v002: SecondData,
}

#[derive(Deserialize)]
struct SecondData {
    data: BaseHash,
    signature: SecondSignature,
}

#[derive(Deserialize)]
struct BaseHash {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct SecondSignature {
    content: String,
    verifier: Verifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    #[serde(default)]
    x509_certificate: Option<RawBytes>,
    #[serde(default)]
    public_key: Option<RawBytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseSecond {
    dsse_v002: DsseSecondData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseSecondData {
    payload_hash: BaseHash,
    signatures: Vec<SecondSignature>,
}

/// `dsse` 0.0.1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseFirst {
    payload_hash: HexHash,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

/// `intoto` 0.0.2.
#[derive(Deserialize)]
struct IntotoSecond {
    content: IntotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent {
    envelope: IntotoEnvelope,
    payload_hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoEnvelope {
    payload_type: String,
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    sig: String,
    public_key: String,
}

/// `intoto` 0.0.1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoFirst {
    content: IntotoFirstContent,
    public_key: String,
}

#[derive(Deserialize)]
struct IntotoFirstContent {
    hash: HexHash,
}

fn malformed(why: impl std::fmt::Display) -> LogError {
    LogError::MalformedBody(why.to_string())
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, LogError> {
    T::deserialize(value).map_err(malformed)
}

fn base64(text: &str) -> Result<Vec<u8>, LogError> {
    BASE64.decode(text.as_bytes()).map_err(|_| malformed("a field is not base64"))
}

/// Whether the entry is about `signed`, made by `holder` over `artifact`.
pub(crate) fn matches(
    entry: &LogEntry,
    signed: &Signed,
    artifact: &Artifact,
    holder: Holder<'_>,
) -> Result<(), LogError> {
    let body: Body = json::from_slice(&entry.body, limits::ENTRY_BYTES).map_err(malformed)?;
    if (&body.kind, &body.api_version) != (&entry.kind.0, &entry.kind.1) {
        return Err(malformed("its kind is another than the bundle says"));
    }
    let related = Related { signed, artifact, holder };
    match (body.kind.as_str(), body.api_version.as_str(), &signed.content) {
        ("hashedrekord", "0.0.1", _) => related.hashed_first(&typed(body.spec)?),
        ("hashedrekord", "0.0.2", _) => {
            related.hashed_second(&typed::<HashedSecond>(body.spec)?.hashed_rekord_v002)
        }
        ("dsse", "0.0.1", Content::Envelope { payload, .. }) => {
            related.dsse_first(payload, typed(body.spec)?)
        }
        ("dsse", "0.0.2", Content::Envelope { payload, .. }) => {
            related.dsse_second(payload, &typed::<DsseSecond>(body.spec)?.dsse_v002)
        }
        ("intoto", "0.0.2", Content::Envelope { payload_type, payload, .. }) => {
            related.intoto_second(payload_type, payload, typed(body.spec)?)
        }
        ("intoto", "0.0.1", Content::Envelope { digest: Some(digest), .. }) => {
            related.intoto_first(digest, &typed(body.spec)?)
        }
        (kind, version, _) => Err(LogError::Kind(format!("{kind} {version}").chars().take(100).collect())),
    }
}

/// What an entry must be about.
struct Related<'a> {
    signed: &'a Signed,
    artifact: &'a Artifact,
    holder: Holder<'a>,
}

impl Related<'_> {
    fn hashed_first(&self, spec: &HashedFirst) -> Result<(), LogError> {
        let hash =
            Hash::named(&spec.data.hash.algorithm).ok_or_else(|| malformed("its hash is not relied on"))?;
        let value =
            HEXLOWER.decode(spec.data.hash.value.as_bytes()).map_err(|_| malformed("its hash is not hex"))?;
        self.content(hash, &value)?;
        self.signature(&base64(&spec.signature.content)?)?;
        self.held_by(&base64(&spec.signature.public_key.content)?)
    }

    fn hashed_second(&self, spec: &SecondData) -> Result<(), LogError> {
        let hash = Hash::named(&spec.data.algorithm).ok_or_else(|| malformed("its hash is not relied on"))?;
        self.content(hash, &base64(&spec.data.digest)?)?;
        self.second(&spec.signature)
    }

    fn second(&self, signature: &SecondSignature) -> Result<(), LogError> {
        self.signature(&base64(&signature.content)?)?;
        match (self.holder, &signature.verifier) {
            (Holder::Certificate(own), Verifier { x509_certificate: Some(raw), public_key: None }) => {
                related(base64(&raw.raw_bytes)? == own.der(), "certificate")
            }
            (Holder::Keys(keys), Verifier { x509_certificate: None, public_key: Some(raw) }) => {
                related(keys.contains(&base64(&raw.raw_bytes)?.as_slice()), "key")
            }
            _ => Err(LogError::Unrelated("kind of key")),
        }
    }

    fn dsse_first(&self, payload: &[u8], spec: DsseFirst) -> Result<(), LogError> {
        payload_is(payload, &spec.payload_hash)?;
        let [one] = <[DsseSignature; 1]>::try_from(spec.signatures)
            .map_err(|_| LogError::Unrelated("number of signatures"))?;
        self.signature(&base64(&one.signature)?)?;
        self.held_by(&base64(&one.verifier)?)
    }

    fn dsse_second(&self, payload: &[u8], spec: &DsseSecondData) -> Result<(), LogError> {
        let hash = Hash::named(&spec.payload_hash.algorithm)
            .ok_or_else(|| malformed("its hash is not relied on"))?;
        related(hash.of(payload).as_ref() == base64(&spec.payload_hash.digest)?, "payload")?;
        let [one] = spec.signatures.as_slice() else {
            return Err(LogError::Unrelated("number of signatures"));
        };
        self.second(one)
    }

    fn intoto_second(&self, payload_type: &str, payload: &[u8], spec: IntotoSecond) -> Result<(), LogError> {
        let IntotoContent { envelope, payload_hash } = spec.content;
        payload_is(payload, &payload_hash)?;
        related(envelope.payload_type == payload_type, "payload type")?;
        let [one] = <[IntotoSignature; 1]>::try_from(envelope.signatures)
            .map_err(|_| LogError::Unrelated("number of signatures"))?;
        // The signature is in base64 twice: Rekor encodes what is text already.
        let inner = String::from_utf8(base64(&one.sig)?).map_err(malformed)?;
        self.signature(&base64(&inner)?)?;
        self.held_by(&base64(&one.public_key)?)
    }

    /// The oldest kind names neither signature nor payload, only the whole envelope, so that the envelope's own bytes
    /// must be at hand.
    fn intoto_first(&self, envelope: &[u8], spec: &IntotoFirst) -> Result<(), LogError> {
        let value = HEXLOWER.decode(spec.content.hash.value.as_bytes()).ok();
        let same = spec.content.hash.algorithm == "sha256" && value.as_deref() == Some(envelope);
        related(same, "envelope")?;
        self.held_by(&base64(&spec.public_key)?)
    }

    /// Whether `value` is the hash of what is signed.
    fn content(&self, hash: Hash, value: &[u8]) -> Result<(), LogError> {
        let same = match &self.signed.content {
            Content::Message { .. } => self.artifact.has(hash, value),
            Content::SimpleSigning { payload } => Some(hash.of(payload).as_ref() == value),
            Content::Envelope { payload_type, payload, .. } => {
                Some(hash.of(&pae(payload_type, payload)).as_ref() == value)
            }
        };
        related(same == Some(true), "content")
    }

    fn signature(&self, logged: &[u8]) -> Result<(), LogError> {
        related(logged == self.signed.signature, "signature")
    }

    /// Whether `pem` is the certificate, or one of the keys.
    fn held_by(&self, pem: &[u8]) -> Result<(), LogError> {
        // As nearly all write it: then it need not be taken apart.
        let is = |tag: &str, der: &[u8]| encode_pem(tag, der).as_bytes() == pem;
        let same = match self.holder {
            Holder::Certificate(own) => is("CERTIFICATE", own.der()),
            Holder::Keys(keys) => keys.iter().any(|key| is("PUBLIC KEY", key)),
        };
        if same {
            return Ok(());
        }
        let pem = pem::parse(pem).map_err(|_| malformed("its key is no PEM"))?;
        match self.holder {
            Holder::Certificate(own) => {
                related(pem.tag() == "CERTIFICATE" && pem.contents() == own.der(), "certificate")
            }
            Holder::Keys(keys) => related(pem.tag() == "PUBLIC KEY" && keys.contains(&pem.contents()), "key"),
        }
    }
}

fn payload_is(payload: &[u8], hash: &HexHash) -> Result<(), LogError> {
    let algorithm = Hash::named(&hash.algorithm).ok_or_else(|| malformed("its hash is not relied on"))?;
    let value = HEXLOWER.decode(hash.value.as_bytes()).map_err(|_| malformed("its hash is not hex"))?;
    related(algorithm.of(payload).as_ref() == value, "payload")
}

fn related(same: bool, what: &'static str) -> Result<(), LogError> {
    if same { Ok(()) } else { Err(LogError::Unrelated(what)) }
}
