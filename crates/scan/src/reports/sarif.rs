//! SARIF 2.1.0 (OASIS), as scanners write it that know packages: Trivy, Grype, Lockgate.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Raw, Reported, by_score, digest, severity, short};
use crate::catalog::documents::{list, word};
use crate::shape::{Fields, Shape, Shapes, check};

const RUN: Shape = Shape::Object(&Fields {
    must: &[("tool", TOOL)],
    may: &[
        ("results", Shape::Maybe(&Shape::List(&RESULT, 0))),
        ("invocations", Shape::Maybe(&Shape::List(&INVOCATION, 0))),
        ("properties", Shape::Maybe(&PROPERTIES)),
    ],
    other: &["artifacts", "columnKind", "originalUriBaseIds", "automationDetails", "logicalLocations"],
    open: true,
});
const TOOL: Shape =
    Shape::Object(&Fields { must: &[("driver", DRIVER)], may: &[], other: &["extensions"], open: true });
const DRIVER: Shape = Shape::Object(&Fields {
    must: &[("name", Shape::Said)],
    may: &[("rules", Shape::Maybe(&Shape::List(&RULE, 0)))],
    other: &["version", "semanticVersion", "fullName", "informationUri", "notifications"],
    open: true,
});
const RULE: Shape = Shape::Object(&Fields { must: &[("id", Shape::Said)], may: &[], other: &[], open: true });
const RESULT: Shape = Shape::Object(&Fields {
    must: &[(
        "message",
        Shape::Object(&Fields { must: &[], may: &[("text", Shape::Text)], other: &["markdown"], open: true }),
    )],
    may: &[
        ("ruleId", Shape::Said),
        ("level", Shape::OneOf(&["none", "note", "warning", "error"])),
        ("locations", Shape::Maybe(&Shape::List(&PLACE, 0))),
    ],
    other: &[
        "ruleIndex",
        "rule",
        "kind",
        "properties",
        "fingerprints",
        "partialFingerprints",
        "suppressions",
    ],
    open: true,
});
const PLACE: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[],
    other: &["physicalLocation", "logicalLocations"],
    open: true,
});
const INVOCATION: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("endTimeUtc", Shape::Time), ("startTimeUtc", Shape::Time)],
    other: &[
        "executionSuccessful",
        "exitCode",
        "toolExecutionNotifications",
        "toolConfigurationNotifications",
    ],
    open: true,
});
const PROPERTIES: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("repoDigests", Shape::Maybe(&Shape::List(&Shape::Text, 0))),
        ("imageID", Shape::Text),
        ("imageDigest", Shape::Text),
    ],
    other: &["imageName", "repoTags"],
    open: true,
});

pub(super) fn carries(predicate_type: &str) -> bool {
    predicate_type.starts_with("https://docs.oasis-open.org/sarif/sarif/v2.1.0")
}

pub(super) fn knows(document: &Value) -> bool {
    word(document, "version") == "2.1.0" && document.get("runs").is_some_and(Value::is_array)
}

pub(super) fn read(document: &Value, shapes: Shapes) -> Result<Raw, String> {
    let [run] = list(document, "runs") else {
        return Err("it must have exactly one run".to_owned());
    };
    if shapes.is_strict() {
        check(run, &RUN)?;
    }
    let none = Value::Null;
    let driver = run.pointer("/tool/driver").unwrap_or(&none);
    let rules: BTreeMap<&str, &Value> =
        list(driver, "rules").iter().map(|rule| (word(rule, "id"), rule)).collect();
    let properties = run.get("properties").unwrap_or(&none);
    let digests = list(properties, "repoDigests").iter().filter_map(Value::as_str);
    let named = [word(properties, "imageID"), word(properties, "imageDigest")];
    let ends = list(run, "invocations").iter().filter_map(|one| word(one, "endTimeUtc").parse().ok());
    let version = [word(driver, "semanticVersion"), word(driver, "version")];
    let mut vulnerabilities = Vec::new();
    for result in list(run, "results") {
        let rule = rules.get(word(result, "ruleId")).copied().unwrap_or(&none);
        vulnerabilities.push(vulnerability(result, rule)?);
    }
    Ok(Raw {
        scanner: word(driver, "name").split_whitespace().next().unwrap_or_default().to_owned(),
        version: version.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned(),
        made: ends.max(),
        about: digests.chain(named).filter_map(digest).collect(),
        vulnerabilities,
        looked: false,
        at: vec![],
        failed: has_failed(run),
    })
}

/// Whether the run failed, or in part: it has no results at all (3.14.23), or says so (3.20.14, 3.58.6).
fn has_failed(run: &Value) -> bool {
    let complaints =
        |one: &Value, key: &str| list(one, key).iter().any(|said| word(said, "level") == "error");
    let failed = |one: &Value| {
        one.get("executionSuccessful") != Some(&Value::Bool(true))
            || complaints(one, "toolExecutionNotifications")
            || complaints(one, "toolConfigurationNotifications")
    };
    !run.get("results").is_some_and(Value::is_array) || list(run, "invocations").iter().any(failed)
}

fn vulnerability(result: &Value, rule: &Value) -> Result<Reported, String> {
    let id = word(result, "ruleId");
    let text = result.pointer("/message/text").and_then(Value::as_str).unwrap_or_default();
    let said = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim).unwrap_or_default()
    };
    let reported = Reported::of(&purl(result, rule), said("Package:"), said("Installed Version:"));
    if reported.name.is_empty() {
        return Err(format!("the result `{}` names no package", short(id)));
    }
    let rated = severity(said("Severity:")).or_else(|| score(rule)).or_else(|| level(result, rule));
    Ok(Reported {
        names: vec![short(name(id))],
        fixed: Some(short(said("Fixed Version:"))).filter(|text| !text.is_empty()),
        ..reported.rated(rated)
    })
}

/// The package URL: of the result, of the place in it that is a package, or the only one of the rule (Grype).
fn purl(result: &Value, rule: &Value) -> String {
    let own = result.pointer("/properties/purl").and_then(Value::as_str);
    let places = list(result, "locations").iter().flat_map(|place| list(place, "logicalLocations"));
    let mut named =
        places.map(|place| word(place, "fullyQualifiedName")).filter(|name| name.starts_with("pkg:"));
    let of_rule = rule.pointer("/properties/purls").and_then(Value::as_array).map(Vec::as_slice);
    let of_rule = of_rule.and_then(|purls| if let [one] = purls { one.as_str() } else { None });
    own.or_else(|| named.next()).or(of_rule).unwrap_or_default().to_owned()
}

/// The vulnerability that a rule is named for. Grype adds the package's name: `CVE-2024-1234-zlib`.
fn name(rule: &str) -> &str {
    let parts = match rule.split('-').next() {
        Some("CVE") => 3,
        Some("GHSA") => 4,
        _ => return rule,
    };
    rule.match_indices('-').nth(parts - 1).and_then(|(end, _)| rule.get(..end)).unwrap_or(rule)
}

/// GitHub's `security-severity`.
fn score(rule: &Value) -> Option<lockgate_model::Severity> {
    let score = rule.pointer("/properties/security-severity")?;
    score.as_f64().or_else(|| score.as_str()?.parse().ok()).map(by_score)
}

fn level(result: &Value, rule: &Value) -> Option<lockgate_model::Severity> {
    let of_rule = rule.pointer("/defaultConfiguration/level").and_then(Value::as_str);
    match Some(word(result, "level")).filter(|level| !level.is_empty()).or(of_rule)? {
        "error" => Some(lockgate_model::Severity::High),
        "note" | "none" => Some(lockgate_model::Severity::Low),
        _ => None,
    }
}
