//! Trivy's JSON (aquasecurity/trivy, `pkg/types/report.go`, schema 2).

use serde_json::Value;

use super::{Looked, Raw, Reported, digest, said, severity, short};
use crate::catalog::documents::{list, word};
use crate::shape::{Fields, Shape, Shapes, check};

const REPORT: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("CreatedAt", Shape::Time),
        ("Metadata", Shape::Maybe(&METADATA)),
        ("Results", Shape::Maybe(&Shape::List(&RESULT, 0))),
    ],
    other: &["SchemaVersion", "Trivy", "ReportID", "ArtifactID", "ArtifactName", "ArtifactType"],
    open: true,
});
const METADATA: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("OS", Shape::Maybe(&OS)),
        ("ImageID", Shape::Text),
        ("RepoDigests", Shape::Maybe(&Shape::List(&Shape::Text, 0))),
    ],
    other: &[
        "Size",
        "DiffIDs",
        "RepoTags",
        "ImageConfig",
        "Layers",
        "Reference",
        "RepoURL",
        "Branch",
        "Tags",
        "Commit",
    ],
    open: true,
});
const OS: Shape = Shape::Object(&Fields {
    must: &[("Family", Shape::Said)],
    may: &[("Name", Shape::Text)],
    other: &["EOSL", "Eosl", "extended", "Extended"],
    open: true,
});
/// What a result may hold is known: a list of another name could hold vulnerabilities.
const RESULT: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("Target", Shape::Text),
        ("Class", Shape::OneOf(CLASSES)),
        ("Type", Shape::Text),
        ("Packages", Shape::Maybe(&Shape::List(&PACKAGE, 0))),
        ("Vulnerabilities", Shape::Maybe(&Shape::List(&VULNERABILITY, 0))),
        ("ExperimentalModifiedFindings", Shape::Maybe(&Shape::List(&MODIFIED, 0))),
    ],
    other: &["MisconfSummary", "Misconfigurations", "Secrets", "Licenses", "CustomResources"],
    open: false,
});
const CLASSES: &[&str] =
    &["os-pkgs", "lang-pkgs", "config", "secret", "license", "license-file", "custom", "unknown", ""];
const PACKAGE: Shape =
    Shape::Object(&Fields { must: &[], may: &[("FilePath", Shape::Text)], other: &[], open: true });
const VULNERABILITY: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("VulnerabilityID", Shape::Text),
        ("VendorIDs", Shape::Maybe(&Shape::List(&Shape::Text, 0))),
        ("PkgName", Shape::Text),
        ("PkgPath", Shape::Text),
        ("PkgIdentifier", Shape::Maybe(&IDENTIFIER)),
        ("InstalledVersion", Shape::Text),
        ("FixedVersion", Shape::Text),
        ("Severity", Shape::OneOf(&["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN", ""])),
    ],
    other: &[
        "PkgID",
        "Status",
        "SeveritySource",
        "VendorSeverity",
        "Title",
        "Description",
        "References",
        "Custom",
    ],
    open: true,
});
const IDENTIFIER: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("PURL", Shape::Text)],
    other: &["UID", "BOMRef"],
    open: true,
});
const MODIFIED: Shape = Shape::Object(&Fields {
    must: &[("Type", Shape::Said)],
    may: &[],
    other: &["Status", "Statement", "Source", "Finding"],
    open: false,
});

pub(super) fn knows(document: &Value) -> bool {
    document.get("SchemaVersion").is_some() && document.get("ArtifactName").is_some()
}

pub(super) fn read(document: &Value, shapes: Shapes) -> Result<Raw, String> {
    if document.get("SchemaVersion").and_then(Value::as_u64) != Some(2) {
        return Err("its `SchemaVersion` is not 2".to_owned());
    }
    if shapes.is_strict() {
        check(document, &REPORT)?;
        for one in list(document, "Results").iter().flat_map(modified) {
            check(one, &VULNERABILITY).map_err(|why| format!("a finding that was taken out: {why}"))?;
        }
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
        vulnerabilities: results.iter().flat_map(vulnerabilities).collect(),
        // Other scans, for secrets or licences, have results of other classes.
        looked: results.iter().any(|result| matches!(word(result, "Class"), "os-pkgs" | "lang-pkgs")),
        at: system(metadata, results).into_iter().chain(results.iter().flat_map(languages)).collect(),
        failed: false,
    })
}

