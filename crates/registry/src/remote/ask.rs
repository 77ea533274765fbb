//! Services of the web, such as certificate authorities and logs: one question, one answer that is read whole. No redirects,
//! and no credentials but those that come with the question.

use std::net::IpAddr;

use bytes::Bytes;
use lockgate_model::ports::{PortError, Trouble};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

use super::download::{authority, check_address};
use super::host::{Body, Call, Host};
use crate::{Registries, limits};

/// What a service is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The address: https, or http of this machine or of a host that is known to have no TLS.
    pub address: &'a str,
    /// The media type that is wanted.
    pub accept: &'a str,
    /// What is sent, and its media type; without it, the address is read.
    pub body: Option<(&'a str, &'a [u8])>,
    /// A bearer token for this address alone.
    pub bearer: Option<&'a str>,
    /// Largest answer, in bytes.
    pub limit: usize,
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The answer.
    Whole(Bytes),
    /// It has what was sent already (409): where, when it says so.
    Existing(Option<String>),
}

impl Registries {
    /// Asks a service.
    ///
    /// Errors: the address is not allowed; the service does not answer, fails, answers too much, or sends elsewhere.
    pub async fn ask(&self, question: &Question<'_>) -> Result<Answered, PortError> {
        let address = question.address;
        let refused = |reason: String| {
            PortError::new(Trouble::Denied, address, reason, "give an address that is served over TLS")
        };
        let url = Url::parse(address).map_err(|error| refused(error.to_string()))?;
        let known = |name: &str| self.settings.hosts.iter().any(|host| host.host == name && host.plain_http);
        check_address(address, |name| is_here(&url) || known(name)).map_err(refused)?;
        let name = authority(&url).ok_or_else(|| refused("it names no host".to_owned()))?;
        let host = self.host(&name)?;
        let mut call = Call {
            method: if question.body.is_some() { Method::POST } else { Method::GET },
            url,
            headers: vec![(ACCEPT, question.accept.to_owned())],
            body: Body::Bytes(Bytes::copy_from_slice(question.body.map_or(&[], |(_, body)| body))),
            repository: "",
            push: false,
            queues: true,
        };
        if let Some((media_type, _)) = question.body {
            call.headers.push((CONTENT_TYPE, media_type.to_owned()));
        }
        if let Some(bearer) = question.bearer {
            call.headers.push((AUTHORIZATION, format!("Bearer {bearer}")));
        }
        let response = host.deliver(&mut call, None).await?;
        match response.status() {
            StatusCode::OK | StatusCode::CREATED => {
                host.body(response, question.limit, address).await.map(Answered::Whole)
            }
            StatusCode::CONFLICT => {
                let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                Ok(Answered::Existing(location.map(str::to_owned)))
            }
            _ => Err(refusal(&host, response, address).await),
        }
    }
}

/// Whether the address is of this machine.
fn is_here(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// What the service says when it does not do what it is asked.
async fn refusal(host: &Host, response: Response, address: &str) -> PortError {
    let status = response.status();
    if status.is_redirection() {
        let reason = format!("the service sends elsewhere ({status}), which is not followed");
        return PortError::new(Trouble::Denied, address, reason, "give the address that it sends to");
    }
    let body = host.body(response, limits::ERROR_BYTES, address).await.unwrap_or_default();
    let message = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let message = message.and_then(|value| value.get("message")?.as_str().map(str::to_owned));
    let said = message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
    let (trouble, help) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            (Trouble::Denied, "the service does not accept what was sent: is the identity token for it?")
        }
        StatusCode::NOT_FOUND => (Trouble::NotFound, "look at the address"),
        status if status.is_server_error() => (Trouble::Unavailable, "look at the service, then try again"),
        _ => (Trouble::Other, ""),
    };
    let said = if said.is_empty() { said } else { format!(": {said}") };
    PortError::new(trouble, address, format!("the service answers {status}{said}"), help)
}
