//! Services of the web: asked once, over TLS or on this machine, and what they are told goes nowhere else.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use faulty::{Act, Faulty, NATIVE, Request, registry};
use lockgate_model::ports::{PortError, Trouble};
use lockgate_registry::{Answered, Question, Registries, Settings};

mod faulty;

fn settings() -> Settings {
    Settings { attempts: 1, ..Settings::default() }
}

async fn ask_at(address: &str) -> Result<Answered, PortError> {
    let question = Question {
        address,
        accept: "application/json",
        body: Some(("application/json", b"{}")),
        bearer: Some("secret"),
        limit: 10,
    };
    Registries::new(settings()).ask(&question).await
}

async fn asked(
    script: impl Fn(&Request) -> Act + Send + Sync + 'static,
) -> (Faulty, Result<Answered, PortError>) {
    let server = registry(NATIVE, script);
    let answered = ask_at(&format!("http://{}/a", server.host)).await;
    (server, answered)
}

fn answer(status: &'static str, body: &str) -> Act {
    Act::Answer(status, vec![], body.as_bytes().to_vec())
}

#[tokio::test]
async fn an_answer_comes_whole() {
    let (server, answered) = asked(|_| answer("201 Created", "0123456789")).await;
    assert_eq!(answered.unwrap(), Answered::Whole("0123456789".into()));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].method.as_str(), requests[0].body.as_slice()), ("POST", &b"{}"[..]));
    assert_eq!(requests[0].header("authorization"), Some("Bearer secret"));
    let (_, larger) = asked(|_| answer("200 OK", "0123456789A")).await;
    assert_eq!(larger.unwrap_err().trouble, Trouble::TooLarge);
    let (_, cut) = asked(|_| Act::CutAnswer(3)).await;
    assert!(cut.is_err());
}

#[tokio::test]
async fn what_is_told_goes_nowhere_else() {
    let other = registry(NATIVE, |_| answer("200 OK", "{}"));
    let location = format!("http://{}/b", other.host);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = location.clone();
        let (_, moved) =
            asked(move |_| Act::Answer(status, vec![("Location", location.clone())], vec![])).await;
        let error = moved.unwrap_err();
        assert!(error.trouble == Trouble::Denied && error.reason.contains("not followed"), "{error}");
    }
    assert!(other.requests().is_empty());
    let (_, existing) =
        asked(move |_| Act::Answer("409 Conflict", vec![("Location", location.clone())], vec![])).await;
    assert!(matches!(existing.unwrap(), Answered::Existing(Some(_))));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_in_words_and_in_part() {
    let (_, refused) = asked(|_| answer("401 Unauthorized", "{\"message\":\"no\\u001b[31m token\"}")).await;
    let error = refused.unwrap_err();
    assert_eq!(error.trouble, Trouble::Denied);
    assert!(error.reason.ends_with("401 Unauthorized: no[31m token"), "{error}");
    let long = "x".repeat(5000);
    let (_, refused) = asked(move |_| answer("400 Bad Request", &long)).await;
    assert!(refused.unwrap_err().reason.len() < 400);
}

#[tokio::test]
async fn only_over_tls_or_on_this_machine() {
    for (address, words) in [
        ("http://fulcio.example/", "over TLS only"),
        ("http://127.0.0.1.example/", "over TLS only"),
        ("http://localhost.example/", "over TLS only"),
        ("http://ann:secret@127.0.0.1/", "password"),
        ("file:///etc/passwd", "names no host"),
        ("nothing", "relative URL"),
    ] {
        let error = ask_at(address).await.unwrap_err();
        assert!(error.reason.contains(words), "{address}: {error}");
    }
}
