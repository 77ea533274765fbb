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
    let known: BTreeSet<_> = ours.iter().map(|one| one.listed.package.as_str()).collect();
    println!("{name}: {} packages, {unread} files not read", known.len());
    let (mut unexplained, mut seen) = (unread, BTreeSet::new());
    for (peer, theirs) in [("trivy", trivy(arena, &layout)?), ("syft", syft(arena, &layout)?)] {
        let missing: Vec<_> = theirs.iter().filter(|one| !known.contains(one.package.as_str())).collect();
        let (explained, rest): (Vec<_>, Vec<_>) = missing.into_iter().partition(|one| one.explained(&ours));
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
        Self { package, path: path.trim_start_matches('/').to_owned() }
    }

    fn version(&self) -> &str {
        self.package.rsplit('@').next().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.package.rsplit_once('@').map_or("", |(name, _)| name)
    }

    /// Whether it stands in one of these folders.
    fn is_in(&self, folders: &[&str]) -> bool {
        self.path.split('/').any(|part| folders.contains(&part))
    }

    fn ends(&self, ends: &[&str]) -> bool {
        ends.iter().any(|end| self.path.ends_with(end))
    }

    /// Whether `docs/scanner-differences.md` says why it is no package, or which of `ours` it is.
    fn explained(&self, ours: &[Ours]) -> bool {
        const MATERIAL: [&str; 8] =
            ["test", "tests", "__tests__", "fixtures", "example", "examples", "doc", "docs"];
        let material = self.is_in(&MATERIAL);
        let node = self.ends(&["/package.json"]) && (!self.is_in(&["node_modules"]) || material);
        let r = self.ends(&["/DESCRIPTION"]) && material;
        // The project that a `.deps.json` is of.
        let project =
            self.path.rsplit('/').next().unwrap_or_default().to_lowercase().replace(['_', '.'], "-");
        let project = project.strip_suffix("-deps-json") == Some(self.name());
        matches!(self.version(), "" | "unknown")
            || self.ends(&[".exe", ".dll"])
            || node
            || r
            || project
            || self.is_named_otherwise(ours)
            || ours.iter().any(|one| one.answers_for(self))
    }

    /// Whether the one package of its archive, program or runtime is listed under another name.
    fn is_named_otherwise(&self, ours: &[Ours]) -> bool {
        // What is at its place, and in no other archive inside of that.
        let mut here = ours.iter().filter(|one| {
            let within = one.listed.path.strip_prefix(&self.path);
            within.is_some_and(|inside| inside.is_empty() || inside.starts_with("!/META-INF/maven/"))
        });
        let same = |one: &Ours| {
            let (theirs, own) = (self.version(), one.listed.version());
            theirs == own || theirs.ends_with(&format!("-{own}"))
        };
        if self.ends(&ARCHIVES) {
            return here.any(same);
        }
        if self.ends(&["/release"]) {
            let is_it =
                |one: &Ours| one.listed.name() == "java" && self.version().starts_with(one.listed.version());
            return self.name() == "openjdk" && here.any(is_it);
        }
        // The main package of a program of Go that was built without modules, of a package of the system.
        let (file, main) = (self.path.rsplit('/').next(), self.name().rsplit('/').next());
        let is_main = file.zip(main).is_some_and(|(file, main)| file.to_lowercase().ends_with(main));
        let all: Vec<_> = here.collect();
        (is_main || self.version() == "(devel)")
            && !all.is_empty()
            && all.iter().all(|one| one.listed.name() == "stdlib" && one.is_owned)
    }
}

/// Ends of the names of archives.
const ARCHIVES: [&str; 3] = [".jar", ".war", ".ear"];

/// The place of an archive in others, as Lockgate writes it: Syft has colons between them, and Maven's names behind the last.
fn place_of(virtual_path: &str) -> String {
    let is_archive = |part: &&str| ARCHIVES.iter().any(|end| part.ends_with(end));
    virtual_path.split(':').take_while(is_archive).collect::<Vec<_>>().join("!/")
}

/// A package that Lockgate lists.
struct Ours {
    listed: Listed,
    /// Whether a package of the system installed it.
    is_owned: bool,
    /// The names of a package of the system and its source.
    system: Vec<String>,
}

