//! VEX: what somebody says about whether a hole matters in a product. OpenVEX, CycloneDX and CSAF, in one normal form.
//!
//! Whether the somebody is to be believed is not asked here: the gate does, by signatures.

mod csaf;
mod cyclonedx;
mod openvex;

use std::fmt;

use lockgate_model::{Digest, Timestamp};
use serde_json::Value;

use crate::catalog::documents::word;
use crate::limits;
use crate::purl::Purl;

pub(crate) use cyclonedx::names;

/// A format of VEX documents.
struct Format {
    name: &'static str,
    /// Whether predicates of a type (in-toto) are documents of this format.
    carries: fn(&str) -> bool,
    read: fn(&Value) -> Result<Document, String>,
}

/// The formats that are read, one file each.
const FORMATS: &[Format] = &[
    Format { name: "OpenVEX", carries: openvex::carries, read: openvex::read },
    Format { name: "CycloneDX", carries: crate::bom::carries, read: cyclonedx::read },
    Format { name: "CSAF", carries: csaf::carries, read: csaf::read },
];

/// What is said about a hole in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The hole does not matter there.
    NotAffected,
    /// It was closed there.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
    /// It matters there.
    Affected,
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

/// What a statement names: a package, an image, something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Its package URLs.
    pub purls: Vec<Purl>,
    /// Its sha256 digests.
    pub digests: Vec<Digest>,
    /// How the document calls it, for people.
    pub name: String,
}

impl Component {
    /// What a text names: a package URL, or something with a digest at its end, such as an image.
    fn of(text: &str) -> Self {
        let mut component = Self { name: short(text), ..Self::default() };
        component.add(text);
        component
    }

    fn add(&mut self, text: &str) {
        if let Some(purl) = Purl::parse(text) {
            self.digests.extend(purl.image_digest());
            self.purls.push(purl);
        } else if let Some((_, digest)) = text.rsplit_once('@') {
            self.digests.extend(digest.parse::<Digest>());
        }
    }

    /// Whether it is the image at `place`: by digest, or by the name of the service where it has no version.
    fn is_image(&self, place: &Place<'_>) -> bool {
        let called =
            |purl: &Purl| purl.is_image() && purl.version.is_none() && purl.short_name() == place.service;
        self.digests.iter().any(|digest| place.digests.contains(digest)) || self.purls.iter().any(called)
    }

    fn is_package(&self, place: &Place<'_>) -> bool {
        self.purls.iter().any(|purl| place.packages.iter().any(|package| purl.names(package)))
    }

    /// Adds a sha256 in hex.
    fn add_sha256(&mut self, hex: &str) {
        self.digests.extend(format!("sha256:{}", hex.to_ascii_lowercase()).parse::<Digest>());
    }
}

/// Where a hole is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The digests of the artifact and of the image in it.
    pub digests: &'a [Digest],
    /// The last part of the service's name.
    pub service: &'a str,
    /// The package, and the source that it was built from.
    pub packages: &'a [Purl],
}

/// What a statement is about: a product, and what in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The product.
    pub product: Component,
    /// The parts of the product that are meant; all of it where there are none.
    pub parts: Vec<Component>,
}

impl Product {
    /// Whether it is the package at `place`, or all of the image. Parts count in this image only: whether a package is
    /// part of another one cannot be seen.
    fn is_at(&self, place: &Place<'_>) -> bool {
        let whole = self.product.is_image(place);
        if self.parts.is_empty() {
            whole || self.product.is_package(place)
        } else {
            whole && self.parts.iter().any(|part| part.is_package(place))
        }
    }
}

impl Statement {
    /// Whether it is about the package at `place`.
    pub fn is_about(&self, place: &Place<'_>) -> bool {
        self.products.is_empty() || self.products.iter().any(|product| product.is_at(place))
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Every name of the hole.
    pub names: Vec<String>,
    /// What is said.
    pub status: Status,
    /// Why it does not matter; empty where nothing is said.
    pub justification: String,
    /// When it was said.
    pub at: Timestamp,
    /// About what. None: about whatever the attestation is about.
    pub products: Vec<Product>,
}

/// A VEX document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its format.
    pub format: &'static str,
    /// Who it says has written it.
    pub author: String,
    /// What it says. A bill of materials that says nothing about holes has no statements.
    pub statements: Vec<Statement>,
    /// Statements that say too little to count, for people.
    pub incomplete: Vec<String>,
}

/// Reads the predicate of an attestation as VEX; nothing when predicates of that type are none. The error says what is
/// wrong with it.
pub fn read(predicate_type: &str, predicate: &Value) -> Option<Result<Document, String>> {
    let format = FORMATS.iter().find(|format| (format.carries)(predicate_type))?;
    Some(
        (format.read)(predicate)
            .map_err(|why| format!("it is no {} document that is read: {why}", format.name)),
    )
}

/// Whether predicates of that type may be VEX.
pub fn carries(predicate_type: &str) -> bool {
    FORMATS.iter().any(|format| (format.carries)(predicate_type))
}

/// Statements being collected.
struct Collector {
    document: Document,
    /// Products and parts named so far.
    named: usize,
}

impl Collector {
    fn new(format: &'static str, author: &str) -> Self {
        let author = if author.is_empty() { "not named".to_owned() } else { short(author) };
        Self { document: Document { format, author, statements: vec![], incomplete: vec![] }, named: 0 }
    }

    /// Adds a statement. One without a name, without a time, or that says `not_affected` without saying why, counts for
    /// nothing (OpenVEX, "Status Labels"; CSAF, 6.1.45 and 6.1.46).
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
        let missing = match (names.first(), at) {
            (None, _) => "a statement names no hole".to_owned(),
            (Some(name), None) => format!("the statement about {name} has no time"),
            (Some(name), Some(_)) if status == Status::NotAffected && justification.is_empty() => {
                format!("the statement about {name} says `not_affected` and not why")
            }
            (Some(_), Some(at)) => {
                self.document.statements.push(Statement { names, status, justification, at, products });
                return Ok(());
            }
        };
        self.document.incomplete.push(missing);
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
