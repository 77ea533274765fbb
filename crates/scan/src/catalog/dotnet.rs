//! .NET packages: what a built program names in its `deps.json` (dotnet/sdk, "runtime configuration file"), and
//! NuGet's lock file.

use serde_json::Value;

use super::documents::{self, members, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    name.ends_with(".deps.json") || name == "packages.lock.json"
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let value = documents::json(file.bytes)?;
    let mut packages: Vec<_> =
        if file.name() == "packages.lock.json" { locked(&value) } else { built(&value) };
    packages.sort();
    packages.dedup();
    Ok(packages.into())
}

/// Libraries `Name/1.0.0` of type `package`: those that a target of the runtime loads.
fn built(value: &Value) -> Vec<Found> {
    let libraries = members(value, "libraries").filter(|(_, one)| word(one, "type") == "package");
    let named = libraries.filter_map(|(name, _)| name.split_once('/'));
    named.map(|(name, version)| Found::new(PackageKind::Nuget, name, version)).collect()
}

fn locked(value: &Value) -> Vec<Found> {
    let frameworks = members(value, "dependencies").filter_map(|(_, one)| one.as_object());
    let packages = frameworks.flatten().filter(|(_, one)| word(one, "type") != "Project");
    let resolved = packages.filter(|(_, one)| !word(one, "resolved").is_empty());
    resolved.map(|(name, one)| Found::declared(PackageKind::Nuget, name, word(one, "resolved"))).collect()
}
