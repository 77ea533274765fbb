//! What a promotion attaches to the artifact: the verdict, a signed SLSA Verification Summary, and the proof
//! that the Decision is in the ledger.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_attest::vsa::{Summary, vsa_statement};
use lockgate_attest::write::cosign_bundle;
use lockgate_model::entry::Attached;
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::{Descriptor, Digest, Outcome, Repository, canon};

use crate::judge::{Recorded, stored};
use crate::{EngineError, Workspace, ledger};

/// The attachments of a recorded Decision, and their bytes.
pub(crate) async fn of(
    workspace: &Workspace,
    recorded: &Recorded,
    target: &Repository,
) -> Result<(Vec<Attached>, Vec<Bytes>), EngineError> {
    let mut blobs = Vec::new();
    let verdict = verdict(workspace, recorded, target, &mut blobs)?;
    let proof = proof(workspace, recorded, &mut blobs).await?;
    Ok((vec![verdict, proof], blobs))
}
