//! What a promotion attaches to the artifact: the verdict, a signed SLSA Verification Summary, and the proof
//! that the Decision is in the ledger.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_attest::vsa::{Summary, vsa_statement};
use lockgate_attest::write::cosign_bundle;
use lockgate_model::entry::Attached;
use lockgate_model::evidence::VERDICT;
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Outcome, Repository};

use crate::judge::Recorded;
use crate::{EngineError, Workspace, ledger};

/// The attachments of a recorded Decision, and their bytes.
pub(crate) async fn of(
    workspace: &Workspace,
    recorded: &Recorded,
    target: &Repository,
) -> Result<(Vec<Attached>, Vec<Bytes>), EngineError> {
    let mut files = Files::default();
    verdict(workspace, recorded, target, &mut files)?;
    proof(workspace, recorded, &mut files).await?;
    Ok((files.attached, files.blobs))
}

/// Attachments being collected.
#[derive(Default)]
struct Files {
    attached: Vec<Attached>,
    blobs: Vec<Bytes>,
}

impl Files {
    fn add(&mut self, manifest: Vec<u8>, blobs: Vec<Vec<u8>>) {
        let digests = blobs.iter().map(|blob| Digest::of(blob)).collect();
        let descriptor = Descriptor::of(media::OCI_MANIFEST, &manifest);
        self.attached.push(Attached { manifest: descriptor, blobs: digests });
        self.blobs.push(manifest.into());
        self.blobs.extend(blobs.into_iter().map(Bytes::from));
    }
}

fn verdict(
    workspace: &Workspace,
    recorded: &Recorded,
    target: &Repository,
    files: &mut Files,
) -> Result<(), EngineError> {
    let decision = &recorded.decision;
    let record = &recorded.case.record;
    let source = &workspace.route.step_to(decision.to.as_str())?.from.registry;
    let from = Workspace::repository(source, &decision.service);
    let mut inputs = vec![(format!("urn:lockgate:decision:{}", recorded.digest), recorded.digest)];
    inputs.extend(record.evidence.iter().map(|evidence| {
        let digest = evidence.manifest.digest;
        (format!("{from}@{digest}"), digest)
    }));
    let summary = Summary {
        verifier: &workspace.verdict.verifier,
        time: decision.as_of,
        resource: target.to_string(),
        stage: decision.to.as_str(),
        case: decision.case,
        inputs,
        passed: decision.outcome == Outcome::Proceed,
    };
    let statement = vsa_statement(&record.artifact, &summary);
    let bundle = cosign_bundle(&record.artifact, &workspace.verdict.key, &statement, decision.as_of)
        .and_then(|bundle| bundle.annotated(VERDICT, decision.to.as_str()))
        .map_err(|error| EngineError::Attest(error.to_string()))?;
    files.add(bundle.manifest, bundle.blobs);
    Ok(())
}

async fn proof(workspace: &Workspace, recorded: &Recorded, files: &mut Files) -> Result<(), EngineError> {
    let seq = recorded.appended.seq;
    let proof = ledger::proof(&*workspace.store, seq).await?.to_string().into_bytes();
    let entry = workspace.store.entries(seq, 1).await?.into_iter().next().ok_or_else(|| {
        PortError::new(
            Trouble::Corrupt,
            "ledger",
            format!("entry {seq} is gone"),
            "run `lockgate ledger verify`",
        )
    })?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.to_owned()),
        artifact_type: Some(media::LEDGER_PROOF.to_owned()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers: vec![
            Descriptor::of(media::LEDGER_PROOF, &proof),
            Descriptor::of(media::LEDGER_ENTRY, &entry),
        ],
        subject: Some(recorded.case.record.artifact.bare()),
        annotations: BTreeMap::from([(
            "org.opencontainers.image.created".to_owned(),
            recorded.decision.as_of.to_string(),
        )]),
    };
    let manifest = serde_json::to_vec(&manifest).map_err(|error| EngineError::Attest(error.to_string()))?;
    files.add(manifest, vec![EMPTY_JSON.to_vec(), proof, entry.to_vec()]);
    Ok(())
}
