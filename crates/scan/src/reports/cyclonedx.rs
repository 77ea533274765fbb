//! CycloneDX VDR (ECMA-424, `vulnerabilities`): a bill of materials with the vulnerabilities of its components.

use serde_json::Value;

use super::{Raw, Reported, by_score, digest, severity, short};
use crate::bom::Bom;
use crate::catalog::documents::{list, word};
use crate::limits;
use crate::purl::Purl;
use crate::shape::{Fields, Shape, Shapes, check};

const REPORT: Shape = Shape::Object(&Fields {
    must: &[("vulnerabilities", Shape::List(&VULNERABILITY, 0))],
    may: &[],
    other: &[],
    open: true,
});
const VULNERABILITY: Shape = Shape::Object(&Fields {
    must: &[("affects", Shape::List(&AFFECTS, 1))],
    may: &[("ratings", Shape::List(&RATING, 0))],
    other: &["id", "references", "recommendation", "analysis"],
    open: true,
});
const AFFECTS: Shape =
    Shape::Object(&Fields { must: &[("ref", Shape::Said)], may: &[], other: &["versions"], open: true });
const RATING: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("severity", Shape::OneOf(SEVERITIES))],
    other: &["score", "source", "method", "vector", "justification"],
    open: true,
});
const SEVERITIES: &[&str] = &["critical", "high", "medium", "low", "info", "none", "unknown", ""];

pub(super) fn knows(document: &Value) -> bool {
    word(document, "bomFormat") == "CycloneDX"
}

/// Whether a bill of materials speaks of vulnerabilities at all. VEX speaks of nothing but analysed ones.
pub(super) fn has_vulnerabilities(document: &Value) -> bool {
    list(document, "vulnerabilities").iter().any(|vulnerability| vulnerability.get("analysis").is_none())
}

pub(super) fn read(document: &Value, shapes: Shapes) -> Result<Raw, String> {
    if shapes.is_strict() {
        crate::vex::check_cyclonedx(document)?;
        check(document, &REPORT)?;
    }
    let bom = Bom::read(document)?;
    if !document.get("vulnerabilities").is_some_and(Value::is_array) {
        return Err("it is a bill of materials that speaks of no holes".to_owned());
    }
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    let (scanner, version) = tool(metadata);
    let hashes = list(bom.subject, "hashes").iter().filter(|hash| word(hash, "alg") == "SHA-256");
    let hashes = hashes.filter_map(|hash| digest(&format!("sha256:{}", word(hash, "content"))));
    let of_purl = Purl::parse(word(bom.subject, "purl")).and_then(|purl| purl.image_digest());
    // Trivy says it in properties.
    let properties = list(bom.subject, "properties").iter();
    let named = properties
        .filter(|one| [":ImageID", ":RepoDigest"].iter().any(|end| word(one, "name").ends_with(end)));
    let named = named.filter_map(|one| digest(word(one, "value")));
    let about =
        digest(word(bom.subject, "version")).into_iter().chain(of_purl).chain(hashes).chain(named).collect();
    let mut vulnerabilities = Vec::new();
    for vulnerability in list(document, "vulnerabilities") {
        for affects in list(vulnerability, "affects") {
            if vulnerabilities.len() > limits::REPORTED_VULNERABILITIES {
                return Err(format!("it has more than {} holes", limits::REPORTED_VULNERABILITIES));
            }
            vulnerabilities.push(reported(&bom, vulnerability, affects));
        }
    }
    // An empty list is what tools write that never looked.
    let made = word(metadata, "timestamp").parse().ok();
    Ok(Raw { scanner, version, made, about, vulnerabilities, ..Raw::default() })
}

/// The first tool (1.5: `tools.components`; before: `tools`).
fn tool(metadata: &Value) -> (String, String) {
    let tools = metadata.get("tools").unwrap_or(&Value::Null);
    let old = tools.as_array().and_then(|tools| tools.first());
    let tool = list(tools, "components").first().or(old).unwrap_or(&Value::Null);
    (word(tool, "name").to_owned(), word(tool, "version").to_owned())
}

fn reported(bom: &Bom<'_>, vulnerability: &Value, affects: &Value) -> Reported {
    let (component, local) = bom.named(word(affects, "ref"));
    let component = component.unwrap_or(&Value::Null);
    let purl = match word(component, "purl") {
        "" => local.as_str(),
        purl => purl,
    };
    let versions = list(affects, "versions");
    let of_status = |status: &str| versions.iter().find(|one| word(one, "status") == status);
    let fixed = of_status("unaffected").map(|one| word(one, "version").to_owned());
    let advised = advised(word(vulnerability, "recommendation"), word(component, "name"));
    let reported = Reported::of(purl, word(component, "name"), word(component, "version"));
    Reported {
        names: crate::vex::names(vulnerability),
        fixed: fixed.or(advised).filter(|text| !text.is_empty()),
        ..reported.rated(worst(vulnerability))
    }
}

/// The fix in Trivy's words: `Upgrade zlib to version 1.3.1-r3; Upgrade ...`.
fn advised(recommendation: &str, name: &str) -> Option<String> {
    let upgrade = format!("Upgrade {name} to version ");
    recommendation.split("; ").find_map(|advice| advice.trim().strip_prefix(upgrade.as_str())).map(short)
}

/// The worst of the ratings, by word or by score.
fn worst(vulnerability: &Value) -> Option<lockgate_model::Severity> {
    let of = |rating: &Value| {
        let score = rating.get("score").and_then(Value::as_f64).map(by_score);
        severity(word(rating, "severity")).or(score)
    };
    list(vulnerability, "ratings").iter().filter_map(of).max()
}
