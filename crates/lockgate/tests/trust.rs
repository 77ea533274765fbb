//! The keyring as a TUF repository: from one workspace to another, by a folder and by a server, and with `tough`, another
//! implementation, on either side.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Ran, Workspace};
use tough::editor::RepositoryEditor;
use tough::key_source::KeySource;
use tough::sign::{Sign, parse_keypair};
use tough::{FilesystemTransport, IntoVec, RepositoryLoader, TargetName, async_trait};

mod support;

/// A keeper's workspace with keys of its keyring, and a repository that others read.
struct Keeper {
    w: Workspace,
    repository: PathBuf,
}

impl Keeper {
    /// Two of three holders of root keys have signed the root, away from the workspace.
    fn new() -> Self {
        let w = Workspace::init();
        for name in ["ci", "release"] {
            w.run(&["key", "generate", name]).expect(0);
        }
        w.run(&["key", "add", "ci", "--owner", "farm", "--role", "builder", "--stages", "*"]).expect(0);
        w.run(&["key", "add", "release", "--owner", "ann", "--role", "releaser", "--stages", "prod"])
            .expect(0);
        let bot =
            ["identity", "add", "bot", "--issuer", "https://issuer.example", "--subject", "bot@example.com"];
        w.run(&[&bot[..], &["--owner", "bot", "--role", "scanner"]].concat()).expect(0);
        for name in ["root-1", "root-2", "root-3", "online"] {
            w.run(&["key", "generate", name, "--folder", "trust-keys"]).expect(0);
        }
        let repository = w.folder.join("repository");
        let this = Self { w, repository };
        this.root("1.root.json", &[]);
        this.sign("1.root.json", "root-1", &[]).expect(0);
        this
    }

    fn root(&self, file: &str, more: &[&str]) {
        let roots = ["root-1", "root-2", "root-3"].map(public);
        let mut arguments = vec!["trust", "root", file, "--threshold", "2"];
        for root in &roots {
            arguments.extend(["--root-key", root]);
        }
        let online = public("online");
        arguments.extend(["--key", &online]);
        arguments.extend(more);
        self.w.run(&arguments).expect(0);
    }

    fn sign(&self, file: &str, key: &str, more: &[&str]) -> Ran {
        let key = private(key);
        self.w.run(&[&["trust", "sign", file, "--key", &key], more].concat())
    }

    fn export(&self) -> Ran {
        self.export_by("1.root.json", "online")
    }

    fn export_by(&self, root: &str, key: &str) -> Ran {
        let key = private(key);
        self.w.run(&["trust", "export", "--to", "repository", "--root", root, "--key", &key, "-o", "json"])
    }

    fn whole() -> Self {
        let this = Self::new();
        let early = this.export().expect(1);
        assert!(early.err.contains("1 of the 2 signatures"), "{}", early.err);
        assert!(!this.repository.exists(), "nothing is written before the root is signed");
        let signed = this.sign("1.root.json", "root-3", &[]).expect(0);
        assert!(signed.out.contains("has the signatures"), "{}", signed.out);
        this.export().expect(0);
        this
    }

    fn pinned(&self) -> String {
        self.w.folder.join("1.root.json").display().to_string()
    }

    fn copy(&self, name: &str) -> PathBuf {
        let to = self.w.folder.join(name);
        copy(&self.repository, &to);
        to
    }
}

fn public(name: &str) -> String {
    format!("trust-keys/trust/{name}.pub")
}

fn private(name: &str) -> String {
    format!("trust-keys/keys/{name}.key")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &name) } else { std::fs::copy(&path, &name).map(drop).unwrap() }
    }
}

fn import(w: &Workspace, from: &Path, root: &str) -> Ran {
    w.run(&["trust", "import", from.to_str().unwrap(), "--root", root])
}

fn states(w: &Workspace) -> BTreeMap<String, String> {
    let list = |what| w.run(&[what, "list", "--all", "-o", "json"]).expect(0).json();
    let members: Vec<Value> = ["key", "identity"]
        .into_iter()
        .flat_map(|what| list(what)["members"].as_array().unwrap().clone())
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    members.iter().map(|one| (text(&one["name"]), text(&one["state"]))).collect()
}

fn entries(w: &Workspace) -> usize {
    w.run(&["ledger", "list"]).expect(0).out.lines().count()
}

