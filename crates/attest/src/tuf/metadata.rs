//! The four kinds of metadata (TUF specification, section 4), and who signed them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use lockgate_model::{Digest, Timestamp, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{TufError, canon};
use crate::hash::Hash;
use crate::keys::{ED25519_HEAD, PublicKey};
use crate::limits;

/// A top-level role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Says which keys count for every role.
    Root,
    /// Says which snapshot is the current one.
    Timestamp,
    /// Says which versions of the targets belong together.
    Snapshot,
    /// Says what the files are.
    Targets,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }

    /// Most bytes that are read of its metadata.
    pub const fn limit(self) -> usize {
        match self {
            Self::Root => limits::TUF_ROOT_BYTES,
            Self::Timestamp => limits::TUF_TIMESTAMP_BYTES,
            Self::Snapshot => limits::TUF_SNAPSHOT_BYTES,
            Self::Targets => limits::TUF_TARGETS_BYTES,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one kind of metadata says besides its version and its end.
pub trait Content: DeserializeOwned {
    /// The role that signs it.
    const ROLE: Role;

    /// What is wrong with it.
    fn check(&self) -> Result<(), String>;
}

/// Metadata as it was read, with its signatures, which are yet to be verified.
#[derive(Debug, Clone)]
pub struct Signed<T> {
    /// Its version, from 1.
    pub version: u64,
    /// The first instant at which it no longer counts.
    pub expires: Timestamp,
    /// What it says.
    pub content: T,
    /// What is signed.
    canonical: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

#[derive(Deserialize)]
struct Envelope {
    signed: Value,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Common {
    #[serde(rename = "_type")]
    kind: String,
    spec_version: String,
    version: u64,
    expires: Timestamp,
}

impl<T: Content> Signed<T> {
    /// Reads metadata of a file called `what`. Nothing is verified yet.
    pub fn read(what: &str, bytes: &[u8]) -> Result<Self, TufError> {
        let limit = T::ROLE.limit();
        if bytes.len() > limit {
            return Err(TufError::TooLarge { what: what.to_owned(), limit });
        }
        let malformed = |why: String| TufError::Malformed { what: what.to_owned(), why };
        let Envelope { signed, signatures } =
            json::from_slice(bytes, limit).map_err(|error| malformed(error.to_string()))?;
        let common = Common::deserialize(&signed).map_err(|error| malformed(error.to_string()))?;
        if common.kind != T::ROLE.as_str() {
            return Err(malformed(format!("it is `{:.40}`, where `{}` must be", common.kind, T::ROLE)));
        }
        if !common.spec_version.starts_with("1.") {
            let found = &common.spec_version;
            return Err(malformed(format!("it follows version {found:.20} of the specification; 1 is read")));
        }
        if common.version == 0 {
            return Err(malformed("versions begin with 1".to_owned()));
        }
        let (mut seen, most) = (BTreeSet::new(), limits::TUF_KEYS);
        if signatures.len() > most {
            return Err(malformed(format!("{} signatures, where at most {most} are read", signatures.len())));
        }
        if let Some(twice) = signatures.iter().find(|one| !seen.insert(one.keyid.as_str())) {
            return Err(malformed(format!("the key {:.64} signs twice", twice.keyid)));
        }
        let canonical = canon::bytes(&signed)
            .ok_or_else(|| malformed("numbers with fractions cannot be signed".to_owned()))?;
        let content = T::deserialize(signed).map_err(|error| malformed(error.to_string()))?;
        content.check().map_err(malformed)?;
        Ok(Self { version: common.version, expires: common.expires, content, canonical, signatures })
    }
}

/// A public key as the root lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    keytype: String,
    scheme: String,
    keyval: KeyValue,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeyValue {
    public: String,
}

const PSS: &str = "rsassa-pss-sha256";

impl Key {
    /// As TUF writes it.
    pub fn of(key: &PublicKey) -> Self {
        let (keytype, scheme) = match key.algorithm() {
            "ECDSA P-384" => ("ecdsa", "ecdsa-sha2-nistp384"),
            "ECDSA P-521" => ("ecdsa", "ecdsa-sha2-nistp521"),
            "Ed25519" => ("ed25519", "ed25519"),
            "RSA" => ("rsa", PSS),
            _ => ("ecdsa", "ecdsa-sha2-nistp256"),
        };
        let bare = key.der().strip_prefix(&ED25519_HEAD);
        let public = bare.map_or_else(|| key.to_pem(), |bare| HEXLOWER.encode(bare));
        Self { keytype: keytype.to_owned(), scheme: scheme.to_owned(), keyval: KeyValue { public } }
    }

    /// What it is called by: the hash of what it says.
    pub fn id(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        Digest::of(&canon::bytes(&value).unwrap_or_default()).hex()
    }

    /// The key; nothing when it is of a kind that is not read, which then counts for nothing. Keys on curves are written in
    /// PEM, and were once as their uncompressed points in hex (go-tuf; the first roots of Sigstore).
    fn public(&self) -> Option<PublicKey> {
        let public = self.keyval.public.as_bytes();
        let named = |algorithm: &'static str| move |key: &PublicKey| key.algorithm() == algorithm;
        let pem = |algorithm: &'static str| PublicKey::from_pem(public).ok().filter(named(algorithm));
        let curve = |algorithm: &'static str| {
            let point = || HEXLOWER_PERMISSIVE.decode(public).ok();
            let of_point = || PublicKey::from_point(&point()?).ok().filter(named(algorithm));
            pem(algorithm).or_else(of_point)
        };
        match (self.keytype.as_str(), self.scheme.as_str()) {
            ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => curve("ECDSA P-256"),
            ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => curve("ECDSA P-384"),
            ("ecdsa" | "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521") => curve("ECDSA P-521"),
            ("rsa", PSS) => pem("RSA"),
            ("ed25519", "ed25519") => {
                let bare = HEXLOWER_PERMISSIVE.decode(public).ok()?;
                PublicKey::from_der(&[&ED25519_HEAD[..], &bare].concat()).ok()
            }
            _ => None,
        }
    }
}

fn verifies(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    if key.algorithm() == "RSA" {
        return UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.der())
            .verify(message, signature)
            .is_ok();
    }
    key.verify(message, signature)
}

/// The keys of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The keys that may sign.
    pub keyids: Vec<String>,
    /// How many of them must.
    pub threshold: u64,
}

/// Which keys count for every role (section 4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The keys by id.
    pub keys: BTreeMap<String, Key>,
    /// The roles by name.
    pub roles: BTreeMap<String, RoleKeys>,
    /// Whether names of files begin with their version or hash.
    #[serde(default)]
    pub consistent_snapshot: bool,
}

