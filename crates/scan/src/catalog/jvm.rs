//! Java runtimes: the file `release` in each one's home (JEP 223 and JEP 320: `JAVA_VERSION`).

use lockgate_model::inventory::Confidence;

use super::{Facts, File, Found, PackageKind};

pub(super) fn wants(path: &str) -> bool {
    let (folder, name) = crate::paths::split(path);
    name == "release" && !folder.is_empty() && folder != "etc"
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let text = file.text();
    let written = text.lines().find_map(|line| line.trim().strip_prefix("JAVA_VERSION="));
    let Some(written) = written else { return Ok(Facts::default()) };
    let written = written.trim().trim_matches('"');
    let version = version(written).ok_or_else(|| {
        format!("its JAVA_VERSION is not one: `{}`", written.chars().take(40).collect::<String>())
    })?;
    let found =
        Found { confidence: Confidence::Derived, ..Found::new(PackageKind::Program, "java", version) };
    Ok(vec![found].into())
}

/// `17.0.7`, and `8.0.372` of `1.8.0_372`: as advisories count since Java 9 and as they call what was before.
fn version(written: &str) -> Option<String> {
    let written = written.split(['-', '+']).next()?;
    let old = written.strip_prefix("1.").filter(|rest| rest.contains('_'));
    let version = match old.map(|rest| rest.replace('_', ".")) {
        Some(old) => match old.split('.').collect::<Vec<_>>().as_slice() {
            [major, minor, update] => format!("{major}.{minor}.{update}"),
            _ => return None,
        },
        None => written.to_owned(),
    };
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').all(number).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_says_its_version() {
        let said = |text: &str| read(&File { path: "opt/java/release", bytes: text.as_bytes() });
        for (written, expected) in [
            ("17.0.7", "17.0.7"),
            ("21", "21"),
            ("11.0.22.0.1", "11.0.22.0.1"),
            ("1.8.0_372", "8.0.372"),
            ("1.7.0_09-icedtea", "7.0.09"),
            ("22-ea", "22"),
        ] {
            let facts = said(&format!("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"{written}\"\n")).unwrap();
            assert_eq!(facts.packages[0].version, expected, "{written}");
        }
        assert_eq!(said("Debian 12\n"), Ok(Facts::default()));
        assert!(said("JAVA_VERSION=\"new\"\n").is_err());
        assert!(wants("usr/lib/jvm/x/release") && !wants("etc/release") && !wants("x/os-release"));
    }
}
