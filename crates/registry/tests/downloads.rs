//! Files of the web: only what changed, whole, within limits, and over TLS unless the host is known to have none.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::Duration;

use faulty::{Act, Faulty, NATIVE, Request, registries, registry, settings};
use lockgate_model::Digest;
use lockgate_model::ports::{PortError, Trouble};
use lockgate_registry::{Downloaded, Registries, Settings, Version};

mod faulty;

const BODY: &[u8] = b"advisories";

fn ok(headers: Vec<(&'static str, String)>) -> Act {
    Act::Answer("200 OK", headers, BODY.to_vec())
}

async fn download(
    from: &Registries,
    address: &str,
    known: &Version,
) -> Result<(Downloaded, Vec<u8>), PortError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let downloaded = from.download(address, known, &file).await?;
    Ok((downloaded, std::fs::read(file).unwrap_or_default()))
}

async fn fresh(server: &Faulty, settings: Settings) -> Result<(Downloaded, Vec<u8>), PortError> {
    let from = Registries::new(settings);
    download(&from, &format!("http://{}/all.zip", server.host), &Version::default()).await
}

/// What one server's answers come to.
async fn answered(script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Result<Vec<u8>, PortError> {
    let server = registry(NATIVE, script);
    fresh(&server, settings(&[&server])).await.map(|(_, bytes)| bytes)
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    for (header, condition, value) in [
        ("ETag", "if-none-match", "\"one\""),
        ("Last-Modified", "if-modified-since", "Tue, 24 Nov 2026 00:00:00 GMT"),
    ] {
        let server = registry(NATIVE, move |request| match request.header(condition) {
            Some(known) if known == value => Act::Answer("304 Not Modified", vec![], vec![]),
            _ => ok(vec![(header, value.to_owned())]),
        });
        let address = format!("http://{}/all.zip", server.host);
        let from = registries(&[&server]);
        let (first, bytes) = download(&from, &address, &Version::default()).await.unwrap();
        let Downloaded::File { version, digest, bytes: length } = first else { panic!("{first:?}") };
        assert_eq!((bytes.as_slice(), digest, length), (BODY, Digest::of(BODY), 10));
        assert_eq!(download(&from, &address, &version).await.unwrap().0, Downloaded::Unchanged);
        let old = Version { etag: Some("\"zero\"".into()), last_modified: Some("earlier".into()) };
        assert_eq!(download(&from, &address, &old).await.unwrap().1, BODY);
        assert!(
            server.requests().iter().all(|one| one.header("authorization").is_none()),
            "no login is sent"
        );
    }
    // Nothing was known: that nothing changed is no answer.
    let error = answered(|_| Act::Answer("304 Not Modified", vec![], vec![])).await.unwrap_err();
    assert!(error.reason.contains("304"), "{error}");
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    let after = |number: usize, act: fn() -> Act| {
        move |request: &Request| if request.number < number { act() } else { ok(vec![]) }
    };
    assert_eq!(answered(after(2, || Act::Answer("500 Oh", vec![], vec![]))).await.unwrap(), BODY);
    assert_eq!(answered(after(2, || Act::Lose)).await.unwrap(), BODY);
    let cut = || Act::Answer("200 OK", vec![("Content-Length", "11".to_owned())], BODY.to_vec());
    let lying = move |request: &Request| if request.number == 0 { cut() } else { ok(vec![]) };
    // The server keeps the connection open for the byte that never comes.
    let server = registry(NATIVE, lying);
    let quick = Settings { timeout: Duration::from_millis(200), ..settings(&[&server]) };
    assert_eq!(fresh(&server, quick).await.unwrap().1, BODY);
    assert_eq!(
        answered(|_| Act::Answer("503 Oh", vec![], vec![])).await.unwrap_err().trouble,
        Trouble::Unavailable
    );
}

#[tokio::test]
async fn a_file_that_breaks_off_is_no_file() {
    let whole = b"x".repeat(5000);
    let digest = Digest::of(&whole);
    let server = registry(NATIVE, |request| match request.path.as_str() {
        path if path.contains("cut") => Act::CutAnswer(100),
        _ => Act::Right,
    });
    server.put_blob("cut", &digest, &whole);
    let from = registries(&[&server]);
    let address = format!("http://{}/v2/cut/blobs/{digest}", server.host);
    let error = download(&from, &address, &Version::default()).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unavailable);
    assert!(error.place == address && error.reason.contains("broke off"), "{error}");
    assert_eq!(server.requests().len(), 3, "it is tried as often as settings say");
}

