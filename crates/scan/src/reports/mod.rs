//! Reports of other people's scanners, in one normal form.
//!
//! Whether a report is to be believed is not asked here: the gate does, by signatures. A report that does not say that
//! somebody looked for vulnerabilities is none: an empty list would pass for a clean image.

mod cosign;
mod cyclonedx;
mod grype;
mod looked;
mod osv;
mod sarif;
mod trivy;

use lockgate_model::{Digest, Package, Severity, Timestamp};
use serde_json::Value;

use crate::catalog::documents::{list, word};
use crate::limits;
use crate::purl::Purl;
use crate::shape::{Read, Shapes};
use crate::version::family;

pub use cosign::{PREDICATE_TYPE as COSIGN_VULN, wrap};
pub use looked::{Gap, Looked};

/// The predicate type under which any report may be attached as it is.
pub const PREDICATE_TYPE: &str = "https://lockgate.dev/report/v1";

/// A format of reports.
struct Format {
    name: &'static str,
    /// Whether a document is of this format.
    knows: fn(&Value) -> bool,
    read: fn(&Value, Shapes) -> Result<Raw, String>,
}

/// The formats that are read, one file each.
const FORMATS: &[Format] = &[
    Format { name: "Trivy", knows: trivy::knows, read: trivy::read },
    Format { name: "Grype", knows: grype::knows, read: grype::read },
    Format { name: "CycloneDX", knows: cyclonedx::knows, read: cyclonedx::read },
    Format { name: "SARIF", knows: sarif::knows, read: sarif::read },
    Format { name: "OSV-Scanner", knows: osv::knows, read: osv::read },
];

/// A vulnerability that somebody reports.
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
    /// Every name of the vulnerability.
    pub names: Vec<String>,
    /// How bad it is. `medium` when nobody rated it: unrated must not pass as harmless.
    pub severity: Severity,
    /// Whether the report says how bad it is.
    pub rated: bool,
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
    vulnerabilities: Vec<Reported>,
    /// Whether it says that somebody looked for vulnerabilities.
    looked: bool,
    /// What it says was looked at, beside the packages that have vulnerabilities.
    at: Vec<Looked>,
    /// It says that the scan failed, or in part: then it answers for nothing.
    failed: bool,
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
    /// The vulnerabilities, each package and vulnerability once.
    pub vulnerabilities: Vec<Reported>,
    /// What it says was looked at; read leniently, nothing is said here.
    pub looked: Vec<Looked>,
    /// What in it says too little, for people; read leniently, nothing is said here.
    pub incomplete: Vec<String>,
}

/// Whether predicates of that type are, or may be, reports.
pub fn carries(predicate_type: &str) -> bool {
    cosign::carries(predicate_type)
        || predicate_type == PREDICATE_TYPE
        || crate::bom::carries(predicate_type)
        || sarif::carries(predicate_type)
}

/// Reads the predicate of an attestation as a report.
///
/// Nothing where predicates of that type are none, or are a bill of materials that speaks of no vulnerabilities. Read
/// strictly, a report by its content that has another predicate type could not be read.
pub fn read(predicate_type: &str, predicate: &Value, shapes: Shapes) -> Read<Report> {
    if !carries(predicate_type) {
        return if shapes.is_strict() { stray(predicate_type, predicate) } else { Read::Nothing };
    }
    if crate::bom::carries(predicate_type) && !cyclonedx::has_vulnerabilities(predicate) {
        return Read::Nothing;
    }
    let read = if cosign::carries(predicate_type) {
        cosign::read(predicate, shapes)
    } else {
        by_shape(predicate, shapes).and_then(|(format, raw)| finished(format, raw, shapes))
    };
    match read {
        Ok(report) => Read::Whole(report),
        Err(why) => Read::Failed(why),
    }
}

/// What is a report by its content, or by the name of its type, and is not attached as one.
fn stray(predicate_type: &str, predicate: &Value) -> Read<Report> {
    let inner = crate::bom::unwrapped(predicate);
    let content = inner.as_ref().unwrap_or(predicate);
    let kind = short(predicate_type);
    let is_report = |format: &&Format| {
        (format.knows)(content) && (!cyclonedx::knows(content) || cyclonedx::has_vulnerabilities(content))
    };
    let lower = predicate_type.to_ascii_lowercase();
    if let Some(format) = FORMATS.iter().find(is_report) {
        return Read::Failed(format!(
            "it is a report of {}, and its predicate type `{kind}` is not one that reports have",
            format.name
        ));
    }
    if ["/vuln", "sarif"].iter().any(|part| lower.contains(part)) {
        return Read::Failed(format!("its predicate type `{kind}` is of a kind of reports that is not read"));
    }
    Read::Nothing
}

