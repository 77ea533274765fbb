//! Files of the web, such as advisories: downloaded within limits, over TLS, and only when they changed.

use std::path::Path;
use std::time::Duration;

use lockgate_model::ports::{PortError, Trouble};
use lockgate_model::{Digest, Hasher};
use reqwest::header::{ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Method, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::host::{Body, Call, body_of};
use super::location;
use crate::{Registries, limits};

/// What a server calls the bytes that it gave (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Version {
    /// Its `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// What came of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Downloaded {
    /// The server has what is known already.
    Unchanged,
    /// The file was written.
    File {
        /// What the server calls it.
        version: Version,
        /// Digest of the bytes, computed here.
        digest: Digest,
        /// How many they are.
        bytes: u64,
    },
}

/// Whether an address may be downloaded: over TLS, or from a host for which `plain_http` says that it has none. The error
/// says what is wrong with it.
pub fn check_address(address: &str, plain_http: impl Fn(&str) -> bool) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| format!("`{address}` is not an address: {error}"))?;
    let host = authority(&url).ok_or_else(|| format!("`{address}` names no host"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address with a password is not taken: it would be recorded".to_owned());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if plain_http(&host) => Ok(()),
        "http" => Err(format!(
            "`{host}` is asked over TLS only: write https, or list it with `plainHttp: true` under `registries`"
        )),
        other => Err(format!("`{other}:` is not downloaded: write https")),
    }
}

/// The host with its port, where it is not the scheme's own.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(url.port().map_or(host.to_owned(), |port| format!("{host}:{port}")))
}

impl Registries {
    /// Downloads the file at `address` to `to`, unless it still is the `known` version. No credentials are sent.
    ///
    /// Errors: the address is not allowed, or leads to one that is not; the server fails; the file is larger or takes
    /// longer than [`Settings`](crate::Settings) allow. Then `to` may hold a part of it.
    pub async fn download(&self, address: &str, known: &Version, to: &Path) -> Result<Downloaded, PortError> {
        let within = self.settings.download_time;
        let downloaded = tokio::time::timeout(within, self.download_again(address, known, to)).await;
        downloaded.unwrap_or_else(|_| Err(too_long(address, within)))
    }

    /// From the beginning again where it broke off.
    async fn download_again(
        &self,
        address: &str,
        known: &Version,
        to: &Path,
    ) -> Result<Downloaded, PortError> {
        let mut attempt = 1;
        loop {
            let (host, response) = self.follow(address, known).await?;
            if response.status() == StatusCode::NOT_MODIFIED && *known != Version::default() {
                return Ok(Downloaded::Unchanged);
            }
            let response = answered(address, response)?;
            match self.write(address, &host, response, to).await {
                Err(error) if error.trouble == Trouble::Unavailable && attempt < self.settings.attempts => {
                    tokio::time::sleep(host.pause(attempt, None)).await;
                    attempt += 1;
                }
                written => return written,
            }
        }
    }

    /// The bytes at `address`, when there are at most `limit` of them; nothing when the server has no such file, or does not
    /// say whether it has (403, as object stores do). No credentials are sent.
    ///
    /// Errors: as [`Self::download`].
    pub async fn fetch(&self, address: &str, limit: usize) -> Result<Option<Vec<u8>>, PortError> {
        let within = self.settings.download_time;
        let fetched = tokio::time::timeout(within, self.fetch_again(address, limit)).await;
        fetched.unwrap_or_else(|_| Err(too_long(address, within)))
    }

