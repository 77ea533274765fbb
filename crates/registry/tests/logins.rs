//! Logging in: what is asked for, how often, and to whom secrets are told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use faulty::{Act, Faulty, PLAIN, Request, registries, registry, settings};
use images::image;
use lockgate_model::ports::{PortError, Registry, Trouble};
use lockgate_registry::{HostSettings, Registries, Settings};

mod faulty;
mod images;

/// `ann:secret`.
const BASIC: &str = "Basic YW5uOnNlY3JldA==";

/// A registry that is its own token server. A token opens `lives` requests.
fn with_tokens(lives: usize) -> Faulty {
    let uses = Mutex::new(Vec::<usize>::new());
    registry(PLAIN, move |request| {
        let mut uses = uses.lock().unwrap();
        if request.path == "/token" {
            let answer = format!("{{\"access_token\":\"{}\"}}", uses.len());
            uses.push(0);
            return Act::Answer("200 OK", vec![], answer.into_bytes());
        }
        let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        if let Some(used) = token.and_then(|token| uses.get_mut(token.parse::<usize>().unwrap())) {
            *used += 1;
            if *used <= lives {
                return Act::Right;
            }
        }
        let realm = format!("http://{}/token", request.headers["host"]);
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:other:pull\"");
        Act::Answer("401 Unauthorized", vec![("WWW-Authenticate", challenge)], vec![])
    })
}

fn of(host: &Faulty, docker_config: &Path) -> Registries {
    let hosts = vec![HostSettings { host: host.host.clone(), plain_http: true, ..HostSettings::default() }];
    Registries::new(Settings { hosts, docker_config: Some(docker_config.into()), ..settings(&[]) })
}

fn tokens(host: &Faulty) -> Vec<Request> {
    host.requests().into_iter().filter(|request| request.path == "/token").collect()
}

#[tokio::test]
async fn a_token_is_kept_and_asked_for_again_when_it_ends() {
    let host = with_tokens(usize::MAX);
    let registries = registries(&[&host]);
    let web = host.repository("web");
    let artifact = registries.push(&web, &image(&[b"layer".to_vec()], None)).await.unwrap();
    registries.manifest(&web, &artifact.digest).await.unwrap();
    let asked = tokens(&host);
    // One to read, one to write; with what the registry asks for besides.
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.iter().all(|request| request.header("authorization") == Some(BASIC)));
    assert_eq!(asked[0].query["service"], "s");
    // One that ends between two requests, and one that ends when the bytes are already under way.
    for lives in [2, 3] {
        let host = with_tokens(lives);
        let registries = faulty::registries(&[&host]);
        let web = host.repository("web");
        registries.push(&web, &image(&[b"layer".to_vec()], None)).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_never_opens_is_refused_in_the_end() {
    let host = with_tokens(0);
    let error = registries(&[&host]).resolve(&host.repository("web"), "1").await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Denied);
    assert_eq!(tokens(&host).len(), 1);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_goes_nowhere_else() {
    let host = with_tokens(usize::MAX);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let auths = serde_json::json!({"auths": {&*host.host: {"auth": "YW5uOg==", "identitytoken": "id/1"}}});
    std::fs::write(&config, auths.to_string()).unwrap();
    let web = host.repository("web");
    assert!(of(&host, &config).resolve(&web, "1").await.unwrap().is_none());
    let asked = tokens(&host);
    let form = String::from_utf8(asked[0].body.clone()).unwrap();
    assert_eq!((asked[0].method.as_str(), asked[0].header("authorization")), ("POST", None));
    for part in ["grant_type=refresh_token", "refresh_token=id%2F1", "service=s", "repository%3Aweb%3Apull"] {
        assert!(form.contains(part), "{part}: {form}");
    }
    assert!(asked[0].query.is_empty());
    // To Basic it does not fit, and is not sent.
    let basic = registry(PLAIN, |_| {
        Act::Answer("401 Unauthorized", vec![("WWW-Authenticate", "Basic realm=\"x\"".into())], vec![])
    });
    let auths = serde_json::json!({"auths": {&*basic.host: {"identitytoken": "id/1"}}});
    std::fs::write(&config, auths.to_string()).unwrap();
    let error = of(&basic, &config).resolve(&basic.repository("web"), "1").await.unwrap_err();
    assert!(error.trouble == Trouble::Denied && error.reason.contains("identity token"), "{error}");
    assert!(basic.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn a_docker_configuration_that_cannot_be_read_is_told() {
    let host = registry(PLAIN, |_| {
        Act::Answer("401 Unauthorized", vec![("WWW-Authenticate", "Basic realm=\"x\"".into())], vec![])
    });
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let resolve =
        async || -> PortError { of(&host, &config).resolve(&host.repository("web"), "1").await.unwrap_err() };
    let absent = resolve().await;
    assert_eq!((absent.trouble, absent.help), (Trouble::Denied, format!("docker login {}", host.host)));
    let name = &*host.host;
    let wrong = [
        "{".to_owned(),
        format!("{{\"auths\":{{\"{name}\":{{\"auth\":\"%%%\"}}}}}}"),
        format!("{{\"auths\":{{}}, \"x\": \"{}\"}}", "x".repeat(2 << 20)),
    ];
    for text in wrong {
        std::fs::write(&config, &text).unwrap();
        let error = resolve().await;
        assert!(error.place.contains("config.json") && !error.help.is_empty(), "{error}");
    }
    std::fs::write(&config, r#"{"credsStore":"not-installed-here"}"#).unwrap();
    assert!(resolve().await.place.contains("docker-credential-not-installed-here"));
}

#[tokio::test]
async fn a_token_server_that_is_overloaded_is_asked_again_and_one_that_drips_is_left() {
    let asked = AtomicUsize::new(0);
    let host = registry(PLAIN, move |request| {
        if request.path != "/token" && request.header("authorization") == Some("Bearer t") {
            return Act::Right;
        }
        if request.path == "/token" {
            return match asked.fetch_add(1, Ordering::SeqCst) {
                0 => Act::Answer("503 Service Unavailable", vec![], vec![]),
                _ => Act::Answer("200 OK", vec![], br#"{"token":"t"}"#.to_vec()),
            };
        }
        let challenge = format!("Bearer realm=\"http://{}/token\"", request.headers["host"]);
        Act::Answer("401 Unauthorized", vec![("WWW-Authenticate", challenge)], vec![])
    });
    assert!(registries(&[&host]).resolve(&host.repository("web"), "1").await.unwrap().is_none());
    assert_eq!(tokens(&host).len(), 2);

    let drips = registry(PLAIN, |_| Act::Drip(Duration::from_millis(20)));
    let quick =
        Registries::new(Settings { timeout: Duration::from_millis(100), attempts: 1, ..settings(&[&drips]) });
    let error = quick.resolve(&drips.repository("web"), "1").await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable, "{error}");
}

#[tokio::test]
async fn what_is_no_tag_and_no_manifest_is_refused() {
    let host = registry(PLAIN, |_| {
        Act::Answer("200 OK", vec![("Content-Type", "text/html".into())], b"<html>".to_vec())
    });
    let registries = registries(&[&host]);
    let web = host.repository("web");
    for tag in ["../../other/manifests/1", "", "a b", "1?x=y", "sha256:00"] {
        let error = registries.resolve(&web, tag).await.unwrap_err();
        assert!(error.reason.contains("not a valid tag"), "{tag}: {error}");
    }
    assert_eq!(host.requests().len(), 0);
    let error = registries.resolve(&web, "1").await.unwrap_err();
    assert!(error.trouble == Trouble::Unsupported && error.reason.contains("text/html"), "{error}");
}
