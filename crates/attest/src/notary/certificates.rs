//! What the specification asks of certificates (`signature-specification.md`, "Certificate Requirements").

use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::KeyUsage;

use crate::x509::Certificate;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const CODE_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.3");
/// Any use, TLS servers, mail, timestamps, OCSP: what a code-signing certificate must not be for.
const FORBIDDEN: [ObjectIdentifier; 5] = [
    oid("2.5.29.37.0"),
    oid("1.3.6.1.5.5.7.3.1"),
    oid("1.3.6.1.5.5.7.3.4"),
    oid("1.3.6.1.5.5.7.3.8"),
    oid("1.3.6.1.5.5.7.3.9"),
];

/// The keys that sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySpec {
    Rsa2048,
    Rsa3072,
    Rsa4096,
    P256,
    P384,
    P521,
}

/// What kind of key a certificate has, when it is one of the specification's.
pub(super) fn key_spec(certificate: &Certificate) -> Option<KeySpec> {
    const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
    const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
    let spki = &certificate.inner().tbs_certificate.subject_public_key_info;
    let curve = || spki.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
    match spki.algorithm.oid {
        RSA => {
            let key = aws_lc_rs::rsa::PublicEncryptingKey::from_der(certificate.spki()).ok()?;
            match key.key_size_bits() {
                2048 => Some(KeySpec::Rsa2048),
                3072 => Some(KeySpec::Rsa3072),
                4096 => Some(KeySpec::Rsa4096),
                _ => None,
            }
        }
        EC if curve() == Some(oid("1.2.840.10045.3.1.7")) => Some(KeySpec::P256),
        EC if curve() == Some(oid("1.3.132.0.34")) => Some(KeySpec::P384),
        EC if curve() == Some(oid("1.3.132.0.35")) => Some(KeySpec::P521),
        _ => None,
    }
}

/// Whether a chain, the signer's certificate first and the root last, is as the specification asks. Signatures and
/// validity are looked at elsewhere.
pub(super) fn well_formed(chain: &[Certificate]) -> Result<(), String> {
    let Some((signer, authorities)) = chain.split_first() else { return Err("there are none".to_owned()) };
    is_signer(signer)?;
    let mut below = signer;
    for (place, authority) in authorities.iter().enumerate() {
        is_authority(authority, place)?;
        if below.inner().tbs_certificate.issuer != authority.inner().tbs_certificate.subject {
            return Err(format!("`{}` is not issued by the next one", below.subject()));
        }
        below = authority;
    }
    let tbs = &below.inner().tbs_certificate;
    if tbs.issuer == tbs.subject { Ok(()) } else { Err("the chain does not end with a root".to_owned()) }
}

fn is_signer(certificate: &Certificate) -> Result<(), String> {
    let name = certificate.subject();
    let wrong = |why: &str| Err(format!("`{name}` {why}"));
    if key_spec(certificate).is_none() {
        return wrong("has a key of a kind or size that is not allowed");
    }
    match certificate.key_usage() {
        Ok(Some((true, usage))) if signs_only(usage) => {}
        _ => return wrong("must have a critical key usage for signatures, and for nothing else"),
    }
    match certificate.extended_key_usage() {
        Ok(None) => {}
        Ok(Some((_, usages)))
            if usages.contains(&CODE_SIGNING) && !usages.iter().any(|one| FORBIDDEN.contains(one)) => {}
        _ => return wrong("is not for signing code, or is for other things as well"),
    }
    if certificate.basic_constraints().is_err() || certificate.is_authority() {
        return wrong("is an authority's, and must not sign artifacts");
    }
    Ok(())
}

fn signs_only(usage: KeyUsage) -> bool {
    usage.digital_signature()
        && !(usage.key_encipherment()
            || usage.data_encipherment()
            || usage.key_agreement()
            || usage.key_cert_sign()
            || usage.crl_sign()
            || usage.encipher_only()
            || usage.decipher_only())
}

/// An authority with `below` others between it and the signer.
fn is_authority(certificate: &Certificate, below: usize) -> Result<(), String> {
    let name = certificate.subject();
    let wrong = |why: &str| Err(format!("`{name}` {why}"));
    match certificate.basic_constraints() {
        Ok(Some((true, constraints))) if constraints.ca => {
            if constraints.path_len_constraint.is_some_and(|most| usize::from(most) < below) {
                return wrong("vouches for a longer chain than it may");
            }
        }
        _ => return wrong("does not say critically that it is an authority"),
    }
    match certificate.key_usage() {
        Ok(Some((true, usage))) if usage.key_cert_sign() => Ok(()),
        _ => wrong("must have a critical key usage for certificates"),
    }
}
