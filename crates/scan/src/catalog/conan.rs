//! Conan packages: the lock file, in the form of Conan 2 and in that of Conan 1 (Conan documentation, "Lockfiles"), and what
//! Conan 1 writes beside a package in its cache (`conaninfo.txt`). What builds needed is left out.

use serde_json::Value;

use super::documents::{self, list, members, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    matches!(crate::paths::split(path).1, "conan.lock" | INFO)
}

/// What is said of a package in the cache of Conan 1.
const INFO: &str = "conaninfo.txt";
/// The part of that with the packages that it was built with.
const REQUIRED: &str = "[full_requires]";

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.name() == INFO {
        let mut packages: Vec<_> = required(&file.text()).chain(of_folder(file.path)).collect();
        packages.sort();
        packages.dedup();
        return Ok(packages.into());
    }
    let lock = documents::json(file.bytes)?;
    let required = list(&lock, "requires").iter().filter_map(Value::as_str);
    let graph = lock.get("graph_lock").unwrap_or(&Value::Null);
    let nodes = members(graph, "nodes").filter(|(_, node)| word(node, "context") != "build");
    let mut packages: Vec<_> =
        required.chain(nodes.map(|(_, node)| word(node, "ref"))).filter_map(package).collect();
    packages.sort();
    packages.dedup();
    Ok(packages.into())
}

/// `NAME/VERSION[@USER/CHANNEL]:ID`, a line each.
fn required(text: &str) -> impl Iterator<Item = Found> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != REQUIRED).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter_map(|line| package(line.split(':').next()?))
}

/// The package in whose folder of the cache the file is: `data/NAME/VERSION/USER/CHANNEL/package/ID/conaninfo.txt`.
fn of_folder(path: &str) -> Option<Found> {
    let mut folders = path.rsplit('/').skip(2);
    let package = folders.next()? == "package";
    let (version, name) = (folders.nth(2)?, folders.next()?);
    let sound = package && folders.next()? == "data" && !name.is_empty() && !version.is_empty();
    sound.then(|| Found::new(PackageKind::Conan, name, version))
}

/// `NAME/VERSION[@USER/CHANNEL][#REVISION][%TIME]`
fn package(reference: &str) -> Option<Found> {
    let (name, rest) = reference.split_once('/')?;
    let version = rest.split(['@', '#', '%']).next()?;
    (!name.is_empty() && !version.is_empty()).then(|| Found::declared(PackageKind::Conan, name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_lock_name_packages() {
        for text in [
            r#"{"version":"0.5","requires":["zlib/1.2.11#abc%1700000000.5"],"build_requires":["cmake/3.1"]}"#,
            r#"{"graph_lock":{"nodes":{"0":{"path":"."},"1":{"ref":"zlib/1.2.11@a/b#0"},"2":{"ref":"cmake/3","context":"build"}}}}"#,
        ] {
            let facts = read(&File { path: "app/conan.lock", bytes: text.as_bytes() }).unwrap();
            let [found] = facts.packages.as_slice() else { panic!("{facts:?}") };
            assert_eq!((found.name.as_str(), found.version.as_str()), ("zlib", "1.2.11"));
        }
        assert!(read(&File { path: "conan.lock", bytes: b"[" }).is_err());
    }

    #[test]
    fn the_cache_names_a_package_and_what_it_was_built_with() {
        let text = "[settings]\n    os=Linux\n\n[requires]\n    zlib/1.Y.Z\n\n[full_requires]\n    zlib/1.2.11:abc\n    \
                    b/2@u/c:d\n\n[options]\n    a/1:x\n";
        let said = |path: &str| {
            let facts = read(&File { path, bytes: text.as_bytes() }).unwrap();
            let named = |one: Found| format!("{} {} {:?}", one.name, one.version, one.confidence);
            facts.packages.into_iter().map(named).collect::<Vec<_>>()
        };
        let required = ["b 2 Declared", "zlib 1.2.11 Declared"];
        assert_eq!(said("build/conaninfo.txt"), required);
        assert_eq!(said("p/conaninfo.txt"), required);
        let own = said("root/.conan/data/libpng/1.6.37/_/_/package/0123/conaninfo.txt");
        assert_eq!(own, [required[0], "libpng 1.6.37 Recorded", required[1]]);
        assert_eq!(said("data/1.6.37/_/_/package/0123/conaninfo.txt"), required);
    }
}
