//! Conan packages: the lock file, in the form of Conan 2 and in that of Conan 1 (Conan documentation, "Lockfiles"). What builds
//! needed is left out.

use serde_json::Value;

use super::documents::{self, list, members, word};
use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    crate::paths::split(path).1 == "conan.lock"
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
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
}
