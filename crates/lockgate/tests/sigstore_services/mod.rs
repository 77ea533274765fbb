//! A Sigstore in this process: an issuer of identity tokens, Fulcio, Rekor (version 1) and a timestamp authority, over HTTP on
//! a loopback port. They are real: tokens and proofs of possession are verified, certificates come with the promise of a
//! certificate log, the log is a Merkle tree with signed checkpoints, timestamps are signed. Their authorities are those
//! of `attest`'s own tests.
//!
//! ```ignore
//! let services = Services::start();
//! fs::write("trusted_root.json", services.trusted_root())?;
//! fs::write("token", services.github_token())?;
//! // lockgate sign IMAGE --keyless --fulcio-url URL --rekor-url URL --timestamp-server-url URL/api/v1/timestamp ...
//! ```
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test may panic, and each uses its part of this"
)]

mod authority;
mod http;
#[path = "../../../attest/tests/common/instance.rs"]
pub(crate) mod instance;
mod log;
mod stamps;
mod tokens;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use http::{Request, Response};
use instance::Instance;
pub(crate) use tokens::{GITHUB_ISSUER, GITHUB_SUBJECT};

/// What a service does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Fulcio: a certificate for a key of its own.
    OtherKey,
    /// Fulcio: no promise to publish the certificate.
    NoPromise,
    /// Fulcio: nothing is said.
    Broken,
    /// Rekor: the first entry of the log, proven, whatever was sent.
    OtherEntry,
    /// Rekor: the entry as it should be, and a proof for another one.
    OtherProof,
    /// Rekor: it says to have the entry already, and where.
    Conflict,
    /// Rekor: an entry that it dates to the day after.
    Tomorrow,
    /// The timestamp authority: a stamp of something else.
    OtherStamp,
    /// The timestamp authority: it does not want to.
    NotGranted,
}

/// The services.
pub(crate) struct Services {
    /// Where all of them are: `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    state: Arc<State>,
}

/// What the services have and know.
struct State {
    instance: Instance,
    issuer: tokens::Issuer,
    log: Mutex<log::Log>,
    lie: Mutex<Option<Lie>>,
}

impl State {
    fn tells(&self, lie: Lie) -> bool {
        *self.lie.lock().unwrap() == Some(lie)
    }
}

/// Now, in seconds.
pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl Services {
    /// Starts them.
    pub(crate) fn start() -> Self {
        // Each has a timestamp authority of its own name: who a stamp is by is told by the name first.
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let stampers = format!("stamp root {}", STARTED.fetch_add(1, Ordering::Relaxed));
        let state = Arc::new(State {
            instance: Instance::at(now(), &stampers),
            issuer: tokens::Issuer::new(),
            log: Mutex::new(log::Log::default()),
            lie: Mutex::new(None),
        });
        let shared = state.clone();
        let url = http::serve(move |request| answer(&shared, &request));
        Self { url, state }
    }

    /// Lets a service lie from now on.
    pub(crate) fn lie(&self, lie: Option<Lie>) {
        *self.state.lie.lock().unwrap() = lie;
    }

    /// `trusted_root.json`.
    pub(crate) fn trusted_root(&self) -> String {
        let instance = &self.state.instance;
        let mut document = instance.document();
        document["tlogs"] = json!([instance.log.trusted()]);
        for list in ["tlogs", "ctlogs"] {
            document[list][0]["publicKey"]["keyDetails"] = json!("PKIX_ECDSA_P256_SHA_256");
        }
        document.to_string()
    }

    /// The signing config that cosign 3 takes in place of addresses.
    pub(crate) fn signing_config(&self) -> String {
        let service = |path: &str| {
            json!([{
                "url": format!("{}{path}", self.url), "majorApiVersion": 1, "operator": "test",
                "validFor": {"start": "2025-01-01T00:00:00Z"},
            }])
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(""), "oidcUrls": service(""), "rekorTlogUrls": service(""),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": service("/api/v1/timestamp"), "tsaConfig": {"selector": "ANY"},
        })
        .to_string()
    }

    /// How `lockgate` is told to sign by them, with timestamps from an address; root and token are in the workspace.
    pub(crate) fn means<'a>(&'a self, stamps: &'a str) -> [&'a str; 11] {
        [
            "--keyless",
            "--fulcio-url",
            &self.url,
            "--rekor-url",
            &self.url,
            "--timestamp-server-url",
            stamps,
            "--trusted-root",
            "trusted_root.json",
            "--identity-token",
            "token",
        ]
    }

    /// The address of the timestamp authority.
    pub(crate) fn stamps(&self) -> String {
        format!("{}/api/v1/timestamp", self.url)
    }

    /// A token of a job of GitHub Actions.
    pub(crate) fn github_token(&self) -> String {
        self.token(&tokens::github())
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.state.issuer.sign(claims)
    }

    /// The claims of a token of GitHub Actions, good for ten minutes.
    pub(crate) fn github_claims() -> Value {
        tokens::github()
    }

    /// Puts a leaf into the log that is about nothing.
    pub(crate) fn log_something(&self) {
        self.state.log.lock().unwrap().push(b"{}");
    }

    /// How many entries the log has.
    pub(crate) fn logged(&self) -> usize {
        self.state.log.lock().unwrap().len()
    }
}

fn answer(state: &State, request: &Request) -> Response {
    let path = request.path.split('?').next().unwrap_or_default();
    let answered = match (request.method.as_str(), path) {
        ("POST", "/api/v2/signingCert") => authority::certify(state, request),
        ("POST", "/api/v1/log/entries") => log::add(state, request),
        ("GET", path) if path.starts_with("/api/v1/log/entries/") => log::get(state, path),
        ("POST", "/api/v1/timestamp") => stamps::stamp(state, request),
        // As a job of GitHub Actions asks for its token.
        ("GET", "/token") => tokens::give(state, request),
        _ => Err((404, format!("there is no {path}"))),
    };
    answered.unwrap_or_else(|(code, message)| {
        Response::of(code, "application/json", json!({"code": code, "message": message}).to_string())
    })
}

/// A service's answer, or a status and why.
type Answer = Result<Response, (u16, String)>;

fn wrong(why: impl ToString) -> (u16, String) {
    (400, why.to_string())
}
