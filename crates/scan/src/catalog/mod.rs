//! Catalogers: each a small pure function from a file's bytes to what they say.
//!
//! A cataloger is one file here, and one line in [`CATALOGERS`]; its tests are data, in `tests/catalogers/`.

mod apk;
mod archive;
mod budget;
mod cargo;
mod composer;
mod conan;
mod conda;
mod control;
mod copyright;
mod dart;
pub(crate) mod documents;
mod dotnet;
mod dpkg;
mod facts;
mod foreign;
mod golang;
mod hex;
mod java;
mod julia;
mod jvm;
mod kind;
mod lua;
mod nix;
mod node_locks;
mod npm;
mod opam;
mod opkg;
mod os_release;
mod pacman;
mod passwd;
mod pear;
mod portage;
mod program;
mod python;
mod python_locks;
mod r;
mod rpm;
mod ruby;
pub(crate) mod sbom;
mod swift;
mod wordpress;
mod zipped;

pub use facts::{Facts, Found, Owned, Sum, Sums};
pub use kind::PackageKind;
pub(crate) use kind::{released_ecosystem, system_ecosystem};
pub use program::{MAGIC as PROGRAM_MAGIC, Program};
pub(crate) use python::normalised as normalised_python;

use std::borrow::Cow;

use crate::{limits, paths};

/// A file of an image, as a cataloger sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    /// Its path, without a leading slash.
    pub(crate) path: &'a str,
    /// Its content, whole.
    pub(crate) bytes: &'a [u8],
}

impl<'a> File<'a> {
    /// Its name without folders.
    fn name(&self) -> &'a str {
        paths::split(self.path).1
    }

    /// Its content as text; what is no UTF-8 is replaced.
    fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes))
    }
}

