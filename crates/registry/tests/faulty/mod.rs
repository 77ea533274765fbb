//! A small registry in memory that does what a test tells it to do wrong.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockgate_model::oci::{Content, media};
use lockgate_model::{Descriptor, Digest, Repository};
use lockgate_registry::{Credentials, HostSettings, Registries, Settings};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// How many came before it.
    pub(crate) number: usize,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the registry does with a request.
pub(crate) enum Act {
    /// What a registry should.
    Right,
    /// This: status line, headers, body.
    Answer(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing, with the connection open.
    Hang,
    /// An answer of a byte now and then, without end.
    Drip(Duration),
    /// Reads so many bytes of the body, keeps them, and closes.
    CutBody(usize),
    /// Reads the body slowly: so many pieces of 1 MiB with a pause after each.
    SlowBody(usize, Duration),
    /// Sends only so many bytes of the answer's body, and closes.
    CutAnswer(usize),
    /// Does the right thing, and closes without an answer.
    Lose,
    /// Opens an upload instead of mounting.
    Decline,
    /// The right answer with its first byte changed.
    Flip,
    /// The right answer without this header, and without `Content-Length` when that is named.
    Without(&'static str),
}

type Script = Box<dyn Fn(&Request) -> Act + Send + Sync>;
type Stored = BTreeMap<String, (String, Vec<u8>)>;

#[derive(Default)]
struct Store {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By `repository/digest` and `repository/tag`.
    manifests: Stored,
    uploads: BTreeMap<usize, Vec<u8>>,
    log: Vec<Request>,
}

/// The registry.
pub(crate) struct Faulty {
    pub(crate) host: String,
    store: Arc<Mutex<Store>>,
}

/// How the registry is made.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// It has the referrers API.
    pub(crate) referrers: bool,
    /// It compares the digest of an upload.
    pub(crate) verifies: bool,
}

pub(crate) const PLAIN: Kind = Kind { referrers: false, verifies: true };
pub(crate) const NATIVE: Kind = Kind { referrers: true, verifies: true };
pub(crate) const CARELESS: Kind = Kind { referrers: false, verifies: false };

pub(crate) fn registry(kind: Kind, script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Faulty {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let store = Arc::new(Mutex::new(Store::default()));
    let (shared, script): (_, Arc<Script>) = (store.clone(), Arc::new(Box::new(script)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (store, script) = (shared.clone(), script.clone());
            std::thread::spawn(move || drop(serve(stream, kind, &store, &script)));
        }
    });
    Faulty { host, store }
}

#[expect(clippy::too_many_lines, reason = "an arm for each fault")]
fn serve(mut stream: TcpStream, kind: Kind, store: &Mutex<Store>, script: &Script) -> std::io::Result<()> {
    // Head and body are written apart: without this each answer waits for the other side.
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(mut request) = head(&mut reader)? {
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        request.number = log(&request, &mut store.lock().unwrap());
        let act = script(&request);
        match act {
            Act::CutBody(bytes) => {
                let mut body = vec![0; bytes.min(length)];
                reader.read_exact(&mut body)?;
                keep(&request, body, &mut store.lock().unwrap());
                return Ok(());
            }
            Act::SlowBody(pieces, pause) => {
                for _ in 0..pieces {
                    let mut piece = vec![0; 1 << 20];
                    reader.read_exact(&mut piece)?;
                    request.body.append(&mut piece);
                    std::thread::sleep(pause);
                }
            }
            Act::Drip(pause) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
                loop {
                    stream.write_all(b" ")?;
                    std::thread::sleep(pause);
                }
            }
            _ => {}
        }
        let mut rest = vec![0; length - request.body.len()];
        reader.read_exact(&mut rest)?;
        request.body.append(&mut rest);
        store.lock().unwrap().log[request.number].body.clone_from(&request.body);
        if matches!(act, Act::Decline) {
            request.query.clear();
        }
        let (status, mut headers, mut body) = match &act {
            Act::Answer(status, headers, body) => (*status, headers.clone(), body.clone()),
            Act::Hang => {
                let _silence = reader.read_to_end(&mut Vec::new());
                return Ok(());
            }
            _ => answer(&request, kind, &mut store.lock().unwrap()),
        };
        let mut sent = body.len();
        match act {
            Act::Lose => return Ok(()),
            Act::Flip if !body.is_empty() => body[0] ^= 1,
            Act::CutAnswer(bytes) => sent = bytes.min(body.len()),
            Act::Without(name) => headers.retain(|(header, _)| *header != name),
            _ => {}
        }
        let mut text = format!("HTTP/1.1 {status}\r\n");
        let silent_of_length = matches!(act, Act::Without("Content-Length"));
        if silent_of_length {
            text.push_str("Connection: close\r\n");
        } else if !headers.iter().any(|(name, _)| *name == "Content-Length") {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{text}\r\n").as_bytes())?;
        if request.method != "HEAD" {
            stream.write_all(&body[..sent])?;
        }
        if sent < body.len() || silent_of_length {
            return Ok(());
        }
    }
    Ok(())
}

/// Logs a request; how many came before it. Uploads are named by it: no two may have the same.
fn log(request: &Request, store: &mut Store) -> usize {
    let number = store.log.len();
    store.log.push(Request { number, ..request.clone() });
    number
}

fn head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| text.replace("%3A", ":").replace("%2F", "/");
    let mut request = Request {
        number: 0,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.map(|(name, value)| (name.to_owned(), decoded(value))).collect(),
        headers: BTreeMap::new(),
        body: Vec::new(),
    };
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        if let Some((name, value)) = header.split_once(':') {
            request.headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        header.clear();
    }
    Ok(Some(request))
}

