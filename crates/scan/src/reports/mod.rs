//! Reports of other people's scanners, in one normal form.
//!
//! Whether a report is to be believed is not asked here: the gate does, by signatures. A report that does not say that
//! somebody looked for holes is none: an empty list would pass for a clean image.

mod cosign;
mod cyclonedx;
mod grype;
mod osv;
mod sarif;
mod trivy;

use lockgate_model::{Digest, Package, Severity, Timestamp};
use serde_json::Value;

use crate::catalog::documents::word;
use crate::limits;
use crate::purl::Purl;
use crate::version::family;

pub use cosign::{PREDICATE_TYPE as COSIGN_VULN, wrap};

/// The predicate type under which any report may be attached as it is.
pub const PREDICATE_TYPE: &str = "https://lockgate.dev/report/v1";

/// A format of reports.
struct Format {
    name: &'static str,
    /// Whether a document is of this format.
    knows: fn(&Value) -> bool,
    read: fn(&Value) -> Result<Raw, String>,
}

/// The formats that are read, one file each.
const FORMATS: &[Format] = &[
    Format { name: "Trivy", knows: trivy::knows, read: trivy::read },
    Format { name: "Grype", knows: grype::knows, read: grype::read },
    Format { name: "CycloneDX", knows: cyclonedx::knows, read: cyclonedx::read },
    Format { name: "SARIF", knows: sarif::knows, read: sarif::read },
    Format { name: "OSV-Scanner", knows: osv::knows, read: osv::read },
];

/// A hole that somebody reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The package's URL, where there is one.
    pub purl: Option<Purl>,
    /// The ecosystem, without its release; empty where nothing says it.
    pub ecosystem: String,
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// Every name of the hole.
    pub names: Vec<String>,
    /// How bad it is. `medium` when nobody rated it: unrated must not pass as harmless.
    pub severity: Severity,
    /// The version that has the fix, as written.
    pub fixed: Option<String>,
}

/// What a document says, as far as it says it.
#[derive(Debug, Default)]
struct Raw {
    scanner: String,
    version: String,
    made: Option<Timestamp>,
    about: Vec<Digest>,
    holes: Vec<Reported>,
    /// Whether it says that somebody looked for holes.
    looked: bool,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its format.
    pub format: &'static str,
    /// The scanner, in small letters: `trivy`.
    pub scanner: String,
    /// The scanner's version; empty where it is not said.
    pub version: String,
    /// When it was made.
    pub made: Timestamp,
    /// The digests of what was scanned: of manifests, or of a config. None where it does not say.
    pub about: Vec<Digest>,
    /// The holes, each package and hole once.
    pub holes: Vec<Reported>,
}

/// Whether predicates of that type are, or may be, reports.
pub fn carries(predicate_type: &str) -> bool {
    cosign::carries(predicate_type)
        || predicate_type == PREDICATE_TYPE
        || crate::bom::carries(predicate_type)
        || sarif::carries(predicate_type)
}

/// Reads the predicate of an attestation as a report; nothing when predicates of that type are none, or are a bill of
/// materials that speaks of no holes. The error says what is wrong with it.
pub fn read(predicate_type: &str, predicate: &Value) -> Option<Result<Report, String>> {
    if !carries(predicate_type) || crate::bom::carries(predicate_type) && !cyclonedx::has_holes(predicate) {
        return None;
    }
    if cosign::carries(predicate_type) {
        return Some(cosign::read(predicate));
    }
    Some(by_shape(predicate).and_then(|(format, raw)| finished(format, raw)))
}

/// What a document of any format says.
fn by_shape(document: &Value) -> Result<(&'static str, Raw), String> {
    let format = FORMATS.iter().find(|format| (format.knows)(document));
    let format = format.ok_or_else(|| {
        let known: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        format!("it is no report of a format that is read: {}", known.join(", "))
    })?;
    let raw = (format.read)(document).map_err(|why| format!("as a report of {}: {why}", format.name))?;
    if raw.holes.len() > limits::REPORTED_HOLES {
        return Err(format!("it has more than {} holes", limits::REPORTED_HOLES));
    }
    Ok((format.name, raw))
}

