//! Credentials: those of the settings, or what `docker login` left (docker, "config.json": `auths`, `credHelpers`,
//! `credsStore`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use data_encoding::BASE64;
use lockgate_model::ports::{PortError, Trouble};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::host::Host;
use crate::limits;
use crate::settings::Credentials;

/// The account under which credential helpers keep an identity token.
const IDENTITY: &str = "<token>";
/// What credential helpers say about hosts that nobody logged in to.
const NOT_FOUND: &str = "credentials not found";

/// What one logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// An account and its password.
    Password(Credentials),
    /// A token that is exchanged for others.
    Identity(String),
}

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
    #[serde(rename = "identitytoken")]
    identity: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The login for a host; none where nobody logged in.
pub(super) async fn of(host: &Host) -> Result<Option<Login>, PortError> {
    if let Some(own) = &host.own().credentials {
        return Ok(Some(Login::Password(own.clone())));
    }
    let Some(path) = &host.settings().docker_config else { return Ok(None) };
    let Some(config) = config(path).await? else { return Ok(None) };
    let stored = config.creds_store.as_ref().filter(|store| !store.is_empty());
    if let Some(helper) = config.cred_helpers.get(host.name()).or(stored)
        && let Some(login) = ask(helper, host.name()).await?
    {
        return Ok(Some(login));
    }
    let Some(auth) = find(&config.auths, host.name()) else { return Ok(None) };
    read(auth).map_err(|reason| {
        let help = format!("docker login {}", host.name());
        let reason = format!("the login for {} {reason}", host.name());
        PortError::new(Trouble::Denied, path.display().to_string(), reason, help)
    })
}

/// Docker's configuration; none where there is no such file.
async fn config(path: &Path) -> Result<Option<DockerConfig>, PortError> {
    let wrong = |reason: String| {
        let help = "correct the file, or log in again with docker login";
        PortError::new(Trouble::Other, path.display().to_string(), reason, help)
    };
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let mut text = Vec::new();
    file.take(limits::LOGIN_BYTES + 1)
        .read_to_end(&mut text)
        .await
        .map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > limits::LOGIN_BYTES {
        return Err(wrong(format!("it has more than {} bytes", limits::LOGIN_BYTES)));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| wrong(error.to_string()))
}

/// The entry for a host: by its name, or by an address on it, as older versions of docker wrote them.
fn find<'a>(auths: &'a BTreeMap<String, Auth>, host: &str) -> Option<&'a Auth> {
    let on_host = |name: &str| {
        let address = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"));
        address.and_then(|address| address.split('/').next()) == Some(host)
    };
    let by_address = || auths.iter().find(|(name, _)| on_host(name)).map(|(_, auth)| auth);
    auths.get(host).or_else(by_address)
}

/// What an entry says. An empty one is what is left where a credential helper keeps the login.
fn read(auth: &Auth) -> Result<Option<Login>, &'static str> {
    if let Some(token) = auth.identity.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Some(Login::Identity(token.clone())));
    }
    if let (Some(account), Some(secret)) = (&auth.username, &auth.password) {
        return Ok(Some(Login::Password(Credentials { account: account.clone(), secret: secret.clone() })));
    }
    let Some(pair) = auth.pair.as_ref().filter(|pair| !pair.is_empty()) else { return Ok(None) };
    let decoded = BASE64.decode(pair.as_bytes()).map_err(|_| "is not base64")?;
    let pair = String::from_utf8(decoded).map_err(|_| "is not text")?;
    let (account, secret) = pair.split_once(':').ok_or("has no `:` between account and password")?;
    let secret = secret.trim_end_matches('\0').to_owned();
    Ok(Some(Login::Password(Credentials { account: account.to_owned(), secret })))
}

/// Asks `docker-credential-<helper>`.
async fn ask(helper: &str, host: &str) -> Result<Option<Login>, PortError> {
    let program = format!("docker-credential-{helper}");
    if helper.is_empty() || !helper.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        return Err(not_helped(&program, "it is not the name of a credential helper".to_owned()));
    }
    ask_program(&program, host).await
}

fn not_helped(program: &str, reason: String) -> PortError {
    PortError::new(
        Trouble::Denied,
        program,
        reason,
        "look at credHelpers and credsStore in docker's config.json",
    )
}

