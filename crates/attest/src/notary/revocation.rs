//! Revocation, from CRLs and OCSP responses that somebody else fetched (RFC 5280, section 5; RFC 6960).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use der::asn1::{GeneralizedTime, ObjectIdentifier};
use der::{Decode, Encode};
use lockgate_model::Timestamp;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus,
};

use crate::hash::Hash;
use crate::limits;
use crate::x509::{Certificate, Scheme, Usage, instant, path, verify_with};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const BASIC_RESPONSE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.1");
const INVALIDITY_DATE: ObjectIdentifier = oid("2.5.29.24");
const REASON: ObjectIdentifier = oid("2.5.29.21");
const NO_CHECK: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.5");
const CRL_NUMBER: ObjectIdentifier = oid("2.5.29.20");
const AUTHORITY_KEY_ID: ObjectIdentifier = oid("2.5.29.35");
const CRL_POINTS: ObjectIdentifier = oid("2.5.29.31");
const AUTHORITY_ACCESS: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.1");

/// Why bytes are neither a CRL nor an OCSP response that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Too many bytes.
    #[error("{actual} bytes, where at most {limit} are read")]
    TooLarge {
        /// How many there are.
        actual: usize,
        /// How many are read.
        limit: usize,
    },
    /// Neither of the two.
    #[error("it is neither a CRL (version 2) nor an OCSP response, in DER: {0}")]
    Malformed(String),
    /// The responder did not answer.
    #[error("the OCSP responder answered `{0}`")]
    Unsuccessful(String),
}

/// What a CRL or an OCSP response says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationStatus {
    /// It is not revoked.
    Good,
    /// It is.
    Revoked {
        /// Since when, by the authority's books.
        since: Timestamp,
        /// Since when the key is suspected not to be its holder's alone.
        invalid_since: Option<Timestamp>,
    },
    /// It says nothing that counts, and why.
    Silent(String),
}

/// A CRL or an OCSP response; nothing is verified yet.
#[derive(Debug, Clone)]
pub struct Revocation(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Crl(Box<CertificateList>),
    Ocsp(Box<BasicOcspResponse>),
}

fn silent<T>(why: impl Into<String>) -> Result<T, RevocationStatus> {
    Err(RevocationStatus::Silent(why.into()))
}

impl Revocation {
    /// Reads a CRL or an OCSP response in DER.
    pub fn read(bytes: &[u8]) -> Result<Self, RevocationError> {
        if bytes.len() > limits::REVOCATION_BYTES {
            return Err(RevocationError::TooLarge { actual: bytes.len(), limit: limits::REVOCATION_BYTES });
        }
        let malformed = |error: der::Error| RevocationError::Malformed(error.to_string());
        let Ok(response) = OcspResponse::from_der(bytes) else {
            let list = CertificateList::from_der(bytes).map_err(malformed)?;
            return Ok(Self(Kind::Crl(Box::new(list))));
        };
        if response.response_status != OcspResponseStatus::Successful {
            return Err(RevocationError::Unsuccessful(format!("{:?}", response.response_status)));
        }
        let body = response.response_bytes.filter(|body| body.response_type == BASIC_RESPONSE);
        let body = body.ok_or_else(|| RevocationError::Malformed("it holds no basic response".to_owned()))?;
        let basic = BasicOcspResponse::from_der(body.response.as_bytes()).map_err(malformed)?;
        Ok(Self(Kind::Ocsp(Box::new(basic))))
    }

    /// What it says at `as_of` of `certificate`, which `issuer` issued. Signed by the issuer, or it says nothing.
    pub fn status(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        as_of: Timestamp,
    ) -> RevocationStatus {
        let status = match &self.0 {
            Kind::Crl(list) => by_list(list, certificate, issuer, as_of),
            Kind::Ocsp(response) => by_response(response, certificate, issuer, as_of),
        };
        status.unwrap_or_else(|silent| silent)
    }
}