fn finished(format: &'static str, raw: Raw) -> Result<Report, String> {
    if !raw.looked && raw.holes.is_empty() {
        return Err("it lists no holes, and does not say that anybody looked for them".to_owned());
    }
    let made = raw.made.ok_or("it does not say when it was made")?;
    if raw.scanner.is_empty() {
        return Err("it does not say which scanner made it".to_owned());
    }
    let mut holes = raw.holes;
    if let Some(nameless) = holes.iter().find(|hole| hole.names.is_empty() || hole.name.is_empty()) {
        return Err(format!("a hole of `{}` has no name, or no package", short(&nameless.name)));
    }
    holes.sort_by(|a, b| (&a.name, &a.version, &a.names).cmp(&(&b.name, &b.version, &b.names)));
    holes.dedup_by(|a, b| {
        (&a.purl, &a.name, &a.version, &a.names) == (&b.purl, &b.name, &b.version, &b.names)
    });
    Ok(Report {
        format,
        scanner: short(&raw.scanner).to_lowercase(),
        version: short(&raw.version),
        made,
        about: raw.about,
        holes,
    })
}

impl Reported {
    /// A hole of a package that has a URL, or a name and version at least.
    fn of(purl: &str, name: &str, version: &str) -> Self {
        let purl = Purl::parse(purl);
        let of_purl =
            |part: fn(&Purl) -> Option<&str>| purl.as_ref().and_then(part).unwrap_or_default().to_owned();
        let name = if name.is_empty() { of_purl(|purl| Some(purl.short_name())) } else { short(name) };
        let version =
            if version.is_empty() { of_purl(|purl| purl.version.as_deref()) } else { short(version) };
        Self {
            purl,
            ecosystem: String::new(),
            name,
            version,
            names: vec![],
            severity: Severity::Medium,
            fixed: None,
        }
    }

    /// Whether `package` is the one that has the hole. Scanners write the same package in several ways: distributions
    /// as namespaces of their own, epochs or none, `group:artifact` or not. When two could be meant they are the same:
    /// then the hole is judged once, and not lost.
    pub fn is_of(&self, package: &Package) -> bool {
        let ours = Purl::parse(&package.purl);
        let kind = match (&self.purl, &ours) {
            (Some(theirs), Some(ours)) => theirs.kind == ours.kind,
            _ => self.ecosystem.is_empty() || self.ecosystem == family(&package.ecosystem),
        };
        kind && self.is_called(package) && self.has_version(package)
    }

    fn is_called(&self, package: &Package) -> bool {
        let own = package.name.to_lowercase();
        let source = package.source.as_ref().map(|source| source.name.to_lowercase());
        let last = |name: &str| name.rsplit(['/', ':']).next().unwrap_or(name).to_owned();
        let theirs = self.name.to_lowercase();
        let path = self.purl.as_ref().map(|purl| purl.name.to_lowercase().replace('/', ":"));
        [Some(theirs.clone()), path].into_iter().flatten().any(|name| {
            let same = |ours: &String| *ours == name || ours.replace('/', ":") == name;
            same(&own) || source.as_ref().is_some_and(same)
        }) || last(&theirs) == last(&own)
            || crate::catalog::normalised_python(&theirs) == own
    }

    fn has_version(&self, package: &Package) -> bool {
        let plain = |version: &str| {
            let version = version.trim_start_matches('v');
            version.split_once(':').map_or(version, |(_, rest)| rest).to_owned()
        };
        let theirs = plain(&self.version);
        let source = package.source.as_ref().map(|source| plain(&source.version));
        theirs.is_empty()
            || theirs == plain(&package.version)
            || source.is_some_and(|source| source == theirs)
    }
}

/// A severity by its word; nothing when it is none.
fn severity(word: &str) -> Option<Severity> {
    match word.to_ascii_lowercase().as_str() {
        "critical" => Some(Severity::Critical),
        "high" | "important" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "negligible" | "none" | "info" => Some(Severity::Info),
        _ => None,
    }
}

/// A severity by a CVSS score (CVSS 3.1, "Qualitative Severity Rating Scale").
fn by_score(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    }
}

/// The digest at the end of an image's name, or a digest alone.
fn digest(text: &str) -> Option<Digest> {
    text.rsplit('@').next().unwrap_or(text).parse().ok()
}

/// The text under `key`, when it is not empty.
fn said(value: &Value, key: &str) -> Option<String> {
    Some(word(value, key)).filter(|text| !text.is_empty()).map(short)
}

/// A text for people: one line, at most 200 characters.
fn short(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(200).collect()
}
