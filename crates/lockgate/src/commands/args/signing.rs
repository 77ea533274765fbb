//! `sign` and `attest`: by what is signed.

use std::path::PathBuf;

use clap::Args;

use crate::signing::Secret;

/// By what is signed.
#[derive(Debug, Clone, Args)]
pub struct Means {
    /// The private key, PEM; one that cosign or OpenSSL encrypted, too.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where the key's password is: env:NAME, file:PATH or prompt; without it, the variable COSIGN_PASSWORD.
    #[arg(long, value_name = "PLACE", value_parser = Secret::parse)]
    pub password_from: Option<Secret>,
}
