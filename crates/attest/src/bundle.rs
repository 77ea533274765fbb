//! Sigstore bundles with a public key (sigstore/protobuf-specs, sigstore_bundle.proto, v0.1 to v0.3).

use lockgate_model::{json, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dsse::Envelope;

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

/// What a bundle says about the key. Only a public key counts here; its hint does not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<Hint>,
}

/// A hint at the key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hint {
    #[serde(default)]
    pub(crate) hint: String,
}

/// The envelope of a bundle that a managed key signed; the error says why there is none.
pub(crate) fn envelope(bytes: &[u8]) -> Result<Envelope, String> {
    let bundle: Bundle =
        json::from_slice(bytes, limits::EVIDENCE_BYTES).map_err(|error| error.to_string())?;
    if !VERSIONS.contains(&bundle.media_type.as_str()) {
        let found: String = bundle.media_type.chars().take(100).collect();
        return Err(format!("the bundle calls itself `{found}`; versions 0.1 to 0.3 are read"));
    }
    if bundle.verification_material.public_key.is_none() {
        return Err(
            "the bundle is signed with a certificate: keyless signatures are not read by this version".into(),
        );
    }
    match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => Ok(envelope),
        (None, Some(_)) => Err("the bundle signs a bare message, which says nothing about an image".into()),
        _ => Err("the bundle must hold exactly one of an envelope and a message signature".into()),
    }
}