#[test]
fn a_keyring_goes_to_another_workspace_and_follows_what_happens_to_it() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    let first = keeper.copy("first");
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    assert!(
        told.out.contains("ci: added") && told.out.contains("3 changes; 0 members are the same"),
        "{}",
        told.out
    );
    assert_eq!(states(&other), states(&keeper.w));
    let size = entries(&other);
    let again = import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    assert!(again.out.contains("0 changes; 3 members are the same"), "{}", again.out);
    assert_eq!(entries(&other), size);

    // A rotation, a retirement and a revocation there come here.
    let w = &keeper.w;
    w.run(&["key", "generate", "ci-2"]).expect(0);
    w.run(&["key", "rotate", "ci", "--to", "ci-2", "--overlap-until", "2100-01-01T00:00:00Z"]).expect(0);
    w.run(&["identity", "retire", "bot"]).expect(0);
    w.run(&["key", "revoke", "ci", "--reason", "stolen", "--compromised-since", "2026-01-01T00:00:00Z"])
        .expect(0);
    assert_eq!(
        keeper.export().expect(0).json()["versions"],
        json!({"targets": 2, "snapshot": 2, "timestamp": 2})
    );
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    // The only builder here is the last of its role until its successor has come; then a second import revokes it.
    assert!(told.out.contains("ci: retired") && told.out.contains("ci: revocation proposed"), "{}", told.out);
    assert!(
        told.out.contains("lockgate key revoke ci --confirm") && told.out.contains("ci-2: added"),
        "{}",
        told.out
    );
    import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    assert_eq!(states(&other), states(&keeper.w));
    let show = other.run(&["key", "show", "ci"]).expect(0).out;
    assert!(
        show.contains("compromised since 2026-01-01T00:00:00Z") && show.contains("stolen (revoked in"),
        "{show}"
    );
    // The old repository is refused now.
    let old = import(&other, &first, &keeper.pinned()).expect(1);
    assert!(old.err.contains("it was rolled back") && old.err.contains("help:"), "{}", old.err);
    other.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn what_differs_here_is_refused_by_name_and_holds_up_nothing_else() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    other.run(&["key", "generate", "ci"]).expect(0);
    other.run(&["key", "add", "ci", "--owner", "farm", "--role", "builder", "--stages", "*"]).expect(0);
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(1);
    assert!(told.out.contains("ci: refused: `ci` is in the keyring here with another key"), "{}", told.out);
    assert!(told.out.contains("release: added") && told.out.contains("bot: added"), "{}", told.out);

    // The same key by another name, with other roles, in the file, and of an owner who would hold both ends.
    let other = Workspace::init();
    let key = |name: &str| keeper.w.folder.join(format!("trust/{name}.pub")).display().to_string();
    other
        .run(&["key", "add", "mine", "--owner", "farm", "--role", "builder", "--file", &key("ci")])
        .expect(0);
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(1);
    assert!(told.out.contains("`ci` is in the keyring here as `mine`"), "{}", told.out);
    let other = Workspace::init();
    other.run(&["key", "add", "ci", "--owner", "eve", "--role", "builder", "--file", &key("ci")]).expect(0);
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(1);
    assert!(told.out.contains("`ci` is in the keyring here with another owner"), "{}", told.out);
    let other = Workspace::init();
    std::fs::copy(key("ci"), other.folder.join("trust/build.pub")).unwrap();
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(1);
    assert!(
        told.out.contains("ci: refused: `build` is listed under `keys` in lockgate.yaml"),
        "{}",
        told.out
    );
    let other = Workspace::init();
    other.run(&["key", "generate", "own"]).expect(0);
    other.run(&["key", "add", "own", "--owner", "ann", "--role", "builder", "--stages", "prod"]).expect(0);
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(1);
    assert!(told.out.contains("release: refused: ann cannot be releaser"), "{}", told.out);
    assert!(told.out.contains("ci: added"), "{}", told.out);
    other.run(&["status"]).expect(0);

    // Revoked here, not there: it stays so. Revoked there, never here: it does not come.
    let other = Workspace::init();
    import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    other.run(&["key", "generate", "spare"]).expect(0);
    other.run(&["key", "add", "spare", "--owner", "x", "--role", "builder"]).expect(0);
    other.run(&["key", "revoke", "ci", "--reason", "local"]).expect(0);
    let told = import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    assert!(told.out.contains("ci: left as it is: revoked here"), "{}", told.out);
    keeper.w.run(&["key", "retire", "release"]).expect(0);
    keeper.export().expect(0);
    let told = import(&Workspace::init(), &keeper.repository, &keeper.pinned()).expect(0);
    assert!(told.out.contains("release: left as it is: over there"), "{}", told.out);
}

