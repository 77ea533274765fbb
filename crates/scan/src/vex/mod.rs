//! VEX: what somebody says about whether a vulnerability matters in a product. OpenVEX, CycloneDX and CSAF, in one
//! normal form.
//!
//! Whether the somebody is to be believed is not asked here: the gate does, by signatures.

mod about;
mod csaf;
mod cyclonedx;
mod openvex;

use std::collections::BTreeSet;
use std::fmt;

use lockgate_model::Timestamp;
use serde_json::Value;

use crate::catalog::documents::word;
use crate::limits;
use crate::shape::{Read, Shapes};

pub use about::{Component, Place, Product};
pub(crate) use cyclonedx::{check_shape as check_cyclonedx, names};

/// A format of VEX documents.
struct Format {
    name: &'static str,
    /// Whether predicates of a type (in-toto) are documents of this format.
    carries: fn(&str) -> bool,
    /// Whether a document is of this format, by what it says of itself.
    knows: fn(&Value) -> bool,
    /// Nothing where the document says nothing about vulnerabilities.
    read: fn(&Value, Shapes) -> Result<Option<Document>, String>,
    /// The document's name, which its later versions have too, and its instant.
    named: fn(&Value) -> (&str, Option<Timestamp>),
}

/// The formats that are read, one file each.
const FORMATS: &[Format] = &[
    Format {
        name: "OpenVEX",
        carries: openvex::carries,
        knows: openvex::knows,
        read: openvex::read,
        named: openvex::named,
    },
    Format {
        name: "CycloneDX",
        carries: crate::bom::carries,
        knows: cyclonedx::knows,
        read: cyclonedx::read,
        named: cyclonedx::named,
    },
    Format { name: "CSAF", carries: csaf::carries, knows: csaf::knows, read: csaf::read, named: csaf::named },
];

/// What is said about a vulnerability in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The vulnerability does not matter there.
    NotAffected,
    /// It was closed there.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
    /// It matters there.
    Affected,
}

impl Status {
    /// Whether it says that the vulnerability need not be minded there.
    pub fn marks(self) -> bool {
        matches!(self, Self::NotAffected | Self::Fixed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
            Self::Affected => "affected",
        })
    }
}

impl Statement {
    /// Whether it is about the package at `place`.
    pub fn is_about(&self, place: &Place<'_>) -> bool {
        let every = self.status.marks();
        match place.shapes {
            Shapes::Lenient => self.products.is_empty() || self.products.iter().any(|one| one.is_at(place)),
            Shapes::Strict => self.products.iter().any(|one| one.is_exactly_at(place, every)),
        }
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Every name of the vulnerability.
    pub names: Vec<String>,
    /// What is said.
    pub status: Status,
    /// Why it does not matter; empty where nothing is said.
    pub justification: String,
    /// When it was said; what says that something need not be minded always has an instant.
    pub at: Option<Timestamp>,
    /// About what. None, of lenient reading: about whatever the attestation is about.
    pub products: Vec<Product>,
}

/// A VEX document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its format.
    pub format: &'static str,
    /// Who it says has written it.
    pub author: String,
    /// What it says. A bill of materials that says nothing about vulnerabilities has no statements.
    pub statements: Vec<Statement>,
    /// Statements that say too little to count, for people.
    pub incomplete: Vec<String>,
}

/// Reads the predicate of an attestation as VEX.
///
/// Nothing where predicates of that type are none, or where a bill of materials says nothing about vulnerabilities. Read
/// strictly, a document that is VEX by what it says of itself, and has another predicate type, could not be read: what it
/// says may be that the image is affected.
pub fn read(predicate_type: &str, predicate: &Value, shapes: Shapes) -> Read<Document> {
    let format = FORMATS.iter().find(|format| (format.carries)(predicate_type));
    match (format, shapes) {
        (Some(format), Shapes::Lenient) => match (format.read)(predicate, shapes) {
            Ok(Some(document)) => Read::Whole(document),
            Ok(None) => Read::Nothing,
            Err(why) => Read::Failed(format!("it is no {} document that is read: {why}", format.name)),
        },
        (Some(format), Shapes::Strict) => match (format.read)(predicate, shapes) {
            Ok(Some(document)) => Read::Whole(document),
            Ok(None) => Read::Nothing,
            Err(why) => Read::Failed(format!("it is not a valid {} document: {why}", format.name)),
        },
        (None, Shapes::Lenient) => Read::Nothing,
        (None, Shapes::Strict) => stray(predicate_type, predicate),
    }
}

