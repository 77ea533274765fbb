//! `cargo xtask bench [NAME...]`: the benchmarks, one after another, each with the machine's load before it.

use std::fs;
use std::process::Command;

use crate::parts;

/// Runs the benchmarks called so, or all. All are built first and together, so that nothing is built twice and no
/// compiler runs beside a measurement.
pub fn run(names: &[String]) -> Result<(), String> {
    let known = known()?;
    if let Some(stranger) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no benchmark `{stranger}`: {}", known.join(", ")));
    }
    let wanted: Vec<_> = known.iter().filter(|name| names.is_empty() || names.contains(name)).collect();
    // Each by name: `--benches` would build every library and program a second time, to look for benchmarks in them.
    let mut build: Vec<_> = wanted.iter().flat_map(|name| ["--bench", name.as_str()]).collect();
    build.push("--no-run");
    cargo(&build)?;
    for name in wanted {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("== {name}; load {}", load.trim());
        cargo(&["--bench", name])?;
    }
    Ok(())
}

/// Every benchmark of the workspace, by name.
fn known() -> Result<Vec<String>, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut names = Vec::new();
    for package in fs::read_dir(crate::root().join("crates")).map_err(told)? {
        let folder = package.map_err(told)?.path().join("benches");
        for file in fs::read_dir(folder).into_iter().flatten() {
            let name = file.map_err(told)?.path().file_stem().map(|name| name.to_string_lossy().into_owned());
            names.extend(name);
        }
    }
    names.sort();
    Ok(names)
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .args(["bench", "--quiet", "--workspace"])
        .args(arguments)
        .env("LOCKGATE_PARTS", parts::folder())
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("cargo bench {} failed", arguments.join(" "))) }
}
