//! Bills of materials that somebody attached to an image: what they name, as packages that are declared. Who attached
//! them, and whether that counts, is for the gate to say.

use lockgate_model::inventory::{Confidence, Distribution, Source};
use lockgate_model::{Digest, Package};
use serde_json::Value;

use crate::catalog::PackageKind;
use crate::catalog::documents::{list, word};
use crate::catalog::sbom::{Component, components};
use crate::purl::Purl;
use crate::shape::{Fields, OF_COMPONENT, Read, Shape, Shapes, check};
use crate::{licenses, limits};

/// Deepest nesting of components.
const DEPTH: usize = 64;

/// CycloneDX: what names packages, and nothing that looks like it under another name.
const CYCLONEDX: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("components", Shape::List(&COMPONENT, 0))],
    other: &["bomFormat", "specVersion", "serialNumber", "version", "metadata", "services", "dependencies"],
    open: true,
});
static COMPONENT: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("type", Shape::Text),
        ("name", Shape::Text),
        ("purl", Shape::Text),
        ("version", Shape::Text),
        ("bom-ref", Shape::Text),
        ("components", Shape::List(&COMPONENT, 0)),
    ],
    other: OF_COMPONENT,
    open: true,
});
const SPDX: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("packages", Shape::List(&PACKAGE, 0))],
    other: &["spdxVersion", "SPDXID", "name", "files", "relationships", "snippets", "creationInfo"],
    open: true,
});
const PACKAGE: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("name", Shape::Text), ("versionInfo", Shape::Text), ("externalRefs", Shape::List(&REFERENCE, 0))],
    other: &["SPDXID", "supplier", "licenseConcluded", "licenseDeclared", "checksums"],
    open: true,
});
const REFERENCE: Shape = Shape::Object(&Fields {
    must: &[("referenceType", Shape::Said), ("referenceLocator", Shape::Said)],
    may: &[],
    other: &["referenceCategory", "comment"],
    open: true,
});
const SPDX3: Shape = Shape::Object(&Fields {
    must: &[("@graph", Shape::List(&ELEMENT, 0))],
    may: &[],
    other: &["@context"],
    open: true,
});
const ELEMENT: Shape = Shape::Object(&Fields {
    must: &[("type", Shape::Said)],
    may: &[
        ("name", Shape::Text),
        ("software_packageUrl", Shape::Text),
        ("software_packageVersion", Shape::Text),
        ("externalIdentifier", Shape::List(&IDENTIFIER, 0)),
    ],
    other: &["spdxId", "@id", "creationInfo", "externalRef", "software_packageVerificationCode"],
    open: true,
});
const IDENTIFIER: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("externalIdentifierType", Shape::Said), ("identifier", Shape::Said)],
    other: &["type", "comment", "identifierLocator", "issuingAuthority"],
    open: true,
});

/// What a bill of materials names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Packages. Each has the document in the place of the layer that brought it, and no path.
    pub packages: Vec<Package>,
    /// What else it names, as it names it: no package URL with a version, of a kind that is not known, or of a
    /// distribution that is not said. Nobody can be asked about those.
    pub nameless: Vec<String>,
}

/// Whether predicates of that type are bills of materials (cyclonedx.org and spdx.dev, "in-toto predicate types"; cosign,
/// `predicate.go`).
pub fn carries(predicate_type: &str) -> bool {
    crate::bom::carries(predicate_type)
        || predicate_type
            .strip_prefix("https://spdx.dev/Document")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"))
}

/// Reads the predicate of an attestation as a bill of materials, which `document` carries.
///
/// Nothing where predicates of that type are none, or where it is CycloneDX that names nothing: such documents are VEX. Read
/// strictly, a bill of materials by its content that has another predicate type could not be read.
pub fn read(predicate_type: &str, predicate: &Value, document: Digest, shapes: Shapes) -> Read<Declared> {
    if !carries(predicate_type) {
        return if shapes.is_strict() { stray(predicate_type, predicate) } else { Read::Nothing };
    }
    // cosign 1 wrapped them: `{"Data": DOCUMENT, "Timestamp": ..}`.
    let wrapped = predicate.get("Data").filter(|_| predicate.get("Timestamp").is_some());
    let of_vex = crate::bom::carries(predicate_type)
        && wrapped.is_none()
        && predicate.get("components").is_none()
        && predicate.get("vulnerabilities").is_some();
    let misspelt = || shapes.is_strict() && check(predicate, &CYCLONEDX).is_err();
    if of_vex && !misspelt() {
        return Read::Nothing;
    }
    let read = match wrapped {
        Some(Value::String(text)) => lockgate_model::json::value(text.as_bytes(), text.len())
            .map_err(|error| format!("it is no JSON: {error}"))
            .and_then(|inner| declared(&inner, document, shapes)),
        Some(inner) => declared(inner, document, shapes),
        None => declared(predicate, document, shapes),
    };
    match read {
        Ok(declared) => Read::Whole(declared),
        Err(why) if shapes.is_strict() => Read::Failed(why),
        Err(why) => Read::Failed(format!("it is no bill of materials that is read: {why}")),
    }
}

