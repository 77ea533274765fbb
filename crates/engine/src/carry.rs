//! Carries out a recorded intent. The first attempt and every recovery call the same function: each of its
//! effects, done twice, is done once.

use lockgate_judge::edition::Edition;
use lockgate_model::entry::{Attached, Intent};
use lockgate_model::evidence::Companion;
use lockgate_model::oci::{self, Content};
use lockgate_model::ports::{Copied, CopyList, PortError, Trouble, Upload};
use lockgate_model::{CaseRecord, Evidence, canon};

use crate::judge::{load, stored};
use crate::{EngineError, Workspace};

/// Copies the artifact with what was judged to travel with it, attaches verdict and proof, and moves the tag last:
/// whoever follows the tag finds a verified artifact with its verdict.
pub(crate) async fn out(workspace: &Workspace, intent: &Intent) -> Result<Copied, EngineError> {
    let registry = &workspace.reach.registry;
    let list = list(workspace, intent).await?;
    let copied = registry.copy(&intent.source, &intent.target, &list, &*workspace.reach.progress).await?;
    for attached in &intent.attachments {
        let upload = upload(workspace, attached).await?;
        registry.push(&intent.target, &upload).await?;
    }
    if let Some(tag) = &intent.tag {
        registry.tag(&intent.target, tag, &intent.artifact).await?;
    }
    Ok(copied)
}

/// What the recorded Case says that travels. Nothing is listed in the source again: what was attached since was not judged.
async fn list(workspace: &Workspace, intent: &Intent) -> Result<CopyList, EngineError> {
    let (decision, _) = load(workspace, &intent.decision).await?;
    let record: CaseRecord = canon::from_bytes(&stored(workspace, "the Case", &decision.case).await?)?;
    if record.artifact != intent.artifact {
        let place = format!("the promotion by Decision {}", intent.decision);
        let reason = format!(
            "it names the artifact {}, and {} was judged",
            intent.artifact.digest, record.artifact.digest
        );
        let help = "run `lockgate ledger verify`: the database was changed";
        return Err(PortError::new(Trouble::Corrupt, place, reason, help).into());
    }
    let mut companions = record.companions;
    companions.retain(|companion| companion.stays_behind.is_none());
    if !Edition::named(&record.edition).is_some_and(Edition::lists_companions) {
        for evidence in &record.evidence {
            companions.extend(travelling(workspace, evidence).await?);
        }
    }
    Ok(CopyList { artifact: record.artifact, companions })
}

/// A piece of evidence of a Case that does not list what travels; nothing where it could be run.
async fn travelling(workspace: &Workspace, evidence: &Evidence) -> Result<Option<Companion>, EngineError> {
    let Evidence { subject, attachment, manifest, blobs } = evidence;
    let bytes = stored(workspace, "a piece of evidence", &manifest.digest).await?;
    let Ok(content) = Content::read(&manifest.media_type, &bytes) else { return Ok(None) };
    let mut plain = Vec::new();
    for blob in blobs {
        if !oci::is_archive(&stored(workspace, "the content of evidence", blob).await?) {
            plain.push(*blob);
        }
    }
    let stays = oci::stays_behind(&content, |layer| plain.contains(layer)).is_some();
    Ok((!stays).then(|| Companion::new(*subject, *attachment, manifest.bare())))
}

async fn upload(workspace: &Workspace, attached: &Attached) -> Result<Upload, EngineError> {
    let mut blobs = Vec::new();
    for blob in &attached.blobs {
        blobs.push(stored(workspace, "the content of an attachment", blob).await?);
    }
    Ok(Upload {
        media_type: attached.manifest.media_type.clone(),
        manifest: stored(workspace, "the manifest of an attachment", &attached.manifest.digest).await?,
        blobs,
    })
}
