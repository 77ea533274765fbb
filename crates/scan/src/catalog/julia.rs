//! Julia packages: the manifest of an environment (Pkg.jl, "Manifest.toml"). Packages without a version are parts of Julia.

use super::documents::{self, list, members, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    matches!(name, "Manifest.toml" | "JuliaManifest.toml")
        || name.strip_prefix("Manifest-v").and_then(|rest| rest.strip_suffix(".toml")).is_some()
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    // Other tools have files of that name.
    if !text.contains("uuid") {
        return Ok(Facts::default());
    }
    let manifest = documents::toml(&text)?;
    let packages = if manifest.get("deps").is_some_and(serde_json::Value::is_object) {
        members(&manifest, "deps").map(|(name, _)| name).collect::<Vec<_>>()
    } else {
        manifest.as_object().into_iter().flatten().map(|(name, _)| name).collect()
    };
    let of = manifest.get("deps").filter(|deps| deps.is_object()).unwrap_or(&manifest);
    let entries = packages.into_iter().flat_map(|name| list(of, name).iter().map(move |one| (name, one)));
    let found = entries.filter(|(_, one)| !word(one, "version").is_empty()).map(|(name, one)| Found {
        qualifiers: vec![("uuid".to_owned(), word(one, "uuid").to_owned())],
        ..Found::declared(PackageKind::Julia, name, word(one, "version"))
    });
    Ok(found.collect::<Vec<_>>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_manifest_name_packages() {
        let entry = "uuid = \"682c06a0-de6a-54ab-a142-c8b1cf79cde6\"\nversion = \"0.21.4\"\n";
        for text in [
            format!(
                "julia_version = \"1.9.0\"\nmanifest_format = \"2.0\"\n[[deps.JSON]]\n{entry}\n[[deps.Dates]]\nuuid = \"x\"\n"
            ),
            format!("[[JSON]]\n{entry}\n[[Dates]]\nuuid = \"x\"\n"),
        ] {
            let facts = read(&File { path: "app/Manifest.toml", bytes: text.as_bytes() }).unwrap();
            let [found] = facts.packages.as_slice() else { panic!("{facts:?}") };
            assert_eq!((found.name.as_str(), found.version.as_str()), ("JSON", "0.21.4"));
            assert_eq!(found.qualifiers[0].1, "682c06a0-de6a-54ab-a142-c8b1cf79cde6");
        }
        let said = |text: &str| read(&File { path: "Manifest.toml", bytes: text.as_bytes() });
        assert_eq!(said("x = ["), Ok(Facts::default()));
        assert!(said("uuid = [").is_err());
        assert!(wants("a/Manifest-v1.11.toml") && !wants("a/manifest.toml"));
    }
}
