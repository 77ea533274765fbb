//! What a Notary Project envelope claims, in either of its two forms (`signature-specification.md`).

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Timestamp, json};
use serde::Deserialize;

use super::certificates::{KeySpec, key_spec, well_formed};
use super::{cose, jws};
use crate::limits;
use crate::x509::{Certificate, CertificateError};

/// What the payload must call itself.
pub(super) const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";

/// Why a Notary Project signature does not count, whatever the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotaryError {
    /// It cannot be read.
    #[error("the envelope is malformed: {0}")]
    Malformed(String),
    /// It is of a kind that is not read.
    #[error("the envelope is a `{0}`; `application/jose+json` and `application/cose` are read")]
    MediaType(String),
    /// Its algorithm is not one of the specification's, or not the key's.
    #[error("the envelope's algorithm `{0}` is not the one of its key")]
    Algorithm(String),
    /// Something critical is not understood, or something that must be critical is not.
    #[error("the envelope's critical headers: {0}")]
    Critical(String),
    /// A plugin must verify it.
    #[error("the envelope asks for the verification plugin `{0}`, and there are none")]
    Plugin(String),
    /// Its certificates cannot be read, or are not as the specification asks.
    #[error("the envelope's certificates: {0}")]
    Certificates(String),
    /// The signature does not verify.
    #[error("the first certificate's key did not make the signature, or it was changed")]
    Signature,
    /// It is about something else.
    #[error("it is about another artifact")]
    OtherArtifact,
    /// No policy is for this repository.
    #[error("no trust policy is for `{0}`")]
    NoPolicy(String),
    /// The policy names a trust store that is not there.
    #[error("the trust policy names the trust store `{0}`, which is not there")]
    NoStore(String),
}

impl From<CertificateError> for NotaryError {
    fn from(error: CertificateError) -> Self {
        Self::Certificates(error.to_string())
    }
}

/// How it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningScheme {
    /// By a certificate; the time is the signer's word unless an authority stamped it.
    X509,
    /// By a signing authority that vouches for the time.
    SigningAuthority,
}

impl SigningScheme {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "notary.x509" => Some(Self::X509),
            "notary.x509.signingAuthority" => Some(Self::SigningAuthority),
            _ => None,
        }
    }
}

/// The protected attributes, in either form.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub(super) algorithm: Option<Algorithm>,
    pub(super) content_type: Option<String>,
    pub(super) critical: Vec<String>,
    pub(super) scheme: Option<String>,
    pub(super) signing_time: Option<Timestamp>,
    pub(super) authentic_signing_time: Option<Timestamp>,
    pub(super) expiry: Option<Timestamp>,
    pub(super) plugin: Option<String>,
}