/// What is a bill of materials by its content, or by the name of its type, and is not attached as one.
fn stray(predicate_type: &str, predicate: &Value) -> Read<Declared> {
    let inner = crate::bom::unwrapped(predicate);
    let content = inner.as_ref().unwrap_or(predicate);
    let kind: String = predicate_type.chars().filter(|one| !one.is_control()).take(200).collect();
    let lower = predicate_type.to_ascii_lowercase();
    let names = |format: &str, list: &str| content.get(format).is_some() && content.get(list).is_some();
    if names("bomFormat", "components")
        || names("spdxVersion", "packages")
        || names("@context", "@graph") && is_spdx3(content)
    {
        return Read::Failed(format!(
            "it is a bill of materials, and its predicate type `{kind}` is not one that bills of materials have"
        ));
    }
    if ["cyclonedx", "spdx"].iter().any(|part| lower.contains(part)) {
        return Read::Failed(format!(
            "its predicate type `{kind}` is of a kind of bills of materials that is not read"
        ));
    }
    Read::Nothing
}

fn is_spdx3(document: &Value) -> bool {
    word(document, "@context").starts_with("https://spdx.org/rdf/3.")
}

fn declared(document: &Value, digest: Digest, shapes: Shapes) -> Result<Declared, String> {
    for key in ["components", "packages", "@graph"] {
        if document.get(key).is_some_and(|list| !list.is_array()) {
            return Err(format!("its `{key}` is no list"));
        }
    }
    let named = match components(document)? {
        Some(named) => named,
        None => spdx3(document).ok_or("it is neither CycloneDX nor SPDX in JSON")?,
    };
    if named.len() > limits::PACKAGES_PER_FILE {
        return Err(format!("it names more than {} packages", limits::PACKAGES_PER_FILE));
    }
    let mut declared = Declared::default();
    if shapes.is_strict() {
        declared.nameless = unnamed(document)?;
    }
    for component in named {
        match package(&component, digest) {
            Some(package) => declared.packages.push(package),
            // Files and the image itself are components, too.
            None if component.purl.is_empty() => {}
            None => declared.nameless.push(component.purl.chars().take(200).collect()),
        }
    }
    declared.packages.sort();
    declared.packages.dedup();
    declared.nameless.sort();
    declared.nameless.dedup();
    Ok(declared)
}

/// Purposes of what is no package: the image itself and its distribution (SPDX 2.3, 7.24 "Primary package purpose"; SPDX 3.0,
/// "software/SoftwarePurpose").
const IMAGES: [&str; 4] = ["CONTAINER", "OPERATING-SYSTEM", "container", "operatingSystem"];

/// Checks what a document has, and gives the packages of it that have no package URL, by name and version.
fn unnamed(document: &Value) -> Result<Vec<String>, String> {
    let named = |name: &str, version: &str| {
        let name = if name.is_empty() { "a package without a name" } else { name };
        let text = if version.is_empty() { name.to_owned() } else { format!("{name} {version}") };
        text.chars().filter(|one| !one.is_control()).take(200).collect::<String>()
    };
    if word(document, "bomFormat") == "CycloneDX" {
        check(document, &CYCLONEDX)?;
        return Ok(components_without_url(document)?
            .into_iter()
            .map(|(name, version)| named(name, version))
            .collect());
    }
    if document.get("spdxVersion").is_some() {
        check(document, &SPDX)?;
        let url = |package: &&Value| {
            list(package, "externalRefs").iter().any(|one| word(one, "referenceType") == "purl")
        };
        let image = |package: &&Value| IMAGES.contains(&word(package, "primaryPackagePurpose"));
        let packages = list(document, "packages").iter().filter(|package| !image(package));
        let without = packages.filter(|package| !url(package));
        let versioned = without
            .map(|one| (word(one, "name"), word(one, "versionInfo")))
            .filter(|(_, version)| !version.is_empty());
        return Ok(versioned.map(|(name, version)| named(name, version)).collect());
    }
    check(document, &SPDX3)?;
    let packages = list(document, "@graph").iter().filter(|one| {
        word(one, "type") == "software_Package" && !IMAGES.contains(&word(one, "software_primaryPurpose"))
    });
    let without = packages.filter(|one| {
        let other = |one: &Value| word(one, "externalIdentifierType") == "packageUrl";
        word(one, "software_packageUrl").is_empty() && !list(one, "externalIdentifier").iter().any(other)
    });
    let versioned = without.map(|one| (word(one, "name"), word(one, "software_packageVersion")));
    Ok(versioned
        .filter(|(_, version)| !version.is_empty())
        .map(|(name, version)| named(name, version))
        .collect())
}

