//! One registry host: its client, its limits, its retries.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use lockgate_model::ports::{BlobStream, PortError, Trouble};
use reqwest::header::{AUTHORIZATION, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url, redirect};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::auth::Tokens;
use super::collect;
use crate::settings::{HostSettings, Settings};

/// Most bytes of an error's body that are read.
const ERROR_BYTES: usize = 64 << 10;

/// What a request carries.
pub(super) enum Body {
    None,
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
}

/// A registry host.
pub(crate) struct Host {
    name: String,
    base: Url,
    client: Client,
    own: HostSettings,
    settings: Arc<Settings>,
    tokens: Tokens,
    places: Arc<Semaphore>,
}

impl Host {
    pub(crate) fn new(name: &str, settings: Arc<Settings>) -> Result<Self, PortError> {
        let own = settings.hosts.iter().find(|host| host.host == name).cloned().unwrap_or_default();
        let scheme = if own.plain_http { "http" } else { "https" };
        let wrong = |reason: String, help: &str| PortError::new(Trouble::Other, name, reason, help);
        let base = Url::parse(&format!("{scheme}://{name}")).map_err(|error| wrong(error.to_string(), ""))?;
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.timeout)
            .read_timeout(settings.timeout)
            .user_agent(concat!("lockgate/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &own.ca {
            let help = "give a file of certificates in PEM under `ca` in lockgate.yaml";
            let found = Certificate::from_pem_bundle(ca).map_err(|error| wrong(error.to_string(), help))?;
            client = client.tls_certs_merge(found);
        }
        let client = client.build().map_err(|error| wrong(error.to_string(), ""))?;
        let places = Arc::new(Semaphore::new(settings.concurrency.max(1)));
        Ok(Self { name: name.to_owned(), base, client, own, settings, tokens: Tokens::default(), places })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
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
    pub(super) async fn send(&self, mut call: Call<'_>) -> Result<Response, PortError> {
        let mut authorised = false;
        let mut attempt = 1;
        loop {
            let again = !matches!(call.body, Body::Stream(..));
            let own = self.owns(&call.url);
            let permit = self.places.clone().acquire_owned().await.ok();
            let sent = self.send_once(&mut call, own).await;
            drop::<Option<OwnedSemaphorePermit>>(permit);
            let pause = match sent {
                Ok(response)
                    if response.status() == StatusCode::UNAUTHORIZED && own && !authorised && again =>
                {
                    authorised = true;
                    let challenge = response.headers().get_all(WWW_AUTHENTICATE);
                    let challenges: Vec<_> =
                        challenge.iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
                    self.tokens.answer(self, &challenges, call.repository, call.push).await?;
                    continue;
                }
                Ok(response) if again && attempt < self.settings.attempts && may_help(response.status()) => {
                    self.pause(attempt, retry_after(&response))
                }
                Ok(response) => return Ok(response),
                Err(error) if again && attempt < self.settings.attempts && !is_tls(&error) => {
                    self.pause(attempt, None)
                }
                Err(error) => return Err(self.unreachable(&error)),
            };
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn send_once(&self, call: &mut Call<'_>, own: bool) -> Result<Response, reqwest::Error> {
        let mut request = self.client.request(call.method.clone(), call.url.clone());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if own && let Some(authorization) = self.tokens.known(call.repository, call.push) {
            request = request.header(AUTHORIZATION, authorization);
        }
        request = match &mut call.body {
            Body::None => request,
            Body::Bytes(bytes) => request.body(bytes.clone()),
            Body::Stream(stream, length) => {
                let stream = std::mem::replace(stream, Box::pin(crate::verified::Once(None)));
                let request = request.header(reqwest::header::CONTENT_LENGTH, *length);
                request.body(reqwest::Body::wrap_stream(stream))
            }
        };
        request.send().await
    }

    /// How long to wait before the next attempt: as the registry says, or twice as long each time, less a random
    /// part, so that many clients do not come back at once.
    fn pause(&self, attempt: u32, told: Option<Duration>) -> Duration {
        if let Some(told) = told {
            return told.min(self.settings.longest_pause);
        }
        let full = self.settings.pause.saturating_mul(1 << attempt.min(16)).min(self.settings.longest_pause);
        let mut random = [0; 1];
        // Without randomness the pause is whole.
        let part =
            getrandom::fill(&mut random).map_or(0, |()| u32::from(random.first().copied().unwrap_or(0)));
        full.saturating_sub(full / 2 * part / 255)
    }

    fn unreachable(&self, error: &reqwest::Error) -> PortError {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            reason = inner.to_string();
            source = inner.source();
        }
        let help = if is_tls(error) {
            format!(
                "name the registry's certificate authority in lockgate.yaml: registries: [{{host: \"{}\", ca: FILE}}]",
                self.name
            )
        } else if error.is_timeout() {
            "it does not answer: look at the registry and the network, then try again".to_owned()
        } else {
            format!(
                "look at the name and the network; a registry without TLS needs `plainHttp: true` for {}",
                self.name
            )
        };
        let reason =
            if error.is_timeout() { format!("no answer within {:?}", self.settings.timeout) } else { reason };
        PortError::new(Trouble::Unavailable, self.name.clone(), reason, help)
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
        let body = self.body(response, ERROR_BYTES, at).await.unwrap_or_default();
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

    /// At most `limit` bytes of a response's body.
    pub(super) async fn body(&self, response: Response, limit: usize, at: &str) -> Result<Bytes, PortError> {
        collect(self.stream(response, at.to_owned()), limit, at).await
    }

    /// A response's body as it comes.
    pub(super) fn stream(&self, response: Response, at: String) -> BlobStream {
        Box::pin(Download { inner: Box::pin(response.bytes_stream()), at, timeout: self.settings.timeout })
    }
}

/// The body of a download, its errors in Lockgate's words.
struct Download {
    inner: Pin<Box<dyn Stream<Item = Result<Bytes, reqwest::Error>> + Send>>,
    at: String,
    timeout: Duration,
}

impl Stream for Download {
    type Item = Result<Bytes, PortError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(context).map(|item| {
            item.map(|chunk| {
                chunk.map_err(|error| {
                    let reason = if error.is_timeout() {
                        format!("nothing more came within {:?}", self.timeout)
                    } else {
                        format!("the download broke off: {error}")
                    };
                    PortError::new(Trouble::Unavailable, self.at.clone(), reason, "try again")
                })
            })
        })
    }
}

/// Overload, or trouble that may pass.
fn may_help(status: StatusCode) -> bool {
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
fn retry_after(response: &Response) -> Option<Duration> {
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
