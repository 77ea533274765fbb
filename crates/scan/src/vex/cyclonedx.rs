//! CycloneDX VEX (ECMA-424, `vulnerabilities[].analysis`), 1.4 to 1.7.

use lockgate_model::Timestamp;
use serde_json::Value;

use super::{Collector, Component, Document, Product, Status, instant, joined, short};
use crate::bom::Bom;
use crate::catalog::documents::{list, word};
use crate::shape::{Fields, OF_COMPONENT, Shape, Shapes, check};
use crate::version::VersionRange;

/// A document: what is not looked into is open, and nothing in it may look like a misspelt `vulnerabilities`.
const DOCUMENT: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("vulnerabilities", Shape::List(&VULNERABILITY, 0)),
        ("metadata", METADATA),
        ("components", Shape::List(&COMPONENT, 0)),
    ],
    other: &["bomFormat", "specVersion", "serialNumber", "version", "services", "dependencies"],
    open: true,
});
const METADATA: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("timestamp", Shape::Time), ("component", Shape::Maybe(&COMPONENT))],
    other: &[
        "tools",
        "authors",
        "manufacture",
        "manufacturer",
        "supplier",
        "licenses",
        "properties",
        "lifecycles",
    ],
    open: true,
});
static COMPONENT: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("bom-ref", Shape::Text),
        ("name", Shape::Text),
        ("version", Shape::Text),
        ("purl", Shape::Text),
        ("components", Shape::List(&COMPONENT, 0)),
        ("hashes", Shape::List(&HASH, 0)),
    ],
    other: OF_COMPONENT,
    open: true,
});
const HASH: Shape = Shape::Object(&Fields {
    must: &[("alg", Shape::Said), ("content", Shape::Said)],
    may: &[],
    other: &[],
    open: false,
});
const VULNERABILITY: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("bom-ref", Shape::Text),
        ("id", Shape::Text),
        ("references", Shape::List(&REFERENCE, 0)),
        ("analysis", ANALYSIS),
        ("affects", Shape::List(&AFFECTS, 0)),
    ],
    other: &[
        "source",
        "ratings",
        "cwes",
        "description",
        "detail",
        "recommendation",
        "workaround",
        "proofOfConcept",
        "advisories",
        "created",
        "published",
        "updated",
        "rejected",
        "credits",
        "tools",
        "properties",
    ],
    open: false,
});
const REFERENCE: Shape =
    Shape::Object(&Fields { must: &[("id", Shape::Said)], may: &[], other: &["source"], open: false });
const ANALYSIS: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("state", Shape::OneOf(STATES)),
        ("justification", Shape::OneOf(JUSTIFICATIONS)),
        ("response", Shape::List(&RESPONSE, 0)),
        ("detail", Shape::Text),
        ("firstIssued", Shape::Time),
        ("lastUpdated", Shape::Time),
    ],
    other: &[],
    open: false,
});
const RESPONSE: Shape =
    Shape::OneOf(&["can_not_fix", "will_not_fix", "update", "rollback", "workaround_available"]);
/// What is said (ECMA-424, "impactAnalysisState").
const STATES: &[&str] =
    &["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"];
/// Why something is not affected (ECMA-424, "impactAnalysisJustification").
const JUSTIFICATIONS: &[&str] = &[
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
];
const AFFECTS: Shape = Shape::Object(&Fields {
    must: &[("ref", Shape::Said)],
    may: &[("versions", Shape::List(&VERSION, 1))],
    other: &[],
    open: false,
});
const VERSION: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("version", Shape::Said),
        ("range", Shape::Said),
        ("status", Shape::OneOf(&["affected", "unaffected", "unknown"])),
    ],
    other: &[],
    open: false,
});

/// Checks what documents of this format have, whether they are VEX or reports.
pub(crate) fn check_shape(value: &Value) -> Result<(), String> {
    check(value, &DOCUMENT)
}

