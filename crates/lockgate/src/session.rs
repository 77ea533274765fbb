//! One run of the command: what it reads from its surroundings, and the workspace it opens.
//!
//! This is the only place that reads the environment and the clock.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lockgate_attest::keys::SigningKey;
use lockgate_engine::Workspace;
use lockgate_engine::keyring::check_apart;
use lockgate_engine::later::Later;
use lockgate_engine::ledger::Sequencer;
use lockgate_engine::workspace::{KeyFile, Reach, VerdictSigner};
use lockgate_ledger::{Checkpoint, SigningKey as LedgerKey, VerifierKey};
use lockgate_model::keyring::MemberRow;
use lockgate_model::ports::{Clock, Progress, Store};
use lockgate_model::projection::FeedRow;
use lockgate_model::reference::Target;
use lockgate_model::{Reference, Repository, Timestamp};
use lockgate_registry::{HostSettings, Registries, Settings};
use lockgate_store::{FeedFolder, HeadFile, IndexFile, LayerFolder, SqliteStore};

use crate::commands::args::Global;
use crate::config::{self, Config, FeedEntry};
use crate::failure::Failure;
use crate::policies;
use crate::show;
use crate::sources::{self, LaidOut};
use crate::trust;

/// Largest file that is read whole: keys, predicates, policies, checkpoints; in bytes.
const FILE_BYTES: u64 = 32 << 20;

/// What the process was started with.
pub struct Surroundings {
    docker_config: Option<PathBuf>,
    cache: PathBuf,
    account: String,
    here: PathBuf,
    progress: Arc<dyn Progress>,
    later: Later,
}

/// The machine's clock.
struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        timestamp(SystemTime::now())
    }
}

/// An instant as the system tells it; one before 1970 is 1970.
pub fn timestamp(instant: SystemTime) -> Timestamp {
    let since = instant.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

impl Surroundings {
    /// Reads the environment.
    pub fn read() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        let in_home = |tail: &str| home.as_ref().map(|home| home.join(tail));
        let docker = path("DOCKER_CONFIG").or_else(|| in_home(".docker"));
        let cache = path("XDG_CACHE_HOME").or_else(|| in_home(".cache")).unwrap_or_else(std::env::temp_dir);
        let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let account = match (name.unwrap_or_else(|_| "unknown".to_owned()), machine.trim()) {
            (name, "") => name,
            (name, machine) => format!("{name}@{machine}"),
        };
        Self {
            docker_config: docker.map(|folder| folder.join("config.json")),
            cache: cache.join("lockgate"),
            account,
            here: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            progress: show::progress(),
            later: Later::default(),
        }
    }

    /// The folder of this very program, when the path does not lead there.
    pub fn program_folder() -> Option<PathBuf> {
        let program = std::env::current_exe().ok()?;
        let folder = program.parent()?.to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        (!std::env::split_paths(&path).any(|place| place == folder)).then_some(folder)
    }

    /// Waits for what goes on after a command has answered.
    pub async fn done(&self) {
        self.later.done().await;
    }

    /// An environment variable; nothing when it is not set, or not text.
    pub fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        MachineClock.now()
    }

    /// A reference as it was typed: folders are relative to where the command was started.
    pub fn reference(&self, text: &str) -> Result<Reference, Failure> {
        let mut reference: Reference = text.parse()?;
        if let Repository::Layout { path } = &mut reference.repository {
            let folder = self.here.join(&*path);
            *path = folder.display().to_string();
            let no_tag = !text.contains('@') && !text.ends_with(":latest");
            if no_tag && reference.target == Target::Tag("latest".to_owned()) {
                reference.target = only_image(text, &folder)?;
            }
        }
        Ok(reference)
    }

    /// An archive or a folder, laid out as an image; nothing when `text` names another kind of image.
    pub fn lay_out(&self, text: &str) -> Result<Option<LaidOut>, Failure> {
        sources::open(text, &self.here, &self.cache.join("scratch"))
    }

    /// The workspace file: the one named, or the nearest.
    fn workspace_file(&self, global: &Global) -> Option<PathBuf> {
        global.config.clone().or_else(|| config::find(&self.here))
    }

    /// The folder of the workspace, or where the command was started.
    pub fn workspace_folder(&self, global: &Global) -> PathBuf {
        let file = self.workspace_file(global);
        file.and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_else(|| self.here.clone())
    }

    /// Whether a workspace is there.
    pub fn has_workspace(&self, global: &Global) -> bool {
        self.workspace_file(global).is_some()
    }

    /// The way to images, by the workspace's settings where there is one.
    pub fn reach(&self, global: &Global) -> Result<Reach, Failure> {
        match self.workspace_file(global) {
            Some(file) => {
                let config = config::load(&file)?;
                let layers = config.folder.join(&config.ledger.state).join("layers");
                Ok(self.reach_by(registries(&config)?, config.folder.clone(), &layers))
            }
            None => Ok(self.reach_by(Vec::new(), self.here.clone(), &self.cache.join("layers"))),
        }
    }

    /// The way to services of the web, by the workspace's settings where there is one.
    pub fn web(&self, global: &Global) -> Result<Arc<Registries>, Failure> {
        let hosts = match self.workspace_file(global) {
            Some(file) => registries(&config::load(&file)?)?,
            None => Vec::new(),
        };
        Ok(Arc::new(self.registries(hosts, self.here.clone())))
    }

    fn reach_by(&self, hosts: Vec<HostSettings>, base: PathBuf, layers: &Path) -> Reach {
        self.reach_through(Arc::new(self.registries(hosts, base)), layers)
    }

    fn registries(&self, hosts: Vec<HostSettings>, base: PathBuf) -> Registries {
        let docker_config = self.docker_config.clone();
        Registries::new(Settings { hosts, base, docker_config, ..Settings::default() })
    }

    fn reach_through(&self, registry: Arc<Registries>, layers: &Path) -> Reach {
        let (progress, later) = (self.progress.clone(), self.later.clone());
        Reach::new(registry, Arc::new(LayerFolder::new(layers)), progress, later)
    }
}

