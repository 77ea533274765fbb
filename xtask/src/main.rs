//! `cargo xtask test [--no-skip] [NEXTEST ARGUMENTS]`, `cargo xtask tidy`, `cargo xtask bench [NAME...]`, `cargo xtask
//! compare [IMAGE...]`, `cargo xtask corpus`, `cargo xtask fuzz [SECONDS] [TARGET...]`, `cargo xtask reading [COUNT]`,
//! `cargo xtask layers [COUNT]` and `cargo xtask overlays [COUNT]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("test") => xtask::test::run(&arguments.collect::<Vec<_>>()),
        Some("tidy") => xtask::tidy::run(),
        Some("bench") => xtask::bench::run(&arguments.collect::<Vec<_>>()),
        Some("compare") => xtask::compare::run(&arguments.collect::<Vec<_>>()),
        Some("corpus") => xtask::corpus::extend(&xtask::root()),
        Some("reading") => xtask::test::reading(&arguments.collect::<Vec<_>>()),
        Some("layers") => xtask::test::layers(&arguments.collect::<Vec<_>>()),
        Some("overlays") => xtask::test::overlays(&arguments.collect::<Vec<_>>()),
        Some("fuzz") => xtask::fuzz::run(&arguments.collect::<Vec<_>>()),
        _ => {
            Err("usage: cargo xtask test [--no-skip] [NEXTEST ARGUMENTS] | tidy | bench [NAME...] | compare \
                  [IMAGE...] | corpus | fuzz [SECONDS] [TARGET...] | reading [COUNT] | layers [COUNT] | \
                  overlays [COUNT]"
                .to_owned())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
