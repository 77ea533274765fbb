//! What a scan found, in the formats that other tools read. Each is a pure function of a [`Subject`]: the same scan
//! gives the same bytes.

mod cyclonedx;
mod gitlab;
mod html;
mod junit;
pub(crate) mod plan;
mod sarif;
mod spdx2;
mod spdx3;

use lockgate_engine::scan::{Scanned, ScannedImage};
use lockgate_model::feed::FeedOrigin;
use lockgate_model::{Digest, Inventory, Package, Severity, Timestamp};
use lockgate_scan::{Match, coverage};
use serde_json::Value;

use crate::printable::{one_line, printable};
use crate::show::write_json;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// CycloneDX 1.6, JSON: packages and vulnerabilities.
    Cyclonedx,
    /// SPDX 2.3, JSON: packages.
    Spdx,
    /// SPDX 3.0.1, JSON-LD: packages and vulnerabilities.
    Spdx3,
    /// SARIF 2.1.0: findings, for code scanning.
    Sarif,
    /// JUnit XML: a failed test case for each finding.
    Junit,
    /// GitLab's container scanning report.
    Gitlab,
    /// A page for people.
    Html,
}

/// The formats in which an image's packages are attested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SbomFormat {
    /// CycloneDX 1.6.
    Cyclonedx,
    /// SPDX 2.3.
    Spdx,
}

impl SbomFormat {
    /// The predicate type, as cosign has it.
    pub fn predicate_type(self) -> &'static str {
        match self {
            Self::Cyclonedx => "https://cyclonedx.org/bom",
            Self::Spdx => "https://spdx.dev/Document",
        }
    }
}

/// What a report is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The image as it was asked for.
    pub reference: &'a str,
    /// What was found.
    pub scanned: &'a Scanned,
    /// When.
    pub at: Timestamp,
    /// The days after which a source of advisories is too old; nothing where only the packages are told, and nobody was to
    /// be asked about them.
    pub most_days: Option<u32>,
}

/// Lockgate's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where people find it.
const HOME: &str = "https://lockgate.dev";

/// The report in `format`.
pub fn report(format: Format, subject: &Subject<'_>) -> String {
    match format {
        Format::Cyclonedx => json(&cyclonedx::document(subject)),
        Format::Spdx => json(&spdx2::document(subject)),
        Format::Spdx3 => json(&spdx3::document(subject)),
        Format::Sarif => json(&sarif::document(subject)),
        Format::Junit => junit::document(subject),
        Format::Gitlab => json(&gitlab::document(subject)),
        Format::Html => html::document(subject),
    }
}

/// The bill of materials in `format`: packages alone.
pub fn sbom(format: SbomFormat, subject: &Subject<'_>) -> Value {
    let mut document = match format {
        SbomFormat::Cyclonedx => cyclonedx::document(subject),
        SbomFormat::Spdx => spdx2::document(subject),
    };
    // No feed was asked: an empty list would say that there are none.
    if let Some(fields) = document.as_object_mut() {
        fields.remove("vulnerabilities");
    }
    document
}

fn json(value: &Value) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail, and a value has text for keys.
    let _written = write_json(&mut text, value);
    text.push(b'\n');
    String::from_utf8(text).unwrap_or_default()
}

/// A package of one of the images.
struct Listed<'a> {
    package: &'a Package,
    /// A name for it within one document.
    id: String,
    /// The image's place among those of the artifact.
    image: usize,
}

/// A vulnerability of a package of one of the images.
pub(crate) struct Vulnerability<'a> {
    pub(crate) found: &'a Match,
    pub(crate) package: &'a Package,
    package_id: String,
    /// The image's place among those of the artifact.
    pub(crate) image: usize,
    platform: &'a str,
}

impl Vulnerability<'_> {
    /// The words for how bad a vulnerability is, the worst first.
    pub(crate) const WORDS: [&'static str; 7] =
        ["malicious", "critical", "high", "medium", "low", "info", "unrated"];

    /// The word for how bad it is: each has one.
    pub(crate) fn word(&self) -> &'static str {
        match self.found.severity {
            _ if self.found.malicious => "malicious",
            _ if self.found.unrated => "unrated",
            Severity::Critical => "critical",
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
            Severity::Info => "info",
        }
    }
}