/// Takes a part of an upload; how much there is then.
fn keep(request: &Request, mut body: Vec<u8>, store: &mut Store) -> Option<usize> {
    let id: usize = request.path.rsplit_once('/')?.1.parse().ok()?;
    let upload = store.uploads.get_mut(&id)?;
    upload.append(&mut body);
    Some(upload.len())
}

type Answered = (&'static str, Vec<(&'static str, String)>, Vec<u8>);

fn answer(request: &Request, kind: Kind, store: &mut Store) -> Answered {
    let nothing = |status| (status, vec![], vec![]);
    let path = request.path.trim_start_matches("/v2/");
    if let Some((repository, digest)) = path.split_once("/referrers/") {
        return if kind.referrers { referrers(repository, digest, store) } else { nothing("404 Not Found") };
    }
    if let Some((repository, reference)) = path.split_once("/manifests/") {
        return manifest(request, kind, repository, reference, store);
    }
    match (request.method.as_str(), path.split_once("/blobs/uploads/"), path.split_once("/blobs/")) {
        ("POST", Some((repository, _)), _) => begin(request, repository, store),
        (_, Some((repository, _)), _) => upload(request, kind, repository, store),
        (_, None, Some((repository, digest))) => match store.blobs.get(&format!("{repository}/{digest}")) {
            Some(bytes) => part(request, bytes),
            None => nothing("404 Not Found"),
        },
        _ => nothing("404 Not Found"),
    }
}

fn part(request: &Request, bytes: &[u8]) -> Answered {
    let start = request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok());
    match start {
        Some(start) => {
            let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
            ("206 Partial Content", vec![("Content-Range", range)], bytes[start..].to_vec())
        }
        None => ("200 OK", vec![], bytes.to_vec()),
    }
}

fn begin(request: &Request, repository: &str, store: &mut Store) -> Answered {
    if let (Some(digest), Some(from)) = (request.query.get("mount"), request.query.get("from"))
        && let Some(bytes) = store.blobs.get(&format!("{from}/{digest}")).cloned()
    {
        store.blobs.insert(format!("{repository}/{digest}"), bytes);
        return ("201 Created", vec![], vec![]);
    }
    store.uploads.insert(request.number, Vec::new());
    let location = format!("/v2/{repository}/blobs/uploads/{}", request.number);
    ("202 Accepted", vec![("Location", location)], vec![])
}

