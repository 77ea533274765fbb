//! Runs the real `lockgate` in folders of its own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses its part of this"
)]

pub mod transcript;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What a run gave.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The run, when it ended with `code`.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A folder with a workspace.
pub struct Workspace {
    pub folder: PathBuf,
    pub docker_config: PathBuf,
    _scratch: tempfile::TempDir,
}

impl Workspace {
    /// An empty folder.
    pub fn empty() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("w");
        Self { folder, docker_config: scratch.path().to_owned(), _scratch: scratch }
    }

    /// What `init` makes.
    pub fn init() -> Self {
        let this = Self::empty();
        std::fs::create_dir(&this.folder).unwrap();
        this.run(&["init"]).expect(0);
        this
    }

    /// What `quickstart` leaves.
    pub fn quickstart() -> Self {
        let this = Self::empty();
        let parent = this.folder.parent().unwrap();
        let ran = command(parent, &this.docker_config, &["quickstart", "w"]).output().unwrap();
        Ran::of(ran).expect(0);
        this
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        command(&self.folder, &self.docker_config, arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    pub fn edit_config(&self, edit: impl FnOnce(String) -> String) {
        let path = self.folder.join("lockgate.yaml");
        std::fs::write(&path, edit(std::fs::read_to_string(&path).unwrap())).unwrap();
    }
}

fn command(folder: &Path, docker_config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(arguments).current_dir(folder);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", docker_config).env("DOCKER_CONFIG", docker_config).env("LOCKGATE_ACTOR", "ci");
    command
}