#[test]
fn a_changed_repository_is_refused_and_changes_nothing() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    let size = entries(&other);
    for entry in std::fs::read_dir(&keeper.repository).unwrap().chain([]) {
        let name = entry.unwrap().file_name();
        let changed = keeper.copy("changed");
        if changed.join(&name).is_dir() {
            continue;
        }
        let mut bytes = std::fs::read(changed.join(&name)).unwrap();
        // A digit of an expiry: still JSON, no longer what was signed.
        let at = bytes.windows(9).position(|window| window == b"\"expires\"").unwrap() + 13;
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        std::fs::write(changed.join(&name), &bytes).unwrap();
        let refused = import(&other, &changed, &keeper.pinned());
        if name == "1.root.json" {
            refused.expect(0);
            // The root comes from the pinned file, not from the repository.
            continue;
        }
        let refused = refused.expect(1);
        assert!(refused.err.contains("help:"), "{}", refused.err);
    }
    let changed = keeper.copy("changed");
    for entry in std::fs::read_dir(changed.join("targets")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".keyring.json") {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text.replace("farm", "evil")).unwrap();
        }
    }
    let fresh = Workspace::init();
    let refused = import(&fresh, &changed, &keeper.pinned()).expect(1);
    assert!(
        refused.err.contains("keyring.json: its sha256 is not the one that targets lists"),
        "{}",
        refused.err
    );
    let refused = import(&fresh, &keeper.w.folder.join("nowhere"), &keeper.pinned()).expect(1);
    assert!(refused.err.contains("it is not there"), "{}", refused.err);
    let stranger = Keeper::whole();
    let refused = import(&fresh, &keeper.repository, &stranger.pinned()).expect(1);
    assert!(refused.err.contains("0 of the 1 signatures"), "{}", refused.err);
    assert_eq!(entries(&fresh), size, "nothing was recorded");
}

#[test]
fn a_root_is_replaced_by_its_holders_and_an_export_looks_at_what_is_there() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    let before = keeper.copy("before");
    // A new root with a new online key: the old holders sign, who are the new ones too.
    keeper.w.run(&["key", "generate", "online-2", "--folder", "trust-keys"]).expect(0);
    let mut arguments = vec!["trust", "root", "2.root.json", "--threshold", "2", "--previous", "1.root.json"];
    let (roots, online) = (["root-1", "root-2", "root-3"].map(public), public("online-2"));
    for root in &roots {
        arguments.extend(["--root-key", root]);
    }
    arguments.extend(["--key", &online]);
    keeper.w.run(&arguments).expect(0);
    let stranger = keeper.sign("2.root.json", "online", &["--previous", "1.root.json"]).expect(1);
    assert!(stranger.err.contains("does not name the key"), "{}", stranger.err);
    keeper.sign("2.root.json", "root-1", &["--previous", "1.root.json"]).expect(0);
    keeper.export_by("2.root.json", "online-2").expect(1);
    keeper.sign("2.root.json", "root-2", &["--previous", "1.root.json"]).expect(0);
    let wrong = keeper.export_by("2.root.json", "online").expect(1);
    assert!(wrong.err.contains("asks for 1 keys for targets"), "{}", wrong.err);
    let exported = keeper.export_by("2.root.json", "online-2").expect(0).json();
    assert_eq!(exported["versions"]["timestamp"], 2);
    import(&other, &keeper.repository, &keeper.pinned()).expect(0);
    // Who followed the new root does not go back to the old one's keys.
    let old = import(&other, &before, &keeper.pinned()).expect(1);
    assert!(old.err.contains("version 2 of the root"), "{}", old.err);
    // The keeper does not go back either, nor on from what it cannot verify.
    let old = keeper.export().expect(1);
    assert!(old.err.contains("newer root"), "{}", old.err);
    std::fs::copy(before.join("timestamp.json"), keeper.repository.join("timestamp.json")).unwrap();
    let torn = std::fs::read_to_string(keeper.repository.join("timestamp.json")).unwrap();
    std::fs::write(
        keeper.repository.join("timestamp.json"),
        torn.replace("\"version\": 1", "\"version\": 9"),
    )
    .unwrap();
    keeper.export_by("2.root.json", "online-2").expect(1);
    // Killed between the root and the timestamp: the old timestamp is the root's before, and the next export goes on.
    std::fs::copy(before.join("timestamp.json"), keeper.repository.join("timestamp.json")).unwrap();
    keeper.export_by("2.root.json", "online-2").expect(0);
}

