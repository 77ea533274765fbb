//! Sigstore bundles with a public key (sigstore/protobuf-specs, sigstore_bundle.proto, v0.1 to v0.3).

use lockgate_model::{json, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dsse::Envelope;
use crate::verify::Refusal;

/// The media type up to its version; older versions have it as a parameter.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle";
/// The media types that are read.
const VERSIONS: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
];

/// A bundle, as far as it is read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundle {
    pub(crate) media_type: String,
    pub(crate) verification_material: Material,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dsse_envelope: Option<Envelope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_signature: Option<Value>,
}

/// What a bundle says about the key: one of the three. Only a public key counts here; its hint does not.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Hint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) x509_certificate_chain: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tlog_entries: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp_verification_data: Option<Value>,
}

/// A hint at the key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hint {
    #[serde(default)]
    pub(crate) hint: String,
}

impl Material {
    /// Whether it says that the holder of a certificate signed.
    pub(crate) fn names_certificate(&self) -> bool {
        self.certificate.is_some() || self.x509_certificate_chain.is_some()
    }

    /// Whether it holds an entry of a log, or a timestamp, in whatever shape.
    pub(crate) fn has_proofs(&self) -> bool {
        let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let without_stamps = |data: &Value| match data {
            Value::Object(fields) => {
                fields.iter().all(|(name, value)| name == "rfc3161Timestamps" && is_empty(value))
            }
            other => other.is_null(),
        };
        !self.tlog_entries.as_ref().is_none_or(is_empty)
            || !self.timestamp_verification_data.as_ref().is_none_or(without_stamps)
    }
}

impl Bundle {
    /// Reads a bundle of a version that is known; what it holds is not looked at yet.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let bundle: Self = json::from_slice(bytes, limits::EVIDENCE_BYTES)
            .map_err(|error| Refusal::Malformed(error.to_string()))?;
        if !VERSIONS.contains(&bundle.media_type.as_str()) {
            let found: String = bundle.media_type.chars().take(100).collect();
            return Err(Refusal::NotRead(format!(
                "the bundle calls itself `{found}`; versions 0.1 to 0.3 are read"
            )));
        }
        Ok(bundle)
    }
}

/// The envelope of a bundle that a managed key signed.
///
/// A bare message signature is refused although it may be right: cosign writes it for files, never for images, and
/// does not verify it on them.
pub(crate) fn envelope(bytes: &[u8]) -> Result<Envelope, Refusal> {
    let bundle = Bundle::read(bytes)?;
    let material = &bundle.verification_material;
    if material.names_certificate() {
        let why = "the bundle is signed with a certificate: keyless signatures are not read by this version";
        return Err(Refusal::NotRead(why.to_owned()));
    }
    if material.public_key.is_none() {
        return Err(Refusal::Malformed("the bundle speaks of neither a key nor a certificate".to_owned()));
    }
    match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => Ok(envelope),
        (None, Some(_)) => {
            let why = "the bundle signs a bare message, which says nothing about an image";
            Err(Refusal::NotRead(why.to_owned()))
        }
        _ => {
            let why = "the bundle must hold exactly one of an envelope and a message signature";
            Err(Refusal::Malformed(why.to_owned()))
        }
    }
}
