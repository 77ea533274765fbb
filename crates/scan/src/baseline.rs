//! Baselines: the vulnerabilities that an artifact had before anyone looked, signed by someone who answers for them for
//! a while.
//!
//! Whether the someone is to be believed is not asked here: the gate does, by signatures.

use lockgate_model::{Package, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits;
use crate::matching::Match;
use crate::purl::Purl;
use crate::shape::Shapes;

/// The predicate type of baselines (in-toto).
pub const PREDICATE_TYPE: &str = "https://lockgate.dev/baseline/v1";
/// Days after which a baseline ends at the latest.
pub const DAYS: i64 = 365;
/// Seconds in a day.
const DAY: i64 = 86_400;

/// A baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// When it was made.
    pub made: Timestamp,
    /// First instant at which it no longer counts: at most [`DAYS`] days after it was made.
    pub until: Timestamp,
    /// Why these vulnerabilities are borne with until then.
    pub reason: String,
    /// The vulnerabilities, sorted.
    pub findings: Vec<Entry>,
}

/// A vulnerability that was there before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name, such as `CVE-2024-1`.
    pub advisory: String,
    /// The package that has it: a package URL without version and qualifiers.
    pub package: String,
    /// First instant at which this one no longer counts; that of the baseline unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, where it is another reason than that of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Baseline {
    /// Reads the predicate of an attestation. The error says what is wrong with it.
    pub fn read(predicate: &Value, shapes: Shapes) -> Result<Self, String> {
        let read: Self = serde_json::from_value(predicate.clone()).map_err(|error| error.to_string())?;
        read.check()?;
        if shapes.is_strict() {
            // A part of a package is not the package.
            let whole = |entry: &Entry| Purl::exact(&entry.package).is_ok_and(|purl| purl.subpath.is_none());
            if let Some(entry) = read.findings.iter().find(|entry| !whole(entry)) {
                let package: String = entry.package.chars().take(200).collect();
                return Err(format!(
                    "`{package}` is not a package URL without version, qualifiers and subpath"
                ));
            }
        }
        Ok(read)
    }

    /// A baseline of vulnerabilities, each with the package that has it. The error says what is wrong with the dates or
    /// the reason.
    pub fn of<'a>(
        vulnerabilities: impl IntoIterator<Item = (&'a Package, &'a Match)>,
        made: Timestamp,
        until: Timestamp,
        reason: &str,
    ) -> Result<Self, String> {
        let entries = |(package, vulnerability): (&Package, &Match)| {
            // What is known to be exploited is never borne with.
            let purl = Purl::parse(&package.purl).filter(|_| !vulnerability.known_exploited);
            // One advisory may close several vulnerabilities: each is named.
            let mut cves: Vec<_> = vulnerability.names().filter(|name| name.starts_with("CVE-")).collect();
            if cves.is_empty() {
                cves.push(&vulnerability.id);
            }
            let entry = |name: &String, package: String| Entry {
                advisory: name.clone(),
                package,
                until: None,
                reason: None,
            };
            let entries: Vec<_> =
                purl.iter().flat_map(|purl| cves.iter().map(|name| entry(name, purl.bare()))).collect();
            entries
        };
        let mut findings: Vec<_> = vulnerabilities.into_iter().flat_map(entries).collect();
        findings.sort();
        findings.dedup();
        let made = Self { made, until, reason: reason.trim().to_owned(), findings };
        made.check()?;
        Ok(made)
    }

    /// The document, for people and for signing.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{:#}\n", serde_json::to_value(self)?))
    }

    fn check(&self) -> Result<(), String> {
        let latest = self.made.plus_seconds(DAYS * DAY);
        if self.reason.trim().is_empty() {
            return Err("it gives no reason".to_owned());
        }
        if self.findings.len() > limits::BASELINE_ENTRIES {
            return Err(format!("it has more than {} findings", limits::BASELINE_ENTRIES));
        }
        for until in self.findings.iter().filter_map(|entry| entry.until).chain([self.until]) {
            if until <= self.made || until > latest {
                return Err(format!(
                    "it was made {} and would count until {until}: it may count for at most {DAYS} days",
                    self.made
                ));
            }
        }
        for entry in &self.findings {
            let bare = Purl::parse(&entry.package)
                .is_some_and(|purl| purl.version.is_none() && purl.qualifiers.is_empty());
            if entry.advisory.trim().is_empty() || !bare {
                let package: String = entry.package.chars().take(200).collect();
                return Err(format!(
                    "`{package}` is no package URL without version and qualifiers, or its hole has no name"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "made": "2026-11-01T00:00:00Z", "until": "2027-02-01T00:00:00Z", "reason": "the base is rebuilt in January",
            "findings": [{"advisory": "CVE-1", "package": "pkg:apk/alpine/zlib"}],
        })
    }

    #[test]
    fn is_read_and_written() {
        let baseline = Baseline::read(&document(), Shapes::Strict).unwrap();
        let again: Value = serde_json::from_str(&baseline.to_json().unwrap()).unwrap();
        assert_eq!(again, document());
    }

    #[test]
    fn is_refused_without_an_end_a_reason_or_a_bare_package() {
        for (key, value) in [
            ("until", json!(null)),
            ("until", json!("2026-11-01T00:00:00Z")),
            ("until", json!("2027-11-01T00:00:01Z")),
            ("made", json!("yesterday")),
            ("reason", json!(" ")),
            ("reason", json!(null)),
            ("extra", json!(1)),
            ("findings", json!([{"advisory": "", "package": "pkg:apk/alpine/zlib"}])),
            ("findings", json!([{"advisory": "CVE-1", "package": "zlib"}])),
            ("findings", json!([{"advisory": "CVE-1", "package": "pkg:apk/alpine/zlib@1"}])),
            ("findings", json!([{"advisory": "CVE-1", "package": "pkg:apk/alpine/zlib?arch=x"}])),
            (
                "findings",
                json!([{"advisory": "CVE-1", "package": "pkg:apk/alpine/zlib", "until": "2028-01-01T00:00:00Z"}]),
            ),
        ] {
            let mut document = document();
            document[key] = value;
            for shapes in [Shapes::Lenient, Shapes::Strict] {
                assert!(Baseline::read(&document, shapes).is_err(), "{document}");
            }
        }
        for part in ["pkg:apk/alpine/zlib#lib/x", "pkg:apk/alpine/zlib@", "pkg:apk/alpine/zlib?arch="] {
            let mut document = document();
            document["findings"][0]["package"] = json!(part);
            assert!(Baseline::read(&document, Shapes::Strict).is_err(), "{part}");
        }
        let mut latest = document();
        latest["until"] = json!("2027-11-01T00:00:00Z");
        assert!(Baseline::read(&latest, Shapes::Strict).is_ok(), "365 days");
    }
}
