//! A repository of an HTTP(S) registry (OCI distribution-spec 1.1).

mod auth;
mod credentials;
mod host;
mod upload;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use lockgate_model::oci::{Index, media};
use lockgate_model::ports::{BlobStream, FetchedManifest, Pending, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, json, limits};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LINK, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

pub(crate) use host::Host;
use host::{Body, Call};

use crate::place::{Opener, Place, Put};
use crate::verified::{Once, Verified, check, next};

/// The manifests that are asked for.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
/// Most redirects that the download of a blob may take.
const REDIRECTS: usize = 5;
/// Most pages of a referrers list.
const PAGES: usize = 64;

/// One repository.
pub(crate) struct Remote {
    host: Arc<Host>,
    repository: String,
}

impl Remote {
    pub(crate) fn new(host: Arc<Host>, repository: String) -> Self {
        Self { host, repository }
    }

    fn url(&self, tail: &str) -> Result<Url, PortError> {
        self.host.url(&format!("/v2/{}/{tail}", self.repository))
    }

    fn call(&self, method: Method, url: Url) -> Call<'_> {
        Call { method, url, headers: Vec::new(), body: Body::None, repository: &self.repository, push: false }
    }

    fn pushing(&self, method: Method, url: Url) -> Call<'_> {
        Call { push: true, ..self.call(method, url) }
    }

    fn at(&self, what: &str) -> String {
        format!("{}/{}{what}", self.host.name(), self.repository)
    }

    /// A manifest by tag or digest; its bytes as they came.
    async fn get_manifest(&self, reference: &str) -> Result<Option<FetchedManifest>, PortError> {
        let mut call = self.call(Method::GET, self.url(&format!("manifests/{reference}"))?);
        call.headers.push((ACCEPT, MANIFESTS.to_owned()));
        let response = self.host.send(call).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let at = self.at(&format!(":{reference}"));
        let response = self.host.expect(response, &[StatusCode::OK], &at).await?;
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type =
            media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_owned();
        let bytes = self.host.body(response, limits::MANIFEST_BYTES, &at).await?;
        Ok(Some(FetchedManifest { media_type, bytes }))
    }

    /// Follows redirects of a download: to https, or where plain HTTP was allowed, and never with credentials.
    async fn get_blob(&self, blob: &Descriptor) -> Result<Response, PortError> {
        let at = self.at(&format!("@{}", blob.digest));
        let mut call = self.call(Method::GET, self.url(&format!("blobs/{}", blob.digest))?);
        for _ in 0..REDIRECTS {
            let from = call.url.clone();
            let response = self.host.send(call).await?;
            if !response.status().is_redirection() {
                return self.host.expect(response, &[StatusCode::OK], &at).await;
            }
            let to = location(&response, &from).ok_or_else(|| {
                PortError::new(Trouble::Other, at.clone(), "it redirects to nowhere", "look at the registry")
            })?;
            if from.scheme() == "https" && to.scheme() != "https" {
                let reason = format!("it redirects from https to {}", to.scheme());
                return Err(PortError::new(
                    Trouble::Denied,
                    at,
                    reason,
                    "let the registry redirect to https",
                ));
            }
            call = self.call(Method::GET, to);
        }
        let reason = format!("it redirects more than {REDIRECTS} times");
        Err(PortError::new(Trouble::Other, at, reason, "look at the registry"))
    }

    async fn head_blob(&self, blob: &Descriptor) -> Result<bool, PortError> {
        let response =
            self.host.send(self.call(Method::HEAD, self.url(&format!("blobs/{}", blob.digest))?)).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let at = self.at(&format!("@{}", blob.digest));
        // A registry may redirect to where the blob is: then it is there.
        if response.status().is_redirection() {
            return Ok(true);
        }
        let response = self.host.expect(response, &[StatusCode::OK], &at).await?;
        let length = response.headers().get(reqwest::header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match length {
            Some(length) if length != blob.size => {
                let reason = format!("the registry has {length} bytes under this digest, not {}", blob.size);
                Err(PortError::new(Trouble::Corrupt, at, reason, "delete the blob there, then try again"))
            }
            _ => Ok(true),
        }
    }

    async fn list(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, PortError> {
        let at = self.at(&format!("@{subject}"));
        let mut url = self.url(&format!("referrers/{subject}"))?;
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let mut call = self.call(Method::GET, url.clone());
            call.headers.push((ACCEPT, media::OCI_INDEX.to_owned()));
            let response = self.host.send(call).await?;
            let status = response.status();
            if matches!(
                status,
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST
            ) {
                return Ok(None);
            }
            let response = self.host.expect(response, &[StatusCode::OK], &at).await?;
            let following = next_page(&response, &url);
            let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            if !kind.unwrap_or_default().starts_with(media::OCI_INDEX) {
                return Ok(None);
            }
            let bytes = self.host.body(response, limits::MANIFEST_BYTES, &at).await?;
            let index: Index = json::from_slice(&bytes, limits::MANIFEST_BYTES).map_err(|error| {
                let reason = format!("its list of referrers is malformed: {error}");
                PortError::new(Trouble::Corrupt, at.clone(), reason, "look at the registry")
            })?;
            found.extend(index.manifests);
            match following {
                _ if found.len() > limits::REFERRERS_PER_COPY => break,
                None => return Ok(Some(found)),
                Some(to) if self.host.owns(&to) => url = to,
                Some(to) => {
                    let reason = format!("its list of referrers goes on at another host, {}", to.authority());
                    return Err(PortError::new(Trouble::Denied, at, reason, "look at the registry"));
                }
            }
        }
        let reason = "its list of referrers has no end";
        Err(PortError::new(Trouble::TooLarge, at, reason, "remove referrers that are not needed"))
    }

    async fn put(&self, media_type: &str, bytes: Bytes, reference: &str) -> Result<bool, PortError> {
        let mut call = self.pushing(Method::PUT, self.url(&format!("manifests/{reference}"))?);
        call.headers.push((CONTENT_TYPE, media_type.to_owned()));
        call.body = Body::Bytes(bytes);
        let response = self.host.send(call).await?;
        let at = self.at(&format!(":{reference}"));
        let response = self.host.expect(response, &[StatusCode::CREATED, StatusCode::OK], &at).await?;
        Ok(response.headers().contains_key("OCI-Subject"))
    }
}

