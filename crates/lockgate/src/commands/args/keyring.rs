//! `key` and `identity`: the keyring.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use lockgate_model::Timestamp;
use lockgate_model::keyring::{Role, Stages};

use super::KeyAccess;
use crate::signing::Secret;

/// `key`
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a signing key: keys/NAME.key, and its public half trust/NAME.pub
    Generate {
        /// Name of the files.
        name: String,
        /// Where the two folders are; without it, the workspace.
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Encrypt the key as cosign does, with the password in this place: env:NAME, file:PATH or prompt.
        #[arg(long, value_name = "PLACE", value_parser = Secret::parse)]
        password_from: Option<Secret>,
    },
    /// Add a public key to the keyring
    Add(AddKey),
    /// Put a new key beside an old one: both count until the overlap ends, then the old one is retired
    Rotate(RotateKey),
    /// Let nothing count that a key signs from now on; what it vouched for stays
    Retire {
        /// The key's name.
        name: String,
    },
    /// Believe a key no longer, and record and show what had relied on it
    Revoke(Revoke),
    /// Show what relied on a key or identity and what of it would fall, without revoking anything
    BlastRadius {
        /// A name of the keyring, a key's PEM file, or its digest.
        key: String,
        /// The instant from which others may have signed with it; without it, nothing by it is believed.
        #[arg(long, value_name = "INSTANT")]
        compromised_since: Option<Timestamp>,
    },
    /// List the keys of the keyring
    List(Which),
    /// Show a key of the keyring, or a key file's algorithm and digest
    Show {
        /// A name of the keyring, or a PEM file.
        key: String,
        /// How to get at a private key.
        #[command(flatten)]
        access: KeyAccess,
    },
    /// Print the public half of a private key, to be trusted: a PEM file, or a key on a token
    Public {
        /// A file, or pkcs11:token=NAME;object=NAME
        key: String,
        /// How to get at it.
        #[command(flatten)]
        access: KeyAccess,
    },
}

/// `identity`
#[derive(Debug, Subcommand)]
pub enum Identity {
    /// Add an identity that an OpenID Connect issuer vouches for
    Add(AddIdentity),
    /// Let nothing count that it signs from now on; what it vouched for stays
    Retire {
        /// The identity's name.
        name: String,
    },
    /// Believe it no longer
    Revoke(Revoke),
    /// List the identities of the keyring
    List(Which),
    /// Show an identity
    Show {
        /// Its name.
        name: String,
    },
}

/// Whose a member is, and what for.
#[derive(Debug, Args)]
pub struct Duties {
    /// Who holds it: a person, or a machine such as the build
    #[arg(long, value_name = "WHO")]
    pub owner: String,
    /// What it vouches for: builder, scanner, approver, releaser, witness; several with commas between them
    #[arg(long, value_name = "ROLE", value_parser = role, value_delimiter = ',', required = true)]
    pub role: Vec<Role>,
    /// The stages it may serve: names with commas between them, or '*' for every stage; without it, none
    #[arg(long, value_name = "STAGES", default_value = "")]
    pub stages: Stages,
    /// The first instant at which it counts, such as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub valid_from: Option<Timestamp>,
    /// The first instant at which it no longer counts
    #[arg(long, value_name = "INSTANT")]
    pub valid_until: Option<Timestamp>,
    /// Every how many days it is to be rotated
    #[arg(long, value_name = "DAYS")]
    pub rotate_every: Option<u32>,
}

/// `key add`
#[derive(Debug, Args)]
pub struct AddKey {
    /// Its name, for gates and commands.
    pub name: String,
    /// The public key, PEM; without it, trust/NAME.pub
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Whose it is, and what for.
    #[command(flatten)]
    pub duties: Duties,
}

/// `key rotate`
#[derive(Debug, Args)]
pub struct RotateKey {
    /// The old key's name.
    pub name: String,
    /// The new key's name.
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// The new public key, PEM; without it, trust/NAME.pub
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Until when both count, such as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub overlap_until: Timestamp,
    /// The first instant at which the new key no longer counts
    #[arg(long, value_name = "INSTANT")]
    pub valid_until: Option<Timestamp>,
}

/// `key revoke` and `identity revoke`
#[derive(Debug, Args)]
pub struct Revoke {
    /// The member's name.
    pub name: String,
    /// The instant from which others may have signed with it; without it, nothing by it is believed
    #[arg(long, value_name = "INSTANT", conflicts_with = "confirm")]
    pub compromised_since: Option<Timestamp>,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present = "confirm", conflicts_with = "confirm")]
    pub reason: Option<String>,
    /// Only propose it: the last of a role takes a second person
    #[arg(long, conflicts_with = "confirm")]
    pub propose: bool,
    /// Revoke it as someone else has proposed
    #[arg(long)]
    pub confirm: bool,
}

/// `identity add`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").required(true).multiple(false))]
pub struct AddIdentity {
    /// Its name, for gates and commands.
    pub name: String,
    /// The issuer, exactly as its tokens name it, such as https://token.actions.githubusercontent.com; `sigstore:NAME` for
    /// certificates without issuer of the instance NAME
    #[arg(long, value_name = "URL")]
    pub issuer: String,
    /// The subject, exactly
    #[arg(long, value_name = "TEXT", group = "who")]
    pub subject: Option<String>,
    /// Subjects by a pattern for the whole of each: * for anything but /, ** for anything
    #[arg(long, value_name = "GLOB", group = "who")]
    pub subject_glob: Option<String>,
    /// Subjects by a regular expression for the whole of each: ^...$
    #[arg(long, value_name = "REGEX", group = "who")]
    pub subject_regex: Option<String>,
    /// Whose it is, and what for.
    #[command(flatten)]
    pub duties: Duties,
}

/// `key list` and `identity list`
#[derive(Debug, Args)]
pub struct Which {
    /// Only those of a role
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub role: Option<Role>,
    /// Those too that no longer count
    #[arg(long)]
    pub all: bool,
}

fn role(text: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = Role::ALL.map(Role::as_str).into();
        format!("there is no role `{text}`{}", lockgate_judge::nearest(text, &names))
    })
}
