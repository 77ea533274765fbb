//! Identity tokens, signed by ES256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::BASE64URL_NOPAD;
use lockgate_attest::keys::SigningKey;
use serde_json::{Value, json};

use super::http::{Request, Response};
use super::{Answer, State, now};

pub(crate) const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// Who signs with [`github`]'s token, as the certificate says it.
pub(crate) const GITHUB_SUBJECT: &str =
    "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main";

/// Signs tokens, and knows its own.
pub(crate) struct Issuer {
    key: SigningKey,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self { key: SigningKey::generate().unwrap() }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "JWT"})), part(claims));
        let pkcs8 = pem::parse(self.key.to_pem().unwrap()).unwrap().into_contents();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    /// The claims of a token that it signed, that is for Sigstore and has not expired.
    pub(crate) fn verify(&self, token: &str) -> Result<Value, String> {
        let (signed, signature) = token.rsplit_once('.').ok_or("it is no token")?;
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|error| error.to_string());
        if !self.key.public().verify_p1363(signed.as_bytes(), &decode(signature)?) {
            return Err("the token is not the issuer's".to_owned());
        }
        let (_, claims) = signed.split_once('.').ok_or("it is no token")?;
        let claims: Value = serde_json::from_slice(&decode(claims)?).map_err(|error| error.to_string())?;
        if claims["aud"] != "sigstore" {
            return Err("the token is for somebody else".to_owned());
        }
        if claims["exp"].as_i64().is_none_or(|end| end <= now()) {
            return Err("the token has expired".to_owned());
        }
        Ok(claims)
    }
}

/// Claims as GitHub Actions makes them.
pub(crate) fn github() -> Value {
    json!({
        "iss": GITHUB_ISSUER, "aud": "sigstore", "exp": now() + 600, "iat": now(),
        "sub": "repo:acme/web:ref:refs/heads/main",
        "job_workflow_ref": "acme/web/.github/workflows/release.yml@refs/heads/main",
        "repository": "acme/web", "ref": "refs/heads/main", "event_name": "push",
        "sha": "8e1c4e6b3a9d2f7c5b0a1d2e3f4a5b6c7d8e9f00", "workflow": "release", "runner_environment": "github-hosted",
    })
}

/// The token for a job that shows its own.
pub(crate) fn give(state: &State, request: &Request) -> Answer {
    if request.headers.get("authorization").is_none_or(|header| header != "Bearer job") {
        return Err((401, "the job's token is missing".to_owned()));
    }
    let mut claims = github();
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let audience = query.split('&').find_map(|pair| pair.strip_prefix("audience="));
    claims["aud"] = json!(audience.unwrap_or("acme"));
    let body = json!({"value": state.issuer.sign(&claims)}).to_string();
    Ok(Response::of(200, "application/json", body))
}
