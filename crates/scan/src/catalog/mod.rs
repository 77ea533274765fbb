//! Catalogers: each a small pure function from a file's bytes to what they say.
//!
//! A cataloger is one file here, and one line in [`CATALOGERS`]; its tests are data, in `tests/catalogers/`.

mod apk;
mod archive;
mod budget;
mod bundle;
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
mod nested;
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
mod probes;
mod program;
mod python;
mod python_locks;
mod r;
mod rpm;
mod ruby;
pub(crate) mod sbom;
mod sniff;
mod swift;
mod wordpress;
mod zipped;

pub(crate) use budget::LayerBudget;
pub use facts::{Facts, Found, Owned, Sum, Sums};
pub use kind::PackageKind;
pub(crate) use kind::{released_ecosystem, system_ecosystem};
pub(crate) use probes::{Context, Probes};
pub use program::{MAGIC as PROGRAM_MAGIC, Program};
pub(crate) use python::normalised as normalised_python;
pub(crate) use sniff::{Looks, looks};

use serde::{Deserialize, Serialize};

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
    read: Reads,
    /// The largest file that it reads, in bytes.
    most: u64,
    /// Work that reading a byte takes, in units of a budget.
    work: u64,
    /// The part of a path that `read` looks at.
    part: fn(&str) -> &str,
}

