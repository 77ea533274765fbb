//! Bills of materials in predicates. What is in them is read by `scan`; here only whether they are what they say.

use serde_json::Value;

use super::{PredicateError, is_version_of, malformed};

/// The formats of bills of materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// SPDX.
    Spdx,
    /// CycloneDX.
    CycloneDx,
    /// Syft's own.
    Syft,
}

impl SbomFormat {
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            _ if is_version_of(kind, "https://spdx.dev/Document") => Some(Self::Spdx),
            _ if is_version_of(kind, "https://cyclonedx.org/bom") => Some(Self::CycloneDx),
            "https://cyclonedx.org/schema" | "https://cyclonedx.org/BOM" => Some(Self::CycloneDx),
            _ if is_version_of(kind, "https://syft.dev/bom") => Some(Self::Syft),
            _ => None,
        }
    }
}

/// A bill of materials.
#[derive(Debug, Clone, PartialEq)]
pub struct Sbom {
    /// Its format.
    pub format: SbomFormat,
    /// The format's version.
    pub version: String,
    /// The document.
    pub document: Value,
}

impl Sbom {
    pub(super) fn read(kind: &str, format: SbomFormat, content: &Value) -> Result<Self, PredicateError> {
        // cosign 1 wrapped them: `{"Data": DOCUMENT, "Timestamp": ..}`.
        let document = match content.get("Data") {
            Some(inner) if content.get("Timestamp").is_some() => inner,
            _ => content,
        };
        let said = |field: &str| document.get(field).and_then(Value::as_str);
        let version = match format {
            SbomFormat::Spdx => said("spdxVersion").map(str::to_owned).or_else(|| third_spdx(document)),
            SbomFormat::CycloneDx => {
                said("specVersion").filter(|_| said("bomFormat") == Some("CycloneDX")).map(str::to_owned)
            }
            SbomFormat::Syft => {
                document.pointer("/schema/version").and_then(Value::as_str).map(str::to_owned)
            }
        };
        let version =
            version.ok_or_else(|| malformed(kind, "the document does not say that it is of this format"))?;
        Ok(Self { format, version, document: document.clone() })
    }
}

/// The version that an SPDX 3 document's context names.
fn third_spdx(document: &Value) -> Option<String> {
    let context = document.get("@context")?;
    let mut named =
        context.as_array().map_or_else(|| vec![context], |list| list.iter().collect()).into_iter();
    let context = named.find_map(|one| one.as_str()?.strip_prefix("https://spdx.org/rdf/"))?;
    let version = context.split('/').next()?;
    Some(format!("SPDX-{version}"))
}