impl Root {
    /// The keys of a role, and how many of them must sign.
    pub fn role(&self, role: Role) -> Option<&RoleKeys> {
        self.roles.get(role.as_str())
    }

    /// Whether enough keys of a role have signed `signed`. What counts are keys, not their ids: one key under two ids is one
    /// signer (GHSA-5q2r-92f9-4m49).
    pub(super) fn verify<T: Content>(
        &self,
        version: u64,
        what: &str,
        signed: &Signed<T>,
    ) -> Result<(), TufError> {
        let role = self.role(T::ROLE);
        let threshold = role.map_or(u64::MAX, |role| role.threshold);
        let mut signers = BTreeSet::new();
        for signature in &signed.signatures {
            if !role.is_some_and(|role| role.keyids.contains(&signature.keyid)) {
                continue;
            }
            let key = self.keys.get(&signature.keyid).and_then(Key::public);
            let bytes = HEXLOWER_PERMISSIVE.decode(signature.sig.as_bytes());
            if let (Some(key), Ok(bytes)) = (key, bytes)
                && verifies(&key, &signed.canonical, &bytes)
            {
                signers.insert(key.id());
            }
        }
        if threshold > 0 && signers.len() as u64 >= threshold {
            return Ok(());
        }
        Err(TufError::Signatures { what: what.to_owned(), root: version, valid: signers.len(), threshold })
    }
}

