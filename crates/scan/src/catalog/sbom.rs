//! Bills of materials that an image carries: CycloneDX and SPDX, in JSON. What they name counts as declared: whoever
//! built the image says it.

use serde_json::Value;

use super::documents::{self, list, word};
use super::{Facts, File, Found, PackageKind};
use crate::purl::decode;

/// Deepest nesting of components.
const DEPTH: usize = 64;

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    [".spdx.json", ".cdx.json", ".spdx"].iter().any(|end| name.ends_with(end))
        || matches!(name, "bom.json" | "sbom.json")
        || path.starts_with("var/lib/db/sbom/")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    // A document in another format, such as SPDX's tag-value form, is no JSON.
    if !file.bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(Facts::default());
    }
    let value = documents::json(file.bytes)?;
    let packages = if word(&value, "bomFormat") == "CycloneDX" {
        cyclonedx(&value)?
    } else if value.get("spdxVersion").is_some() {
        list(&value, "packages").iter().filter_map(spdx).collect()
    } else {
        Vec::new()
    };
    Ok(packages.into())
}

fn cyclonedx(value: &Value) -> Result<Vec<Found>, String> {
    let (mut packages, mut open) = (Vec::new(), vec![(list(value, "components"), 0)]);
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
            let found = by_purl(word(component, "purl"));
            packages.extend(found.map(|found| Found { licenses: licenses.collect(), ..found }));
            open.push((list(component, "components"), depth + 1));
        }
    }
    packages.sort();
    Ok(packages)
}

fn spdx(package: &Value) -> Option<Found> {
    let reference = list(package, "externalRefs").iter().find(|one| word(one, "referenceType") == "purl")?;
    let found = by_purl(word(reference, "referenceLocator"))?;
    let said = [word(package, "licenseConcluded"), word(package, "licenseDeclared")];
    let license = said.into_iter().find(|name| !matches!(*name, "" | "NOASSERTION" | "NONE"));
    Some(Found { licenses: license.into_iter().map(str::to_owned).collect(), ..found })
}

/// A package from its package URL (purl-spec): `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS`.
pub(super) fn by_purl(purl: &str) -> Option<Found> {
    let rest = purl.strip_prefix("pkg:")?.split(['?', '#']).next()?;
    let (kind, rest) = rest.split_once('/')?;
    let (name, version) = rest.rsplit_once('@')?;
    let (name, version) = (decode(name)?, decode(version)?);
    let kind = match kind {
        "pypi" => PackageKind::Python,
        "npm" => PackageKind::Npm,
        "golang" => PackageKind::Go,
        "cargo" => PackageKind::Cargo,
        "maven" => PackageKind::Maven,
        "gem" => PackageKind::Gem,
        "composer" => PackageKind::Composer,
        "nuget" => PackageKind::Nuget,
        "conda" => PackageKind::Conda,
        "hex" => PackageKind::Hex,
        "pub" => PackageKind::Pub,
        "swift" => PackageKind::Swift,
        "bitnami" | "generic" => PackageKind::Program,
        // The distribution's packages are read from its own database, which says what is installed.
        _ => return None,
    };
    let name = match kind {
        PackageKind::Maven => name.replacen('/', ":", 1),
        PackageKind::Python => super::normalised_python(&name),
        _ => name,
    };
    let version = if kind == PackageKind::Go { version.trim_start_matches('v').to_owned() } else { version };
    (!name.is_empty() && !version.is_empty()).then(|| Found::declared(kind, name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

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
