//! RFC 3161 timestamps: that something was signed no later than an instant.
//!
//! One certificate is the signer's: the one that the signature names, whose key verifies it, whose digest the signed
//! attributes carry, and for which the authority vouches. Looking for it in two places is how others came to accept the
//! stamp of one certificate under the name of another (GHSA-xm5m-wgh2-rrg3).

use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged};
use lockgate_model::Timestamp;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::ber;
use crate::hash::Hash;
use crate::limits;
use crate::reading::Reading;
use crate::x509::{Certificate, PathError, Scheme, Usage, path, verify_with};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
/// The signer's certificate by its digest (RFC 5035 and RFC 2634).
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
const TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");
const SUBJECT_KEY_ID: ObjectIdentifier = oid("2.5.29.14");

/// Why a timestamp does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Not of the shape, or too large.
    #[error("the timestamp is malformed: {0}")]
    Malformed(String),
    /// The authority said no.
    #[error("the authority did not grant the timestamp (status {0})")]
    NotGranted(u8),
    /// It is about other bytes.
    #[error("the timestamp is about other bytes")]
    OtherMessage,
    /// Its signer is not the trusted authority's.
    #[error("no trusted authority made the timestamp")]
    UnknownSigner,
    /// The signature does not verify.
    #[error("the timestamp's signature does not verify: {0}")]
    Signature(&'static str),
    /// The signer's certificate is not the one that the signature is bound to, or not made for stamping.
    #[error("the timestamp's certificate is wrong: {0}")]
    Certificate(String),
    /// The authority does not vouch for the signer at the stamped time.
    #[error("the timestamp's certificate: {0}")]
    Path(PathError),
    /// The trusted authority is not trusted for that time.
    #[error("the authority that made the timestamp is not trusted for {0}")]
    OutsideWindow(Timestamp),
}

/// Whom a timestamp is believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stampers<'a> {
    /// The one certificate that signs; without it, any that the roots vouch for.
    pub(crate) signer: Option<&'a Certificate>,
    /// Certificates between.
    pub(crate) intermediates: &'a [Certificate],
    /// Trusted roots.
    pub(crate) roots: &'a [Certificate],
}

/// A verified timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The stamped time; fractions of a second are cut off.
    pub(crate) time: Timestamp,
    /// How far the true time may be off, in whole seconds, rounded up; a cut fraction counts as one.
    pub(crate) within: i64,
    /// The certificates from the signer's on, as far as they are known.
    pub(crate) chain: Vec<Certificate>,
}

#[derive(Sequence)]
struct Response<'a> {
    status: AnyRef<'a>,
    #[asn1(optional = "true")]
    token: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct Imprint<'a> {
    algorithm: AlgorithmIdentifierOwned,
    hashed: OctetStringRef<'a>,
}

/// What was stamped, and when (RFC 3161, section 2.4.2).
struct Info<'a> {
    version: u8,
    imprint: Imprint<'a>,
    time: AnyRef<'a>,
    /// Seconds, rounded up.
    accuracy: i64,
}

impl<'a> Info<'a> {
    fn read(content: &'a [u8]) -> der::Result<Self> {
        AnyRef::from_der(content)?.sequence(|reader| {
            let version = u8::decode(reader)?;
            let _policy = ObjectIdentifier::decode(reader)?;
            let imprint = Imprint::decode(reader)?;
            let _serial = der::asn1::Int::decode(reader)?;
            let time = AnyRef::decode(reader)?;
            let accuracy = optional_fields(reader)?;
            Ok(Self { version, imprint, time, accuracy })
        })
    }
}

/// The fields after the time, each at most once and in their order. Gives the accuracy in seconds, rounded up.
fn optional_fields<'a, R: Reader<'a>>(reader: &mut R) -> der::Result<i64> {
    let (mut accuracy, mut last) = (0, 0);
    while !reader.is_finished() {
        let field = AnyRef::decode(reader)?;
        let place = match field.tag() {
            Tag::Sequence => 1,
            Tag::Boolean => 2,
            Tag::Integer => 3,
            Tag::ContextSpecific { number, constructed: true } if number.value() < 2 => 4 + number.value(),
            tag => return Err(tag.value_error()),
        };
        if place <= last {
            return Err(field.tag().value_error());
        }
        last = place;
        if place == 1 {
            accuracy = seconds(field)?;
        }
        // Nothing here knows what a critical extension asks for.
        if place == 5 && extensions(field)?.iter().any(|extension| extension.critical) {
            return Err(field.tag().value_error());
        }
    }
    Ok(accuracy)
}

