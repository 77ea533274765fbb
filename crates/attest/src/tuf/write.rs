//! Makes TUF metadata: a root that people sign one after the other, and a repository of files signed by the keys that it
//! names.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use lockgate_model::{Digest, Timestamp, json};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::metadata::{Key, Meta, Role, RoleKeys, Root, Signed, Snapshot, Target, Targets, TimestampMeta};
use super::{Trusted, TufError, canon};
use crate::keys::{PublicKey, Signer};

/// The version of the specification that is followed.
const SPECIFICATION: &str = "1.0.31";

/// What a root is to say.
#[derive(Debug, Clone)]
pub struct RootPlan<'a> {
    /// Its version.
    pub version: u64,
    /// The first instant at which it no longer counts.
    pub expires: Timestamp,
    /// The keys of each role, and how many of them must sign.
    pub roles: [(Role, &'a [PublicKey], u64); 4],
}

/// A root that nobody has signed yet.
///
/// Errors: a threshold that cannot be met, or a role without keys.
pub fn root(plan: &RootPlan<'_>) -> Result<Vec<u8>, TufError> {
    let (mut keys, mut roles) = (BTreeMap::new(), BTreeMap::new());
    for (role, public, threshold) in plan.roles {
        let of_role: BTreeMap<String, Key> = public.iter().map(Key::of).map(|key| (key.id(), key)).collect();
        let keyids = of_role.keys().cloned().collect();
        roles.insert(role.as_str().to_owned(), RoleKeys { keyids, threshold });
        keys.extend(of_role);
    }
    let root = Root { keys, roles, consistent_snapshot: true };
    let bytes = document(Role::Root, plan.version, plan.expires, &root, &[])?;
    // What would not be read is not written.
    Signed::<Root>::read("the root", &bytes)?;
    Ok(bytes)
}

/// Adds a signature to a root. The key is one that this root names for roots, or that the root before it does: a new root
/// takes signatures by both.
///
/// Errors: it is no root; none of them names the key.
pub fn sign_root(bytes: &[u8], key: &dyn Signer, before: Option<&[u8]>) -> Result<Vec<u8>, TufError> {
    let this: Signed<Root> = Signed::read("the root", bytes)?;
    let before = before.map(|bytes| Signed::<Root>::read("the root before it", bytes)).transpose()?;
    let public = Key::of(&key.public());
    let id = public.id();
    let names =
        |root: &Signed<Root>| root.content.role(Role::Root).is_some_and(|role| role.keyids.contains(&id));
    if !names(&this) && !before.as_ref().is_some_and(names) {
        return Err(TufError::Key(format!(
            "the root does not name the key {} for roots",
            key.public().id().short()
        )));
    }
    let malformed = |why: String| TufError::Malformed { what: "the root".to_owned(), why };
    let mut value = json::value(bytes, Role::Root.limit()).map_err(|error| malformed(error.to_string()))?;
    let signed = value.get("signed").cloned().unwrap_or_default();
    let list = value.get_mut("signatures").and_then(Value::as_array_mut);
    let list = list.ok_or_else(|| malformed("it has no list of signatures".to_owned()))?;
    list.retain(|one| one.get("keyid").and_then(Value::as_str) != Some(id.as_str()));
    list.push(signature(&signed, key)?);
    pretty(&value)
}

/// How many signatures of a root verify by its own keys, and how many must.
pub fn signatures_of(bytes: &[u8]) -> Result<(usize, u64), TufError> {
    let root: Signed<Root> = Signed::read("the root", bytes)?;
    let threshold = root.content.role(Role::Root).map_or(u64::MAX, |role| role.threshold);
    match root.content.verify(root.version, "the root", &root) {
        Ok(()) => Ok((usize::try_from(threshold).unwrap_or(usize::MAX), threshold)),
        Err(TufError::Signatures { valid, threshold, .. }) => Ok((valid, threshold)),
        Err(error) => Err(error),
    }
}

/// The versions of a repository's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Versions {
    /// Of the targets.
    pub targets: u64,
    /// Of the snapshot.
    pub snapshot: u64,
    /// Of the timestamp.
    pub timestamp: u64,
}