/// One cataloger.
pub(crate) struct Cataloger {
    /// Whether it reads the file at this path.
    pub(crate) wants: fn(&str) -> bool,
    /// What the file says, or why it cannot be read.
    pub(crate) read: fn(&File<'_>) -> Result<Facts, String>,
    /// The largest file that it reads, in bytes.
    pub(crate) most: u64,
}

impl Cataloger {
    const fn new(wants: fn(&str) -> bool, read: fn(&File<'_>) -> Result<Facts, String>) -> Self {
        Self { wants, read, most: limits::FILE_BYTES }
    }

    const fn of_archives(wants: fn(&str) -> bool, read: fn(&File<'_>) -> Result<Facts, String>) -> Self {
        Self { wants, read, most: limits::ARCHIVE_BYTES }
    }
}

/// Every cataloger; the first that wants a file reads it.
const CATALOGERS: &[Cataloger] = &[
    Cataloger::new(dpkg::wants, dpkg::read),
    Cataloger::new(apk::wants, apk::read),
    Cataloger::of_archives(rpm::wants, rpm::read),
    Cataloger::new(pacman::wants, pacman::read),
    Cataloger::new(portage::wants, portage::read),
    Cataloger::new(opkg::wants, opkg::read),
    Cataloger::new(npm::wants, npm::read),
    Cataloger::new(node_locks::wants, node_locks::read),
    Cataloger::new(python::wants, python::read),
    Cataloger::new(python::stands_in, python::read_beside),
    Cataloger::new(python_locks::wants, python_locks::read),
    Cataloger::of_archives(java::wants, java::read),
    Cataloger::of_archives(zipped::wants, zipped::read),
    Cataloger::new(ruby::wants, ruby::read),
    Cataloger::new(composer::wants, composer::read),
    Cataloger::new(dotnet::wants, dotnet::read),
    Cataloger::new(golang::wants, golang::read),
    Cataloger::new(cargo::wants, cargo::read),
    Cataloger::new(conda::wants, conda::read),
    Cataloger::new(hex::wants, hex::read),
    Cataloger::new(dart::wants, dart::read),
    Cataloger::new(swift::wants, swift::read),
    Cataloger::new(nix::wants, nix::read),
    Cataloger::new(r::wants, r::read),
    Cataloger::new(jvm::wants, jvm::read),
    Cataloger::new(julia::wants, julia::read),
    Cataloger::new(lua::wants, lua::read),
    Cataloger::new(opam::wants, opam::read),
    Cataloger::new(conan::wants, conan::read),
    Cataloger::new(pear::wants, pear::read),
    Cataloger::new(wordpress::wants, wordpress::read),
    Cataloger::new(sbom::wants, sbom::read),
    Cataloger::new(os_release::wants, os_release::read),
    Cataloger::new(passwd::wants, passwd::read),
    Cataloger::new(copyright::wants, copyright::read),
    Cataloger::new(foreign::wants, foreign::read),
];

/// The cataloger that reads the file at `path`.
pub(crate) fn of(path: &str) -> Option<&'static Cataloger> {
    CATALOGERS.iter().find(|cataloger| (cataloger.wants)(path))
}

/// Whether any cataloger reads the file at `path`.
pub fn wants(path: &str) -> bool {
    of(path).is_some()
}

/// Whether the file at `path` is of a database of the operating system's package manager.
pub(crate) fn is_system_database(path: &str) -> bool {
    let readers = [dpkg::wants, apk::wants, rpm::wants, pacman::wants, portage::wants, opkg::wants];
    readers.iter().any(|wants| wants(path))
}

/// Whether what was read in a file called `one` would be read under the name `other` too. A program is one under every
/// name.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let place = |path: &str| CATALOGERS.iter().position(|cataloger| (cataloger.wants)(path));
    place(one) == place(other)
}

/// Whether a file beginning with this byte may be a package's description under another name.
pub(crate) fn may_begin(start: u8) -> bool {
    matches!(start, b'{' | b'M')
}

/// What a file says that is a package's description by its content, whatever its name: package managers keep files in
/// stores and link them to where they belong. With it comes the name that such a description has.
pub(crate) fn read_nameless(bytes: &[u8]) -> Option<(Facts, &'static str)> {
    let usual = if bytes.starts_with(b"Metadata-Version:") {
        "x.dist-info/METADATA"
    } else if memchr::memmem::find(bytes, b"\"version\"").is_some() {
        "node_modules/x/package.json"
    } else {
        return None;
    };
    read(usual, bytes).ok().filter(|facts| !facts.packages.is_empty()).map(|facts| (facts, usual))
}

/// What the file at `path` (without a leading slash) says; nothing when no cataloger reads it.
///
/// Errors: why it cannot be read, for people.
pub fn read(path: &str, bytes: &[u8]) -> Result<Facts, String> {
    let Some(cataloger) = of(path) else { return Ok(Facts::default()) };
    let mut facts = (cataloger.read)(&File { path, bytes })?;
    if facts.packages.len() > limits::PACKAGES_PER_FILE {
        return Err(format!("it names more than {} packages", limits::PACKAGES_PER_FILE));
    }
    if facts.owned.len() > limits::OWNED_PER_FILE {
        return Err(format!("it names more than {} files", limits::OWNED_PER_FILE));
    }
    if facts.packages.iter().any(|found| !found.kind.of_system()) {
        facts.sums = Some(Sums::of(bytes));
    }
    Ok(facts)
}

/// The names of descriptions beside which the text of a licence may lie.
pub(crate) const DESCRIPTIONS: [&str; 2] = ["package.json", "METADATA"];

/// The folder of the package whose licence the file at `path` may hold, by its name.
pub(crate) fn folder_of_text(path: &str) -> Option<&str> {
    const NAMES: [&str; 3] = ["licen", "copying", "unlicense"];
    let (folder, name) = paths::split(path);
    let start = name.get(..name.len().min(9))?.to_ascii_lowercase();
    let folder = folder.strip_suffix("/licenses").unwrap_or(folder);
    let of_package = folder.ends_with(".dist-info") || npm::is_package(&format!("{folder}/package.json"));
    (NAMES.iter().any(|known| start.starts_with(known)) && of_package).then_some(folder)
}

/// Whether a description that stands at `path` in the finished file system is that of an installed package. A
/// `package.json` elsewhere is a fixture or a part of one.
pub(crate) fn is_package(path: &str) -> bool {
    !npm::wants(path) || npm::is_package(path)
}

/// The packages of a description that stands at `path` in the finished file system: its place names what it leaves out, or
/// speaks of another one.
pub(crate) fn at<'f>(path: &str, facts: &'f Facts) -> Cow<'f, [Found]> {
    let with = |other: Found| facts.packages.iter().cloned().chain([other]).collect();
    match facts.packages.as_slice() {
        [found] if found.kind == PackageKind::Npm && found.name.is_empty() => {
            Vec::from_iter(npm::named_by_folder(path, found)).into()
        }
        [] => python::other_than(path, None).map_or(Cow::Borrowed(&[]), with),
        [found] if found.kind == PackageKind::Python => {
            python::other_than(path, Some(found)).map_or(Cow::Borrowed(&facts.packages), with)
        }
        packages => packages.into(),
    }
}

/// Whether the file at `path` only stands in for the description of the package in whose folder it is.
pub(crate) fn stands_in(path: &str) -> bool {
    python::stands_in(path)
}

/// Whether what a description at `path` says is an installed package although its place does not say so.
pub(crate) fn stands_alone(path: &str, facts: &Facts) -> bool {
    facts.packages.iter().all(|found| npm::stands_alone(path, found, facts.programs))
}

/// Whether a file that a package of the operating system owns may speak of other packages: programs have no
/// extension, as a rule.
fn may_speak(path: &str) -> bool {
    let name = paths::split(path).1;
    let program = !name.contains('.') && !path.starts_with("usr/share/") && !path.starts_with("etc/");
    program || Program::is_known(name) || wants(path)
}

