//! What is attached to an image about how it was built, and who says so. Judges nothing and records nothing: the
//! provenance gate does.

use lockgate_attest::keys::PublicKey;
use lockgate_attest::predicate::{Predicate, Provenance, claims_provenance};
use lockgate_attest::reading::Reading;
use lockgate_attest::sigstore::{Demands, Identity, TrustedRoot};
use lockgate_attest::verify::{Believed, Carried, Examined, Instance, NamedKey, Speaks, Vouched, examine};
use lockgate_model::keyring::Credential;
use lockgate_model::{Descriptor, Digest, Evidence, Reference, Timestamp};
use serde::Serialize;

use crate::gather::{Basket, evidence, find};
use crate::workspace::InstanceFile;
use crate::{EngineError, Workspace};

/// One thing that is said about how an image was built.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The manifest that carries it.
    pub evidence: Digest,
    /// The artifact or image that it is about.
    pub about: Digest,
    /// The keys that signed it, by their names in the workspace.
    pub keys: Vec<String>,
    /// Whoever signed it by a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Identity>,
    /// The instance of Sigstore that vouches for the holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// An instant by which it is proven to have existed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Why it counts for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// All that is said about how an artifact was built.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The artifact.
    pub artifact: Descriptor,
    /// What is said by those whose signature could be verified.
    pub said: Vec<Told>,
    /// What looks like it, and could not be verified or read.
    pub refused: Vec<Told>,
    /// What could not be fetched.
    pub unread: Vec<String>,
}

/// Reads what is attached to the artifact that `reference` names now, and to its images.
pub async fn record(workspace: &Workspace, reference: &Reference) -> Result<Record, EngineError> {
    let found = find(&workspace.reach, reference).await?;
    let subjects = found.subjects();
    let mut basket = Basket::default();
    let repository = &reference.repository;
    let attached = evidence::of(&workspace.reach, repository, &subjects, &["provenance"], &mut basket).await;
    let mut unread: Vec<_> =
        basket.gaps.iter().map(|gap| format!("{}: {}", gap.subject, gap.reason)).collect();
    let keys = named_keys(workspace, &mut unread).await?;
    let named: Vec<_> = keys.iter().map(|(name, key)| NamedKey { name, key }).collect();
    let roots = roots(workspace, &mut unread);
    let instances: Vec<_> = roots.iter().map(|(file, root)| instance(file, root)).collect();
    let as_of = workspace.clock.now();
    let believed = Believed {
        keys: &named,
        instances: Some(&instances),
        notary: None,
        commits: &[],
        as_of,
        reading: Reading::NEWEST,
    };
    let mut record = Record { artifact: found.artifact, said: vec![], refused: vec![], unread };
    for one in &attached.evidence {
        let Some(carried) = Carried::of(one, &basket.inputs) else {
            record.unread.push(format!("{}: its bytes are missing", one.manifest.digest));
            continue;
        };
        for examined in examine(&carried, &believed) {
            tell(one, examined, &mut record);
        }
    }
    Ok(record)
}

/// Every key of the workspace: those too that no longer count, so that old provenance can be told. What cannot be read is
/// told as `unread`: what it signed looks as if nobody had.
async fn named_keys(
    workspace: &Workspace,
    unread: &mut Vec<String>,
) -> Result<Vec<(String, PublicKey)>, EngineError> {
    let mut keys = Vec::new();
    let mut add = |name: &str, pem: &[u8]| match PublicKey::from_pem(pem) {
        Ok(key) => keys.push((name.to_owned(), key)),
        Err(error) => unread.push(format!("the key {name} cannot be read: {error}")),
    };
    for file in &workspace.keys {
        add(&file.name, &file.pem);
    }
    let keyring = workspace.store.keyring().await?;
    for row in keyring.rows() {
        match &row.member.credential {
            Credential::Key { pem, .. } => add(row.name(), pem.as_bytes()),
            Credential::Identity { .. } => {}
        }
    }
    Ok(keys)
}

fn roots<'w>(workspace: &'w Workspace, unread: &mut Vec<String>) -> Vec<(&'w InstanceFile, TrustedRoot)> {
    let mut roots = Vec::new();
    for file in &workspace.trust.sigstore {
        match TrustedRoot::from_json(&file.root) {
            Ok(root) => roots.push((file, root)),
            Err(error) => {
                unread.push(format!("the root of the instance {} cannot be read: {error}", file.said.name));
            }
        }
    }
    roots
}

fn instance<'a>(file: &'a InstanceFile, root: &'a TrustedRoot) -> Instance<'a> {
    let said = &file.said;
    Instance { name: &said.name, root, issuers: &said.issuers, demands: Demands::of(said) }
}

fn tell(evidence: &Evidence, examined: Examined, record: &mut Record) {
    let claimed = match (&examined.speaks, &examined.unread) {
        (Some(Speaks::Attestation { predicate_type }), _) if claims_provenance(predicate_type) => true,
        (Some(_), _) => return,
        // What a known key signed and cannot be read may be one.
        (None, Some(unread)) => unread.predicate_type.as_deref().is_none_or(claims_provenance),
        (None, None) => false,
    };
    let keys = examined.unread.map_or(examined.by, |unread| unread.by);
    let mut told = Told {
        evidence: evidence.manifest.digest,
        about: evidence.subject,
        keys,
        holder: None,
        instance: None,
        proven_at: examined.proven_at,
        provenance: None,
        refusal: examined.refusal.map(|refusal| refusal.to_string()),
    };
    if let Some(Vouched::Holder { instance, identity }) = examined.vouched {
        (told.holder, told.instance) = (Some(*identity), Some(instance));
    }
    match examined.statement.as_ref().map(Predicate::read) {
        Some(Ok(Predicate::Provenance(said))) => told.provenance = Some(*said),
        Some(Ok(_)) => return,
        Some(Err(error)) => told.refusal = Some(error.to_string()),
        None => {}
    }
    if told.provenance.is_some() {
        record.said.push(told);
    } else if claimed {
        record.refused.push(told);
    }
}