impl<'a> Subject<'a> {
    fn inventories(&self) -> impl Iterator<Item = (usize, &'a ScannedImage, &'a Inventory)> + use<'a> {
        let images = self.scanned.images.iter().enumerate();
        images.filter_map(|(at, image)| Some((at, image, image.inventory.as_ref()?)))
    }

    fn packages(&self) -> Vec<Listed<'a>> {
        let all = self.inventories().flat_map(|(at, _, inventory)| {
            let packages = inventory.packages.iter().enumerate();
            packages.map(move |(index, package)| Listed { package, id: package_id(at, index), image: at })
        });
        all.collect()
    }

    /// The vulnerabilities, the most urgent first.
    pub(crate) fn vulnerabilities(&self) -> Vec<Vulnerability<'a>> {
        let all = self.inventories().flat_map(|(at, image, inventory)| {
            image.matches.iter().filter_map(move |vulnerability| {
                let package = inventory.packages.get(vulnerability.package)?;
                Some(Vulnerability {
                    found: vulnerability,
                    package,
                    package_id: package_id(at, vulnerability.package),
                    image: at,
                    platform: &image.platform,
                })
            })
        });
        let mut vulnerabilities: Vec<_> = all.collect();
        vulnerabilities.sort_by(|a, b| {
            a.found.urgency().cmp(&b.found.urgency()).then_with(|| a.package_id.cmp(&b.package_id))
        });
        vulnerabilities
    }

    /// Everything that could not be read or compared, for people.
    pub fn gaps(&self) -> Vec<String> {
        let unread = self.inventories().flat_map(|(_, image, inventory)| {
            let files = inventory.unread.iter().map(|one| format!("{}: {}", one.path, one.reason));
            files.chain(image.uncomparable.iter().cloned())
        });
        self.scanned.unread.iter().cloned().chain(unread).collect()
    }

    /// Everything that the scan could not answer, for people: what could not be read, of what nobody was asked, and whose
    /// advisories are too old.
    pub fn unanswered(&self) -> Vec<String> {
        self.most_days.map_or_else(|| self.gaps(), |days| self.scanned.unanswered(self.at, days))
    }

    /// The feed that was asked, as names and values: its digest, and each source with when it was fetched.
    fn feed(&self) -> Vec<(&'static str, String)> {
        let Some(feed) = self.scanned.feed.as_ref().filter(|_| self.most_days.is_some()) else {
            return vec![];
        };
        let source = |one: &FeedOrigin| {
            let fetched = one.fetched.map_or("undated".to_owned(), |at| format!("fetched {at}"));
            let claimed = if one.claimed { " as its importer says" } else { "" };
            ("lockgate:feedSource", format!("{} {fetched}{claimed}", one.name))
        };
        let advisories = ("lockgate:feedAdvisories", feed.advisories.to_string());
        let digest = ("lockgate:feed", feed.digest.to_string());
        [digest, advisories].into_iter().chain(feed.sources.iter().map(source)).collect()
    }

    /// Of whose advisories it was asked about a package, for people; nothing where nobody was to be asked.
    fn asked_of(&self, listed: &Listed<'_>) -> Option<String> {
        self.most_days?;
        let (_, image, inventory) = self.inventories().find(|(at, ..)| *at == listed.image)?;
        let asked = coverage::asked_about(inventory, listed.package, &image.coverage);
        let ecosystem = asked.map_or(&listed.package.ecosystem, |one| &one.ecosystem);
        Some(match asked.and_then(|one| one.feed.as_ref()) {
            Some(feed) => format!("{ecosystem} ({} advisories, {})", feed.advisories, feed.origin.name),
            None => format!("nobody was asked about {ecosystem}"),
        })
    }

    /// An identifier that only this scan has, in the shape of a UUID (RFC 9562, version 8).
    fn uuid(&self, what: &str) -> String {
        let text = format!("{}\n{}\n{}\n{what}", self.reference, self.scanned.artifact.digest, self.at);
        let hex = Digest::of(text.as_bytes()).hex();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
    }

    fn name(&self) -> &'a str {
        self.reference
    }
}

fn package_id(image: usize, index: usize) -> String {
    format!("package-{image}-{index}")
}

/// A probability in parts per million as percent: `97.3%`.
pub(crate) fn percent(ppm: u32) -> String {
    match ppm {
        0..1000 => "<0.1%".to_owned(),
        _ => format!("{}.{}%", ppm / 10_000, ppm % 10_000 / 1000),
    }
}

/// A score such as 9.8.
fn score(tenths: u8) -> f64 {
    f64::from(tenths) / 10.0
}

/// What to do about a vulnerability.
fn advice(vulnerability: &Vulnerability<'_>) -> String {
    let [name, version] =
        [&vulnerability.package.name, &vulnerability.package.version].map(|text| printable(text));
    match &vulnerability.found.fixed {
        Some(fixed) => format!("Upgrade {name} from {version} to {}.", printable(fixed)),
        None => format!("No fixed version of {name} is known."),
    }
}

/// What a vulnerability is about, on one line.
fn title(vulnerability: &Vulnerability<'_>) -> String {
    let summary = one_line(&vulnerability.found.summary);
    if summary.is_empty() { printable(&vulnerability.found.id).into_owned() } else { summary }
}

/// Escapes text for XML and HTML, and what is not printable for people.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use lockgate_scan::Matches;

    use super::*;

    #[test]
    fn each_vulnerability_has_one_word() {
        let package = Package {
            ecosystem: "npm".into(),
            name: "a".into(),
            version: "1".into(),
            source: None,
            architecture: String::new(),
            purl: "pkg:npm/a@1".into(),
            licenses: vec![],
            layer: Digest::of(b"l"),
            layer_index: 0,
            path: "/x".into(),
            cataloger: "npm".into(),
            installed_by: String::new(),
            confidence: lockgate_model::inventory::Confidence::Recorded,
        };
        let inventory = Inventory { packages: vec![package.clone()], ..Inventory::default() };
        let advisory = r#"{"id":"A-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"},"versions":["1"]}]}"#;
        let mut feed = lockgate_scan::FeedBuilder::new(Timestamp::from_unix(i64::MAX));
        feed.add("feed", std::io::Cursor::new(advisory)).unwrap();
        let feed =
            lockgate_scan::Feed::open(std::sync::Arc::new(bytes::Bytes::from(feed.finish().unwrap().0)));
        let Matches { matches, .. } = feed.unwrap().matches(&inventory).unwrap();
        for (malicious, unrated, severity, word) in [
            (true, true, Severity::Critical, "malicious"),
            (false, true, Severity::Medium, "unrated"),
            (false, false, Severity::Critical, "critical"),
            (false, false, Severity::Info, "info"),
        ] {
            let found = Match { malicious, unrated, severity, ..matches[0].clone() };
            let (found, package_id) = (&found, String::new());
            let one = Vulnerability { found, package: &package, package_id, image: 0, platform: "" };
            assert_eq!(one.word(), word);
            assert!(Vulnerability::WORDS.contains(&word));
        }
    }
}
