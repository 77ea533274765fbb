//! How registries are talked to.

use std::path::PathBuf;
use std::time::Duration;

/// Settings for all registries.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What differs for single registries.
    pub hosts: Vec<HostSettings>,
    /// The folder that relative paths of layouts begin at.
    pub base: PathBuf,
    /// The file that `docker login` writes.
    pub docker_config: Option<PathBuf>,
    /// Requests under way to one registry at a time.
    pub concurrency: usize,
    /// Blobs copied at a time.
    pub parallel_blobs: usize,
    /// How long to wait for a connection, and for each further piece of an answer.
    pub timeout: Duration,
    /// How often a request is made before giving up.
    pub attempts: u32,
    /// The first pause before trying again; it doubles each time and is shortened at random by up to half.
    pub pause: Duration,
    /// Gives the random byte by which a pause is shortened: 0 not at all, 255 by half.
    pub jitter: fn() -> u8,
    /// Largest file that is downloaded, other than blobs, in bytes: the advisories of all of OSV have about 1 GB.
    pub download_bytes: u64,
    /// How long such a download may take.
    pub download_time: Duration,
    /// The longest pause, whatever `Retry-After` says.
    pub longest_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            base: PathBuf::new(),
            docker_config: None,
            concurrency: 8,
            parallel_blobs: 4,
            timeout: Duration::from_secs(30),
            attempts: 5,
            pause: Duration::from_millis(500),
            jitter: random_byte,
            download_bytes: 8 << 30,
            download_time: Duration::from_hours(1),
            longest_pause: Duration::from_secs(30),
        }
    }
}

/// Without randomness pauses are whole.
fn random_byte() -> u8 {
    let mut random = [0; 1];
    getrandom::fill(&mut random).map_or(0, |()| u8::from_be_bytes(random))
}

/// What differs for one registry.
#[derive(Debug, Clone, Default)]
pub struct HostSettings {
    /// The registry, with its port: `registry.example.com:5000`.
    pub host: String,
    /// Talk HTTP to it. Never assumed, not even for localhost.
    pub plain_http: bool,
    /// Further certificate authorities, in PEM.
    pub ca: Option<Vec<u8>>,
    /// Hosts of token servers, other than its own, that may be given its credentials.
    pub token_hosts: Vec<String>,
    /// Credentials; without them, those of `docker login`.
    pub credentials: Option<Credentials>,
}

/// An account and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub account: String,
    /// The password or token.
    pub secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ***)", self.account)
    }
}
