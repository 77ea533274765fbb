//! Uploads of blobs: taken from another repository where the registry can, streamed where it cannot
//! (distribution-spec, "Pushing Blobs").
//!
//! Small blobs go in one PUT. Big ones go as docker sends them, one PATCH and a PUT that closes it, because that is what
//! registries can take up again: when an upload breaks, the registry is asked how much it has, and gets the rest.

use std::time::Duration;

use bytes::Bytes;
use lockgate_model::Descriptor;
use lockgate_model::ports::{BlobStream, Pending, PortError, Staged, Trouble};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, Response, StatusCode, Url};

use super::blobs::{download, has, read_whole};
use super::host::{Body, may_help, retry_after};
use super::{Remote, location};
use crate::limits;
use crate::place::{Opener, Put};
use crate::stream::Skip;

/// What is sent.
const BYTES: &str = "application/octet-stream";

/// Uploads a blob; when something breaks, from where it broke or from its beginning.
pub(super) async fn upload<'a>(
    remote: &'a Remote,
    blob: &'a Descriptor,
    source: Opener<'a, '_>,
    mount_from: Option<&'a str>,
) -> Result<Put, PortError> {
    let mut upload = Upload::new(remote, blob, source, mount_from);
    let host = &remote.host;
    let mut attempt = 1;
    loop {
        match upload.once().await {
            Err(error) if error.trouble == Trouble::Unavailable && attempt < host.settings().attempts => {
                tokio::time::sleep(host.pause(attempt, upload.told.take())).await;
                attempt += 1;
                // It may have arrived, and only the answer was lost.
                if matches!(has(remote, blob).await, Ok(true)) {
                    return Ok(Put::Streamed);
                }
            }
            done => return done,
        }
    }
}

/// Sends a blob without closing its upload.
pub(super) async fn stage(
    remote: &Remote,
    blob: &Descriptor,
    bytes: BlobStream,
) -> Result<Box<dyn Staged>, PortError> {
    let mut upload = Upload::new(remote, blob, &|| Box::pin(async { Err(once()) }), None);
    let opened = upload.begin().await?.ok_or_else(once)?;
    let session = upload.send(opened, 0, bytes).await?;
    Ok(Box::new(Unclosed { remote: remote.clone(), blob: blob.clone(), session }))
}

/// What is staged is sent once.
fn once() -> PortError {
    PortError::new(Trouble::Other, "a staged upload", "it is not sent twice", "copy the blob")
}

/// An upload that has all bytes of its blob, and is not closed.
struct Unclosed {
    remote: Remote,
    blob: Descriptor,
    session: Url,
}

impl Staged for Unclosed {
    fn commit(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(async move {
            let mut upload = Upload::new(&self.remote, &self.blob, &|| Box::pin(async { Err(once()) }), None);
            upload.close(self.session.clone(), Body::Bytes(Bytes::new())).await
        })
    }

    fn abandon(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(async move {
            let response =
                self.remote.host.send(&mut self.remote.pushing(Method::DELETE, self.session)).await?;
            let at = self.remote.at(&format!("@{}", self.blob.digest));
            self.remote.host.expect(response, &[StatusCode::NO_CONTENT, StatusCode::OK], &at).await.map(drop)
        })
    }
}

struct Upload<'a, 's> {
    remote: &'a Remote,
    blob: &'a Descriptor,
    source: Opener<'a, 's>,
    mount_from: Option<&'a str>,
    at: String,
    /// The upload under way: when it breaks, it may be taken up again.
    broken: Option<Url>,
    /// How long the registry asked to wait.
    told: Option<Duration>,
}

impl<'a, 's> Upload<'a, 's> {
    fn new(
        remote: &'a Remote,
        blob: &'a Descriptor,
        source: Opener<'a, 's>,
        mount_from: Option<&'a str>,
    ) -> Self {
        let at = remote.at(&format!("@{}", blob.digest));
        Self { remote, blob, source, mount_from, at, broken: None, told: None }
    }

    async fn once(&mut self) -> Result<Put, PortError> {
        if let Some(session) = self.broken.take()
            && let Some((session, offset)) = self.state(session).await?
        {
            self.patch(session, offset).await?;
            // The first bytes are of an earlier stream, which was not verified to its end.
            read_whole(download(self.remote, self.blob).await?).await?;
            return Ok(Put::Streamed);
        }
        let Some(session) = self.begin().await? else { return Ok(Put::Mounted) };
        if self.blob.size > limits::PATCHED_FROM {
            self.patch(session, 0).await?;
        } else {
            self.broken = Some(session.clone());
            let whole = Body::Stream((self.source)().await?, self.blob.size);
            self.close(session, whole).await?;
        }
        Ok(Put::Streamed)
    }

