//! Node packages: `package.json` (npm, package.json(5)).

use serde_json::Value;

use super::{Facts, File, Found, PackageKind, documents};
use crate::paths;

pub(super) fn wants(path: &str) -> bool {
    paths::split(path).1 == "package.json"
}

/// Folders of a package whose descriptions are no packages: material of its tests and documents.
const MATERIAL: [&str; 9] =
    ["test", "tests", "__tests__", "fixture", "fixtures", "example", "examples", "doc", "docs"];

/// Such folders outside of packages.
const TEMPLATES: [&str; 7] = ["testdata", "template", "templates", "skeleton", "sample", "samples", "demo"];

const NODE_MODULES: &str = "node_modules/";

/// Where npm and its like install, and Debian (Debian policy of the JavaScript team).
const ROOTS: [&str; 3] = [NODE_MODULES, "usr/share/nodejs/", "usr/lib/nodejs/"];

/// Whether `path` describes an installed package: below `node_modules`, and no material of another package.
pub(super) fn is_package(path: &str) -> bool {
    let Some((_, mut inner)) = inside(path) else { return false };
    !inner.any(|part| MATERIAL.contains(&part))
}

/// Whether the package that `path` describes is installed although it is below no `node_modules`: its folder is named after it
/// and its version, as unpacked releases and caches are (`yarn-v1.22.22`, `lodash@4.17.4@@@1`, `yarn/1.22.22`), or it has
/// programs to run.
pub(super) fn stands_alone(path: &str, found: &Found, programs: bool) -> bool {
    let (folder, _) = paths::split(path);
    let material = |part: &str| MATERIAL.contains(&part) || TEMPLATES.contains(&part);
    if inside(path).is_some() || folder.split('/').any(material) {
        return false;
    }
    let (above, own) = paths::split(folder);
    let name = paths::split(&found.name).1;
    let after = own.strip_prefix(name).map(|rest| rest.trim_start_matches(['-', '@', 'v']));
    let released = after.and_then(|rest| rest.strip_prefix(found.version.as_str()));
    let named = released.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'));
    let nameless = name.is_empty() || found.version.is_empty();
    !nameless && (named || own == found.version && paths::split(above).1 == name || programs)
}

/// Whether `path` is that of the description of a whole package, and not of a part of one.
pub(super) fn is_root(path: &str) -> bool {
    inside(path).is_some_and(|(_, parts)| parts.count() == 1)
}

/// Whether `path` is that of the description of an installed package, which says its version.
pub(super) fn must_have_version(path: &str) -> bool {
    path.contains(NODE_MODULES) && own_name(path).is_some()
}

/// The name of the installed package that `path` belongs to, by its folder, and the parts of `path` after it; nothing when it
/// belongs to none.
fn inside(path: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let below = |root: &str| {
        let at = path.rfind(root)?;
        let whole = at == 0 || path.as_bytes().get(at - 1) == Some(&b'/');
        path.get(at + root.len()..).filter(|_| whole)
    };
    let rest = ROOTS.into_iter().find_map(below)?;
    let name_parts = if rest.starts_with('@') { 2 } else { 1 };
    let (end, _) = rest.match_indices('/').nth(name_parts - 1)?;
    Some((rest.get(..end)?, rest.get(end + 1..)?.split('/')))
}

