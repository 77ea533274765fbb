//! Conda packages: the record of each in `conda-meta/` (conda, "Package metadata").

use super::documents::{self, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    (folder == "conda-meta" || folder.ends_with("/conda-meta"))
        && std::path::Path::new(name).extension().is_some_and(|end| end == "json")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let value = documents::json(file.bytes)?;
    let (name, version, license) = (word(&value, "name"), word(&value, "version"), word(&value, "license"));
    if name.is_empty() || version.is_empty() {
        return Ok(Facts::default());
    }
    let licenses = if license.is_empty() { vec![] } else { vec![license.to_owned()] };
    Ok(vec![Found { licenses, ..Found::new(PackageKind::Conda, name, version) }].into())
}