/// The files of a repository under a root, by path, in the order in which they are to be written: who reads in between finds
/// the old repository or the new one.
///
/// Errors: the root is not signed by enough of its keys; fewer keys are given than a role asks for.
pub fn repository(
    root: &[u8],
    versions: Versions,
    expires: Timestamp,
    files: &BTreeMap<String, Vec<u8>>,
    keys: &[Box<dyn Signer>],
) -> Result<Vec<(String, Vec<u8>)>, TufError> {
    let trusted = Trusted::pinned(root, expires)?;
    let signed = trusted.root();
    if !signed.content.consistent_snapshot {
        let why = "it does not ask for consistent snapshots: make one with `lockgate trust root`".to_owned();
        return Err(TufError::Malformed { what: "the root".to_owned(), why });
    }
    let mut written = Vec::new();
    let mut targets = BTreeMap::new();
    for (name, bytes) in files {
        let hash = Digest::of(bytes).hex();
        let (folder, file) = name
            .rsplit_once('/')
            .map_or((String::new(), name.as_str()), |(folder, file)| (format!("{folder}/"), file));
        written.push((format!("targets/{folder}{hash}.{file}"), bytes.clone()));
        let target = Target { length: bytes.len() as u64, hashes: sha256(bytes) };
        targets.insert(name.clone(), target);
    }
    let by = |role: Role| signers(&signed.content, role, keys);
    let targets = Targets { targets };
    let bytes = document(Role::Targets, versions.targets, expires, &targets, &by(Role::Targets)?)?;
    let meta = BTreeMap::from([("targets.json".to_owned(), meta(versions.targets, &bytes))]);
    written.push((format!("{}.targets.json", versions.targets), bytes));
    let bytes =
        document(Role::Snapshot, versions.snapshot, expires, &Snapshot { meta }, &by(Role::Snapshot)?)?;
    let meta = BTreeMap::from([("snapshot.json".to_owned(), self::meta(versions.snapshot, &bytes))]);
    written.push((format!("{}.snapshot.json", versions.snapshot), bytes));
    let timestamp = TimestampMeta { meta };
    let bytes = document(Role::Timestamp, versions.timestamp, expires, &timestamp, &by(Role::Timestamp)?)?;
    // A new root may name other keys: between these two, nobody verifies.
    written.push((format!("{}.root.json", signed.version), root.to_vec()));
    written.push(("timestamp.json".to_owned(), bytes));
    Ok(written)
}

/// The keys among those given that may sign for a role.
fn signers<'a>(
    root: &Root,
    role: Role,
    keys: &'a [Box<dyn Signer>],
) -> Result<Vec<&'a dyn Signer>, TufError> {
    let of_role = root.role(role);
    let named = |key: &&dyn Signer| {
        of_role.is_some_and(|of_role| of_role.keyids.contains(&Key::of(&key.public()).id()))
    };
    let found: Vec<_> = keys.iter().map(|key| &**key).filter(named).collect();
    let distinct: BTreeSet<_> = found.iter().map(|key| key.public().id()).collect();
    let threshold = of_role.map_or(u64::MAX, |of_role| of_role.threshold);
    if (distinct.len() as u64) < threshold {
        return Err(TufError::Key(format!(
            "the root asks for {threshold} keys for {role}, and {} of those given are named there",
            distinct.len()
        )));
    }
    Ok(found)
}

fn meta(version: u64, bytes: &[u8]) -> Meta {
    Meta { version, length: Some(bytes.len() as u64), hashes: Some(sha256(bytes)) }
}

fn sha256(bytes: &[u8]) -> BTreeMap<String, String> {
    BTreeMap::from([("sha256".to_owned(), Digest::of(bytes).hex())])
}

fn document<T: Serialize>(
    role: Role,
    version: u64,
    expires: Timestamp,
    content: &T,
    keys: &[&dyn Signer],
) -> Result<Vec<u8>, TufError> {
    let unwritten = |why: String| TufError::Malformed { what: role.to_string(), why };
    let content = serde_json::to_value(content).map_err(|error| unwritten(error.to_string()))?;
    let mut signed: Map<String, Value> = content.as_object().cloned().unwrap_or_default();
    signed.insert("_type".to_owned(), json!(role.as_str()));
    signed.insert("spec_version".to_owned(), json!(SPECIFICATION));
    signed.insert("version".to_owned(), json!(version));
    signed.insert("expires".to_owned(), json!(expires));
    let signed = Value::Object(signed);
    let signatures: Result<Vec<_>, _> = keys.iter().map(|key| signature(&signed, *key)).collect();
    pretty(&json!({"signed": signed, "signatures": signatures?}))
}

fn signature(signed: &Value, key: &dyn Signer) -> Result<Value, TufError> {
    let canonical = canon::bytes(signed).unwrap_or_default();
    let made = key.sign(&canonical).map_err(|error| TufError::Key(error.to_string()))?;
    Ok(json!({"keyid": Key::of(&key.public()).id(), "sig": HEXLOWER.encode(&made)}))
}

fn pretty(value: &Value) -> Result<Vec<u8>, TufError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| TufError::Key(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}