/// Where a response sends to, against the address it came from.
fn location(response: &Response, from: &Url) -> Option<Url> {
    from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// The next page of a list (RFC 8288, `rel="next"`).
fn next_page(response: &Response, from: &Url) -> Option<Url> {
    let link = response.headers().get(LINK)?.to_str().ok()?;
    let next = link.split(',').find(|part| part.contains("rel=\"next\"") || part.contains("rel=next"))?;
    let target = next.split_once('<')?.1.split_once('>')?.0;
    from.join(target).ok()
}

impl Place for Remote {
    fn name(&self) -> String {
        self.at("")
    }

    fn remote(&self) -> Option<(&str, &str)> {
        Some((self.host.name(), &self.repository))
    }

    fn tagged<'a>(&'a self, tag: &'a str) -> Pending<'a, Option<FetchedManifest>> {
        Box::pin(self.get_manifest(tag))
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Option<FetchedManifest>> {
        Box::pin(async move {
            let Some(manifest) = self.get_manifest(&digest.to_string()).await? else { return Ok(None) };
            check(&self.name(), &manifest.bytes, digest)?;
            Ok(Some(manifest))
        })
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        Box::pin(async move {
            let response = self.get_blob(blob).await?;
            Ok(Verified::stream(self.host.stream(response, self.name()), blob, &self.name()))
        })
    }

    fn has_blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, bool> {
        Box::pin(self.head_blob(blob))
    }

    fn put_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        source: Opener<'a, 'a>,
        mount_from: Option<&'a str>,
    ) -> Pending<'a, Put> {
        Box::pin(upload::upload(self, blob, source, mount_from))
    }

    fn put_bytes<'a>(&'a self, blob: &'a Descriptor, bytes: Bytes) -> Pending<'a, ()> {
        Box::pin(async move {
            let source = move || -> Pending<'static, BlobStream> {
                let bytes = bytes.clone();
                Box::pin(async move { Ok(Box::pin(Once(Some(bytes))) as BlobStream) })
            };
            upload::upload(self, blob, &source, None).await.map(drop)
        })
    }

    fn put_manifest<'a>(
        &'a self,
        media_type: &'a str,
        bytes: Bytes,
        tag: Option<&'a str>,
    ) -> Pending<'a, bool> {
        Box::pin(async move {
            let digest = Digest::of(&bytes).to_string();
            self.put(media_type, bytes, tag.unwrap_or(&digest)).await
        })
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> Pending<'a, Option<Vec<Descriptor>>> {
        Box::pin(self.list(subject))
    }
}

/// Collects at most `limit` bytes.
async fn collect(mut stream: BlobStream, limit: usize, at: &str) -> Result<Bytes, PortError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = next(&mut stream).await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > limit {
            let reason = format!("the answer has more than {limit} bytes");
            return Err(PortError::new(Trouble::TooLarge, at.to_owned(), reason, ""));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
