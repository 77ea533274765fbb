//! Package managers of operating systems whose databases are not read: that there is one is said, so that an image of theirs
//! does not look as if it had no packages.

use super::{Facts, File};
use crate::paths;

pub(super) fn wants(path: &str) -> bool {
    owner(path).is_some()
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    Ok(Facts { foreign: owner(file.path).map(str::to_owned), ..Facts::default() })
}

/// The package manager whose database the file at `path` is part of.
fn owner(path: &str) -> Option<&'static str> {
    // Nearly every path of an image ends here.
    let rest = path.strip_prefix("var/").or_else(|| path.strip_prefix("usr/"))?;
    let (folder, name) = paths::split(rest);
    match (folder, name) {
        ("lib/pkg", "db") => Some("pkgutils"),
        ("lib/chisel", "manifest.wall") => Some("chisel"),
        ("db/pkg", "local.sqlite") => Some("pkg"),
        (_, "+CONTENTS") if folder.starts_with("db/pkg/") => Some("pkg"),
        (_, "metadata.xml") if folder.starts_with("lib/eopkg/package/") => Some("eopkg"),
        ("db/xbps", _) if name.starts_with("pkgdb-") => Some("xbps"),
        ("log/packages" | "lib/pkgtools/packages", _) => Some("pkgtools"),
        ("share/clear/bundles", _) => Some("swupd"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn databases_are_known_by_their_place() {
        for (path, expected) in [
            ("var/db/pkg/bash-5.2/+CONTENTS", Some("pkg")),
            ("var/db/xbps/pkgdb-0.38.plist", Some("xbps")),
            ("var/lib/dpkg/status", None),
            ("usr/share/doc/pacman/desc", None),
            ("srv/var/db/pkg/x/y/CONTENTS", None),
        ] {
            assert_eq!(owner(path), expected, "{path}");
        }
    }
}