pub(super) fn knows(document: &Value) -> bool {
    let analysed = |one: &Value| one.get("analysis").is_some();
    document.get("bomFormat").is_some() && list(document, "vulnerabilities").iter().any(analysed)
}

pub(super) fn named(document: &Value) -> (&str, Option<Timestamp>) {
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    (word(document, "serialNumber"), instant(metadata, &["timestamp"]))
}

pub(super) fn read(value: &Value, shapes: Shapes) -> Result<Option<Document>, String> {
    if shapes.is_strict() {
        check_shape(value)?;
        if value.get("vulnerabilities").is_none() {
            return Ok(None);
        }
    }
    let bom = Bom::read(value)?;
    let metadata = value.get("metadata").unwrap_or(&Value::Null);
    let mut collector = Collector::new("CycloneDX", &author(metadata), shapes);
    for vulnerability in list(value, "vulnerabilities") {
        let Some(analysis) = vulnerability.get("analysis") else { continue };
        let status = match word(analysis, "state") {
            "not_affected" | "false_positive" => Status::NotAffected,
            "resolved" | "resolved_with_pedigree" => Status::Fixed,
            "in_triage" => Status::UnderInvestigation,
            "exploitable" => Status::Affected,
            // A justification without a state says nothing about the vulnerability.
            "" => continue,
            other => return Err(format!("`{}` is no state", short(other))),
        };
        let said = instant(analysis, &["lastUpdated", "firstIssued"]);
        let at = said.or_else(|| instant(metadata, &["timestamp"]));
        let detail = word(analysis, "detail");
        // A false positive is a reason by its name (ECMA-424, "state").
        let state = if word(analysis, "state") == "false_positive" { "false_positive" } else { "" };
        let why = joined(&[state, word(analysis, "justification"), detail]);
        if shapes.is_strict() {
            collector.called(word(vulnerability, "bom-ref"))?;
            for (status, products) in by_status(&bom, vulnerability, status)? {
                collector.add(names(vulnerability), status, why.clone(), at, products)?;
            }
            continue;
        }
        let affects = list(vulnerability, "affects").iter();
        let products = affects.map(|one| product(&bom, one, shapes)).collect::<Result<_, _>>()?;
        collector.add(names(vulnerability), status, why, at, products)?;
    }
    Ok(Some(collector.document))
}

/// What is said of which products: where versions are listed, only those are meant, and each has a word of its own that
/// counts before that of the analysis.
fn by_status(
    bom: &Bom<'_>,
    vulnerability: &Value,
    analysed: Status,
) -> Result<Vec<(Status, Vec<Product>)>, String> {
    let mut said: Vec<(Status, Vec<Product>)> = Vec::new();
    let mut add = |status: Status, product: Product| match said.iter_mut().find(|(one, _)| *one == status) {
        Some((_, products)) => products.push(product),
        None => said.push((status, vec![product])),
    };
    let affects = list(vulnerability, "affects");
    if affects.is_empty() {
        let name = names(vulnerability).into_iter().next().unwrap_or_default();
        return Err(format!("the statement about {} names no product", short(&name)));
    }
    for one in affects {
        let product = product(bom, one, Shapes::Strict)?;
        let versions = list(one, "versions");
        if versions.is_empty() {
            add(analysed, product);
            continue;
        }
        for entry in versions {
            let product = product.clone();
            let product = match (word(entry, "version"), word(entry, "range")) {
                (version, "") if !version.is_empty() => product.of_version(version),
                ("", range) if !range.is_empty() => product.of_range(VersionRange::read(range)?)?,
                _ => {
                    let reference = short(word(one, "ref"));
                    return Err(format!("`{reference}` has neither one version nor one range of them"));
                }
            };
            let status = match (word(entry, "status"), analysed) {
                ("unaffected", Status::Affected | Status::UnderInvestigation) => continue,
                ("unaffected", marking) => marking,
                ("unknown", _) | (_, Status::UnderInvestigation) => Status::UnderInvestigation,
                _ => Status::Affected,
            };
            add(status, product);
        }
    }
    Ok(said)
}