/// `Accuracy`: seconds, and milliseconds and microseconds that make one more.
fn seconds(accuracy: AnyRef<'_>) -> der::Result<i64> {
    accuracy.sequence(|reader| {
        let (mut seconds, mut fraction) = (0, false);
        while !reader.is_finished() {
            let field = AnyRef::decode(reader)?;
            match field.tag() {
                Tag::Integer => seconds = i64::from(field.decode_as::<u32>()?),
                _ => fraction |= field.value().iter().any(|byte| *byte != 0),
            }
        }
        Ok(seconds + i64::from(fraction))
    })
}

fn extensions(field: AnyRef<'_>) -> der::Result<x509_cert::ext::Extensions> {
    let mut reader = SliceReader::new(field.value())?;
    let mut found = vec![];
    while !reader.is_finished() {
        found.push(x509_cert::ext::Extension::decode(&mut reader)?);
    }
    Ok(found)
}

/// A token, taken apart; nothing is verified yet.
pub(crate) struct Token {
    signed: SignedData,
    content: Vec<u8>,
    reading: Reading,
}

impl Token {
    /// Reads a `TimeStampResp`, or the bare token in it. One that is no DER is read as BER, where `reading` has that: what
    /// its signature is over has one encoding all the same.
    pub(crate) fn read(bytes: &[u8], reading: Reading) -> Result<Self, StampError> {
        if bytes.len() > limits::STAMP_BYTES {
            let most = limits::STAMP_BYTES;
            return Err(StampError::Malformed(format!(
                "{} bytes, where at most {most} are read",
                bytes.len()
            )));
        }
        let read = match Self::from_der(bytes, reading) {
            Err(StampError::Malformed(why)) if reading.is_second() => match ber::to_der(bytes) {
                Ok(der) if der != bytes => Self::from_der(&der, reading),
                _ => Err(StampError::Malformed(why)),
            },
            read => read,
        }?;
        if reading.is_second() {
            read.one_signer()?;
            few_certificates(&read.signed)?;
        }
        Ok(read)
    }

    fn from_der(bytes: &[u8], reading: Reading) -> Result<Self, StampError> {
        let malformed = |error: der::Error| StampError::Malformed(error.to_string());
        let content = match Response::from_der(bytes) {
            Ok(response) if response.status.tag() == Tag::Sequence => {
                granted(response.status)?;
                let token =
                    response.token.ok_or_else(|| StampError::Malformed("it holds no token".into()))?;
                ContentInfo::from_der(&token.to_der().map_err(malformed)?).map_err(malformed)?
            }
            _ => ContentInfo::from_der(bytes).map_err(malformed)?,
        };
        if content.content_type != SIGNED_DATA {
            return Err(StampError::Malformed("it is no signed data".to_owned()));
        }
        let signed: SignedData = content.content.decode_as().map_err(malformed)?;
        // RFC 5652, section 5.1: what signs something other than plain data is of version 3 at least.
        if signed.version < CmsVersion::V3 {
            return Err(StampError::Malformed("it is of a version that cannot sign a time".to_owned()));
        }
        if signed.encap_content_info.econtent_type != TST_INFO {
            return Err(StampError::Malformed("it signs something other than a time".to_owned()));
        }
        let content = signed.encap_content_info.econtent.as_ref();
        let content = content.filter(|content| content.tag() == Tag::OctetString);
        let content = content.ok_or_else(|| StampError::Malformed("it holds no time".to_owned()))?;
        Ok(Self { content: content.value().to_vec(), signed, reading })
    }

