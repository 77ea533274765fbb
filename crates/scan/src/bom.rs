//! CycloneDX bills of materials as evidence: their components by reference. What they say about vulnerabilities is VEX
//! (`vex/cyclonedx.rs`) where somebody analysed it, and a scanner's report (`reports/cyclonedx.rs`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::documents::{list, word};

/// Deepest nesting of components.
const DEPTH: usize = 64;

/// Whether predicates of that type are CycloneDX documents (cyclonedx.org, "in-toto predicate types"; cosign,
/// `predicate.go`).
pub(crate) fn carries(predicate_type: &str) -> bool {
    const TYPE: &str = "https://cyclonedx.org/";
    let rest = predicate_type.strip_prefix(TYPE).unwrap_or_default();
    matches!(rest, "bom" | "vex" | "schema") || rest.starts_with("bom/v1.")
}

/// What cosign wrapped for types that it does not know, and for SPDX before its second version: `{"Data": ..,
/// "Timestamp": ..}`. Nothing where it is not so, or holds no JSON.
pub(crate) fn unwrapped(predicate: &Value) -> Option<Value> {
    match predicate.get("Data").filter(|_| predicate.get("Timestamp").is_some())? {
        Value::String(text) => lockgate_model::json::value(text.as_bytes(), text.len()).ok(),
        inner => Some(inner.clone()),
    }
}

/// The components of a document, by their reference.
pub(crate) struct Bom<'a> {
    /// What the document is about.
    pub(crate) subject: &'a Value,
    components: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Bom<'a> {
    pub(crate) fn read(document: &'a Value) -> Result<Self, String> {
        if word(document, "bomFormat") != "CycloneDX" {
            return Err("its `bomFormat` is not `CycloneDX`".to_owned());
        }
        let version = word(document, "specVersion");
        if !matches!(version, "1.4" | "1.5" | "1.6" | "1.7") {
            let version: String = version.chars().take(20).collect();
            return Err(format!("its `specVersion` is `{version}`; 1.4 to 1.7 are read"));
        }
        let subject = document.get("metadata").and_then(|one| one.get("component")).unwrap_or(&Value::Null);
        let mut components = BTreeMap::new();
        let mut open = vec![(list(document, "components"), 0), (list(subject, "components"), 0)];
        while let Some((level, depth)) = open.pop() {
            if depth > DEPTH {
                return Err(format!("its components are nested more than {DEPTH} deep"));
            }
            for component in level {
                let reference = word(component, "bom-ref");
                if !reference.is_empty() && components.insert(reference, component).is_some() {
                    let reference: String = reference.chars().take(100).collect();
                    return Err(format!("two components are called `{reference}`"));
                }
                open.push((list(component, "components"), depth + 1));
            }
        }
        Ok(Self { subject, components })
    }

    /// What a reference means: its own name, or that behind the `#` of a link to another document (BOM-Link).
    pub(crate) fn named(&self, reference: &str) -> (Option<&'a Value>, String) {
        let local = match reference.strip_prefix("urn:cdx:").and_then(|link| link.split_once('#')) {
            Some((_, fragment)) => crate::purl::decode(fragment).unwrap_or_default(),
            None => reference.to_owned(),
        };
        (self.components.get(local.as_str()).copied(), local)
    }

    /// Whether a reference means what the document is about.
    pub(crate) fn is_subject(&self, local: &str) -> bool {
        !local.is_empty() && word(self.subject, "bom-ref") == local
    }
}