#[tokio::test]
async fn files_have_limits() {
    let limited = |server: &Faulty| Settings { download_bytes: 9, ..settings(&[server]) };
    let server = registry(NATIVE, |_| ok(vec![]));
    let error = fresh(&server, limited(&server)).await.unwrap_err();
    assert!(error.trouble == Trouble::TooLarge && error.reason.contains("more than 9 bytes"), "{error}");
    let enough = Settings { download_bytes: 10, ..settings(&[&server]) };
    assert_eq!(fresh(&server, enough).await.unwrap().1, BODY);
    // One that does not say how long it is.
    let digest = Digest::of(BODY);
    let server = registry(NATIVE, |_| Act::Without("Content-Length"));
    server.put_blob("a", &digest, BODY);
    let address = format!("http://{}/v2/a/blobs/{digest}", server.host);
    let error =
        download(&Registries::new(limited(&server)), &address, &Version::default()).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::TooLarge);
    // One that comes a byte now and then, for ever.
    let server = registry(NATIVE, |_| Act::Drip(Duration::from_millis(1)));
    let hasty = Settings { download_time: Duration::from_millis(50), ..settings(&[&server]) };
    let error = fresh(&server, hasty).await.unwrap_err();
    assert!(error.trouble == Trouble::Unavailable && error.reason.contains("longer than 50ms"), "{error}");
}

#[tokio::test]
async fn redirects_lead_nowhere_without_tls() {
    let other = registry(NATIVE, |_| ok(vec![]));
    let to = format!("http://{}/elsewhere", other.host);
    let first = registry(NATIVE, move |request| match request.path.as_str() {
        "/relative" => Act::Answer("302 Found", vec![("Location", "/all.zip".to_owned())], vec![]),
        "/elsewhere" => Act::Answer("307 Temporary Redirect", vec![("Location", to.clone())], vec![]),
        "/round" => Act::Answer("302 Found", vec![("Location", "/round".to_owned())], vec![]),
        "/file" => Act::Answer("302 Found", vec![("Location", "file:///etc/passwd".to_owned())], vec![]),
        "/nowhere" => Act::Answer("302 Found", vec![], vec![]),
        _ => ok(vec![]),
    });
    let address = |path: &str| format!("http://{}{path}", first.host);
    let none = Version::default();
    let both = registries(&[&first, &other]);
    assert_eq!(download(&both, &address("/relative"), &none).await.unwrap().1, BODY);
    assert_eq!(download(&both, &address("/elsewhere"), &none).await.unwrap().1, BODY);
    // The other host is not known to have no TLS.
    let one = registries(&[&first]);
    let before = other.requests().len();
    for (path, why) in [
        ("/elsewhere", "over TLS only"),
        ("/round", "moved more than 5 times"),
        ("/file", "names no host"),
        ("/nowhere", "nothing says where to"),
    ] {
        let error = download(&one, &address(path), &none).await.unwrap_err();
        assert!(error.trouble == Trouble::Denied && error.reason.contains(why), "{path}: {error}");
        assert!(!error.help.is_empty());
    }
    assert_eq!(other.requests().len(), before);
    let none_at_all = Registries::new(Settings::default());
    assert_eq!(
        download(&none_at_all, &address("/all.zip"), &none).await.unwrap_err().trouble,
        Trouble::Denied
    );
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (status, trouble) in [
        ("404 Not Found", Trouble::NotFound),
        ("403 Forbidden", Trouble::Denied),
        ("401 Unauthorized", Trouble::Denied),
        ("206 Partial Content", Trouble::Unavailable),
    ] {
        let error = answered(move |_| Act::Answer(status, vec![], BODY.to_vec())).await.unwrap_err();
        assert!(
            error.trouble == trouble && !error.help.is_empty() && error.place.ends_with("/all.zip"),
            "{error}"
        );
    }
}
