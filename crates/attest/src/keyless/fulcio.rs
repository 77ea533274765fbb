//! Asking Fulcio for a certificate (fulcio.proto, `CreateSigningCertificate`, version 2).

use data_encoding::BASE64;
use lockgate_model::json;
use serde::{Deserialize, Serialize};

use super::{IdentityToken, KeylessError};
use crate::keys::Signer;
use crate::limits;
use crate::x509::Certificate;

/// Where it is asked, below Fulcio's address.
pub const PATH: &str = "/api/v2/signingCert";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    credentials: Credentials<'a>,
    public_key_request: KeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    oidc_identity_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyRequest {
    public_key: Key,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct Key {
    algorithm: &'static str,
    content: String,
}

/// What is asked, as JSON. That one has the key is shown by signing the token's subject with it.
pub fn request(token: &IdentityToken, key: &dyn Signer) -> Result<Vec<u8>, KeylessError> {
    let proof = key.sign(token.subject().as_bytes())?;
    super::to_json(&Request {
        credentials: Credentials { oidc_identity_token: token.text() },
        public_key_request: KeyRequest {
            public_key: Key { algorithm: "ECDSA", content: key.public().to_pem() },
            proof_of_possession: BASE64.encode(&proof),
        },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    signed_certificate_embedded_sct: Option<Chained>,
    #[serde(default)]
    signed_certificate_detached_sct: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Chained {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

fn wrong(why: impl Into<String>) -> KeylessError {
    KeylessError::Answer { who: "certificate authority", why: why.into() }
}

/// The certificate for `key`. Those above it are not kept: who is to be believed is for the trusted root to say.
pub fn answer(bytes: &[u8], key: &dyn Signer) -> Result<Certificate, KeylessError> {
    let answer: Answer =
        json::from_slice(bytes, limits::ANSWER_BYTES).map_err(|error| wrong(error.to_string()))?;
    if answer.signed_certificate_detached_sct.is_some() {
        return Err(wrong(
            "the promise to publish the certificate is not in the certificate, and a bundle has no place for it",
        ));
    }
    let chained =
        answer.signed_certificate_embedded_sct.ok_or_else(|| wrong("there is no certificate in it"))?;
    let first = chained.chain.certificates.first().ok_or_else(|| wrong("there is no certificate in it"))?;
    let mut read = Certificate::from_pem(first.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let (Some(certificate), true) = (read.pop(), read.is_empty()) else {
        return Err(wrong("the first of its certificates is more than one"));
    };
    if certificate.spki() == key.public().der() {
        Ok(certificate)
    } else {
        Err(wrong("the certificate is for another key"))
    }
}
