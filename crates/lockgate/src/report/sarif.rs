//! SARIF 2.1.0 (OASIS), as code scanning services read it: a rule for each hole, a result for each package that has it.

use std::collections::BTreeMap;

use lockgate_model::{Digest, Severity};
use serde_json::{Value, json};

use super::{HOME, Hole, Subject, VERSION, advice, score};

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let holes = subject.holes();
    let mut rules: BTreeMap<&str, &Hole<'_>> = BTreeMap::new();
    for hole in &holes {
        rules.entry(&hole.found.id).or_insert(hole);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results: Vec<_> = holes.iter().map(|hole| result(hole, index.get(hole.found.id.as_str()))).collect();
    let gaps =
        subject.unanswered().into_iter().map(|gap| json!({"level": "error", "message": {"text": gap}}));
    let gaps: Vec<Value> = gaps.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Lockgate",
                "version": VERSION,
                "informationUri": HOME,
                "rules": rules.values().map(|hole| rule(hole)).collect::<Vec<_>>(),
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

fn rule(hole: &Hole<'_>) -> Value {
    let found = hole.found;
    let short = if found.summary.is_empty() { &found.id } else { &found.summary };
    let mut rule = json!({
        "id": found.id,
        "shortDescription": {"text": short},
        "help": {"text": advice(hole)},
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

fn result(hole: &Hole<'_>, rule: Option<&usize>) -> Value {
    let package = hole.package;
    let text = format!("{} {} has {}. {}", package.name, package.version, hole.found.id, advice(hole));
    let same = format!("{}\n{}\n{}\n{}", hole.found.id, package.purl, package.path, hole.platform);
    json!({
        "ruleId": hole.found.id,
        "ruleIndex": rule.map_or(-1, |at| i64::try_from(*at).unwrap_or(-1)),
        "level": level(hole.found.severity),
        "message": {"text": text},
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