/// Serves the files of a folder.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let mut header = String::new();
            while reader.read_line(&mut header).unwrap_or(0) > 2 {
                header.clear();
            }
            let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let (status, body) = match std::fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", vec![]),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    host
}

fn plain_http(w: &Workspace, host: &str) {
    w.edit_config(|text| {
        assert!(text.contains("registries: []"));
        text.replace("registries: []", &format!("registries:\n  - {{host: \"{host}\", plainHttp: true}}"))
    });
}

#[test]
fn a_repository_is_read_from_a_server_over_tls_only_unless_its_host_has_none() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    let host = serve(keeper.repository.clone());
    let address = PathBuf::from(format!("http://{host}"));
    let refused = import(&other, &address, &keeper.pinned()).expect(1);
    assert!(refused.err.contains("over TLS only"), "{}", refused.err);
    plain_http(&other, &host);
    let told = import(&other, &address, &keeper.pinned()).expect(0);
    assert!(told.out.contains("3 changes"), "{}", told.out);
    // Endless data: the reader gives up at the length that was signed, or at the limit.
    let timestamp = keeper.repository.join("timestamp.json");
    let whole = std::fs::read(&timestamp).unwrap();
    std::fs::write(&timestamp, vec![b' '; 17 << 10]).unwrap();
    let refused = import(&other, &address, &keeper.pinned()).expect(1);
    assert!(refused.err.contains("more than 16384 bytes"), "{}", refused.err);
    std::fs::write(&timestamp, whole).unwrap();
    let snapshot = keeper.repository.join("1.snapshot.json");
    let longer = [std::fs::read(&snapshot).unwrap(), vec![b' '; 10]].concat();
    std::fs::write(&snapshot, longer).unwrap();
    let refused = import(&other, &address, &keeper.pinned()).expect(1);
    assert!(refused.err.contains("it has more than"), "{}", refused.err);
}

/// A key as `tough` takes it.
#[derive(Debug)]
struct Held(Vec<u8>);

#[async_trait]
impl KeySource for Held {
    async fn as_sign(&self) -> Result<Box<dyn Sign>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Box::new(parse_keypair(&self.0)?))
    }

    async fn write(&self, _: &str, _: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("keys are not written".into())
    }
}

/// A PKCS#8 key, without what PEM puts around it.
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    data_encoding::BASE64.decode(body.as_bytes()).unwrap()
}

/// A repository by `tough`, of one file, under the keeper's root.
async fn by_tough(keeper: &Keeper, name: &str, content: &[u8], version: u64, expires: &str) -> PathBuf {
    let folder = keeper.w.folder.join(format!("tough-{version}"));
    std::fs::create_dir_all(folder.join("targets")).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, content).unwrap();
    let version = NonZeroU64::new(version).unwrap();
    let mut editor = RepositoryEditor::new(keeper.w.folder.join("1.root.json")).await.unwrap();
    editor.targets_version(version).unwrap().targets_expires(expires.parse().unwrap()).unwrap();
    editor.snapshot_version(version).snapshot_expires(expires.parse().unwrap());
    editor.timestamp_version(version).timestamp_expires(expires.parse().unwrap());
    editor.add_target_path(&file).await.unwrap();
    let pem = std::fs::read_to_string(keeper.w.folder.join(private("online"))).unwrap();
    let signed = editor.sign(&[Box::new(Held(der(&pem)))]).await.unwrap();
    signed.write(&folder).await.unwrap();
    let hash = lockgate_model::Digest::of(content).hex();
    std::fs::rename(&file, folder.join(format!("targets/{hash}.{name}"))).unwrap();
    folder
}

