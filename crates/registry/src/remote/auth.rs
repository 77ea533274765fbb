//! Answers a registry's challenges: Basic, and Bearer tokens (distribution, "Token Authentication Specification").
//!
//! Credentials go to the registry itself, and to a token server on another host only when that host was named
//! (GHSA-xf85-363p-868w, GHSA-jxpm-75mh-9fp7).

use std::collections::BTreeMap;
use std::sync::Mutex;

use data_encoding::BASE64;
use lockgate_model::ports::{PortError, Trouble};
use reqwest::header::AUTHORIZATION;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::credentials;
use super::host::Host;
use crate::settings::Credentials;

/// Largest answer of a token server, in bytes.
const TOKEN_BYTES: usize = 1 << 20;

/// What is known to open a host's repositories: by repository and whether it may write.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<(String, bool), String>>);

/// A challenge (RFC 9110, section 11.6.1).
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Tokens {
    /// The header that opened the repository before.
    pub(super) fn known(&self, repository: &str, push: bool) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&(repository.to_owned(), push)).cloned()
    }

    fn keep(&self, repository: &str, push: bool, header: String) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.insert((repository.to_owned(), push), header);
    }

    /// Gets what the challenges ask for.
    pub(super) async fn answer(
        &self,
        host: &Host,
        challenges: &[String],
        repository: &str,
        push: bool,
    ) -> Result<(), PortError> {
        let credentials = credentials::of(host).await?;
        let mut read = challenges.iter().filter_map(|text| read(text));
        let challenge = read.next().ok_or_else(|| {
            let reason = "the registry refuses and does not say how to log in";
            PortError::new(Trouble::Denied, host.name(), reason, "look at the registry")
        })?;
        let header = match (challenge, credentials) {
            (Challenge::Basic, Some(credentials)) => basic(&credentials),
            (Challenge::Basic, None) => {
                let help = format!("docker login {}", host.name());
                return Err(PortError::new(
                    Trouble::Denied,
                    host.name(),
                    "the registry asks for credentials",
                    help,
                ));
            }
            (Challenge::Bearer { realm, service, scope }, credentials) => {
                let scopes = scopes(scope.as_deref(), repository, push);
                let url = token_url(host, &realm, service.as_deref(), &scopes, credentials.is_some())?;
                format!("Bearer {}", token(host, url, credentials.as_ref()).await?)
            }
        };
        self.keep(repository, push, header);
        Ok(())
    }
}

fn basic(credentials: &Credentials) -> String {
    let pair = format!("{}:{}", credentials.account, credentials.secret);
    format!("Basic {}", BASE64.encode(pair.as_bytes()))
}

/// What the token must open: what the registry names (taking a blob from another repository needs that one too), and
/// in any case the repository itself.
fn scopes(named: Option<&str>, repository: &str, push: bool) -> Vec<String> {
    let own = format!("repository:{repository}:{}", if push { "pull,push" } else { "pull" });
    let others = named.unwrap_or_default().split_whitespace();
    let others = others.filter(|scope| !scope.starts_with(&format!("repository:{repository}:")));
    std::iter::once(own).chain(others.map(str::to_owned)).collect()
}

/// The token server's address, when it may be asked.
fn token_url(
    host: &Host,
    realm: &str,
    service: Option<&str>,
    scopes: &[String],
    has_credentials: bool,
) -> Result<Url, PortError> {
    let denied = |reason: String, help: String| PortError::new(Trouble::Denied, host.name(), reason, help);
    let mut url = Url::parse(realm).map_err(|error| {
        denied(format!("its token server's address is malformed: {error}"), String::new())
    })?;
    let named = || {
        let authority = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        host.own().token_hosts.contains(&authority)
    };
    let scheme_ok = url.scheme() == "https" || (url.scheme() == "http" && host.own().plain_http);
    if !scheme_ok {
        let reason =
            format!("its token server is asked over {}: the token could be read on the way", url.scheme());
        return Err(denied(reason, "let the registry name a token server with https".to_owned()));
    }
    if has_credentials && !host.owns(&url) && !named() {
        let other = url.authority().to_owned();
        let reason = format!("it wants the credentials sent to another host, {other}");
        let help = format!(
            "if that is its token server, say so in lockgate.yaml: registries: [{{host: \"{}\", tokenHosts: [\"{other}\"]}}]",
            host.name()
        );
        return Err(denied(reason, help));
    }
    if let Some(service) = service {
        url.query_pairs_mut().append_pair("service", service);
    }
    for scope in scopes {
        url.query_pairs_mut().append_pair("scope", scope);
    }
    Ok(url)
}

async fn token(host: &Host, url: Url, credentials: Option<&Credentials>) -> Result<String, PortError> {
    let at = format!("token server {}", url.authority());
    let mut request = host.client().get(url);
    if let Some(credentials) = credentials {
        request = request.header(AUTHORIZATION, basic(credentials));
    }
    let response = request.send().await.map_err(|error| {
        PortError::new(
            Trouble::Unavailable,
            at.clone(),
            error.to_string(),
            "look at the token server, then try again",
        )
    })?;
    let response = host.expect(response, &[StatusCode::OK], &at).await?;
    let bytes = host.body(response, TOKEN_BYTES, &at).await?;
    let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
    answer.and_then(|answer| answer.token.or(answer.access_token)).ok_or_else(|| {
        PortError::new(Trouble::Denied, at, "its answer holds no token", "look at the token server")
    })
}

/// Reads one challenge; of another scheme, nothing.
fn read(text: &str) -> Option<Challenge> {
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parameters = BTreeMap::new();
    let mut rest = rest.trim();
    while let Some((name, tail)) = rest.split_once('=') {
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => tail.split_once(',').map_or((tail, ""), |(value, tail)| (value, tail)),
        };
        parameters.insert(name.trim().trim_start_matches(',').trim().to_ascii_lowercase(), value.to_owned());
        rest = tail.trim_start_matches(',').trim();
    }
    Some(Challenge::Bearer {
        realm: parameters.remove("realm")?,
        service: parameters.remove("service"),
        scope: parameters.remove("scope"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_challenges() {
        let text = r#"Bearer realm="https://auth.example.com/token",service="registry, x",scope="repository:a:pull""#;
        let expected = Challenge::Bearer {
            realm: "https://auth.example.com/token".into(),
            service: Some("registry, x".into()),
            scope: Some("repository:a:pull".into()),
        };
        assert_eq!(read(text), Some(expected));
        let asked = scopes(Some("repository:a:pull,push repository:b:pull"), "a", true);
        assert_eq!(asked, ["repository:a:pull,push", "repository:b:pull"]);
        assert_eq!(read("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(read("Negotiate"), None);
        assert_eq!(read("Bearer scope=\"x\""), None);
        assert_eq!(read("Bearer realm=\"x"), None);
    }
}