fn registries(config: &Config) -> Result<Vec<HostSettings>, Failure> {
    let mut hosts = Vec::new();
    for entry in &config.registries {
        let ca = entry.ca.as_ref().map(|file| read_file(&config.folder.join(file))).transpose()?;
        hosts.push(HostSettings {
            host: entry.host.clone(),
            plain_http: entry.plain_http,
            ca,
            token_hosts: entry.token_hosts.clone(),
            credentials: None,
        });
    }
    Ok(hosts)
}

/// An open workspace.
pub struct Session {
    /// What use cases work with.
    pub workspace: Workspace,
    /// Verifies the ledger's checkpoints.
    pub verifier: VerifierKey,
    /// The way to the servers of feeds.
    pub web: Arc<Registries>,
    head: HeadFile,
    feeds: PathBuf,
    config: Config,
}

impl Session {
    /// Opens the workspace. A ledger that is behind the newest checkpoint seen is refused: it was rolled back; so are
    /// keys that are in `lockgate.yaml` and in the keyring, or that a gate names and neither has.
    pub async fn open(global: &Global, around: &Surroundings) -> Result<Self, Failure> {
        let session = Self::open_keyring(global, around).await?;
        let keyring = session.workspace.store.keyring().await?;
        check_apart(&session.workspace.keys, &keyring)?;
        let members: Vec<_> = keyring.rows().map(MemberRow::name).collect();
        session.config.check_members(&members)?;
        Ok(session)
    }

    /// Opens the workspace for those who change the keyring: gates may name keys that are yet to be added.
    pub async fn open_keyring(global: &Global, around: &Surroundings) -> Result<Self, Failure> {
        let session = Self::open_damaged(global, around).await?;
        session.compare_head().await?;
        Ok(session)
    }

