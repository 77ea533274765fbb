//! Real parts for tests: registries on loopback ports, the peers' command lines, and the material in
//! `../shared/arena`.
//!
//! A part that cannot be had is [`Absent`]: the test says `skipped: WHY` and ends, or fails where
//! `LOCKGATE_NO_SKIP` is set.

mod registry;
mod token;

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

pub use registry::{Auth, Part, docker_registry, ferro};

/// Why a part cannot be had.
#[derive(Debug)]
pub struct Absent(pub String);

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder where `cargo xtask test` puts parts.
pub fn folder() -> PathBuf {
    set("LOCKGATE_PARTS").unwrap_or_else(|| cache().unwrap_or_else(std::env::temp_dir).join("lockgate/parts"))
}

/// The path in an environment variable.
fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The folder of caches (XDG Base Directory Specification).
fn cache() -> Option<PathBuf> {
    set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
}

/// The program called `name`: in the folder of parts, or on the path.
pub fn program(name: &str) -> Result<PathBuf, Absent> {
    let parts = folder();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = [parts.join("bin"), parts.join("cargo/bin")].into_iter().chain(std::env::split_paths(&path));
    let mut found = places.map(|place| place.join(name)).filter(|file| file.is_file());
    found.next().ok_or_else(|| Absent(format!("{name} is not installed")))
}

/// The folder `../shared/arena` beside the repository.
pub fn arena() -> Result<PathBuf, Absent> {
    let path = crate::root().join("../shared/arena");
    if path.is_dir() { Ok(path) } else { Err(Absent("../shared/arena is not here".to_owned())) }
}

/// The folder where `../shared/arena/build-images` puts large images (`images/`) and two peers (`bin/trivy`, `bin/syft`).
pub fn built_images() -> Result<PathBuf, Absent> {
    let folder = cache().unwrap_or_default().join("lockgate-arena");
    let there = folder.join("bin/trivy").is_file() && folder.join("bin/syft").is_file();
    let missing = "build the images with `../shared/arena/build-images peers` and `build all`";
    if there && folder.join("images").is_dir() { Ok(folder) } else { Err(Absent(missing.to_owned())) }
}

/// The signatures and documents of the arena, unpacked once.
pub fn arena_signing() -> Result<PathBuf, Absent> {
    let packed = arena()?.join("signing.tar.zst");
    let told = |error: std::io::Error| Absent(format!("signing.tar.zst cannot be unpacked: {error}"));
    let size = std::fs::metadata(&packed).map_err(told)?.len();
    let place = folder().join(format!("signing-{size}"));
    if !place.is_dir() {
        std::fs::create_dir_all(folder()).map_err(told)?;
        let fresh = tempfile::tempdir_in(folder()).map_err(told)?;
        let tar =
            Command::new("tar").arg("--zstd").arg("-xf").arg(&packed).arg("-C").arg(fresh.path()).status();
        if !tar.map_err(told)?.success() {
            return Err(Absent("signing.tar.zst cannot be unpacked: is zstd there?".to_owned()));
        }
        // Another test may have been faster: then its copy serves.
        let _renamed = std::fs::rename(fresh.path(), &place);
    }
    Ok(place.join("signing"))
}

/// The part, or nothing after saying why the test ends here.
///
/// # Panics
///
/// When `LOCKGATE_NO_SKIP` is set and the part cannot be had.
pub fn or_skip<T>(part: Result<T, Absent>, test: &str) -> Option<T> {
    match part {
        Ok(part) => Some(part),
        Err(absent) => {
            assert!(std::env::var_os("LOCKGATE_NO_SKIP").is_none(), "{test} was skipped: {absent}");
            eprintln!("skipped: {absent} ({test})");
            crate::test::note_skip(test, &absent.0);
            None
        }
    }
}

/// The tools that judge reports.
pub struct Validators {
    /// A Python that has CycloneDX's and SPDX's libraries.
    pub python: PathBuf,
    /// The schemas of JUnit: Ant's and Jenkins's.
    pub junit: [PathBuf; 2],
    /// Microsoft's SARIF multitool.
    pub sarif: PathBuf,
}

/// The tools that judge reports, where they are all there.
pub fn validators() -> Result<Validators, Absent> {
    program("xmllint")?;
    let folder = folder().join("validators");
    let schemas = folder.join("junit/package/test/resources");
    let found = Validators {
        python: folder.join("python/bin/python"),
        junit: ["JUnit.xsd", "jenkins-junit.xsd"].map(|name| schemas.join(name)),
        sarif: folder.join("sarif/package/Sarif.Multitool"),
    };
    let [ant, jenkins] = &found.junit;
    match [&found.python, &found.sarif, ant, jenkins].iter().find(|file| !file.is_file()) {
        Some(missing) => Err(Absent(format!("{} is not there", missing.display()))),
        None => Ok(found),
    }
}

/// The most memory that this process has had, in KiB (proc(5), `VmHWM`).
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}
