//! One OSV record (ossf.github.io/osv-schema, 1.6), normalised.

use lockgate_model::{Severity, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{Rated, by_score, by_vectors, by_word, first_line, instant};
use crate::catalog::normalised_python;
use crate::feed::{Advisory, Affected, RangeEvent};
use crate::version::family;

/// A record as it is published; what is not read here is not kept.
#[derive(Debug, Deserialize)]
struct Record {
    id: String,
    modified: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    /// Debian and Ubuntu name the CVE here (schema 1.7).
    #[serde(default)]
    upstream: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    affected: Option<Vec<AffectedRecord>>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Debug, Deserialize)]
struct Score {
    score: String,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default, rename = "type")]
    kind: String,
    url: String,
}

#[derive(Debug, Deserialize)]
struct AffectedRecord {
    #[serde(default)]
    package: Option<PackageRecord>,
    #[serde(default)]
    ranges: Option<Vec<RangeRecord>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    ecosystem_specific: Value,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Debug, Deserialize)]
struct PackageRecord {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct RangeRecord {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<EventRecord>,
}

#[derive(Debug, Deserialize)]
struct EventRecord {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

/// What became of a record.
pub(in crate::feed) enum Read {
    Advisory(Box<Rated>),
    /// Its publisher took it back.
    Withdrawn(Withdrawn),
}

/// A record that was taken back.
pub(in crate::feed) struct Withdrawn {
    pub(in crate::feed) id: String,
    /// Its date, where it has one.
    pub(in crate::feed) modified: Option<Timestamp>,
    pub(in crate::feed) aliases: Vec<String>,
    /// The ecosystems that it was about.
    pub(in crate::feed) ecosystems: Vec<String>,
}

/// Normalises a record; the error says what is wrong with it.
pub(in crate::feed) fn read(bytes: &[u8]) -> Result<Read, String> {
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    normalise(record)
}

fn normalise(record: Record) -> Result<Read, String> {
    if record.id.is_empty() {
        return Err("its id is empty".to_owned());
    }
    if record.withdrawn.is_some() {
        let packages = record.affected.into_iter().flatten().filter_map(|one| one.package);
        return Ok(Read::Withdrawn(Withdrawn {
            modified: instant("modified", &record.modified).ok(),
            aliases: record.aliases.unwrap_or_default(),
            ecosystems: packages.map(|package| package.ecosystem).collect(),
            id: record.id,
        }));
    }
    let cvss_tenths = cvss(&record);
    // A score of 0 is often a place that waits for one: a word weighs more.
    let scored = cvss_tenths.filter(|tenths| *tenths > 0).map(by_score);
    let said = scored.or_else(|| by_words(&record)).or(cvss_tenths.map(by_score));
    let malicious = is_malicious(&record);
    let mut aliases = record.aliases.unwrap_or_default();
    aliases.extend(record.upstream.unwrap_or_default());
    aliases.retain(|alias| *alias != record.id);
    aliases.sort();
    aliases.dedup();
    let mut affected: Vec<_> = record.affected.unwrap_or_default().into_iter().filter_map(one).collect();
    affected.sort();
    let text = record.summary.filter(|text| !text.trim().is_empty()).or(record.details).unwrap_or_default();
    let advisory = Advisory {
        modified: instant("modified", &record.modified)?,
        id: record.id,
        aliases,
        severity: said.unwrap_or(Severity::Medium),
        cvss_tenths,
        known_exploited: false,
        unrated: false,
        malicious,
        epss_ppm: None,
        summary: first_line(&text),
        url: url(record.references.unwrap_or_default()),
        affected,
    };
    Ok(Read::Advisory(Box::new(Rated { advisory, rated: said.is_some() })))
}

fn url(references: Vec<Reference>) -> Option<String> {
    let mut references = references.into_iter();
    let first = references.next()?;
    if first.kind == "ADVISORY" {
        return Some(first.url);
    }
    references.find(|reference| reference.kind == "ADVISORY").or(Some(first)).map(|reference| reference.url)
}

fn one(record: AffectedRecord) -> Option<Affected> {
    let package = record.package?;
    let name = match family(&package.ecosystem) {
        "PyPI" => normalised_python(&package.name),
        // VulnerableCode has the namespace of the package URL in front.
        "Arch" => package.name.strip_prefix("archlinux/").unwrap_or(&package.name).to_owned(),
        _ => package.name,
    };
    // A range of commits says nothing about versions; the tags in it are listed, often with the `v` of a tag.
    let (commits, ranges): (Vec<_>, Vec<_>) =
        record.ranges.unwrap_or_default().into_iter().partition(|range| range.kind == "GIT");
    let fixed = record.database_specific.get("fixed_versions").and_then(Value::as_array);
    let fixed = fixed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut versions = record.versions.unwrap_or_default();
    if !commits.is_empty() {
        let tags: Vec<_> = versions.iter().filter_map(|tag| of_tag(tag)).map(str::to_owned).collect();
        versions.extend(tags);
    }
    versions.sort();
    versions.dedup();
    Some(Affected {
        ecosystem: ecosystem(package.ecosystem),
        name,
        ranges: ranges.into_iter().map(|range| range.events.into_iter().flat_map(events).collect()).collect(),
        versions,
        fixed,
        binary: false,
        unaffected: false,
    })
}

/// The version that a tag is of: `1.2.3` of `v1.2.3`.
fn of_tag(tag: &str) -> Option<&str> {
    tag.strip_prefix('v').filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

/// The ecosystem with its release as inventories name it: publishers add to it what os-release(5) does not say.
pub(super) fn ecosystem(written: String) -> String {
    let parts: Vec<&str> = written.split(':').collect();
    match parts.as_slice() {
        // `Ubuntu:22.04:LTS`; what is fixed in Ubuntu Pro only stays apart.
        ["Ubuntu", release, ..] if *release != "Pro" => format!("Ubuntu:{release}"),
        // `Red Hat:enterprise_linux:9::appstream`
        ["Red Hat", "enterprise_linux", release, ..] => {
            format!("Red Hat:{}", release.split('.').next().unwrap_or(release))
        }
        // `SUSE:Linux Enterprise Server 15 SP5`
        ["SUSE", product, ..] => suse(product).map_or(written.clone(), |release| format!("SUSE:{release}")),
        ["Arch"] => "Arch Linux".to_owned(),
        _ => written,
    }
}

fn suse(product: &str) -> Option<String> {
    let words = product.split_whitespace();
    let mut numbers = words.skip_while(|word| !word.starts_with(|first: char| first.is_ascii_digit()));
    let major = numbers.next()?;
    let pack = numbers.next().and_then(|word| word.strip_prefix("SP"));
    Some(pack.map_or(major.to_owned(), |pack| format!("{major}.{pack}")))
}

fn events(record: EventRecord) -> Vec<RangeEvent> {
    let events = [
        record.introduced.map(RangeEvent::Introduced),
        record.fixed.map(RangeEvent::Fixed),
        record.last_affected.map(RangeEvent::LastAffected),
        record.limit.map(RangeEvent::Limit),
    ];
    events.into_iter().flatten().collect()
}

/// Whether the package itself is the attack: GitHub's advisories say so by the weakness (CWE-506, "Embedded Malicious
/// Code"), the malicious-packages database by where it has the record from.
fn is_malicious(record: &Record) -> bool {
    let weaknesses = record.database_specific.get("cwe_ids").and_then(Value::as_array);
    let embedded = |weakness: &Value| weakness.as_str() == Some("CWE-506");
    weaknesses.into_iter().flatten().any(embedded)
        || record.database_specific.get("malicious-packages-origins").is_some()
}

/// The CVSS score of the record and its packages, in tenths.
fn cvss(record: &Record) -> Option<u8> {
    let own = record.severity.iter().flatten();
    let of_packages =
        record.affected.iter().flatten().flat_map(|affected| affected.severity.iter().flatten());
    by_vectors(own.chain(of_packages).map(|score| score.score.as_str()))
}

/// The worst of the words that a database uses where it gives no score.
fn by_words(record: &Record) -> Option<Severity> {
    let own = record.database_specific.get("severity");
    let of_packages = record.affected.iter().flatten().flat_map(|affected| {
        let specific = [&affected.ecosystem_specific, &affected.database_specific];
        specific.into_iter().flat_map(|value| [value.get("severity"), value.get("urgency")])
    });
    let words = std::iter::once(own).chain(of_packages).flatten().filter_map(Value::as_str);
    // Ubuntu gives its word as a score of the type `Ubuntu` (schema 1.7).
    let own = record.severity.iter().flatten();
    let of_packages = record.affected.iter().flatten().flat_map(|one| one.severity.iter().flatten());
    let scores = own.chain(of_packages).map(|score| score.score.as_str());
    words.chain(scores).filter_map(by_word).max()
}

#[cfg(test)]
mod tests {
    use super::ecosystem;

    #[test]
    fn releases_are_named_as_in_inventories() {
        for (written, expected) in [
            ("Ubuntu:22.04:LTS", "Ubuntu:22.04"),
            ("Ubuntu:Pro:18.04:LTS", "Ubuntu:Pro:18.04:LTS"),
            ("Red Hat:enterprise_linux:9::appstream", "Red Hat:9"),
            ("SUSE:Linux Enterprise Server 15 SP5", "SUSE:15.5"),
            ("Debian:12", "Debian:12"),
            ("npm", "npm"),
            ("Arch", "Arch Linux"),
        ] {
            assert_eq!(ecosystem(written.to_owned()), expected);
        }
    }
}
