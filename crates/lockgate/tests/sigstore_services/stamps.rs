//! A timestamp authority (RFC 3161).

use der::asn1::AnyRef;
use der::{Decode, Encode, Reader, Tag, Tagged};
use lockgate_model::Timestamp;

use super::http::{Request, Response};
use super::instance::Stamping;
use super::{Answer, Lie, State, now, wrong};

/// What is asked for.
struct Asked {
    digest: Vec<u8>,
    nonce: Vec<u8>,
    certificate: bool,
}

/// `TimeStampReq` for SHA-256.
fn read(request: &[u8]) -> der::Result<Asked> {
    AnyRef::from_der(request)?.sequence(|reader| {
        let _version = u8::decode(reader)?;
        let imprint = AnyRef::decode(reader)?;
        let digest = imprint.sequence(|reader| {
            let _algorithm = AnyRef::decode(reader)?;
            AnyRef::decode(reader)
        })?;
        let mut asked = Asked { digest: digest.value().to_vec(), nonce: vec![], certificate: false };
        while !reader.is_finished() {
            let field = AnyRef::decode(reader)?;
            match field.tag() {
                Tag::Integer => asked.nonce = field.to_der()?,
                Tag::Boolean => asked.certificate = true,
                _ => {}
            }
        }
        Ok(asked)
    })
}

/// A stamp of now.
pub(super) fn stamp(state: &State, request: &Request) -> Answer {
    let media_type = "application/timestamp-reply";
    if request.headers.get("content-type").is_none_or(|kind| kind != "application/timestamp-query") {
        return Err(wrong("it is no query for a timestamp"));
    }
    if state.tells(Lie::NotGranted) {
        return Ok(Response::of(200, media_type, [0x30, 5, 0x30, 3, 2, 1, 2]));
    }
    let mut asked = read(&request.body).map_err(wrong)?;
    if asked.digest.len() != 32 {
        return Err(wrong("only SHA-256 is stamped"));
    }
    if state.tells(Lie::OtherStamp) {
        asked.digest[0] ^= 1;
    }
    let instance = &state.instance;
    let time: String =
        Timestamp::from_unix(now()).to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let time = time.replace('T', "");
    let certificate: &[u8] = &instance.stamp_certificate;
    let embedded = if asked.certificate { vec![certificate] } else { vec![] };
    let stamping = Stamping { time: &time, embedded, ..instance.stamping() };
    Ok(Response::of(200, media_type, stamping.token_for(&asked.digest, &asked.nonce)))
}
