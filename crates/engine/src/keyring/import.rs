//! Takes into the keyring what another one, which was published, has more. Each change goes the way that the same change by
//! hand goes, and is refused by the same rules; what is refused holds up nothing else.

use lockgate_model::KeyringChange;
use lockgate_model::keyring::{Credential, Lack, Published, PublishedMember, PublishedRevocation, Refusal};
use lockgate_model::projection::Conflict;
use serde::Serialize;

use super::{change, id_of, propose, revoke};
use crate::ledger::LedgerError;
use crate::{EngineError, Workspace};

/// What importing did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// What was changed, in order.
    pub changed: Vec<Changed>,
    /// Members that differ and were left as they are.
    pub left: Vec<Left>,
    /// Members that say something else here than there.
    pub refused: Vec<Refused>,
    /// How many members are the same.
    pub same: usize,
}

/// A change that was made.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The member.
    pub name: String,
    /// `added`, `rotated`, `retired`, `revocation proposed` or `revoked`.
    pub what: &'static str,
    /// The entry of the ledger.
    pub entry: u64,
}

/// A member that was left as it is.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// The member.
    pub name: String,
    /// Why.
    pub why: String,
}

/// A member that was refused.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The member.
    pub name: String,
    /// Why.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// Brings the keyring up to what is published. `from` says where that was, for the ledger.
///
/// Errors: the ledger or store fails. What breaks a rule of the keyring is told in [`Imported::refused`].
pub async fn import(
    workspace: &Workspace,
    published: &Published,
    from: &str,
) -> Result<Imported, EngineError> {
    let mut imported = Imported::default();
    for one in published.members() {
        if let Some(refused) = in_the_file(workspace, one) {
            imported.refused.push(refused);
            continue;
        }
        let keyring = workspace.store.keyring().await?;
        match keyring.lacks(published, one, workspace.clock.now()) {
            Lack::Nothing => imported.same += 1,
            Lack::Left(why) => imported.left.push(Left { name: one.member.name.clone(), why }),
            Lack::Conflict { what, help } => imported.refuse(one, what, help),
            Lack::Change(made) => {
                let what = word(&made);
                let appended = change(workspace, made).await.map(|appended| appended.seq);
                imported.note(one, what, appended)?;
            }
            Lack::Revocation(there) => imported.revoke(workspace, one, &there, from).await?,
        }
    }
    Ok(imported)
}

fn word(change: &KeyringChange) -> &'static str {
    match change {
        KeyringChange::Added(_) => "added",
        KeyringChange::Rotated(_) => "rotated",
        KeyringChange::Retired { .. } => "retired",
        KeyringChange::RevocationProposed(_) => "revocation proposed",
        KeyringChange::Revoked(_) => "revoked",
    }
}

/// A key that `lockgate.yaml` lists goes on counting, whatever the keyring says of it.
fn in_the_file(workspace: &Workspace, one: &PublishedMember) -> Option<Refused> {
    let id = match &one.member.credential {
        Credential::Key { id, .. } => Some(*id),
        Credential::Identity { .. } => None,
    };
    let same =
        |file: &&crate::workspace::KeyFile| file.name == one.member.name || id.is_some() && id_of(file) == id;
    let file = workspace.keys.iter().find(same)?;
    let revoked = if one.revoked.is_some() { ", and it is revoked there" } else { "" };
    Some(Refused {
        name: one.member.name.clone(),
        why: format!("`{}` is listed under `keys` in lockgate.yaml{revoked}", file.name),
        help: format!("take `{}` out of lockgate.yaml, then import again", file.name),
    })
}

impl Imported {
    fn refuse(&mut self, one: &PublishedMember, why: String, help: String) {
        self.refused.push(Refused { name: one.member.name.clone(), why, help });
    }

    /// Notes a change that was made, or refused by a rule of the keyring.
    fn note(
        &mut self,
        one: &PublishedMember,
        what: &'static str,
        appended: Result<u64, EngineError>,
    ) -> Result<(), EngineError> {
        match appended {
            Ok(entry) => self.changed.push(Changed { name: one.member.name.clone(), what, entry }),
            Err(EngineError::Ledger(LedgerError::Refused(Conflict::Keyring(refusal)))) => {
                self.refuse(one, refusal.to_string(), refusal.help());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Revokes as it is revoked there. The last of a role takes a second person: until one agrees, it is retired.
    async fn revoke(
        &mut self,
        workspace: &Workspace,
        one: &PublishedMember,
        there: &PublishedRevocation,
        from: &str,
    ) -> Result<(), EngineError> {
        let name = &one.member.name;
        let room = lockgate_model::limits::NAME_CHARS;
        let reason: String = format!("{} (revoked in {from})", there.reason).chars().take(room).collect();
        let revoked = revoke(workspace, name, there.compromised_since, &reason).await;
        let Err(EngineError::Ledger(LedgerError::Refused(Conflict::Keyring(refusal)))) = revoked else {
            return self.note(one, "revoked", revoked.map(|revoked| revoked.appended.seq));
        };
        let Refusal::SecondPerson { .. } = refusal else {
            self.refuse(one, refusal.to_string(), refusal.help());
            return Ok(());
        };
        let row = workspace.store.keyring().await?.get(name).cloned();
        let (now, row) = (workspace.clock.now(), row.as_ref());
        if row.is_some_and(|row| row.counts(now)) {
            let retired = change(workspace, KeyringChange::Retired { name: name.clone() }).await;
            self.note(one, "retired", retired.map(|appended| appended.seq))?;
        }
        let proposed = row.and_then(|row| row.proposed.as_ref());
        if proposed.is_none_or(|proposed| proposed.what.compromised_since != there.compromised_since) {
            let proposed = propose(workspace, name, there.compromised_since, &reason).await;
            self.note(one, "revocation proposed", proposed.map(|appended| appended.seq))?;
        }
        self.left.push(Left {
            name: name.clone(),
            why: format!(
                "it is the last of its role: someone else must agree to revoke it: lockgate key revoke {name} --confirm"
            ),
        });
        Ok(())
    }
}
