//! Uploads of blobs: taken from another repository where the registry can, streamed where it cannot
//! (distribution-spec, "Pushing Blobs").

use lockgate_model::Descriptor;
use lockgate_model::ports::{PortError, Trouble};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};

use super::host::Body;
use super::{Remote, location};
use crate::place::{Opener, Put};

/// Uploads a blob, from its beginning again when something breaks.
pub(super) async fn upload(
    remote: &Remote,
    blob: &Descriptor,
    source: Opener<'_, '_>,
    mount_from: Option<&str>,
) -> Result<Put, PortError> {
    let mut attempt = 1;
    loop {
        match once(remote, blob, source, mount_from).await {
            Ok(put) => return Ok(put),
            Err(error)
                if error.trouble == Trouble::Unavailable && attempt < remote.host.settings().attempts =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn once(
    remote: &Remote,
    blob: &Descriptor,
    source: Opener<'_, '_>,
    mount_from: Option<&str>,
) -> Result<Put, PortError> {
    let at = remote.at(&format!("@{}", blob.digest));
    let mut url = remote.url("blobs/uploads/")?;
    if let Some(from) = mount_from {
        url.query_pairs_mut().append_pair("mount", &blob.digest.to_string()).append_pair("from", from);
    }
    let from = url.clone();
    let response = remote.host.send(remote.pushing(Method::POST, url)).await?;
    let response = remote.host.expect(response, &[StatusCode::CREATED, StatusCode::ACCEPTED], &at).await?;
    if response.status() == StatusCode::CREATED {
        return Ok(Put::Mounted);
    }
    // A mount that is declined opens an upload instead.
    let session = session(remote, &at, location(&response, &from))?;
    let mut call = remote.pushing(Method::PUT, with_digest(session, blob));
    call.headers.push((CONTENT_TYPE, "application/octet-stream".to_owned()));
    call.body = Body::Stream(source().await?, blob.size);
    let response = remote.host.send(call).await?;
    remote.host.expect(response, &[StatusCode::CREATED, StatusCode::NO_CONTENT], &at).await?;
    Ok(Put::Streamed)
}

/// The address to upload to: the registry's own, since credentials and content go there.
fn session(remote: &Remote, at: &str, location: Option<Url>) -> Result<Url, PortError> {
    let help = "look at the registry: behind a proxy it must be told its own address";
    let Some(url) = location else {
        return Err(PortError::new(Trouble::Other, at, "it does not say where to upload to", help));
    };
    if remote.host.owns(&url) {
        return Ok(url);
    }
    let reason = format!("it wants the upload sent to another place, {}://{}", url.scheme(), url.authority());
    Err(PortError::new(Trouble::Denied, at, reason, help))
}

fn with_digest(mut url: Url, blob: &Descriptor) -> Url {
    url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
    url
}
