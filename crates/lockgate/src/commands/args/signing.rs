//! `sign` and `attest`: by what is signed.

use std::path::PathBuf;

use clap::Args;

use crate::signing::Secret;

/// By what is signed.
#[derive(Debug, Clone, Args)]
pub struct Means {
    /// The private key: a PEM file, also one that cosign or OpenSSL encrypted, or a key on a token as
    /// pkcs11:token=NAME;object=NAME
    #[arg(long, value_name = "FILE|URI", required_unless_present = "keyless", conflicts_with = "keyless")]
    pub key: Option<String>,
    /// How to get at the key.
    #[command(flatten)]
    pub access: KeyAccess,
    /// How to sign without a key.
    #[command(flatten)]
    pub keyless: Keyless,
}

/// How to get at a private key.
#[derive(Debug, Clone, Args)]
pub struct KeyAccess {
    /// Where the key file's password is: env:NAME, file:PATH or prompt; without it, the variable COSIGN_PASSWORD.
    #[arg(long, value_name = "PLACE", value_parser = Secret::parse)]
    pub password_from: Option<Secret>,
    /// The PKCS#11 library of the token, an absolute path.
    #[arg(long, value_name = "FILE")]
    pub pkcs11_module: Option<PathBuf>,
    /// Where the token's PIN is: env:NAME, file:PATH or prompt.
    #[arg(long, value_name = "PLACE", value_parser = Secret::parse)]
    pub pin_from: Option<Secret>,
}

/// How to sign without a key.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Without a key")]
pub struct Keyless {
    /// Sign by a certificate for whoever the identity token names, and a key that is thrown away.
    #[arg(long, requires = "fulcio_url", requires = "trusted_root")]
    pub keyless: bool,
    /// The certificate authority, Fulcio.
    #[arg(long, value_name = "URL", requires = "keyless")]
    pub fulcio_url: Option<String>,
    /// The transparency log, Rekor.
    #[arg(long, value_name = "URL", requires = "keyless")]
    pub rekor_url: Option<String>,
    /// A timestamp authority (RFC 3161). May be given several times.
    #[arg(long, value_name = "URL", requires = "keyless")]
    pub timestamp_server_url: Vec<String>,
    /// The identity token: a file, or env:NAME; without it, the one of GitHub Actions or GitLab CI.
    #[arg(long, value_name = "FILE", value_parser = Secret::parse_file, requires = "keyless")]
    pub identity_token: Option<Secret>,
    /// Whom to trust: trusted_root.json. What these services answer is verified by it before anything is pushed.
    #[arg(long, value_name = "FILE", requires = "keyless")]
    pub trusted_root: Option<PathBuf>,
}