    /// The one signature on it (RFC 3161, section 2.4.2).
    fn one_signer(&self) -> Result<&SignerInfo, StampError> {
        let [signer] = self.signed.signer_infos.0.as_slice() else {
            return Err(StampError::Malformed("it must have exactly one signature".to_owned()));
        };
        // RFC 5652, section 5.3. Nothing signs the version, so that it must be what the rest makes it.
        let version = match signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V1,
            SignerIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V3,
        };
        if signer.version != version {
            return Err(StampError::Malformed("its signature is of another version than it is".to_owned()));
        }
        Ok(signer)
    }

    fn info(&self) -> Result<Info<'_>, StampError> {
        let info = Info::read(&self.content).map_err(|error| StampError::Malformed(error.to_string()))?;
        if info.version != 1 {
            return Err(StampError::Malformed(format!("version {} is not read", info.version)));
        }
        Ok(info)
    }

    /// Verifies that `by` stamped `message`.
    pub(crate) fn verify(&self, message: &[u8], by: &Stampers<'_>) -> Result<Stamp, StampError> {
        if !self.reading.is_second() {
            self.info()?;
        }
        let signer = self.one_signer()?;
        let embedded = self.embedded()?;
        let certificate = match by.signer {
            Some(pinned) if names(&signer.sid, pinned) => pinned,
            Some(_) => return Err(StampError::UnknownSigner),
            None => embedded.iter().find(|one| names(&signer.sid, one)).ok_or(StampError::UnknownSigner)?,
        };
        // Whose it is comes first: the stamp of a stranger is passed over, whatever else is wrong with it.
        let between: Vec<_> = by.intermediates.iter().chain(&embedded).collect();
        let roots: Vec<_> = by.roots.iter().collect();
        let issued = |at| path(certificate, &between, &roots, at, Usage::TimeStamping);
        let is_strangers = || issued(certificate.not_before()) == Err(PathError::UnknownIssuer);
        if self.reading.is_second() && by.signer.is_none() && is_strangers() {
            return Err(StampError::UnknownSigner);
        }
        self.verify_signature(signer, certificate)?;
        let info = self.info()?;
        let hash = Hash::identified(&info.imprint.algorithm.oid);
        let hash = hash.ok_or_else(|| {
            StampError::Malformed(format!("the hash {} is not relied on", info.imprint.algorithm.oid))
        })?;
        if hash.of(message).as_ref() != info.imprint.hashed.as_bytes() {
            return Err(StampError::OtherMessage);
        }
        let (time, fraction) = generalized_time(info.time)?;
        made_for_stamping(certificate)?;
        match issued(time) {
            Err(PathError::UnknownIssuer) if by.signer.is_none() => return Err(StampError::UnknownSigner),
            verdict => verdict.map_err(StampError::Path)?,
        };
        let mut chain = vec![certificate.clone()];
        chain.extend(embedded.iter().filter(|one| *one != certificate).cloned());
        Ok(Stamp { time, within: info.accuracy.saturating_add(i64::from(fraction)), chain })
    }

    /// The certificates that came along. One that cannot be read vouches for nobody; the first reading refuses the token.
    fn embedded(&self) -> Result<Vec<Certificate>, StampError> {
        few_certificates(&self.signed)?;
        let Some(set) = &self.signed.certificates else { return Ok(vec![]) };
        let mut read = vec![];
        for choice in set.0.iter() {
            if let CertificateChoices::Certificate(certificate) = choice {
                let der = certificate.to_der().map_err(|error| StampError::Malformed(error.to_string()))?;
                match Certificate::from_der(&der) {
                    Ok(one) => read.push(one),
                    Err(_) if self.reading.is_second() => {}
                    Err(error) => return Err(StampError::Malformed(error.to_string())),
                }
            }
        }
        Ok(read)
    }

    /// RFC 5652, section 5.4: the signature is over the attributes, which carry the digest of the content.
    fn verify_signature(&self, signer: &SignerInfo, certificate: &Certificate) -> Result<(), StampError> {
        let unread = StampError::Signature("its algorithms are not relied on");
        let hash = Hash::identified(&signer.digest_alg.oid).ok_or(unread.clone())?;
        // RFC 5652, section 5.1, lets a reader refuse this. Nothing signs that list, so that it must not say otherwise.
        if !self.signed.digest_algorithms.iter().any(|listed| listed.oid == signer.digest_alg.oid) {
            return Err(StampError::Signature("it does not list its hash"));
        }
        let attributes = signer.signed_attrs.as_ref();
        let attributes = attributes.ok_or(StampError::Signature("it has no signed attributes"))?;
        let one = |oid: ObjectIdentifier| {
            let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
            let only = found.next().filter(|_| found.next().is_none())?;
            only.values.get(0).filter(|_| only.values.len() == 1)
        };
        let kind = one(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
        if kind != Some(TST_INFO) {
            return Err(StampError::Signature("its content type is another"));
        }
        let digest = one(MESSAGE_DIGEST).filter(|value| value.tag() == Tag::OctetString);
        if digest.map(der::Any::value) != Some(hash.of(&self.content).as_ref()) {
            return Err(StampError::Signature("its content was changed"));
        }
        let message = attributes.to_der().map_err(|error| StampError::Malformed(error.to_string()))?;
        let scheme = Scheme::of(&signer.signature_algorithm, Some(hash)).ok_or(unread)?;
        let anybodys = self.reading.is_second() && certificate.is_anybodys();
        if anybodys || !verify_with(certificate.spki(), scheme, &message, signer.signature.as_bytes()) {
            return Err(StampError::Signature("another key made it, or it was changed"));
        }
        let bound = match (one(SIGNING_CERTIFICATE_V2), one(SIGNING_CERTIFICATE)) {
            (Some(value), _) => is_bound_v2(value, certificate),
            (None, Some(value)) => is_bound_v1(value, certificate),
            (None, None) => None,
        };
        if bound == Some(true) {
            return Ok(());
        }
        Err(StampError::Certificate("the signature is not bound to it (RFC 5816)".to_owned()))
    }
}

