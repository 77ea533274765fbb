//! OpenVEX (openvex/spec, OPENVEX-SPEC.md 0.2.0; 0.0.x, where vulnerabilities and products are plain texts).

use lockgate_model::Timestamp;
use serde_json::Value;

use super::{Collector, Component, Document, Product, Status, instant, joined, short};
use crate::catalog::documents::{list, members, word};
use crate::shape::{Fields, Shape, Shapes, check};

/// The context of OpenVEX, a version behind it (OPENVEX-SPEC.md, "Document"); also the type of its predicates
/// (ATTESTING.md).
const NAMESPACE: &str = "https://openvex.dev/ns";

/// Why something is not affected (OPENVEX-SPEC.md, "Status Justifications").
const JUSTIFICATIONS: &[&str] = &[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];
/// What is said (OPENVEX-SPEC.md, "Status Labels").
const STATUSES: &[&str] = &["not_affected", "fixed", "under_investigation", "affected"];

/// A document, as openvex_json_schema.json has it; what the schema of 0.0.x has besides, too. What says who wrote it
/// may be missing, for its signature says that.
const DOCUMENT: Shape = Shape::Object(&Fields {
    must: &[("@context", Shape::Said), ("statements", Shape::List(&STATEMENT, 1))],
    may: &[
        ("@id", Shape::Text),
        ("author", Shape::Text),
        ("role", Shape::Text),
        ("timestamp", Shape::Time),
        ("last_updated", Shape::Time),
        ("tooling", Shape::Text),
    ],
    other: &["version", "supplier", "format"],
    open: false,
});
const STATEMENT: Shape = Shape::Object(&Fields {
    must: &[
        ("vulnerability", Shape::TextOr(&VULNERABILITY)),
        ("products", Shape::List(&PRODUCT, 1)),
        ("status", Shape::OneOf(STATUSES)),
    ],
    may: &[
        ("@id", Shape::Text),
        ("timestamp", Shape::Time),
        ("last_updated", Shape::Time),
        ("subcomponents", Shape::List(&COMPONENT, 1)),
        ("justification", Shape::OneOf(JUSTIFICATIONS)),
        ("impact_statement", Shape::Text),
        ("impact_statement_timestamp", Shape::Time),
        ("action_statement", Shape::Text),
        ("action_statement_timestamp", Shape::Time),
        ("status_notes", Shape::Text),
        ("vuln_description", Shape::Text),
    ],
    other: &["version", "supplier"],
    open: false,
});
const VULNERABILITY: Fields = Fields {
    must: &[("name", Shape::Said)],
    may: &[("@id", Shape::Text), ("description", Shape::Text), ("aliases", Shape::List(&Shape::Said, 0))],
    other: &[],
    open: false,
};
const PRODUCT: Shape = Shape::TextOr(&Fields {
    must: &[],
    may: &[
        ("@id", Shape::Text),
        ("identifiers", IDENTIFIERS),
        ("hashes", HASHES),
        ("subcomponents", Shape::List(&COMPONENT, 1)),
        ("supplier", Shape::Text),
    ],
    other: &[],
    open: false,
});
const COMPONENT: Shape = Shape::TextOr(&Fields {
    must: &[],
    may: &[("@id", Shape::Text), ("identifiers", IDENTIFIERS), ("hashes", HASHES), ("supplier", Shape::Text)],
    other: &[],
    open: false,
});
const HASHES: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("sha-256", Shape::Said), ("sha256", Shape::Said)],
    other: &[
        "md5",
        "sha1",
        "sha-384",
        "sha-512",
        "sha512",
        "sha3-224",
        "sha3-256",
        "sha3-384",
        "sha3-512",
        "blake2s-256",
        "blake2b-256",
        "blake2b-512",
        "blake3",
    ],
    open: false,
});
const IDENTIFIERS: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("purl", Shape::Said), ("cpe22", Shape::Said), ("cpe23", Shape::Said)],
    other: &[],
    open: false,
});

pub(super) fn carries(predicate_type: &str) -> bool {
    predicate_type == NAMESPACE
        || predicate_type.strip_prefix(NAMESPACE).is_some_and(|version| version.starts_with("/v0."))
}

pub(super) fn knows(document: &Value) -> bool {
    word(document, "@context").to_ascii_lowercase().contains("openvex")
}

pub(super) fn named(document: &Value) -> (&str, Option<Timestamp>) {
    (word(document, "@id"), instant(document, &["last_updated", "timestamp"]))
}

pub(super) fn read(value: &Value, shapes: Shapes) -> Result<Option<Document>, String> {
    let context = word(value, "@context");
    if !carries(context) {
        return Err(format!("its `@context` is `{}`", short(context)));
    }
    if shapes.is_strict() {
        check(value, &DOCUMENT)?;
    }
    let statements = value.get("statements").and_then(Value::as_array);
    let statements = statements.ok_or("it has no list of `statements`")?;
    let mut collector = Collector::new("OpenVEX", word(value, "author"), shapes);
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
        let products = list(statement, "products").iter().map(|one| product(one, statement, shapes));
        let products = products.collect::<Result<_, _>>()?;
        if shapes.is_strict() {
            collector.called(word(statement, "@id"))?;
        }
        collector.add(names(statement, shapes), status, why, at, products)?;
    }
    Ok(Some(collector.document))
}

fn names(statement: &Value, shapes: Shapes) -> Vec<String> {
    let vulnerability = statement.get("vulnerability").unwrap_or(&Value::Null);
    let plain = vulnerability.as_str().unwrap_or_default();
    let aliases = list(vulnerability, "aliases").iter().filter_map(Value::as_str);
    // The identifier of a vulnerability is often a page that is named as the vulnerability is. Read strictly, there is
    // a name.
    let page = word(vulnerability, "@id").rsplit('/').next().unwrap_or_default();
    let page = if shapes.is_strict() { "" } else { page };
    let all = [plain, word(vulnerability, "name"), page].into_iter().chain(aliases);
    all.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn product(value: &Value, statement: &Value, shapes: Shapes) -> Result<Product, String> {
    // 0.0.x has the parts beside the products.
    let beside = if shapes.is_strict() { list(statement, "subcomponents") } else { &[] };
    let parts = list(value, "subcomponents").iter().chain(beside);
    let parts = parts.map(|one| component(one, shapes)).collect::<Result<_, _>>()?;
    Ok(Product { product: component(value, shapes)?, parts })
}

fn component(value: &Value, shapes: Shapes) -> Result<Component, String> {
    if let Some(text) = value.as_str() {
        if shapes.is_strict() && text.trim().is_empty() {
            return Err("a product is an empty text".to_owned());
        }
        return Component::of(text, shapes);
    }
    let mut component = Component::of(word(value, "@id"), shapes)?;
    let identifiers = value.get("identifiers").unwrap_or(&Value::Null);
    component.add(word(identifiers, "purl"), shapes)?;
    for (algorithm, digest) in members(value, "hashes") {
        if algorithm.eq_ignore_ascii_case("sha-256") || algorithm.eq_ignore_ascii_case("sha256") {
            component.add_sha256(digest.as_str().unwrap_or_default(), shapes)?;
        }
    }
    let called = ["purl", "cpe23", "cpe22"].map(|key| word(identifiers, key));
    let called = if shapes.is_strict() { &called[..] } else { &called[..1] };
    if component.name.is_empty() {
        component.name = short(called.iter().find(|name| !name.is_empty()).copied().unwrap_or_default());
    }
    if component.name.is_empty() && component.digests.is_empty() {
        return Err("a product has neither `@id` nor identifiers".to_owned());
    }
    Ok(component)
}
