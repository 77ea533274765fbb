//! Go modules: `go.mod` and what the linker writes into programs (The Go Blog, "debug/buildinfo").

use lockgate_model::inventory::Confidence;

use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    // The module cache holds the sources of others, each with its own list.
    crate::paths::split(path).1 == "go.mod"
        && !path.contains("/pkg/mod/")
        && !path.contains("/vendor/")
        && !path.contains("testdata/")
        && !path.contains("usr/local/go/")
        && !path.contains("usr/lib/go")
        && !path.contains("usr/share/go")
}

/// `require` lines. `replace` names what is taken instead.
pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    let (mut packages, mut replaced, mut block) = (Vec::new(), Vec::new(), "");
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let words: Vec<_> = line.split_whitespace().collect();
        let (verb, rest) = match words.as_slice() {
            [verb, "("] => {
                block = if *verb == "require" { "require" } else { "replace" };
                continue;
            }
            [")"] => {
                block = "";
                continue;
            }
            [verb @ ("require" | "replace"), rest @ ..] => (*verb, rest),
            rest => (block, rest),
        };
        match (verb, rest) {
            ("require", [name, version]) => packages.push(module(name, version, Found::declared)),
            ("replace", [old, .., "=>", new, version]) => {
                replaced.push((old.trim_matches('"').to_owned(), module(new, version, Found::declared)));
            }
            _ => {}
        }
    }
    for (old, new) in replaced {
        for package in packages.iter_mut().filter(|package| package.name == old) {
            *package = new.clone();
        }
    }
    Ok(packages.into())
}

fn module(name: &str, version: &str, make: fn(PackageKind, String, String) -> Found) -> Found {
    // Advisories name versions without the `v`.
    let version = version.strip_prefix('v').unwrap_or(version).trim_end_matches("+incompatible");
    make(PackageKind::Go, name.trim_matches('"').to_owned(), version.to_owned())
}

/// The modules of a program: `path`, `mod`, `dep`, `=>` and `build` lines, fields parted by tabs (runtime/debug,
/// "BuildInfo"). The main module is the first.
pub(super) fn built_in(text: &str) -> Vec<Found> {
    let mut packages: Vec<Found> = Vec::new();
    let (mut main, mut path, mut settings) = (false, "", Vec::new());
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["path", of_main] => path = of_main,
            ["build", setting] => settings.extend(setting.split_once('=')),
            ["mod", name, version, ..] => {
                main = true;
                packages.insert(0, module(name, version, Found::new));
            }
            ["dep", name, version, ..] => packages.push(module(name, version, Found::new)),
            ["=>", name, version, ..] => {
                packages.pop();
                packages.push(module(name, version, Found::new));
            }
            _ => {}
        }
    }
    // Built without modules, as Debian does, a program names its package only.
    if let Some(name) = of_package(path).filter(|_| !main) {
        packages.insert(0, module(name, "(devel)", Found::new));
    }
    for package in packages.iter_mut().filter(|package| package.version == "(devel)").take(1) {
        let setting = |key: &str| settings.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let linked = setting("-ldflags").and_then(|flags| version_flag(flags, &package.name));
        let stamped = || pseudo_version(&package.name, setting("vcs.time")?, setting("vcs.revision")?);
        if let Some(version) = linked.or_else(stamped) {
            package.version = version;
            package.confidence = Confidence::Derived;
        }
    }
    packages.retain(|package| !package.version.is_empty() && (main || package.version != "(devel)"));
    packages
}

/// The module of a program's package, as far as its path says: a repository of the large hosts, or what is before `cmd`.
fn of_package(path: &str) -> Option<&str> {
    const HOSTS: [&str; 4] = ["github.com/", "gitlab.com/", "bitbucket.org/", "golang.org/"];
    let end = if HOSTS.iter().any(|host| path.starts_with(host)) {
        path.match_indices('/').nth(2).map(|(at, _)| at)
    } else {
        path.find("/cmd/")
    };
    let module = end.map_or(path, |end| path.get(..end).unwrap_or(path));
    module.split('/').next().is_some_and(|host| host.contains('.')).then_some(module)
}

/// The version in `-X main.version=1.0.0`, which the makers gave the linker: of the program's own variables, else of any.
fn version_flag(flags: &str, main: &str) -> Option<String> {
    const NAMES: [&str; 6] = ["version", "ver", "gitversion", "buildversion", "appversion", "releaseversion"];
    let words = flags.split([' ', '"', '\'', '\\']).filter_map(|word| word.split_once('='));
    let versions = words.filter_map(|(variable, version)| {
        let name = variable.rsplit('.').next().unwrap_or(variable).to_ascii_lowercase();
        let version = version.trim_start_matches('v');
        let sound = version.contains('.') && version.starts_with(|first: char| first.is_ascii_digit());
        (sound && NAMES.contains(&name.as_str())).then_some((variable, version))
    });
    let versions: Vec<_> = versions.collect();
    let own = |variable: &str| variable.starts_with("main.") || variable.starts_with(main);
    let chosen = versions.iter().find(|(variable, _)| own(variable)).or(versions.first())?;
    Some(chosen.1.to_owned())
}

