//! Answers a registry's challenges: Basic, and Bearer tokens (distribution, "Token Authentication Specification" and
//! "OAuth2 Token Authentication").
//!
//! Credentials go to the registry itself, and to a token server on another host only when that host was named
//! (GHSA-xf85-363p-868w, GHSA-jxpm-75mh-9fp7).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use data_encoding::BASE64;
use lockgate_model::ports::{PortError, Trouble};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::credentials::{self, Login};
use super::host::{Body, Call, Host};
use crate::limits;
use crate::settings::Credentials;

/// What is known to open a host's repositories: by repository and whether it may write.
#[derive(Default)]
pub(super) struct Tokens {
    known: Mutex<BTreeMap<(String, bool), String>>,
    /// Held while a challenge is answered, so that requests that were refused together log in once.
    answering: tokio::sync::Mutex<()>,
}

/// A challenge (RFC 9110, section 11.6.1).
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer(Bearer),
}

/// Where a token is to be had, and for what.
#[derive(Debug, PartialEq, Eq)]
struct Bearer {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Tokens {
    /// The header that opened the repository before.
    pub(super) fn known(&self, repository: &str, push: bool) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(repository.to_owned(), push)).cloned()
    }

    /// The header that the challenges ask for, to read the repository or to push to it. `refused` is the one that did not do.
    pub(super) async fn answer(
        &self,
        host: &Host,
        challenges: &[String],
        (repository, push): (&str, bool),
        refused: Option<&str>,
    ) -> Result<String, PortError> {
        let _one = self.answering.lock().await;
        if let Some(newer) = self.known(repository, push)
            && refused != Some(&newer)
        {
            return Ok(newer);
        }
        let header = ask(host, challenges, repository, push).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((repository.to_owned(), push), header.clone());
        Ok(header)
    }
}

async fn ask(host: &Host, challenges: &[String], repository: &str, push: bool) -> Result<String, PortError> {
    let denied = |reason: &str, help: String| PortError::new(Trouble::Denied, host.name(), reason, help);
    let challenge = challenges.iter().find_map(|text| read(text)).ok_or_else(|| {
        denied("the registry refuses and does not say how to log in", "look at the registry".to_owned())
    })?;
    let login = credentials::of(host).await?;
    let invitation = || format!("docker login {}", host.name());
    match (challenge, login) {
        (Challenge::Basic, Some(Login::Password(credentials))) => Ok(basic(&credentials)),
        (Challenge::Basic, None) => Err(denied("the registry asks for credentials", invitation())),
        (Challenge::Basic, Some(Login::Identity(_))) => {
            Err(denied("the registry asks for a password, and the login is an identity token", invitation()))
        }
        (Challenge::Bearer(bearer), login) => {
            let scopes = scopes(bearer.scope.as_deref(), repository, push);
            let url = token_url(host, &bearer.realm, login.is_some())?;
            let request = token_request(url, bearer.service.as_deref(), &scopes, login.as_ref(), repository);
            Ok(format!("Bearer {}", token(host, request).await?))
        }
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
fn token_url(host: &Host, realm: &str, has_login: bool) -> Result<Url, PortError> {
    let denied = |reason: String, help: String| PortError::new(Trouble::Denied, host.name(), reason, help);
    let url = Url::parse(realm).map_err(|error| {
        denied(format!("its token server's address is malformed: {error}"), "look at the registry".to_owned())
    })?;
    let secure = url.scheme() == "https" || (url.scheme() == "http" && host.own().plain_http);
    if !secure {
        let reason =
            format!("its token server is asked over {}: the token could be read on the way", url.scheme());
        return Err(denied(reason, "let the registry name a token server with https".to_owned()));
    }
    let other = authority(&url);
    if has_login && !host.owns(&url) && !host.own().token_hosts.contains(&other) {
        let reason = format!("it wants the credentials sent to another host, {other}");
        let help = format!(
            "if that is its token server, say so in lockgate.yaml: registries: [{{host: \"{}\", tokenHosts: [\"{other}\"]}}]",
            host.name()
        );
        return Err(denied(reason, help));
    }
    Ok(url)
}

/// Host and port, without what may stand before them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A GET with Basic credentials or none; an identity token is exchanged by a POST.
fn token_request<'a>(
    mut url: Url,
    service: Option<&str>,
    scopes: &[String],
    login: Option<&Login>,
    repository: &'a str,
) -> Call<'a> {
    let mut headers = Vec::new();
    let (mut method, mut body) = (Method::GET, Bytes::new());
    if let Some(Login::Identity(token)) = login {
        // The query of an address is written as a form is.
        let mut form = url.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service.unwrap_or_default())
            .append_pair("client_id", "lockgate")
            .append_pair("scope", &scopes.join(" "))
            .append_pair("refresh_token", token);
        headers.push((CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned()));
        (method, body) = (Method::POST, form.query().unwrap_or_default().to_owned().into());
    } else {
        let asked = service.map(|service| ("service", service)).into_iter();
        url.query_pairs_mut().extend_pairs(asked.chain(scopes.iter().map(|scope| ("scope", scope.as_str()))));
        if let Some(Login::Password(credentials)) = login {
            headers.push((AUTHORIZATION, basic(credentials)));
        }
    }
    Call { method, url, headers, body: Body::Bytes(body), repository, push: false, queues: false }
}

async fn token(host: &Host, mut request: Call<'_>) -> Result<String, PortError> {
    let at = format!("token server {}", authority(&request.url));
    let response =
        host.deliver(&mut request, None).await.map_err(|error| PortError { place: at.clone(), ..error })?;
    let response = host.expect(response, &[StatusCode::OK], &at).await?;
    let bytes = host.body(response, limits::TOKEN_BYTES, &at).await?;
    let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
    let token =
        answer.and_then(|answer| answer.token.or(answer.access_token)).filter(|token| !token.is_empty());
    token.ok_or_else(|| {
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
        parameters.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = tail.trim_start().trim_start_matches(',').trim();
    }
    Some(Challenge::Bearer(Bearer {
        realm: parameters.remove("realm")?,
        service: parameters.remove("service"),
        scope: parameters.remove("scope"),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_challenges() {
        let text = r#"Bearer realm="https://auth.example.com/token",service="registry, x" , scope=repository:a:pull"#;
        let expected = Bearer {
            realm: "https://auth.example.com/token".into(),
            service: Some("registry, x".into()),
            scope: Some("repository:a:pull".into()),
        };
        assert_eq!(read(text), Some(Challenge::Bearer(expected)));
        assert_eq!(read("Basic realm=\"x\""), Some(Challenge::Basic));
        for bad in ["Negotiate", "Bearer scope=\"x\"", "Bearer realm=\"x", "Bearer", ""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn asks_for_the_repository_itself_and_what_a_mount_needs() {
        let asked = scopes(Some("repository:a:pull,push repository:b:pull"), "a", true);
        assert_eq!(asked, ["repository:a:pull,push", "repository:b:pull"]);
        assert_eq!(scopes(None, "a", false), ["repository:a:pull"]);
    }

    #[test]
    fn names_hosts_without_what_stands_before_them() {
        let of = |text: &str| authority(&Url::parse(text).unwrap());
        assert_eq!(of("https://good.example.com@evil.example.com/token"), "evil.example.com");
        assert_eq!(of("https://evil.example.com:8443/good.example.com"), "evil.example.com:8443");
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(text in "(Bearer )?([a-z]{0,6}=\"?[^\"]{0,8}\"?,? ?){0,5}\\PC{0,20}") {
            let _read = read(&text);
        }
    }
}
