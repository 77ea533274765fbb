//! DSSE envelopes (secure-systems-lab/dsse, envelope.md and protocol.md, version 1).

use data_encoding::BASE64;
use lockgate_model::{json, limits};
use serde::{Deserialize, Serialize};

use crate::keys::{KeyError, Signer};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The payload, in base64.
    pub payload: String,
    /// What the payload is; signed with it.
    pub payload_type: String,
    /// The signatures.
    pub signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// A hint at the key. It is not signed, and nothing rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyid: Option<String>,
    /// The signature, in base64.
    pub sig: String,
}

/// Why an envelope is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON of the envelope's shape.
    #[error("the envelope is malformed: {0}")]
    Malformed(String),
    /// The payload or a signature is not base64.
    #[error("the envelope's {0} is not base64")]
    Base64(&'static str),
    /// No signature, or too many.
    #[error("the envelope has {0} signatures; 1 to {limit} are read", limit = limits::SIGNATURES_PER_EVIDENCE)]
    Signatures(usize),
    /// The payload is of another type.
    #[error("the envelope holds a `{0}`, not an in-toto statement")]
    PayloadType(String),
}

/// The bytes that are signed: the pre-authentication encoding (protocol.md).
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

/// An envelope's payload and signatures, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The payload.
    pub payload: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<Vec<u8>>,
}

impl Envelope {
    /// Reads an envelope.
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        json::from_slice(bytes, limits::EVIDENCE_BYTES).map_err(|e| EnvelopeError::Malformed(e.to_string()))
    }

    /// Signs `payload`.
    pub fn sign(payload_type: &str, payload: &[u8], key: &dyn Signer) -> Result<Self, KeyError> {
        let sig = BASE64.encode(&key.sign(&pae(payload_type, payload))?);
        Ok(Self {
            payload: BASE64.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![Signature { keyid: None, sig }],
        })
    }

    /// Decodes an envelope that holds an in-toto statement. Nothing is verified yet.
    pub fn open(&self) -> Result<Opened, EnvelopeError> {
        if self.payload_type != IN_TOTO {
            return Err(EnvelopeError::PayloadType(self.payload_type.chars().take(100).collect()));
        }
        let count = self.signatures.len();
        if count == 0 || count > limits::SIGNATURES_PER_EVIDENCE {
            return Err(EnvelopeError::Signatures(count));
        }
        let payload = decode(&self.payload).ok_or(EnvelopeError::Base64("payload"))?;
        let signatures = self.signatures.iter().map(|signature| decode(&signature.sig));
        let signatures = signatures.collect::<Option<_>>().ok_or(EnvelopeError::Base64("signature"))?;
        Ok(Opened { payload, signatures })
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_is_that_of_the_specification() {
        // protocol.md, "Test vectors".
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        // Lengths are in bytes, so that nothing can slip from type to payload.
        assert_eq!(pae("\u{e9}", b""), "DSSEv1 2 \u{e9} 0 ".as_bytes());
    }

    #[test]
    fn refuses_what_is_no_envelope() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"payload":"","payloadType":"x"}"#,
            r#"{"payload":1,"payloadType":"x","signatures":[]}"#,
        ] {
            assert!(matches!(Envelope::read(bad.as_bytes()), Err(EnvelopeError::Malformed(_))), "{bad}");
        }
        let signature = |sig: &str| Signature { keyid: None, sig: sig.to_owned() };
        let envelope = |payload: &str, sig: &str| Envelope {
            payload: payload.to_owned(),
            payload_type: IN_TOTO.to_owned(),
            signatures: vec![signature(sig)],
        };
        assert!(envelope("e30=", "AAAA").open().is_ok());
        for wrong in ["e30", "e31=", "e30=\n", " e30=", "e30==", "-_-_"] {
            assert_eq!(envelope(wrong, "AAAA").open(), Err(EnvelopeError::Base64("payload")), "{wrong}");
            assert_eq!(envelope("e30=", wrong).open(), Err(EnvelopeError::Base64("signature")), "{wrong}");
        }
    }
}
