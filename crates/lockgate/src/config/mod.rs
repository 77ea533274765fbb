//! `lockgate.yaml`, read strictly: what is not known, or misspelt, is an error that names the line and the nearest
//! known name.

mod read;
mod trust;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lockgate_model::route::Stage;
use lockgate_model::{Repository, Route, Timestamp};
use serde::Deserialize;
use serde_json::Value;

pub use read::{load, parse};
pub use trust::{InstanceEntry, NotationEntry, TrustEntry};

/// The name of the file.
pub const FILE: &str = "lockgate.yaml";
/// The only version of the file.
const API_VERSION: &str = "lockgate.dev/v1";

/// What is wrong with the file: every problem that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines().join("\n"))]
pub struct ConfigError {
    /// The problems, in the file's order.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File, line and column, what is wrong, and what to do.
    pub what: String,
    /// The line of the file, where there is one.
    pub source: Option<String>,
}

impl ConfigError {
    /// What it says, by lines.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.problems.iter().flat_map(|one| {
            let source = one.source.as_ref().map(|source| format!("    {source}"));
            std::iter::once(one.what.clone()).chain(source)
        });
        lines.collect()
    }
}

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the file is: its relative paths begin here.
    pub folder: PathBuf,
    /// The stages.
    pub route: Route,
    /// The trusted keys.
    pub keys: Vec<KeyEntry>,
    /// Whom to trust besides.
    pub trust: TrustEntry,
    /// The folder of policies.
    pub policies: PathBuf,
    /// The ledger.
    pub ledger: LedgerEntry,
    /// The verdict.
    pub verdict: VerdictEntry,
    /// What differs for single registries.
    pub registries: Vec<RegistryEntry>,
    /// Where `feed update` downloads advisories.
    pub feeds: Vec<FeedEntry>,
    /// Keys that gates name and that are not listed: the keyring must have them.
    pub unlisted: Vec<Unlisted>,
}

/// A key that a gate names and that is not listed under `keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    /// Its name.
    pub name: String,
    /// File, line and column.
    pub place: String,
    /// The line.
    pub source: String,
}

impl Config {
    /// Whether the keyring, with these members, has every key that a gate names and the file does not list.
    pub fn check_members(&self, members: &[&str]) -> Result<(), ConfigError> {
        let listed = self.keys.iter().map(|key| key.name.as_str());
        let known: Vec<&str> = listed.chain(members.iter().copied()).collect();
        let missing = self.unlisted.iter().filter(|one| !members.contains(&one.name.as_str()));
        let problem = |one: &Unlisted| {
            let near = lockgate_judge::nearest(&one.name, &known);
            let what = format!("no key `{}` is listed under `keys` or in the keyring{near}", one.name);
            Problem { what: format!("{}: {what}", one.place), source: Some(one.source.clone()) }
        };
        let problems: Vec<_> = missing.map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    api_version: String,
    route: Vec<StageEntry>,
    #[serde(default)]
    keys: Vec<KeyEntry>,
    #[serde(default)]
    trust: TrustEntry,
    #[serde(default = "policies")]
    policies: PathBuf,
    ledger: LedgerEntry,
    verdict: VerdictEntry,
    #[serde(default)]
    registries: Vec<RegistryEntry>,
    #[serde(default)]
    feeds: Vec<FeedEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StageEntry {
    stage: String,
    registry: String,
    #[serde(default)]
    gates: BTreeMap<String, Value>,
}

/// A trusted key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeyEntry {
    /// The name that gates use.
    pub name: String,
    /// The file, PEM.
    pub file: PathBuf,
    /// First instant at which it counts.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// First instant at which it no longer counts.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The folder of database, feeds and caches.
    #[serde(default = "state")]
    pub state: PathBuf,
    /// The key that signs checkpoints; it carries the ledger's name.
    pub key: PathBuf,
}

/// The verdict that is attached to images.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VerdictEntry {
    /// The key that signs it.
    pub key: PathBuf,
    /// Who verified, a URI.
    pub verifier: String,
}

/// What differs for one registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RegistryEntry {
    /// The host, with its port.
    pub host: String,
    /// Talk HTTP to it.
    #[serde(default)]
    pub plain_http: bool,
    /// A file of certificate authorities, PEM.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Hosts of token servers that may be given its credentials.
    #[serde(default)]
    pub token_hosts: Vec<String>,
}

/// A file of advisories in the web.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FeedEntry {
    /// Its address, https.
    pub url: String,
    /// What it is called in records and messages; without it, its address.
    #[serde(default)]
    pub name: Option<String>,
}

impl FeedEntry {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.url)
    }
}

fn policies() -> PathBuf {
    PathBuf::from("policy")
}

fn state() -> PathBuf {
    PathBuf::from(".lockgate")
}

/// The workspace file in `start` or the nearest folder above it.
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

/// The stages as the model has them; the error is one stage's.
fn stage(entry: &StageEntry) -> Result<Stage, (&'static str, String)> {
    Ok(Stage {
        name: entry.stage.parse().map_err(|error| ("stage", format!("{error}")))?,
        registry: Repository::prefix(&entry.registry).map_err(|error| ("registry", format!("{error}")))?,
        gates: entry.gates.clone(),
    })
}