#[cfg(test)]
mod tests {
    use lockgate_model::inventory::Distribution;
    use proptest::prelude::*;

    use super::*;

    /// A path for each cataloger that it wants.
    const PATHS: [&str; 54] = [
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/x.md5sums",
        "lib/apk/db/installed",
        "var/lib/rpm/rpmdb.sqlite",
        "var/lib/rpm/Packages",
        "var/lib/rpm/Packages.db",
        "a/node_modules/b/package.json",
        "a/package-lock.json",
        "a/yarn.lock",
        "a/pnpm-lock.yaml",
        "a/b-1.dist-info/METADATA",
        "a/b-1.dist-info/WHEEL",
        "a/requirements.txt",
        "a/poetry.lock",
        "a/Pipfile.lock",
        "a/uv.lock",
        "a/pdm.lock",
        "a/b.jar",
        "a/b.egg",
        "a/b-1.gemspec",
        "a/Gemfile.lock",
        "a/composer.lock",
        "a/vendor/composer/installed.json",
        "a/b.deps.json",
        "a/go.mod",
        "a/Cargo.lock",
        "opt/conda/conda-meta/a.json",
        "a/mix.lock",
        "a/rebar.lock",
        "a/pubspec.lock",
        "a/Package.resolved",
        "a/Podfile.lock",
        "nix/var/nix/db/db.sqlite",
        "a/b.spdx.json",
        "a/bom.json",
        "a/b.cdx.json",
        "etc/os-release",
        "etc/passwd",
        "usr/share/doc/a/copyright",
        "var/lib/pacman/local/a/desc",
        "var/lib/pacman/local/a-1-1/files",
        "var/db/pkg/a/b-1/CONTENTS",
        "usr/lib/opkg/status",
        "usr/lib/opkg/info/a.list",
        "usr/lib/R/library/a/DESCRIPTION",
        "opt/java/release",
        "a/Manifest.toml",
        "x/rocks/a/1-1/a-1-1.rockspec",
        "a/.opam-switch/switch-state",
        "a/conan.lock",
        "usr/share/php/.registry/a.reg",
        "a/wp-includes/version.php",
        "a/packages.config",
        "var/db/xbps/pkgdb-0.38.plist",
    ];

    #[test]
    fn every_cataloger_is_asked() {
        let asked = |cataloger: &&Cataloger| PATHS.iter().any(|path| (cataloger.wants)(path));
        let forgotten: Vec<_> =
            CATALOGERS.iter().enumerate().filter(|(_, one)| !asked(one)).map(|(at, _)| at).collect();
        assert!(forgotten.is_empty(), "no path above is read by the catalogers {forgotten:?}");
    }

    proptest! {
        #[test]
        fn no_cataloger_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for path in PATHS {
                let _facts = read(path, &bytes);
            }
        }

        #[test]
        fn no_cataloger_panics_on_fields(text in "([A-Za-z-]{1,12}: ?[ -~]{0,20}\n( [ -~]{0,10}\n)?\n?){0,12}") {
            for path in PATHS {
                let _facts = read(path, text.as_bytes());
            }
        }

        #[test]
        fn no_cataloger_panics_on_json(text in r#"\{("(packages|name|version|dependencies|libraries|components|default|license|lockfileVersion|pins)": ?("[ -~&&[^"\\]]{0,9}"|[0-9]|\[\]|\{\}|null|\{"a": ?\{"version": ?"1"\}\}), ?){0,6}"x": 1\}"#) {
            for path in PATHS {
                let _facts = read(path, text.as_bytes());
            }
        }
    }

    #[test]
    fn purls_are_encoded() {
        let found = Found::new(PackageKind::Npm, "@scope/name", "1.0.0+x");
        assert_eq!(PackageKind::Npm.purl(&found, None), "pkg:npm/%40scope/name@1.0.0%2Bx");
        let debian = Distribution { id: "debian".into(), version: "12".into(), codename: String::new() };
        let purl = PackageKind::Dpkg.purl(&Found { architecture: "amd64".into(), ..found }, Some(&debian));
        assert_eq!(purl, "pkg:deb/debian/%40scope%2Fname@1.0.0%2Bx?arch=amd64&distro=debian-12");
        let rpm = Found::new(PackageKind::Rpm, "bash", "1:5.1-2");
        assert_eq!(PackageKind::Rpm.purl(&rpm, None), "pkg:rpm/redhat/bash@5.1-2?epoch=1");
        let maven = Found::new(PackageKind::Maven, "org.a:b", "1");
        assert_eq!(PackageKind::Maven.purl(&maven, None), "pkg:maven/org.a/b@1");
    }
}
