//! Feeds from the web, and what a new feed says about artifacts that were judged before it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::Workspace;

mod support;

/// Files by path; their `ETag` is their content's length and first byte. A file without content is refused with 404.
#[derive(Clone, Default)]
struct Server {
    host: String,
    files: Arc<Mutex<BTreeMap<String, String>>>,
    /// The answers that were given.
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { host: listener.local_addr().unwrap().to_string(), ..Self::default() };
        let shared = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = shared.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut known) = (String::new(), String::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            if let Some(("if-none-match", value)) = header.to_lowercase().split_once(": ") {
                value.trim().clone_into(&mut known);
            }
            header.clear();
        }
        let path = line.split(' ').nth(1).unwrap().to_owned();
        let file = self.files.lock().unwrap().get(&path).cloned();
        let (status, etag, body) = match file {
            Some(body) => {
                let etag = format!(
                    "\"{:x}\"",
                    body.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
                );
                if etag == known { ("304 Not Modified", etag, String::new()) } else { ("200 OK", etag, body) }
            }
            None => ("404 Not Found", "\"none\"".to_owned(), "no such file".to_owned()),
        };
        self.log.lock().unwrap().push(format!("{path} {status}"));
        let head = format!(
            "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }

    fn put(&self, path: &str, body: impl Into<String>) {
        self.files.lock().unwrap().insert(path.to_owned(), body.into());
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn record(id: &str, ecosystem: &str, name: &str, day: u8) -> Value {
    json!({"id": id, "modified": format!("2026-01-{day:02}T00:00:00Z"), "affected": [
        {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]})
}

fn with_feeds(server: &Server, w: &Workspace, feeds: &[(&str, &str)]) {
    let listed: Vec<_> = feeds
        .iter()
        .map(|(path, name)| format!("  - url: http://{}{path}\n    name: {name}\n", server.host))
        .collect();
    let added = format!(
        "\nregistries:\n  - host: \"{}\"\n    plainHttp: true\nfeeds:\n{}",
        server.host,
        listed.concat()
    );
    w.edit_config(|text| {
        let kept = text.split("\nregistries:").next().unwrap().to_owned();
        format!("{kept}{added}")
    });
}

fn ledger_size(w: &Workspace) -> usize {
    w.run(&["ledger", "list"]).expect(0).out.lines().count()
}

#[test]
fn an_update_takes_what_changed_and_imports_it_as_files() {
    let (server, w) = (Server::start(), Workspace::init());
    let told = w.run(&["feed", "update"]).expect(1);
    assert!(told.err.contains("no feeds are listed") && told.err.contains("help:"), "{}", told.err);

    with_feeds(&server, &w, &[("/osv.json", "osv"), ("/kev.json", "kev")]);
    server.put("/osv.json", record("A-1", "npm", "a", 1).to_string());
    server.put(
        "/kev.json",
        json!({"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2026-1"}]}).to_string(),
    );
    let first = w.run(&["feed", "update", "--output", "json"]).expect(0).json();
    assert_eq!((&first["changed"], &first["summary"]["kev_read"]), (&json!(["osv", "kev"]), &json!(1)));
    assert_eq!(server.said(), ["/osv.json 200 OK", "/kev.json 200 OK"]);
    let shown = w.run(&["feed", "show", "--output", "json"]).expect(0).json();
    assert_eq!((&shown["row"]["feed"], &shown["row"]["sources"]), (&first["feed"], &json!(["osv", "kev"])));
    // Each source has the instant at which it was fetched, which nobody claimed.
    for source in shown["header"]["sources"].as_array().unwrap() {
        assert!(source["fetched"].is_string() && source["claimed"].is_null(), "{source}");
    }

    // Nothing changed: nothing is sent, nothing is imported.
    let before = ledger_size(&w);
    let again = w.run(&["feed", "update"]).expect(0);
    assert!(again.out.contains("nothing changed"), "{}", again.out);
    assert_eq!(server.said(), ["/osv.json 304 Not Modified", "/kev.json 304 Not Modified"]);
    assert_eq!(ledger_size(&w), before);

    // One changed: the other is taken from where it is kept.
    server.put("/osv.json", record("A-2", "npm", "a", 2).to_string());
    let second = w.run(&["feed", "update", "--output", "json"]).expect(0).json();
    assert_eq!((&second["changed"], &second["summary"]["kev_read"]), (&json!(["osv"]), &json!(1)));
    assert_ne!(second["feed"], first["feed"]);
    assert_eq!(server.said(), ["/osv.json 200 OK", "/kev.json 304 Not Modified"]);

    // A kept file that was damaged is asked for again.
    let kept =
        std::fs::read_dir(w.folder.join(".lockgate/feeds/sources")).unwrap().map(|one| one.unwrap().path());
    let data: Vec<_> = kept.filter(|path| path.extension().is_some_and(|end| end == "data")).collect();
    assert_eq!(data.len(), 2);
    for path in data {
        std::fs::write(path, "damaged").unwrap();
    }
    let again = w.run(&["feed", "update"]).expect(0);
    assert!(again.out.contains("nothing changed"), "{}", again.out);
    assert_eq!(server.said(), ["/osv.json 200 OK", "/kev.json 200 OK"]);
    w.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_update_that_fails_imports_nothing_and_goes_on_later() {
    let (server, w) = (Server::start(), Workspace::init());
    with_feeds(&server, &w, &[("/osv.json", "osv"), ("/more.json", "more")]);
    server.put("/osv.json", record("A-1", "npm", "a", 1).to_string());
    let before = ledger_size(&w);
    let told = w.run(&["feed", "update"]).expect(1);
    let address = format!("http://{}/more.json", server.host);
    assert!(
        told.err.contains(&address) && told.err.contains("404") && told.err.contains("help:"),
        "{}",
        told.err
    );
    assert_eq!(ledger_size(&w), before);
    // What was downloaded is no import: the next update makes it.
    server.put("/more.json", record("B-1", "npm", "b", 1).to_string());
    server.said();
    let update = w.run(&["feed", "update", "--output", "json"]).expect(0).json();
    assert_eq!(update["summary"]["header"]["advisories"], 2);
    assert_eq!(server.said(), ["/osv.json 304 Not Modified", "/more.json 200 OK"]);
    // A file that is none is told by its name, and changes nothing.
    let before = ledger_size(&w);
    server.put("/more.json", "<html>");
    let told = w.run(&["feed", "update"]).expect(1);
    assert!(told.err.contains("more: it is neither OSV"), "{}", told.err);
    assert_eq!(ledger_size(&w), before);
    // The next one tries again, though the server has nothing new.
    w.run(&["feed", "update"]).expect(1);
    // A host that has no TLS must be listed.
    w.edit_config(|text| text.replace("plainHttp: true", "plainHttp: false"));
    let told = w.run(&["feed", "update"]).expect(1);
    assert!(told.err.contains("over TLS only") && told.err.contains("lockgate.yaml:"), "{}", told.err);
}

#[test]
fn a_new_feed_tells_which_recorded_artifacts_it_speaks_about() {
    let w = Workspace::quickstart();
    let import = |records: &[Value]| {
        let lines: Vec<_> = records.iter().map(Value::to_string).collect();
        std::fs::write(w.folder.join("new.jsonl"), lines.join("\n")).unwrap();
        let feed = w
            .run(&["feed", "import", "new.jsonl", "--replace", "--reason", "a test", "--output", "json"])
            .expect(0)
            .json()["feed"]
            .clone();
        feed.as_str().unwrap().to_owned()
    };
    let affected = |arguments: &[&str]| {
        let all: Vec<_> =
            ["feed", "affected"].iter().chain(arguments).chain(&["--output", "json"]).copied().collect();
        w.run(&all).expect(0).json()["affected"].clone()
    };
    let base = import(&[record("X-0", "npm", "nothing-here", 1)]);
    let with = [
        record("X-0", "npm", "nothing-here", 1),
        record("X-1", "Alpine:v3.22", "openssl", 1),
        record("X-2", "Alpine:v3.19", "musl", 1),
    ];
    let new = import(&with);
    let found = affected(&[]);
    let artifacts = found["artifacts"].as_array().unwrap();
    assert!(!artifacts.is_empty(), "{found}");
    let names: Vec<_> = artifacts.iter().flat_map(|one| one["services"].as_array().unwrap()).collect();
    assert!(names.contains(&&json!("web")), "{found}");
    // What a stage holds comes first.
    assert!(!artifacts[0]["held"].as_array().unwrap().is_empty(), "{found}");
    for artifact in artifacts {
        for package in artifact["packages"].as_array().unwrap() {
            assert_eq!(
                (&package["advisories"], &package["vulnerabilities"]),
                (&json!(["X-1"]), &json!(["X-1"])),
                "{package}"
            );
        }
    }
    // By name, and backwards: the advisory is gone, so no package has the vulnerability any more.
    assert_eq!(affected(&[&base, &new]), found);
    let backwards = affected(&[&new, &base]);
    assert_eq!(backwards["artifacts"][0]["packages"][0]["vulnerabilities"], json!([]));
    assert_eq!(affected(&[&new, &new])["artifacts"], json!([]));
    // The index is derived: lost, damaged or of another ledger, it is made again.
    let index = w.folder.join(".lockgate/inventories.index");
    let bytes = std::fs::read(&index).unwrap();
    std::fs::remove_file(&index).unwrap();
    assert_eq!(affected(&[&base, &new]), found);
    assert_eq!(std::fs::read(&index).unwrap(), bytes, "the same ledger gives the same bytes");
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    std::fs::write(&index, damaged).unwrap();
    assert_eq!(affected(&[&base, &new]), found);
    let other = Workspace::init();
    std::fs::write(other.folder.join("a.jsonl"), with[0].to_string()).unwrap();
    std::fs::write(other.folder.join("b.jsonl"), with[1].to_string()).unwrap();
    // A ledger that is longer than what the index covers: by its length alone it could be the same.
    while ledger_size(&other) <= ledger_size(&w) {
        for file in ["a.jsonl", "b.jsonl"] {
            other.run(&["feed", "import", file]).expect(0);
        }
    }
    std::fs::write(other.folder.join(".lockgate/inventories.index"), &bytes).unwrap();
    let ran = other.run(&["feed", "affected"]).expect(0);
    assert!(ran.out.contains(": 0 artifacts"), "{}", ran.out);
    // People get a table.
    let ran = w.run(&["feed", "affected", &base, &new]).expect(0);
    assert!(ran.out.contains("libcrypto3") && ran.out.contains("X-1"), "{}", ran.out);
}

fn lines(records: &[Value]) -> String {
    records.iter().fold(String::new(), |text, record| text + &record.to_string() + "\n")
}

/// The feed in force, and all that is said about it.
fn in_force(w: &Workspace) -> Value {
    w.run(&["feed", "show", "--output", "json"]).expect(0).json()
}

fn sources(w: &Workspace) -> Vec<String> {
    let shown = in_force(w);
    let names = shown["header"]["sources"].as_array().unwrap().iter();
    names.map(|source| source["name"].as_str().unwrap().to_owned()).collect()
}

const PAST: &str = "2026-01-10T00:00:00Z";

#[test]
fn an_import_adds_and_a_source_replaces_its_own_records() {
    let w = Workspace::init();
    let npm: Vec<_> = (0..20).map(|at| record(&format!("N-{at}"), "npm", "a", 1)).collect();
    std::fs::write(w.folder.join("npm.jsonl"), lines(&npm)).unwrap();
    std::fs::create_dir(w.folder.join("more")).unwrap();
    std::fs::write(w.folder.join("more/one.json"), record("P-1", "PyPI", "p", 1).to_string()).unwrap();
    std::fs::write(w.folder.join("more/two.json"), record("P-2", "PyPI", "p", 1).to_string()).unwrap();
    let ran = w.run(&["feed", "import", "npm.jsonl", "--fetched", PAST]).expect(0);
    assert!(ran.out.contains("gained npm: 20 advisories") && !ran.out.contains("undated"), "{}", ran.out);
    let ran = w.run(&["feed", "import", "./more/"]).expect(0);
    assert!(
        ran.out.contains("gained PyPI: 2 advisories")
            && ran.out.contains("undated: nobody knows when `more`"),
        "{}",
        ran.out
    );
    assert_eq!(sources(&w), ["more", "npm.jsonl"]);
    // Written in another way it is the same source; its new content is all that it has.
    let changed: Vec<_> = (1..21).map(|at| record(&format!("N-{at}"), "npm", "a", 1)).collect();
    std::fs::write(w.folder.join("npm.jsonl"), lines(&changed)).unwrap();
    let again =
        w.run(&["feed", "import", ".//npm.jsonl", "--fetched", "now", "--output", "json"]).expect(0).json();
    assert_eq!(again["summary"]["header"]["advisories"], 22);
    assert_eq!(again["change"]["losses"], json!([]));
    let shown = in_force(&w);
    assert_eq!(shown["header"]["releases"], json!({"npm": 20, "PyPI": 2}));
    assert_eq!(shown["header"]["sources"][1]["claimed"], true);
    assert_eq!(shown["row"]["origins"][1]["name"], "npm.jsonl");
    // A file's time says nothing, and neither does when it is read.
    let touched = |w: &Workspace| {
        let file = std::fs::File::options().write(true).open(w.folder.join("more/one.json")).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        w.run(&["feed", "import", "more", "--output", "json"]).expect(0).json()["feed"].clone()
    };
    assert_eq!(touched(&w), again["feed"]);
    w.run(&["feed", "verify"]).expect(0);
    w.run(&["ledger", "verify"]).expect(0);
    w.run(&["ledger", "rebuild"]).expect(0);
    assert_eq!(in_force(&w)["row"]["feed"], again["feed"]);
}

/// Each of these would make the gates see less than before.
#[test]
fn a_feed_that_has_less_needs_a_reason() {
    let w = Workspace::init();
    let npm: Vec<_> = (0..20).map(|at| record(&format!("N-{at}"), "npm", "a", 10)).collect();
    std::fs::write(w.folder.join("npm.jsonl"), lines(&npm)).unwrap();
    std::fs::write(w.folder.join("pypi.jsonl"), lines(&[record("P-1", "PyPI", "p", 1)])).unwrap();
    w.run(&["feed", "import", "npm.jsonl", "pypi.jsonl", "--fetched", PAST]).expect(0);
    let before = in_force(&w)["row"]["feed"].clone();
    let size = ledger_size(&w);
    std::fs::write(w.folder.join("tiny.jsonl"), lines(&npm[..1])).unwrap();
    std::fs::write(w.folder.join("empty.json"), "[]").unwrap();
    let old: Vec<_> = (0..20).map(|at| record(&format!("N-{at}"), "npm", "a", 1)).collect();
    std::fs::write(w.folder.join("old.jsonl"), lines(&old)).unwrap();
    let cut = lines(&npm);
    std::fs::write(w.folder.join("cut.jsonl"), &cut[..cut.len() / 2 + 7]).unwrap();
    for (arguments, told) in [
        (&["tiny.jsonl", "--name", "npm.jsonl", "--fetched", "now"][..], "`npm` has 1 advisories, it had 20"),
        (&["tiny.jsonl", "--replace", "--fetched", "now"], "`PyPI` is lost"),
        (&["empty.json", "--name", "pypi.jsonl", "--fetched", "now"], "`PyPI` is lost"),
        (&["old.jsonl", "--name", "npm.jsonl", "--fetched", "now"], "its newest record is of 2026-01-01"),
        (&["npm.jsonl", "--fetched", "2026-01-09T23:59:59Z"], "went back in time: fetched 2026-01-09"),
        (&["npm.jsonl"], "went back in time: fetched unknown"),
        (&["cut.jsonl", "--name", "npm.jsonl", "--fetched", "now"], "cut off"),
        (&["npm.jsonl", "--fetched", "2999-01-01T00:00:00Z"], "later than now"),
        (&["npm.jsonl", "--fetched", "now", "--reason", " "], "not a reason"),
        (&["npm.jsonl", "--fetched", "now", "--name", "a\nb"], "name of a source"),
    ] {
        let all: Vec<_> = ["feed", "import"].iter().chain(arguments).copied().collect();
        let ran = w.run(&all).expect(1);
        assert!(ran.err.contains(told) && ran.err.contains("help:"), "{arguments:?}: {}", ran.err);
        assert_eq!(in_force(&w)["row"]["feed"], before, "{arguments:?}");
        assert_eq!(ledger_size(&w), size, "{arguments:?}");
    }
    w.run(&["feed", "import", "npm.jsonl", "--fetched", "soon"]).expect(2);
    w.run(&["feed", "remove", "pypi.jsonl"]).expect(2);
    let ran = w.run(&["feed", "remove", "pypi.json", "--reason", "gone"]).expect(1);
    assert!(ran.err.contains("no source `pypi.json`") && ran.err.contains("pypi.jsonl"), "{}", ran.err);
    // With a reason it is the feed in force, and the ledger has the reason and what was lost.
    w.run(&["feed", "remove", "pypi.jsonl", "--reason", "no Python here"]).expect(0);
    assert_eq!(sources(&w), ["npm.jsonl"]);
    let row = &in_force(&w)["row"];
    assert_eq!(row["reason"], "no Python here");
    assert!(
        row["lost"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("`PyPI` is lost")),
        "{row}"
    );
    // Nothing may be left of a feed.
    let ran = w.run(&["feed", "remove", "npm.jsonl", "--reason", "x"]).expect(1);
    assert!(ran.err.contains("no advisory"), "{}", ran.err);
    // What cannot be read cannot be compared with, nor added to.
    let feeds = std::fs::read_dir(w.folder.join(".lockgate/feeds")).unwrap().map(|one| one.unwrap().path());
    feeds
        .filter(|path| path.extension().is_some_and(|end| end == "feed"))
        .for_each(|path| std::fs::remove_file(path).unwrap());
    let ran = w.run(&["feed", "import", "npm.jsonl", "--fetched", "now"]).expect(1);
    assert!(ran.err.contains("cannot be added to") && ran.err.contains("--replace"), "{}", ran.err);
    let ran = w.run(&["feed", "import", "npm.jsonl", "--fetched", "now", "--replace"]).expect(1);
    assert!(ran.err.contains("cannot be read to be compared with"), "{}", ran.err);
    w.run(&["feed", "import", "npm.jsonl", "--fetched", "now", "--replace", "--reason", "the disk"])
        .expect(0);
    w.run(&["ledger", "verify"]).expect(0);
}

/// The ledger remembers the most that there was since a reason was last recorded.
#[test]
fn losses_of_several_imports_add_up() {
    let w = Workspace::init();
    let import = |count: usize, more: &[&str]| {
        let npm: Vec<_> = (0..count).map(|at| record(&format!("N-{at}"), "npm", "a", 1)).collect();
        std::fs::write(w.folder.join("npm.jsonl"), lines(&npm)).unwrap();
        let all: Vec<_> =
            ["feed", "import", "npm.jsonl", "--fetched", "now"].iter().chain(more).copied().collect();
        w.run(&all)
    };
    import(100, &[]).expect(0);
    import(91, &[]).expect(0);
    w.run(&["ledger", "rebuild"]).expect(0);
    let before = in_force(&w)["row"]["feed"].clone();
    let mut left = 91;
    for _ in 0..9 {
        left -= left * 9 / 100;
        let ran = import(left, &[]).expect(1);
        assert!(ran.err.contains(&format!("`npm` has {left} advisories, it had 100")), "{}", ran.err);
        assert_eq!(in_force(&w)["row"]["feed"], before);
    }
    import(83, &["--reason", "withdrawn by the publisher"]).expect(0);
    import(76, &[]).expect(0);
    let ran = import(70, &[]).expect(1);
    assert!(ran.err.contains("`npm` has 70 advisories, it had 83"), "{}", ran.err);
    import(83, &[]).expect(0);
    w.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_update_that_has_less_keeps_the_feed_in_force() {
    let (server, w) = (Server::start(), Workspace::init());
    with_feeds(&server, &w, &[("/osv.json", "osv"), ("/more.json", "more")]);
    server.put("/osv.json", lines(&[record("A-1", "npm", "a", 1), record("A-2", "PyPI", "a", 1)]));
    server.put("/more.json", lines(&[record("B-1", "Go", "b", 1)]));
    let first = w.run(&["feed", "update", "--output", "json"]).expect(0).json()["feed"].clone();
    let size = ledger_size(&w);
    server.put("/osv.json", lines(&[record("A-1", "npm", "a", 1)]));
    for _ in 0..2 {
        let ran = w.run(&["feed", "update"]).expect(1);
        assert!(ran.err.contains("`PyPI` is lost") && ran.err.contains("--reason"), "{}", ran.err);
        assert_eq!((&in_force(&w)["row"]["feed"], ledger_size(&w)), (&first, size));
    }
    // What was imported by hand besides stays, through updates too.
    std::fs::write(w.folder.join("own.jsonl"), lines(&[record("O-1", "Maven", "o", 1)])).unwrap();
    w.run(&["feed", "import", "own.jsonl", "--fetched", PAST]).expect(0);
    w.run(&["feed", "update", "--reason", "the publisher gave PyPI up"]).expect(0);
    assert_eq!(sources(&w), ["more", "osv", "own.jsonl"]);
    let shown = in_force(&w);
    assert_eq!(shown["header"]["releases"], json!({"npm": 1, "Go": 1, "Maven": 1}));
    assert_eq!(shown["row"]["reason"], "the publisher gave PyPI up");
    // By hand the same source can be set back, with a reason; the next update, though nothing changed, has it right
    // again.
    std::fs::write(w.folder.join("osv"), lines(&[record("A-1", "npm", "a", 1)])).unwrap();
    w.run(&["feed", "import", "osv", "--fetched", PAST, "--reason", "a test"]).expect(0);
    server.said();
    w.run(&["feed", "update"]).expect(0);
    assert_eq!(server.said(), ["/osv.json 304 Not Modified", "/more.json 304 Not Modified"]);
    let shown = in_force(&w);
    let osv = &shown["header"]["sources"][1];
    assert!(
        osv["name"] == "osv" && osv["fetched"].as_str() > Some(PAST) && osv["claimed"].is_null(),
        "{osv}"
    );
}

#[test]
fn a_promotion_takes_no_feed() {
    let w = Workspace::quickstart();
    let feed = in_force(&w)["row"]["feed"].as_str().unwrap().to_owned();
    for arguments in [
        &["promote", "web:1.4.2", "--to", "prod", "--feed", &feed][..],
        &["promote", "web:1.4.2", "--feed", &feed, "--to", "prod"],
        &["promote", "--feed=x", "web:1.4.2", "--to", "prod"],
    ] {
        let ran = w.run(arguments).expect(2);
        assert!(ran.err.contains("--feed"), "{}", ran.err);
    }
    assert_eq!(w.run(&["judge", "web:1.4.2", "--to", "prod", "--feed", &feed[..20]]).code, 0);
    let shown = in_force(&w);
    let source = &shown["header"]["sources"][0];
    assert!(
        source["name"] == "samples" && source["fetched"].is_string(),
        "stamped when it was made: {source}"
    );
}

/// Killed anywhere on the way, an import has happened or it has not.
#[test]
fn an_import_that_is_killed_leaves_a_feed_in_force() {
    let w = Workspace::init();
    std::fs::write(w.folder.join("first.jsonl"), lines(&[record("A-1", "npm", "a", 1)])).unwrap();
    w.run(&["feed", "import", "first.jsonl"]).expect(0);
    let more: Vec<_> = (0..400).map(|at| record(&format!("B-{at}"), "PyPI", "b", 1)).collect();
    std::fs::write(w.folder.join("more.jsonl"), lines(&more)).unwrap();
    let mut before = in_force(&w)["row"]["feed"].clone();
    for waits in [0_u32, 10, 100, 1_000, 3_000, 10_000, 30_000, 100_000] {
        let name = format!("more-{waits}");
        let mut command = w.command(&["feed", "import", "more.jsonl", "--name", &name]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..waits {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        let done = child.wait().unwrap().success();
        let now = in_force(&w)["row"]["feed"].clone();
        assert!(!done || now != before, "{waits}: it said that it was done");
        assert!(now == before || sources(&w).contains(&name), "{waits}");
        w.run(&["feed", "verify"]).expect(0);
        w.run(&["ledger", "verify"]).expect(0);
        before = now;
    }
    // Afterwards it works as if nothing had been.
    w.run(&["feed", "import", "more.jsonl", "--name", "more"]).expect(0);
    assert!(sources(&w).contains(&"more".to_owned()));
}
