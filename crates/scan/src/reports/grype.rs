//! Grype's JSON (anchore/grype, `grype/presenter/models`).

use serde_json::Value;

use super::{Raw, Reported, digest, severity, short};
use crate::catalog::documents::{list, word};

pub(super) fn knows(document: &Value) -> bool {
    document.get("matches").is_some_and(Value::is_array) && document.get("descriptor").is_some()
}

pub(super) fn read(document: &Value) -> Result<Raw, String> {
    let descriptor = document.get("descriptor").unwrap_or(&Value::Null);
    let target = document.pointer("/source/target").unwrap_or(&Value::Null);
    let digests = list(target, "repoDigests").iter().filter_map(Value::as_str);
    let named = [word(target, "manifestDigest"), word(target, "imageID")];
    // What an ignore rule or VEX took out counts, too: it is not by them that a hole is judged.
    let matches = list(document, "matches").iter().chain(list(document, "ignoredMatches"));
    Ok(Raw {
        scanner: word(descriptor, "name").to_owned(),
        version: word(descriptor, "version").to_owned(),
        made: word(descriptor, "timestamp").parse().ok(),
        about: digests.chain(named).filter_map(digest).collect(),
        holes: matches.map(hole).collect(),
        looked: true,
    })
}

fn hole(value: &Value) -> Reported {
    let none = Value::Null;
    let part = |key: &str| value.get(key).unwrap_or(&none);
    let (hole, package) = (part("vulnerability"), part("artifact"));
    let related = list(value, "relatedVulnerabilities").iter().map(|one| word(one, "id"));
    let names = std::iter::once(word(hole, "id")).chain(related).filter(|name| !name.is_empty());
    let fix = hole.get("fix").unwrap_or(&none);
    let fixed: Vec<_> = list(fix, "versions").iter().filter_map(Value::as_str).map(short).collect();
    let reported = Reported::of(word(package, "purl"), word(package, "name"), word(package, "version"));
    Reported {
        names: names.map(short).collect(),
        severity: severity(word(hole, "severity")).unwrap_or(reported.severity),
        fixed: Some(fixed.join(", ")).filter(|text| !text.is_empty()),
        ..reported
    }
}
