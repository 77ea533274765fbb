//! What a lying, failing or greedy registry gets from us: played by a small scripted server, for faults that a real
//! registry cannot be made to show.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockgate_model::oci::{EMPTY_JSON, media};
use lockgate_model::ports::{PortError, Registry, Trouble, Upload};
use lockgate_model::{Descriptor, Digest, Repository};
use lockgate_registry::{Credentials, HostSettings, Registries, Settings};

/// A request as the server saw it: the first line, and the `Authorization` header.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    authorization: Option<String>,
    /// `Content-Range` and `Content-Length`.
    range: Option<String>,
    length: usize,
}

/// What the server answers: a status line, headers, a body; `None` says nothing and keeps the line open.
type Answer = Option<(&'static str, Vec<(String, String)>, Vec<u8>)>;

struct Server {
    host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// Answers each request by `script`, which gets its number and its first line.
fn server(script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, script) = (seen.clone(), Arc::new(script));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (log, script) = (log.clone(), script.clone());
            std::thread::spawn(move || serve(stream, &log, &*script));
        }
    });
    Server { host, seen }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, script: &dyn Fn(usize, &str) -> Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut authorization, mut range, mut length) = (String::new(), None, None, 0);
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).unwrap_or(0) > 2 {
        if let Some((name, value)) = header.split_once(':') {
            match name.to_lowercase().as_str() {
                "authorization" => authorization = Some(value.trim().to_owned()),
                "content-range" => range = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                _ => {}
            }
        }
        header.clear();
    }
    let mut body = vec![0; length];
    let _read = reader.read_exact(&mut body);
    let number = {
        let mut log = log.lock().unwrap();
        log.push(Seen { line: line.trim().to_owned(), authorization, range, length });
        log.len() - 1
    };
    match script(number, line.trim()) {
        Some((status, headers, body)) => {
            let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
            if !headers.iter().any(|(name, _)| name == "Content-Length") {
                head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            }
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            let _sent =
                stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(&body));
        }
        // Silence, until the other side gives up.
        None => drop(reader.read_to_end(&mut Vec::new())),
    }
}

fn ok(body: &[u8]) -> Answer {
    Some(("200 OK", vec![("Content-Type".into(), media::OCI_MANIFEST.into())], body.to_vec()))
}

fn status(status: &'static str) -> Answer {
    Some((status, vec![], vec![]))
}

impl Server {
    fn registries(&self) -> Registries {
        self.registries_with(&[])
    }

    fn registries_with(&self, token_hosts: &[&str]) -> Registries {
        Registries::new(Settings {
            hosts: vec![HostSettings {
                host: self.host.clone(),
                plain_http: true,
                token_hosts: token_hosts.iter().map(|host| (*host).to_owned()).collect(),
                credentials: Some(Credentials { account: "ann".into(), secret: "secret".into() }),
                ca: None,
            }],
            timeout: Duration::from_millis(200),
            attempts: 3,
            pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
            ..Settings::default()
        })
    }

    fn repository(&self) -> Repository {
        format!("{}/web", self.host).parse().unwrap()
    }

    fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn manifest(&self) -> Result<Vec<u8>, PortError> {
        let fetched = self.registries().manifest(&self.repository(), &Digest::of(MANIFEST)).await;
        fetched.map(|fetched| fetched.bytes.to_vec())
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Vec<u8>, PortError> {
        let mut stream = self.registries().blob(&self.repository(), blob).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
            bytes.extend(chunk?);
        }
        Ok(bytes)
    }
}

const MANIFEST: &[u8] = br#"{"schemaVersion":2}"#;

fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::of("x", bytes)
}

#[tokio::test]
async fn other_bytes_than_the_digest_says_are_refused() {
    let server = server(|_, _| ok(b"something else"));
    assert_eq!(server.manifest().await.unwrap_err().trouble, Trouble::Corrupt);
    for expected in
        [blob(b"right one here"), Descriptor { size: 99, ..blob(b"something else") }, blob(b"short")]
    {
        let error = server.blob(&expected).await.unwrap_err();
        assert_eq!(error.trouble, Trouble::Corrupt, "{error}");
        assert!(error.place.contains(&expected.digest.to_string()));
    }
    assert_eq!(server.blob(&blob(b"something else")).await.unwrap(), b"something else");
}

#[tokio::test]
async fn endless_and_broken_off_answers_end() {
    let endless = server(|_, _| Some(("200 OK", vec![], vec![b' '; 5 << 20])));
    assert_eq!(endless.manifest().await.unwrap_err().trouble, Trouble::TooLarge);
    let cut = server(|_, _| {
        Some(("200 OK", vec![("Content-Length".into(), "100".into())], b"ten bytes!".to_vec()))
    });
    let error = cut.blob(&blob(&[0; 100])).await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Unavailable | Trouble::Corrupt), "{error}");
    let silent = server(|_, _| None);
    let error = silent.manifest().await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable);
    assert_eq!(silent.requests().len(), 3, "every attempt was made");
}

