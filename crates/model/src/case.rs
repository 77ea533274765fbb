//! The closed list of inputs of one judgement.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canon::{self, CanonError};
use crate::digest::Digest;
use crate::evidence::{Companion, Evidence};
use crate::feed::{FeedCoverage, FeedOrigin};
use crate::keyring::{Credential, Duty, Subject};
use crate::oci::Descriptor;
use crate::route::{Service, StageName};
use crate::time::Timestamp;

/// The list itself: digests and small facts. Everything [`decide`] may look at is in it or named by it.
///
/// [`decide`]: https://docs.rs/lockgate-judge
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRecord {
    /// The frozen semantics to judge by.
    pub edition: String,
    /// The instant to judge for: no gate sees another clock.
    pub as_of: Timestamp,
    /// Entries in the ledger when the Case was closed: two judgements of one second are two Cases, each with a
    /// permit of its own.
    pub ledger_size: u64,
    /// The service.
    pub service: Service,
    /// Where the artifact is.
    pub from: StageName,
    /// Where it is to go.
    pub to: StageName,
    /// The artifact.
    pub artifact: Descriptor,
    /// The recorded Release of this very artifact in `from`. Absent when `from` is the first stage, which
    /// holds no Releases, or when the artifact was never released there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Held>,
    /// Whether `from` holds Releases, so that `release` must be there.
    pub from_guarded: bool,
    /// The images of the artifact, one a platform; a plain manifest is the only one of its kind.
    pub images: Vec<Image>,
    /// The children of the artifact's index that are attestations: nothing in them runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<AttestationChild>,
    /// Evidence attached to the artifact or its images.
    pub evidence: Vec<Evidence>,
    /// What recorded Cases of the artifact had before. Absent in Cases of Editions before 2026-3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// What is attached to the artifact, its images and its evidence, and whether it travels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<Companion>,
    /// The pinned feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<FeedPin>,
    /// The keys that the workspace trusts.
    pub keys: Vec<TrustedKey>,
    /// The identities of the keyring.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<TrustedIdentity>,
    /// The instances of Sigstore that vouch for identities and tell the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sigstore: Vec<SigstoreInstance>,
    /// Whom Notary Project signatures are believed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notary: Option<NotaryTrust>,
    /// The policy files of the workspace.
    pub policies: Vec<PolicyFile>,
    /// The gates to pass, each with its settings.
    pub gates: BTreeMap<String, Value>,
    /// What could not be had. Each makes its gate's verdict `unknown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// What the ledger says was seen of an artifact before a Case of it was closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How many recorded Decisions about the artifact were looked at: fewer than the ledger has would hide what the
    /// others saw, and `ledger verify` tells of it.
    pub decisions: u64,
    /// The places of the entries by which evidence of the artifact was forgotten.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forgotten: BTreeSet<u64>,
    /// Evidence by a signer that the Case knows, which these Decisions had and which is no longer there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

/// A piece of evidence that was seen and is gone. What it is, and who signed it, is found in its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// The evidence, as it was found.
    pub evidence: Evidence,
    /// When the newest Decision that saw it was recorded.
    pub last_seen: Timestamp,
    /// That Decision.
    pub decision: Digest,
}

/// A Release of the artifact in the stage it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The Decision that let it in.
    pub decision: Digest,
    /// Since when.
    pub since: Timestamp,
}

/// One image: a manifest, its config, and what was found in its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `linux/amd64`, or empty where nothing says so.
    pub platform: String,
    /// The manifest: equal to the artifact, or a child that the artifact's bytes name.
    pub manifest: Digest,
    /// The config blob.
    pub config: Digest,
    /// The inventory, where the layers could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Digest>,
    /// What it was built on, as far as that can be seen. Nothing but advice rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// The layers that were not read where the Case was closed: what they hold was taken from signed layer contents. Since
    /// Edition 2026-3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_word: Vec<LayerByWord>,
}

/// A layer whose contents were taken from an attestation, and not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerByWord {
    /// The layer's blob.
    pub layer: Digest,
    /// What was said to be in it: the digest of the layer content. Its bytes are in no Case.
    pub content: Digest,
    /// The manifest of the evidence that says so.
    pub evidence: Digest,
}

/// A child of an index that is an attestation: its layers were read, and are statements.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationChild {
    /// The manifest: a child that the artifact's bytes name.
    pub manifest: Digest,
    /// The config blob.
    pub config: Digest,
}

