//! One run of the command: what it reads from its surroundings, and the workspace it opens.
//!
//! This is the only place that reads the environment and the clock.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lockgate_attest::keys::SigningKey;
use lockgate_engine::Workspace;
use lockgate_engine::ledger::Sequencer;
use lockgate_engine::workspace::{KeyFile, PolicySource, Reach, VerdictSigner};
use lockgate_ledger::{SigningKey as LedgerKey, VerifierKey};
use lockgate_model::Timestamp;
use lockgate_model::ports::{Clock, Progress};
use lockgate_model::projection::FeedRow;
use lockgate_registry::Registries;
use lockgate_store::{FeedFolder, HeadFile, LayerFolder, SqliteStore};

use crate::commands::args::Global;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::show;

/// Largest file that is read whole: keys, predicates, policies, checkpoints; in bytes.
const FILE_BYTES: u64 = 32 << 20;

/// What the process was started with.
pub struct Surroundings {
    docker_config: Option<PathBuf>,
    cache: PathBuf,
    account: String,
    progress: Arc<dyn Progress>,
}

/// The machine's clock.
struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
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
            progress: show::progress(),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        MachineClock.now()
    }

    /// Whether a workspace is there.
    pub fn has_workspace(&self, global: &Global) -> bool {
        global.config.is_some() || config::find(&here()).is_some()
    }

    /// The way to images, by the workspace's settings where there is one.
    pub fn reach(&self, global: &Global) -> Result<Reach, Failure> {
        if self.has_workspace(global) {
            let config = load(global)?;
            return self.reach_by(Some(&config));
        }
        self.reach_by(None)
    }
}

fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}
