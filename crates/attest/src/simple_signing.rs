//! cosign's simple signing payload (cosign, `SIGNATURE_SPEC.md`).

use lockgate_model::{Digest, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only `critical.type` that counts.
const TYPE: &str = "cosign container image signature";
/// Largest payload that is read, in bytes.
const PAYLOAD_BYTES: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    /// Whatever the signer added; cosign reads payloads without it.
    #[serde(default)]
    optional: Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// The payload that says: this is `artifact`, in the repository `reference`.
pub(crate) fn payload(reference: &str, artifact: &Digest) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Payload {
        critical: Critical {
            identity: Identity { reference: reference.to_owned() },
            image: Image { digest: artifact.to_string() },
            kind: TYPE.to_owned(),
        },
        optional: Value::Null,
    })
}

/// Why a payload is no signature's on an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It cannot be read, or is a payload of another kind.
    Malformed(String),
    /// It speaks about another artifact.
    Other(String),
}

impl Misfit {
    /// The reason, for people.
    pub(crate) fn why(self) -> String {
        match self {
            Self::Malformed(why) | Self::Other(why) => why,
        }
    }
}

/// Checks that `payload` is a signature's payload and speaks about `artifact`; the error says why not.
pub(crate) fn speaks_about(payload: &[u8], artifact: &Digest) -> Result<(), Misfit> {
    let malformed = |why: String| Err(Misfit::Malformed(why));
    let payload: Payload = match json::from_slice(payload, PAYLOAD_BYTES) {
        Ok(payload) => payload,
        Err(error) => return malformed(error.to_string()),
    };
    if payload.critical.kind != TYPE {
        let kind: String = payload.critical.kind.chars().take(100).collect();
        return malformed(format!("its type is `{kind}`"));
    }
    match payload.critical.image.digest.parse::<Digest>() {
        Ok(digest) if digest == *artifact => Ok(()),
        Ok(digest) => Err(Misfit::Other(format!("it speaks about {digest}, another artifact"))),
        Err(error) => malformed(error.to_string()),
    }
}