/// What an image was built on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The base image as the image names it (`org.opencontainers.image.base.name`): a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many of the lowest layers are meant.
    pub layers: u32,
    /// Whether they were compared with the base image's own manifest. Else it is the lowest layer, in which the
    /// distribution's package database is: where a base image ends cannot be seen then.
    pub compared: bool,
    /// The package URLs that these layers bring and the image still has: a sorted list, canonical JSON.
    pub packages: Digest,
}

/// A pinned feed, and the part of it that speaks about this Case's packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPin {
    /// Digest of the whole feed.
    pub feed: Digest,
    /// Digest of the extract: every advisory of the feed that names a package of the inventories. Taking it
    /// is a pure function of feed and inventories, so anyone who has the feed can check it.
    pub extract: Digest,
    /// The newest change of any advisory in the feed: how fresh it is.
    pub newest: Timestamp,
    /// When the distributions of the inventories end, by `ID:VERSION`, where the feed knows it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub end_of_life: BTreeMap<String, Timestamp>,
    /// Ecosystems of packages in the inventories, without releases, about which the feed says nothing at all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uncovered: BTreeSet<String>,
    /// What the feed has about each ecosystem of the inventories, with its release; one that is absent is one about which
    /// nobody was asked. Since Edition 2026-3.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<String, FeedCoverage>,
    /// All sources of the feed, by name. None in Cases of earlier Editions, and of feeds of earlier formats, which do
    /// not remember them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<FeedOrigin>,
}

/// A public key that the workspace trusts, under the name that gate settings use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// Its name.
    pub name: String,
    /// Digest of the file that holds it (PEM, `SubjectPublicKeyInfo`).
    pub file: Digest,
    /// For what and when it counts.
    #[serde(flatten)]
    pub standing: Standing,
}

/// An identity of the keyring: whoever an issuer vouches for under such a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedIdentity {
    /// Its name.
    pub name: String,
    /// The issuer, exactly as its tokens name it.
    pub issuer: String,
    /// Which of its subjects.
    pub subject: Subject,
    /// For what and when it counts.
    #[serde(flatten)]
    pub standing: Standing,
}

/// For what and when a key or an identity counts. Nothing set: always, for every stage that names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// First instant at which it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// First instant at which it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// What the keyring says it is for. A key of `lockgate.yaml` has none: it serves every stage that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<Duty>,
    /// Since when it is in use: its cadence counts from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use_since: Option<Timestamp>,
    /// First instant from which no new signature by it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// That it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

/// An instance of Sigstore that is believed: who issues certificates, which logs have them, who tells the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigstoreInstance {
    /// Its name.
    pub name: String,
    /// Digest of its `trusted_root.json`.
    pub root: Digest,
    /// The issuers for whose identities it may vouch: no other's count by its certificates.
    pub issuers: BTreeSet<String>,
    /// How many transparency logs must have a signature by a certificate.
    pub logs: u32,
    /// Whether a log's promise to include it counts like the proof that it did.
    pub promises: bool,
    /// How many timestamp authorities must have dated it.
    pub timestamps: u32,
    /// How many certificate logs must have promised to publish the certificate.
    pub scts: u32,
}

/// Whom Notary Project signatures are believed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotaryTrust {
    /// The repository in which the artifact was found, as scopes of trust policies name it.
    pub repository: String,
    /// Digest of the trust policy document.
    pub policy: Digest,
    /// The files of the trust stores.
    pub stores: Vec<NotaryStore>,
    /// CRLs and OCSP responses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocations: Vec<Digest>,
}

/// A file of certificates in a trust store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotaryStore {
    /// `ca`, `signingAuthority` or `tsa`.
    pub kind: String,
    /// The store's name.
    pub name: String,
    /// Digest of the file.
    pub file: Digest,
}

/// A revocation, as judging sees it. It holds for every instant: a Case of last month that is judged with it is judged
/// by what is known now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When it was revoked.
    pub at: Timestamp,
    /// A signature counts when it is proven to be older; without this instant, none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
}

/// A Rego file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// Its path in the workspace, for messages.
    pub path: String,
    /// Digest of its content.
    pub content: Digest,
}

/// An input that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The gate that is blind without it.
    pub gate: String,
    /// What is missing.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub remediation: String,
}

/// The bytes that a Case's digests name. An entry is always filed under its own digest.
#[derive(Debug, Clone, Default)]
pub struct Inputs(BTreeMap<Digest, Bytes>);

