//! Arch packages: the database of libalpm, a folder for each package with what it is (`desc`) and which files it owns
//! (`files`) (libalpm, `be_local.c`; pacman(8)).

use super::{Facts, File, Found, Owned, PackageKind, may_speak};
use crate::limits;

const LOCAL: &str = "var/lib/pacman/local/";

pub(super) fn wants(path: &str) -> bool {
    let inside = path.strip_prefix(LOCAL).and_then(|rest| rest.split_once('/'));
    inside.is_some_and(|(_, name)| matches!(name, "desc" | "files"))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    if file.name() == "files" {
        return Ok(Facts { owned: owned(file.path, &text), ..Facts::default() });
    }
    let one = |name: &'static str| section(&text, name).next().unwrap_or_default();
    let (name, version) = (one("NAME"), one("VERSION"));
    if name.is_empty() || version.is_empty() {
        return Err("the package lacks %NAME% or %VERSION%".to_owned());
    }
    let found = Found {
        architecture: one("ARCH").to_owned(),
        licenses: section(&text, "LICENSE").map(str::to_owned).collect(),
        ..Found::new(PackageKind::Pacman, name, version)
    };
    let mut facts = Facts::from(vec![found]);
    if let Some(twice) = ["NAME", "VERSION"].iter().find(|name| section(&text, name).nth(1).is_some()) {
        facts.unread.push((String::new(), format!("%{twice}% has more than one value")));
    }
    Ok(facts)
}

/// The lines below `%NAME%`, up to the next such line; all of them where it is there more than once.
fn section<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut inside = false;
    text.lines().map(str::trim).filter(move |line| {
        let title = line.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
        inside = title.map_or(inside, |title| title == name);
        inside && title.is_none() && !line.is_empty()
    })
}

fn owned(path: &str, text: &str) -> Vec<Owned> {
    // The folder is `NAME-VERSION-RELEASE`.
    let folder = crate::paths::split(crate::paths::split(path).0).1;
    let owner = folder.rsplitn(3, '-').nth(2).unwrap_or(folder);
    let files = section(text, "FILES").filter(|path| !path.ends_with('/') && may_speak(path));
    let files = files.take(limits::OWNED_PER_FILE + 1);
    files.map(|path| Owned { path: path.to_owned(), owner: owner.to_owned(), sum: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, text: &str) -> Result<Facts, String> {
        read(&File {
            path: &format!("var/lib/pacman/local/gcc-libs-14.2.1-1/{name}"),
            bytes: text.as_bytes(),
        })
    }

    #[test]
    fn reads_packages_and_their_files() {
        let text = "%NAME%\ngcc-libs\n\n%VERSION%\n14.2.1-1\n\n%ARCH%\nx86_64\n\n%LICENSE%\nGPL\nLGPL\n\n";
        let facts = said("desc", text).unwrap();
        assert_eq!((facts.packages[0].version.as_str(), facts.packages[0].licenses.len()), ("14.2.1-1", 2));
        let facts =
            said("files", "%FILES%\nusr/\nusr/lib/\nusr/bin/tool\nusr/share/x.txt\n\n%BACKUP%\netc/x\t0\n")
                .unwrap();
        let [owned] = facts.owned.as_slice() else { panic!("{facts:?}") };
        assert_eq!((owned.path.as_str(), owned.owner.as_str()), ("usr/bin/tool", "gcc-libs"));
    }

    #[test]
    fn what_is_broken_is_told() {
        for bad in ["", "%NAME%\n\n%VERSION%\n1\n", "%NAME%\na\n", "NAME\na\nVERSION\n1\n"] {
            assert!(said("desc", bad).is_err(), "{bad}");
        }
        for twice in ["%NAME%\na\n%VERSION%\n1\n2\n", "%NAME%\na\n%VERSION%\n1\n%NAME%\nb\n"] {
            let facts = said("desc", twice).unwrap();
            assert_eq!((facts.packages.len(), facts.unread.len()), (1, 1), "{twice}");
        }
        assert!(wants("var/lib/pacman/local/a-1-1/desc") && !wants("var/lib/pacman/local/ALPM_DB_VERSION"));
        assert!(!wants("var/lib/pacman/local/a-1-1/x/desc") && !wants("srv/var/lib/pacman/local/a-1-1/desc"));
    }
}
