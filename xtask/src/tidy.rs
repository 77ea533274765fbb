//! What no compiler checks: the arrows between crates, the size of files, the opening of modules, the words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may use.
const ARROWS: [(&str, &[&str]); 10] = [
    ("lockgate-model", &[]),
    ("lockgate-attest", &["lockgate-model"]),
    ("lockgate-scan", &["lockgate-model"]),
    ("lockgate-ledger", &["lockgate-model"]),
    ("lockgate-store", &["lockgate-model"]),
    ("lockgate-registry", &["lockgate-model"]),
    ("lockgate-judge", &["lockgate-model", "lockgate-attest", "lockgate-scan"]),
    (
        "lockgate-engine",
        &["lockgate-model", "lockgate-attest", "lockgate-scan", "lockgate-ledger", "lockgate-judge"],
    ),
    (
        "lockgate",
        &[
            "lockgate-model",
            "lockgate-attest",
            "lockgate-scan",
            "lockgate-ledger",
            "lockgate-judge",
            "lockgate-store",
            "lockgate-registry",
            "lockgate-engine",
        ],
    ),
    ("xtask", &[]),
];
/// The crates that know no world.
const PURE: [&str; 5] =
    ["lockgate-model", "lockgate-attest", "lockgate-scan", "lockgate-ledger", "lockgate-judge"];
/// What a pure crate may not reach, however far down.
const WORLDLY: [&str; 6] = ["tokio", "reqwest", "sqlx", "hyper", "socket2", "mio"];
/// What nobody may bring in: other TLS stacks, and a crate with RUSTSEC-2023-0071.
const BANNED: [&str; 4] = ["openssl", "native-tls", "ring", "rsa"];
/// Most lines of a file.
const LINES: usize = 600;
/// Names that say nothing.
const WORDS: [&str; 3] = ["manager", "util", "helper"];

/// Words of which none may be in the name of an option: nothing lets anybody pass a gate by.
const SKIPPING: [&str; 7] = ["skip", "force", "bypass", "ignore", "insecure", "no-verify", "unsafe"];

/// The packages that each package uses, by name; development is another matter.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// Checks the repository.
pub fn run() -> Result<(), String> {
    let root = &crate::root();
    let mut problems = arrows(&uses(root)?);
    for file in sources(root)? {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        problems.extend(source(&file.display().to_string(), &text));
    }
    problems.extend(crate::corpus::check(root)?);
    problems.extend(bans(root)?);
    if problems.is_empty() { Ok(()) } else { Err(format!("tidy:\n{}", problems.join("\n"))) }
}

fn uses(root: &Path) -> Result<Uses, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: BTreeMap<_, _> = list(&metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let packages: BTreeMap<_, _> =
        list(&metadata, "packages").into_iter().map(|package| (text(&package, "id"), package)).collect();
    let mut uses = Uses::new();
    for node in list(metadata.get("resolve").unwrap_or(&Value::Null), "nodes") {
        let name = names.get(&text(&node, "id")).cloned().unwrap_or_default();
        let direct = uses.entry(name).or_default();
        let features: BTreeSet<_> =
            list(&node, "features").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        for dependency in list(&node, "deps") {
            let normal = list(&dependency, "dep_kinds").iter().any(|kind| {
                let target = text(kind, "target");
                kind.get("kind").is_some_and(Value::is_null)
                    && !target.contains("wasm")
                    && !target.contains("windows")
            });
            let needed = names.get(&text(&dependency, "pkg"));
            let package = packages.get(&text(&node, "id"));
            let built = |needed: &&String| package.is_none_or(|of| is_built(of, &features, needed));
            if normal {
                direct.extend(needed.filter(built).cloned());
            }
        }
    }
    Ok(uses)
}

