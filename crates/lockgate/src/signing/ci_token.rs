//! The identity token of the machine that builds: of GitHub Actions, or of GitLab CI.

use lockgate_model::json;
use lockgate_registry::{Answered, Question, Registries};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::session::Surroundings;

/// Whom the token is for: what Fulcio asks for.
const AUDIENCE: &str = "sigstore";
/// GitLab's, as its own documentation names it for Sigstore.
const GITLAB_TOKEN: &str = "SIGSTORE_ID_TOKEN";
/// Where GitHub gives one, and the token that it asks for.
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// Largest answer, in bytes.
const ANSWER_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// The token that the surroundings have.
pub(super) async fn find(around: &Surroundings, web: &Registries) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let set = |name: &str| around.variable(name).filter(|value| !value.is_empty());
    if let Some(token) = set(GITLAB_TOKEN) {
        return Ok(token.into_bytes().into());
    }
    if let (Some(url), Some(token)) = (set(GITHUB_URL), set(GITHUB_TOKEN)) {
        return github(web, &url, &token).await;
    }
    let help = if set("GITHUB_ACTIONS").is_some() {
        "let the job have one: permissions: {id-token: write}"
    } else if set("GITLAB_CI").is_some() {
        "let the job have one: id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}"
    } else {
        "give one with --identity-token FILE or env:NAME; GitHub Actions and GitLab CI have their own"
    };
    Err(Failure::told("there is no identity token", help))
}

async fn github(web: &Registries, url: &str, token: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let address = format!("{url}{}audience={AUDIENCE}", if url.contains('?') { '&' } else { '?' });
    let question = Question {
        address: &address,
        accept: "application/json",
        body: None,
        bearer: Some(token),
        limit: ANSWER_BYTES,
    };
    let Answered::Whole(answer) = web.ask(&question).await? else {
        return Err(Failure::told(format!("{url}: there is no token in the answer"), "run the job again"));
    };
    let answer: Answer = json::from_slice(&answer, ANSWER_BYTES)
        .map_err(|error| Failure::told(format!("{url}: {error}"), "run the job again"))?;
    Ok(answer.value.into_bytes().into())
}
