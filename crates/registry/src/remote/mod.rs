//! A repository of an HTTP(S) registry (OCI distribution-spec 1.1).

mod ask;
mod auth;
mod blobs;
mod credentials;
mod download;
mod host;
mod upload;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::oci::{Index, is_index, is_manifest, media};
use lockgate_model::ports::{BlobStream, FetchedManifest, Pending, PortError, Staged, Trouble};
use lockgate_model::{Descriptor, Digest, json, limits};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LINK, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

pub use ask::{Answered, Question};
pub use download::{Downloaded, Version, check_address};
pub(crate) use host::Host;
use host::{Body, Call};

use crate::limits as own_limits;
use crate::place::{Opener, Place, Put};
use crate::stream::Pieces;
use crate::verified::check;

/// The manifests that are asked for.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// What registries without the referrers API answer (distribution-spec, "Listing Referrers"): 404, and some others.
const NO_API: [StatusCode; 3] =
    [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::BAD_REQUEST];

/// One repository.
#[derive(Clone)]
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
        Call {
            method,
            url,
            headers: Vec::new(),
            body: Body::Bytes(Bytes::new()),
            repository: &self.repository,
            push: false,
            queues: true,
        }
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
        let at =
            self.at(&if reference.contains(':') { format!("@{reference}") } else { format!(":{reference}") });
        let answer = self.host.read(call, &[StatusCode::NOT_FOUND], limits::MANIFEST_BYTES, &at).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let media_type = content_type(&answer.headers);
        if !is_manifest(&media_type) && !is_index(&media_type) {
            let reason = format!("it is served as `{}`", media_type.chars().take(100).collect::<String>());
            let help = "Lockgate reads OCI and Docker (schema 2) image manifests and indexes: push it as one of these";
            return Err(PortError::new(Trouble::Unsupported, at, reason, help));
        }
        Ok(Some(FetchedManifest { media_type, bytes: answer.body }))
    }

    async fn list(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, PortError> {
        let at = self.at(&format!("@{subject}"));
        let mut url = self.url(&format!("referrers/{subject}"))?;
        let mut found = Vec::new();
        for _ in 0..own_limits::PAGES {
            let mut call = self.call(Method::GET, url.clone());
            call.headers.push((ACCEPT, media::OCI_INDEX.to_owned()));
            let answer = self.host.read(call, &NO_API, limits::MANIFEST_BYTES, &at).await?;
            if NO_API.contains(&answer.status) || content_type(&answer.headers) != media::OCI_INDEX {
                return Ok(None);
            }
            let following = next_page(&answer.headers, &url);
            let bytes = answer.body;
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
        let response = self.host.send(&mut call).await?;
        let at = self.at(&format!(":{reference}"));
        let response = self.host.expect(response, &[StatusCode::CREATED, StatusCode::OK], &at).await?;
        Ok(response.headers().contains_key("OCI-Subject"))
    }
}

/// The media type, without its parameters.
fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_owned()
}

/// Where a response sends to, against the address it came from.
fn location(response: &Response, from: &Url) -> Option<Url> {
    from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// The next page of a list (RFC 8288, `rel="next"`).
fn next_page(headers: &HeaderMap, from: &Url) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
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
            let found = self.get_manifest(&digest.to_string()).await?;
            let Some(manifest) = found else { return Ok(None) };
            check(&self.name(), &manifest.bytes, digest)?;
            Ok(Some(manifest))
        })
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        Box::pin(blobs::download(self, blob))
    }

    fn blob_range<'a>(&'a self, blob: &'a Descriptor, range: Range<u64>) -> Pending<'a, Bytes> {
        Box::pin(blobs::range(self, blob, range))
    }

    fn has_blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, bool> {
        Box::pin(blobs::has(self, blob))
    }

    fn put_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        source: Opener<'a, 'a>,
        mount_from: Option<&'a str>,
    ) -> Pending<'a, Put> {
        Box::pin(upload::upload(self, blob, source, mount_from))
    }

    fn stage<'a>(&'a self, blob: &'a Descriptor, bytes: BlobStream) -> Pending<'a, Option<Box<dyn Staged>>> {
        Box::pin(async move { Ok(Some(upload::stage(self, blob, bytes).await?)) })
    }

    fn put_bytes<'a>(&'a self, blob: &'a Descriptor, bytes: Bytes) -> Pending<'a, ()> {
        Box::pin(async move {
            let source = move || -> Pending<'static, BlobStream> {
                let bytes = bytes.clone();
                Box::pin(async move { Ok(Box::pin(Pieces(bytes)) as BlobStream) })
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