    /// Opens an upload; none where the blob was taken from the other repository.
    async fn begin(&mut self) -> Result<Option<Url>, PortError> {
        let from = self.remote.url("blobs/uploads/")?;
        if let Some(other) = self.mount_from {
            let mut url = from.clone();
            let digest = self.blob.digest.to_string();
            url.query_pairs_mut().append_pair("mount", &digest).append_pair("from", other);
            match self.remote.host.send(&mut self.remote.pushing(Method::POST, url)).await {
                Ok(response) if response.status() == StatusCode::CREATED => return Ok(None),
                // A mount that is declined opens an upload instead.
                Ok(response) if response.status() == StatusCode::ACCEPTED => {
                    return self.session(&response, &from).map(Some);
                }
                // One that is refused may still be uploaded: the other repository may be closed to this account.
                Ok(response) if response.status().is_client_error() => {}
                Err(error) if error.trouble == Trouble::Denied => {}
                Ok(response) => drop(self.expect(response, &[StatusCode::CREATED]).await?),
                Err(error) => return Err(error),
            }
        }
        let response = self.remote.host.send(&mut self.remote.pushing(Method::POST, from.clone())).await?;
        let response = self.expect(response, &[StatusCode::ACCEPTED]).await?;
        self.session(&response, &from).map(Some)
    }

    /// How far an upload came, and where it goes on; none when the registry does not say.
    async fn state(&self, session: Url) -> Result<Option<(Url, u64)>, PortError> {
        let response = self.remote.host.send(&mut self.remote.pushing(Method::GET, session.clone())).await?;
        if !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::ACCEPTED) {
            return Ok(None);
        }
        let range = response.headers().get(RANGE).and_then(|range| range.to_str().ok()?.split_once("0-"));
        // `0-0` is said of one byte and of none.
        let last = range.and_then(|(_, last)| last.parse::<u64>().ok()).filter(|last| *last > 0);
        let Some(offset) = last.map(|last| last.saturating_add(1)).filter(|offset| *offset <= self.blob.size)
        else {
            return Ok(None);
        };
        let url = if location(&response, &session).is_some() {
            self.session(&response, &session)?
        } else {
            session
        };
        Ok(Some((url, offset)))
    }

    /// Sends everything after the first `offset` bytes, and closes the upload.
    async fn patch(&mut self, session: Url, offset: u64) -> Result<(), PortError> {
        self.broken = Some(session.clone());
        let mut next = session.clone();
        if offset < self.blob.size {
            let mut rest: BlobStream = (self.source)().await?;
            if offset > 0 {
                rest = Box::pin(Skip { inner: rest, left: offset });
            }
            next = self.send(session, offset, rest).await?;
            self.broken = Some(next.clone());
        }
        self.close(next, Body::Bytes(Bytes::new())).await
    }

    /// Sends everything after the first `offset` bytes, which is `rest`; the upload as it goes on.
    async fn send(&mut self, session: Url, offset: u64, rest: BlobStream) -> Result<Url, PortError> {
        let size = self.blob.size;
        let mut call = self.remote.pushing(Method::PATCH, session.clone());
        call.headers.push((CONTENT_TYPE, BYTES.to_owned()));
        if offset > 0 {
            call.headers.push((CONTENT_RANGE, format!("{offset}-{}", size - 1)));
        }
        call.body = Body::Stream(rest, size - offset);
        let response = self.remote.host.send(&mut call).await?;
        let response = self.expect(response, &[StatusCode::ACCEPTED, StatusCode::NO_CONTENT]).await?;
        self.session(&response, &session)
    }

    /// Closes the upload with what is left to send.
    async fn close(&mut self, mut session: Url, body: Body) -> Result<(), PortError> {
        session.query_pairs_mut().append_pair("digest", &self.blob.digest.to_string());
        let mut call = self.remote.pushing(Method::PUT, session);
        call.headers.push((CONTENT_TYPE, BYTES.to_owned()));
        call.body = body;
        let response = self.remote.host.send(&mut call).await?;
        self.expect(response, &[StatusCode::CREATED, StatusCode::NO_CONTENT]).await.map(drop)
    }

    async fn expect(&mut self, response: Response, good: &[StatusCode]) -> Result<Response, PortError> {
        if may_help(response.status()) {
            self.told = retry_after(&response);
        }
        self.remote.host.expect(response, good, &self.at).await
    }

    /// The address to upload to: the registry's own, since credentials and content go there.
    fn session(&self, response: &Response, from: &Url) -> Result<Url, PortError> {
        let help = "look at the registry: behind a proxy it must be told its own address";
        let Some(url) = location(response, from) else {
            let reason = "it does not say where to upload to";
            return Err(PortError::new(Trouble::Other, self.at.clone(), reason, help));
        };
        if self.remote.host.owns(&url) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        let reason = format!("it wants the upload sent to another place, {}://{host}", url.scheme());
        Err(PortError::new(Trouble::Denied, self.at.clone(), reason, help))
    }
}
