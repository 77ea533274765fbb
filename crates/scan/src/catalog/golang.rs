//! Go modules: `go.mod` and what the linker writes into programs (The Go Blog, "debug/buildinfo").

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

/// The modules of a program: `path`, `mod`, `dep` and `=>` lines, fields parted by tabs (runtime/debug, "BuildInfo").
pub(super) fn built_in(text: &str) -> Vec<Found> {
    let mut packages: Vec<Found> = Vec::new();
    let mut stamped = None;
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["build", setting] => {
                stamped = stamped.or_else(|| version_flag(setting.strip_prefix("-ldflags=")?));
            }
            ["mod" | "dep", name, version, ..] => packages.push(module(name, version, Found::new)),
            ["=>", name, version, ..] => {
                packages.pop();
                packages.push(module(name, version, Found::new));
            }
            _ => {}
        }
    }
    // The program itself, built from a folder, has the version that its makers gave the linker, if any.
    for package in packages.iter_mut().filter(|package| package.version == "(devel)") {
        package.version = stamped.take().unwrap_or_else(|| package.version.clone());
    }
    packages.retain(|package| !package.version.is_empty());
    packages
}

/// The version in `-X main.version=1.0.0`.
fn version_flag(flags: &str) -> Option<String> {
    let words = flags.split([' ', '"', '\'', '\\']).filter_map(|word| word.split_once('='));
    let named = words.filter(|(name, _)| {
        matches!(name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase().as_str(), "version" | "ver")
    });
    let mut versions = named.map(|(_, version)| version.trim_start_matches('v').to_owned());
    versions
        .find(|version| version.contains('.') && version.starts_with(|first: char| first.is_ascii_digit()))
}

/// The standard library, by the version of the compiler: `go1.22.1`, with what vendors add.
pub(super) fn standard_library(version: &str) -> Option<Found> {
    let number = version.strip_prefix("go")?.split([' ', '-', '+']).next()?;
    let sound = number.starts_with(|first: char| first.is_ascii_digit());
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
        let stamped = "mod\ta\t(devel)\t\nbuild\t-ldflags=\"-w -s -X main.version=1.18.1 -X main.date=x\"\n";
        assert_eq!(built_in(stamped)[0].version, "1.18.1");
        assert_eq!(standard_library("go1.22.1 X:foo").unwrap().version, "1.22.1");
        assert_eq!(standard_library("devel"), None);
    }
}