impl Content for Root {
    const ROLE: Role = Role::Root;

    fn check(&self) -> Result<(), String> {
        if self.keys.len() > limits::TUF_KEYS {
            return Err(format!("{} keys, where at most {} are read", self.keys.len(), limits::TUF_KEYS));
        }
        for role in Role::ALL {
            let keys = self.role(role).ok_or_else(|| format!("it names no keys for {role}"))?;
            let distinct: BTreeSet<_> = keys.keyids.iter().collect();
            if distinct.len() != keys.keyids.len() {
                return Err(format!("it names a key twice for {role}"));
            }
            // A threshold of nothing is met by nobody (GHSA-fphv-w9fq-2525).
            if keys.threshold == 0 || keys.threshold > distinct.len() as u64 {
                return Err(format!(
                    "{role} has {} keys and a threshold of {}",
                    distinct.len(),
                    keys.threshold
                ));
            }
        }
        Ok(())
    }
}

/// A file of metadata, as the metadata above lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Its version.
    pub version: u64,
    /// Its length in bytes, if that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Its hashes, if they are said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<BTreeMap<String, String>>,
}

/// Which snapshot is the current one (section 4.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampMeta {
    /// Of `snapshot.json`.
    pub meta: BTreeMap<String, Meta>,
}

/// Which versions of targets belong together (section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// By name: `targets.json`, and those of delegations.
    pub meta: BTreeMap<String, Meta>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its length in bytes.
    pub length: u64,
    /// Its hashes.
    pub hashes: BTreeMap<String, String>,
}

/// What the files are (section 4.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// By path.
    pub targets: BTreeMap<String, Target>,
}

fn check_meta(meta: &BTreeMap<String, Meta>, name: &str) -> Result<(), String> {
    if !meta.contains_key(name) {
        return Err(format!("it lists no {name}"));
    }
    match meta.iter().find(|(_, one)| one.version == 0) {
        Some((name, _)) => Err(format!("it lists {name:.100} with version 0; versions begin with 1")),
        None => Ok(()),
    }
}

impl Content for TimestampMeta {
    const ROLE: Role = Role::Timestamp;

    fn check(&self) -> Result<(), String> {
        check_meta(&self.meta, "snapshot.json")
    }
}

impl Content for Snapshot {
    const ROLE: Role = Role::Snapshot;

    fn check(&self) -> Result<(), String> {
        check_meta(&self.meta, "targets.json")
    }
}

impl Content for Targets {
    const ROLE: Role = Role::Targets;

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Compares `bytes` with a length and hashes that were listed. Hashes of a kind that is not read are passed over, but one
/// that is read must be there.
pub(super) fn compare(
    what: &str,
    by: Role,
    bytes: &[u8],
    length: Option<u64>,
    hashes: Option<&BTreeMap<String, String>>,
) -> Result<(), TufError> {
    let different = |difference: &str| TufError::Different {
        what: what.to_owned(),
        difference: difference.to_owned(),
        by,
    };
    if length.is_some_and(|length| length != bytes.len() as u64) {
        return Err(different("length"));
    }
    let Some(hashes) = hashes else { return Ok(()) };
    let mut compared = false;
    for (name, listed) in hashes {
        let Some(hash) = Hash::named(name) else { continue };
        if HEXLOWER_PERMISSIVE.decode(listed.as_bytes()).ok().as_deref() != Some(hash.of(bytes).as_ref()) {
            return Err(different(hash.name()));
        }
        compared = true;
    }
    if compared { Ok(()) } else { Err(different("hash")) }
}