/// The version that Go gives a commit without a tag: `0.0.0-20230405060708-abcdefabcdef` (Go Modules Reference,
/// "Pseudo-versions"), with the major version of the module's path.
fn pseudo_version(module: &str, time: &str, revision: &str) -> Option<String> {
    let time: String = time.split(['.', 'Z', '+']).next()?.chars().filter(char::is_ascii_digit).collect();
    let revision = revision.get(..12).filter(|one| one.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let major = module.rsplit(['/', '.']).next()?.strip_prefix('v').filter(|major| {
        !major.is_empty() && !major.starts_with('0') && major.bytes().all(|byte| byte.is_ascii_digit())
    });
    let major = major.filter(|major| *major != "1").unwrap_or("0");
    (time.len() == 14).then(|| format!("{major}.0.0-{time}-{revision}"))
}

/// The standard library, by the version of the compiler: `go1.22.1`, with what vendors add; `devel go1.23-abc` comes before
/// 1.23.
pub(super) fn standard_library(version: &str) -> Option<Found> {
    let (released, version) = match version.strip_prefix("devel ") {
        Some(version) => (false, version),
        None => (true, version),
    };
    let number = version.strip_prefix("go")?.split([' ', '-', '+']).next()?;
    let sound = number.starts_with(|first: char| first.is_ascii_digit());
    let number = if released { number.to_owned() } else { format!("{number}-devel") };
    sound.then(|| Found::new(PackageKind::Go, "stdlib", number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_lists_its_modules() {
        let text = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\tgolang.org/x/text\tv0.3.5\th1:x=\n\
                    dep\ta.b/c\tv1.0.0\n=>\ta.b/d\tv1.0.1\th1:y=\nbuild\t-compiler=gc\n";
        let found = built_in(text);
        let names: Vec<_> = found.iter().map(|one| format!("{}@{}", one.name, one.version)).collect();
        assert_eq!(names, ["example.com/app@(devel)", "golang.org/x/text@0.3.5", "a.b/d@1.0.1"]);
        assert_eq!(standard_library("go1.22.1 X:foo").unwrap().version, "1.22.1");
        assert_eq!(standard_library("devel go1.23-f00 Tue").unwrap().version, "1.23-devel");
        assert!(["devel", "devel +f00", "go", "gox"].iter().all(|bad| standard_library(bad).is_none()));
    }

    #[test]
    fn the_main_module_has_the_version_that_it_was_built_with() {
        let version = |text: &str| built_in(text).first().map(|one| format!("{}@{}", one.name, one.version));
        let flags = |module: &str, flags: &str| {
            version(&format!("mod\t{module}\t(devel)\t\nbuild\t-ldflags=\"{flags}\"\nbuild\tvcs.time=x\n"))
        };
        let own = "-w -s -X main.version=1.18.1 -X main.date=x";
        assert_eq!(flags("a.b/c", own).unwrap(), "a.b/c@1.18.1");
        let others = "-X x.y/z.Version=9.9.9 -X 'a.b/c/v.GitVersion=v1.2.3'";
        assert_eq!(flags("a.b/c", others).unwrap(), "a.b/c@1.2.3");
        assert_eq!(flags("k8s.io/a", "-X x.y/z.gitVersion=v1.28.3").unwrap(), "k8s.io/a@1.28.3");
        for none in ["-X main.version=dev", "-X main.date=1.2", "-X main.version", ""] {
            assert_eq!(flags("a.b/c", none).unwrap(), "a.b/c@(devel)", "{none}");
        }
        let stamp = "build\tvcs.revision=abcdefabcdefabcdef\nbuild\tvcs.time=2023-04-05T06:07:08Z\n";
        for (module, expected) in [("a.b/c", "0"), ("a.b/c/v2", "2"), ("gopkg.in/c.v3", "3"), ("a.b/v", "0")]
        {
            let text = format!("dep\tx.y/z\tv1.0.0\t\nmod\t{module}\t(devel)\t\n{stamp}");
            let expected = format!("{module}@{expected}.0.0-20230405060708-abcdefabcdef");
            assert_eq!(version(&text).unwrap(), expected);
        }
        let gopath = "path\tgithub.com/docker/distribution/cmd/registry\nbuild\t-ldflags=\"-X github.com/docker/distribution/version.Version=2.8.3+ds1\"\n";
        assert_eq!(version(gopath).unwrap(), "github.com/docker/distribution@2.8.3+ds1");
        assert_eq!(version("path\tcommand-line-arguments\nbuild\t-ldflags=\"-X main.version=1.0\"\n"), None);
        assert_eq!(version("path\tgithub.com/a/b\n"), None);
    }
}