/// The latest instant at which a document of any format says that it was made, as far as that can be read: by it a later
/// report is known to replace one that cannot be read.
pub fn made(predicate: &Value) -> Option<Timestamp> {
    let inner = crate::bom::unwrapped(predicate);
    let outer = inner.as_ref().unwrap_or(predicate);
    let documents = [Some(outer), outer.pointer("/scanner/result")];
    let places = ["/metadata/scanFinishedOn", "/CreatedAt", "/descriptor/timestamp", "/metadata/timestamp"];
    let said = documents.into_iter().flatten().flat_map(|document| {
        let runs = list(document, "runs").iter().flat_map(|run| list(run, "invocations"));
        let ends = runs.map(|one| word(one, "endTimeUtc"));
        places.iter().filter_map(|place| document.pointer(place).and_then(Value::as_str)).chain(ends)
    });
    said.filter_map(|text| text.trim().parse().ok()).max()
}

/// What a document of any format says.
fn by_shape(document: &Value, shapes: Shapes) -> Result<(&'static str, Raw), String> {
    let format = FORMATS.iter().find(|format| (format.knows)(document));
    let format = format.ok_or_else(|| {
        let known: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        let no = if shapes.is_strict() { "not a" } else { "no" };
        format!("it is {no} report of a format that is read: {}", known.join(", "))
    })?;
    let raw =
        (format.read)(document, shapes).map_err(|why| format!("as a report of {}: {why}", format.name))?;
    if raw.vulnerabilities.len() > limits::REPORTED_VULNERABILITIES {
        return Err(format!("it has more than {} holes", limits::REPORTED_VULNERABILITIES));
    }
    Ok((format.name, raw))
}

fn finished(format: &'static str, raw: Raw, shapes: Shapes) -> Result<Report, String> {
    if !raw.looked && raw.vulnerabilities.is_empty() && !shapes.is_strict() {
        return Err("it lists no holes, and does not say that anybody looked for them".to_owned());
    }
    let made = raw.made.ok_or("it does not say when it was made")?;
    if raw.scanner.is_empty() {
        return Err("it does not say which scanner made it".to_owned());
    }
    let mut vulnerabilities = raw.vulnerabilities;
    if let Some(nameless) = vulnerabilities
        .iter()
        .find(|vulnerability| vulnerability.names.is_empty() || vulnerability.name.is_empty())
    {
        return Err(format!("a hole of `{}` has no name, or no package", short(&nameless.name)));
    }
    vulnerabilities.sort_by(|a, b| (&a.name, &a.version, &a.names).cmp(&(&b.name, &b.version, &b.names)));
    vulnerabilities.dedup_by(|a, b| {
        (&a.purl, &a.name, &a.version, &a.names) == (&b.purl, &b.name, &b.version, &b.names)
    });
    let (looked, incomplete) = match (shapes, raw.failed) {
        (Shapes::Lenient, _) => (vec![], vec![]),
        (Shapes::Strict, false) => (looked::all(raw.at, &vulnerabilities), too_little(&vulnerabilities)),
        (Shapes::Strict, true) => {
            let failed = "it says that the scan failed, or in part: it answers for nothing".to_owned();
            (vec![], std::iter::once(failed).chain(too_little(&vulnerabilities)).collect())
        }
    };
    Ok(Report {
        format,
        scanner: short(&raw.scanner).to_lowercase(),
        version: short(&raw.version),
        made,
        about: raw.about,
        vulnerabilities,
        looked,
        incomplete,
    })
}

/// Vulnerabilities of which a report says too little, one line for each kind.
fn too_little(vulnerabilities: &[Reported]) -> Vec<String> {
    let told = |what: &str, those: Vec<&Reported>| {
        let first = those.first()?;
        let name = first.names.first().map_or("", String::as_str);
        Some(format!("{} of its vulnerabilities have no {what}: {name} of {}", those.len(), first.name))
    };
    let versionless =
        vulnerabilities.iter().filter(|vulnerability| vulnerability.version.is_empty()).collect();
    let unrated = vulnerabilities.iter().filter(|vulnerability| !vulnerability.rated).collect();
    [told("version of the package", versionless), told("severity", unrated)].into_iter().flatten().collect()
}

impl Reported {
    /// A vulnerability of a package that has a URL, or a name and version at least.
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
            rated: false,
            fixed: None,
        }
    }

    /// The same, rated; unrated where nobody said how bad it is.
    fn rated(self, severity: Option<Severity>) -> Self {
        Self { severity: severity.unwrap_or(self.severity), rated: severity.is_some(), ..self }
    }

    /// Whether `package` is the one that has the vulnerability. Scanners write the same package in several ways:
    /// distributions as namespaces of their own, epochs or none, `group:artifact` or not. When two could be meant they
    /// are the same: then the vulnerability is judged once, and not lost.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_known_by_the_words_of_every_vendor() {
        let words: [(&[&str], Option<Severity>); 6] = [
            (&["critical", "CRITICAL"], Some(Severity::Critical)),
            (&["high", "Important"], Some(Severity::High)),
            (&["medium", "Moderate"], Some(Severity::Medium)),
            (&["low"], Some(Severity::Low)),
            (&["negligible", "none", "info"], Some(Severity::Info)),
            (&["", "unknown", "untriaged", "7.5"], None),
        ];
        for (all, expected) in words {
            for word in all {
                assert_eq!(severity(word), expected, "{word}");
            }
        }
    }
}
