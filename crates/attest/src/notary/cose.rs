//! COSE envelopes (`signature-envelope-cose.md`; RFC 9052, `COSE_Sign1`, tagged).

use coset::cbor::value::Value;
use coset::iana::{self, EnumI64};
use coset::{ContentType, CoseSign1, Header, Label, RegisteredLabelWithPrivate, TaggedCborSerializable};
use lockgate_model::Timestamp;

use super::envelope::{
    AUTHENTIC_SIGNING_TIME, Algorithm, Attributes, EXPIRY, NotaryError, PLUGIN, PLUGIN_VERSION, Parts,
    SCHEME, SIGNING_TIME,
};
use crate::limits;
use crate::x509::Certificate;

const STAMP: &str = "io.cncf.notary.timestampSignature";

fn malformed(why: impl std::fmt::Display) -> NotaryError {
    NotaryError::Malformed(why.to_string())
}

pub(super) fn read(bytes: &[u8]) -> Result<Parts, NotaryError> {
    let sign = CoseSign1::from_tagged_slice(bytes).map_err(malformed)?;
    let header = &sign.protected.header;
    let algorithm = match &header.alg {
        Some(RegisteredLabelWithPrivate::Assigned(algorithm)) => algorithm_of(*algorithm),
        _ => None,
    };
    let content_type = match &header.content_type {
        Some(ContentType::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let mut attributes = Attributes { algorithm, content_type, ..Attributes::default() };
    protected(header, &mut attributes)?;
    let chain = chain(&sign.unprotected)?;
    let stamp = match text_label(&sign.unprotected, STAMP) {
        Some(Value::Bytes(bytes)) => Some(bytes.clone()),
        Some(_) => return Err(malformed("its timestamp is no byte string")),
        None => None,
    };
    // What only a signature may say must not stand beside it.
    let stray = [SCHEME, SIGNING_TIME, AUTHENTIC_SIGNING_TIME, EXPIRY, PLUGIN];
    if stray.iter().any(|name| text_label(&sign.unprotected, name).is_some())
        || sign.unprotected.alg.is_some()
    {
        return Err(malformed("a header that must be signed is not"));
    }
    let payload = sign.payload.clone().ok_or_else(|| malformed("its payload is not in it"))?;
    let message = sign.tbs_data(b"");
    Ok(Parts { attributes, chain, stamp, payload, message, signature: sign.signature })
}

fn algorithm_of(algorithm: iana::Algorithm) -> Option<Algorithm> {
    match algorithm {
        iana::Algorithm::PS256 => Some(Algorithm::Ps256),
        iana::Algorithm::PS384 => Some(Algorithm::Ps384),
        iana::Algorithm::PS512 => Some(Algorithm::Ps512),
        iana::Algorithm::ES256 => Some(Algorithm::Es256),
        iana::Algorithm::ES384 => Some(Algorithm::Es384),
        iana::Algorithm::ES512 => Some(Algorithm::Es512),
        _ => None,
    }
}

fn text_label<'a>(header: &'a Header, name: &str) -> Option<&'a Value> {
    header.rest.iter().find_map(|(label, value)| match label {
        Label::Text(text) if text == name => Some(value),
        _ => None,
    })
}

/// The specification's own attributes, and what is critical.
fn protected(header: &Header, attributes: &mut Attributes) -> Result<(), NotaryError> {
    for label in &header.crit {
        attributes.critical.push(match label {
            RegisteredLabelWithPrivate::Text(text) => text.clone(),
            RegisteredLabelWithPrivate::PrivateUse(number) => number.to_string(),
            RegisteredLabelWithPrivate::Assigned(parameter) => parameter.to_i64().to_string(),
        });
    }
    let text = |name: &str| match text_label(header, name) {
        Some(Value::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(format_args!("`{name}` is no text"))),
        None => Ok(None),
    };
    let version = text(PLUGIN_VERSION)?.map(|_| PLUGIN_VERSION.to_owned());
    attributes.plugin = text(PLUGIN)?.or(version);
    attributes.scheme = text(SCHEME)?;
    attributes.signing_time = time(header, SIGNING_TIME)?;
    attributes.authentic_signing_time = time(header, AUTHENTIC_SIGNING_TIME)?;
    attributes.expiry = time(header, EXPIRY)?;
    Ok(())
}

/// A time: tag 1, whole seconds since 1970 (RFC 8949, section 3.4.2).
fn time(header: &Header, name: &str) -> Result<Option<Timestamp>, NotaryError> {
    let wrong = || malformed(format_args!("`{name}` is no time in whole seconds"));
    match text_label(header, name) {
        None => Ok(None),
        Some(Value::Tag(1, inner)) => match inner.as_ref() {
            Value::Integer(seconds) => {
                let seconds = i64::try_from(i128::from(*seconds)).map_err(|_| wrong())?;
                Ok(Some(Timestamp::from_unix(seconds)))
            }
            _ => Err(wrong()),
        },
        Some(_) => Err(wrong()),
    }
}

/// `x5chain` (RFC 9360): one certificate, or a list of them.
fn chain(header: &Header) -> Result<Vec<Certificate>, NotaryError> {
    let label = Label::Int(iana::HeaderParameter::X5Chain.to_i64());
    let found = header.rest.iter().find_map(|(found, value)| (*found == label).then_some(value));
    let ders: Vec<&[u8]> = match found {
        Some(Value::Bytes(one)) => vec![one],
        Some(Value::Array(list)) => {
            let ders = list.iter().map(|value| value.as_bytes().map(Vec::as_slice)).collect::<Option<_>>();
            ders.ok_or_else(|| malformed("a certificate is no byte string"))?
        }
        _ => return Err(NotaryError::Certificates("there are none".to_owned())),
    };
    if ders.len() > limits::CHAIN {
        return Err(NotaryError::Certificates(format!("there are more than {}", limits::CHAIN)));
    }
    ders.into_iter().map(|der| Certificate::from_der(der).map_err(NotaryError::from)).collect()
}