/// What is VEX, by its type's name or by what it says, and is not attached as such.
fn stray(predicate_type: &str, predicate: &Value) -> Read<Document> {
    let inner = crate::bom::unwrapped(predicate);
    let content = inner.as_ref().unwrap_or(predicate);
    let by_content = FORMATS.iter().find(|format| (format.knows)(content));
    let kind = short(predicate_type);
    let lower = predicate_type.to_ascii_lowercase();
    match by_content {
        Some(format) => Read::Failed(format!(
            "it is a {} document, and its predicate type `{kind}` is not one that such documents have",
            format.name
        )),
        None if ["openvex", "csaf", "/vex"].iter().any(|part| lower.contains(part)) => {
            Read::Failed(format!("its predicate type `{kind}` is of a kind of VEX that is not read"))
        }
        None => Read::Nothing,
    }
}

/// The name that a document of any format has in all its versions, and its instant, as far as they can be read: by them a
/// later version is known to replace an earlier one.
pub fn named(predicate: &Value) -> Option<(String, Timestamp)> {
    let inner = crate::bom::unwrapped(predicate);
    let document = inner.as_ref().unwrap_or(predicate);
    FORMATS.iter().find_map(|format| {
        let (name, at) = (format.named)(document);
        Some((short(name), at?)).filter(|(name, _)| !name.is_empty())
    })
}

/// Whether predicates of that type may be VEX.
pub fn carries(predicate_type: &str) -> bool {
    FORMATS.iter().any(|format| (format.carries)(predicate_type))
}

/// Statements being collected.
struct Collector {
    document: Document,
    shapes: Shapes,
    /// Products and parts named so far.
    named: usize,
    /// The names that statements have of their own.
    ids: BTreeSet<String>,
}

impl Collector {
    fn new(format: &'static str, author: &str, shapes: Shapes) -> Self {
        let author = if author.is_empty() { "not named".to_owned() } else { short(author) };
        let document = Document { format, author, statements: vec![], incomplete: vec![] };
        Self { document, shapes, named: 0, ids: BTreeSet::new() }
    }

    /// Takes note of a statement's own name: no two have the same.
    fn called(&mut self, id: &str) -> Result<(), String> {
        if !id.is_empty() && !self.ids.insert(id.to_owned()) {
            return Err(format!("two statements are called `{}`", short(id)));
        }
        Ok(())
    }

    /// Adds a statement. One without a name, without a time, or that says `not_affected` without saying why, counts for
    /// nothing (OpenVEX, "Status Labels"; CSAF, 6.1.45 and 6.1.46). Read strictly, one without a name or product is an
    /// error, and what says that it matters needs no time.
    fn add(
        &mut self,
        names: Vec<String>,
        status: Status,
        justification: String,
        at: Option<Timestamp>,
        products: Vec<Product>,
    ) -> Result<(), String> {
        self.named += 1 + names.len() + products.iter().map(|one| 1 + one.parts.len()).sum::<usize>();
        if self.document.statements.len() >= limits::VEX_STATEMENTS || self.named > limits::VEX_PRODUCTS {
            return Err(format!(
                "it has more than {} statements or names more than {} things",
                limits::VEX_STATEMENTS,
                limits::VEX_PRODUCTS
            ));
        }
        let strict = self.shapes.is_strict();
        let Some(name) = names.first().cloned() else {
            if strict {
                return Err("a statement names no vulnerability".to_owned());
            }
            self.document.incomplete.push("a statement names no hole".to_owned());
            return Ok(());
        };
        if strict && products.is_empty() {
            return Err(format!("the statement about {name} names no product"));
        }
        if at.is_none() && (!strict || status.marks()) {
            self.document.incomplete.push(format!("the statement about {name} has no time"));
        } else if status == Status::NotAffected && justification.is_empty() {
            let why = format!("the statement about {name} says `not_affected` and not why");
            self.document.incomplete.push(why);
        } else {
            self.document.statements.push(Statement { names, status, justification, at, products });
        }
        Ok(())
    }
}

/// The first of `keys` that holds an instant.
fn instant(value: &Value, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| word(value, key).parse().ok())
}

/// The texts that are not empty, shortened, with `: ` between them.
fn joined(texts: &[&str]) -> String {
    let said: Vec<_> = texts.iter().filter(|text| !text.trim().is_empty()).map(|text| short(text)).collect();
    said.join(": ")
}

/// A text for people: one line, at most 300 characters.
fn short(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(300).collect()
}