/// Whoever is named as having made the document.
fn author(metadata: &Value) -> String {
    let named = |value: &Value| match word(value, "name") {
        "" => word(value, "email").to_owned(),
        name => name.to_owned(),
    };
    let authors: Vec<_> =
        list(metadata, "authors").iter().map(named).filter(|name| !name.is_empty()).collect();
    let of = |key: &str| metadata.get(key).map(named).filter(|name| !name.is_empty());
    if authors.is_empty() {
        of("manufacturer").or_else(|| of("manufacture")).or_else(|| of("supplier")).unwrap_or_default()
    } else {
        authors.join(", ")
    }
}

/// Every name of a vulnerability.
pub(crate) fn names(vulnerability: &Value) -> Vec<String> {
    let references = list(vulnerability, "references").iter().map(|one| word(one, "id"));
    let all = std::iter::once(word(vulnerability, "id")).chain(references);
    all.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn product(bom: &Bom<'_>, affects: &Value, shapes: Shapes) -> Result<Product, String> {
    let reference = word(affects, "ref");
    if reference.is_empty() {
        return Err("something affected has no `ref`".to_owned());
    }
    let (component, local) = bom.named(reference);
    let is_subject = bom.is_subject(&local);
    if shapes.is_strict() {
        let product = if is_subject { of_subject(bom.subject, shapes)? } else { exactly(component, &local)? };
        if product.purls.is_empty() && product.digests.is_empty() {
            return Err(format!(
                "`{}` has neither a package URL nor a digest: what it is cannot be said",
                short(&local)
            ));
        }
        return Ok(Product { product, parts: vec![] });
    }
    if is_subject {
        return Ok(Product { product: of_subject(bom.subject, shapes)?, parts: vec![] });
    }
    let mut product = Component::of(&local, shapes)?;
    if let Some(component) = component {
        product.add(word(component, "purl"), shapes)?;
        product.name = short(&format!("{} {}", word(component, "name"), word(component, "version")));
        // A component without a package URL has no version that could be compared; its reference is a name only.
    }
    Ok(Product { product, parts: vec![] })
}

/// A component by its package URL, in its version; or what a reference to another document names.
fn exactly(component: Option<&Value>, local: &str) -> Result<Component, String> {
    let Some(component) = component else {
        let mut named = Component::of(local, Shapes::Strict)?;
        // Syft's references are package URLs with a number of its own.
        for purl in &mut named.purls {
            purl.qualifiers.remove("package-id");
        }
        return Ok(named);
    };
    let (name, version, purl) =
        (word(component, "name"), word(component, "version"), word(component, "purl"));
    let mut exact = Component { name: short(&format!("{name} {version}")), ..Component::default() };
    exact.add(purl, Shapes::Strict)?;
    if exact.purls.iter().any(|purl| purl.version.is_none()) && !version.is_empty() {
        exact.versions.push(version.to_owned());
    }
    Ok(exact)
}

/// What the document is about, by every name it gives.
fn of_subject(subject: &Value, shapes: Shapes) -> Result<Component, String> {
    let mut component = Component::of(word(subject, "purl"), shapes)?;
    component.name = short(word(subject, "name"));
    let version = word(subject, "version");
    match version.parse::<lockgate_model::Digest>() {
        Ok(digest) => component.digests.push(digest),
        Err(_) if shapes.is_strict() && !version.is_empty() => {
            if component.purls.iter().any(|purl| purl.version.is_none()) {
                component.versions.push(version.to_owned());
            }
        }
        Err(_) => {}
    }
    for hash in list(subject, "hashes").iter().filter(|hash| word(hash, "alg") == "SHA-256") {
        component.add_sha256(word(hash, "content"), shapes)?;
    }
    Ok(component)
}
