//! CycloneDX VEX (ECMA-424, `vulnerabilities[].analysis`), 1.4 to 1.7.

use serde_json::Value;

use super::{Collector, Component, Document, Product, Status, instant, joined, short};
use crate::bom::Bom;
use crate::catalog::documents::{list, word};

pub(super) fn read(value: &Value) -> Result<Document, String> {
    let bom = Bom::read(value)?;
    let metadata = value.get("metadata").unwrap_or(&Value::Null);
    let mut collector = Collector::new("CycloneDX", &author(metadata));
    for hole in list(value, "vulnerabilities") {
        let Some(analysis) = hole.get("analysis") else { continue };
        let status = match word(analysis, "state") {
            "not_affected" | "false_positive" => Status::NotAffected,
            "resolved" | "resolved_with_pedigree" => Status::Fixed,
            "in_triage" => Status::UnderInvestigation,
            "exploitable" => Status::Affected,
            // A justification without a state says nothing about the hole.
            "" => continue,
            other => return Err(format!("`{}` is no state", short(other))),
        };
        let said = instant(analysis, &["lastUpdated", "firstIssued"]);
        let at = said.or_else(|| instant(metadata, &["timestamp"]));
        let detail = word(analysis, "detail");
        // A false positive is a reason by its name (ECMA-424, "state").
        let state = if word(analysis, "state") == "false_positive" { "false_positive" } else { "" };
        let why = joined(&[state, word(analysis, "justification"), detail]);
        let affects = list(hole, "affects").iter();
        let products = affects.map(|one| product(&bom, one)).collect::<Result<_, _>>()?;
        collector.add(names(hole), status, why, at, products)?;
    }
    Ok(collector.document)
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

/// Every name of a hole.
pub(crate) fn names(hole: &Value) -> Vec<String> {
    let references = list(hole, "references").iter().map(|one| word(one, "id"));
    let all = std::iter::once(word(hole, "id")).chain(references);
    all.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn product(bom: &Bom<'_>, affects: &Value) -> Result<Product, String> {
    let reference = word(affects, "ref");
    if reference.is_empty() {
        return Err("something affected has no `ref`".to_owned());
    }
    let (component, local) = bom.named(reference);
    if bom.is_subject(&local) {
        return Ok(Product { product: of_subject(bom.subject), parts: vec![] });
    }
    let mut product = Component::of(&local);
    if let Some(component) = component {
        product.add(word(component, "purl"));
        product.name = short(&format!("{} {}", word(component, "name"), word(component, "version")));
        // A component without a package URL has no version that could be compared; its reference is a name only.
    }
    Ok(Product { product, parts: vec![] })
}

/// What the document is about, by every name it gives.
fn of_subject(subject: &Value) -> Component {
    let mut component = Component::of(word(subject, "purl"));
    component.name = short(word(subject, "name"));
    component.digests.extend(word(subject, "version").parse::<lockgate_model::Digest>());
    for hash in list(subject, "hashes").iter().filter(|hash| word(hash, "alg") == "SHA-256") {
        component.add_sha256(word(hash, "content"));
    }
    component
}
