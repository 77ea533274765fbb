//! The `lockgate` command: reads the surroundings once, runs one command, and says what came of it.
#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::Parser;
use lockgate::commands::args::Cli;
use lockgate::commands::{ERROR, run};
use lockgate::failure::Failure;
use lockgate::printable::printable;
use lockgate::session::Surroundings;
use lockgate::show;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => refused(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            show::failure(&Failure::told(
                format!("cannot start worker threads: {error}"),
                "check `ulimit -u` and the pids limit of the container",
            ));
            return ExitCode::from(ERROR);
        }
    };
    let code = runtime.block_on(async {
        let surroundings = Surroundings::read();
        let code = match run(cli, &surroundings).await {
            Ok(code) => code,
            Err(failure) => {
                show::failure(&failure);
                ERROR
            }
        };
        surroundings.done().await;
        code
    });
    ExitCode::from(code)
}

/// Says what is wrong with the arguments, or the help that was asked for. Scripts give arguments of others, too: what is
/// not printable in them is escaped before they are quoted.
fn refused(error: &clap::Error) -> ! {
    let given = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let escaped = given.map(|argument| printable(&argument).into_owned());
    let Err(told) = Cli::try_parse_from(escaped) else {
        show::warn_lines(&error.to_string());
        std::process::exit(error.exit_code());
    };
    told.exit()
}
