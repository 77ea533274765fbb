//! Dart packages: `pubspec.lock` (dart.dev, "Glossary", "Lockfile").

use super::documents::{self, members, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    crate::paths::split(path).1 == "pubspec.lock"
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let lock = documents::yaml(&file.text())?;
    let packages = members(&lock, "packages")
        .filter(|(_, one)| word(one, "source") == "hosted" && word(one, "dependency") != "direct dev");
    let found = packages.map(|(name, one)| Found::declared(PackageKind::Pub, name, word(one, "version")));
    Ok(found.filter(|found| !found.version.is_empty()).collect::<Vec<_>>().into())
}