fn few_certificates(signed: &SignedData) -> Result<(), StampError> {
    let (actual, most) = (signed.certificates.as_ref().map_or(0, |set| set.0.len()), limits::CHAIN);
    if actual > most {
        return Err(StampError::Malformed(format!("{actual} certificates, where {most} are read")));
    }
    Ok(())
}

fn granted(status: AnyRef<'_>) -> Result<(), StampError> {
    let malformed = |error: der::Error| StampError::Malformed(error.to_string());
    let mut reader = SliceReader::new(status.value()).map_err(malformed)?;
    match u8::decode(&mut reader).map_err(malformed)? {
        0 => Ok(()),
        // With modifications (1), too: nothing signs the status, and no authority that is known of grants so.
        other => Err(StampError::NotGranted(other)),
    }
}

/// Whether `sid` names `certificate`.
fn names(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    let tbs = &certificate.inner().tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == tbs.issuer && named.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            matches!(certificate.read::<SubjectKeyIdentifier>(&SUBJECT_KEY_ID), Ok(Some((_, own))) if own == *named)
        }
    }
}

/// RFC 3161, section 2.3: the certificate's only purpose is stamping, and it says so critically.
fn made_for_stamping(certificate: &Certificate) -> Result<(), StampError> {
    let wrong = |why: &str| Err(StampError::Certificate(why.to_owned()));
    let usage =
        certificate.extended_key_usage().map_err(|error| StampError::Certificate(error.to_string()))?;
    match usage {
        Some((true, usages)) if usages == [TIME_STAMPING] => {}
        Some((false, _)) => return wrong("its extended key usage is not critical"),
        _ => return wrong("stamping time is not its only use"),
    }
    match certificate.key_usage() {
        Ok(usage) if usage.is_none_or(|(_, usage)| usage.digital_signature() || usage.non_repudiation()) => {
            Ok(())
        }
        _ => wrong("its key usage does not let it sign"),
    }
}

/// The first `ESSCertID` of the attribute: it is the signer's.
fn first_id(value: &der::Any) -> Option<Vec<u8>> {
    // SigningCertificate: the ids, and policies that nothing rests on.
    let mut list = SliceReader::new(value.value()).ok()?;
    let ids = AnyRef::decode(&mut list).ok().filter(|ids| ids.tag() == Tag::Sequence)?;
    let mut reader = SliceReader::new(ids.value()).ok()?;
    let first = AnyRef::decode(&mut reader).ok()?;
    (first.tag() == Tag::Sequence).then(|| first.value().to_vec())
}

