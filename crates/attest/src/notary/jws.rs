//! JWS envelopes (`signature-envelope-jws.md`; RFC 7515, flattened JSON).

use data_encoding::{BASE64, BASE64URL_NOPAD};
use lockgate_model::{Timestamp, json};
use serde::Deserialize;

use super::envelope::{Algorithm, Attributes, NotaryError, PLUGIN_VERSION, Parts};
use crate::limits;
use crate::x509::Certificate;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jws {
    payload: String,
    protected: String,
    header: Header,
    signature: String,
}

/// What is not signed.
#[derive(Deserialize)]
struct Header {
    x5c: Vec<String>,
    /// The name that implementations write.
    #[serde(rename = "io.cncf.notary.timestampSignature", default)]
    stamp: Option<String>,
    /// The name that the specification gives.
    #[serde(rename = "io.cncf.notary.timestamp", default)]
    stamp_as_specified: Option<String>,
}

#[derive(Deserialize)]
struct Protected {
    alg: String,
    cty: String,
    crit: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: String,
    #[serde(rename = "io.cncf.notary.signingTime", default)]
    signing_time: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.authenticSigningTime", default)]
    authentic_signing_time: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.expiry", default)]
    expiry: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.verificationPlugin", default)]
    plugin: Option<String>,
    #[serde(rename = "io.cncf.notary.verificationPluginMinVersion", default)]
    plugin_version: Option<String>,
}

fn malformed(why: impl std::fmt::Display) -> NotaryError {
    NotaryError::Malformed(why.to_string())
}

fn url(what: &str, text: &str) -> Result<Vec<u8>, NotaryError> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| malformed(format_args!("its {what} is not base64url")))
}

pub(super) fn read(bytes: &[u8]) -> Result<Parts, NotaryError> {
    let jws: Jws = json::from_slice(bytes, limits::NOTARY_BYTES).map_err(malformed)?;
    let protected = url("protected header", &jws.protected)?;
    let protected: Protected = json::from_slice(&protected, limits::NOTARY_BYTES)
        .map_err(|error| malformed(format_args!("its protected header: {error}")))?;
    let algorithm = Algorithm::named(&protected.alg)
        .ok_or_else(|| NotaryError::Algorithm(protected.alg.chars().take(40).collect()))?;
    // A minimum version without a plugin asks for one all the same.
    let plugin = protected.plugin.or_else(|| protected.plugin_version.map(|_| PLUGIN_VERSION.to_owned()));
    let attributes = Attributes {
        algorithm: Some(algorithm),
        content_type: Some(protected.cty),
        critical: protected.crit,
        scheme: Some(protected.scheme),
        signing_time: protected.signing_time,
        authentic_signing_time: protected.authentic_signing_time,
        expiry: protected.expiry,
        plugin,
    };
    let stamp = match (jws.header.stamp, jws.header.stamp_as_specified) {
        (Some(_), Some(_)) => return Err(malformed("it holds two timestamps")),
        (stamp, specified) => stamp.or(specified),
    };
    let stamp = stamp.map(|text| BASE64.decode(text.as_bytes())).transpose();
    let stamp = stamp.map_err(|_| malformed("its timestamp is not base64"))?;
    if jws.header.x5c.len() > limits::CHAIN {
        return Err(NotaryError::Certificates(format!("there are more than {}", limits::CHAIN)));
    }
    let mut chain = vec![];
    for text in &jws.header.x5c {
        let der = BASE64.decode(text.as_bytes()).map_err(|_| malformed("a certificate is not base64"))?;
        chain.push(Certificate::from_der(&der)?);
    }
    let payload = url("payload", &jws.payload)?;
    let signature = url("signature", &jws.signature)?;
    let message = format!("{}.{}", jws.protected, jws.payload).into_bytes();
    Ok(Parts { attributes, chain, stamp, payload, message, signature })
}
