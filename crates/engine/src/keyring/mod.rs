//! Changes the keyring: every change is a ledger entry, refused by the store where it would break a rule.

mod import;

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_attest::keys::{KeyError, PublicKey};
use lockgate_model::blast_radius::BlastRadius;
use lockgate_model::keyring::{Credential, Keyring, MemberRow, Revoking, Said};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::projection::Conflict;
use lockgate_model::{Digest, Entry, Event, KeyringChange, Timestamp, canon};

use crate::blast_radius::{Suspicion, measure};
use crate::ledger::{Appended, LedgerError};
use crate::workspace::KeyFile;
use crate::{EngineError, Workspace};

pub use import::{Changed, Imported, Left, Refused, import};

/// The credential of a public key in PEM, in its one spelling.
pub fn credential(pem: &[u8]) -> Result<Credential, KeyError> {
    let key = PublicKey::from_pem(pem)?;
    Ok(Credential::Key { id: key.id(), pem: key.to_pem() })
}

/// Records a change of the keyring.
///
/// Errors: the change breaks a rule of the keyring; the ledger or store fails.
pub async fn change(workspace: &Workspace, change: KeyringChange) -> Result<Appended, EngineError> {
    let new = match &change {
        KeyringChange::Added(member) => match &member.credential {
            Credential::Key { id, .. } => Some((&member.name, Some(*id))),
            Credential::Identity { .. } => Some((&member.name, None)),
        },
        KeyringChange::Rotated(rotated) => Some((&rotated.new, Some(rotated.id))),
        _ => None,
    };
    if let Some((name, id)) = new {
        let same = |file: &&KeyFile| file.name == *name || id.is_some() && id_of(file) == id;
        workspace.keys.iter().find(same).map_or(Ok(()), |file| Err(named_twice(file, name)))?;
    }
    append(workspace, change, vec![]).await
}

async fn append(
    workspace: &Workspace,
    change: KeyringChange,
    blobs: Vec<Bytes>,
) -> Result<Appended, EngineError> {
    let entry = Entry::new(workspace.clock.now(), &workspace.actor, Event::Keyring(change));
    Ok(workspace.ledger.append_one(entry, blobs).await?)
}

/// Whether every key is in `lockgate.yaml` or in the keyring, and none in both: the one could be revoked, and go on
/// counting by the other.
pub fn check_apart(files: &[KeyFile], keyring: &Keyring) -> Result<(), EngineError> {
    if keyring.rows().next().is_none() {
        return Ok(());
    }
    let ids: BTreeMap<Digest, &str> =
        keyring.rows().filter_map(|row| Some((row.key_id()?, row.name()))).collect();
    for file in files {
        let same_key = id_of(file).and_then(|id| ids.get(&id).copied());
        let same_name = keyring.get(&file.name).map(MemberRow::name);
        if let Some(name) = same_name.or(same_key) {
            return Err(named_twice(file, name));
        }
    }
    Ok(())
}

/// The digest of a file's key. One that is no key is the gate's business.
fn id_of(file: &KeyFile) -> Option<Digest> {
    PublicKey::from_pem(&file.pem).ok().map(|key| key.id())
}

fn named_twice(file: &KeyFile, name: &str) -> EngineError {
    let as_what = if file.name == name { String::new() } else { format!(", as `{name}`") };
    let reason = format!("the key `{}`, listed under `keys`, is in the keyring too{as_what}", file.name);
    let help = format!(
        "take `{}` out of lockgate.yaml, or give the one in the keyring another name and key",
        file.name
    );
    PortError::new(Trouble::Other, "lockgate.yaml", reason, help).into()
}

/// The member of that name.
pub async fn member(workspace: &Workspace, name: &str) -> Result<MemberRow, EngineError> {
    let keyring = workspace.store.keyring().await?;
    keyring.get(name).cloned().ok_or_else(|| {
        let names: Vec<_> = keyring.rows().map(MemberRow::name).collect();
        let reason = format!("there is no member `{name}`{}", lockgate_judge::nearest(name, &names));
        let help = if workspace.keys.iter().any(|key| key.name == name) {
            format!("`{name}` is a key of lockgate.yaml: take it out there and it no longer counts; `lockgate key blast-radius FILE` shows what relied on it")
        } else {
            "`lockgate key list` and `lockgate identity list` list them; `lockgate key add` adds one".to_owned()
        };
        PortError::new(Trouble::NotFound, "keyring", reason, help).into()
    })
}

/// What revoking did.
#[derive(Debug)]
pub struct Revoked {
    /// The entry.
    pub appended: Appended,
    /// What relied on it.
    pub blast_radius: BlastRadius,
}

/// Revokes a member and records what had relied on it.
///
/// Errors: a rule of the keyring forbids it - the last of a role takes a proposal of someone else.
pub async fn revoke(
    workspace: &Workspace,
    name: &str,
    compromised_since: Option<Timestamp>,
    reason: &str,
) -> Result<Revoked, EngineError> {
    let row = member(workspace, name).await?;
    let mut revoking =
        Revoking { name: name.to_owned(), compromised_since, reason: reason.to_owned(), blast_radius: None };
    let at = workspace.clock.now();
    // What the store would refuse is refused before everything is judged again.
    let said = Said { seq: workspace.store.head().await?.size, at, actor: workspace.actor.clone() };
    let mut keyring = workspace.store.keyring().await?;
    keyring
        .apply(&said, &KeyringChange::Revoked(revoking.clone()))
        .map_err(|refusal| LedgerError::Refused(Conflict::Keyring(refusal)))?;
    let suspicion = Suspicion { key: row.id(), at, compromised_since };
    let mut found = measure(workspace, &suspicion).await?;
    let (bytes, digest) = canon::encode(&found)?;
    revoking.blast_radius = Some(digest);
    let appended = append(workspace, KeyringChange::Revoked(revoking), vec![bytes.into()]).await?;
    if appended.seq > found.ledger_size {
        // Others recorded something in between. What is told is the whole; what is recorded says how far it looked.
        found = measure(workspace, &suspicion).await?;
    }
    Ok(Revoked { appended, blast_radius: found })
}

/// Asks a second person to revoke a member.
pub async fn propose(
    workspace: &Workspace,
    name: &str,
    compromised_since: Option<Timestamp>,
    reason: &str,
) -> Result<Appended, EngineError> {
    member(workspace, name).await?;
    let revoking =
        Revoking { name: name.to_owned(), compromised_since, reason: reason.to_owned(), blast_radius: None };
    append(workspace, KeyringChange::RevocationProposed(revoking), vec![]).await
}

/// Revokes a member as someone else has proposed.
///
/// Errors: nobody has, or it was the same actor.
pub async fn confirm(workspace: &Workspace, name: &str) -> Result<Revoked, EngineError> {
    let row = member(workspace, name).await?;
    let refuse = |reason: String, help: String| {
        EngineError::from(PortError::new(Trouble::Denied, format!("key {name}"), reason, help))
    };
    let proposal = row.proposed.ok_or_else(|| {
        let help =
            format!("lockgate key revoke {name} --propose --reason TEXT [--compromised-since INSTANT]");
        refuse("nobody has proposed to revoke it".to_owned(), help)
    })?;
    if proposal.said.actor == workspace.actor {
        let reason = format!("{} proposed it: it takes someone else to confirm", workspace.actor);
        return Err(refuse(reason, format!("let another person run: lockgate key revoke {name} --confirm")));
    }
    revoke(workspace, name, proposal.what.compromised_since, &proposal.what.reason).await
}