#[tokio::test]
async fn tough_reads_what_is_exported() {
    let keeper = Keeper::whole();
    keeper.export().expect(0);
    let address = |path: &Path| format!("file://{}/", path.display()).parse().unwrap();
    let root = std::fs::read(keeper.pinned()).unwrap();
    let loader = RepositoryLoader::new(
        &root,
        address(&keeper.repository),
        address(&keeper.repository.join("targets")),
    );
    let repository = loader.transport(FilesystemTransport).load().await.unwrap();
    assert_eq!(repository.timestamp().signed.version.get(), 2);
    let names: Vec<_> = repository.all_targets().map(|(name, _)| name.raw().to_owned()).collect();
    for name in ["keyring.json", "ci.pem", "release.pem", "bot.identity.json"] {
        assert!(names.iter().any(|one| one == name), "{name} of {names:?}");
        let target = TargetName::new(name).unwrap();
        let bytes = repository.read_target(&target).await.unwrap().unwrap().into_vec().await.unwrap();
        if name == "ci.pem" {
            assert_eq!(bytes, std::fs::read(keeper.w.folder.join("trust/ci.pub")).unwrap());
        }
    }
}

#[tokio::test]
async fn what_tough_writes_is_read_and_refused_once_it_expired() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    let hash = |name: &str| name.ends_with(".keyring.json");
    let found =
        std::fs::read_dir(keeper.repository.join("targets")).unwrap().map(|entry| entry.unwrap().path());
    let keyring = found.into_iter().find(|path| hash(&path.to_string_lossy())).unwrap();
    let content = std::fs::read(keyring).unwrap();
    let sound = by_tough(&keeper, "keyring.json", &content, 1, "2100-01-01T00:00:00Z").await;
    let told = import(&other, &sound, &keeper.pinned()).expect(0);
    assert!(told.out.contains("3 changes"), "{}", told.out);
    let expired = by_tough(&keeper, "keyring.json", &content, 2, "2026-01-01T00:00:00Z").await;
    let told = import(&other, &expired, &keeper.pinned()).expect(1);
    assert!(told.err.contains("timestamp.json: it expired at 2026-01-01T00:00:00Z"), "{}", told.err);
    let other_document = by_tough(&keeper, "keyring.json", b"{}", 3, "2100-01-01T00:00:00Z").await;
    let told = import(&other, &other_document, &keeper.pinned()).expect(1);
    assert!(told.err.contains("keyring.json") && told.err.contains("help:"), "{}", told.err);
}

#[tokio::test]
async fn a_trusted_root_is_fetched_and_kept_as_it_is_when_it_cannot_be_verified() {
    let (keeper, other) = (Keeper::whole(), Workspace::init());
    let content = br#"{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
    let folder = by_tough(&keeper, "trusted_root.json", content, 1, "2100-01-01T00:00:00Z").await;
    let host = serve(folder.clone());
    plain_http(&other, &host);
    let address = format!("http://{host}/");
    let update = |w: &Workspace| {
        w.run(&[
            "trust",
            "update",
            "--sigstore",
            &address,
            "--root",
            &keeper.pinned(),
            "--to",
            "trust/trusted_root.json",
        ])
    };
    let told = update(&other).expect(0);
    assert!(told.out.contains("is the trusted root that"), "{}", told.out);
    let file = other.folder.join("trust/trusted_root.json");
    assert_eq!(std::fs::read(&file).unwrap(), content);
    assert!(update(&other).expect(0).out.contains("is the newest already"));
    let hash = lockgate_model::Digest::of(content).hex();
    std::fs::write(folder.join(format!("targets/{hash}.trusted_root.json")), b"{}").unwrap();
    update(&other).expect(1);
    assert_eq!(std::fs::read(&file).unwrap(), content);
    // Signed, but no trusted root.
    by_tough(&keeper, "trusted_root.json", b"[]", 2, "2100-01-01T00:00:00Z").await;
    let second = keeper.w.folder.join("tough-2");
    copy(&second, &folder);
    let told = update(&other).expect(1);
    assert!(told.err.contains("left as it is"), "{}", told.err);
    assert_eq!(std::fs::read(&file).unwrap(), content);
}
