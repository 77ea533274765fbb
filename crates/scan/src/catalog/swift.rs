//! Swift packages (`Package.resolved`, Swift Package Manager) and CocoaPods (`Podfile.lock`).

use serde_json::Value;

use super::documents::{self, list, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    matches!(crate::paths::split(path).1, "Package.resolved" | "Podfile.lock")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let packages = match file.name() {
        "Podfile.lock" => pods(&documents::yaml(&file.text())?),
        _ => resolved(&documents::json(file.bytes)?),
    };
    Ok(packages.into())
}

/// Pins: version 1 below `object`, 2 and 3 at the top. Advisories name a package by its address without scheme.
fn resolved(value: &Value) -> Vec<Found> {
    let pins =
        list(value, "pins").iter().chain(value.get("object").map_or(&[][..], |object| list(object, "pins")));
    let found = pins.filter_map(|pin| {
        let address =
            [word(pin, "location"), word(pin, "repositoryURL")].into_iter().find(|one| !one.is_empty())?;
        let name = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches(".git");
        let version = word(pin.get("state")?, "version");
        (!version.is_empty()).then(|| Found::declared(PackageKind::Swift, name, version))
    });
    found.collect()
}

/// `- Name (1.0.0)` or `- Name (1.0.0):` with dependencies.
fn pods(value: &Value) -> Vec<Found> {
    let named = list(value, "PODS").iter().filter_map(|pod| {
        let text = pod.as_str().or_else(|| pod.as_object()?.keys().next().map(String::as_str))?;
        let (name, version) = text.split_once(" (")?;
        Some(Found::declared(PackageKind::Pod, name, version.trim_end_matches(')')))
    });
    named.collect()
}