/// The algorithms of the specification (`signature-specification.md`, "Signature Algorithm Requirements").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [Self::Ps256, Self::Ps384, Self::Ps512, Self::Es256, Self::Es384, Self::Es512];
        all.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The one algorithm of each kind of key.
    fn of(key: KeySpec) -> Self {
        match key {
            KeySpec::Rsa2048 => Self::Ps256,
            KeySpec::Rsa3072 => Self::Ps384,
            KeySpec::Rsa4096 => Self::Ps512,
            KeySpec::P256 => Self::Es256,
            KeySpec::P384 => Self::Es384,
            KeySpec::P521 => Self::Es512,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &RSA_PSS_2048_8192_SHA512,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// An envelope in its parts, before anything of it is judged.
pub(super) struct Parts {
    pub(super) attributes: Attributes,
    pub(super) chain: Vec<Certificate>,
    pub(super) stamp: Option<Vec<u8>>,
    pub(super) payload: Vec<u8>,
    /// The bytes that are signed.
    pub(super) message: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// An envelope whose signature its own first certificate verifies. Whether anybody trusts that certificate is for
/// [`super::verify`].
#[derive(Debug, Clone)]
pub struct Envelope {
    /// How it was signed.
    pub scheme: SigningScheme,
    /// When the signer says to have signed.
    pub signing_time: Option<Timestamp>,
    /// When the signing authority says that it was signed.
    pub authentic_signing_time: Option<Timestamp>,
    /// Until when the signer wants it to count.
    pub expiry: Option<Timestamp>,
    /// The chain, the signer's certificate first, the root last.
    pub chain: Vec<Certificate>,
    /// What is signed.
    pub target: Target,
    pub(super) stamp: Option<Vec<u8>>,
    pub(super) signature: Vec<u8>,
}

/// The artifact that is signed, as the signer saw it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// What the signer said besides.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    target_artifact: Target,
}

impl Target {
    /// Whether it is `artifact`: digest, size and media type.
    pub fn is(&self, artifact: &Descriptor) -> bool {
        self.digest == artifact.digest.to_string()
            && self.size == artifact.size
            && self.media_type == artifact.media_type
    }
}

impl Envelope {
    /// Reads an envelope of the given media type, and checks its integrity.
    pub fn read(media_type: &str, bytes: &[u8]) -> Result<Self, NotaryError> {
        if bytes.len() > limits::NOTARY_BYTES {
            let (actual, most) = (bytes.len(), limits::NOTARY_BYTES);
            return Err(NotaryError::Malformed(format!("{actual} bytes, where at most {most} are read")));
        }
        let parts = match media_type {
            media::JOSE => jws::read(bytes)?,
            media::COSE => cose::read(bytes)?,
            other => return Err(NotaryError::MediaType(other.chars().take(100).collect())),
        };
        verify_integrity(&parts)?;
        let Parts { attributes, chain, stamp, payload, signature, .. } = parts;
        let scheme = attributes.scheme_of_attributes()?;
        let payload: Payload = json::from_slice(&payload, limits::NOTARY_BYTES)
            .map_err(|error| NotaryError::Malformed(format!("its payload: {error}")))?;
        Ok(Self {
            scheme,
            signing_time: attributes.signing_time,
            authentic_signing_time: attributes.authentic_signing_time,
            expiry: attributes.expiry,
            chain,
            target: payload.target_artifact,
            stamp,
            signature,
        })
    }
}

/// Whether the first certificate's key made the signature, by the algorithm that is its own.
fn verify_integrity(parts: &Parts) -> Result<(), NotaryError> {
    if parts.attributes.content_type.as_deref() != Some(PAYLOAD) {
        return Err(NotaryError::Malformed(format!("its content is not `{PAYLOAD}`")));
    }
    let few = (1..=limits::CHAIN).contains(&parts.chain.len());
    let signer = parts.chain.first().filter(|_| few);
    let signer = signer
        .ok_or_else(|| NotaryError::Certificates(format!("there must be 1 to {} of them", limits::CHAIN)))?;
    let algorithm = parts.attributes.algorithm.ok_or_else(|| NotaryError::Algorithm("none".to_owned()))?;
    let key = key_spec(signer).ok_or_else(|| NotaryError::Algorithm(algorithm.name().to_owned()))?;
    if algorithm != Algorithm::of(key) {
        return Err(NotaryError::Algorithm(algorithm.name().to_owned()));
    }
    UnparsedPublicKey::new(algorithm.verification(), signer.spki())
        .verify(&parts.message, &parts.signature)
        .map_err(|_| NotaryError::Signature)?;
    well_formed(&parts.chain).map_err(NotaryError::Certificates)
}

/// Names of attributes, the same in both forms.
pub(super) const SCHEME: &str = "io.cncf.notary.signingScheme";
pub(super) const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
pub(super) const AUTHENTIC_SIGNING_TIME: &str = "io.cncf.notary.authenticSigningTime";
pub(super) const EXPIRY: &str = "io.cncf.notary.expiry";
pub(super) const PLUGIN: &str = "io.cncf.notary.verificationPlugin";
pub(super) const PLUGIN_VERSION: &str = "io.cncf.notary.verificationPluginMinVersion";

impl Attributes {
    /// The scheme, when everything that must be critical is, and nothing else (`signature-specification.md`, "Signed
    /// Attributes").
    fn scheme_of_attributes(&self) -> Result<SigningScheme, NotaryError> {
        let wrong = |why: String| NotaryError::Critical(why);
        if let Some(plugin) = &self.plugin {
            return Err(NotaryError::Plugin(plugin.chars().take(100).collect()));
        }
        let name = self.scheme.as_deref().unwrap_or_default();
        let scheme = SigningScheme::named(name);
        let scheme = scheme.ok_or_else(|| wrong(format!("the signing scheme `{name}` is not known")))?;
        let mut known = vec![SCHEME];
        known.extend(self.expiry.map(|_| EXPIRY));
        known.extend(self.authentic_signing_time.map(|_| AUTHENTIC_SIGNING_TIME));
        for name in &known {
            if !self.critical.iter().any(|critical| critical == name) {
                return Err(wrong(format!("`{name}` must be critical")));
            }
        }
        for (place, name) in self.critical.iter().enumerate() {
            if self.critical.iter().take(place).any(|other| other == name) {
                return Err(wrong(format!("`{name}` is named twice")));
            }
            if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(100).collect();
                return Err(wrong(format!("`{name}` is not understood, or not there")));
            }
        }
        match (scheme, self.signing_time, self.authentic_signing_time) {
            (SigningScheme::X509, _, None) | (SigningScheme::SigningAuthority, None, Some(_)) => Ok(scheme),
            _ => Err(NotaryError::Malformed("its times are not those of its signing scheme".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;
    use crate::x509::signature::tests::wycheproof;

    #[test]
    fn vectors_made_to_break_verifiers() {
        let algorithm = |schema: &str, hash: Hash, curve: &str| match (schema, hash, curve) {
            ("ecdsa_p1363_verify_schema_v1.json", Hash::Sha256, "secp256r1") => Some(Algorithm::Es256),
            ("ecdsa_p1363_verify_schema_v1.json", Hash::Sha384, "secp384r1") => Some(Algorithm::Es384),
            ("ecdsa_p1363_verify_schema_v1.json", Hash::Sha512, "secp521r1") => Some(Algorithm::Es512),
            ("rsassa_pss_verify_schema_v1.json", Hash::Sha256, _) => Some(Algorithm::Ps256),
            ("rsassa_pss_verify_schema_v1.json", Hash::Sha384, _) => Some(Algorithm::Ps384),
            ("rsassa_pss_verify_schema_v1.json", Hash::Sha512, _) => Some(Algorithm::Ps512),
            _ => None,
        };
        let verify = |algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]| {
            UnparsedPublicKey::new(algorithm.verification(), key).verify(message, signature).is_ok()
        };
        if let Some(verified) = wycheproof("vectors_made_to_break_verifiers", algorithm, verify) {
            assert!(verified >= 400, "{verified}");
        }
    }
}