/// Whether a certificate says where its revocation could be learned. Of one that does not, nothing can be asked.
pub(super) fn can_be_revoked(certificate: &Certificate) -> bool {
    certificate.extension(&CRL_POINTS).is_some() || certificate.extension(&AUTHORITY_ACCESS).is_some()
}

/// An answer counts from its first to its last instant; one without end counts not at all: it could be replayed for
/// ever.
fn is_fresh(from: Timestamp, until: Option<Timestamp>, as_of: Timestamp) -> Result<(), RevocationStatus> {
    match until {
        Some(until) if from <= as_of && as_of <= until => Ok(()),
        Some(until) => silent(format!("it is for {from} to {until}, not for {as_of}")),
        None => silent("it does not say until when it holds"),
    }
}

fn by_list(
    list: &CertificateList,
    certificate: &Certificate,
    issuer: &Certificate,
    as_of: Timestamp,
) -> Result<RevocationStatus, RevocationStatus> {
    let tbs = &list.tbs_cert_list;
    if tbs.issuer != certificate.inner().tbs_certificate.issuer {
        return silent("it is another authority's");
    }
    let signs =
        matches!(issuer.key_usage(), Ok(usage) if usage.as_ref().is_none_or(|(_, usage)| usage.crl_sign()));
    let message = tbs.to_der().map_err(|error| RevocationStatus::Silent(error.to_string()))?;
    let scheme =
        Scheme::of(&list.signature_algorithm, None).filter(|_| list.signature_algorithm == tbs.signature);
    let signed =
        scheme.is_some_and(|scheme| verify_with(issuer.spki(), scheme, &message, list.signature.raw_bytes()));
    if !signed || !signs {
        return silent("the issuer did not sign it, or may not");
    }
    // What is critical narrows or changes what the list says (RFC 5280, section 5.2): lists for some certificates only,
    // and those that only add to others.
    let known = [CRL_NUMBER, AUTHORITY_KEY_ID];
    let unknown = critical(tbs.crl_extensions.as_deref(), &known);
    if let Some(oid) = unknown {
        return silent(format!("its critical extension {oid} is not read"));
    }
    is_fresh(instant(tbs.this_update), tbs.next_update.map(instant), as_of)?;
    let serial = &certificate.inner().tbs_certificate.serial_number;
    let entries = tbs.revoked_certificates.as_deref().unwrap_or_default();
    match entries.iter().find(|entry| entry.serial_number == *serial) {
        Some(entry) => revoked(entry),
        None => Ok(RevocationStatus::Good),
    }
}

fn critical(extensions: Option<&[Extension]>, known: &[ObjectIdentifier]) -> Option<ObjectIdentifier> {
    let mut extensions = extensions.unwrap_or_default().iter();
    extensions.find(|one| one.critical && !known.contains(&one.extn_id)).map(|one| one.extn_id)
}

fn find<'a>(extensions: Option<&'a [Extension]>, oid: &ObjectIdentifier) -> Option<&'a [u8]> {
    let mut extensions = extensions.unwrap_or_default().iter();
    extensions.find(|one| one.extn_id == *oid).map(|one| one.extn_value.as_bytes())
}

fn revoked(entry: &RevokedCert) -> Result<RevocationStatus, RevocationStatus> {
    let extensions = entry.crl_entry_extensions.as_deref();
    if let Some(oid) = critical(extensions, &[REASON, INVALIDITY_DATE]) {
        return silent(format!("the critical extension {oid} of its entry is not read"));
    }
    let reason = find(extensions, &REASON).map(CrlReason::from_der).transpose();
    let reason =
        reason.map_err(|_| RevocationStatus::Silent("the reason in its entry is malformed".to_owned()))?;
    if reason == Some(CrlReason::RemoveFromCRL) {
        return Ok(RevocationStatus::Good);
    }
    let invalid_since = invalid_since(extensions)?;
    Ok(RevocationStatus::Revoked { since: instant(entry.revocation_date), invalid_since })
}

