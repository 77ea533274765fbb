//! CycloneDX 1.6 (ECMA-424), JSON.

use std::collections::BTreeMap;

use lockgate_model::inventory::Confidence;
use lockgate_model::{Package, Severity};
use lockgate_scan::licenses::{License, joined, license};
use serde_json::{Value, json};

use super::{HOME, Listed, Subject, VERSION, Vulnerability, advice, score};

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let (artifact, packages) = (&subject.scanned.artifact, subject.packages());
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", subject.uuid("cyclonedx")),
        "version": 1,
        "metadata": {
            "timestamp": subject.at.to_string(),
            "tools": {"components": [{
                "type": "application", "name": "lockgate", "version": VERSION,
                "externalReferences": [{"type": "website", "url": HOME}],
            }]},
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": subject.name(),
                "version": artifact.digest.to_string(),
                "hashes": [{"alg": "SHA-256", "content": artifact.digest.hex()}],
            },
        },
        "components": packages.iter().map(|listed| component(subject, listed)).collect::<Vec<_>>(),
        "dependencies": dependencies(&packages),
        "vulnerabilities": subject.vulnerabilities().iter().map(vulnerability).collect::<Vec<_>>(),
    });
    let gaps = subject.gaps();
    if let (false, Some(document)) = (gaps.is_empty(), document.as_object_mut()) {
        let assembly = json!([{"aggregate": "incomplete", "assemblies": ["image"]}]);
        document.insert("compositions".to_owned(), assembly);
    }
    let read = subject.unanswered().into_iter().map(|gap| ("lockgate:unanswered", gap));
    let properties: Vec<_> = subject
        .feed()
        .into_iter()
        .chain(read)
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    if let (false, Some(document)) = (properties.is_empty(), document.as_object_mut()) {
        document.insert("properties".to_owned(), properties.into());
    }
    document
}

fn component(subject: &Subject<'_>, listed: &Listed<'_>) -> Value {
    let package = listed.package;
    let (group, name) = match package.name.rsplit_once(['/', ':']) {
        Some((group, name)) if package.ecosystem == "Maven" || package.name.starts_with('@') => {
            (Some(group), name)
        }
        _ => (None, package.name.as_str()),
    };
    let (technique, confidence) = match package.confidence {
        Confidence::Recorded => ("manifest-analysis", 1.0),
        Confidence::Derived => ("binary-analysis", 0.8),
        Confidence::Declared => ("manifest-analysis", 0.5),
    };
    let mut component = json!({
        "type": "library",
        "bom-ref": listed.id,
        "name": name,
        "version": package.version,
        "purl": package.purl,
        "evidence": {
            "identity": [{
                "field": "purl",
                "confidence": confidence,
                "methods": [{"technique": technique, "confidence": confidence, "value": package.path}],
            }],
            "occurrences": [{"location": package.path}],
        },
        "properties": properties(package, subject.asked_of(listed)),
    });
    if let Some(component) = component.as_object_mut() {
        if let Some(group) = group {
            component.insert("group".to_owned(), json!(group));
        }
        if !package.licenses.is_empty() {
            component.insert("licenses".to_owned(), licenses(&package.licenses));
        }
    }
    component
}

/// Declared licences: identifiers and names, or one expression (`licenseChoice` allows no mixture).
fn licenses(declared: &[String]) -> Value {
    let known: Vec<License> = declared.iter().map(|one| license(one)).collect();
    let whole =
        known.iter().any(|one| matches!(one, License::Expression(_))).then(|| joined(declared)).flatten();
    if let Some(expression) = whole {
        return json!([{"expression": expression, "acknowledgement": "declared"}]);
    }
    let listed = known.iter().map(|one| match one {
        License::Id(id) => json!({"license": {"id": id, "acknowledgement": "declared"}}),
        License::Expression(name) | License::Name(name) => {
            json!({"license": {"name": name, "acknowledgement": "declared"}})
        }
    });
    listed.collect()
}

/// What contains what: the image its packages, and a package of the operating system the packages whose files it
/// installed. Of other packages it is not known what they depend on, and nothing is said.
fn dependencies(packages: &[Listed<'_>]) -> Value {
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut by_name: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for listed in packages {
        if listed.package.installed_by.is_empty() {
            by_name.entry((listed.image, &listed.package.name)).or_default().push(&listed.id);
        }
    }
    for listed in packages.iter().filter(|listed| !listed.package.installed_by.is_empty()) {
        let installed_by = (listed.image, listed.package.installed_by.as_str());
        for owner in by_name.get(&installed_by).into_iter().flatten() {
            owners.entry(owner).or_default().push(&listed.id);
        }
    }
    let all = packages.iter().map(|listed| listed.id.as_str()).collect();
    let whole = std::iter::once(("image", all)).chain(owners);
    whole.map(|(one, on)| json!({"ref": one, "dependsOn": on})).collect()
}

fn properties(package: &Package, asked_of: Option<String>) -> Value {
    let mut properties = vec![
        json!({"name": "lockgate:layer", "value": package.layer.to_string()}),
        json!({"name": "lockgate:layerIndex", "value": package.layer_index.to_string()}),
        json!({"name": "lockgate:cataloger", "value": package.cataloger}),
    ];
    properties.extend(asked_of.map(|asked| json!({"name": "lockgate:askedOf", "value": asked})));
    if !package.installed_by.is_empty() {
        properties.push(json!({"name": "lockgate:installedBy", "value": package.installed_by}));
    }
    properties.into()
}

fn vulnerability(vulnerability: &Vulnerability<'_>) -> Value {
    let found = vulnerability.found;
    let mut rating = json!({"severity": word(found.severity)});
    if let (Some(tenths), Some(rating)) = (found.cvss_tenths, rating.as_object_mut()) {
        rating.insert("score".to_owned(), json!(score(tenths)));
    }
    let mut properties = Vec::new();
    if found.known_exploited {
        properties.push(json!({"name": "lockgate:knownExploited", "value": "true"}));
    }
    if let Some(ppm) = found.epss_ppm {
        properties.push(json!({"name": "lockgate:epssPpm", "value": ppm.to_string()}));
    }
    let references =
        found.aliases.iter().map(|alias| json!({"id": alias, "source": {"name": source(alias)}}));
    let advisories = found.url.iter().map(|url| json!({"url": url}));
    json!({
        "bom-ref": format!("{}-{}", vulnerability.package_id, found.id),
        "id": found.id,
        "source": {"name": source(&found.id)},
        "references": references.collect::<Vec<_>>(),
        "ratings": [rating],
        "description": found.summary,
        "recommendation": advice(vulnerability),
        "advisories": advisories.collect::<Vec<_>>(),
        "affects": [{
            "ref": vulnerability.package_id,
            "versions": [{"version": vulnerability.package.version, "status": "affected"}],
        }],
        "properties": properties,
    })
}

/// Who gives ids of that kind.
fn source(id: &str) -> &str {
    match id.split('-').next() {
        Some("CVE") => "NVD",
        Some("GHSA") => "GitHub",
        Some(prefix) => prefix,
        None => id,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
