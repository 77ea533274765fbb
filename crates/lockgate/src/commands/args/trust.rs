//! `trust`: give the keyring to others, and take theirs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::KeyAccess;

/// `trust`
#[derive(Debug, Subcommand)]
pub enum Trust {
    /// Make a root: which keys count for what. It needs public keys only, and has no signature yet
    Root(MakeRoot),
    /// Add a signature to a root, where the root key is: each of its holders does, one after the other
    Sign(SignRoot),
    /// Write the keyring as a TUF repository, after what is there
    Export(Export),
    /// Take into the keyring what the keyring of a TUF repository has more
    Import(Import),
    /// Fetch trusted_root.json of a Sigstore instance from its TUF repository
    Update(Update),
}

/// `trust root`
#[derive(Debug, Args)]
pub struct MakeRoot {
    /// The file to write, such as root.json; it must not be there yet.
    pub file: PathBuf,
    /// A public key that signs roots, PEM; several times for several holders
    #[arg(long, value_name = "FILE", required = true)]
    pub root_key: Vec<PathBuf>,
    /// How many of the root keys must sign
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threshold: u64,
    /// A public key that signs snapshots and timestamps at each export, PEM
    #[arg(long, value_name = "FILE", required = true)]
    pub key: Vec<PathBuf>,
    /// A public key that signs what the keyring is, PEM; without it, those of --key
    #[arg(long, value_name = "FILE")]
    pub targets_key: Vec<PathBuf>,
    /// How many of the keys for targets must sign
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub targets_threshold: u64,
    /// In how many days the root expires
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub expires: u32,
    /// The root before it: the new one has the next version
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

/// `trust sign`
#[derive(Debug, Args)]
pub struct SignRoot {
    /// The root.
    pub file: PathBuf,
    /// A private root key: a PEM file, also an encrypted one, or a key on a token as pkcs11:token=NAME;object=NAME
    #[arg(long, value_name = "FILE|URI")]
    pub key: String,
    /// How to get at the key.
    #[command(flatten)]
    pub access: KeyAccess,
    /// The root before it, whose keys sign too when it is replaced
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
}

/// `trust export`
#[derive(Debug, Args)]
pub struct Export {
    /// The folder of the repository.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// The root, signed by enough of its keys.
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// A private key that the root names for targets, snapshots or timestamps; several times for several
    #[arg(long, value_name = "FILE|URI", required = true)]
    pub key: Vec<String>,
    /// How to get at the keys.
    #[command(flatten)]
    pub access: KeyAccess,
    /// In how many days others refuse it, unless it was exported again
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub expires: u32,
}

/// `trust import`
#[derive(Debug, Args)]
pub struct Import {
    /// The repository: a folder, or an https address.
    #[arg(value_name = "DIR|URL")]
    pub from: String,
    /// A root of it that came by a way nobody else writes to.
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
}

/// `trust update`
#[derive(Debug, Args)]
pub struct Update {
    /// The repository of the Sigstore instance: a folder, or an https address such as https://tuf-repo-cdn.sigstore.dev
    #[arg(long, value_name = "DIR|URL")]
    pub sigstore: String,
    /// A root of it that came by a way nobody else writes to.
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// The file to write: the one that lockgate.yaml names.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}