    /// Opens the workspace without asking whether its ledger was rolled back: for those who verify it.
    pub async fn open_damaged(global: &Global, around: &Surroundings) -> Result<Self, Failure> {
        let file = around.workspace_file(global).ok_or_else(|| {
            Failure::told(
                format!("there is no {} here or in a folder above", config::FILE),
                "make a workspace with `lockgate init`, see one with `lockgate quickstart`, or name one with --config",
            )
        })?;
        let config = config::load(&file)?;
        let state = config.folder.join(&config.ledger.state);
        let key = ledger_key(&config.folder.join(&config.ledger.key))?;
        let (verifier, head) = (key.verifier(), HeadFile::new(state.join("head.note")));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(state.join("lockgate.db")).await?);
        let clock: Arc<dyn Clock> = Arc::new(MachineClock);
        let remembered = head.clone();
        // A head that could not be written is written by the next command.
        let remember = Box::new(move |checkpoint: &str| drop(remembered.write(checkpoint)));
        let feeds = state.join("feeds");
        let web = Arc::new(around.registries(registries(&config)?, config.folder.clone()));
        let workspace = Workspace {
            route: config.route.clone(),
            keys: keys(&config)?,
            trust: trust::read(&config)?,
            policies: policies::read(&config.folder.join(&config.policies), &config.policies)?,
            actor: global.actor.clone().unwrap_or_else(|| around.account.clone()),
            verdict: VerdictSigner {
                key: read_key(&config.folder.join(&config.verdict.key))?,
                verifier: config.verdict.verifier.clone(),
            },
            reach: around.reach_through(web.clone(), &state.join("layers")),
            ledger: Sequencer::new(store.clone(), clock.clone(), key, remember),
            store,
            feeds: Arc::new(FeedFolder::new(&feeds)),
            clock,
        };
        Ok(Self { workspace, verifier, web, head, feeds, config })
    }

    async fn compare_head(&self) -> Result<(), Failure> {
        let Some(note) = self.head.read()? else { return Ok(()) };
        let told = |what: String| {
            Failure::told(
                what,
                "restore the database from a copy; `lockgate ledger verify` says what is wrong with this one",
            )
        };
        let seen =
            Checkpoint::open(&note, &self.verifier).map_err(|error| told(format!("head.note: {error}")))?;
        let head = self.workspace.store.head().await?;
        if head.size < seen.size {
            return Err(told(format!(
                "the ledger has {} entries, and had {}: it was rolled back",
                head.size, seen.size
            )));
        }
        match head.checkpoint.filter(|_| head.size == seen.size) {
            Some(checkpoint) => {
                let now =
                    Checkpoint::open(&checkpoint, &self.verifier).map_err(|error| told(error.to_string()))?;
                if now.root == seen.root {
                    Ok(())
                } else {
                    Err(told("the ledger is not the one that was here before".to_owned()))
                }
            }
            None => Ok(()),
        }
    }

    /// What `feed update` downloads.
    pub fn feed_sources(&self) -> &[FeedEntry] {
        &self.config.feeds
    }

    /// The folder of feeds: a large one is made there.
    pub fn feed_folder(&self) -> PathBuf {
        self.feeds.clone()
    }

    /// Where it is kept what was seen of repositories of trust.
    pub fn trust_folder(&self) -> PathBuf {
        self.feeds.with_file_name("trust")
    }

    /// Where the index of inventories is kept.
    pub fn index(&self) -> IndexFile {
        IndexFile::new(self.feeds.with_file_name("inventories.index"))
    }

    /// Checkpoints kept beside the database.
    pub fn anchors(&self) -> Result<Vec<String>, Failure> {
        Ok(self.head.read()?.into_iter().collect())
    }

    /// The imported feed whose digest begins with `prefix`.
    pub async fn feed(&self, prefix: &str) -> Result<FeedRow, Failure> {
        let hex = prefix.strip_prefix("sha256:").unwrap_or(prefix);
        let mut rows = self.workspace.store.feeds().await?;
        rows.retain(|row| row.feed.hex().starts_with(hex));
        match (rows.len(), rows.pop()) {
            (1, Some(row)) => Ok(row),
            (found, _) => Err(Failure::told(
                format!("{found} feeds begin with `{prefix}`"),
                "`lockgate feed list` lists them",
            )),
        }
    }

    /// The feed that was imported last.
    pub async fn latest_feed(&self) -> Result<FeedRow, Failure> {
        let latest = self.workspace.store.feeds().await?.pop();
        latest.ok_or_else(|| Failure::told("no feed was imported yet", "lockgate feed import FILE..."))
    }
}

fn ledger_key(path: &Path) -> Result<LedgerKey, Failure> {
    let text = String::from_utf8_lossy(&read_file(path)?).into_owned();
    LedgerKey::from_text(&text)
        .map_err(|error| Failure::told(format!("{}: {error}", path.display()), "`lockgate init` makes one"))
}

fn keys(config: &Config) -> Result<Vec<KeyFile>, Failure> {
    let one = |entry: &config::KeyEntry| {
        Ok(KeyFile {
            name: entry.name.clone(),
            pem: read_file(&config.folder.join(&entry.file))?.into(),
            valid_from: entry.valid_from,
            valid_until: entry.valid_until,
        })
    };
    config.keys.iter().map(one).collect()
}

/// A file, whole.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let trouble = |error: std::io::Error| Failure::file(path, &error);
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(trouble)?
        .take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(trouble)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(Failure::told(format!("{}: more than {FILE_BYTES} bytes", path.display()), ""));
    }
    Ok(bytes)
}

/// A private key.
pub fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    SigningKey::from_pem(&read_file(path)?)
        .map_err(|source| Failure::Key { file: path.display().to_string(), source })
}

/// Writes a file that must not be there yet; folders are made.
pub fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::File::options().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::told(
            format!("{} already exists", path.display()),
            "it was left as it is: move it away, or choose another name",
        ),
        _ => Failure::file(path, &error),
    })
}

/// Images of a layout that are told; more are counted.
const TOLD: usize = 10;

/// What `oci:PATH` means where it names no tag: `latest`, or the only image of the layout.
fn only_image(text: &str, folder: &Path) -> Result<Target, Failure> {
    let images = lockgate_registry::images_of_layout(folder)?;
    let latest = images.iter().any(|(_, tag)| tag.as_deref() == Some("latest"));
    let digests: std::collections::BTreeSet<_> = images.iter().map(|(digest, _)| *digest).collect();
    match digests.first() {
        Some(only) if !latest && digests.len() == 1 => Ok(Target::Digest(*only)),
        Some(_) if !latest => {
            let named = images.iter().take(TOLD).map(|(digest, tag)| match tag {
                Some(tag) => format!("{text}:{tag}"),
                None => format!("{text}@{digest}"),
            });
            let more = images.len().saturating_sub(TOLD);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Err(Failure::told(
                format!("`{text}` has {} images, and none is tagged `latest`", digests.len()),
                format!("name one: {}{more}", named.collect::<Vec<_>>().join(", ")),
            ))
        }
        _ => Ok(Target::Tag("latest".to_owned())),
    }
}
