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
use serde_json::json;

use crate::bundle::{Bundle, Material};
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

impl Evidence {
    /// The Sigstore bundle v0.3 (sigstore/protobuf-specs, sigstore_bundle.proto).
    pub fn bundle(&self) -> Result<Vec<u8>, KeylessError> {
        let stamps: Vec<_> =
            self.stamps.iter().map(|stamp| json!({"signedTimestamp": BASE64.encode(stamp)})).collect();
        let entries =
            serde_json::to_value(&self.entries).map_err(|error| KeylessError::Json(error.to_string()))?;
        let bundle = Bundle {
            media_type: media::SIGSTORE_BUNDLE.to_owned(),
            verification_material: Material {
                certificate: Some(json!({"rawBytes": BASE64.encode(self.certificate.der())})),
                tlog_entries: (!self.entries.is_empty()).then_some(entries),
                timestamp_verification_data: (!stamps.is_empty())
                    .then(|| json!({"rfc3161Timestamps": stamps})),
                ..Material::default()
            },
            dsse_envelope: Some(self.envelope.clone()),
            message_signature: None,
        };
        to_json(&bundle)
    }
}

fn to_json(document: &impl Serialize) -> Result<Vec<u8>, KeylessError> {
    serde_json::to_vec(document).map_err(|error| KeylessError::Json(error.to_string()))
}
