//! Everything a use case works with: the route, the trust, the policies, and the ports to the world.

use std::sync::Arc;

use bytes::Bytes;
use lockgate_attest::keys::SigningKey;
use lockgate_model::case::SigstoreInstance;
use lockgate_model::ports::{Clock, Feeds, LayerCache, Progress, Registry, Store};
use lockgate_model::{Digest, Repository, Route, Service, Timestamp};

use crate::later::Later;
use crate::ledger::Sequencer;
use crate::staging::Staging;

/// A trusted public key as the workspace holds it.
#[derive(Debug, Clone)]
pub struct KeyFile {
    /// The name that gate settings use.
    pub name: String,
    /// The file's content, PEM.
    pub pem: Bytes,
    /// First instant at which it counts.
    pub valid_from: Option<Timestamp>,
    /// First instant at which it no longer counts.
    pub valid_until: Option<Timestamp>,
}

/// Whom the workspace trusts to vouch for signers and to tell the time, as its files say.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Instances of Sigstore.
    pub sigstore: Vec<InstanceFile>,
    /// The trust of the Notary Project.
    pub notation: Option<NotationFiles>,
}

/// An instance of Sigstore, with its file.
#[derive(Debug, Clone)]
pub struct InstanceFile {
    /// What a Case says of it.
    pub said: SigstoreInstance,
    /// The content of its `trusted_root.json`.
    pub root: Bytes,
}

/// The trust of the Notary Project.
#[derive(Debug, Clone)]
pub struct NotationFiles {
    /// The trust policy document.
    pub policy: Bytes,
    /// The files of its stores.
    pub stores: Vec<StoreFile>,
    /// CRLs and OCSP responses.
    pub revocations: Vec<Bytes>,
}

/// A file of certificates in a trust store.
#[derive(Debug, Clone)]
pub struct StoreFile {
    /// `ca`, `signingAuthority` or `tsa`.
    pub kind: String,
    /// The store's name.
    pub name: String,
    /// Certificates, PEM or DER.
    pub bytes: Bytes,
}

/// A policy file as the workspace holds it.
#[derive(Debug, Clone)]
pub struct PolicySource {
    /// Its path in the workspace, for messages.
    pub path: String,
    /// Its content, Rego.
    pub text: Bytes,
}

/// Who signs the verdict that is attached to images.
pub struct VerdictSigner {
    /// The key.
    pub key: SigningKey,
    /// The verifier's identity in the attestation, a URI.
    pub verifier: String,
}

/// The way to images: all that signing and scanning need, on a route or not.
#[derive(Clone)]
pub struct Reach {
    /// Registries and layouts.
    pub registry: Arc<dyn Registry>,
    /// What was found in layers before.
    pub layers: Arc<dyn LayerCache>,
    /// Is told how long work goes on.
    pub progress: Arc<dyn Progress>,
    /// What is kept for the next time.
    pub later: Later,
    /// Where layers are staged while they are scanned; nowhere unless they are asked to be promoted.
    pub(crate) staging: Option<Arc<Staging>>,
}

impl Reach {
    /// The way to images through these ports.
    pub fn new(
        registry: Arc<dyn Registry>,
        layers: Arc<dyn LayerCache>,
        progress: Arc<dyn Progress>,
        later: Later,
    ) -> Self {
        Self { registry, layers, progress, later, staging: None }
    }

    /// The same, staging layers on the way.
    pub(crate) fn staging(&self, staging: Arc<Staging>) -> Self {
        Self { staging: Some(staging), ..self.clone() }
    }
}

/// Everything a use case works with.
pub struct Workspace {
    /// The stages and their gates.
    pub route: Route,
    /// The trusted keys.
    pub keys: Vec<KeyFile>,
    /// Whom to trust besides.
    pub trust: Trust,
    /// The policies.
    pub policies: Vec<PolicySource>,
    /// Who acts.
    pub actor: String,
    /// Signs verdicts.
    pub verdict: VerdictSigner,
    /// The way to images.
    pub reach: Reach,
    /// The ledger's rows and tables.
    pub store: Arc<dyn Store>,
    /// The one writer of the ledger in this process.
    pub ledger: Sequencer,
    /// Feeds by digest.
    pub feeds: Arc<dyn Feeds>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Workspace {
    /// The repository of `service` below a stage's prefix.
    pub(crate) fn repository(prefix: &Repository, service: &Service) -> Repository {
        prefix.join(service.as_str())
    }

    /// The feed in force: the one imported last, if there is one.
    pub(crate) async fn newest_feed(&self) -> Result<Option<Digest>, crate::EngineError> {
        Ok(self.store.feeds().await?.last().map(|row| row.feed))
    }
}
