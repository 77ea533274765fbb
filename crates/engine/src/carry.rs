//! Carries out a recorded intent. The first attempt and every recovery call the same function: each of its
//! effects, done twice, is done once.

use lockgate_model::entry::{Attached, Intent};
use lockgate_model::ports::{Copied, Upload};

use crate::judge::stored;
use crate::{EngineError, Workspace};

/// Copies the artifact with everything attached to it, attaches verdict and proof, and moves the tag last:
/// whoever follows the tag finds a verified artifact with its verdict.
pub(crate) async fn out(workspace: &Workspace, intent: &Intent) -> Result<Copied, EngineError> {
    let registry = &workspace.reach.registry;
    let copied =
        registry.copy(&intent.source, &intent.target, &intent.artifact, &*workspace.reach.progress).await?;
    for attached in &intent.attachments {
        let upload = upload(workspace, attached).await?;
        registry.push(&intent.target, &upload).await?;
    }
    if let Some(tag) = &intent.tag {
        registry.tag(&intent.target, tag, &intent.artifact).await?;
    }
    Ok(copied)
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