    async fn fetch_again(&self, address: &str, limit: usize) -> Result<Option<Vec<u8>>, PortError> {
        let mut attempt = 1;
        loop {
            let (host, response) = self.follow(address, &Version::default()).await?;
            if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN) {
                return Ok(None);
            }
            let response = answered(address, response)?;
            match read(address, &host, response, limit).await {
                Err(error) if error.trouble == Trouble::Unavailable && attempt < self.settings.attempts => {
                    tokio::time::sleep(host.pause(attempt, None)).await;
                    attempt += 1;
                }
                bytes => return bytes.map(Some),
            }
        }
    }

    /// The answer, where the redirects end.
    async fn follow(
        &self,
        address: &str,
        known: &Version,
    ) -> Result<(std::sync::Arc<super::Host>, Response), PortError> {
        let refused = |reason: String| {
            let help = "give the address of a file that is served over TLS";
            PortError::new(Trouble::Denied, address, reason, help)
        };
        let headers = conditions(known);
        let mut url = Url::parse(address).map_err(|error| refused(error.to_string()))?;
        for _ in 0..=limits::REDIRECTS {
            let plain_http =
                |name: &str| self.settings.hosts.iter().any(|host| host.host == name && host.plain_http);
            check_address(url.as_str(), plain_http).map_err(refused)?;
            let name = authority(&url).ok_or_else(|| refused("it names no host".to_owned()))?;
            let host = self.host(&name)?;
            let mut call = Call {
                method: Method::GET,
                url: url.clone(),
                headers: headers.clone(),
                body: Body::Bytes(bytes::Bytes::new()),
                repository: "",
                push: false,
                queues: true,
            };
            let response = host.deliver(&mut call, None).await?;
            let moved = response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED;
            if !moved {
                return Ok((host, response));
            }
            url = location(&response, &url)
                .ok_or_else(|| refused("it is moved, and nothing says where to".to_owned()))?;
        }
        Err(refused(format!("it is moved more than {} times", limits::REDIRECTS)))
    }

    async fn write(
        &self,
        address: &str,
        host: &super::Host,
        response: Response,
        to: &Path,
    ) -> Result<Downloaded, PortError> {
        let trouble = |error: std::io::Error| {
            let full = error.kind() == std::io::ErrorKind::StorageFull;
            let kind = if full { Trouble::Full } else { Trouble::Other };
            PortError::new(
                kind,
                to.display().to_string(),
                error.to_string(),
                "look at the disk and the folder",
            )
        };
        let limit = self.settings.download_bytes;
        let too_large = || {
            let reason = format!("it has more than {limit} bytes");
            PortError::new(Trouble::TooLarge, address, reason, "look at the address: no feed is as large")
        };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let header = |name: HeaderName| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let version = Version { etag: header(ETAG), last_modified: header(LAST_MODIFIED) };
        let file = tokio::fs::File::create(to).await.map_err(trouble)?;
        let mut file = BufWriter::with_capacity(limits::WRITE, file);
        let (mut hasher, mut bytes) = (Hasher::new(), 0_u64);
        let mut stream = body_of(response, address.to_owned());
        while let Some(chunk) = host.next(&mut stream, address).await {
            let chunk = chunk?;
            bytes += chunk.len() as u64;
            if bytes > limit {
                return Err(too_large());
            }
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(trouble)?;
        }
        file.flush().await.map_err(trouble)?;
        file.get_ref().sync_all().await.map_err(trouble)?;
        Ok(Downloaded::File { version, digest: hasher.finish(), bytes })
    }
}

fn too_long(address: &str, within: Duration) -> PortError {
    let reason = format!("the download takes longer than {within:?}");
    PortError::new(Trouble::Unavailable, address, reason, "look at the network, then try again")
}

async fn read(
    address: &str,
    host: &super::Host,
    response: Response,
    limit: usize,
) -> Result<Vec<u8>, PortError> {
    let too_large = || {
        let reason = format!("it has more than {limit} bytes");
        PortError::new(Trouble::TooLarge, address, reason, "look at the address: no such file is as large")
    };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let (mut bytes, mut stream) = (Vec::new(), body_of(response, address.to_owned()));
    while let Some(chunk) = host.next(&mut stream, address).await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > limit {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// The headers that ask for another version than the one known (RFC 9110, section 13.1).
fn conditions(known: &Version) -> Vec<(HeaderName, String)> {
    let etag = known.etag.clone().map(|etag| (IF_NONE_MATCH, etag));
    let since = known.last_modified.clone().map(|since| (IF_MODIFIED_SINCE, since));
    etag.into_iter().chain(since).collect()
}

/// The response, when it has the file.
fn answered(address: &str, response: Response) -> Result<Response, PortError> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    let (trouble, help) = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            (Trouble::NotFound, "look at the address under `feeds` in lockgate.yaml: the file may have moved")
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            Trouble::Denied,
            "feeds are downloaded without credentials: mirror it, or use `lockgate feed import`",
        ),
        _ => (Trouble::Unavailable, "look at the server, then try again"),
    };
    Err(PortError::new(trouble, address, format!("the server answers {status}"), help))
}

#[cfg(test)]
mod tests {
    use super::check_address;

    #[test]
    fn addresses_are_of_tls_unless_their_host_is_known_to_have_none() {
        let check = |address| check_address(address, |host| host == "plain.example:8080");
        for good in
            ["https://example.com/all.zip", "https://example.com:8443/a?b=c", "http://plain.example:8080/a"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("http://example.com/a", "over TLS only"),
            ("http://plain.example/a", "over TLS only"),
            ("https://ann:secret@example.com/a", "password"),
            ("file:///etc/passwd", "names no host"),
            ("ftp://example.com/a", "write https"),
            ("all.zip", "not an address"),
        ] {
            assert!(check(bad).is_err_and(|said| said.contains(why)), "{bad}: {:?}", check(bad));
        }
    }
}
