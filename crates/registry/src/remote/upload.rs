//! Uploads of blobs: taken from another repository where the registry can, streamed where it cannot
//! (distribution-spec, "Pushing Blobs").

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use lockgate_model::Descriptor;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, Response, StatusCode, Url};

use super::host::Body;
use super::{Remote, location};
use crate::place::{Opener, Put};
use crate::verified::next;

/// Uploads a blob. When the upload breaks off, the registry is asked how much it has, and gets the rest; where it does
/// not know, the blob is sent again from its beginning.
pub(super) async fn upload(
    remote: &Remote,
    blob: &Descriptor,
    source: Opener<'_, '_>,
    mount_from: Option<&str>,
) -> Result<Put, PortError> {
    let (mut attempt, mut open) = (1, None);
    loop {
        let done = match open.take() {
            None => begin(remote, blob, source, mount_from, &mut open).await,
            Some(session) => resume(remote, blob, source, session, &mut open).await,
        };
        match done {
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

/// Opens an upload and sends the blob whole. `open` is the session, as soon as there is one.
async fn begin(
    remote: &Remote,
    blob: &Descriptor,
    source: Opener<'_, '_>,
    mount_from: Option<&str>,
    open: &mut Option<Url>,
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
    *open = Some(session.clone());
    let mut call = remote.pushing(Method::PUT, with_digest(session, blob));
    call.headers.push((CONTENT_TYPE, "application/octet-stream".to_owned()));
    call.body = Body::Stream(source().await?, blob.size);
    let response = remote.host.send(call).await?;
    remote.host.expect(response, &[StatusCode::CREATED, StatusCode::NO_CONTENT], &at).await?;
    Ok(Put::Streamed)
}

/// Sends what the registry does not have yet (distribution-spec, "Pushing a blob in chunks"). A session that is gone is
/// forgotten: the next attempt begins anew.
async fn resume(
    remote: &Remote,
    blob: &Descriptor,
    source: Opener<'_, '_>,
    session: Url,
    open: &mut Option<Url>,
) -> Result<Put, PortError> {
    let at = remote.at(&format!("@{}", blob.digest));
    let response = remote.host.send(remote.call(Method::GET, session.clone())).await?;
    let has = (response.status() == StatusCode::NO_CONTENT).then(|| received(&response)).flatten();
    let Some(has) = has.filter(|has| *has < blob.size) else {
        let reason = "the registry forgot the upload";
        return Err(PortError::new(Trouble::Unavailable, at, reason, "try again"));
    };
    let next = location(&response, &session).unwrap_or(session);
    let session = self::session(remote, &at, Some(next))?;
    *open = Some(session.clone());
    let mut call = remote.pushing(Method::PATCH, session.clone());
    call.headers.push((CONTENT_TYPE, "application/octet-stream".to_owned()));
    call.headers.push((CONTENT_RANGE, format!("{has}-{}", blob.size - 1)));
    call.body = Body::Stream(without(source().await?, has).await?, blob.size - has);
    let response = remote.host.send(call).await?;
    let response = remote.host.expect(response, &[StatusCode::ACCEPTED], &at).await?;
    let session = self::session(remote, &at, location(&response, &session))?;
    let response = remote.host.send(remote.pushing(Method::PUT, with_digest(session, blob))).await?;
    remote.host.expect(response, &[StatusCode::CREATED, StatusCode::NO_CONTENT], &at).await?;
    Ok(Put::Streamed)
}

/// The bytes that the registry has: `Range: 0-N`.
fn received(response: &Response) -> Option<u64> {
    let range = response.headers().get(RANGE)?.to_str().ok()?;
    let last: u64 = range.rsplit_once('-')?.1.trim().parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

/// The stream without its first bytes; they are verified with the rest all the same.
async fn without(mut stream: BlobStream, mut bytes: u64) -> Result<BlobStream, PortError> {
    while bytes > 0 {
        let Some(chunk) = next(&mut stream).await else { break };
        let mut chunk = chunk?;
        let cut = usize::try_from(bytes).unwrap_or(usize::MAX).min(chunk.len());
        bytes -= cut as u64;
        let rest = chunk.split_off(cut);
        if !rest.is_empty() {
            return Ok(Box::pin(After { first: Some(rest), then: stream }));
        }
    }
    Ok(stream)
}

/// A chunk, and then a stream.
struct After {
    first: Option<Bytes>,
    then: BlobStream,
}

impl Stream for After {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None => self.then.as_mut().poll_next(context),
        }
    }
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
