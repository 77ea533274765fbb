//! cosign's older layouts: layers of the `.sig` and `.att` tags, whose annotations carry certificate, log entry and
//! timestamp (cosign, `SIGNATURE_SPEC.md` and `ATTESTATION_SPEC.md`, as cosign 1 to 3 write them).
//!
//! Annotations are signed by nobody: each counts only for what it proves itself.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest, Timestamp, json};
use serde::Deserialize;

use super::read::{Content, LogEntry, Signed, Signer, enveloped, few};
use super::verify::SigstoreError;
use crate::bundle::MEDIA_TYPE;
use crate::dsse::Envelope;
use crate::hash::Hash;
use crate::limits;
use crate::reading::Reading;
use crate::verify::SIGNATURE;
use crate::x509::Certificate;

const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const STAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The annotations of a layer.
type Annotations = BTreeMap<String, String>;

/// The log's entry, with its promise (cosign, `bundle.RekorBundle`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RekorBundle {
    signed_entry_timestamp: String,
    payload: RekorPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RekorPayload {
    body: String,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    kind: String,
    api_version: String,
}

/// cosign, `bundle.RFC3161Timestamp`.
#[derive(Deserialize)]
struct Stamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    stamp: String,
}

fn malformed(annotation: &str, why: impl std::fmt::Display) -> SigstoreError {
    SigstoreError::Malformed(format!("the annotation `{annotation}`: {why}"))
}

fn base64(annotation: &str, text: &str, reading: Reading) -> Result<Vec<u8>, SigstoreError> {
    reading.base64(text).ok_or_else(|| malformed(annotation, "it is not base64"))
}

impl Signed {
    /// Reads what a layer of an attached manifest holds, by the layer's media type: a bundle, a signature or an
    /// attestation. The content must be the one that the layer names.
    pub fn from_layer(layer: &Descriptor, content: &[u8], reading: Reading) -> Result<Self, SigstoreError> {
        if Digest::of(content) != layer.digest {
            return Err(SigstoreError::Malformed("its content has another digest".to_owned()));
        }
        match layer.media_type.as_str() {
            media::SIMPLE_SIGNING => signature_layer(&layer.annotations, content, reading),
            media::DSSE => attestation_layer(&layer.annotations, content, reading),
            bundle if bundle.starts_with(MEDIA_TYPE) => Self::from_bundle_as(content, reading),
            other => {
                let other: String = other.chars().take(100).collect();
                Err(SigstoreError::NotRead(format!("`{other}` is not read")))
            }
        }
    }

    /// Reads a layer of a `.sig` tag: its annotations and its content, the signed payload.
    pub fn from_signature_layer(annotations: &Annotations, payload: &[u8]) -> Result<Self, SigstoreError> {
        signature_layer(annotations, payload, Reading::NEWEST)
    }

    /// Reads a layer of an `.att` tag: its annotations and its content, an envelope.
    pub fn from_attestation_layer(annotations: &Annotations, envelope: &[u8]) -> Result<Self, SigstoreError> {
        attestation_layer(annotations, envelope, Reading::NEWEST)
    }
}

/// Whether the annotations of a layer say that the holder of a certificate signed.
pub(crate) fn names_certificate(annotations: &Annotations) -> bool {
    annotations.contains_key(CERTIFICATE)
}

/// Whether the annotations of a layer hold an entry of a log, or a timestamp.
pub(crate) fn has_proofs(annotations: &Annotations) -> bool {
    annotations.contains_key(BUNDLE) || annotations.contains_key(STAMP)
}

fn signature_layer(
    annotations: &Annotations,
    payload: &[u8],
    reading: Reading,
) -> Result<Signed, SigstoreError> {
    let signature = annotations.get(SIGNATURE).ok_or_else(|| malformed(SIGNATURE, "it is not there"))?;
    let content = Content::SimpleSigning { payload: payload.to_vec() };
    with_annotations(annotations, content, base64(SIGNATURE, signature, reading)?, reading)
}

fn attestation_layer(
    annotations: &Annotations,
    envelope: &[u8],
    reading: Reading,
) -> Result<Signed, SigstoreError> {
    let read = Envelope::read(envelope).map_err(|error| SigstoreError::Malformed(error.to_string()))?;
    let digest = Hash::Sha256.of(envelope).as_ref().to_vec();
    let (content, signature) = enveloped(&read, Some(digest))?;
    with_annotations(annotations, content, signature, reading)
}

fn with_annotations(
    annotations: &Annotations,
    content: Content,
    signature: Vec<u8>,
    reading: Reading,
) -> Result<Signed, SigstoreError> {
    let signer = match annotations.get(CERTIFICATE) {
        None => Signer::Key { hint: String::new() },
        Some(text) => {
            let read =
                Certificate::from_pem(text.as_bytes()).map_err(|error| malformed(CERTIFICATE, error))?;
            let [certificate] = <[Certificate; 1]>::try_from(read)
                .map_err(|_| malformed(CERTIFICATE, "it must hold exactly one certificate"))?;
            Signer::Certificate(Box::new(certificate))
        }
    };
    let chain = annotations.get(CHAIN).filter(|text| !text.trim().is_empty());
    let between = chain.map(|text| Certificate::from_pem(text.as_bytes())).transpose();
    let between = between.map_err(|error| malformed(CHAIN, error))?.unwrap_or_default();
    few("certificates", between.len(), limits::CHAIN)?;
    let entries = annotations.get(BUNDLE).map(|text| entry(text, reading)).transpose()?;
    let stamps = annotations.get(STAMP).map(|text| stamp(text, reading)).transpose()?;
    let (entries, stamps) = (entries.into_iter().collect(), stamps.into_iter().collect());
    Ok(Signed { signer, between, content, signature, entries, stamps, reading })
}

fn entry(text: &str, reading: Reading) -> Result<LogEntry, SigstoreError> {
    let bundle: RekorBundle =
        json::from_slice(text.as_bytes(), limits::ENTRY_BYTES).map_err(|error| malformed(BUNDLE, error))?;
    let body = base64(BUNDLE, &bundle.payload.body, reading)?;
    few("bytes of a log entry", body.len(), limits::ENTRY_BYTES)?;
    let kind: Kind =
        json::from_slice(&body, limits::ENTRY_BYTES).map_err(|error| malformed(BUNDLE, error))?;
    let log = HEXLOWER.decode(bundle.payload.log_id.as_bytes());
    Ok(LogEntry {
        log: log.map_err(|_| malformed(BUNDLE, "its log's id is not hex"))?,
        index: bundle.payload.log_index,
        kind: (kind.kind, kind.api_version),
        integrated: Some(Timestamp::from_unix(bundle.payload.integrated_time)),
        promise: Some(base64(BUNDLE, &bundle.signed_entry_timestamp, reading)?),
        proof: None,
        body,
    })
}

fn stamp(text: &str, reading: Reading) -> Result<Vec<u8>, SigstoreError> {
    let stamp: Stamp = json::from_slice(text.as_bytes(), 2 * limits::STAMP_BYTES)
        .map_err(|error| malformed(STAMP, error))?;
    base64(STAMP, &stamp.stamp, reading)
}
