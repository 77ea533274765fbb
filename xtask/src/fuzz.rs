//! `cargo xtask fuzz [SECONDS] [TARGET...]`: the fuzz targets called so, or all, each for so long, as many at once as there
//! are processors. Needs `cargo install cargo-fuzz`. What a target printed is in `fuzz/logs`, what it learned in
//! `fuzz/corpus`, what broke it in `fuzz/artifacts`; `fuzz/seeds` and the catalogers' test files are what it begins with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// How long each target runs, unless said.
const SECONDS: &str = "600";

/// Runs the targets and names those that found something.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (seconds, names) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u32>().is_ok() => (first.as_str(), rest),
        _ => (SECONDS, arguments),
    };
    let folder = crate::root().join("fuzz");
    let known = targets(&folder)?;
    if let Some(stranger) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no fuzz target `{stranger}`: {}", known.join(", ")));
    }
    if !fuzz(&folder, &["build", "--sanitizer", "none"]).status().is_ok_and(|status| status.success()) {
        return Err("the fuzz targets do not build: is cargo-fuzz installed?".to_owned());
    }
    fs::create_dir_all(folder.join("logs")).map_err(|error| error.to_string())?;
    let seeds = flat_seeds(&folder)?;
    let waiting = Mutex::new(if names.is_empty() { known } else { names.to_vec() });
    let failed = Mutex::new(Vec::new());
    let next = || waiting.lock().ok().and_then(|mut names| names.pop());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some(name) = next() {
                    let told = one(&folder, &name, seconds, seeds.path());
                    println!("{name}: {}", told.as_ref().unwrap_or_else(|why| why));
                    if let (Err(_), Ok(mut failed)) = (told, failed.lock()) {
                        failed.push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if failed.is_empty() { Ok(()) } else { Err(format!("found something: {}", failed.join(", "))) }
}

/// Runs one target; how many inputs it tried, or what is wrong.
fn one(folder: &Path, name: &str, seconds: &str, shared: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let (log, corpus) = (folder.join("logs").join(name), folder.join("corpus").join(name));
    fs::create_dir_all(&corpus).map_err(told)?;
    let own = folder.join("seeds").join(name);
    let made = made_seeds(folder, name)?;
    let seeds = match &made {
        Some(made) => made.path().to_owned(),
        None if own.is_dir() => own,
        None => shared.to_owned(),
    };
    let status = fuzz(folder, &["run", "--sanitizer", "none", name])
        .args([&corpus, &seeds])
        .args(["--", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1"])
        .arg(format!("-max_total_time={seconds}"))
        .stdout(File::create(&log).map_err(told)?)
        .stderr(File::options().append(true).open(&log).map_err(told)?)
        .status()
        .map_err(told)?;
    let text = String::from_utf8_lossy(&fs::read(&log).map_err(told)?).into_owned();
    let units = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    match (status.success(), units) {
        (true, Some(units)) => Ok(format!("{} inputs in {seconds} s, clean", units.trim())),
        _ => Err(format!("found something: {}", log.display())),
    }
}

fn fuzz(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    // The compiler's own switches for coverage are all that is needed of a nightly one.
    command.arg("fuzz").args(arguments).env("RUSTC_BOOTSTRAP", "1").current_dir(folder);
    command
}

fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let files = fs::read_dir(folder.join("fuzz_targets")).map_err(|error| error.to_string())?;
    let mut names: Vec<_> = files
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Seeds that are made of other files of the repository: frozen Cases with their inputs, and the file that `init` writes.
fn made_seeds(folder: &Path, name: &str) -> Result<Option<tempfile::TempDir>, String> {
    let told = |error: std::io::Error| error.to_string();
    let made = tempfile::tempdir().map_err(told)?;
    match name {
        "config" => {
            let starter = folder.join("../crates/lockgate/src/starter/lockgate.yaml");
            fs::copy(starter, made.path().join("starter")).map_err(told)?;
        }
        "decide" => {
            for edition in fs::read_dir(folder.join("../corpus")).map_err(told)?.flatten() {
                for case in fs::read_dir(edition.path()).into_iter().flatten().flatten() {
                    let seed = case_seed(&case.path()).map_err(told)?;
                    fs::write(made.path().join(case.file_name()), seed).map_err(told)?;
                }
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(made))
}

/// A frozen Case as the target `decide` reads it.
fn case_seed(folder: &Path) -> std::io::Result<String> {
    let record: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("case.json"))?)?;
    let mut inputs = Vec::new();
    for input in fs::read_dir(folder.join("inputs"))?.flatten() {
        inputs.push(String::from_utf8_lossy(&fs::read(input.path())?).into_owned());
    }
    inputs.sort();
    Ok(serde_json::json!({"record": record, "inputs": inputs}).to_string())
}

/// The files of the catalogers' tests in one folder: a target that has no seeds of its own begins with these.
fn flat_seeds(folder: &Path) -> Result<tempfile::TempDir, String> {
    let told = |error: std::io::Error| error.to_string();
    let flat = tempfile::tempdir().map_err(told)?;
    let mut open: Vec<PathBuf> = vec![folder.join("../crates/scan/tests/catalogers")];
    let mut count = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let below = fs::read_dir(&path).map_err(told)?;
            open.extend(below.filter_map(|entry| Some(entry.ok()?.path())));
        } else {
            count += 1;
            fs::copy(&path, flat.path().join(count.to_string())).map_err(told)?;
        }
    }
    Ok(flat)
}