/// The distribution whose packages were looked at: the one that the report names, when a result is of it, and when it is
/// still maintained, for of others nobody writes advisories. Where packages are listed, there must be some of it.
fn system(metadata: &Value, results: &[Value]) -> Option<Looked> {
    let os = metadata.get("OS")?;
    let mut of_system = results.iter().filter(|result| word(result, "Class") == "os-pkgs");
    let (Some(result), None) = (of_system.next(), of_system.next()) else { return None };
    let family = word(os, "Family");
    let ended = ["EOSL", "Eosl"].iter().filter_map(|key| os.get(*key)).any(|end| *end != Value::Bool(false));
    let listed = results.iter().any(|result| !list(result, "Packages").is_empty());
    if word(result, "Type") != family || ended || listed && list(result, "Packages").is_empty() {
        return None;
    }
    Looked::system(family, word(os, "Name"))
}

/// The packages of a language that a result is about, and the files that it names.
fn languages(result: &Value) -> Vec<Looked> {
    if word(result, "Class") != "lang-pkgs" {
        return vec![];
    }
    let Some(ecosystem) = ecosystem(word(result, "Type")) else { return vec![] };
    let packages = list(result, "Packages").iter().map(|one| word(one, "FilePath"));
    let found = list(result, "Vulnerabilities").iter().map(|one| word(one, "PkgPath"));
    let files = packages.chain(found).chain([word(result, "Target")]);
    let files = files.filter_map(|path| Looked::file(ecosystem, path));
    std::iter::once(Looked::at(ecosystem)).chain(files).collect()
}

/// The ecosystem of a type of results (aquasecurity/trivy, `pkg/fanal/types/const.go`).
fn ecosystem(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "jar" | "pom" | "gradle" | "sbt" => "Maven",
        "node-pkg" | "npm" | "yarn" | "pnpm" | "bun" => "npm",
        "python-pkg" | "pip" | "pipenv" | "poetry" | "uv" | "pylock" => "PyPI",
        "gobinary" | "gomod" => "Go",
        "cargo" | "rustbinary" => "crates.io",
        "gemspec" | "bundler" => "RubyGems",
        "composer" | "composer-vendor" => "Packagist",
        "nuget" | "dotnet-core" | "packages-props" => "NuGet",
        "conda-pkg" | "conda-environment" => "Conda",
        "hex" => "Hex",
        "pub" => "Pub",
        "swift" => "SwiftURL",
        "cocoapods" => "CocoaPods",
        "bitnami" => "Bitnami",
        _ => return None,
    })
}

/// The vulnerabilities of a result that an ignore file or VEX took out.
fn modified(result: &Value) -> impl Iterator<Item = &Value> {
    let modified = list(result, "ExperimentalModifiedFindings").iter();
    modified.filter(|one| word(one, "Type") == "vulnerability").filter_map(|one| one.get("Finding"))
}

/// The vulnerabilities of a result: those that an ignore file or VEX took out, too, for it is not by them that a
/// vulnerability is judged.
fn vulnerabilities(result: &Value) -> impl Iterator<Item = Reported> {
    list(result, "Vulnerabilities").iter().chain(modified(result)).map(vulnerability)
}

fn vulnerability(value: &Value) -> Reported {
    let purl = value.get("PkgIdentifier").map_or("", |one| word(one, "PURL"));
    let own = std::iter::once(word(value, "VulnerabilityID"));
    let vendors = list(value, "VendorIDs").iter().filter_map(Value::as_str);
    let reported = Reported::of(purl, word(value, "PkgName"), word(value, "InstalledVersion"));
    Reported {
        names: own.chain(vendors).filter(|name| !name.is_empty()).map(short).collect(),
        fixed: said(value, "FixedVersion"),
        ..reported.rated(severity(word(value, "Severity")))
    }
}
