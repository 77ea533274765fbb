//! Blobs of a registry: whether they are there, and their bytes, taken up again where a connection broke.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use lockgate_model::Descriptor;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio::sync::mpsc;

use super::host::body_of;
use super::{Remote, location};
use crate::limits;
use crate::stream::{Chunks, Skip, next};
use crate::verified::{Verified, no_part};

/// Whether the blob is there, with its size: HEAD where that says so, else a GET.
pub(super) async fn has(remote: &Remote, blob: &Descriptor) -> Result<bool, PortError> {
    let url = remote.url(&format!("blobs/{}", blob.digest))?;
    let response = remote.host.send(&mut remote.call(Method::HEAD, url)).await?;
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return Ok(false);
    }
    let at = remote.at(&format!("@{}", blob.digest));
    if status.is_success() {
        if let Some(length) = length(&response) {
            return right_size(&at, length, blob);
        }
    } else if !status.is_redirection() {
        // An error to HEAD has no words of its own.
        remote.host.expect(response, &[StatusCode::OK], &at).await?;
    }
    let response = match get(remote, blob, 0, None).await {
        Err(error) if error.trouble == Trouble::NotFound => return Ok(false),
        response => response?,
    };
    if let Some(length) = length(&response) {
        return right_size(&at, length, blob);
    }
    read_whole(stream(remote, blob, response)).await.map(|()| true)
}

fn right_size(at: &str, length: u64, blob: &Descriptor) -> Result<bool, PortError> {
    if length == blob.size {
        return Ok(true);
    }
    let reason = format!("the registry has {length} bytes under this digest, not {}", blob.size);
    Err(PortError::new(Trouble::Corrupt, at, reason, "delete the blob there, then try again"))
}

fn length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a stream to its end, for its verification only.
pub(super) async fn read_whole(mut stream: BlobStream) -> Result<(), PortError> {
    while let Some(chunk) = next(&mut stream).await {
        chunk?;
    }
    Ok(())
}

/// The blob's bytes, verified as they come.
pub(super) async fn download(remote: &Remote, blob: &Descriptor) -> Result<BlobStream, PortError> {
    let response = get(remote, blob, 0, None).await?;
    Ok(stream(remote, blob, response))
}

/// The bytes of a blob in a range, not verified. A registry that knows no ranges sends the blob, of which no more is read
/// than that.
pub(super) async fn range(remote: &Remote, blob: &Descriptor, range: Range<u64>) -> Result<Bytes, PortError> {
    let at = remote.at(&format!("@{}", blob.digest));
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    if length == 0 {
        return Ok(Bytes::new());
    }
    let response = get(remote, blob, range.start, Some(range.end)).await?;
    let mut body = rest(remote, blob, range.start, response)?;
    let mut bytes = BytesMut::new();
    while bytes.len() < length {
        let Some(chunk) = remote.host.next(&mut body, &at).await else {
            return Err(no_part(at, &range));
        };
        bytes.extend_from_slice(&chunk?);
    }
    bytes.truncate(length);
    Ok(bytes.freeze())
}

fn stream(remote: &Remote, blob: &Descriptor, response: Response) -> BlobStream {
    let (sender, receiver) = mpsc::channel(limits::WAITING);
    let name = remote.at("");
    tokio::spawn(pump(remote.clone(), blob.bare(), response, sender));
    Verified::stream(Box::pin(Chunks(receiver)), blob, &name)
}

/// Hands the bytes of a blob over; where the connection breaks, asks for the rest.
async fn pump(remote: Remote, blob: Descriptor, first: Response, to: mpsc::Sender<Result<Bytes, PortError>>) {
    let at = remote.at(&format!("@{}", blob.digest));
    let (mut offset, mut attempt) = (0, 1);
    let mut body = body_of(first, at.clone());
    loop {
        let broke = loop {
            match remote.host.next(&mut body, &at).await {
                None => return,
                Some(Err(error)) => break error,
                Some(Ok(chunk)) => {
                    offset += chunk.len() as u64;
                    if to.send(Ok(chunk)).await.is_err() {
                        return;
                    }
                }
            }
        };
        body = match again(&remote, &blob, offset, &mut attempt, broke).await {
            Ok(rest) => rest,
            // When nobody reads any more, nobody needs to know.
            Err(error) => return drop(to.send(Err(error)).await),
        };
    }
}

/// The rest of a blob after its first `offset` bytes, while attempts are left.
async fn again(
    remote: &Remote,
    blob: &Descriptor,
    offset: u64,
    attempt: &mut u32,
    mut broke: PortError,
) -> Result<BlobStream, PortError> {
    while broke.trouble == Trouble::Unavailable && *attempt < remote.host.settings().attempts {
        tokio::time::sleep(remote.host.pause(*attempt, None)).await;
        *attempt += 1;
        match get(remote, blob, offset, None).await {
            Ok(response) => return rest(remote, blob, offset, response),
            Err(error) => broke = error,
        }
    }
    Err(broke)
}

/// What follows the first `offset` bytes, whether the registry sends only that or everything.
fn rest(
    remote: &Remote,
    blob: &Descriptor,
    offset: u64,
    response: Response,
) -> Result<BlobStream, PortError> {
    let at = remote.at(&format!("@{}", blob.digest));
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok(Box::pin(Skip { inner: body_of(response, at), left: offset }));
    }
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let start = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse::<u64>().ok());
    if start == Some(offset) {
        return Ok(body_of(response, at));
    }
    let reason =
        format!("asked for what follows its first {offset} bytes, the registry sends something else");
    Err(PortError::new(Trouble::Corrupt, at, reason, "look at the registry"))
}

/// The response with the blob's bytes from `offset` on, up to `end` where that is given. Follows redirects: to https, or where plain HTTP was allowed,
/// and never with credentials.
async fn get(
    remote: &Remote,
    blob: &Descriptor,
    offset: u64,
    end: Option<u64>,
) -> Result<Response, PortError> {
    let at = remote.at(&format!("@{}", blob.digest));
    let mut url = remote.url(&format!("blobs/{}", blob.digest))?;
    for _ in 0..limits::REDIRECTS {
        let mut call = remote.call(Method::GET, url.clone());
        let mut good = vec![StatusCode::OK];
        if offset > 0 || end.is_some() {
            let last = end.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
            call.headers.push((RANGE, format!("bytes={offset}-{last}")));
            // An upload under way may wait for these bytes.
            call.queues = false;
            good.push(StatusCode::PARTIAL_CONTENT);
        }
        let response = remote.host.send(&mut call).await?;
        if !response.status().is_redirection() {
            return remote.host.expect(response, &good, &at).await;
        }
        let to = location(&response, &url).ok_or_else(|| {
            PortError::new(Trouble::Other, at.clone(), "it redirects to nowhere", "look at the registry")
        })?;
        let secure = to.scheme() == "https" || (to.scheme() == "http" && url.scheme() == "http");
        if !secure {
            let reason = format!("it redirects from {} to {}", url.scheme(), to.scheme());
            return Err(PortError::new(Trouble::Denied, at, reason, "let the registry redirect to https"));
        }
        url = to;
    }
    let reason = format!("it redirects more than {} times", limits::REDIRECTS);
    Err(PortError::new(Trouble::Other, at, reason, "look at the registry"))
}
