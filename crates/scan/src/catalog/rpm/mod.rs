//! RPM packages: the database in its three forms (rpm.org, "RPM database"), with the files that each owns. Every form
//! holds the packages' headers.

mod bdb;
mod header;
mod ndb;
mod sqlite;

pub(super) use sqlite::{Database as SqliteDatabase, Field as SqliteField};

use super::facts::Broken;
use super::{Facts, File};
use crate::limits;

pub(super) fn wants(path: &str) -> bool {
    const FOLDERS: [&str; 3] = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];
    let (folder, name) = crate::paths::split(path);
    FOLDERS.contains(&folder)
        && matches!(name, "rpmdb.sqlite" | "rpmdb.sqlite-wal" | "Packages" | "Packages.db")
        || path.starts_with("var/lib/rpmmanifest/") && name == "container-manifest-2"
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let headers = match file.name() {
        "container-manifest-2" => return Ok(manifest(&file.text())),
        "rpmdb.sqlite-wal" if file.bytes.is_empty() => return Ok(Facts::default()),
        "rpmdb.sqlite-wal" => {
            return Err("packages stand in the database's write-ahead log, which is not read: \
                        run `rpm --rebuilddb` when building the image"
                .to_owned());
        }
        _ if file.bytes.is_empty() => return Ok(Facts::default()),
        "rpmdb.sqlite" => sqlite::headers(file.bytes)?,
        "Packages.db" => ndb::headers(file.bytes)?,
        _ => bdb::headers(file.bytes)?,
    };
    // rpm itself passes over a damaged header and reads the others.
    let (mut facts, mut broken) = (Facts::default(), Broken::default());
    for header in headers {
        broken.extend(header::read(&header, &mut facts).err());
        if facts.packages.len() > limits::PACKAGES_PER_FILE || facts.owned.len() > limits::OWNED_PER_FILE {
            break;
        }
    }
    facts.unread.extend(broken.told());
    Ok(facts)
}

/// What CBL-Mariner's distroless images have in place of a database: `NAME\tVERSION-RELEASE\t...\tARCH\tEPOCH\tSOURCE`.
fn manifest(text: &str) -> Facts {
    let (mut facts, mut broken) = (Facts::default(), Broken::default());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let fields: Vec<_> = line.split('\t').collect();
        if let [name, version, _, _, _, _, _, architecture, epoch, source, ..] = fields.as_slice() {
            facts.packages.push(header::package(name, version, epoch, architecture, source, ""));
        } else {
            broken.push("a line has fewer than ten fields");
        }
    }
    facts.unread.extend(broken.told());
    facts
}

/// Values drawn from a database. Those of an honest one lie apart, so that all of them are no more than the file;
/// pointers of an enemy's lead to the same bytes again and again, until they fill the memory.
struct Values {
    values: Vec<Vec<u8>>,
    left: usize,
}

impl Values {
    /// Of a database of so many bytes.
    fn of(database: usize) -> Self {
        Self { values: Vec::new(), left: database }
    }

    /// Adds a value; nothing when there are more than the file holds.
    fn push(&mut self, value: Vec<u8>) -> Option<()> {
        self.left = self.left.checked_sub(value.len())?;
        self.values.push(value);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_form_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..6000), form in 0..3usize, sizes in any::<[u8; 4]>()) {
            let name = ["rpmdb.sqlite", "Packages.db", "Packages"][form];
            let magic: &[(usize, &[u8])] = match form {
                0 => &[(0, b"SQLite format 3\0"), (16, &[2, 0])],
                1 => &[(0, b"RpmP"), (8, &[1, 0, 0, 0, 1, 0, 0, 0])],
                _ => &[(12, &[0x61, 0x15, 0x06, 0]), (20, &[0, 2, 0, 0]), (32, &[9, 0, 0, 0])],
            };
            for (at, magic) in magic {
                if let Some(place) = bytes.get_mut(*at..at + magic.len()) {
                    place.copy_from_slice(magic);
                }
            }
            if let Some(place) = bytes.get_mut(103..107) {
                place.copy_from_slice(&sizes);
            }
            let path = format!("var/lib/rpm/{name}");
            let _facts = read(&File { path: &path, bytes: &bytes });
        }
    }

    #[test]
    fn a_manifest_stands_for_a_database() {
        let line = "bash\t5.1.8-1.cm2\t1653816591\t1653628955\tMicrosoft Corporation\t(none)\t3416\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n";
        let facts = manifest(line);
        assert_eq!(
            (facts.packages[0].name.as_str(), facts.packages[0].version.as_str()),
            ("bash", "5.1.8-1.cm2")
        );
        let facts = manifest(&format!("bash\n{line}"));
        assert_eq!((facts.packages.len(), facts.unread.len()), (1, 1));
    }
}
