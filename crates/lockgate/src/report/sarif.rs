//! SARIF 2.1.0 (OASIS), as code scanning services read it: a rule for each vulnerability, a result for each package that has it.

use std::collections::BTreeMap;

use lockgate_model::{Digest, Severity};
use serde_json::{Value, json};

use super::{HOME, Subject, VERSION, Vulnerability, advice, score, title};
use crate::printable::printable;

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let vulnerabilities = subject.vulnerabilities();
    let mut rules: BTreeMap<&str, &Vulnerability<'_>> = BTreeMap::new();
    for vulnerability in &vulnerabilities {
        rules.entry(&vulnerability.found.id).or_insert(vulnerability);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results: Vec<_> = vulnerabilities
        .iter()
        .map(|vulnerability| result(vulnerability, index.get(vulnerability.found.id.as_str())))
        .collect();
    let gaps = subject
        .unanswered()
        .into_iter()
        .map(|gap| json!({"level": "error", "message": {"text": message(&gap)}}));
    let gaps: Vec<Value> = gaps.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Lockgate",
                "version": VERSION,
                "informationUri": HOME,
                "rules": rules.values().map(|vulnerability| rule(vulnerability)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": gaps.is_empty(),
                "endTimeUtc": subject.at.to_string(),
                "toolExecutionNotifications": gaps,
            }],
            "results": results,
            "properties": {
                "imageName": subject.name(),
                "imageDigest": subject.scanned.artifact.digest.to_string(),
                "feed": subject.scanned.feed,
                "coverage": coverage(subject),
            },
        }],
    })
}

/// What was asked about the packages of each image.
fn coverage(subject: &Subject<'_>) -> Value {
    let images = subject.scanned.images.iter();
    images.map(|image| json!({"platform": image.platform, "asked": image.coverage})).collect()
}

fn rule(vulnerability: &Vulnerability<'_>) -> Value {
    let found = vulnerability.found;
    let mut rule = json!({
        "id": found.id,
        "shortDescription": {"text": title(vulnerability)},
        "help": {"text": advice(vulnerability)},
        "defaultConfiguration": {"level": level(found.severity)},
        "properties": {
            "tags": ["security", "vulnerability", found.severity.to_string()],
            "security-severity": format!("{:.1}", found.cvss_tenths.map_or(by_word(found.severity), score)),
        },
    });
    if let (Some(url), Some(rule)) = (&found.url, rule.as_object_mut()) {
        rule.insert("helpUri".to_owned(), json!(url));
    }
    rule
}

fn result(vulnerability: &Vulnerability<'_>, rule: Option<&usize>) -> Value {
    let package = vulnerability.package;
    let text = format!(
        "{} {} has {}. {}",
        package.name,
        package.version,
        vulnerability.found.id,
        advice(vulnerability)
    );
    let same =
        format!("{}\n{}\n{}\n{}", vulnerability.found.id, package.purl, package.path, vulnerability.platform);
    json!({
        "ruleId": vulnerability.found.id,
        "ruleIndex": rule.map_or(-1, |at| i64::try_from(*at).unwrap_or(-1)),
        "level": level(vulnerability.found.severity),
        "message": {"text": message(&text)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": address(package.path.trim_start_matches('/'))},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"fullyQualifiedName": package.purl, "kind": "package"}],
        }],
        "partialFingerprints": {"lockgate/v1": Digest::of(same.as_bytes()).hex()},
    })
}

/// Text of a message, in which what others wrote is not a link (SARIF 2.1.0, section 3.11.6).
fn message(text: &str) -> String {
    let text = printable(text);
    if text.contains("](") { text.replace('[', r"\[").replace(']', r"\]") } else { text.into_owned() }
}

/// A path as a relative URI (RFC 3986).
fn address(path: &str) -> String {
    let mut address = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b'/' | b'@' | b'!' => {
                address.push(char::from(byte));
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The middle of the range of scores that a word stands for.
fn by_word(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Info => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_not_a_link() {
        assert_eq!(message("x [see](https://example.com) y"), r"x \[see\](https://example.com) y");
        assert_eq!(message("libc[6] \u{1b}[31m"), r"libc[6] \u{1b}[31m");
    }
}