fn upload(request: &Request, kind: Kind, repository: &str, store: &mut Store) -> Answered {
    let Some(there) = keep(request, request.body.clone(), store) else {
        return ("404 Not Found", vec![], vec![]);
    };
    let headers =
        vec![("Location", request.path.clone()), ("Range", format!("0-{}", there.saturating_sub(1)))];
    match request.method.as_str() {
        "GET" => ("204 No Content", headers, vec![]),
        "DELETE" => {
            let id: usize = request.path.rsplit_once('/').unwrap().1.parse().unwrap();
            store.uploads.remove(&id);
            ("204 No Content", vec![], vec![])
        }
        "PATCH" => ("202 Accepted", headers, vec![]),
        _ => {
            let id: usize = request.path.rsplit_once('/').unwrap().1.parse().unwrap();
            let bytes = store.uploads.remove(&id).unwrap();
            let digest = &request.query["digest"];
            if kind.verifies && Digest::of(&bytes).to_string() != *digest {
                return ("400 Bad Request", vec![], vec![]);
            }
            store.blobs.insert(format!("{repository}/{digest}"), bytes);
            ("201 Created", vec![], vec![])
        }
    }
}

fn manifest(request: &Request, kind: Kind, repository: &str, reference: &str, store: &mut Store) -> Answered {
    let key = format!("{repository}/{reference}");
    if request.method == "PUT" {
        let media_type = request.headers["content-type"].clone();
        let stored = (media_type.clone(), request.body.clone());
        store.manifests.insert(format!("{repository}/{}", Digest::of(&request.body)), stored.clone());
        store.manifests.insert(key, stored);
        let subject = Content::read(&media_type, &request.body).ok();
        let subject = subject.and_then(|content| content.subject().map(|subject| subject.digest.to_string()));
        let told = subject.filter(|_| kind.referrers).map(|subject| ("OCI-Subject", subject));
        return ("201 Created", told.into_iter().collect(), vec![]);
    }
    match store.manifests.get(&key) {
        Some((media_type, bytes)) => ("200 OK", vec![("Content-Type", media_type.clone())], bytes.clone()),
        None => ("404 Not Found", vec![], vec![]),
    }
}

fn referrers(repository: &str, digest: &str, store: &Store) -> Answered {
    let own = store.manifests.iter().filter(|(key, _)| key.starts_with(&format!("{repository}/sha256:")));
    let manifests: Vec<_> = own
        .filter(|(_, (media_type, bytes))| {
            let content = Content::read(media_type, bytes).unwrap();
            content.subject().is_some_and(|subject| subject.digest.to_string() == digest)
        })
        .map(|(_, (media_type, bytes))| Descriptor::of(media_type, bytes))
        .collect();
    let index =
        serde_json::json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": manifests});
    ("200 OK", vec![("Content-Type", media::OCI_INDEX.to_owned())], index.to_string().into_bytes())
}

impl Faulty {
    pub(crate) fn repository(&self, name: &str) -> Repository {
        format!("{}/{name}", self.host).parse().unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.store.lock().unwrap().log.clone()
    }

    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.requests().iter().filter(|request| request.is(method, part)).count()
    }

    pub(crate) fn blob(&self, repository: &str, digest: &Digest) -> Option<Vec<u8>> {
        self.store.lock().unwrap().blobs.get(&format!("{repository}/{digest}")).cloned()
    }

    /// Puts a blob there, whatever digest it has.
    pub(crate) fn put_blob(&self, repository: &str, digest: &Digest, bytes: &[u8]) {
        self.store.lock().unwrap().blobs.insert(format!("{repository}/{digest}"), bytes.to_vec());
    }
}

/// Settings for quick tests: short pauses without chance, three attempts, and the account `ann`.
pub(crate) fn settings(hosts: &[&Faulty]) -> Settings {
    let hosts = hosts.iter().map(|faulty| HostSettings {
        host: faulty.host.clone(),
        plain_http: true,
        credentials: Some(Credentials { account: "ann".into(), secret: "secret".into() }),
        ..HostSettings::default()
    });
    Settings {
        hosts: hosts.collect(),
        timeout: Duration::from_secs(5),
        attempts: 3,
        pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        jitter: || 0,
        ..Settings::default()
    }
}

pub(crate) fn registries(hosts: &[&Faulty]) -> Registries {
    Registries::new(settings(hosts))
}
