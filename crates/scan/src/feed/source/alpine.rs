//! Alpine's security database (secdb.alpinelinux.org, "main.json"): of each source package, which version fixed what.

use std::collections::BTreeMap;

use lockgate_model::Severity;
use serde_json::Value;

use super::{Rated, UNDATED};
use crate::feed::{Advisory, Affected, RangeEvent};

/// One advisory for each CVE of each package. The database has no dates.
pub(in crate::feed) fn read(value: &Value) -> Vec<Rated> {
    let word =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (release, repository) = (word(value, "distroversion"), word(value, "reponame"));
    let packages = value.get("packages").and_then(Value::as_array).into_iter().flatten();
    let mut rated = Vec::new();
    for package in packages.filter_map(|entry| entry.get("pkg")) {
        let name = word(package, "name");
        // `0` says that the package never had the vulnerability.
        let by_version = package.get("secfixes").and_then(Value::as_object).into_iter().flatten();
        let mut by_cve: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (version, vulnerabilities) in by_version.filter(|(version, _)| *version != "0") {
            let named = vulnerabilities.as_array().into_iter().flatten().filter_map(Value::as_str);
            for vulnerability in named.filter_map(|names| names.split_whitespace().next()) {
                by_cve.entry(vulnerability.to_owned()).or_default().push(version.clone());
            }
        }
        for (cve, mut versions) in by_cve {
            versions
                .sort_by(|a, b| crate::version::compare("Alpine", a, b).unwrap_or(std::cmp::Ordering::Equal));
            let Some(fixed) = versions.pop() else { continue };
            rated.push(one(&name, &cve, &release, &repository, fixed));
        }
    }
    rated
}

fn one(name: &str, cve: &str, release: &str, repository: &str, fixed: String) -> Rated {
    let range = vec![RangeEvent::Introduced("0".to_owned()), RangeEvent::Fixed(fixed)];
    let affected = Affected {
        ecosystem: format!("Alpine:{release}"),
        name: name.to_owned(),
        ranges: vec![range],
        versions: vec![],
        fixed: vec![],
        binary: false,
        unaffected: false,
    };
    let advisory = Advisory {
        id: format!("ALPINE-{cve}-{name}-{release}-{repository}"),
        aliases: vec![cve.to_owned()],
        severity: Severity::Medium,
        cvss_tenths: None,
        known_exploited: false,
        unrated: false,
        malicious: false,
        epss_ppm: None,
        summary: String::new(),
        url: Some(format!("https://security.alpinelinux.org/vuln/{cve}")),
        modified: UNDATED,
        affected: vec![affected],
    };
    Rated { advisory, rated: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_becomes_a_range() {
        let value = serde_json::json!({"distroversion": "v3.20", "reponame": "main", "packages": [
            {"pkg": {"name": "openssl", "secfixes": {"3.3.1-r1": ["CVE-2024-1 GHSA-x"], "3.3.2-r0": ["CVE-2024-1"],
             "0": ["CVE-2024-2"]}}}]});
        let read = read(&value);
        let [one] = read.as_slice() else { panic!() };
        assert_eq!(one.advisory.affected[0].ecosystem, "Alpine:v3.20");
        assert_eq!(one.advisory.affected[0].ranges[0][1], RangeEvent::Fixed("3.3.2-r0".into()));
    }
}