fn invalid_since(extensions: Option<&[Extension]>) -> Result<Option<Timestamp>, RevocationStatus> {
    let Some(content) = find(extensions, &INVALIDITY_DATE) else { return Ok(None) };
    match GeneralizedTime::from_der(content) {
        Ok(time) => Ok(Some(ocsp_instant(OcspGeneralizedTime(time)))),
        Err(_) => silent("the invalidity date in it is malformed"),
    }
}

fn ocsp_instant(time: OcspGeneralizedTime) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.0.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

fn by_response(
    response: &BasicOcspResponse,
    certificate: &Certificate,
    issuer: &Certificate,
    as_of: Timestamp,
) -> Result<RevocationStatus, RevocationStatus> {
    let tbs = &response.tbs_response_data;
    is_answered(response, issuer, as_of)?;
    let mut found = tbs.responses.iter().filter(|one| is_about(&one.cert_id, certificate, issuer));
    let Some(one) = found.next() else { return silent("it is about another certificate") };
    if found.next().is_some() {
        return silent("it says two things of the certificate");
    }
    let extensions = one.single_extensions.as_deref();
    if let Some(oid) = critical(extensions, &[]).or(critical(tbs.response_extensions.as_deref(), &[])) {
        return silent(format!("its critical extension {oid} is not read"));
    }
    is_fresh(ocsp_instant(one.this_update), one.next_update.map(ocsp_instant), as_of)?;
    match &one.cert_status {
        CertStatus::Good(_) => Ok(RevocationStatus::Good),
        CertStatus::Revoked(info) => Ok(RevocationStatus::Revoked {
            since: ocsp_instant(info.revocation_time),
            invalid_since: invalid_since(extensions)?,
        }),
        CertStatus::Unknown(_) => silent("the responder does not know the certificate"),
    }
}

/// Whether the issuer, or somebody it authorised for this and who is still good at `at`, signed the response (RFC 6960,
/// section 4.2.2.2). When the response says to have been made proves nothing: an expired responder's key could say so.
fn is_answered(
    response: &BasicOcspResponse,
    issuer: &Certificate,
    at: Timestamp,
) -> Result<(), RevocationStatus> {
    let other = |error: der::Error| RevocationStatus::Silent(error.to_string());
    let message = response.tbs_response_data.to_der().map_err(other)?;
    let Some(scheme) = Scheme::of(&response.signature_algorithm, None) else {
        return silent("its signature algorithm is not relied on");
    };
    let signature = response.signature.raw_bytes();
    if verify_with(issuer.spki(), scheme, &message, signature) {
        return Ok(());
    }
    for embedded in response.certs.iter().flatten().take(limits::CHAIN) {
        let responder = Certificate::from_der(&embedded.to_der().map_err(other)?);
        let Ok(responder) = responder else { continue };
        let authorised = path(&responder, &[], &[issuer], at, Usage::OcspSigning).is_ok();
        // Whether the responder itself was revoked would be a question for another responder.
        let unquestioned = responder.extension(&NO_CHECK).is_some();
        if authorised && unquestioned && verify_with(responder.spki(), scheme, &message, signature) {
            return Ok(());
        }
    }
    silent("neither the issuer nor a responder that it authorised signed it")
}

/// Whether `id` names `certificate`: its serial number, and its issuer's name and key. SHA-1 serves to find it, nothing
/// rests on it.
fn is_about(id: &CertId, certificate: &Certificate, issuer: &Certificate) -> bool {
    const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
    let tbs = &certificate.inner().tbs_certificate;
    let hash = |bytes: &[u8]| match id.hash_algorithm.oid {
        SHA1 => Some(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()),
        other => Hash::identified(&other).map(|hash| hash.of(bytes).as_ref().to_vec()),
    };
    let name = tbs.issuer.to_der().ok().and_then(|name| hash(&name));
    let key = hash(issuer.inner().tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes());
    id.serial_number == tbs.serial_number
        && name.as_deref() == Some(id.issuer_name_hash.as_bytes())
        && key.as_deref() == Some(id.issuer_key_hash.as_bytes())
}
