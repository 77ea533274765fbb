//! Where images are: a repository (a registry's, or an OCI layout on disk) and a tag or digest in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Digest, DigestError};
use crate::limits;

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repository {
    /// An OCI image layout in a folder, written `oci:PATH`.
    Layout {
        /// Path of the folder, relative ones against the working folder.
        path: String,
    },
    /// A repository of a registry, written `HOST[:PORT]/NAME`.
    Remote {
        /// Host, with the port when it is not the scheme's own.
        registry: String,
        /// Name within the registry (OCI distribution-spec, "Pulling manifests").
        name: String,
    },
}

/// What a reference names within its repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A tag: a hint, resolved once.
    Tag(String),
    /// A digest.
    Digest(Digest),
}

/// A repository and what is meant in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The tag or digest.
    pub target: Target,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Longer than any registry accepts.
    #[error("the reference is longer than {} characters", limits::NAME_CHARS)]
    TooLong,
    /// No host, or a short name: Lockgate adds no default registry.
    #[error(
        "`{0}` names no registry: write HOST/NAME:TAG, HOST/NAME@sha256:..., oci:PATH:TAG or oci:PATH@sha256:..."
    )]
    NoRegistry(String),
    /// A part has characters that the specification does not allow.
    #[error("`{text}` is not a valid {part}")]
    Part {
        /// Which part.
        part: &'static str,
        /// The part.
        text: String,
    },
    /// The digest is malformed.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Repository {
    /// The repository of `name` below this prefix: `oci:registry/dev` and `web` give `oci:registry/dev/web`.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Layout { path } => Self::Layout { path: format!("{}/{name}", path.trim_end_matches('/')) },
            Self::Remote { registry, name: prefix } if prefix.is_empty() => {
                Self::Remote { registry: registry.clone(), name: name.to_owned() }
            }
            Self::Remote { registry, name: prefix } => {
                Self::Remote { registry: registry.clone(), name: format!("{prefix}/{name}") }
            }
        }
    }

    /// Reads a prefix of repositories: `oci:PATH`, `HOST` or `HOST/NAME`.
    pub fn prefix(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with("oci:") || text.contains('/') {
            return text.trim_end_matches('/').parse();
        }
        is_registry(text)?;
        Ok(Self::Remote { registry: host(text)?, name: String::new() })
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        short_enough(text)?;
        if let Some(path) = text.strip_prefix("oci:") {
            if path.is_empty() {
                return Err(ReferenceError::Part { part: "path of an OCI layout", text: text.to_owned() });
            }
            return Ok(Self::Layout { path: path.to_owned() });
        }
        let (registry, name) =
            text.split_once('/').ok_or_else(|| ReferenceError::NoRegistry(text.to_owned()))?;
        is_registry(registry).map_err(|_| ReferenceError::NoRegistry(text.to_owned()))?;
        Ok(Self::Remote { registry: host(registry)?, name: repository_name(name)? })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// With both a tag and a digest, the digest counts and the tag is dropped.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        short_enough(text)?;
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let scheme = if rest.starts_with("oci:") { "oci:".len() } else { 0 };
        let tag_at = rest.rfind(':').filter(|at| *at >= scheme).filter(|at| !tail(rest, *at).contains('/'));
        let (repository, tag) = match tag_at {
            Some(at) => (rest.get(..at).unwrap_or(rest), Some(tail(rest, at).to_owned())),
            None => (rest, None),
        };
        let repository = repository.parse()?;
        let target = match (digest, tag) {
            (Some(digest), _) => Target::Digest(digest),
            (None, Some(tag)) => Target::Tag(checked_tag(tag)?),
            (None, None) => Target::Tag("latest".to_owned()),
        };
        Ok(Self { repository, target })
    }
}

/// A host has a dot or a port, or is this machine: everything else is a short name.
fn is_registry(text: &str) -> Result<(), ReferenceError> {
    if text.contains(['.', ':']) || text == "localhost" {
        return Ok(());
    }
    Err(ReferenceError::NoRegistry(text.to_owned()))
}

fn tail(text: &str, at: usize) -> &str {
    text.get(at + 1..).unwrap_or_default()
}

fn short_enough(text: &str) -> Result<(), ReferenceError> {
    if text.chars().count() > limits::NAME_CHARS { Err(ReferenceError::TooLong) } else { Ok(()) }
}

fn host(text: &str) -> Result<String, ReferenceError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(ReferenceError::Part { part: "registry host", text: text.to_owned() });
    }
    Ok(text.to_owned())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` parts joined by `/` (OCI distribution-spec, "Pulling manifests").
pub(crate) fn repository_name(text: &str) -> Result<String, ReferenceError> {
    let part_ok = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        ends(part.chars().next())
            && ends(part.chars().last())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
            && !part.contains("..")
    };
    if text.split('/').all(part_ok) {
        Ok(text.to_owned())
    } else {
        Err(ReferenceError::Part { part: "repository name", text: text.to_owned() })
    }
}

/// Reads a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (OCI distribution-spec, "Pulling manifests").
pub fn checked_tag(text: String) -> Result<String, ReferenceError> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if first && rest && text.len() <= 128 {
        Ok(text)
    } else {
        Err(ReferenceError::Part { part: "tag", text })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout { path } => write!(f, "oci:{path}"),
            Self::Remote { registry, name } if name.is_empty() => f.write_str(registry),
            Self::Remote { registry, name } => write!(f, "{registry}/{name}"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Target::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

macro_rules! serde_as_text {
    ($type:ty, $parse:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

serde_as_text!(Repository, Repository::prefix);
serde_as_text!(Reference, str::parse::<Reference>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        let digest = Digest::of(b"x");
        for text in [
            "oci:registry/dev/web:1.4.2",
            "oci:/srv/images/web:v1",
            "localhost:5000/team/web:1.4.2",
            "registry.example.com/web:1.4.2",
            "127.0.0.1:5000/web:x",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        for base in ["oci:registry/dev/web", "registry.example.com:443/web"] {
            assert_eq!(parse(&format!("{base}@{digest}")).target, Target::Digest(digest));
            assert_eq!(parse(&format!("{base}:tag@{digest}")).to_string(), format!("{base}@{digest}"));
        }
        assert_eq!(parse("localhost:5000/web").target, Target::Tag("latest".to_owned()));
    }

    #[test]
    fn refuses_short_names_and_bad_parts() {
        let long = "a".repeat(600);
        for bad in [
            "",
            "web",
            "web:1",
            "library/web:1",
            "r.io/Web:1",
            "r.io/a//b",
            "r.io/../b",
            "oci::x",
            "r.io/web:.x",
            "r.io/web@sha512:aa",
            "oci:",
            long.as_str(),
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_join() {
        assert_eq!(
            Repository::prefix("localhost:5000").unwrap().join("web").to_string(),
            "localhost:5000/web"
        );
        assert_eq!(Repository::prefix("r.io/dev/").unwrap().join("web").to_string(), "r.io/dev/web");
        assert_eq!(Repository::prefix("oci:reg/dev").unwrap().join("web").to_string(), "oci:reg/dev/web");
    }

    proptest! {
        #[test]
        fn never_panics_and_prints_what_it_read(text in "\\PC{0,80}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
            }
        }
    }
}