/// Components that are packages and have no package URL: files, the image and its distribution are components, too, and
/// need none. No two components have one reference.
fn components_without_url(document: &Value) -> Result<Vec<(&str, &str)>, String> {
    let mut references = std::collections::BTreeSet::new();
    let (mut found, mut open) = (Vec::new(), vec![(list(document, "components"), 0)]);
    while let Some((components, depth)) = open.pop() {
        if depth > DEPTH {
            return Err(format!("its components are nested more than {DEPTH} deep"));
        }
        for component in components {
            let (reference, version) = (word(component, "bom-ref"), word(component, "version"));
            if !reference.is_empty() && !references.insert(reference) {
                let reference: String = reference.chars().take(100).collect();
                return Err(format!("two components are called `{reference}`"));
            }
            let is_package = match word(component, "type") {
                "library" | "framework" => true,
                "application" => !version.is_empty(),
                _ => false,
            };
            if is_package && word(component, "purl").is_empty() {
                found.push((word(component, "name"), version));
            }
            open.push((list(component, "components"), depth + 1));
        }
    }
    Ok(found)
}

/// SPDX 3.0 ("software/Package": `packageUrl`, or an external identifier of that type); nothing when the document is
/// something else.
fn spdx3(document: &Value) -> Option<Vec<Component<'_>>> {
    word(document, "@context").strip_prefix("https://spdx.org/rdf/3.")?;
    let packages = list(document, "@graph").iter().filter(|one| word(one, "type") == "software_Package");
    let component = |package| {
        let mut others = list(package, "externalIdentifier").iter();
        let other = others.find(|one| word(one, "externalIdentifierType") == "packageUrl");
        let other = other.map(|one| word(one, "identifier")).unwrap_or_default();
        let own = word(package, "software_packageUrl");
        Component { purl: if own.is_empty() { other } else { own }, licenses: Vec::new(), source: "" }
    };
    Some(packages.map(component).collect())
}

fn package(component: &Component<'_>, document: Digest) -> Option<Package> {
    let purl = Purl::parse(component.purl)?;
    let kind = PackageKind::of_purl(&purl.kind)?;
    let version = purl.version.clone()?;
    let distribution = if kind.of_system() { Some(distribution(&purl)?) } else { None };
    let upstream = purl.qualifiers.get("upstream").map_or(component.source, String::as_str);
    let source = Some(upstream)
        .filter(|name| !name.is_empty() && matches!(kind, PackageKind::Dpkg | PackageKind::Apk));
    let source = source.map(|upstream| {
        let (name, of_source) = upstream.split_once('@').unwrap_or((upstream, &version));
        Source { name: name.to_owned(), version: of_source.to_owned() }
    });
    let licenses = component.licenses.iter();
    Some(Package {
        ecosystem: kind.ecosystem(distribution.as_ref()),
        name: kind.name_of_purl(purl.name.clone()),
        version,
        source,
        architecture: purl.qualifiers.get("arch").cloned().unwrap_or_default(),
        purl: component.purl.to_owned(),
        licenses: licenses.map(|one| licenses::expression(one).unwrap_or_else(|| one.clone())).collect(),
        layer: document,
        layer_index: 0,
        path: String::new(),
        cataloger: "sbom".to_owned(),
        installed_by: String::new(),
        confidence: Confidence::Declared,
    })
}

