//! The `lockgate` command: reads the surroundings once, runs one command, and says what came of it.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use lockgate::commands::args::Cli;
use lockgate::commands::{ERROR, run};
use lockgate::session::Surroundings;
use lockgate::show;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            show::error(
                &std::io::Error::other(format!("cannot start worker threads: {error}")),
                "check `ulimit -u` and the pids limit of the container",
            );
            return ExitCode::from(ERROR);
        }
    };
    let code = runtime.block_on(async {
        let surroundings = Surroundings::read();
        let code = match run(cli, &surroundings).await {
            Ok(code) => code,
            Err(failure) => {
                show::error(&failure, &failure.help());
                ERROR
            }
        };
        surroundings.done().await;
        code
    });
    ExitCode::from(code)
}
