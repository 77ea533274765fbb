//! OpenVEX (openvex/spec, OPENVEX-SPEC.md 0.2.0; 0.0.x, where holes and products are plain texts).

use serde_json::Value;

use super::{Collector, Component, Document, Product, Status, instant, joined, short};
use crate::catalog::documents::{list, members, word};

/// The context of OpenVEX, a version behind it (OPENVEX-SPEC.md, "Document"); also the type of its predicates
/// (ATTESTING.md).
const NAMESPACE: &str = "https://openvex.dev/ns";

pub(super) fn carries(predicate_type: &str) -> bool {
    predicate_type == NAMESPACE
        || predicate_type.strip_prefix(NAMESPACE).is_some_and(|version| version.starts_with("/v0."))
}

pub(super) fn read(value: &Value) -> Result<Document, String> {
    let context = word(value, "@context");
    if !carries(context) {
        return Err(format!("its `@context` is `{}`", short(context)));
    }
    let statements = value.get("statements").and_then(Value::as_array);
    let statements = statements.ok_or("it has no list of `statements`")?;
    let mut collector = Collector::new("OpenVEX", word(value, "author"));
    let of_document = instant(value, &["last_updated", "timestamp"]);
    for statement in statements {
        let status = match word(statement, "status") {
            "not_affected" => Status::NotAffected,
            "fixed" => Status::Fixed,
            "under_investigation" => Status::UnderInvestigation,
            "affected" => Status::Affected,
            other => return Err(format!("`{}` is no status", short(other))),
        };
        let at = instant(statement, &["last_updated", "timestamp"]).or(of_document);
        let why = joined(&[word(statement, "justification"), word(statement, "impact_statement")]);
        let products = list(statement, "products").iter().map(product).collect::<Result<_, _>>()?;
        collector.add(names(statement), status, why, at, products)?;
    }
    Ok(collector.document)
}

fn names(statement: &Value) -> Vec<String> {
    let hole = statement.get("vulnerability").unwrap_or(&Value::Null);
    let plain = hole.as_str().unwrap_or_default();
    let aliases = list(hole, "aliases").iter().filter_map(Value::as_str);
    // The identifier of a hole is often a page that is named as the hole is.
    let page = word(hole, "@id").rsplit('/').next().unwrap_or_default();
    let all = [plain, word(hole, "name"), page].into_iter().chain(aliases);
    all.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn product(value: &Value) -> Result<Product, String> {
    let parts = list(value, "subcomponents").iter().map(component).collect::<Result<_, _>>()?;
    Ok(Product { product: component(value)?, parts })
}

fn component(value: &Value) -> Result<Component, String> {
    if let Some(text) = value.as_str() {
        return Ok(Component::of(text));
    }
    let mut component = Component::of(word(value, "@id"));
    let identifiers = value.get("identifiers").unwrap_or(&Value::Null);
    component.add(word(identifiers, "purl"));
    for (algorithm, digest) in members(value, "hashes") {
        if algorithm.eq_ignore_ascii_case("sha-256") || algorithm.eq_ignore_ascii_case("sha256") {
            component.add_sha256(digest.as_str().unwrap_or_default());
        }
    }
    if component.name.is_empty() {
        component.name = short(word(identifiers, "purl"));
    }
    if component.name.is_empty() && component.digests.is_empty() {
        return Err("a product has neither `@id` nor identifiers".to_owned());
    }
    Ok(component)
}