/// The name of the package whose own description `path` is, by its folder (npm, "package names"): what lies deeper is a
/// template or a part, and Node reads it no more than what it was told to.
fn own_name(path: &str) -> Option<&str> {
    let (name, inner) = inside(path)?;
    let part = |part: &str| {
        !part.starts_with(['.', '_'])
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    let sound = name.strip_prefix('@').unwrap_or(name).split('/').all(|one| !one.is_empty() && part(one));
    (sound && inner.count() == 1).then_some(name)
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.bytes.is_empty() {
        return Ok(Facts::default());
    }
    let keys = ["name", "version", "license", "licenses", "_id", "bin", "private"];
    let value = documents::some_members(file.bytes, &keys)?;
    // `_id` is what npm up to 6 wrote when it installed: `name@1.0.0`.
    let known = documents::word(&value, "_id").rsplit_once('@').unwrap_or_default().1;
    let version = [documents::word(&value, "version"), known].into_iter().find(|version| !version.is_empty());
    let Some(version) = version else {
        return Ok(Facts { versionless: true, ..Facts::default() });
    };
    let name = documents::word(&value, "name");
    let found = Found { licenses: licenses(&value), ..Found::new(PackageKind::Npm, name, version) };
    let private = value.get("private").and_then(Value::as_bool) == Some(true);
    let programs = !private && value.get("bin").is_some_and(|bin| bin.is_string() || bin.is_object());
    Ok(Facts { programs, ..vec![found].into() })
}

/// A package whose description does not name it: Node loads it by its folder.
pub(super) fn named_by_folder(path: &str, found: &Found) -> Option<Found> {
    Some(Found { name: own_name(path)?.to_owned(), ..found.clone() })
}

/// `license` as an expression or, in old packages, an object; `licenses` as a list of either.
pub(super) fn licenses(value: &Value) -> Vec<String> {
    let one = |value: &Value| {
        let name = value.as_str().or_else(|| value.get("type").and_then(Value::as_str))?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    };
    match (value.get("license"), value.get("licenses")) {
        (Some(license), _) => one(license).into_iter().collect(),
        (None, Some(Value::Array(list))) => list.iter().filter_map(one).collect(),
        (None, Some(other)) => one(other).into_iter().collect(),
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_and_passes_over_parts_of_them() {
        let said = |text: &str| read(&File { path: "node_modules/a/package.json", bytes: text.as_bytes() });
        let facts = said(r#"{"name":"@a/b","version":"1.0.0","license":{"type":"MIT"}}"#).unwrap();
        assert_eq!((facts.packages[0].name.as_str(), facts.packages[0].licenses.len()), ("@a/b", 1));
        assert!(said("").unwrap().packages.is_empty());
    }

    #[test]
    fn what_node_loads_by_its_folder_does_not_hide() {
        let said = |path: &str, text: &str| read(&File { path, bytes: text.as_bytes() }).unwrap();
        let own = "x/node_modules/lodash/package.json";
        let named = |path: &str| {
            let facts = said(path, r#"{"version":"4.17.4"}"#);
            let named = named_by_folder(path, &facts.packages[0]);
            named.map(|one| format!("{} {}", one.name, one.version)).unwrap_or_default()
        };
        assert_eq!(named(own), "lodash 4.17.4");
        assert_eq!(named("node_modules/@a/b/package.json"), "@a/b 4.17.4");
        for none in ["node_modules/a/dist/package.json", "node_modules/@a/package.json", "a/package.json"] {
            assert_eq!(named(none), "", "{none}");
        }
        assert_eq!(said(own, r#"{"_id":"lodash@4.17.4"}"#).packages[0].version, "4.17.4");
        for bad in ["{}", r#"{"name":"lodash","main":"x"}"#, r#"{"name":"lodash","version":""}"#] {
            let facts = said(own, bad);
            assert!(facts.packages.is_empty() && facts.versionless && must_have_version(own), "{bad}");
        }
        for part in [
            "node_modules/lodash/dist/package.json",
            "node_modules/.vite/package.json",
            "usr/share/nodejs/a/package.json",
            "app/package.json",
        ] {
            let facts = said(part, r#"{"type":"module"}"#);
            assert!(
                facts.packages.is_empty() && facts.unread.is_empty() && !must_have_version(part),
                "{part}"
            );
        }
    }

    #[test]
    fn packages_stand_alone_under_their_own_name_or_with_programs() {
        let found = |name: &str, version: &str| Found::new(PackageKind::Npm, name, version);
        for (path, name, version) in [
            ("opt/yarn-v1.22.22/package.json", "yarn", "1.22.22"),
            ("root/.bun/install/cache/lodash@4.17.4@@@1/package.json", "lodash", "4.17.4"),
            ("root/.bun/install/cache/@a/b@1.0.0@@@1/package.json", "@a/b", "1.0.0"),
            ("root/.cache/node/corepack/v1/pnpm/9.1.0/package.json", "pnpm", "9.1.0"),
        ] {
            assert!(stands_alone(path, &found(name, version), false), "{path}");
            assert!(!stands_alone(path, &found(name, "1.22"), false), "{path}");
            assert!(!stands_alone(&format!("srv/fixtures/{path}"), &found(name, version), true), "{path}");
        }
        let app = found("old-shop", "1.0.0");
        assert!(
            !stands_alone("app/package.json", &app, false) && stands_alone("app/package.json", &app, true)
        );
        assert!(!stands_alone("opt/templates/app/package.json", &app, true));
        assert!(!stands_alone("node_modules/a/test/package.json", &app, true));
        assert!(!stands_alone("opt/old-shop-1.0.01/package.json", &app, false));
        let programs =
            |text: &str| read(&File { path: "x/package.json", bytes: text.as_bytes() }).unwrap().programs;
        assert!(programs(r#"{"name":"a","version":"1","bin":{"a":"a.js"}}"#));
        assert!(!programs(r#"{"name":"a","version":"1","bin":"a.js","private":true}"#));
        assert!(!programs(r#"{"name":"a","version":"1","bin":null}"#));
    }

    #[test]
    fn knows_an_installed_package_by_its_place() {
        for good in [
            "node_modules/a/package.json",
            "x/node_modules/@s/a/package.json",
            "node_modules/a/node_modules/b/package.json",
            "node_modules/a/lib/package.json",
            "usr/share/nodejs/@types/node/package.json",
        ] {
            assert!(is_package(good), "{good}");
        }
        for bad in [
            "package.json",
            "node_modules/a/test/package.json",
            "node_modules/a/lib/fixtures/x/package.json",
            "my_node_modules/a/package.json",
            "node_modules/@s/package.json",
        ] {
            assert!(!is_package(bad), "{bad}");
        }
    }
}
