//! Debian's security tracker (security-tracker.debian.org, "/tracker/data/json"): of each source package, of each CVE,
//! its state in each release.

use lockgate_model::Severity;
use serde_json::Value;

use super::{Rated, UNDATED, first_line};
use crate::feed::{Advisory, Affected, RangeEvent};

/// Releases by name, as the tracker has them, and by number, as advisories do.
const RELEASES: [(&str, &str); 9] = [
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
    ("sid", "sid"),
];

/// The number of a release by its name.
pub(super) fn release_number(codename: &str) -> Option<&'static str> {
    RELEASES.iter().find(|(known, _)| *known == codename).map(|(_, number)| *number)
}

/// Whether a document is the tracker's: an object of packages of CVEs that have releases.
pub(super) fn is_tracker(value: &Value) -> bool {
    let first = value.as_object().and_then(|packages| packages.values().next()).and_then(Value::as_object);
    first.and_then(|cves| cves.values().next()).is_some_and(|cve| cve.get("releases").is_some())
}

/// One advisory for each CVE of each package. The tracker has no dates.
pub(in crate::feed) fn read(value: &Value) -> impl Iterator<Item = Rated> + '_ {
    let packages = value.as_object().into_iter().flatten();
    packages.flat_map(move |(package, cves)| {
        let cves = cves.as_object().into_iter().flatten();
        cves.filter_map(move |(cve, said)| one(package, cve, said))
    })
}

fn one(package: &str, cve: &str, said: &Value) -> Option<Rated> {
    let releases = said.get("releases")?.as_object()?;
    let (mut affected, mut worst) = (Vec::new(), None);
    for (codename, state) in releases {
        let word = |key: &str| state.get(key).and_then(Value::as_str).unwrap_or_default();
        let Some(number) = release_number(codename) else { continue };
        let mut range = vec![RangeEvent::Introduced("0".to_owned())];
        match (word("status"), word("fixed_version")) {
            // "0" says that the release never had the vulnerability.
            (_, "0") | ("undetermined", _) => continue,
            ("resolved", fixed) if !fixed.is_empty() => range.push(RangeEvent::Fixed(fixed.to_owned())),
            ("open", _) => {}
            _ => continue,
        }
        worst = worst.max(urgency(word("urgency")));
        affected.push(Affected {
            ecosystem: format!("Debian:{number}"),
            name: package.to_owned(),
            ranges: vec![range],
            versions: vec![],
            fixed: vec![],
            binary: false,
            unaffected: false,
        });
    }
    affected.sort();
    let summary = said.get("description").and_then(Value::as_str).map(first_line).unwrap_or_default();
    let advisory = Advisory {
        id: format!("DEBIAN-{cve}-{package}"),
        aliases: vec![cve.to_owned()],
        severity: worst.unwrap_or(Severity::Medium),
        cvss_tenths: None,
        known_exploited: false,
        unrated: false,
        malicious: false,
        epss_ppm: None,
        summary,
        url: Some(format!("https://security-tracker.debian.org/tracker/{cve}")),
        modified: UNDATED,
        affected,
    };
    (!advisory.affected.is_empty()).then_some(Rated { rated: worst.is_some(), advisory })
}

fn urgency(word: &str) -> Option<Severity> {
    match word.trim_end_matches('*') {
        "high" => Some(Severity::High),
        "medium" => Some(Severity::Medium),
        "low" | "unimportant" => Some(Severity::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_a_release_becomes_a_range() {
        let value = serde_json::json!({"openssl": {"CVE-2024-1": {"description": "bad\nmore", "releases": {
            "bookworm": {"status": "resolved", "fixed_version": "3.0.15-1", "urgency": "high"},
            "trixie": {"status": "open", "urgency": "not yet assigned"},
            "bullseye": {"status": "resolved", "fixed_version": "0", "urgency": "low"}}}}});
        assert!(is_tracker(&value));
        let read: Vec<_> = read(&value).collect();
        let [one] = read.as_slice() else { panic!() };
        let releases: Vec<_> = one.advisory.affected.iter().map(|one| one.ecosystem.as_str()).collect();
        assert_eq!(releases, ["Debian:12", "Debian:13"]);
        assert_eq!((one.advisory.severity, one.rated), (Severity::High, true));
        assert_eq!(one.advisory.affected[0].ranges[0][1], RangeEvent::Fixed("3.0.15-1".into()));
        assert_eq!(one.advisory.affected[1].ranges[0].len(), 1);
    }
}
