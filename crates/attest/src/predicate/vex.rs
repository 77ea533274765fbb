//! OpenVEX 0.0.1 and 0.2.0 (openvex/spec, `OPENVEX-SPEC.md`): which vulnerabilities matter to which products.

use lockgate_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{PredicateError, few, malformed, typed};
use crate::limits;

/// Whether a vulnerability matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It does not.
    NotAffected,
    /// It does.
    Affected,
    /// It did.
    Fixed,
    /// It is not known yet.
    UnderInvestigation,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexStatement {
    /// The vulnerability: its name, and the names it has elsewhere.
    pub vulnerability: Vec<String>,
    /// The products: ids, package URLs, and in 0.0.1 any text.
    pub products: Vec<String>,
    /// Whether it matters.
    pub status: Status,
    /// Why it does not, by the specification's words.
    pub justification: Option<String>,
    /// Why it does not, in free words.
    pub impact: Option<String>,
    /// What to do.
    pub action: Option<String>,
    /// When it was said; otherwise, when the document was.
    pub time: Option<Timestamp>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vex {
    /// Its id.
    pub id: String,
    /// Who says it; believed only as far as the signer is.
    pub author: String,
    /// When.
    pub time: Timestamp,
    /// What is said.
    pub statements: Vec<VexStatement>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "@context")]
    context: String,
    #[serde(rename = "@id")]
    id: String,
    author: String,
    timestamp: Timestamp,
    statements: Vec<RawStatement>,
}

#[derive(Deserialize)]
struct RawStatement {
    vulnerability: RawVulnerability,
    #[serde(default)]
    products: Vec<RawProduct>,
    status: Status,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    impact_statement: Option<String>,
    #[serde(default)]
    action_statement: Option<String>,
    #[serde(default)]
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawVulnerability {
    Name(String),
    Named {
        #[serde(default)]
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawProduct {
    Name(String),
    Named {
        #[serde(rename = "@id", default)]
        id: String,
        #[serde(default)]
        identifiers: std::collections::BTreeMap<String, String>,
    },
}

/// The five words that say why a vulnerability does not matter (OPENVEX-SPEC.md, "Status Justifications").
const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

impl Vex {
    pub(super) fn read(kind: &str, content: &Value) -> Result<Self, PredicateError> {
        let raw: Raw = typed(kind, content)?;
        if !super::is_version_of(&raw.context, "https://openvex.dev/ns") {
            return Err(malformed(kind, "its context is another"));
        }
        few("statements", raw.statements.len(), limits::PREDICATE_ITEMS)?;
        let statements = raw.statements.into_iter().map(|raw| statement(kind, raw));
        let statements = statements.collect::<Result<_, _>>()?;
        Ok(Self { id: raw.id, author: raw.author, time: raw.timestamp, statements })
    }
}

fn statement(kind: &str, raw: RawStatement) -> Result<VexStatement, PredicateError> {
    let vulnerability = match raw.vulnerability {
        RawVulnerability::Name(name) => vec![name],
        RawVulnerability::Named { name, aliases } => std::iter::once(name).chain(aliases).collect(),
    };
    if vulnerability.first().is_none_or(String::is_empty) {
        return Err(malformed(kind, "a statement names no vulnerability"));
    }
    let said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if let Some(word) = raw.justification.as_deref().filter(|word| !word.is_empty())
        && !JUSTIFICATIONS.contains(&word)
    {
        return Err(malformed(
            kind,
            format_args!("`{}` is no justification", word.chars().take(60).collect::<String>()),
        ));
    }
    if raw.status == Status::NotAffected && !said(&raw.justification) && !said(&raw.impact_statement) {
        return Err(malformed(kind, "a statement says `not_affected` and not why"));
    }
    let products = raw.products.into_iter().flat_map(|product| match product {
        RawProduct::Name(name) => vec![name],
        RawProduct::Named { id, identifiers } => {
            std::iter::once(id).chain(identifiers.into_values()).collect()
        }
    });
    Ok(VexStatement {
        vulnerability,
        products: products.filter(|product| !product.is_empty()).collect(),
        status: raw.status,
        justification: raw.justification.filter(|word| !word.is_empty()),
        impact: raw.impact_statement,
        action: raw.action_statement,
        time: raw.timestamp,
    })
}
