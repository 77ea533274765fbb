//! Gentoo packages: portage's database, a folder `CATEGORY/NAME-VERSION` for each, with the files that it owns (portage(5),
//! "/var/db/pkg").

use data_encoding::HEXLOWER;

use super::{Facts, File, Found, Owned, PackageKind, Sum, may_speak};
use crate::limits;

const DATABASE: &str = "var/db/pkg/";

pub(super) fn wants(path: &str) -> bool {
    path.strip_prefix(DATABASE)
        .is_some_and(|rest| rest.ends_with("/CONTENTS") && rest.matches('/').count() == 2)
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let folder = file.path.strip_prefix(DATABASE).and_then(|rest| rest.strip_suffix("/CONTENTS"));
    let (category, package) = folder.and_then(|folder| folder.split_once('/')).unwrap_or_default();
    let (name, version) =
        split(package).ok_or_else(|| format!("its folder `{package}` is not named after a version"))?;
    let name = format!("{category}/{name}");
    let text = file.text();
    let files = text.lines().filter_map(owned).take(limits::OWNED_PER_FILE + 1);
    let owned = files.map(|(path, sum)| Owned { path: path.to_owned(), owner: name.clone(), sum }).collect();
    Ok(Facts { owned, ..vec![Found::new(PackageKind::Portage, name.clone(), version)].into() })
}

/// Name and version (Package Manager Specification, 3.1.2 and 3.2): the version begins at the last dash that a digit follows,
/// before the revision, if any.
fn split(package: &str) -> Option<(&str, &str)> {
    let numbered = |at: &usize| package.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
    let at = package.match_indices('-').map(|(at, _)| at).rfind(numbered)?;
    Some((package.get(..at)?, package.get(at + 1..)?)).filter(|(name, _)| !name.is_empty())
}

/// `obj PATH MD5 TIME`
fn owned(line: &str) -> Option<(&str, Option<Sum>)> {
    let mut words = line.strip_prefix("obj /")?.rsplitn(3, ' ');
    let (_, sum, path) = (words.next()?, words.next()?, words.next()?);
    let sum = HEXLOWER.decode(sum.as_bytes()).ok().and_then(|sum| sum.try_into().ok()).map(Sum::Md5);
    may_speak(path).then_some((path, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_a_package_and_its_files() {
        let text = "dir /usr\nobj /usr/bin/tool d41d8cd98f00b204e9800998ecf8427e 1700000000\nsym /usr/bin/x -> tool 1\n";
        let path = "var/db/pkg/app-shells/bash-completion-2.11_p1-r2/CONTENTS";
        assert!(wants(path) && !wants("var/db/pkg/a/b-1/PF") && !wants("var/db/pkg/b-1/CONTENTS"));
        let facts = read(&File { path, bytes: text.as_bytes() }).unwrap();
        let found = &facts.packages[0];
        assert_eq!(
            (found.name.as_str(), found.version.as_str()),
            ("app-shells/bash-completion", "2.11_p1-r2")
        );
        let [owned] = facts.owned.as_slice() else { panic!("{facts:?}") };
        assert_eq!(
            (owned.path.as_str(), owned.owner.as_str()),
            ("usr/bin/tool", "app-shells/bash-completion")
        );
        assert!(super::super::Sums::of(b"").is(&owned.sum.unwrap()));
        assert!(read(&File { path: "var/db/pkg/app-shells/bash/CONTENTS", bytes: b"" }).is_err());
        assert_eq!(split("gtk+-2-2.24.33"), Some(("gtk+-2", "2.24.33")));
    }
}
