//! `cargo xtask compare [IMAGE...]`: the packages that Lockgate finds in large real images beside those that Trivy and Syft
//! find there. The images and the two peers are made by `../shared/arena/build-images`. Each difference that no rule of
//! `docs/scanner-differences.md` explains is printed, and is a failure.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A package as some scanner lists it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    /// Name and version in one spelling.
    package: String,
    /// The file that says so, or what is scanned where the scanner names none.
    path: String,
}

/// Compares the images called so, or all that were built.
pub fn run(names: &[String]) -> Result<(), String> {
    let arena = crate::parts::built_images().map_err(|absent| absent.to_string())?;
    let names = if names.is_empty() { folders(&arena.join("images"))? } else { names.to_vec() };
    let mut unexplained = 0;
    for name in &names {
        unexplained += image(&arena, name)?;
    }
    if unexplained == 0 {
        Ok(())
    } else {
        Err(format!("{unexplained} packages are missing and not explained"))
    }
}

/// Compares one image; how many packages are missing and not explained.
fn image(arena: &Path, name: &str) -> Result<usize, String> {
    let layout = arena.join("images").join(name);
    let (ours, unread) = lockgate(&layout)?;
    let known: BTreeSet<_> = ours.iter().map(|one| one.package.as_str()).collect();
    println!("{name}: {} packages, {unread} files not read", ours.len());
    let (mut unexplained, mut seen) = (unread, BTreeSet::new());
    for (peer, theirs) in [("trivy", trivy(arena, &layout)?), ("syft", syft(arena, &layout)?)] {
        let missing: Vec<_> = theirs.iter().filter(|one| !known.contains(one.package.as_str())).collect();
        let (explained, rest): (Vec<_>, Vec<_>) = missing.into_iter().partition(|one| one.explained());
        println!("  {peer}: {} packages, {} more than here and explained", theirs.len(), explained.len());
        for one in &rest {
            println!("    missing: {} in {}", one.package, one.path);
        }
        unexplained += rest.len();
        seen.extend(theirs.into_iter().map(|one| one.package));
    }
    let only: BTreeSet<_> = known.iter().filter(|package| !seen.contains(**package)).collect();
    println!("  only here: {}", only.len());
    for package in only {
        println!("    {package}");
    }
    Ok(unexplained)
}

impl Listed {
    fn new(name: &str, version: &str, path: &str) -> Self {
        // Maven's group, Go's and npm's ways to write a version: scanners spell them in ways of their own.
        let name = name.rsplit(':').next().unwrap_or(name).to_lowercase();
        let version = version.to_lowercase();
        let bare = version.strip_prefix("go").or_else(|| version.strip_prefix('v')).unwrap_or(&version);
        let bare = bare.strip_suffix("+incompatible").unwrap_or(bare);
        let package = format!("{name}@{bare}").replace(['_', '.'], "-");
        Self { package, path: path.to_owned() }
    }

    /// Whether `docs/scanner-differences.md` says why it is no package.
    fn explained(&self) -> bool {
        const MATERIAL: [&str; 8] =
            ["test", "tests", "__tests__", "fixtures", "example", "examples", "doc", "docs"];
        let version = self.package.rsplit('@').next().unwrap_or_default();
        let material = || self.path.split('/').any(|part| MATERIAL.contains(&part));
        let description = self.path.ends_with("/package.json");
        let of_windows = [".exe", ".dll"].iter().any(|end| self.path.ends_with(end));
        matches!(version, "" | "unknown")
            || of_windows
            || description && (!self.path.contains("node_modules/") || material())
    }
}

fn lockgate(layout: &Path) -> Result<(BTreeSet<Listed>, usize), String> {
    let cache = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--release", "--package", "lockgate", "--", "scan"]);
    command.arg(format!("oci:{}", layout.display())).args(["--output", "json"]);
    let told = json(command.env("XDG_CACHE_HOME", cache.path()))?;
    let images = || list(&told, "images").iter().filter_map(|image| image.get("inventory"));
    let packages = images().flat_map(|inventory| list(inventory, "packages"));
    let packages =
        packages.map(|one| Listed::new(word(one, "name"), word(one, "version"), word(one, "path")));
    let unread = images().map(|inventory| list(inventory, "unread").len()).sum();
    Ok((packages.collect(), unread))
}

fn trivy(arena: &Path, layout: &Path) -> Result<BTreeSet<Listed>, String> {
    let cache = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut command = Command::new(arena.join("bin/trivy"));
    command.args(["image", "--quiet", "--offline-scan", "--skip-db-update", "--skip-java-db-update"]);
    command.args(["--format", "json", "--list-all-pkgs", "--scanners", "license", "--cache-dir"]);
    let told = json(command.arg(cache.path()).arg("--input").arg(layout))?;
    let mut packages = BTreeSet::new();
    for result in list(&told, "Results") {
        for one in list(result, "Packages") {
            let (version, release) = (word(one, "Version"), word(one, "Release"));
            let epoch = one.get("Epoch").and_then(Value::as_u64).filter(|epoch| *epoch > 0);
            let version =
                if release.is_empty() { version.to_owned() } else { format!("{version}-{release}") };
            let version = epoch.map_or(version.clone(), |epoch| format!("{epoch}:{version}"));
            let path =
                [word(one, "FilePath"), word(result, "Target")].into_iter().find(|path| !path.is_empty());
            packages.insert(Listed::new(word(one, "Name"), &version, path.unwrap_or_default()));
        }
    }
    Ok(packages)
}

fn syft(arena: &Path, layout: &Path) -> Result<BTreeSet<Listed>, String> {
    let mut command = Command::new(arena.join("bin/syft"));
    let told = json(command.args(["-q", &format!("oci-dir:{}", layout.display()), "-o", "syft-json"]))?;
    let packages = list(&told, "artifacts").iter().map(|one| {
        let path = list(one, "locations").first().map(|place| word(place, "path"));
        Listed::new(word(one, "name"), word(one, "version"), path.unwrap_or_default())
    });
    Ok(packages.collect())
}

fn json(command: &mut Command) -> Result<Value, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("{command:?} printed no JSON: {error}; {}", String::from_utf8_lossy(&output.stderr))
    })
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn folders(place: &PathBuf) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(place).map_err(|error| format!("{}: {error}", place.display()))?;
    let mut names: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}