/// The distribution's release that a package URL names (PURL-TYPES, `deb`, `apk`, `rpm`): some write `debian-12.4` and
/// others `12.4`, with the distribution as namespace.
pub(crate) fn distribution(purl: &Purl) -> Option<Distribution> {
    let said = purl.qualifiers.get("distro")?;
    let number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let (id, version) = match said.rsplit_once('-') {
        Some((id, version)) if number(version) => (id, version),
        _ if number(said) => (purl.name.split_once('/')?.0, said.as_str()),
        _ => return None,
    };
    let id = if id == "redhat" { "rhel" } else { id };
    Some(Distribution { id: id.to_owned(), version: version.to_owned(), codename: String::new() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BOM: &str = "https://cyclonedx.org/bom";

    /// The same however it is read.
    fn of(purls: &[&str]) -> Declared {
        let components: Vec<_> = purls.iter().map(|purl| json!({"name": "x", "purl": purl})).collect();
        let document = json!({"bomFormat": "CycloneDX", "components": components});
        let [lenient, strict] = both(BOM, &document, Digest::of(b"sbom"));
        assert_eq!(lenient, strict);
        strict.into_result().unwrap().unwrap()
    }

    fn both(kind: &str, document: &Value, digest: Digest) -> [Read<Declared>; 2] {
        [Shapes::Lenient, Shapes::Strict].map(|shapes| read(kind, document, digest, shapes))
    }

    #[test]
    fn packages_are_declared_with_their_distribution() {
        let declared = of(&[
            "pkg:npm/%40a/b@1.0.0",
            "pkg:deb/debian/libssl3@3.0.1-1?arch=amd64&upstream=openssl@3.0.1-1&distro=debian-12.4",
            "pkg:apk/alpine/musl@1.2.5-r10?distro=3.22.1",
            "pkg:rpm/redhat/bash@5.1-2?epoch=1&distro=redhat-9.2",
        ]);
        let said: Vec<_> = declared
            .packages
            .iter()
            .map(|one| (one.ecosystem.as_str(), one.name.as_str(), one.version.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("Alpine:v3.22", "musl", "1.2.5-r10"),
                ("Debian:12", "libssl3", "3.0.1-1"),
                ("Red Hat:9", "bash", "1:5.1-2"),
                ("npm", "@a/b", "1.0.0"),
            ]
        );
        let debian = &declared.packages[1];
        assert_eq!(debian.source.as_ref().unwrap().name, "openssl");
        assert_eq!((debian.layer, debian.confidence), (Digest::of(b"sbom"), Confidence::Declared));
    }

    #[test]
    fn what_nobody_can_be_asked_about_is_named() {
        let purls =
            ["pkg:npm/a", "pkg:deb/debian/a@1", "pkg:deb/debian/a@1?distro=bookworm", "pkg:what/a@1", "x"];
        let declared = of(&purls);
        assert!(declared.packages.is_empty());
        assert_eq!(declared.nameless.len(), purls.len());
        assert_eq!(of(&[""]), Declared::default());
    }

    #[test]
    fn each_format_is_read_by_its_type() {
        let (digest, purl) = (Digest::of(b""), "pkg:npm/a@1.0.0");
        let spdx = json!({"spdxVersion": "SPDX-2.3", "packages": [
            {"name": "a", "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]},
        ]});
        let third = json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
            {"type": "software_Package", "software_packageUrl": purl},
            {"type": "software_Package", "externalIdentifier": [{"externalIdentifierType": "packageUrl", "identifier": "pkg:npm/b@1"}]},
            {"type": "software_File", "software_packageUrl": "pkg:npm/c@1"},
        ]});
        let wrapped = json!({"Data": spdx.to_string(), "Timestamp": "2026-01-01T00:00:00Z"});
        for (kind, document, count) in [
            ("https://spdx.dev/Document", &spdx, 1),
            ("https://spdx.dev/Document/v2.3", &spdx, 1),
            ("https://spdx.dev/Document", &third, 2),
            ("https://spdx.dev/Document", &wrapped, 1),
        ] {
            for read in both(kind, document, digest) {
                assert_eq!(read.into_result().unwrap().unwrap().packages.len(), count, "{document}");
            }
        }
        let vex = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": []});
        assert_eq!(both(BOM, &vex, digest), [Read::Nothing, Read::Nothing]);
        for other in ["https://spdx.dev/Documents", "https://openvex.dev/ns", ""] {
            let [lenient, strict] = both(other, &spdx, digest);
            assert_eq!(lenient, Read::Nothing, "{other}");
            assert!(matches!(strict, Read::Failed(_)), "{other}: it is one by its content");
        }
        assert_eq!(
            both("https://slsa.dev/provenance/v1", &json!({}), digest),
            [Read::Nothing, Read::Nothing]
        );
        for bad in [
            json!({}),
            json!([]),
            json!({"Data": "{", "Timestamp": 1}),
            json!("x"),
            json!({"spdxVersion": "SPDX-2.3", "packages": {}}),
        ] {
            for read in both(BOM, &bad, digest) {
                assert!(matches!(read, Read::Failed(_)), "{bad}");
            }
        }
        let mut deep = json!({"name": "x", "purl": purl});
        for _ in 0..70 {
            deep = json!({"name": "x", "components": [deep]});
        }
        deep["bomFormat"] = json!("CycloneDX");
        for read in both(BOM, &deep, digest) {
            assert!(read.into_result().unwrap().unwrap_err().contains("nested"));
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_is_lost(purls in prop::collection::vec("(pkg:)?(npm|deb|apk|x)/([a-z]/)?[a-z%@]{0,4}(@[0-9.:]{0,4})?(\\?distro=[a-z0-9.-]{0,6})?", 0..8)) {
            let purls: Vec<_> = purls.iter().map(String::as_str).collect();
            let declared = of(&purls);
            let distinct: std::collections::BTreeSet<_> = purls.iter().filter(|purl| !purl.is_empty()).collect();
            prop_assert_eq!(declared.packages.len() + declared.nameless.len(), distinct.len());
        }
    }
}
