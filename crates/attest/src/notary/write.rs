//! Writes Notary Project signatures: a JWS envelope (`signature-envelope-jws.md`) and the manifest that carries it
//! (`signature-specification.md`, "OCI Storage"), field by field as notation 1.3 does.

use std::collections::BTreeMap;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::{Descriptor, Digest, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::certificates::well_formed;
use super::envelope::{Envelope, NotaryError, PAYLOAD, SCHEME};
use crate::keys::{KeyError, Signer, fixed_of_der};
use crate::limits;
use crate::write::Attachable;
use crate::x509::{Certificate, Usage, path};

/// The chain's digests, as an annotation of the manifest.
const THUMBPRINTS: &str = "io.cncf.notary.x509chain.thumbprint#S256";
/// Who wrote it, for people; nothing signs it.
const AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum NotarySignError {
    /// The key is another's.
    #[error("the key is not that of the first certificate, `{0}`")]
    OtherKey(String),
    /// The certificates are not as the specification asks, or nobody at their end vouches for the signer.
    #[error("the certificates: {0}")]
    Certificates(String),
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was written would not be read.
    #[error(transparent)]
    Envelope(#[from] NotaryError),
    /// The document has no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Protected {
    alg: &'static str,
    crit: [&'static str; 1],
    cty: &'static str,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: &'static str,
    #[serde(rename = "io.cncf.notary.signingTime")]
    signing_time: Timestamp,
}

/// A signature on `artifact` by `key` and the certificates that vouch for it: the signer's first, the root last. Each must
/// be valid at `at`, which is written as the signing time.
pub fn sign(
    artifact: &Descriptor,
    key: &dyn Signer,
    chain: &[Certificate],
    at: Timestamp,
) -> Result<Attachable, NotarySignError> {
    vouched_for(key, chain, at)?;
    let target = json!({"mediaType": artifact.media_type, "digest": artifact.digest, "size": artifact.size});
    let payload = BASE64URL_NOPAD.encode(&serde_json::to_vec(&json!({"targetArtifact": target}))?);
    let protected =
        Protected { alg: "ES256", crit: [SCHEME], cty: PAYLOAD, scheme: "notary.x509", signing_time: at };
    let protected = BASE64URL_NOPAD.encode(&serde_json::to_vec(&protected)?);
    let signature = key.sign(format!("{protected}.{payload}").as_bytes())?;
    let signature = fixed_of_der(&signature).ok_or(KeyError::Refused)?;
    let x5c: Vec<_> = chain.iter().map(|one| BASE64.encode(one.der())).collect();
    let envelope = serde_json::to_vec(&json!({
        "payload": payload,
        "protected": protected,
        "header": {"x5c": x5c, "io.cncf.notary.signingAgent": AGENT},
        "signature": BASE64URL_NOPAD.encode(&signature),
    }))?;
    // A token may have signed something else: what nobody would believe is not given away.
    Envelope::read(media::JOSE, &envelope)?;
    referrer(artifact, envelope, chain, at)
}

/// Whether the certificates are the key's, and as verifiers ask.
fn vouched_for(key: &dyn Signer, chain: &[Certificate], at: Timestamp) -> Result<(), NotarySignError> {
    let wrong = |why: String| NotarySignError::Certificates(why);
    let (Some((signer, between)), Some(root)) = (chain.split_first(), chain.last()) else {
        return Err(wrong("there are none".to_owned()));
    };
    if chain.len() > limits::CHAIN {
        return Err(wrong(format!("there are more than {}", limits::CHAIN)));
    }
    if key.public().der() != signer.spki() {
        return Err(NotarySignError::OtherKey(signer.subject()));
    }
    well_formed(chain).map_err(wrong)?;
    // Each by the next, so that no certificate stands in the chain by its name alone.
    for (below, above) in chain.iter().zip(between.iter().chain([root])) {
        if !below.is_signed_by(above) {
            let (name, by) = (below.subject(), above.subject());
            return Err(wrong(format!("`{name}` is not signed by the key of `{by}`")));
        }
    }
    if let Some(old) = chain.iter().find(|one| !one.is_valid_at(at)) {
        let (from, to) = (old.not_before(), old.not_after());
        return Err(wrong(format!("`{}` is valid from {from} to {to}, not at {at}", old.subject())));
    }
    let between: Vec<_> = between.iter().collect();
    path(signer, &between, &[root], at, Usage::CodeSigningIfSaid)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(())
}

/// The manifest that carries an envelope. Registries tell what it is by its config's type.
fn referrer(
    artifact: &Descriptor,
    envelope: Vec<u8>,
    chain: &[Certificate],
    created: Timestamp,
) -> Result<Attachable, NotarySignError> {
    let prints: Vec<_> = chain.iter().map(|one| HEXLOWER.encode(Digest::of(one.der()).as_bytes())).collect();
    let annotations = BTreeMap::from([
        (THUMBPRINTS.to_owned(), serde_json::to_string(&prints)?),
        ("org.opencontainers.image.created".to_owned(), created.to_string()),
    ]);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media::NOTARY, EMPTY_JSON),
        layers: vec![Descriptor::of(media::JOSE, &envelope)],
        subject: Some(artifact.bare()),
        annotations,
    };
    Ok(Attachable {
        manifest: serde_json::to_vec(&manifest)?,
        media_type: media::OCI_MANIFEST,
        blobs: vec![EMPTY_JSON.to_vec(), envelope],
        tag: None,
    })
}
