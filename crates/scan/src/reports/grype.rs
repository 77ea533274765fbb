//! Grype's JSON (anchore/grype, `grype/presenter/models`).

use serde_json::Value;

use super::{Looked, Raw, Reported, digest, severity, short};
use crate::catalog::PackageKind;
use crate::catalog::documents::{list, word};
use crate::purl::Purl;
use crate::shape::{Fields, Shape, Shapes, check};

const REPORT: Shape = Shape::Object(&Fields {
    must: &[("matches", Shape::List(&MATCH, 0)), ("descriptor", DESCRIPTOR)],
    may: &[("ignoredMatches", Shape::Maybe(&Shape::List(&MATCH, 0))), ("distro", Shape::Maybe(&DISTRO))],
    other: &["source", "alertsByPackage", "schema"],
    open: true,
});
const DESCRIPTOR: Shape = Shape::Object(&Fields {
    must: &[("name", Shape::Text)],
    may: &[("version", Shape::Text), ("timestamp", Shape::Text)],
    other: &["configuration", "db"],
    open: true,
});
const DISTRO: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("name", Shape::Text), ("version", Shape::Text)],
    other: &["idLike"],
    open: true,
});
const MATCH: Shape = Shape::Object(&Fields {
    must: &[("vulnerability", VULNERABILITY), ("artifact", ARTIFACT)],
    may: &[("relatedVulnerabilities", Shape::Maybe(&Shape::List(&RELATED, 0)))],
    other: &["matchDetails", "appliedIgnoreRules"],
    open: true,
});
const VULNERABILITY: Shape = Shape::Object(&Fields {
    must: &[("id", Shape::Said)],
    may: &[("severity", Shape::OneOf(SEVERITIES)), ("fix", Shape::Maybe(&FIX))],
    other: &["dataSource", "namespace", "urls", "description", "cvss", "advisories", "risk", "epss", "cwes"],
    open: true,
});
const SEVERITIES: &[&str] = &["Critical", "High", "Medium", "Low", "Negligible", "Unknown", ""];
const FIX: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("versions", Shape::Maybe(&Shape::List(&Shape::Text, 0)))],
    other: &["state", "available"],
    open: true,
});
const RELATED: Shape =
    Shape::Object(&Fields { must: &[("id", Shape::Said)], may: &[], other: &["severity"], open: true });
const ARTIFACT: Shape = Shape::Object(&Fields {
    must: &[("name", Shape::Text)],
    may: &[
        ("version", Shape::Text),
        ("purl", Shape::Text),
        ("locations", Shape::Maybe(&Shape::List(&LOCATION, 0))),
    ],
    other: &["id", "type", "language", "licenses", "cpes", "upstreams", "metadataType", "metadata"],
    open: true,
});
const LOCATION: Shape =
    Shape::Object(&Fields { must: &[], may: &[("path", Shape::Text)], other: &["layerID"], open: true });

pub(super) fn knows(document: &Value) -> bool {
    document.get("matches").is_some_and(Value::is_array) && document.get("descriptor").is_some()
}

pub(super) fn read(document: &Value, shapes: Shapes) -> Result<Raw, String> {
    if shapes.is_strict() {
        check(document, &REPORT)?;
    }
    let descriptor = document.get("descriptor").unwrap_or(&Value::Null);
    let target = document.pointer("/source/target").unwrap_or(&Value::Null);
    let digests = list(target, "repoDigests").iter().filter_map(Value::as_str);
    let named = [word(target, "manifestDigest"), word(target, "imageID")];
    // What an ignore rule or VEX took out counts, too: it is not by them that a vulnerability is judged.
    let matches = list(document, "matches").iter().chain(list(document, "ignoredMatches"));
    let made = word(descriptor, "timestamp");
    if shapes.is_strict() && !made.is_empty() && made.parse::<lockgate_model::Timestamp>().is_err() {
        return Err(format!("its time `{}` cannot be read", short(made)));
    }
    Ok(Raw {
        scanner: word(descriptor, "name").to_owned(),
        version: word(descriptor, "version").to_owned(),
        made: made.parse().ok(),
        about: digests.chain(named).filter_map(digest).collect(),
        at: system(document).into_iter().chain(matches.clone().flat_map(files)).collect(),
        vulnerabilities: matches.map(vulnerability).collect(),
        looked: true,
        failed: is_broken(descriptor),
    })
}

/// The distribution, which a clean report names too. What else was looked at, a clean report does not say.
fn system(document: &Value) -> Option<Looked> {
    let distro = document.get("distro")?;
    Looked::system(word(distro, "name"), word(distro, "version"))
}

/// The files of a package that has a vulnerability.
fn files(one: &Value) -> Vec<Looked> {
    let artifact = one.get("artifact").unwrap_or(&Value::Null);
    let kind = Purl::parse(word(artifact, "purl")).and_then(|purl| PackageKind::of_purl(&purl.kind));
    let Some(kind) = kind.filter(|kind| !kind.of_system()) else { return vec![] };
    let ecosystem = kind.ecosystem(None);
    let paths = list(artifact, "locations").iter().map(|place| word(place, "path"));
    paths.filter_map(|path| Looked::file(&ecosystem, path)).collect()
}

/// Whether the database of vulnerabilities was not right (`descriptor.db`, or `descriptor.db.status`).
fn is_broken(descriptor: &Value) -> bool {
    let db = descriptor.get("db").unwrap_or(&Value::Null);
    let status = db.get("status").unwrap_or(&Value::Null);
    [db, status].iter().any(|one| {
        let error = one.get("error").is_some_and(|error| !error.is_null() && error != "");
        error || one.get("valid").is_some_and(|valid| *valid != Value::Bool(true))
    })
}

fn vulnerability(value: &Value) -> Reported {
    let none = Value::Null;
    let part = |key: &str| value.get(key).unwrap_or(&none);
    let (vulnerability, package) = (part("vulnerability"), part("artifact"));
    let related = list(value, "relatedVulnerabilities").iter().map(|one| word(one, "id"));
    let names = std::iter::once(word(vulnerability, "id")).chain(related).filter(|name| !name.is_empty());
    let fix = vulnerability.get("fix").unwrap_or(&none);
    let fixed: Vec<_> = list(fix, "versions").iter().filter_map(Value::as_str).map(short).collect();
    let reported = Reported::of(word(package, "purl"), word(package, "name"), word(package, "version"));
    Reported {
        names: names.map(short).collect(),
        fixed: Some(fixed.join(", ")).filter(|text| !text.is_empty()),
        ..reported.rated(severity(word(vulnerability, "severity")))
    }
}
