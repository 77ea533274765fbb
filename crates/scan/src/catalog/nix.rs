//! Packages of the Nix store: the paths that its database holds valid (Nix Reference Manual, "Store Path").

use super::rpm::SqliteDatabase;
use super::rpm::SqliteField as Field;
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    path == "nix/var/nix/db/db.sqlite"
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let database = SqliteDatabase::open(file.bytes).ok_or("it is not a SQLite database")?;
    let found = database.table("ValidPaths", |row| match row.get(1) {
        Some(Field::Text(path)) => package(path),
        _ => None,
    })?;
    let mut packages: Vec<_> = found.into_iter().flatten().collect();
    packages.sort();
    packages.dedup();
    Ok(packages.into())
}

/// `/nix/store/<32 characters>-name-1.0.0[-output]`
fn package(path: &str) -> Option<Found> {
    const OUTPUTS: [&str; 7] = ["-bin", "-lib", "-dev", "-man", "-doc", "-info", "-out"];
    let (_, named) = path.strip_prefix("/nix/store/")?.split_at_checked(33)?;
    let named = OUTPUTS.iter().find_map(|output| named.strip_suffix(output)).unwrap_or(named);
    if std::path::Path::new(named).extension().is_some_and(|end| end == "drv") {
        return None;
    }
    // The version begins at the first dash that a digit follows (Nix, "parseDrvName").
    let at = named.match_indices('-').map(|(at, _)| at).find(|at| {
        named.get(at + 1..).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })?;
    Some(Found::new(PackageKind::Nix, named.get(..at)?, named.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_path_names_package_and_version() {
        let hash = "0".repeat(32);
        let found = package(&format!("/nix/store/{hash}-openssl-3.0.12-bin")).unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str()), ("openssl", "3.0.12"));
        assert_eq!(package(&format!("/nix/store/{hash}-source")), None);
        assert_eq!(package("/nix/store/x"), None);
    }
}
