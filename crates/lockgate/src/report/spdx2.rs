//! SPDX 2.3, JSON.

use lockgate_model::Package;
use lockgate_scan::licenses;
use serde_json::{Value, json};

use super::{HOME, Listed, Subject, VERSION};

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let artifact = &subject.scanned.artifact;
    let image = json!({
        "SPDXID": "SPDXRef-image",
        "name": subject.name(),
        "versionInfo": artifact.digest.to_string(),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": "SHA256", "checksumValue": artifact.digest.hex()}],
    });
    let packages = subject.packages();
    let contains = packages.iter().map(|listed| {
        json!({
            "spdxElementId": "SPDXRef-image",
            "relationshipType": "CONTAINS",
            "relatedSpdxElement": format!("SPDXRef-{}", listed.id),
        })
    });
    let describes = json!({
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-image",
    });
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name(),
        "documentNamespace": format!("{HOME}/spdx/{}", subject.uuid("spdx")),
        "creationInfo": {
            "created": subject.at.to_string(),
            "creators": ["Organization: Lockgate".to_owned(), format!("Tool: lockgate-{VERSION}")],
        },
        "packages": std::iter::once(image).chain(packages.iter().map(|listed| package(subject, listed))).collect::<Vec<_>>(),
        "relationships": std::iter::once(describes).chain(contains).collect::<Vec<_>>(),
    });
    if let (Some(comment), Some(document)) = (comment(subject), document.as_object_mut()) {
        document.insert("comment".to_owned(), json!(comment));
    }
    document
}

/// What was not read or not asked, and the feed; nothing where there is nothing to say.
pub(super) fn comment(subject: &Subject<'_>) -> Option<String> {
    let (gaps, unanswered) = (subject.gaps(), subject.unanswered());
    let mut parts = Vec::new();
    if !gaps.is_empty() {
        parts.push(format!("Incomplete. Not read: {}", gaps.join("; ")));
    }
    let asked: Vec<_> = unanswered.into_iter().filter(|one| !gaps.contains(one)).collect();
    if !asked.is_empty() {
        parts.push(format!("Not answered: {}", asked.join("; ")));
    }
    parts.extend(subject.feed().into_iter().map(|(name, value)| format!("{name} {value}")));
    (!parts.is_empty()).then(|| parts.join(". "))
}

/// An expression of listed licences: a name of one's own would need its text.
fn declared(package: &Package) -> String {
    let joined = licenses::joined(&package.licenses).filter(|text| !text.contains("LicenseRef-"));
    joined.unwrap_or_else(|| "NOASSERTION".to_owned())
}

fn package(subject: &Subject<'_>, listed: &Listed<'_>) -> Value {
    let package = listed.package;
    let mut value = json!({
        "SPDXID": format!("SPDXRef-{}", listed.id),
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": declared(package),
        "copyrightText": "NOASSERTION",
        "sourceInfo": format!("{} in layer {}", package.path, package.layer),
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": package.purl,
        }],
    });
    if let (Some(asked), Some(value)) = (subject.asked_of(listed), value.as_object_mut()) {
        value.insert("comment".to_owned(), json!(format!("Advisories asked: {asked}")));
    }
    if let (false, Some(value)) = (package.licenses.is_empty(), value.as_object_mut()) {
        value.insert(
            "licenseComments".to_owned(),
            json!(format!("declared as: {}", package.licenses.join("; "))),
        );
    }
    value
}
