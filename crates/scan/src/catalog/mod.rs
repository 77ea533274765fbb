//! Catalogers: each a small pure function from a file's bytes to what they say.
//!
//! A cataloger is one file here, and one line in [`CATALOGERS`].

mod apk;
mod copyright;
mod dpkg;
mod npm;
mod os_release;
mod python;

pub(crate) use python::normalised as normalised_python;

use lockgate_model::inventory::{Distribution, Source};
use serde::{Deserialize, Serialize};

/// One cataloger.
struct Cataloger {
    /// Whether it reads the file at this path (relative to the root).
    wants: fn(&str) -> bool,
    /// What the file says, or why it cannot be read.
    read: fn(&[u8]) -> Result<Facts, String>,
}

/// Every cataloger; the first that wants a file reads it.
const CATALOGERS: &[Cataloger] = &[
    Cataloger { wants: dpkg::wants, read: dpkg::read },
    Cataloger { wants: apk::wants, read: apk::read },
    Cataloger { wants: python::wants, read: python::read },
    Cataloger { wants: npm::wants, read: npm::read },
    Cataloger { wants: os_release::wants, read: os_release::read },
    Cataloger { wants: copyright::wants, read: copyright::read },
];

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Found>,
    /// The distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Licences of the package whose copyright file this is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}

/// A package as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which kind of package.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its source package, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Processor architecture.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Licences as declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}

/// The kinds of packages that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// Debian and what descends from it.
    Dpkg,
    /// Alpine and what descends from it.
    Apk,
    /// Python.
    Python,
    /// Node.
    Npm,
}

impl PackageKind {
    /// The cataloger's name in inventories.
    pub(crate) fn cataloger(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Python => "python",
            Self::Npm => "npm",
        }
    }

    /// The ecosystem as OSV names it, with the release where advisories depend on it (OSV schema,
    /// "affected[].package field"). A distribution's package without a known distribution keeps the family
    /// name, which no advisory of a release matches.
    pub(crate) fn ecosystem(self, distribution: Option<&Distribution>) -> String {
        match (self, distribution) {
            (Self::Python, _) => "PyPI".to_owned(),
            (Self::Npm, _) => "npm".to_owned(),
            (Self::Apk, Some(Distribution { id, version, .. })) if id == "alpine" => {
                let mut parts = version.split('.');
                match (parts.next(), parts.next()) {
                    (Some(major), Some(minor)) => format!("Alpine:v{major}.{minor}"),
                    _ => format!("Alpine:{version}"),
                }
            }
            (Self::Dpkg, Some(Distribution { id, version, .. })) if id == "debian" => {
                let major = version.split('.').next().unwrap_or_default();
                if major.is_empty() { "Debian".to_owned() } else { format!("Debian:{major}") }
            }
            (Self::Dpkg, Some(Distribution { id, version, .. })) if id == "ubuntu" => {
                format!("Ubuntu:{version}")
            }
            (Self::Apk, Some(other)) => other.id.clone(),
            (Self::Dpkg, Some(other)) => other.id.clone(),
            (Self::Apk, None) => "Alpine".to_owned(),
            (Self::Dpkg, None) => "Debian".to_owned(),
        }
    }

    /// The package URL (package-url/purl-spec, PURL-TYPES).
    pub(crate) fn purl(self, found: &Found, distribution: Option<&Distribution>) -> String {
        let version = encode(&found.version);
        match self {
            Self::Python => format!("pkg:pypi/{}@{version}", encode(&found.name)),
            Self::Npm => {
                let name: Vec<_> = found.name.split('/').map(encode).collect();
                format!("pkg:npm/{}@{version}", name.join("/"))
            }
            Self::Dpkg | Self::Apk => {
                let (kind, family) = if self == Self::Dpkg { ("deb", "debian") } else { ("apk", "alpine") };
                let vendor = distribution.map_or(family, |distribution| distribution.id.as_str());
                let mut purl = format!("pkg:{kind}/{}/{}@{version}", encode(vendor), encode(&found.name));
                let mut separator = '?';
                if !found.architecture.is_empty() {
                    purl.push_str(&format!("?arch={}", encode(&found.architecture)));
                    separator = '&';
                }
                if let Some(Distribution { id, version, .. }) = distribution
                    && !version.is_empty()
                {
                    purl.push_str(&format!("{separator}distro={}-{}", encode(id), encode(version)));
                }
                purl
            }
        }
    }
}

/// Percent-encodes what a purl does not take as it is.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// Whether any cataloger reads the file at `path`.
pub(crate) fn wants(path: &str) -> bool {
    CATALOGERS.iter().any(|cataloger| (cataloger.wants)(path))
}

/// Whether a file beginning with this byte may be a package's description under another name.
pub(crate) fn may_begin(start: [u8; 1]) -> bool {
    matches!(start, [b'{' | b'M'])
}

/// What the file at `path` says.
pub(crate) fn read(path: &str, bytes: &[u8]) -> Result<Facts, String> {
    match CATALOGERS.iter().find(|cataloger| (cataloger.wants)(path)) {
        Some(cataloger) => (cataloger.read)(bytes),
        None => Ok(Facts::default()),
    }
}

/// Whether a description at `path` is that of an installed package. A `package.json` elsewhere is a fixture or a
/// part of one.
pub(crate) fn is_package(path: &str) -> bool {
    !npm::wants(path) || npm::is_package(path)
}

/// The text of a file that must be text.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The paragraphs of a control file (deb-control(5), RFC 822 style): field names and their values, the value of a
/// field over several lines with its line breaks.
fn paragraphs(text: &str) -> impl Iterator<Item = Vec<(&str, String)>> {
    text.split("\n\n").map(paragraph).filter(|fields| !fields.is_empty())
}

/// The fields of one paragraph; it ends at the first empty line.
fn paragraph(text: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in text.lines().skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name, value.trim().to_owned()));
        }
    }
    fields
}

/// A field's value; the empty text where there is none.
fn field<'a>(fields: &'a [(&str, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_cataloger_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            for cataloger in CATALOGERS {
                let _facts = (cataloger.read)(&bytes);
            }
        }

        #[test]
        fn no_cataloger_panics_on_fields(text in "([A-Za-z-]{1,12}: ?[ -~]{0,20}\n( [ -~]{0,10}\n)?\n?){0,12}") {
            for cataloger in CATALOGERS {
                let _facts = (cataloger.read)(text.as_bytes());
            }
        }
    }

    #[test]
    fn purls_are_encoded() {
        let found = Found {
            kind: PackageKind::Npm,
            name: "@scope/name".into(),
            version: "1.0.0+x".into(),
            source: None,
            architecture: String::new(),
            licenses: vec![],
        };
        assert_eq!(PackageKind::Npm.purl(&found, None), "pkg:npm/%40scope/name@1.0.0%2Bx");
        let debian = Distribution { id: "debian".into(), version: "12".into(), codename: String::new() };
        let purl = PackageKind::Dpkg.purl(&Found { architecture: "amd64".into(), ..found }, Some(&debian));
        assert_eq!(purl, "pkg:deb/debian/%40scope%2Fname@1.0.0%2Bx?arch=amd64&distro=debian-12");
    }
}
