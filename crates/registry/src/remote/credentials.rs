//! Credentials: those of the settings, or what `docker login` left (docker, "config.json": `auths`, `credHelpers`,
//! `credsStore`).

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use data_encoding::BASE64;
use lockgate_model::ports::{PortError, Trouble};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::host::Host;
use crate::settings::Credentials;

/// Largest file or answer that is read, in bytes.
const BYTES: u64 = 1 << 20;
/// How long a credential helper may take.
const HELPER: Duration = Duration::from_secs(20);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth")]
    pair: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Login {
    username: String,
    secret: String,
}

/// The credentials for a host; none where nobody logged in.
pub(super) async fn of(host: &Host) -> Result<Option<Credentials>, PortError> {
    if let Some(own) = &host.own().credentials {
        return Ok(Some(own.clone()));
    }
    let Some(path) = &host.settings().docker_config else { return Ok(None) };
    let Ok(text) = tokio::fs::read(path).await else { return Ok(None) };
    let config: DockerConfig = serde_json::from_slice(&text).map_err(|error| {
        let help = "correct the file, or log in again with docker login";
        PortError::new(Trouble::Other, path.display().to_string(), error.to_string(), help)
    })?;
    let helper = config.cred_helpers.get(host.name()).or(config.creds_store.as_ref());
    if let Some(helper) = helper {
        return ask(helper, host.name()).await;
    }
    let names =
        [host.name().to_owned(), format!("https://{}", host.name()), format!("https://{}/v2/", host.name())];
    let auth = names.iter().find_map(|name| config.auths.get(name));
    auth.map_or(Ok(None), |auth| {
        read(auth).map(Some).ok_or_else(|| {
            let reason = format!("the login for {} is malformed", host.name());
            PortError::new(
                Trouble::Denied,
                path.display().to_string(),
                reason,
                format!("docker login {}", host.name()),
            )
        })
    })
}

fn read(auth: &Auth) -> Option<Credentials> {
    if let (Some(account), Some(secret)) = (&auth.username, &auth.password) {
        return Some(Credentials { account: account.clone(), secret: secret.clone() });
    }
    let pair = String::from_utf8(BASE64.decode(auth.pair.as_ref()?.as_bytes()).ok()?).ok()?;
    let (account, secret) = pair.split_once(':')?;
    Some(Credentials { account: account.to_owned(), secret: secret.trim_end_matches('\0').to_owned() })
}

/// Asks `docker-credential-<helper> get`.
async fn ask(helper: &str, host: &str) -> Result<Option<Credentials>, PortError> {
    let program = format!("docker-credential-{helper}");
    let wrong = |reason: String| {
        PortError::new(
            Trouble::Denied,
            program.clone(),
            reason,
            "look at credHelpers and credsStore in docker's config.json",
        )
    };
    if !helper.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(wrong("it is no name of a credential helper".to_owned()));
    }
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| wrong(error.to_string()))?;
    let talk = async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(host.as_bytes()).await?;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(BYTES).read_to_end(&mut answer).await?;
        }
        let status = child.wait().await?;
        Ok::<_, std::io::Error>((status.success(), answer))
    };
    match tokio::time::timeout(HELPER, talk).await {
        Ok(Ok((true, answer))) => {
            let login: Login = serde_json::from_slice(&answer).map_err(|error| wrong(error.to_string()))?;
            Ok(Some(Credentials { account: login.username, secret: login.secret }))
        }
        // Helpers fail for hosts they know nothing about.
        Ok(Ok((false, _))) => Ok(None),
        Ok(Err(error)) => Err(wrong(error.to_string())),
        Err(_) => Err(wrong(format!("no answer within {HELPER:?}"))),
    }
}
