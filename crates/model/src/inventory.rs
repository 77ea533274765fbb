//! The packages of an artifact.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What one image (one platform) contains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Name and number of the analyser that made it, such as `2026-1`: another one may see other things.
    pub analyser: String,
    /// The distribution, from `os-release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The accounts, from `/etc/passwd`. Nothing where there is none that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// The packages, sorted.
    pub packages: Vec<Package>,
    /// What could not be read. Not empty means that nobody may call the image clean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Databases of system packages that name none, and what else hides them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<Silent>,
    /// Secrets in its files and its config, also in files that a later layer removes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Files that give whoever runs them the rights of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setuid: Vec<Setuid>,
}

/// A secret: where it is, and never what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Secret {
    /// The file, absolute in the image; in the image's config the field, such as `config.Env[0]`.
    pub path: String,
    /// The line, counted from 1; 0 where the rule is about the whole file.
    pub line: u32,
    /// The rule that found it, such as `github-token`.
    pub rule: String,
    /// The layer that has it. Nothing for the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Digest>,
    /// The place of the layer in the manifest, 0 the lowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_index: Option<u32>,
    /// Whether a later layer removes or replaces the file: whoever can pull the image can read it all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// An executable file with a setuid or setgid bit (inode(7)) or with capabilities (capabilities(7)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Setuid {
    /// The file, absolute in the image.
    pub path: String,
    /// Its mode in octal digits, such as `4755`.
    pub mode: String,
    /// The number of the account that owns it.
    pub owner: i64,
    /// The number of its group.
    pub group: i64,
    /// Its capabilities, such as `cap_net_raw`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// The layer that made it so: the verified digest of the layer's blob.
    pub layer: Digest,
    /// Its place in the manifest, 0 the lowest.
    pub layer_index: u32,
    /// The package of the operating system that owns the file. Empty where none does, or where the file came or was
    /// changed after it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub package: String,
}

/// A sign that the image has system packages which its inventory lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silent {
    /// The package manager, such as `apk` or `pacman`; `os-release` for the file that names the distribution.
    pub manager: String,
    /// The file, absolute in the image.
    pub path: String,
    /// What is the matter with it.
    pub reason: SilentReason,
}

/// Why a database of system packages says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilentReason {
    /// Databases of this package manager are not read.
    Unread,
    /// It is there and names no package.
    Empty,
    /// A lower layer has it, and the image no longer does.
    Removed,
    /// It lacks packages of which the package manager's other files are there.
    Incomplete,
    /// It is a link to where such a file is not read.
    Elsewhere,
    /// Two files say different things.
    Contradicted,
}

/// The accounts of an image (passwd(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Their numbers, by name.
    pub numbers: std::collections::BTreeMap<String, i64>,
}

/// An operating system distribution (os-release(5)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Distribution {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, such as `12`; empty where there is none.
    pub version: String,
    /// `VERSION_CODENAME`, such as `bookworm`; `sid` where the name says so, and the service pack where only the name of
    /// the version has it (`LTS-SP3`). Empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub codename: String,
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// The ecosystem as OSV names it, with the release where advisories depend on it: `Debian:12`,
    /// `Alpine:v3.20`, `PyPI`, `npm`.
    pub ecosystem: String,
    /// The name, normalised as the ecosystem does.
    pub name: String,
    /// The version as written.
    pub version: String,
    /// The source package that advisories of a distribution speak of, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Processor architecture; empty where the ecosystem has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Package URL (purl-spec).
    pub purl: String,
    /// Licenses as declared, each an SPDX expression where the declaration is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// The layer that brought it: the verified digest of the layer's blob.
    pub layer: Digest,
    /// Its place in the manifest, 0 the lowest.
    pub layer_index: u32,
    /// The file that says so, absolute in the image.
    pub path: String,
    /// Which cataloger read that file.
    pub cataloger: String,
    /// The package of the operating system that owns the file: its maintainers answer for the package then. Empty
    /// where none does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub installed_by: String,
    /// How sure it is that the package is there.
    #[serde(default, skip_serializing_if = "Confidence::is_recorded")]
    pub confidence: Confidence,
}

/// How sure it is that a package is there, in that version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Whatever installed it recorded so.
    #[default]
    Recorded,
    /// Its name or version was drawn from a file's name or content.
    Derived,
    /// A lock file or a bill of materials names it: it may not be installed.
    Declared,
}

impl Confidence {
    /// Whether it was recorded.
    pub fn is_recorded(&self) -> bool {
        *self == Self::Recorded
    }
}

/// A source package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Something that was there and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// The layer: the digest the manifest gives.
    pub layer: Digest,
    /// The file in it, absolute in the image; empty for the layer itself.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl Inventory {
    /// Sorts everything, so that equal content gives equal bytes.
    pub fn sort(&mut self) {
        for package in &mut self.packages {
            package.licenses.sort();
            package.licenses.dedup();
        }
        sort(&mut self.packages);
        self.packages.dedup();
        self.unread.sort();
        self.unread.dedup();
        self.silent.sort();
        self.silent.dedup();
        self.secrets.sort();
        self.secrets.dedup();
        self.setuid.sort();
        self.setuid.dedup();
    }
}

/// Sorts large values: each is moved once, not in every step.
fn sort<T: Ord>(values: &mut Vec<T>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|at| values.get(*at));
    let mut slots: Vec<Option<T>> = std::mem::take(values).into_iter().map(Some).collect();
    values.extend(order.into_iter().filter_map(|at| slots.get_mut(at)?.take()));
}
