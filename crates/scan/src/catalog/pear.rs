//! PHP packages of PEAR and PECL: the registry of what is installed (PEAR manual, "The PEAR registry"), files that PHP's
//! `serialize` wrote. Packages of PEAR's own channel are on Packagist as `pear/NAME`, where their advisories are.

use serde_json::{Map, Value};

use super::documents::word;
use super::{Facts, File, Found, PackageKind};

/// Deepest nesting of a value.
const DEPTH: usize = 32;
const PEAR: &str = "pear.php.net";

pub(super) fn wants(path: &str) -> bool {
    path.strip_suffix(".reg").is_some_and(|rest| rest.contains("/.registry/"))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    if file.bytes.is_empty() {
        return Ok(Facts::default());
    }
    let (value, _) = value(file.bytes, DEPTH).ok_or("it is not what PHP's `serialize` writes")?;
    // Version 1 of package.xml has `package` and a text; version 2 has `name` and a list.
    let name = ["name", "package"].into_iter().map(|key| word(&value, key)).find(|name| !name.is_empty());
    let version = value.get("version").unwrap_or(&Value::Null);
    let version = version.as_str().unwrap_or_else(|| word(version, "release")).trim();
    let name = name.filter(|_| !version.is_empty()).ok_or("the package lacks its name or version")?;
    let channel = Some(word(&value, "channel")).filter(|channel| !channel.is_empty());
    let channel = channel.or_else(|| file.path.split('/').find_map(|part| part.strip_prefix(".channel.")));
    let found = match channel.unwrap_or(PEAR) {
        PEAR => Found::new(PackageKind::Composer, format!("pear/{}", name.to_lowercase()), version),
        channel => Found::new(PackageKind::Pear, format!("{channel}/{name}"), version),
    };
    let license = value.get("license").unwrap_or(&Value::Null);
    let license = license.as_str().unwrap_or_else(|| word(license, "_content"));
    let licenses = if license.is_empty() { vec![] } else { vec![license.to_owned()] };
    Ok(vec![Found { licenses, ..found }].into())
}

/// One value, and what follows it (PHP manual, `serialize`). Numbers and objects are none that is looked for here.
fn value(bytes: &[u8], depth: usize) -> Option<(Value, &[u8])> {
    let until = |bytes: &'_ [u8], end: u8| bytes.iter().position(|byte| *byte == end);
    match bytes {
        [b'N', b';', rest @ ..] => Some((Value::Null, rest)),
        [b'b' | b'i' | b'd', b':', rest @ ..] => {
            let end = until(rest, b';')?;
            let number = String::from_utf8_lossy(rest.get(..end)?).into_owned();
            Some((Value::String(number), rest.get(end + 1..)?))
        }
        [b's', b':', rest @ ..] => {
            let (length, rest) = length(rest)?;
            let text = rest.strip_prefix(b"\"")?.get(..length)?;
            let rest = rest.get(length + 2..).filter(|_| rest.get(length + 1) == Some(&b'"'))?;
            Some((Value::String(String::from_utf8_lossy(text).into_owned()), rest.strip_prefix(b";")?))
        }
        [b'a', b':', rest @ ..] => {
            let (count, rest) = length(rest)?;
            let (mut map, mut rest) = (Map::new(), rest.strip_prefix(b"{")?);
            for _ in 0..count {
                let depth = depth.checked_sub(1)?;
                let (key, after) = value(rest, depth)?;
                let (member, after) = value(after, depth)?;
                map.insert(key.as_str().unwrap_or_default().to_owned(), member);
                rest = after;
            }
            Some((Value::Object(map), rest.strip_prefix(b"}")?))
        }
        _ => None,
    }
}

/// `12:`
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b':')?;
    let number = std::str::from_utf8(bytes.get(..end)?).ok()?.parse().ok()?;
    Some((number, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Result<String, String> {
        let facts = read(&File { path, bytes: text.as_bytes() })?;
        let named = facts
            .packages
            .iter()
            .map(|one| format!("{:?} {} {} {:?}", one.kind, one.name, one.version, one.licenses));
        Ok(named.collect::<Vec<_>>().concat())
    }

    #[test]
    fn both_forms_name_a_package() {
        let second = r#"a:5:{s:4:"name";s:11:"Archive_Tar";s:7:"channel";s:12:"pear.php.net";s:5:"attrs";a:1:{i:0;b:1;}s:7:"version";a:2:{s:7:"release";s:6:"1.4.14";s:3:"api";s:5:"1.4.0";}s:7:"license";a:1:{s:8:"_content";s:3:"BSD";}}"#;
        let expected = "Composer pear/archive_tar 1.4.14 [\"BSD\"]";
        assert_eq!(said("usr/share/php/.registry/archive_tar.reg", second).unwrap(), expected);
        let first = r#"a:3:{s:7:"package";s:5:"redis";s:7:"version";s:5:"5.3.7";s:7:"license";s:3:"PHP";}"#;
        let pecl = "usr/local/lib/php/.registry/.channel.pecl.php.net/redis.reg";
        assert_eq!(said(pecl, first).unwrap(), "Pear pecl.php.net/redis 5.3.7 [\"PHP\"]");
        assert_eq!(said(pecl, "").unwrap(), "");
        assert!(wants(pecl) && !wants("usr/share/php/redis.reg"));
    }

    #[test]
    fn what_is_broken_is_told() {
        let deep = "a:1:{i:0;".repeat(100_000);
        for bad in
            ["x", "a:1:{", "a:9999999999:{}", "s:99:\"x\";", "s:1:\"xy\";", "N", "a:0:{}", deep.as_str()]
        {
            assert!(said("x/.registry/a.reg", bad).is_err());
        }
    }
}
