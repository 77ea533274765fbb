//! `cargo xtask test [--no-skip] [NEXTEST ARGUMENTS]` `cargo xtask tidy`, and `cargo xtask bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("test") => xtask::test::run(&arguments.collect::<Vec<_>>()),
        Some("tidy") => xtask::tidy::run(),
        Some("bench") => xtask::test::bench(),
        _ => Err(
            "usage: cargo xtask test [--no-skip] [NEXTEST ARGUMENTS] | cargo xtask tidy | cargo xtask bench"
                .to_owned(),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
