//! Certificates: what they say, and whether someone trusted vouches for them.

mod path;
pub(crate) mod signature;

use data_encoding::HEXLOWER;
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use lockgate_model::Timestamp;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

pub use path::PathError;
pub(crate) use path::{Issuer, Usage, path};
pub(crate) use signature::{Scheme, verify_with};

use crate::keys::is_anybodys;
use crate::limits;

/// Key usage (RFC 5280, section 4.2.1.3).
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
/// Basic constraints (RFC 5280, section 4.2.1.9).
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
/// Extended key usage (RFC 5280, section 4.2.1.12).
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// Why bytes are no certificate that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// More bytes or more certificates than are read.
    #[error("{what}: {actual}, where at most {limit} are read")]
    TooLarge {
        /// Of what there is too much.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much is read.
        limit: usize,
    },
    /// No PEM of certificates.
    #[error("it is no PEM file of certificates: {0}")]
    Pem(String),
    /// No DER of a certificate.
    #[error("it is no well-formed X.509 certificate: {0}")]
    Malformed(String),
    /// One extension twice (RFC 5280, section 4.2, forbids it).
    #[error("the certificate has the extension {0} twice")]
    Twice(String),
}

/// A certificate. That it is well formed is all that is known of it.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    spki: Vec<u8>,
    inner: x509_cert::Certificate,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Reads one certificate from DER. Its inner parts must be what the outer bytes say: an encoding that another
    /// reader could read otherwise is refused.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > limits::CERTIFICATE_BYTES {
            let (actual, limit) = (der.len(), limits::CERTIFICATE_BYTES);
            return Err(CertificateError::TooLarge { what: "bytes of a certificate", actual, limit });
        }
        let malformed = |error: der::Error| CertificateError::Malformed(error.to_string());
        let inner = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        if inner.to_der().map_err(malformed)? != der {
            return Err(CertificateError::Malformed("it is not in its canonical encoding".to_owned()));
        }
        let spki = inner.tbs_certificate.subject_public_key_info.to_der().map_err(malformed)?;
        let certificate = Self { der: der.to_vec(), spki, inner };
        let mut oids: Vec<_> = certificate.extensions().iter().map(|one| one.extn_id).collect();
        oids.sort_unstable();
        match oids.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
            Some(oid) => Err(CertificateError::Twice(oid.to_string())),
            None => Ok(certificate),
        }
    }

    /// Reads every certificate of a PEM text, at most [`limits::TRUSTED_CERTIFICATES`].
    pub fn from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let limit = limits::TRUSTED_CERTIFICATES;
        let most = limit * limits::CERTIFICATE_BYTES;
        if text.len() > most {
            let actual = text.len();
            return Err(CertificateError::TooLarge { what: "bytes of certificates", actual, limit: most });
        }
        let pems = pem::parse_many(text).map_err(|error| CertificateError::Pem(error.to_string()))?;
        if pems.is_empty() || pems.iter().any(|pem| pem.tag() != "CERTIFICATE") {
            return Err(CertificateError::Pem("it must hold certificates, and nothing else".to_owned()));
        }
        if pems.len() > limit {
            return Err(CertificateError::TooLarge {
                what: "certificates in one file",
                actual: pems.len(),
                limit,
            });
        }
        pems.iter().map(|pem| Self::from_der(pem.contents())).collect()
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as `CERTIFICATE` in PEM.
    pub fn to_pem(&self) -> String {
        let pem = pem::Pem::new("CERTIFICATE", self.der.as_slice());
        pem::encode_config(&pem, pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
    }

    /// The key's bytes (`SubjectPublicKeyInfo`).
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Whether its key is one with which anybody can sign.
    pub(crate) fn is_anybodys(&self) -> bool {
        is_anybodys(&self.spki)
    }

    pub(crate) fn inner(&self) -> &x509_cert::Certificate {
        &self.inner
    }

    /// The holder's distinguished name (RFC 4514).
    pub fn subject(&self) -> String {
        self.inner.tbs_certificate.subject.to_string()
    }

    /// The issuer's distinguished name (RFC 4514).
    pub fn issuer(&self) -> String {
        self.inner.tbs_certificate.issuer.to_string()
    }

    /// The serial number, in hex.
    pub fn serial(&self) -> String {
        HEXLOWER.encode(self.inner.tbs_certificate.serial_number.as_bytes())
    }

    /// The first instant of its validity.
    pub fn not_before(&self) -> Timestamp {
        instant(self.inner.tbs_certificate.validity.not_before)
    }

    /// The last instant of its validity.
    pub fn not_after(&self) -> Timestamp {
        instant(self.inner.tbs_certificate.validity.not_after)
    }

    /// Whether `at` is within its validity.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before() <= at && at <= self.not_after()
    }

    pub(crate) fn extensions(&self) -> &[x509_cert::ext::Extension] {
        self.inner.tbs_certificate.extensions.as_deref().unwrap_or_default()
    }

    /// The extension `oid`: whether it is critical, and its content.
    pub(crate) fn extension(&self, oid: &ObjectIdentifier) -> Option<(bool, &[u8])> {
        let found = self.extensions().iter().find(|one| one.extn_id == *oid)?;
        Some((found.critical, found.extn_value.as_bytes()))
    }

    /// The extension `oid`, read. `Err` when it is there and malformed.
    pub(crate) fn read<'a, T: Decode<'a>>(
        &'a self,
        oid: &ObjectIdentifier,
    ) -> Result<Option<(bool, T)>, CertificateError> {
        let Some((critical, content)) = self.extension(oid) else { return Ok(None) };
        let read = T::from_der(content);
        let read = read.map_err(|error| CertificateError::Malformed(format!("extension {oid}: {error}")))?;
        Ok(Some((critical, read)))
    }

    /// Key usage, when it is there.
    pub(crate) fn key_usage(&self) -> Result<Option<(bool, KeyUsage)>, CertificateError> {
        self.read(&KEY_USAGE)
    }

    /// Basic constraints, when they are there.
    pub(crate) fn basic_constraints(&self) -> Result<Option<(bool, BasicConstraints)>, CertificateError> {
        self.read(&BASIC_CONSTRAINTS)
    }

    /// Extended key usages, and whether they are critical.
    pub(crate) fn extended_key_usage(
        &self,
    ) -> Result<Option<(bool, Vec<ObjectIdentifier>)>, CertificateError> {
        let read = self.read::<ExtendedKeyUsage>(&EXTENDED_KEY_USAGE)?;
        Ok(read.map(|(critical, usages)| (critical, usages.0)))
    }

    /// Whether the key of `issuer` signed it. Whether it might is another question.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        let inner = &self.inner;
        let said = &inner.signature_algorithm;
        let scheme = Scheme::of(said, None).filter(|_| *said == inner.tbs_certificate.signature);
        let (Some(scheme), Ok(message)) = (scheme, inner.tbs_certificate.to_der()) else { return false };
        verify_with(issuer.spki(), scheme, &message, inner.signature.raw_bytes())
    }

    /// Whether it says that it is an authority.
    pub(crate) fn is_authority(&self) -> bool {
        matches!(self.basic_constraints(), Ok(Some((_, constraints))) if constraints.ca)
    }

    /// Whether its key may sign certificates: an authority whose key usage, where it has one, says so.
    pub(crate) fn may_certify(&self) -> bool {
        self.is_authority()
            && match self.key_usage() {
                Ok(usage) => usage.is_none_or(|(_, usage)| usage.key_cert_sign()),
                Err(_) => false,
            }
    }
}

/// An instant of a certificate; years before 1970 cannot be written there.
pub(crate) fn instant(time: x509_cert::time::Time) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}
