//! Writes signatures and attestations, field by field as cosign does (cosign 3.1, `BUNDLE_SPEC.md`,
//! `SIGNATURE_SPEC.md`, `ATTESTATION_SPEC.md`), so that cosign verifies them.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::{Descriptor, Digest, Timestamp, limits};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::bundle::{Bundle, Hint, Material};
use crate::dsse::{Envelope, IN_TOTO};
use crate::keys::{KeyError, Signer};
use crate::simple_signing;
use crate::statement::{COSIGN_SIGN, Statement};
use crate::verify::SIGNATURE;

/// A manifest and its blobs, ready to be pushed.
#[derive(Debug, Clone)]
pub struct Attachable {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// Its media type.
    pub media_type: &'static str,
    /// Config and layers that are new.
    pub blobs: Vec<Vec<u8>>,
    /// The tag to set, for the forms that are found by one.
    pub tag: Option<String>,
}

impl Attachable {
    /// The same with one more annotation in its manifest.
    pub fn annotated(mut self, name: &str, value: &str) -> Result<Self, WriteError> {
        let mut manifest: Manifest = serde_json::from_slice(&self.manifest)?;
        manifest.annotations.insert(name.to_owned(), value.to_owned());
        self.manifest = serde_json::to_vec(&manifest)?;
        Ok(self)
    }
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The document has no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is larger than what anybody reads.
    #[error("it has {actual} bytes; at most {limit} are read", limit = limits::EVIDENCE_BYTES)]
    TooLarge {
        /// Its size.
        actual: usize,
    },
    /// The tag holds as many signatures as are read; one more would not be.
    #[error(
        "`{tag}` holds {limit} signatures or attestations already, and no more are read: remove some, or use the bundle form",
        limit = limits::SIGNATURES_PER_EVIDENCE
    )]
    Full {
        /// The tag.
        tag: String,
    },
}

/// The statement of cosign's signature in bundle form. cosign writes empty annotations in the subject.
pub fn cosign_signature_statement(artifact: &Descriptor) -> Statement {
    let mut statement = Statement::about(artifact, COSIGN_SIGN, Value::Object(Map::new()));
    for subject in &mut statement.subject {
        subject.annotations = Some(BTreeMap::new());
    }
    statement
}

/// A bundle v0.3 as referrer of `artifact`. `created` goes into an annotation, as cosign does.
pub fn cosign_bundle(
    artifact: &Descriptor,
    key: &dyn Signer,
    statement: &Statement,
    created: Timestamp,
) -> Result<Attachable, WriteError> {
    let bundle = Bundle {
        media_type: media::SIGSTORE_BUNDLE.to_owned(),
        verification_material: Material {
            public_key: Some(Hint { hint: key.public().hint() }),
            ..Material::default()
        },
        dsse_envelope: Some(Envelope::sign(IN_TOTO, &serde_json::to_vec(statement)?, key)?),
        message_signature: None,
    };
    cosign_referrer(artifact, serde_json::to_vec(&bundle)?, &statement.predicate_type, created)
}

/// The referrer of `artifact` that carries a bundle v0.3 with an envelope. `created` goes into an annotation, as cosign does.
pub fn cosign_referrer(
    artifact: &Descriptor,
    bundle: Vec<u8>,
    predicate_type: &str,
    created: Timestamp,
) -> Result<Attachable, WriteError> {
    readable(&bundle)?;
    let mut config = Descriptor::of(media::OCI_EMPTY, EMPTY_JSON);
    config.artifact_type = Some(media::SIGSTORE_BUNDLE.to_owned());
    let annotations = BTreeMap::from([
        ("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned()),
        ("dev.sigstore.bundle.predicateType".to_owned(), predicate_type.to_owned()),
        ("org.opencontainers.image.created".to_owned(), created.to_string()),
    ]);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: Some(media::SIGSTORE_BUNDLE.to_owned()),
        config,
        layers: vec![Descriptor::of(media::SIGSTORE_BUNDLE, &bundle)],
        subject: Some(artifact.bare()),
        annotations,
    };
    Ok(Attachable {
        manifest: serde_json::to_vec(&manifest)?,
        media_type: media::OCI_MANIFEST,
        blobs: vec![EMPTY_JSON.to_vec(), bundle],
        tag: None,
    })
}

/// What gates and promotions would refuse for its size is not written.
fn readable(evidence: &[u8]) -> Result<(), WriteError> {
    let actual = evidence.len();
    if actual > limits::EVIDENCE_BYTES { Err(WriteError::TooLarge { actual }) } else { Ok(()) }
}

/// A simple signing layer under the `.sig` tag, after those that are there. `reference` is the repository as
/// it is called when signing.
pub fn cosign_legacy_signature(
    existing: Option<&Manifest>,
    reference: &str,
    artifact: &Descriptor,
    key: &dyn Signer,
) -> Result<Attachable, WriteError> {
    let payload = simple_signing::payload(reference, &artifact.digest)?;
    let mut layer = Descriptor::of(media::SIMPLE_SIGNING, &payload);
    layer.annotations.insert(SIGNATURE.to_owned(), BASE64.encode(&key.sign(&payload)?));
    legacy(existing, Attachment::SignatureTag.tag(&artifact.digest), layer, payload)
}

/// An envelope layer under the `.att` tag, after those that are there.
pub fn cosign_legacy_attestation(
    existing: Option<&Manifest>,
    artifact: &Descriptor,
    key: &dyn Signer,
    statement: &Statement,
) -> Result<Attachable, WriteError> {
    let envelope = Envelope::sign(IN_TOTO, &serde_json::to_vec(statement)?, key)?;
    let envelope = serde_json::to_vec(&envelope)?;
    let mut layer = Descriptor::of(media::DSSE, &envelope);
    layer.annotations = BTreeMap::from([
        (SIGNATURE.to_owned(), String::new()),
        ("predicateType".to_owned(), statement.predicate_type.clone()),
    ]);
    legacy(existing, Attachment::AttestationTag.tag(&artifact.digest), layer, envelope)
}

/// The config that cosign writes for its tags.
#[derive(Serialize)]
struct TagConfig<'a> {
    architecture: &'a str,
    created: &'a str,
    history: Vec<Value>,
    os: &'a str,
    rootfs: RootFs,
    #[serde(rename = "config")]
    run: Map<String, Value>,
}

#[derive(Serialize)]
struct RootFs {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: Vec<Digest>,
}

fn legacy(
    existing: Option<&Manifest>,
    tag: Option<String>,
    layer: Descriptor,
    blob: Vec<u8>,
) -> Result<Attachable, WriteError> {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    readable(&blob)?;
    let mut layers = existing.map(|manifest| manifest.layers.clone()).unwrap_or_default();
    if layers.len() >= limits::SIGNATURES_PER_EVIDENCE {
        return Err(WriteError::Full { tag: tag.unwrap_or_default() });
    }
    layers.push(layer);
    let config = serde_json::to_vec(&TagConfig {
        architecture: "",
        created: NEVER,
        history: vec![json!({"created": NEVER}); layers.len()],
        os: "",
        rootfs: RootFs { kind: "layers", diff_ids: layers.iter().map(|layer| layer.digest).collect() },
        run: Map::new(),
    })?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media::OCI_CONFIG, &config),
        layers,
        subject: None,
        annotations: existing.map(|manifest| manifest.annotations.clone()).unwrap_or_default(),
    };
    Ok(Attachable {
        manifest: serde_json::to_vec(&manifest)?,
        media_type: media::OCI_MANIFEST,
        blobs: vec![config, blob],
        tag,
    })
}
