//! Bills of materials that an image carries: CycloneDX and SPDX in JSON, and SPDX's tag-value form. What they name counts as declared: whoever
//! built the image says it.

use serde_json::Value;

use super::documents::{self, list, word};
use super::{Facts, File, Found, PackageKind};
use crate::purl::Purl;

/// Deepest nesting of components.
const DEPTH: usize = 64;

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    [".spdx.json", ".cdx.json", ".spdx"].iter().any(|end| name.ends_with(end))
        || matches!(name, "bom.json" | "sbom.json")
        || path.starts_with("var/lib/db/sbom/")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.bytes.trim_ascii_start().starts_with(b"SPDXVersion:") {
        return Ok(tag_value(&file.text()).into());
    }
    // A document in another format is no bill of materials.
    if !file.bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(Facts::default());
    }
    let value = documents::json(file.bytes)?;
    let mut packages: Vec<_> =
        components(&value)?.into_iter().flatten().filter_map(Component::found).collect();
    packages.sort();
    Ok(packages.into())
}

/// What a bill of materials names: a package URL, and what is said beside it.
pub(crate) struct Component<'a> {
    /// The package URL; empty where there is none.
    pub(crate) purl: &'a str,
    /// Licences as declared.
    pub(crate) licenses: Vec<String>,
    /// The source package, where the document has a field for it.
    pub(crate) source: &'a str,
}

impl Component<'_> {
    fn found(self) -> Option<Found> {
        by_purl(self.purl).map(|found| Found { licenses: self.licenses, ..found })
    }
}

/// What a document in JSON names; nothing when it is neither CycloneDX nor SPDX 2.
pub(crate) fn components(document: &Value) -> Result<Option<Vec<Component<'_>>>, String> {
    if word(document, "bomFormat") == "CycloneDX" {
        return cyclonedx(document).map(Some);
    }
    if document.get("spdxVersion").is_some() {
        return Ok(Some(list(document, "packages").iter().map(spdx).collect()));
    }
    Ok(None)
}

fn cyclonedx(value: &Value) -> Result<Vec<Component<'_>>, String> {
    let (mut found, mut open) = (Vec::new(), vec![(list(value, "components"), 0)]);
    while let Some((components, depth)) = open.pop() {
        if depth > DEPTH {
            return Err(format!("its components are nested more than {DEPTH} deep"));
        }
        for component in components {
            let licenses = list(component, "licenses").iter().filter_map(|one| {
                let license = one.get("license");
                let named =
                    |key: &str| license.map(|license| word(license, key)).filter(|name| !name.is_empty());
                let expression = Some(word(one, "expression")).filter(|text| !text.is_empty());
                expression.or(named("id")).or(named("name")).map(str::to_owned)
            });
            let properties = list(component, "properties").iter();
            let source = properties.clone().find(|one| word(one, "name").ends_with(":SrcName"));
            found.push(Component {
                purl: word(component, "purl"),
                licenses: licenses.collect(),
                source: source.map(|one| word(one, "value")).unwrap_or_default(),
            });
            open.push((list(component, "components"), depth + 1));
        }
    }
    Ok(found)
}

fn spdx(package: &Value) -> Component<'_> {
    let reference = list(package, "externalRefs").iter().find(|one| word(one, "referenceType") == "purl");
    let said = [word(package, "licenseConcluded"), word(package, "licenseDeclared")];
    let purl = reference.map(|one| word(one, "referenceLocator")).unwrap_or_default();
    Component { purl, licenses: license(said), source: "" }
}

/// The first that says something.
fn license<'a>(said: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let said = said.into_iter().find(|name| !matches!(*name, "" | "NOASSERTION" | "NONE"));
    said.into_iter().map(str::to_owned).collect()
}

/// SPDX 2.3, "tag-value format": a tag and its value a line; a package begins with its name.
fn tag_value(text: &str) -> Vec<Found> {
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let packages = lines.split(|(tag, _)| *tag == "PackageName").skip(1);
    let found = packages.filter_map(|lines| {
        let tagged = |wanted: &'static str| {
            lines.iter().filter(move |(tag, _)| *tag == wanted).map(|(_, value)| value.trim())
        };
        let references = tagged("ExternalRef").filter_map(|value| value.split_whitespace().nth(2));
        let found = references.filter(|locator| locator.starts_with("pkg:")).find_map(by_purl)?;
        let said = tagged("PackageLicenseConcluded").chain(tagged("PackageLicenseDeclared"));
        Some(Found { licenses: license(said), ..found })
    });
    found.collect()
}

/// A package from its package URL (purl-spec): `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS`.
pub(super) fn by_purl(purl: &str) -> Option<Found> {
    let purl = Purl::parse(purl)?;
    // The distribution's packages are read from its own database, which says what is installed.
    let kind = PackageKind::of_purl(&purl.kind).filter(|kind| !kind.of_system())?;
    Some(Found::declared(kind, kind.name_of_purl(purl.name), purl.version?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_values_name_packages() {
        let text = "SPDXVersion: SPDX-2.3\nPackageName: a\nPackageVersion: 1\nPackageLicenseConcluded: NOASSERTION\nPackageLicenseDeclared: MIT\nExternalRef: SECURITY cpe23Type cpe:2.3:a:a:a:1\nExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1.0.0\n\nPackageName: no purl\nPackageName: b\nExternalRef: PACKAGE_MANAGER purl pkg:pypi/B_b@2\n";
        let facts = read(&File { path: "opt/x.spdx", bytes: text.as_bytes() }).unwrap();
        let named: Vec<_> =
            facts.packages.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
        assert_eq!(named, [("a", "1.0.0"), ("b-b", "2")]);
        assert_eq!(facts.packages[0].licenses, ["MIT"]);
        assert_eq!(facts.packages[0].confidence, lockgate_model::inventory::Confidence::Declared);
    }

    #[test]
    fn purls_name_packages() {
        let named = |purl| by_purl(purl).map(|found| format!("{}@{}", found.name, found.version));
        assert_eq!(named("pkg:npm/%40a/b@1.0.0?x=y").unwrap(), "@a/b@1.0.0");
        assert_eq!(named("pkg:maven/org.a/b@1").unwrap(), "org.a:b@1");
        assert_eq!(named("pkg:golang/golang.org/x/text@v0.3.5").unwrap(), "golang.org/x/text@0.3.5");
        for bad in ["", "pkg:npm/a", "pkg:deb/debian/a@1", "pkg:npm/%zz@1", "pkg:npm/%", "npm/a@1"] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }
}
