//! Advisories and VEX documents of vendors (OASIS, "Common Security Advisory Framework Version 2.0", and what 2.1 adds to
//! it), as Red Hat, SUSE and others publish them.
//!
//! What is fixed and what is affected becomes ranges and versions; what is under investigation counts as affected until
//! the vendor knows; what a distribution says not to be affected becomes a denial. A denial by anybody else, or about a
//! package that no distribution ships, holds for one product only, and is refused.

mod products;
mod ranges;
mod statuses;

use std::collections::BTreeSet;

use lockgate_model::{Severity, Timestamp};
use serde::Deserialize;

use super::{Rated, by_score, by_vectors, by_word, first_line, instant, tenths};
use crate::feed::Advisory;
use products::{ProductTree, Products};
use statuses::{ProductStatus, Said};

/// A document as it is published; what is not read here is not kept.
#[derive(Debug, Deserialize)]
struct Csaf {
    document: Document,
    #[serde(default)]
    product_tree: ProductTree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Deserialize)]
struct Document {
    csaf_version: String,
    category: String,
    title: String,
    publisher: Publisher,
    tracking: Tracking,
    #[serde(default)]
    aggregate_severity: Option<AggregateSeverity>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Publisher {
    category: String,
    namespace: String,
}

#[derive(Debug, Deserialize)]
struct Tracking {
    id: String,
    status: String,
    current_release_date: String,
}

#[derive(Debug, Deserialize)]
struct AggregateSeverity {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    category: String,
    url: String,
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<Id>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    product_status: ProductStatus,
    #[serde(default)]
    scores: Vec<Score>,
    /// CSAF 2.1 has scores here.
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(default)]
    threats: Vec<Threat>,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Id {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Note {
    category: String,
    text: String,
}

#[derive(Debug, Default, Deserialize)]
struct Score {
    #[serde(default, rename = "cvss_v2")]
    v2: Option<Cvss>,
    #[serde(default, rename = "cvss_v3")]
    v3: Option<Cvss>,
    #[serde(default, rename = "cvss_v4")]
    v4: Option<Cvss>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cvss {
    #[serde(default)]
    vector_string: Option<String>,
    #[serde(default)]
    base_score: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    content: Score,
}

#[derive(Debug, Deserialize)]
struct Threat {
    category: String,
    details: String,
}

#[derive(Debug, Deserialize)]
struct Remediation {
    category: String,
    #[serde(default)]
    url: Option<String>,
}

/// What became of a document.
#[derive(Default)]
pub(in crate::feed) struct Read {
    pub(in crate::feed) advisories: Vec<Rated>,
    /// Vulnerabilities that the publisher took back.
    pub(in crate::feed) withdrawn: u64,
    /// Vulnerabilities, or parts of them, that were kept out: which, and why.
    pub(in crate::feed) refused: Vec<(String, String)>,
}

/// Whether bytes are a CSAF document, however broken the rest of it is.
pub(in crate::feed) fn is_csaf(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outer {
        document: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "csaf_version")]
        _version: serde::de::IgnoredAny,
    }
    serde_json::from_slice::<Outer>(bytes).is_ok_and(|outer| {
        let Inner { _version: _ } = outer.document;
        true
    })
}

/// Normalises a document; the error says what is wrong with all of it.
pub(in crate::feed) fn read(bytes: &[u8]) -> Result<Read, String> {
    let csaf: Csaf = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let document = &csaf.document;
    if !matches!(document.csaf_version.as_str(), "2.0" | "2.1") {
        return Err(format!("CSAF {} is not read: 2.0 and 2.1 are", first_line(&document.csaf_version)));
    }
    let mut read = Read::default();
    match document.category.as_str() {
        "csaf_vex" | "csaf_security_advisory" => {}
        "csaf_withdrawn" | "csaf_superseded" => {
            read.withdrawn = csaf.vulnerabilities.len().max(1) as u64;
            return Ok(read);
        }
        other => {
            return Err(format!(
                "its category is `{}`: `csaf_vex` and `csaf_security_advisory` are read",
                first_line(other)
            ));
        }
    }
    if document.tracking.status == "draft" {
        return Err("it is a draft".to_owned());
    }
    if document.tracking.id.is_empty() {
        return Err("its `tracking.id` is empty".to_owned());
    }
    if csaf.vulnerabilities.is_empty() {
        return Err("it names no vulnerability".to_owned());
    }
    let modified = instant("current_release_date", &document.tracking.current_release_date)?;
    let products = Products::of(&csaf.product_tree)?;
    for (index, one) in csaf.vulnerabilities.iter().enumerate() {
        if rejected(one) {
            read.withdrawn += 1;
            continue;
        }
        let place = match &one.cve {
            Some(cve) => first_line(cve),
            None => format!("vulnerabilities[{index}]"),
        };
        let said = match Said::of(&one.product_status, &products, document.publisher.category == "vendor") {
            Ok(said) => said,
            Err(reason) => {
                read.refused.push((place, reason));
                continue;
            }
        };
        read.refused.extend(said.left_out.clone().map(|reason| (place.clone(), reason)));
        if !said.affected.is_empty() {
            read.advisories.push(advisory(document, one, index, said, modified));
        }
    }
    Ok(read)
}

/// Whether the name of a vulnerability was taken back: CSAF 2.0 has no field for that, and vendors carry the words of
/// the CVE list.
fn rejected(one: &Vulnerability) -> bool {
    let description = one.notes.iter().filter(|note| note.category == "description");
    let texts = one.title.iter().chain(description.map(|note| &note.text));
    texts.map(|text| text.trim_start()).any(|text| {
        ["** REJECT **", "Rejected reason:", "REJECTED CVE"].iter().any(|start| text.starts_with(start))
    })
}

fn advisory(
    document: &Document,
    one: &Vulnerability,
    index: usize,
    said: Said,
    modified: Timestamp,
) -> Rated {
    let scores = || one.scores.iter().chain(one.metrics.iter().map(|metric| &metric.content));
    let cvss_tenths = cvss(scores);
    let severity = cvss_tenths.map(by_score).or_else(|| by_words(document, one));
    let names = one.cve.iter().chain(one.ids.iter().map(|id| &id.text)).filter(|name| is_name(name));
    let aliases: BTreeSet<String> = names.cloned().collect();
    let name =
        one.cve.as_ref().or(aliases.first()).map_or_else(|| index.to_string(), |name| first_line(name));
    let note = |category: &str| {
        one.notes.iter().find(|note| note.category == category).map(|note| note.text.as_str())
    };
    let title = one.title.as_deref().or_else(|| note("summary")).or_else(|| note("description"));
    let summary = first_line(title.unwrap_or(&document.title));
    let summary = if said.investigated { format!("under investigation: {summary}") } else { summary };
    let advisory = Advisory {
        // The ids of a publisher are its own: those of another, or of OSV, may be the same.
        id: format!("CSAF-{}-{}-{name}", host(&document.publisher.namespace), document.tracking.id),
        aliases: aliases.into_iter().collect(),
        severity: severity.unwrap_or(Severity::Medium),
        cvss_tenths,
        known_exploited: false,
        unrated: false,
        malicious: false,
        epss_ppm: None,
        summary,
        url: url(document, one),
        modified,
        affected: said.affected,
    };
    Rated { rated: severity.is_some(), advisory }
}

/// Whether a text is a name that other databases have for the vulnerability, such as `CVE-2024-1` and `GHSA-...`:
/// numbers of somebody's tracker are not.
fn is_name(text: &str) -> bool {
    let prefix = text.split_once('-').map(|(prefix, _)| prefix);
    prefix.is_some_and(|prefix| prefix.len() > 1 && prefix.bytes().all(|byte| byte.is_ascii_uppercase()))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The host of a namespace, which is a URL; else the namespace itself.
fn host(namespace: &str) -> String {
    let rest = namespace.split_once("://").map_or(namespace, |(_, rest)| rest);
    first_line(rest.split('/').next().unwrap_or(rest))
}

/// The highest score of version 3 or 4, else of version 2, in tenths: by the vector, else as it is given.
fn cvss<'a, I: Iterator<Item = &'a Score>>(scores: impl Fn() -> I) -> Option<u8> {
    let newest = || scores().flat_map(|score| [&score.v3, &score.v4]).flatten();
    let oldest = || scores().filter_map(|score| score.v2.as_ref());
    let vectors = |all: &mut dyn Iterator<Item = &'a Cvss>| {
        let vectors: Vec<_> = all.filter_map(|one| one.vector_string.as_deref()).collect();
        by_vectors(vectors.into_iter())
    };
    let given = |all: &mut dyn Iterator<Item = &'a Cvss>| {
        all.filter_map(|one| one.base_score).filter(|score| (0.0..=10.0).contains(score)).map(tenths).max()
    };
    vectors(&mut newest())
        .or_else(|| given(&mut newest()))
        .or_else(|| vectors(&mut oldest()))
        .or_else(|| given(&mut oldest()))
}

/// The worst of the words of a vendor, else its word for the whole document.
fn by_words(document: &Document, one: &Vulnerability) -> Option<Severity> {
    let impacts = one.threats.iter().filter(|threat| threat.category == "impact");
    let worst = impacts.filter_map(|threat| by_word(threat.details.trim())).max();
    worst.or_else(|| document.aggregate_severity.as_ref().and_then(|said| by_word(said.text.trim())))
}

/// Where the fix is told, else where the vulnerability is, else where the document is.
fn url(document: &Document, one: &Vulnerability) -> Option<String> {
    let fix = one.remediations.iter().find(|one| one.category == "vendor_fix" && one.url.is_some());
    let own = || one.references.iter().chain(&document.references).find(|one| one.category == "self");
    let any = || one.references.iter().chain(&document.references).next();
    fix.and_then(|one| one.url.clone()).or_else(|| own().or_else(any).map(|one| one.url.clone()))
}

#[cfg(test)]
mod tests;