async fn ask_program(program: &str, host: &str) -> Result<Option<Login>, PortError> {
    let wrong = |reason: String| not_helped(program, reason);
    let answered = tokio::time::timeout(limits::HELPER, run(program, host)).await;
    let (succeeded, answer) = answered
        .map_err(|_| wrong(format!("no answer within {:?}", limits::HELPER)))?
        .map_err(|error| wrong(error.to_string()))?;
    if !succeeded {
        let said = String::from_utf8_lossy(&answer);
        if said.contains(NOT_FOUND) {
            return Ok(None);
        }
        return Err(wrong(format!("it failed: {}", said.trim().chars().take(200).collect::<String>())));
    }
    if answer.len() as u64 > limits::LOGIN_BYTES {
        return Err(wrong(format!("it answers with more than {} bytes", limits::LOGIN_BYTES)));
    }
    // What is malformed here may hold the secret: it is not quoted.
    let helped: Helped =
        serde_json::from_slice(&answer).map_err(|_| wrong("its answer is malformed".to_owned()))?;
    Ok(Some(if helped.username == IDENTITY {
        Login::Identity(helped.secret)
    } else {
        Login::Password(Credentials { account: helped.username, secret: helped.secret })
    }))
}

/// Whether the helper succeeded, and what it said.
async fn run(program: &str, host: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that fails at once does not read.
        let _read = stdin.write_all(host.as_bytes()).await;
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(limits::LOGIN_BYTES + 1).read_to_end(&mut answer).await?;
    }
    Ok((child.wait().await?.success(), answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(json: &str) -> Result<Option<Login>, &'static str> {
        read(&serde_json::from_str(json).unwrap())
    }

    fn password(account: &str, secret: &str) -> Login {
        Login::Password(Credentials { account: account.into(), secret: secret.into() })
    }

    #[test]
    fn reads_what_docker_login_leaves() {
        assert_eq!(login(r#"{"auth":"YW5uOnMzOmNyZXQ="}"#), Ok(Some(password("ann", "s3:cret"))));
        assert_eq!(login(r#"{"username":"ann","password":"x"}"#), Ok(Some(password("ann", "x"))));
        assert_eq!(
            login(r#"{"auth":"YW5uOng=","identitytoken":"t"}"#),
            Ok(Some(Login::Identity("t".into())))
        );
        assert_eq!(login("{}"), Ok(None));
        for bad in [r#"{"auth":"***"}"#, r#"{"auth":"YW5u"}"#, r#"{"auth":"/w=="}"#] {
            assert!(login(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn finds_the_entry_of_this_host_and_no_other() {
        let of = |name: &str| {
            let auths = BTreeMap::from([(name.to_owned(), Auth::default())]);
            find(&auths, "r.example.com:5000").is_some()
        };
        for name in ["r.example.com:5000", "https://r.example.com:5000", "http://r.example.com:5000/v2/"] {
            assert!(of(name), "{name}");
        }
        for name in [
            "r.example.com",
            "https://r.example.com",
            "https://evil.example.com/r.example.com:5000",
            "com:5000",
        ] {
            assert!(!of(name), "{name}");
        }
    }

    #[tokio::test]
    async fn credential_helpers_answer_know_nothing_or_fail() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let says = async |script: &str| {
            let path = folder.path().join("docker-credential-test");
            // Written aside and moved: a file that is open for writing cannot be run.
            let fresh = folder.path().join("fresh");
            std::fs::write(&fresh, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::rename(&fresh, &path).unwrap();
            ask_program(path.to_str().unwrap(), "r.io").await
        };
        let echo = r#"read host; echo "{\"ServerURL\":\"$host\",\"Username\":\"ann\",\"Secret\":\"$host\"}""#;
        assert_eq!(says(echo).await.unwrap(), Some(password("ann", "r.io")));
        let token = r#"echo '{"Username":"<token>","Secret":"t"}'"#;
        assert_eq!(says(token).await.unwrap(), Some(Login::Identity("t".into())));
        assert_eq!(says("echo credentials not found in native keychain; exit 1").await.unwrap(), None);
        let error = says("echo the keychain is locked; exit 1").await.unwrap_err();
        assert!(error.reason.contains("locked"), "{error}");
        let error = says(r#"echo '{"Username":"ann","Secret":"s3cret"'"#).await.unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(says("yes | head -c 3000000").await.is_err());
        assert!(ask("not-installed-here", "r.io").await.is_err());
        assert!(ask("../evil", "r.io").await.unwrap_err().reason.contains("not the name"));
    }
}