#[tokio::test]
async fn overload_and_trouble_are_tried_again_and_then_told() {
    let server_that_recovers = server(|number, _| match number {
        0 => Some(("429 Too Many Requests", vec![("Retry-After".into(), "0".into())], vec![])),
        1 => status("503 Service Unavailable"),
        _ => ok(MANIFEST),
    });
    assert_eq!(server_that_recovers.manifest().await.unwrap(), MANIFEST);
    let overloaded =
        server(|_, _| Some(("429 Too Many Requests", vec![("Retry-After".into(), "7".into())], vec![])));
    let error = overloaded.manifest().await.unwrap_err();
    assert_eq!((error.trouble, overloaded.requests().len()), (Trouble::Unavailable, 3));
    assert!(error.reason.contains("429") && error.reason.contains("7s"), "{error}");
    let broken = server(|_, _| status("500 Internal Server Error"));
    assert_eq!(broken.manifest().await.unwrap_err().trouble, Trouble::Unavailable);
    let absent = server(|_, _| status("404 Not Found"));
    assert_eq!(absent.manifest().await.unwrap_err().trouble, Trouble::NotFound);
}

#[tokio::test]
async fn refusals_are_told_and_not_repeated_for_ever() {
    let server = server(|_, _| {
        Some(("401 Unauthorized", vec![("WWW-Authenticate".into(), "Basic realm=\"x\"".into())], vec![]))
    });
    let error = server.manifest().await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Denied);
    assert!(error.help.contains("docker login"), "{}", error.help);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|one| one.line.starts_with("GET /v2/web/manifests/")), "{requests:?}");
    assert_eq!((requests[0].authorization.is_none(), requests[1].authorization.is_some()), (true, true));
}

#[tokio::test]
async fn credentials_go_to_no_host_that_was_not_named() {
    let thief = server(|_, _| ok(br#"{"token":"t"}"#));
    let realm = format!("Bearer realm=\"http://{}/token\",service=\"s\"", thief.host);
    let registry = server(move |_, _| {
        Some(("401 Unauthorized", vec![("WWW-Authenticate".into(), realm.clone())], vec![]))
    });
    let error = registry.manifest().await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Denied);
    assert!(error.help.contains("tokenHosts") && error.help.contains(&thief.host), "{}", error.help);
    assert!(thief.requests().is_empty());
    // Named, it is asked.
    let named = registry.registries_with(&[&thief.host]);
    named.manifest(&registry.repository(), &Digest::of(MANIFEST)).await.unwrap_err();
    assert!(thief.requests()[0].authorization.as_ref().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn redirects_of_downloads_are_followed_without_credentials() {
    let content = server(|_, _| ok(b"content"));
    let to = format!("http://{}/elsewhere", content.host);
    let registry = server(move |number, _| match number {
        0 => {
            Some(("401 Unauthorized", vec![("WWW-Authenticate".into(), "Basic realm=\"x\"".into())], vec![]))
        }
        _ => Some(("307 Temporary Redirect", vec![("Location".into(), to.clone())], vec![])),
    });
    assert_eq!(registry.blob(&blob(b"content")).await.unwrap(), b"content");
    assert!(registry.requests()[1].authorization.is_some());
    assert_eq!(content.requests()[0].authorization, None);
    let own =
        server(|_, _| Some(("307 Temporary Redirect", vec![("Location".into(), "/again".into())], vec![])));
    let error = own.blob(&blob(b"content")).await.unwrap_err();
    assert!(error.reason.contains("redirects more than"), "{error}");
}

#[tokio::test]
async fn uploads_go_to_no_other_host() {
    let thief = server(|_, _| status("201 Created"));
    let to = format!("http://{}/upload", thief.host);
    let registry = server(move |_, line| {
        if line.starts_with("POST") {
            Some(("202 Accepted", vec![("Location".into(), to.clone())], vec![]))
        } else {
            status("404 Not Found")
        }
    });
    let upload = Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: referrer(&Digest::of(b"subject")).into(),
        blobs: vec![EMPTY_JSON.to_vec().into()],
    };
    let error = registry.registries().push(&registry.repository(), &upload).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Denied, "{error}");
    assert!(thief.requests().is_empty());
}

#[tokio::test]
async fn an_upload_that_broke_off_goes_on_where_it_stopped() {
    let blob = b"0123456789".to_vec();
    let there = Arc::new(Mutex::new(Vec::new()));
    let patched = there.clone();
    let registry = server(move |_, line| {
        let mut seen = patched.lock().unwrap();
        let answer = |code, range: &str| {
            let headers = vec![
                ("Location".into(), "/v2/web/blobs/uploads/7".into()),
                ("Range".into(), range.to_owned()),
            ];
            Some((code, headers, vec![]))
        };
        if line.starts_with("POST") {
            answer("202 Accepted", "0-0")
        } else if line.starts_with("PUT /v2/web/blobs") && seen.is_empty() {
            // It took six bytes, and then something broke.
            status("503 Service Unavailable")
        } else if line.starts_with("GET /v2/web/blobs/uploads/7") {
            answer("204 No Content", "0-5")
        } else if line.starts_with("PATCH") {
            seen.push(line.to_owned());
            answer("202 Accepted", "0-9")
        } else if line.starts_with("GET /v2/web/blobs/sha256:") && !seen.is_empty() {
            ok(b"0123456789")
        } else if line.starts_with("PUT") {
            status("201 Created")
        } else {
            status("404 Not Found")
        }
    });
    let upload = Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: serde_json::to_vec(&serde_json::json!({
            "schemaVersion": 2, "config": Descriptor::of("x", &blob), "layers": [],
        }))
        .unwrap()
        .into(),
        blobs: vec![blob.into()],
    };
    registry.registries().push(&registry.repository(), &upload).await.unwrap();
    let requests = registry.requests();
    let patch = requests.iter().find(|one| one.line.starts_with("PATCH")).unwrap();
    assert_eq!((patch.range.as_deref(), patch.length), (Some("6-9"), 4), "{requests:?}");
}

