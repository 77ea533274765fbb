//! Files the trust of the workspace into a Case: keys, identities, instances of Sigstore, trust policies.

use lockgate_model::case::{
    NotaryStore, NotaryTrust, Revocation, SigstoreInstance, Standing, TrustedIdentity, TrustedKey,
};
use lockgate_model::keyring::{Credential, Keyring, MemberRow, RevokingSaid};
use lockgate_model::{Inputs, Repository};

use crate::Workspace;
use crate::workspace::{InstanceFile, NotationFiles};

/// What a Case says of whom to trust.
pub(crate) struct Filed {
    pub(crate) keys: Vec<TrustedKey>,
    pub(crate) identities: Vec<TrustedIdentity>,
    pub(crate) sigstore: Vec<SigstoreInstance>,
    pub(crate) notary: Option<NotaryTrust>,
}

/// Files the trust of the workspace for an artifact in `repository`.
pub(crate) fn file(
    workspace: &Workspace,
    keyring: &Keyring,
    repository: &Repository,
    inputs: &mut Inputs,
) -> Filed {
    Filed {
        keys: keys(workspace, keyring, inputs),
        identities: keyring.rows().filter_map(identity).collect(),
        sigstore: workspace.trust.sigstore.iter().map(|one| instance(one, inputs)).collect(),
        notary: workspace.trust.notation.as_ref().map(|files| notary(files, repository, inputs)),
    }
}

/// The keys of `lockgate.yaml` and those of the keyring: the retired and revoked too, so that findings can say so.
fn keys(workspace: &Workspace, keyring: &Keyring, inputs: &mut Inputs) -> Vec<TrustedKey> {
    let mut keys = Vec::new();
    for key in &workspace.keys {
        let file = inputs.insert(key.pem.clone());
        let (valid_from, valid_until) = (key.valid_from, key.valid_until);
        let standing = Standing { valid_from, valid_until, ..Standing::default() };
        keys.push(TrustedKey { name: key.name.clone(), file, standing });
    }
    for row in keyring.rows() {
        let Credential::Key { pem, .. } = &row.member.credential else { continue };
        let file = inputs.insert(pem.clone());
        keys.push(TrustedKey { name: row.name().to_owned(), file, standing: standing(row) });
    }
    keys
}

fn identity(row: &MemberRow) -> Option<TrustedIdentity> {
    let Credential::Identity { issuer, subject } = &row.member.credential else { return None };
    Some(TrustedIdentity {
        name: row.name().to_owned(),
        issuer: issuer.clone(),
        subject: subject.clone(),
        standing: standing(row),
    })
}

fn standing(row: &MemberRow) -> Standing {
    let revocation = |revoked: &RevokingSaid| Revocation {
        at: revoked.said.at,
        compromised_since: revoked.what.compromised_since,
    };
    Standing {
        valid_from: row.member.valid_from,
        valid_until: row.member.valid_until,
        duty: Some(row.member.duty.clone()),
        in_use_since: Some(row.in_use_since()),
        retired_at: row.retired_at,
        revoked: row.revoked.as_ref().map(revocation),
    }
}

fn instance(file: &InstanceFile, inputs: &mut Inputs) -> SigstoreInstance {
    SigstoreInstance { root: inputs.insert(file.root.clone()), ..file.said.clone() }
}

fn notary(files: &NotationFiles, repository: &Repository, inputs: &mut Inputs) -> NotaryTrust {
    let stores = files.stores.iter().map(|store| NotaryStore {
        kind: store.kind.clone(),
        name: store.name.clone(),
        file: inputs.insert(store.bytes.clone()),
    });
    let stores = stores.collect();
    NotaryTrust {
        repository: repository.to_string(),
        policy: inputs.insert(files.policy.clone()),
        stores,
        revocations: files.revocations.iter().map(|bytes| inputs.insert(bytes.clone())).collect(),
    }
}
