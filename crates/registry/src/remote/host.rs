//! One registry host: its client, its limits, its retries.

use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url, redirect};
use tokio::sync::{Semaphore, watch};

use super::auth::Tokens;
use crate::limits;
use crate::settings::{HostSettings, Settings};
use crate::stream::{Broke, Pieces, Sent, next};

/// What a request carries.
pub(super) enum Body {
    Bytes(Bytes),
    /// A stream of that many bytes. It cannot be sent twice: the caller tries again.
    Stream(BlobStream, u64),
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Body,
    /// The repository that credentials are asked for.
    pub(super) repository: &'a str,
    /// Whether it writes.
    pub(super) push: bool,
    /// Whether it waits until fewer requests are under way. What others that are under way wait for does not.
    pub(super) queues: bool,
}

/// An answer that was read whole.
pub(super) struct Whole {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no response.
enum Failed {
    Http(reqwest::Error),
    /// Nothing moved for as long as may be waited.
    Silent,
    /// The body could not be read: the trouble is elsewhere.
    Source(PortError),
}

/// A registry host.
pub(crate) struct Host {
    name: String,
    base: Url,
    client: Client,
    own: HostSettings,
    settings: Arc<Settings>,
    tokens: Tokens,
    places: Semaphore,
}

impl Host {
    pub(crate) fn new(name: &str, settings: Arc<Settings>) -> Result<Self, PortError> {
        let own = settings.hosts.iter().find(|host| host.host == name).cloned().unwrap_or_default();
        let scheme = if own.plain_http { "http" } else { "https" };
        let wrong = |reason: String, help: &str| PortError::new(Trouble::Other, name, reason, help);
        let base = Url::parse(&format!("{scheme}://{name}")).map_err(|error| wrong(error.to_string(), ""))?;
        // The client's own read timeout would end an upload that goes on for longer: `deliver` keeps the time.
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.timeout)
            .user_agent(concat!("lockgate/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &own.ca {
            let help = "give a file of certificates in PEM under `ca` in lockgate.yaml";
            let found = Certificate::from_pem_bundle(ca).map_err(|error| wrong(error.to_string(), help))?;
            if found.is_empty() {
                return Err(wrong("its `ca` holds no certificate".to_owned(), help));
            }
            client = client.tls_certs_merge(found);
        }
        let client = client.build().map_err(|error| wrong(error.to_string(), ""))?;
        let places = Semaphore::new(settings.concurrency.max(1));
        Ok(Self { name: name.to_owned(), base, client, own, settings, tokens: Tokens::default(), places })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn own(&self) -> &HostSettings {
        &self.own
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, PortError> {
        self.base.join(path).map_err(|error| {
            PortError::new(Trouble::Other, format!("{}{path}", self.name), error.to_string(), "")
        })
    }

    /// Whether an address is this registry's own: the same scheme, host and port.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Sends a request, with credentials when it goes to this registry, and again when that may help.
    pub(super) async fn send(&self, call: &mut Call<'_>) -> Result<Response, PortError> {
        if !self.owns(&call.url) {
            return self.deliver(call, None).await;
        }
        let known = self.tokens.known(call.repository, call.push);
        let response = self.deliver(call, known.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let challenges = response.headers().get_all(WWW_AUTHENTICATE);
        let challenges: Vec<_> =
            challenges.iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
        self.drain(response).await;
        let opens = (call.repository, call.push);
        let header = self.tokens.answer(self, &challenges, opens, known.as_deref()).await?;
        if matches!(call.body, Body::Stream(..)) {
            let reason = "the login ended during the upload";
            return Err(PortError::new(Trouble::Unavailable, self.name.clone(), reason, "try again"));
        }
        self.deliver(call, Some(header)).await
    }

    /// Sends a request with this `Authorization`, and again when that may help.
    pub(super) async fn deliver(
        &self,
        call: &mut Call<'_>,
        authorization: Option<String>,
    ) -> Result<Response, PortError> {
        let mut attempt = 1;
        loop {
            let permit = if call.queues { self.places.acquire().await.ok() } else { None };
            let again = matches!(call.body, Body::Bytes(_)) && attempt < self.settings.attempts;
            let sent = self.send_once(call, authorization.as_deref()).await;
            drop(permit);
            let pause = match sent {
                Ok(response) if again && may_help(response.status()) => {
                    self.pause(attempt, retry_after(&response))
                }
                Ok(response) => return Ok(response),
                Err(Failed::Source(error)) => return Err(error),
                Err(Failed::Http(error)) if !again || is_tls(&error) => return Err(self.unreachable(&error)),
                Err(Failed::Silent) if !again => return Err(self.silent(&self.name)),
                Err(Failed::Http(_) | Failed::Silent) => self.pause(attempt, None),
            };
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn send_once(&self, call: &mut Call<'_>, authorization: Option<&str>) -> Result<Response, Failed> {
        let mut request = self.client.request(call.method.clone(), call.url.clone());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let (waits, waiting) = watch::channel(false);
        let broke = Broke::default();
        let (stream, length) = match &mut call.body {
            Body::Bytes(bytes) if bytes.len() <= limits::PIECE => {
                drop(waits);
                return self.answered(request.body(bytes.clone()), waiting, &broke).await;
            }
            Body::Bytes(bytes) => (Box::pin(Pieces(bytes.clone())) as BlobStream, bytes.len() as u64),
            Body::Stream(stream, length) => {
                (std::mem::replace(stream, Box::pin(Pieces(Bytes::new()))), *length)
            }
        };
        let body = reqwest::Body::wrap_stream(Sent { inner: stream, waits, broke: broke.clone() });
        self.answered(request.header(CONTENT_LENGTH, length).body(body), waiting, &broke).await
    }

    /// Waits for the answer: one time-out from when the upload last moved. While its source is waited for, the source's
    /// own time-out counts.
    async fn answered(
        &self,
        request: reqwest::RequestBuilder,
        mut waiting: watch::Receiver<bool>,
        broke: &Broke,
    ) -> Result<Response, Failed> {
        let mut sending = pin!(request.send());
        let mut uploading = true;
        loop {
            let for_source = uploading && *waiting.borrow_and_update();
            tokio::select! {
                sent = &mut sending => return sent.map_err(|error| {
                    let source = broke.lock().unwrap_or_else(PoisonError::into_inner).take();
                    source.map_or(Failed::Http(error), Failed::Source)
                }),
                moved = waiting.changed(), if uploading => uploading = moved.is_ok(),
                () = tokio::time::sleep(self.settings.timeout), if !for_source => return Err(Failed::Silent),
            }
        }
    }

    /// How long to wait before the next attempt: as the registry says, or twice as long each time, less a random
    /// part, so that many clients do not come back at once.
    pub(super) fn pause(&self, attempt: u32, told: Option<Duration>) -> Duration {
        if let Some(told) = told {
            return told.min(self.settings.longest_pause);
        }
        let doubled = 1 << attempt.saturating_sub(1).min(16);
        let full = self.settings.pause.saturating_mul(doubled).min(self.settings.longest_pause);
        full.saturating_sub(full / 2 * u32::from((self.settings.jitter)()) / 255)
    }

    fn silent(&self, at: &str) -> PortError {
        let reason = format!("no answer within {:?}", self.settings.timeout);
        let help = "it does not answer: look at the registry and the network, then try again";
        PortError::new(Trouble::Unavailable, at, reason, help)
    }

    fn unreachable(&self, error: &reqwest::Error) -> PortError {
        let reason = innermost(error);
        if error.is_timeout() {
            return self.silent(&self.name);
        }
        let help = if is_tls(error) {
            format!(
                "name the registry's certificate authority in lockgate.yaml: registries: [{{host: \"{}\", ca: FILE}}]",
                self.name
            )
        } else {
            format!(
                "look at the name and the network; a registry without TLS needs `plainHttp: true` for {}",
                self.name
            )
        };
        PortError::new(Trouble::Unavailable, self.name.clone(), reason, help)
    }

    /// Sends a request and reads its answer whole, again when that broke off. Of an answer whose status is not OK but one
    /// of `known`, the body is thrown away.
    pub(super) async fn read(
        &self,
        mut call: Call<'_>,
        known: &[StatusCode],
        limit: usize,
        at: &str,
    ) -> Result<Whole, PortError> {
        let mut attempt = 1;
        loop {
            let response = self.send(&mut call).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            if known.contains(&status) {
                self.drain(response).await;
                return Ok(Whole { status, headers, body: Bytes::new() });
            }
            let response = self.expect(response, &[StatusCode::OK], at).await?;
            match self.body(response, limit, at).await {
                Ok(body) => return Ok(Whole { status, headers, body }),
                Err(error) if error.trouble == Trouble::Unavailable && attempt < self.settings.attempts => {
                    tokio::time::sleep(self.pause(attempt, None)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what nobody needs, so that the connection can be used again.
    async fn drain(&self, response: Response) {
        let _nobody_needs_it = self.body(response, limits::ERROR_BYTES, &self.name).await;
    }

    /// The response, when its status is one of `good`; else what the registry said, in words.
    pub(super) async fn expect(
        &self,
        response: Response,
        good: &[StatusCode],
        at: &str,
    ) -> Result<Response, PortError> {
        let status = response.status();
        if good.contains(&status) {
            return Ok(response);
        }
        let told =
            retry_after(&response).map(|pause| format!(" (it asks to wait {pause:?})")).unwrap_or_default();
        let body = self.body(response, limits::ERROR_BYTES, at).await.unwrap_or_default();
        let said = serde_json::from_slice::<serde_json::Value>(&body).ok().and_then(|value| {
            Some(value.pointer("/errors/0/message")?.as_str()?.chars().take(200).collect::<String>())
        });
        let reason = format!(
            "the registry answers {status}{told}{}",
            said.map(|said| format!(": {said}")).unwrap_or_default()
        );
        let (trouble, help) = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
                Trouble::Denied,
                format!("log in with an account that may do this: docker login {}", self.name),
            ),
            StatusCode::NOT_FOUND => (Trouble::NotFound, "look at the repository's name".to_owned()),
            StatusCode::TOO_MANY_REQUESTS => {
                (Trouble::Unavailable, "try again later, or log in: limits are often higher then".to_owned())
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                (Trouble::TooLarge, "the registry or a proxy before it limits sizes".to_owned())
            }
            StatusCode::INSUFFICIENT_STORAGE => (Trouble::Full, "make room in the registry".to_owned()),
            status if status.is_server_error() => {
                (Trouble::Unavailable, "look at the registry, then try again".to_owned())
            }
            _ => (Trouble::Other, String::new()),
        };
        Err(PortError::new(trouble, at, reason, help))
    }

    /// At most `limit` bytes of a response's body, which must come within a few time-outs.
    pub(super) async fn body(&self, response: Response, limit: usize, at: &str) -> Result<Bytes, PortError> {
        let collected = tokio::time::timeout(
            self.settings.timeout.saturating_mul(limits::BODY_TIMEOUTS),
            self.collect(response, limit, at),
        );
        collected.await.unwrap_or_else(|_| Err(self.silent(at)))
    }

    async fn collect(&self, response: Response, limit: usize, at: &str) -> Result<Bytes, PortError> {
        let mut stream = body_of(response, at.to_owned());
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.next(&mut stream, at).await {
            let chunk = chunk?;
            if bytes.len() + chunk.len() > limit {
                let reason = format!("the answer has more than {limit} bytes");
                let help = "look at the registry: nothing that is read whole is as large";
                return Err(PortError::new(Trouble::TooLarge, at, reason, help));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// The next piece of an answer, when it comes in time.
    pub(super) async fn next(&self, stream: &mut BlobStream, at: &str) -> Option<Result<Bytes, PortError>> {
        let within = tokio::time::timeout(self.settings.timeout, next(stream)).await;
        within.unwrap_or_else(|_| Some(Err(self.silent(at))))
    }
}

/// A response's body as it comes, its errors in Lockgate's words.
pub(super) fn body_of(response: Response, at: String) -> BlobStream {
    Box::pin(Download { inner: Box::pin(response.bytes_stream()), at })
}

struct Download {
    inner: Pin<Box<dyn Stream<Item = Result<Bytes, reqwest::Error>> + Send>>,
    at: String,
}

impl Stream for Download {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(context).map(|item| {
            item.map(|chunk| {
                chunk.map_err(|error| {
                    let reason = format!("the download broke off: {}", innermost(&error));
                    PortError::new(Trouble::Unavailable, self.at.clone(), reason, "try again")
                })
            })
        })
    }
}

/// The cause at the bottom of an error, which says most.
fn innermost(error: &reqwest::Error) -> String {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        reason = inner.to_string();
        source = inner.source();
    }
    reason
}

/// Overload, or trouble that may pass.
pub(super) fn may_help(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::REQUEST_TIMEOUT
    )
}

/// `Retry-After` in seconds; a date is passed over.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Trouble with certificates does not pass by itself.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.to_string().contains("certificate") {
            return true;
        }
        source = inner.source();
    }
    false
}
