//! Lua rocks: the rockspec of each that is installed (LuaRocks, "Rockspec format" and "File locations"): in
//! `rocks-5.1/NAME/VERSION/NAME-VERSION.rockspec`.

use super::{Facts, File, Found, PackageKind};
use crate::paths;

pub(super) fn wants(path: &str) -> bool {
    installed(path).is_some()
}

/// Name and version of the rock, by its folders.
fn installed(path: &str) -> Option<(&str, &str)> {
    let (folder, file) = paths::split(path);
    let (above, version) = paths::split(folder);
    let (rocks, name) = paths::split(above);
    let rocks = paths::split(rocks).1;
    let own = file.strip_suffix(".rockspec")?.strip_prefix(name)?.strip_prefix('-')? == version;
    (own && (rocks == "rocks" || rocks.starts_with("rocks-"))).then_some((name, version))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let Some((name, version)) = installed(file.path) else { return Ok(Facts::default()) };
    let text = file.text();
    // The file is Lua, which is not run: what LuaRocks loads it by are its folders.
    let license = text.lines().find_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        (key.trim() == "license").then(|| value.trim().trim_matches([',', '"', '\'']).to_owned())
    });
    let licenses = license.into_iter().filter(|license| !license.is_empty()).collect();
    Ok(vec![Found { licenses, ..Found::new(PackageKind::Lua, name, version) }].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rock_is_known_by_its_folders() {
        let path = "usr/local/lib/luarocks/rocks-5.1/lua-cjson/2.1.0-1/lua-cjson-2.1.0-1.rockspec";
        let text = "package = \"lua-cjson\"\ndescription = {\n   license = \"MIT\",\n}\n";
        let facts = read(&File { path, bytes: text.as_bytes() }).unwrap();
        let found = &facts.packages[0];
        assert_eq!((found.name.as_str(), found.version.as_str()), ("lua-cjson", "2.1.0-1"));
        assert_eq!(found.licenses, ["MIT"]);
        for source in
            ["src/lua-cjson-2.1.0-1.rockspec", "x/rocks/a/1-1/b-1-1.rockspec", "x/rocky/a/1-1/a-1-1.rockspec"]
        {
            assert!(!wants(source), "{source}");
        }
    }
}