impl Inputs {
    /// No bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Files `bytes` under their digest, which is computed here: what a peer claims does not count.
    pub fn insert(&mut self, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }

    /// Takes what `other` has, which is filed under its digests already.
    pub fn take(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(digest, bytes)| (*digest, bytes.clone())));
    }

    /// The bytes with that digest.
    pub fn get(&self, digest: &Digest) -> Option<&Bytes> {
        self.0.get(digest)
    }

    /// All of them, by digest.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &Bytes)> {
        self.0.iter()
    }
}

/// A record and the bytes it names.
#[derive(Debug, Clone)]
pub struct Case {
    /// The list.
    pub record: CaseRecord,
    /// What the list names.
    pub inputs: Inputs,
}

impl TrustedKey {
    /// A key that counts at every instant, as `lockgate.yaml` names one.
    pub fn plain(name: &str, file: Digest) -> Self {
        Self { name: name.to_owned(), file, standing: Standing::default() }
    }
}

impl TrustedIdentity {
    /// What it is known by wherever names may differ, as [`Credential::id`] has it.
    pub fn id(&self) -> Digest {
        let (issuer, subject) = (self.issuer.clone(), self.subject.clone());
        Credential::Identity { issuer, subject }.id()
    }
}

impl CaseRecord {
    /// The files that say whom to trust: keys, roots, trust policies with their stores and revocations.
    pub fn trust_files(&self) -> BTreeSet<Digest> {
        let keys = self.keys.iter().map(|key| key.file);
        let mut files: BTreeSet<_> = keys.chain(self.sigstore.iter().map(|one| one.root)).collect();
        if let Some(notary) = &self.notary {
            let stores = notary.stores.iter().map(|store| store.file);
            files.extend(stores.chain(notary.revocations.iter().copied()).chain([notary.policy]));
        }
        files
    }

    /// The evidence that is there, and that which was seen and is gone.
    pub fn pieces(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().chain(self.withheld().map(|one| &one.evidence))
    }

    /// The evidence that was seen and is gone.
    pub fn withheld(&self) -> impl Iterator<Item = &Withheld> {
        self.seen.iter().flat_map(|seen| &seen.withheld)
    }

    /// Digest of the list of evidence: Cases that saw the same have the same.
    pub fn evidence_digest(&self) -> Result<Digest, CanonError> {
        canon::to_bytes(&self.evidence).map(|bytes| Digest::of(&bytes))
    }

    /// Brings every list into its fixed order, so that the order in which things were found says nothing.
    pub fn sort(&mut self) {
        self.images.sort_by(|a, b| (&a.platform, &a.manifest).cmp(&(&b.platform, &b.manifest)));
        for image in &mut self.images {
            image.by_word.sort_unstable();
            image.by_word.dedup();
        }
        self.attestations.sort();
        self.evidence.sort();
        self.evidence.dedup();
        if let Some(seen) = &mut self.seen {
            seen.withheld.sort();
            seen.withheld.dedup();
        }
        self.companions.sort();
        self.companions.dedup();
        self.keys.sort_by(|a, b| a.name.cmp(&b.name));
        self.identities.sort_by(|a, b| a.name.cmp(&b.name));
        self.sigstore.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(notary) = &mut self.notary {
            notary.stores.sort();
            notary.revocations.sort_unstable();
        }
        self.policies.sort_by(|a, b| a.path.cmp(&b.path));
        self.gaps.sort();
        self.gaps.dedup();
    }

    /// The canonical bytes and the digest that names the Case.
    pub fn encode(&self) -> Result<(Vec<u8>, Digest), CanonError> {
        canon::encode(self)
    }

    /// Every digest whose bytes judging may ask for, sorted, each once. The feed itself is not among them:
    /// the extract stands for it.
    pub fn inputs(&self) -> Vec<Digest> {
        let mut digests = vec![self.artifact.digest];
        for image in &self.images {
            digests.extend([image.manifest, image.config]);
            digests.extend(image.inventory);
            digests.extend(image.base.as_ref().map(|base| base.packages));
        }
        digests.extend(self.attestations.iter().flat_map(|child| [child.manifest, child.config]));
        digests.extend(self.companions.iter().map(|companion| companion.manifest.digest));
        digests.extend(self.pieces().flat_map(Evidence::digests));
        digests.extend(self.feed.as_ref().map(|feed| feed.extract));
        digests.extend(self.trust_files());
        digests.extend(self.policies.iter().map(|policy| policy.content));
        digests.sort_unstable();
        digests.dedup();
        digests
    }
}
