//! `kill -9` in the middle of a promotion, at one point after another of its talk with the registry: the next command
//! recovers, nothing is lost, and nothing is released twice.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use lockgate::sample_images;
use lockgate_model::Repository;
use lockgate_model::ports::Registry;
use lockgate_registry::{HostSettings, Registries, Settings};
use support::Workspace;
use xtask::parts::{self, or_skip};

mod support;

/// Every how many pieces of the talk the process is killed: each point is tried, over the runs of different services.
const STEP: usize = 3;

/// Stands between the process and the registry, and kills it when so many pieces went through.
#[derive(Default)]
struct Guard {
    pieces: AtomicUsize,
    kill_at: AtomicUsize,
    process: AtomicU32,
}

impl Guard {
    /// Whether the piece may go on.
    fn pass(&self) -> bool {
        if self.pieces.fetch_add(1, Ordering::SeqCst) != self.kill_at.load(Ordering::SeqCst) {
            return true;
        }
        let mut process = 0;
        while process == 0 {
            process = self.process.load(Ordering::SeqCst);
            std::thread::yield_now();
        }
        let process = process.to_string();
        assert!(Command::new("kill").args(["-9", &process]).status().unwrap().success());
        // Half of the points are before the registry hears of it, half after.
        self.kill_at.load(Ordering::SeqCst).is_multiple_of(2)
    }
}

fn proxy(to: String, guard: Arc<Guard>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&to) else { return };
            let (c, s, g) = (client.try_clone().unwrap(), server.try_clone().unwrap(), guard.clone());
            std::thread::spawn(move || pump(c, s, &|| g.pass()));
            std::thread::spawn(move || pump(server, client, &|| true));
        }
    });
    host
}

fn pump(mut from: TcpStream, mut to: TcpStream, pass: &dyn Fn() -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !pass() || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn at_any_point() {
    let Some(part) = or_skip(parts::ferro(), "kill -9") else { return };
    let guard = Arc::new(Guard::default());
    guard.kill_at.store(usize::MAX, Ordering::SeqCst);
    let host = proxy(part.host.clone(), guard.clone());
    let w = Workspace::init();
    w.edit_config(|mut text| {
        for stage in ["dev", "staging", "prod"] {
            text = text.replace(&format!("oci:registry/{stage}"), &format!("{host}/{stage}"));
        }
        text.replace("registries: []", &format!("registries:\n  - {{host: \"{host}\", plainHttp: true}}"))
    });
    std::fs::write(w.folder.join("feed.jsonl"), sample_images::ADVISORIES).unwrap();
    w.run(&["feed", "import", "feed.jsonl", "--fetched", "now"]).expect(0);
    let (mut point, mut killed) = (0, 0);
    loop {
        let service = format!("web-{point}");
        push(&host, &service);
        w.run(&["sign", &format!("{host}/dev/{service}:1"), "--key", "keys/build.key"]).expect(0);
        guard.pieces.store(0, Ordering::SeqCst);
        guard.kill_at.store(usize::MAX, Ordering::SeqCst);
        let image = format!("{service}:1");
        let mut command = w.command(&["promote", &image, "--to", "staging"]);
        guard.process.store(0, Ordering::SeqCst);
        guard.kill_at.store(point, Ordering::SeqCst);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        guard.process.store(child.id(), Ordering::SeqCst);
        let done = child.wait().unwrap().success();
        guard.kill_at.store(usize::MAX, Ordering::SeqCst);
        if !done {
            killed += 1;
        }
        w.run(&["recover"]).expect(0);
        let releases = |service: &str| {
            let history = w.run(&["history", service, "--output", "json"]).expect(0).json();
            history["releases"].as_array().unwrap().len()
        };
        if releases(&service) == 0 {
            w.run(&["promote", &image, "--to", "staging"]).expect(0);
        }
        assert_eq!(releases(&service), 1, "killed at {point}");
        w.run(&["promote", &image, "--to", "prod"]).expect(0);
        w.run(&["ledger", "verify"]).expect(0);
        if done {
            break;
        }
        point += STEP;
    }
    assert!(killed > 5, "{killed}");
}

/// The signed-to-be image in dev.
fn push(host: &str, service: &str) {
    let hosts = vec![HostSettings { host: host.to_owned(), plain_http: true, ..HostSettings::default() }];
    let registries = Registries::new(Settings { hosts, ..Settings::default() });
    let repository: Repository = format!("{host}/dev/{service}").parse().unwrap();
    let sample = sample_images::all().unwrap().remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let manifest = registries.push(&repository, &sample.upload).await.unwrap();
        registries.tag(&repository, "1", &manifest).await.unwrap();
    });
}