impl Ours {
    /// Whether a package of the system answers for a program or library in it that `other` is, by its version's beginning.
    fn answers_for(&self, other: &Listed) -> bool {
        let starts = |text: &str, start: &str| {
            text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let program = other.is_in(&["bin", "sbin", "lib", "lib64"]);
        program
            && starts(self.listed.version(), other.version())
            && self.system.iter().any(|name| starts(name, other.name()))
    }
}

fn lockgate(layout: &Path) -> Result<(Vec<Ours>, usize), String> {
    let cache = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--release", "--package", "lockgate", "--", "scan"]);
    command.arg(format!("oci:{}", layout.display())).args(["--output", "json"]);
    let told = json(command.env("XDG_CACHE_HOME", cache.path()))?;
    let images = || list(&told, "images").iter().filter_map(|image| image.get("inventory"));
    let packages = images().flat_map(|inventory| list(inventory, "packages")).map(|one| {
        let is_of_system = word(one, "ecosystem").contains(':');
        let names = [one.get("source").map(|source| word(source, "name")), Some(word(one, "name"))];
        Ours {
            listed: Listed::new(word(one, "name"), word(one, "version"), word(one, "path")),
            is_owned: !word(one, "installed_by").is_empty(),
            system: names.into_iter().flatten().filter(|_| is_of_system).map(str::to_owned).collect(),
        }
    });
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
        let place = one.get("metadata").map(|metadata| place_of(word(metadata, "virtualPath")));
        let path = || list(one, "locations").first().map(|place| word(place, "path").to_owned());
        let path = place.filter(|place| !place.is_empty()).or_else(path);
        Listed::new(word(one, "name"), word(one, "version"), &path.unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str, version: &str, path: &str, is_owned: bool) -> Ours {
        let system = if path.ends_with("status") { vec![name.to_owned()] } else { vec![] };
        Ours { listed: Listed::new(name, version, path), is_owned, system }
    }

    #[test]
    fn only_what_is_listed_under_another_name_is_explained() {
        let all = [
            ours("commons-logging:commons-logging", "1.2", "/x/commons-logging-1.2.jar", false),
            ours(
                "a:maven-core",
                "3.8.7",
                "/x/maven3-core.jar!/META-INF/maven/a/maven-core/pom.properties",
                false,
            ),
            ours("a:alpha", "5.3.1", "/app.war!/WEB-INF/lib/alpha-5.3.1.jar", false),
            ours("java", "17.0.21", "/jvm/release", true),
            ours("stdlib", "1.19.8", "/usr/bin/docker-registry", true),
            ours("stdlib", "1.19.8", "/usr/local/bin/docker-registry", false),
            ours("openssl", "3.0.22-1~deb12u2", "/var/lib/dpkg/status", false),
        ];
        let go = "github.com/docker/distribution/cmd/registry";
        for (name, version, path, explained) in [
            ("logging", "1.2", "/x/commons-logging-1.2.jar", true),
            ("logging", "1.3", "/x/commons-logging-1.2.jar", false),
            ("maven3-core", "3.8.7", "/x/maven3-core.jar", true),
            // Of one version with what is beside it, and not listed.
            ("beta", "5.3.1", "/app.war!/WEB-INF/lib/beta-5.3.1.jar", false),
            ("beta", "5.3.1", "/app.war", false),
            ("openjdk", "17.0.21.1+2", "/jvm/release", true),
            ("openjdk", "21.0.1", "/jvm/release", false),
            ("other", "17.0.21", "/jvm/release", false),
            (go, "v2.8.2+ds1", "/usr/bin/docker-registry", true),
            (go, "v2.8.2+ds1", "/usr/local/bin/docker-registry", false),
            ("golang.org/x/text", "v0.3.0", "/usr/bin/docker-registry", false),
            ("openssl", "3.0.22", "/usr/bin/openssl", true),
            ("openssl", "3.0.2", "/usr/bin/openssl", false),
            ("openssl", "3.0.22", "/srv/openssl", false),
            ("cli", "1.0", "/usr/share/doc/r-cran-cli/tests/x/DESCRIPTION", true),
            ("cli", "1.0", "/usr/lib/R/library/cli/DESCRIPTION", false),
            ("Python.Runtime", "3.2.1", "/p/Python.Runtime.deps.json", true),
            ("Microsoft.CSharp", "4.7.0", "/p/Python.Runtime.deps.json", false),
        ] {
            assert_eq!(
                Listed::new(name, version, path).explained(&all),
                explained,
                "{name} {version} {path}"
            );
        }
        assert_eq!(place_of("/app.war:WEB-INF/lib/beta.jar:a:beta"), "/app.war!/WEB-INF/lib/beta.jar");
    }
}
