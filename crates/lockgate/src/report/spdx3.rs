//! SPDX 3.0.1, JSON-LD: core, software and security profiles.

use serde_json::{Value, json};

use super::{HOME, Listed, Subject, VERSION, Vulnerability};

/// The blank node of who made the document, and when.
const CREATION: &str = "_:creation";

/// Identifiers within one document.
struct Names {
    base: String,
}

impl Names {
    fn of(&self, what: &str) -> String {
        format!("{}#{what}", self.base)
    }
}

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let names = Names { base: format!("{HOME}/spdx/{}", subject.uuid("spdx3")) };
    let (packages, vulnerabilities) = (subject.packages(), subject.vulnerabilities());
    let mut elements = vec![tool(&names), image(subject, &names)];
    elements.extend(packages.iter().map(|listed| package(subject, listed, &names)));
    if !packages.is_empty() {
        elements.push(json!({
            "type": "Relationship",
            "spdxId": names.of("contains"),
            "creationInfo": CREATION,
            "from": names.of("image"),
            "relationshipType": "contains",
            "completeness": if subject.gaps().is_empty() { "complete" } else { "incomplete" },
            "to": packages.iter().map(|listed| names.of(&listed.id)).collect::<Vec<_>>(),
        }));
    }
    let mut known: Vec<&str> =
        vulnerabilities.iter().map(|vulnerability| vulnerability.found.id.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    elements.extend(known.iter().filter_map(|id| {
        let first = vulnerabilities.iter().find(|one| one.found.id == *id)?;
        Some(vulnerability(first, &names))
    }));
    elements.extend(vulnerabilities.iter().map(|vulnerability| affects(vulnerability, &names)));
    let mut about = json!({
        "type": "SpdxDocument",
        "spdxId": names.of("document"),
        "creationInfo": CREATION,
        "name": subject.name(),
        "profileConformance": ["core", "software", "security"],
        "rootElement": [names.of("image")],
    });
    let ids: Vec<_> = elements.iter().filter_map(|element| element.get("spdxId").cloned()).collect();
    if let Some(about) = about.as_object_mut() {
        about.insert("element".to_owned(), ids.into());
        about.extend(super::spdx2::comment(subject).map(|text| ("comment".to_owned(), json!(text))));
    }
    let mut graph = vec![
        json!({
            "type": "CreationInfo",
            "@id": CREATION,
            "specVersion": "3.0.1",
            "created": subject.at.to_string(),
            "createdBy": [names.of("lockgate")],
        }),
        about,
    ];
    graph.extend(elements);
    json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph})
}

fn tool(names: &Names) -> Value {
    json!({
        "type": "SoftwareAgent",
        "spdxId": names.of("lockgate"),
        "creationInfo": CREATION,
        "name": format!("lockgate {VERSION}"),
    })
}

fn image(subject: &Subject<'_>, names: &Names) -> Value {
    let digest = &subject.scanned.artifact.digest;
    json!({
        "type": "software_Package",
        "spdxId": names.of("image"),
        "creationInfo": CREATION,
        "name": subject.name(),
        "software_packageVersion": digest.to_string(),
        "software_primaryPurpose": "container",
        "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": digest.hex()}],
    })
}

fn package(subject: &Subject<'_>, listed: &Listed<'_>, names: &Names) -> Value {
    let package = listed.package;
    let mut value = json!({
        "type": "software_Package",
        "spdxId": names.of(&listed.id),
        "creationInfo": CREATION,
        "name": package.name,
        "software_packageVersion": package.version,
        "software_packageUrl": package.purl,
        "software_primaryPurpose": "library",
        "software_sourceInfo": format!("{} in layer {}", package.path, package.layer),
    });
    if let (Some(asked), Some(value)) = (subject.asked_of(listed), value.as_object_mut()) {
        value.insert("comment".to_owned(), json!(format!("Advisories asked: {asked}")));
    }
    value
}

fn vulnerability(vulnerability: &Vulnerability<'_>, names: &Names) -> Value {
    let found = vulnerability.found;
    let identifiers = found.names().map(|id| {
        let kind = if id.starts_with("CVE-") { "cve" } else { "securityOther" };
        json!({"type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": id})
    });
    let mut value = json!({
        "type": "security_Vulnerability",
        "spdxId": names.of(&found.id),
        "creationInfo": CREATION,
        "name": found.id,
        "externalIdentifier": identifiers.collect::<Vec<_>>(),
    });
    if let (false, Some(value)) = (found.summary.is_empty(), value.as_object_mut()) {
        value.insert("summary".to_owned(), json!(found.summary));
    }
    value
}

fn affects(vulnerability: &Vulnerability<'_>, names: &Names) -> Value {
    json!({
        "type": "Relationship",
        "spdxId": names.of(&format!("{}-{}", vulnerability.package_id, vulnerability.found.id)),
        "creationInfo": CREATION,
        "from": names.of(&vulnerability.found.id),
        "relationshipType": "affects",
        "to": [names.of(&vulnerability.package_id)],
    })
}
