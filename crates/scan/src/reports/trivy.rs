//! Trivy's JSON (aquasecurity/trivy, `pkg/types/report.go`, schema 2).

use serde_json::Value;

use super::{Raw, Reported, digest, said, severity, short};
use crate::catalog::documents::{list, word};

pub(super) fn knows(document: &Value) -> bool {
    document.get("SchemaVersion").is_some() && document.get("ArtifactName").is_some()
}

pub(super) fn read(document: &Value) -> Result<Raw, String> {
    if document.get("SchemaVersion").and_then(Value::as_u64) != Some(2) {
        return Err("its `SchemaVersion` is not 2".to_owned());
    }
    let metadata = document.get("Metadata").unwrap_or(&Value::Null);
    let digests = list(metadata, "RepoDigests").iter().filter_map(Value::as_str);
    let results = list(document, "Results");
    let trivy = document.get("Trivy").unwrap_or(&Value::Null);
    Ok(Raw {
        scanner: "trivy".to_owned(),
        version: word(trivy, "Version").to_owned(),
        made: word(document, "CreatedAt").parse().ok(),
        about: digests.chain([word(metadata, "ImageID")]).filter_map(digest).collect(),
        holes: results.iter().flat_map(holes).collect(),
        // Other scans, for secrets or licences, have results of other classes.
        looked: results.iter().any(|result| matches!(word(result, "Class"), "os-pkgs" | "lang-pkgs")),
    })
}

/// The holes of a result: those that an ignore file or VEX took out, too, for it is not by them that a hole is judged.
fn holes(result: &Value) -> impl Iterator<Item = Reported> {
    let modified = list(result, "ExperimentalModifiedFindings").iter();
    let suppressed =
        modified.filter(|one| word(one, "Type") == "vulnerability").filter_map(|one| one.get("Finding"));
    list(result, "Vulnerabilities").iter().chain(suppressed).map(hole)
}

fn hole(value: &Value) -> Reported {
    let purl = value.get("PkgIdentifier").map_or("", |one| word(one, "PURL"));
    let own = std::iter::once(word(value, "VulnerabilityID"));
    let vendors = list(value, "VendorIDs").iter().filter_map(Value::as_str);
    let reported = Reported::of(purl, word(value, "PkgName"), word(value, "InstalledVersion"));
    Reported {
        names: own.chain(vendors).filter(|name| !name.is_empty()).map(short).collect(),
        severity: severity(word(value, "Severity")).unwrap_or(reported.severity),
        fixed: said(value, "FixedVersion"),
        ..reported
    }
}