fn referrer(subject: &Digest) -> Vec<u8> {
    let subject = Descriptor::new(media::OCI_MANIFEST, *subject, 1);
    let manifest = lockgate_model::oci::Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: Some("x".into()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers: vec![],
        subject: Some(subject),
        annotations: std::collections::BTreeMap::new(),
    };
    serde_json::to_vec(&manifest).unwrap()
}

/// A registry with a referrers API that lists `listed`, and has the manifests in `there`.
fn with_referrers(listed: Vec<Descriptor>, there: Vec<Vec<u8>>) -> Server {
    server(move |_, line| {
        if line.contains("/referrers/") {
            let index =
                serde_json::json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": listed});
            return Some((
                "200 OK",
                vec![("Content-Type".into(), media::OCI_INDEX.into())],
                index.to_string().into_bytes(),
            ));
        }
        match there.iter().find(|bytes| line.contains(&Digest::of(bytes).to_string())) {
            Some(bytes) => ok(bytes),
            None => status("404 Not Found"),
        }
    })
}

#[tokio::test]
async fn forged_and_endless_lists_of_referrers_are_refused() {
    let subject = Digest::of(b"subject");
    let (right, wrong) = (referrer(&subject), referrer(&Digest::of(b"other")));
    let of = |bytes: &[u8]| Descriptor::of(media::OCI_MANIFEST, bytes);
    let attached =
        |server: Server| async move { server.registries().attached(&server.repository(), &subject).await };
    let good = attached(with_referrers(vec![of(&right)], vec![right.clone()])).await.unwrap();
    assert_eq!(good.len(), 1);
    let error = attached(with_referrers(vec![of(&wrong)], vec![wrong.clone()])).await.unwrap_err();
    assert!(error.reason.contains("names another subject"), "{error}");
    let error = attached(with_referrers(vec![of(&right)], vec![])).await.unwrap_err();
    assert!(error.reason.contains("is not there"), "{error}");
    let endless = server(|_, line| {
        let next = format!("<{}>; rel=\"next\"", line.split(' ').nth(1).unwrap());
        let headers = vec![("Content-Type".into(), media::OCI_INDEX.into()), ("Link".into(), next)];
        Some(("200 OK", headers, br#"{"schemaVersion":2,"manifests":[]}"#.to_vec()))
    });
    assert_eq!(attached(endless).await.unwrap_err().trouble, Trouble::TooLarge);
    let elsewhere = server(|_, _| {
        let headers = vec![
            ("Content-Type".into(), media::OCI_INDEX.into()),
            ("Link".into(), "<http://127.0.0.1:1/more>; rel=\"next\"".into()),
        ];
        Some(("200 OK", headers, br#"{"schemaVersion":2,"manifests":[]}"#.to_vec()))
    });
    assert_eq!(attached(elsewhere).await.unwrap_err().trouble, Trouble::Denied);
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_told_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let registries = Registries::new(Settings { attempts: 1, ..Settings::default() });
    let repository = format!("{host}/web").parse().unwrap();
    let error = registries.resolve(&repository, "1").await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable);
    assert!(error.help.contains("plainHttp"), "{}", error.help);
}