/// How a cataloger reads.
#[derive(Clone, Copy)]
enum Reads {
    /// A description, in work that its length says.
    Description(fn(&File<'_>) -> Result<Facts, String>),
    /// An archive, which takes more from the budget while it is read.
    Archive(fn(&File<'_>, &LayerBudget) -> Result<Facts, String>),
}

impl Cataloger {
    /// What it makes of a file may depend on the file's name and folder.
    const fn new(wants: fn(&str) -> bool, read: fn(&File<'_>) -> Result<Facts, String>) -> Self {
        let (read, most, work) = (Reads::Description(read), limits::FILE_BYTES, limits::DESCRIPTION_WORK);
        Self { wants, read, most, work, part: folder_and_name }
    }

    const fn of_locks(wants: fn(&str) -> bool, read: fn(&File<'_>) -> Result<Facts, String>) -> Self {
        Self { most: limits::LOCK_BYTES, work: limits::LOCK_WORK, ..Self::new(wants, read) }
    }

    /// Of databases that are one file, however many packages there are.
    const fn of_databases(wants: fn(&str) -> bool, read: fn(&File<'_>) -> Result<Facts, String>) -> Self {
        Self { most: limits::ARCHIVE_BYTES, work: limits::LAYER_WORK_PER_BYTE, ..Self::new(wants, read) }
    }

    const fn of_archives(
        wants: fn(&str) -> bool,
        read: fn(&File<'_>, &LayerBudget) -> Result<Facts, String>,
    ) -> Self {
        let (read, most) = (Reads::Archive(read), limits::ARCHIVE_BYTES);
        Self { wants, read, most, work: 1, part: folder_and_name }
    }

    /// The largest file that it reads in a layer of that budget, in bytes.
    pub(crate) fn most(&self, budget: &LayerBudget) -> u64 {
        self.most.min(budget.held())
    }

    /// What it makes of a file depends on that part of the path and on nothing else of it.
    const fn by(self, part: fn(&str) -> &str) -> Self {
        Self { part, ..self }
    }
}

/// The name of a file and of the folder that it is in.
fn folder_and_name(path: &str) -> &str {
    let mut slashes = path.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'/');
    slashes.nth(1).and_then(|(at, _)| path.get(at + 1..)).unwrap_or(path)
}

/// A whole path.
fn whole(path: &str) -> &str {
    path
}

/// Nothing of a path: only the content counts.
fn nothing(path: &str) -> &str {
    path.get(..0).unwrap_or_default()
}

/// The name of a file.
fn name(path: &str) -> &str {
    paths::split(path).1
}

/// What follows the last dot of a file's name.
fn ending(path: &str) -> &str {
    let name = name(path);
    name.rsplit('.').next().unwrap_or(name)
}

/// Every cataloger; the first that wants a file reads it.
const CATALOGERS: &[Cataloger] = &[
    Cataloger::new(dpkg::wants, dpkg::read).by(dpkg::part),
    Cataloger::new(apk::wants, apk::read).by(nothing),
    Cataloger::of_databases(rpm::wants, rpm::read),
    Cataloger::new(pacman::wants, pacman::read),
    Cataloger::new(portage::wants, portage::read).by(whole),
    Cataloger::new(opkg::wants, opkg::read),
    Cataloger::new(npm::wants, npm::read).by(nothing),
    Cataloger::of_locks(node_locks::wants, node_locks::read),
    Cataloger::new(python::wants, python::read).by(python::part),
    Cataloger::new(python::stands_in, python::read_beside),
    Cataloger::of_locks(python_locks::wants, python_locks::read),
    Cataloger::of_archives(java::wants, java::read).by(name),
    Cataloger::of_archives(zipped::wants, zipped::read),
    Cataloger::of_archives(bundle::wants, bundle::read),
    Cataloger::new(ruby::wants, ruby::read).by(ending),
    Cataloger::of_locks(composer::wants, composer::read),
    Cataloger::new(dotnet::wants, dotnet::read),
    Cataloger::of_locks(golang::wants, golang::read),
    Cataloger::of_locks(cargo::wants, cargo::read),
    Cataloger::new(conda::wants, conda::read).by(nothing),
    Cataloger::of_locks(hex::wants, hex::read),
    Cataloger::of_locks(dart::wants, dart::read),
    Cataloger::of_locks(swift::wants, swift::read),
    Cataloger::new(nix::wants, nix::read),
    Cataloger::new(r::wants, r::read),
    Cataloger::new(jvm::wants, jvm::read),
    Cataloger::of_locks(julia::wants, julia::read),
    Cataloger::new(lua::wants, lua::read),
    Cataloger::new(opam::wants, opam::read),
    Cataloger::of_locks(conan::wants, conan::read).by(whole),
    Cataloger::new(pear::wants, pear::read),
    Cataloger::new(wordpress::wants, wordpress::read).by(whole),
    Cataloger::new(sbom::wants, sbom::read),
    Cataloger::new(os_release::wants, os_release::read).by(nothing),
    Cataloger::new(passwd::wants, passwd::read).by(nothing),
    Cataloger::new(copyright::wants, copyright::read).by(nothing),
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

/// Whether nothing but licences is read in the file at `path`.
pub(crate) fn is_only_of_licenses(path: &str) -> bool {
    copyright::wants(path)
}

/// What a file is read as: under names of one key the same bytes say the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(u16, String);

impl Key {
    /// The key of programs, which are read under every name.
    pub(crate) fn of_program() -> Self {
        Self(u16::MAX, String::new())
    }

    /// Whether it is that of programs.
    pub(crate) fn is_program(&self) -> bool {
        self.0 == u16::MAX
    }
}

/// What the file at `path` is read as; nothing where no cataloger asks for it.
pub(crate) fn key(path: &str) -> Option<Key> {
    let at = CATALOGERS.iter().position(|cataloger| (cataloger.wants)(path))?;
    let cataloger = CATALOGERS.get(at)?;
    Some(Key(u16::try_from(at).unwrap_or(u16::MAX), (cataloger.part)(path).to_owned()))
}

/// What one file says, read as one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What it was read as.
    pub key: Key,
    /// What it says so.
    pub facts: Facts,
}

/// Reads a file as the one at `path` would be, whatever its name; nothing where no cataloger asks for that. What cannot be
/// read is said among the facts, but for the end of the budget, of which the layer tells.
pub(crate) fn read_as(path: &str, bytes: &[u8], budget: &LayerBudget) -> Option<Reading> {
    let key = key(path)?;
    let facts = match read_within(path, bytes, budget) {
        Ok(facts) => facts,
        Err(_) if budget.is_over() => Facts::default(),
        Err(why) => Facts { unread: vec![(String::new(), why)], ..Facts::default() },
    };
    let facts = if budget.keep(&facts) { facts } else { Facts::default() };
    if budget.is_over() {
        budget.refuse(path);
    }
    Some(Reading { key, facts })
}

/// A path of each kind of place where a cataloger looks: by these it is known what a folder means to them.
const PLACES: &[&str] = &[
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
    "a/requirements.txt",
    "a/poetry.lock",
    "a/Pipfile.lock",
    "a/uv.lock",
    "a/pdm.lock",
    "a/b.jar",
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
    "var/lib/dpkg/status.d/x",
    "usr/lib/apk/db/installed",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/rpm/rpmdb.sqlite",
    "var/lib/rpmmanifest/container-manifest-2",
    "a/b.egg-info/PKG-INFO",
    "a/EGG-INFO/PKG-INFO",
    "a/specifications/b-1.gemspec",
    "a/specifications/default/b-1.gemspec",
    "usr/share/nodejs/a/package.json",
    "usr/lib/os-release",
    "a/b-1.dist-info/WHEEL",
    "a/b.egg",
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
    "a/b.zip",
    "a/b.tar.gz",
    "a/b-1.egg-info/top_level.txt",
];

/// What the file at `path` (without a leading slash) says; nothing when no cataloger reads it.
///
/// Errors: why it cannot be read, for people.
pub fn read(path: &str, bytes: &[u8]) -> Result<Facts, String> {
    read_within(path, bytes, &LayerBudget::of_file(bytes.len()))
}

/// As [`read`], out of a budget.
fn read_within(path: &str, bytes: &[u8], budget: &LayerBudget) -> Result<Facts, String> {
    let Some(cataloger) = of(path) else { return Ok(Facts::default()) };
    budget.spend(limits::FILE_WORK.saturating_add(cataloger.work.saturating_mul(bytes.len() as u64)))?;
    let file = File { path, bytes };
    let mut facts = match cataloger.read {
        Reads::Description(read) => read(&file)?,
        Reads::Archive(read) => read(&file, budget)?,
    };
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

/// Whether something is missing when the file at `path` cannot be read. A `package.json` inside of a package is a template or
/// a fixture, and Node reads it no more than a strict reader does.
pub(crate) fn must_be_read(path: &str) -> bool {
    !npm::wants(path) || npm::is_root(path)
}

/// Why it is told that a description of Node's at `path` has no version; nothing where it need not have one.
pub(crate) fn lacks_version(path: &str) -> Option<&'static str> {
    npm::must_have_version(path).then_some("it does not say which version of the package it is")
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
    use std::collections::BTreeMap;

    use lockgate_model::inventory::Distribution;
    use proptest::prelude::*;

    use super::*;

    /// Names that differ from a place, or from each other, in what some cataloger looks at.
    const OTHERS: [&str; 5] = [
        "a/nameless.dist-info/METADATA",
        "var/db/pkg/c/b-1/CONTENTS",
        "a/wp-content/plugins/x.php",
        "a/wp-content/plugins/plugins/x.php",
        "a/wp-content/themes/x/style.css",
    ];

    #[test]
    fn every_cataloger_is_asked() {
        let asked = |cataloger: &&Cataloger| PLACES.iter().any(|path| (cataloger.wants)(path));
        let forgotten: Vec<_> =
            CATALOGERS.iter().enumerate().filter(|(_, one)| !asked(one)).map(|(at, _)| at).collect();
        assert!(forgotten.is_empty(), "none of the places is read by the catalogers {forgotten:?}");
    }

    proptest! {
        #[test]
        fn names_of_one_key_say_the_same(text in "((Name|Version|Plugin Name|Package|Summary|P|V|ID|root|License): ?[ -~]{0,9}\n){0,5}|\\{(\"(name|version|type)\": ?\"[a-z0-9]{0,3}\",){0,3}\"x\": 1\\}") {
            let mut said: BTreeMap<Key, (&str, Result<Facts, String>)> = BTreeMap::new();
            for path in PLACES.iter().chain(&OTHERS) {
                let facts = read(path, text.as_bytes());
                let key = key(path).unwrap();
                let (first, expected) = said.entry(key).or_insert_with(|| (*path, facts.clone()));
                prop_assert_eq!(&facts, &*expected, "{} and {}", first, path);
            }
        }

        #[test]
        fn no_cataloger_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for path in PLACES {
                let _facts = read(path, &bytes);
            }
        }

        #[test]
        fn no_cataloger_panics_on_fields(text in "([A-Za-z-]{1,12}: ?[ -~]{0,20}\n( [ -~]{0,10}\n)?\n?){0,12}") {
            for path in PLACES {
                let _facts = read(path, text.as_bytes());
            }
        }

        #[test]
        fn no_cataloger_panics_on_json(text in r#"\{("(packages|name|version|dependencies|libraries|components|default|license|lockfileVersion|pins)": ?("[ -~&&[^"\\]]{0,9}"|[0-9]|\[\]|\{\}|null|\{"a": ?\{"version": ?"1"\}\}), ?){0,6}"x": 1\}"#) {
            for path in PLACES {
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