fn is_bound_v2(value: &der::Any, certificate: &Certificate) -> Option<bool> {
    let id = first_id(value)?;
    let mut reader = SliceReader::new(&id).ok()?;
    let mut field = AnyRef::decode(&mut reader).ok()?;
    let mut hash = Hash::Sha256;
    if field.tag() == Tag::Sequence {
        let algorithm: AlgorithmIdentifierOwned = field.decode_as().ok()?;
        hash = Hash::identified(&algorithm.oid)?;
        field = AnyRef::decode(&mut reader).ok()?;
    }
    let same = field.value() == hash.of(certificate.der()).as_ref();
    Some(field.tag() == Tag::OctetString && same)
}

fn is_bound_v1(value: &der::Any, certificate: &Certificate) -> Option<bool> {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

    let id = first_id(value)?;
    let mut reader = SliceReader::new(&id).ok()?;
    let field = AnyRef::decode(&mut reader).ok()?;
    // SHA-1 is what this older attribute has. The key has verified the signature already: whoever finds a collision
    // gains another certificate of the same key, for which the authority must vouch as well.
    let own = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
    Some(field.tag() == Tag::OctetString && field.value() == own.as_ref())
}

/// `YYYYMMDDHHMMSS[.f]Z` (RFC 3161, section 2.4.2): the second, and whether a fraction was cut off.
fn generalized_time(time: AnyRef<'_>) -> Result<(Timestamp, bool), StampError> {
    let wrong = || StampError::Malformed("its time is no GeneralizedTime in UTC".to_owned());
    let text = std::str::from_utf8(time.value()).map_err(|_| wrong())?;
    let body = text.strip_suffix('Z').filter(|_| time.tag() == Tag::GeneralizedTime).ok_or_else(wrong)?;
    let (whole, fraction) = body.split_once('.').unwrap_or((body, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) || fraction.len() > 12 {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    let time: Timestamp = text.parse().map_err(|_| wrong())?;
    Ok((time, fraction.bytes().any(|byte| byte != b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl cms -sign -stream`: BER as a program of somebody else writes it.
    const TOKENS: [&[u8]; 2] = [
        include_bytes!("../tests/fixtures/stamps/openssl-ber.tsr"),
        include_bytes!("../tests/fixtures/stamps/openssl-ber-keyid.tsr"),
    ];
    const TSA: &[u8] = include_bytes!("../tests/fixtures/stamps/tsa.der");
    const ROOT: &[u8] = include_bytes!("../tests/fixtures/stamps/root.der");
    const SIGNED: &[u8] = b"the signature";

    fn ask(token: &[u8], message: &[u8], reading: Reading, pinned: bool) -> Result<Timestamp, StampError> {
        let (signer, root) = (Certificate::from_der(TSA).unwrap(), Certificate::from_der(ROOT).unwrap());
        let by = Stampers {
            signer: pinned.then_some(&signer),
            intermediates: &[],
            roots: std::slice::from_ref(&root),
        };
        Token::read(token, reading)?.verify(message, &by).map(|stamp| stamp.time)
    }

    #[test]
    fn tokens_in_ber_of_another_program() {
        for token in TOKENS {
            assert!(Token::from_der(token, Reading::Second).is_err(), "it is BER");
            for pinned in [true, false] {
                let time = ask(token, SIGNED, Reading::Second, pinned);
                assert_eq!(time, Ok("2026-12-01T00:00:10Z".parse().unwrap()));
                assert!(matches!(ask(token, SIGNED, Reading::First, pinned), Err(StampError::Malformed(_))));
                assert_eq!(ask(token, b"another", Reading::Second, pinned), Err(StampError::OtherMessage));
            }
        }
    }

    #[test]
    fn neighbours_of_a_token_in_ber() {
        let right = "2026-12-01T00:00:10Z".parse::<Timestamp>().unwrap();
        for token in TOKENS {
            for place in 0..token.len() {
                for bit in 0..8 {
                    let mut changed = token.to_vec();
                    changed[place] ^= 1 << bit;
                    // What verifies says the same time: where a certificate is pinned, the one that came along does not
                    // matter.
                    let time = ask(&changed, SIGNED, Reading::Second, true);
                    assert!(time.is_err() || time == Ok(right), "{place} {bit}");
                }
                assert!(ask(&token[..place], SIGNED, Reading::Second, true).is_err(), "{place}");
            }
            assert!(ask(&[token, &[0]].concat(), SIGNED, Reading::Second, true).is_err());
            assert!(ask(&[token, &[0, 0]].concat(), SIGNED, Reading::Second, true).is_err());
        }
    }
}
