//! `cargo xtask test [--no-skip] [NEXTEST ARGUMENTS]` and `cargo xtask tidy`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("test") => xtask::test::run(&arguments.collect::<Vec<_>>()),
        Some("tidy") => xtask::tidy::run(),
        _ => Err("usage: cargo xtask test [--no-skip] [NEXTEST ARGUMENTS] | cargo xtask tidy".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
