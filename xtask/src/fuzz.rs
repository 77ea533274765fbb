//! `cargo xtask fuzz [SECONDS]`: every fuzz target for so long, one after another. Needs `cargo install cargo-fuzz`.

use std::fs;
use std::process::Command;

/// How long each target runs, unless said.
const SECONDS: u32 = 600;

/// Runs every target in `fuzz/fuzz_targets`, and names those that found something. Inputs are kept in `fuzz/corpus`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let seconds = match arguments {
        [] => SECONDS,
        [seconds] => seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?,
        _ => return Err("cargo xtask fuzz [SECONDS]".to_owned()),
    };
    let folder = crate::root().join("fuzz");
    let targets = fs::read_dir(folder.join("fuzz_targets")).map_err(|error| error.to_string())?;
    let mut names: Vec<_> = targets
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let mut failed = Vec::new();
    for name in names {
        println!("== {name}, {seconds} s");
        // The compiler's own switches for coverage are all that is needed of a nightly one.
        let status = Command::new(env!("CARGO"))
            .args(["fuzz", "run", "--sanitizer", "none", &name, "--", &format!("-max_total_time={seconds}")])
            .args(["-timeout=20", "-rss_limit_mb=4096"])
            .env("RUSTC_BOOTSTRAP", "1")
            .current_dir(&folder)
            .status()
            .map_err(|error| error.to_string())?;
        if !status.success() {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("found something: {}", failed.join(", "))) }
}
