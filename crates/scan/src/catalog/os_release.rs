//! The distribution (os-release(5)).
//!
//! The file is one of assignments that a shell may read. What is written otherwise, or twice with two values, is told: the
//! image's own tools would then see another distribution than we do.

use super::{Facts, File};

/// Longest value that is read, in characters.
const VALUE: usize = 128;

pub(super) fn wants(path: &str) -> bool {
    matches!(path, "etc/os-release" | "usr/lib/os-release")
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let distribution = match distribution(&file.text()) {
        Ok(distribution) => distribution,
        // Kept with the file: a later layer may replace it.
        Err(why) => Some([String::new(), why, String::new()]),
    };
    Ok(Facts { distribution, ..Facts::default() })
}

fn distribution(text: &str) -> Result<Option<[String; 3]>, String> {
    if text.lines().any(goes_on) {
        return Err("a value goes on after the end of its line".to_owned());
    }
    let value = |key: &'static str| assigned(text, key);
    let (id, version) = (value("ID")?, value("VERSION_ID")?);
    for (key, value) in [("ID", &id), ("VERSION_ID", &version)] {
        if !value.chars().all(|one| one.is_ascii_alphanumeric() || "._-+~".contains(one)) {
            return Err(format!("its `{key}` has characters that none has"));
        }
    }
    if id.is_empty() {
        return Ok(None);
    }
    let codename = codename(&id, &version, text)?;
    Ok(Some([id, version, codename]))
}

/// The name of the release, where it says more than its number.
fn codename(id: &str, version: &str, text: &str) -> Result<String, String> {
    let named = |key: &'static str| assigned(text, key);
    match id {
        // Debian's testing and unstable have one file: `PRETTY_NAME="Debian GNU/Linux forky/sid"`.
        "debian" if version.is_empty() && named("PRETTY_NAME")?.ends_with("/sid") => Ok("sid".to_owned()),
        // `VERSION="22.03 (LTS-SP3)"`
        "openEuler" => {
            let version = named("VERSION")?;
            let pack = version.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            Ok(pack.map_or(named("VERSION_CODENAME")?, str::to_owned))
        }
        _ => named("VERSION_CODENAME"),
    }
}

/// The value assigned to `key`; empty where it is not.
fn assigned(text: &str, key: &'static str) -> Result<String, String> {
    let mut found: Option<String> = None;
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        let Some((name, rest)) = line.split_once('=') else { continue };
        let name = name.trim_start_matches([' ', '\t']);
        if name != key {
            let meant = name.trim_end() == key || name.split_whitespace().last() == Some(key);
            if meant && !name.starts_with('#') {
                return Err(format!("`{key}` is not assigned as os-release(5) says"));
            }
            continue;
        }
        let value = unquoted(rest)
            .ok_or_else(|| format!("the value of `{key}` is not quoted as os-release(5) says"))?;
        if value.chars().count() > VALUE {
            return Err(format!("the value of `{key}` has more than {VALUE} characters"));
        }
        if found.as_ref().is_some_and(|before| *before != value) {
            return Err(format!("`{key}` is assigned twice"));
        }
        found = Some(value);
    }
    Ok(found.unwrap_or_default())
}

/// Whether a value is open at the end of its line: what follows is not what it looks like then.
fn goes_on(line: &str) -> bool {
    let line = line.trim_end_matches('\r').trim_start_matches([' ', '\t']);
    let (mut quote, mut characters) = (None, line.chars());
    if line.starts_with('#') {
        return false;
    }
    while let Some(one) = characters.next() {
        match (quote, one) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"') | None, '\\') if characters.next().is_none() => return true,
            (None, '\'' | '"') => quote = Some(one),
            (None, ' ' | '\t') if characters.as_str().trim_start_matches([' ', '\t']).starts_with('#') => {
                break;
            }
            _ => {}
        }
    }
    quote.is_some()
}

/// A value as a shell reads it; nothing where it would do more than read it.
fn unquoted(text: &str) -> Option<String> {
    let (mut value, mut characters) = (String::new(), text.chars());
    while let Some(one) = characters.next() {
        match one {
            '\'' => loop {
                match characters.next()? {
                    '\'' => break,
                    other => value.push(other),
                }
            },
            '"' => loop {
                match characters.next()? {
                    '"' => break,
                    // Before other characters it stands for itself (POSIX, "Double-Quotes").
                    '\\' => match characters.next()? {
                        escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                        other => value.extend(['\\', other]),
                    },
                    '$' | '`' => return None,
                    other => value.push(other),
                }
            },
            '\\' => value.push(characters.next()?),
            ' ' | '\t' => {
                // Only a comment may follow.
                let rest = characters.as_str().trim_start_matches([' ', '\t']);
                return (rest.is_empty() || rest.starts_with('#')).then_some(value);
            }
            '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '*' | '?' | '[' => return None,
            other => value.push(other),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<[String; 3]> {
        read(&File { path: "etc/os-release", bytes: text.as_bytes() }).unwrap().distribution
    }

    #[test]
    fn reads_quoted_and_bare_values() {
        for text in [
            "NAME=x\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\n",
            "ID=\"debian\" # c\nVERSION_ID=12\t\nVERSION_CODENAME=bookworm\n#ID=alpine\n",
            "  ID=deb'i'an\r\nVERSION_ID=1\"2\"\nVERSION_CODENAME=book\\worm\nVERSION_ID=12\n",
        ] {
            assert_eq!(said(text), Some(["debian", "12", "bookworm"].map(str::to_owned)), "{text}");
        }
        assert_eq!(said(""), None);
        assert_eq!(said("NAME=x\n"), None);
    }

    #[test]
    fn releases_without_a_number_are_known_by_name() {
        let of = |text: &str| said(text).unwrap()[2].clone();
        assert_eq!(
            of("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nVERSION_CODENAME=forky\n"),
            "sid"
        );
        assert_eq!(of("ID=debian\nVERSION_ID=13\nPRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\n"), "");
        assert_eq!(of("ID=\"openEuler\"\nVERSION_ID=\"22.03\"\nVERSION=\"22.03 (LTS-SP3)\"\n"), "LTS-SP3");
    }

    #[test]
    fn what_others_read_otherwise_is_told() {
        for text in [
            "ID=debian\nID=alpine\n",
            "ID=debian\nVERSION_ID=9\nVERSION_ID=13\n",
            "ID =debian\n",
            "export ID=debian\n",
            "ID=debian; ID=alpine\n",
            "ID=$(cat /x)\n",
            "ID=\"debian\n",
            "ID=debian VERSION_ID=9\n",
            "ID=debian\nVERSION_ID=`x`\n",
            "ID=\"deb ian\"\n",
            "ID=\"deb\\ian\"\n",
            "ID=debian:9\n",
            "ID=debian\nNAME=\"x\nVERSION_ID=9\n\"\n",
            "ID=debian\nNAME=x\\\nVERSION_ID=9\n",
        ] {
            let [id, why, _] = said(text).unwrap_or_else(|| panic!("{text}"));
            assert!(id.is_empty() && !why.is_empty(), "{text}");
        }
    }
}
