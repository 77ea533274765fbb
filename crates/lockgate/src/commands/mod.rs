//! The commands, one file each. Each answers with the exit code that scripts get.

pub mod args;

mod attest;
mod climb;
mod decisions;
mod evidence;
mod feed;
mod init;
mod key;
mod keyring;
mod ledger;
mod provenance;
mod quickstart;
mod recover;
mod reproduce;
mod scan;
mod services;
mod sign;
mod trust;

use args::{Cli, Command};

use crate::failure::Failure;
use crate::session::Surroundings;

/// Done, or `proceed`.
pub const DONE: u8 = 0;
/// Something went wrong.
pub const ERROR: u8 = 1;

/// Runs one command.
pub async fn run(cli: Cli, surroundings: &Surroundings) -> Result<u8, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => init::run(global, &args),
        Command::Key(args) => key::run(global, surroundings, &args).await,
        Command::Identity(args) => key::identity(global, surroundings, &args).await,
        Command::Trust(args) => trust::run(global, surroundings, &args).await,
        Command::Sign(args) => sign::run(global, surroundings, &args).await,
        Command::Attest(args) => attest::run(global, surroundings, &args).await,
        Command::Feed(args) => feed::run(global, surroundings, &args).await,
        Command::Scan(args) => scan::run(global, surroundings, &args).await,
        Command::Reproduce(args) => reproduce::run(global, surroundings, &args).await,
        Command::Provenance(args) => provenance::run(global, surroundings, &args).await,
        Command::Evidence(args) => evidence::run(global, surroundings, &args).await,
        Command::Judge(args) => climb::judge(global, surroundings, &args).await,
        Command::Promote(args) => climb::promote(global, surroundings, &args).await,
        Command::Status(args) => services::status(global, surroundings, &args).await,
        Command::History(args) => services::history(global, surroundings, &args).await,
        Command::Show(args) => decisions::show(global, surroundings, &args).await,
        Command::Explain(args) => decisions::explain(global, surroundings, &args).await,
        Command::Replay(args) => decisions::replay(global, surroundings, &args).await,
        Command::Ledger(args) => ledger::run(global, surroundings, &args).await,
        Command::Recover(args) => recover::run(global, surroundings, &args).await,
        Command::Quickstart(args) => quickstart::run(global, surroundings, &args).await,
    }
}
