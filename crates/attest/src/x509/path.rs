//! From a certificate to someone who is trusted, at one instant (RFC 5280, section 6), by `rustls-webpki`.

use std::time::Duration;

use lockgate_model::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::Certificate;

/// What certificates may be signed with. No SHA-1, no short RSA.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::ED25519,
];

/// What a certificate is to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Signing code (1.3.6.1.5.5.7.3.3): must be said.
    CodeSigning,
    /// Signing code: must be among the usages, where any is said (Notary Project).
    CodeSigningIfSaid,
    /// Stamping time (1.3.6.1.5.5.7.3.8): must be said.
    TimeStamping,
    /// Answering for an authority by OCSP (1.3.6.1.5.5.7.3.9): must be said.
    OcspSigning,
}

impl Usage {
    /// The purpose, as the extended key usage names it.
    fn purpose(self) -> &'static [u8] {
        match self {
            Self::CodeSigning | Self::CodeSigningIfSaid => &[0x2b, 6, 1, 5, 5, 7, 3, 3],
            Self::TimeStamping => &[0x2b, 6, 1, 5, 5, 7, 3, 8],
            Self::OcspSigning => &[0x2b, 6, 1, 5, 5, 7, 3, 9],
        }
    }

    /// Whether `leaf` says what it must. Authorities may say nothing; what they do say binds.
    fn is_said_by(self, leaf: &Certificate) -> bool {
        let said = leaf.extended_key_usage().ok().flatten();
        let said = said.is_some_and(|(_, usages)| usages.iter().any(|one| one.as_bytes() == self.purpose()));
        said || self == Self::CodeSigningIfSaid
    }
}

/// Why nobody trusted vouches for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No trusted authority is valid at the instant.
    #[error("no trusted authority was valid at {at}")]
    NoAuthority {
        /// The instant.
        at: Timestamp,
    },
    /// The certificate, or one that vouches for it, is not valid at the instant.
    #[error("the certificate, or one that vouches for it, was not valid at {at}")]
    NotValid {
        /// The instant.
        at: Timestamp,
    },
    /// No trusted authority issued it.
    #[error("no trusted authority issued the certificate")]
    UnknownIssuer,
    /// It is for another use.
    #[error("the certificate, or one that vouches for it, may not be used so: {0}")]
    Usage(String),
    /// Anything else that is wrong with it.
    #[error("the certificate's path to a trusted authority is wrong: {0}")]
    Other(String),
}

/// Who vouches for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issuer {
    /// The key of whoever issued it (`SubjectPublicKeyInfo`).
    pub(crate) spki: Vec<u8>,
    /// The first and the last instant at which every certificate of the path is valid.
    pub(crate) valid: (Timestamp, Timestamp),
}

/// Whether one of `roots`, directly or by `intermediates`, vouches for `leaf` at the instant `at`, for `usage`. Roots, too, count only while they are valid, and authorities only when
/// their key usage lets them sign certificates; the library looks at neither.
pub(crate) fn path(
    leaf: &Certificate,
    intermediates: &[&Certificate],
    roots: &[&Certificate],
    at: Timestamp,
    usage: Usage,
) -> Result<Issuer, PathError> {
    if !usage.is_said_by(leaf) {
        return Err(PathError::Usage("it does not say that it is for this".to_owned()));
    }
    let other = |error: Error| PathError::Other(error.to_string());
    let seconds = u64::try_from(at.unix()).map_err(|_| PathError::NotValid { at })?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let valid: Vec<_> = roots.iter().filter(|root| root.is_valid_at(at)).collect();
    let ders: Vec<_> = valid.iter().map(|root| CertificateDer::from(root.der())).collect();
    let anchors: Result<Vec<_>, _> = ders.iter().map(anchor_from_trusted_cert).collect();
    let anchors = anchors.map_err(other)?;
    if anchors.is_empty() {
        return Err(PathError::NoAuthority { at });
    }
    let certifying = intermediates.iter().filter(|one| one.may_certify());
    let between: Vec<_> = certifying.map(|one| CertificateDer::from(one.der())).collect();
    let der = CertificateDer::from(leaf.der());
    let end = EndEntityCert::try_from(&der).map_err(other)?;
    let found = end
        .verify_for_usage(
            ALGORITHMS,
            &anchors,
            &between,
            time,
            KeyUsage::required_if_present(usage.purpose()),
            None,
            None,
        )
        .map_err(|error| refusal(error, at))?;
    let used: Vec<_> = found.intermediate_certificates().map(webpki::Cert::der).collect();
    let steps = intermediates.iter().filter(|one| used.iter().any(|der| der.as_ref() == one.der()));
    // Which of several roots it is, is not asked: then all of them must be valid.
    let path = steps.chain(valid).chain(std::iter::once(&leaf));
    let (mut from, mut until) = (leaf.not_before(), leaf.not_after());
    for one in path {
        (from, until) = (from.max(one.not_before()), until.min(one.not_after()));
    }
    Ok(Issuer { spki: found.issuer_spki().as_ref().to_vec(), valid: (from, until) })
}

fn refusal(error: Error, at: Timestamp) -> PathError {
    match error {
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => PathError::NotValid { at },
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => PathError::UnknownIssuer,
        Error::RequiredEkuNotFoundContext(_)
        | Error::CaUsedAsEndEntity
        | Error::EndEntityUsedAsCa
        | Error::EmptyEkuExtension => PathError::Usage(error.to_string()),
        other => PathError::Other(other.to_string()),
    }
}
