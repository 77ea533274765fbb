//! Signing without a key of one's own: a key that lives for one signature, a certificate for whoever an identity token says
//! one is (Fulcio), an entry in a transparency log (Rekor), and a timestamp (RFC 3161).
//!
//! What is asked of these services and what they answer is made and read here; who carries it there is elsewhere. Nothing
//! that they answer is believed here: [`crate::sigstore::verify`] judges the [bundle](Evidence::bundle) as a whole, before
//! it is given to anyone.

pub mod fulcio;
pub mod rekor;
mod token;
pub mod tsa;

use data_encoding::BASE64;
use lockgate_model::oci::media;
use serde::Serialize;

use crate::dsse::Envelope;
use crate::keys::KeyError;
use crate::x509::Certificate;

pub use token::IdentityToken;

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeylessError {
    /// The identity token cannot be used.
    #[error("the identity token {0}")]
    Token(String),
    /// A service answered something else than it was asked for.
    #[error("the {who} answered wrongly: {why}")]
    Answer {
        /// Which service.
        who: &'static str,
        /// What is wrong with the answer.
        why: String,
    },
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The document has no JSON.
    #[error("the document has no JSON: {0}")]
    Json(String),
}

/// A signature and what vouches for it.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What is signed.
    pub envelope: Envelope,
    /// The signer's certificate.
    pub certificate: Certificate,
    /// Which logs have it.
    pub entries: Vec<rekor::Entry>,
    /// Responses of timestamp authorities.
    pub stamps: Vec<Vec<u8>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    media_type: &'static str,
    verification_material: Material<'a>,
    dsse_envelope: &'a Envelope,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material<'a> {
    certificate: RawBytes,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tlog_entries: &'a [rekor::Entry],
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Stamps>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

#[derive(Serialize)]
struct Stamps {
    #[serde(rename = "rfc3161Timestamps")]
    stamps: Vec<Stamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stamp {
    signed_timestamp: String,
}

impl Evidence {
    /// The Sigstore bundle v0.3 (sigstore/protobuf-specs, sigstore_bundle.proto).
    pub fn bundle(&self) -> Result<Vec<u8>, KeylessError> {
        let stamp = |stamp: &Vec<u8>| Stamp { signed_timestamp: BASE64.encode(stamp) };
        let stamps: Vec<_> = self.stamps.iter().map(stamp).collect();
        let bundle = Bundle {
            media_type: media::SIGSTORE_BUNDLE,
            verification_material: Material {
                certificate: RawBytes { raw_bytes: BASE64.encode(self.certificate.der()) },
                tlog_entries: &self.entries,
                timestamp_verification_data: (!stamps.is_empty()).then_some(Stamps { stamps }),
            },
            dsse_envelope: &self.envelope,
        };
        json(&bundle)
    }
}

fn json(document: &impl Serialize) -> Result<Vec<u8>, KeylessError> {
    serde_json::to_vec(document).map_err(|error| KeylessError::Json(error.to_string()))
}
