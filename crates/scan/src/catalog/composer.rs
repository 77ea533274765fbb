//! PHP packages: composer's lock file and its record of what is installed (getcomposer.org, "Basic usage").

use serde_json::Value;

use super::documents::{self, list, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    path == "composer.lock"
        || path.ends_with("/composer.lock") && !path.contains("/vendor/")
        || path.ends_with("vendor/composer/installed.json")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let value = documents::json(file.bytes)?;
    let installed = file.name() == "installed.json";
    // Composer 1 wrote the list itself; composer 2 names what is for development.
    let packages = value.as_array().map_or_else(|| list(&value, "packages"), Vec::as_slice);
    let development = list(&value, "dev-package-names");
    let wanted = packages
        .iter()
        .filter(|one| !development.iter().any(|name| name.as_str() == Some(word(one, "name"))));
    let found = wanted.filter_map(|one| {
        let (name, version) = (word(one, "name"), word(one, "version"));
        if name.is_empty() || version.is_empty() {
            return None;
        }
        let licenses = list(one, "license").iter().filter_map(Value::as_str).map(str::to_owned);
        let licenses = licenses.collect();
        let version = version.trim_start_matches('v');
        let found = if installed {
            Found::new(PackageKind::Composer, name, version)
        } else {
            Found::declared(PackageKind::Composer, name, version)
        };
        Some(Found { licenses, ..found })
    });
    Ok(found.collect::<Vec<_>>().into())
}