/// Whether `package`, with these features, is built with `used`. The resolution also lists optional packages of which a
/// feature says `used?/more`, which builds nothing: rustls-webpki's ring is one.
fn is_built(package: &Value, features: &BTreeSet<String>, used: &str) -> bool {
    let none = Vec::new();
    let list = |name: &str| package.get(name).and_then(Value::as_array).unwrap_or(&none);
    let of = list("dependencies").iter().filter(|one| one.get("name").and_then(Value::as_str) == Some(used));
    let (mut known, mut built) = (false, false);
    for dependency in of {
        known = true;
        let name = dependency.get("rename").and_then(Value::as_str).unwrap_or(used);
        let optional = dependency.get("optional").and_then(Value::as_bool).unwrap_or(false);
        let (whole, part) = (format!("dep:{name}"), format!("{name}/"));
        let enables = |word: &str| word == name || word == whole || word.starts_with(&part);
        let said = |feature: &String| {
            let words = package.get("features").and_then(|all| all.get(feature)).and_then(Value::as_array);
            words.into_iter().flatten().filter_map(Value::as_str).any(enables)
        };
        built |= !optional || features.contains(name) || features.iter().any(said);
    }
    built || !known
}

/// What is wrong with the arrows.
pub fn arrows(uses: &Uses) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, allowed) in ARROWS {
        for used in uses.get(name).into_iter().flatten().filter(|used| used.starts_with("lockgate")) {
            if !allowed.contains(&used.as_str()) {
                problems.push(format!("{name} may not use {used} (docs/ARCHITECTURE.md)"));
            }
        }
    }
    for name in PURE {
        for used in reach(uses, name).intersection(&WORLDLY.map(str::to_owned).into()) {
            problems.push(format!("{name} is pure, and reaches {used}"));
        }
    }
    for name in ARROWS.map(|(name, _)| name) {
        for used in reach(uses, name).intersection(&BANNED.map(str::to_owned).into()) {
            problems.push(format!("{name} reaches {used}, which is banned (deny.toml)"));
        }
    }
    problems
}

fn reach(uses: &Uses, name: &str) -> BTreeSet<String> {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(one) = waiting.pop() {
        for used in uses.get(&one).into_iter().flatten() {
            if seen.insert(used.clone()) {
                waiting.push(used.clone());
            }
        }
    }
    seen
}

fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut files, mut folders) = (Vec::new(), vec![root.join("crates"), root.join("xtask")]);
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?.flatten()
        {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What is wrong with a source file.
pub fn source(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push(format!("{path}: it does not open with `//!` and what it is for"));
    }
    let lines = text.lines().count();
    if lines > LINES {
        problems.push(format!("{path}: {lines} lines; at most {LINES}"));
    }
    if path.contains("/args") {
        problems.extend(skip_flags(path, text));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    for word in WORDS {
        let named = text.lines().any(|line| {
            let item = ["fn ", "struct ", "enum ", "trait ", "mod "]
                .iter()
                .find_map(|kind| line.trim_start().trim_start_matches("pub ").strip_prefix(kind));
            item.is_some_and(|item| {
                item.split(['(', '<', ' ', ';', '{']).next().unwrap_or_default().to_lowercase().contains(word)
            })
        });
        if named || name.contains(word) {
            problems.push(format!("{path}: `{word}` says nothing: name what it does"));
        }
    }
    problems
}

/// Pure crates whose `clippy.toml` is not that of the others: what is banned in one is banned in all.
fn bans(root: &Path) -> Result<Vec<String>, String> {
    let mut texts = BTreeMap::new();
    for name in PURE {
        let path = format!("crates/{}/clippy.toml", name.trim_start_matches("lockgate-"));
        let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        texts.insert(path, text);
    }
    let first = texts.values().next().cloned().unwrap_or_default();
    let odd = texts.iter().filter(|(_, text)| **text != first);
    Ok(odd.map(|(path, _)| format!("{path}: the pure crates ban the same")).collect())
}

/// Options of the command line whose names promise a way past a gate: fields of argument structs, and names given by hand.
fn skip_flags(path: &str, text: &str) -> Vec<String> {
    let named = |line: &&str| {
        let field = line.trim().trim_start_matches("pub ").trim_start_matches("pub(super) ");
        let is_field = field.split_once(':').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        });
        let option = if is_field { field.split(':').next() } else { line.split("long = \"").nth(1) };
        let option = option.and_then(|option| option.split('"').next()).unwrap_or_default();
        SKIPPING.iter().any(|word| option.replace('_', "-").contains(word))
    };
    let flags = text.lines().filter(named);
    flags
        .map(|line| format!("{path}: `{}`: there is no skip flag (docs/ARCHITECTURE.md)", line.trim()))
        .collect()
}
