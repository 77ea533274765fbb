//! WordPress: its own version, and those of plugins and themes, by the headers in their files (WordPress Developer Resources,
//! "Header Requirements", "Main Stylesheet").

use lockgate_model::inventory::Confidence;

use super::{Facts, File, Found, PackageKind};

/// Bytes at the beginning of a file in which WordPress looks for its header (`get_file_data`).
const HEADER: usize = 8192;

/// What a file of WordPress may be.
enum Part<'a> {
    Core,
    /// A file that may be a plugin's main one, with the plugin's name by its place.
    Plugin(&'a str),
    Theme(&'a str),
}

fn part(path: &str) -> Option<Part<'_>> {
    if path == "wp-includes/version.php" || path.ends_with("/wp-includes/version.php") {
        return Some(Part::Core);
    }
    let below = |folder: &str| {
        let at = path.rfind(folder).filter(|at| *at == 0 || path.as_bytes().get(at - 1) == Some(&b'/'))?;
        path.get(at + folder.len()..)
    };
    if let Some(rest) = below("wp-content/plugins/") {
        return match rest.split_once('/') {
            Some((plugin, file)) => php(file).map(|_| Part::Plugin(plugin)),
            None => php(rest).map(Part::Plugin),
        };
    }
    below("wp-content/themes/")?
        .strip_suffix("/style.css")
        .filter(|theme| !theme.contains('/'))
        .map(Part::Theme)
}

/// The name of a file of PHP, without its end.
fn php(file: &str) -> Option<&str> {
    file.strip_suffix(".php").filter(|stem| !stem.contains('/'))
}

pub(super) fn wants(path: &str) -> bool {
    path.contains("wp-") && part(path).is_some()
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let start = file.bytes.get(..HEADER).unwrap_or(file.bytes);
    let text = String::from_utf8_lossy(start);
    let (title, name) = match part(file.path) {
        None => return Ok(Facts::default()),
        Some(Part::Core) => {
            let version = core(&text).ok_or("it does not say `$wp_version` as WordPress writes it")?;
            let core = Found::new(PackageKind::Program, "wordpress", version);
            return Ok(vec![Found { confidence: Confidence::Derived, ..core }].into());
        }
        Some(Part::Plugin(plugin)) => ("Plugin Name", format!("plugins/{plugin}")),
        Some(Part::Theme(theme)) => ("Theme Name", format!("themes/{theme}")),
    };
    if header(&text, title).is_none() {
        return Ok(Facts::default());
    }
    let version = header(&text, "Version").ok_or("its header does not say its version")?;
    Ok(vec![Found::new(PackageKind::WordPress, name, version)].into())
}

/// The value of `KEY:` in a comment.
fn header<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let values = text.lines().filter_map(|line| {
        let line = line
            .trim_start()
            .strip_prefix("<?php")
            .unwrap_or(line)
            .trim_start_matches([' ', '\t', '/', '*', '#', '@']);
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(key)
            .then(|| value.trim().trim_end_matches("*/").trim_end_matches("?>").trim())
    });
    values.into_iter().find(|value| !value.is_empty())
}

/// `$wp_version = '6.4.1';`
fn core(text: &str) -> Option<&str> {
    let value = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("$wp_version")?.trim_start().strip_prefix('='))?;
    value
        .split(['\'', '"'])
        .nth(1)
        .filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Result<Vec<String>, String> {
        let facts = read(&File { path, bytes: text.as_bytes() })?;
        Ok(facts.packages.iter().map(|one| format!("{} {}", one.name, one.version)).collect())
    }

    #[test]
    fn headers_name_plugins_and_themes() {
        let plugin = "<?php\n/**\n * Plugin Name: Contact Form 7\n * Version: 5.3.1\n */\n";
        let expected = Ok(vec!["plugins/contact-form-7 5.3.1".to_owned()]);
        assert_eq!(said("var/www/wp-content/plugins/contact-form-7/wp-contact-form-7.php", plugin), expected);
        assert_eq!(said("wp-content/plugins/contact-form-7.php", plugin), expected);
        let theme = "/*\nTheme Name: Twenty\nVersion: 1.2\n*/";
        assert_eq!(
            said("srv/wp-content/themes/twenty/style.css", theme),
            Ok(vec!["themes/twenty 1.2".to_owned()])
        );
        assert_eq!(said("wp-content/plugins/index.php", "<?php // Silence is golden.\n"), Ok(vec![]));
        assert!(said("wp-content/plugins/a/a.php", "<?php /* Plugin Name: A */\n").is_err());
        for other in
            ["wp-content/plugins/a/b/c.php", "wp-content/themes/a/b/style.css", "my-wp-content/plugins/a.php"]
        {
            assert!(!wants(other), "{other}");
        }
    }

    #[test]
    fn the_core_says_its_version() {
        let text = "<?php\n/** @global string $wp_version */\n$wp_version = '6.4.1';\n";
        assert_eq!(said("srv/wp-includes/version.php", text), Ok(vec!["wordpress 6.4.1".to_owned()]));
        assert!(said("srv/wp-includes/version.php", "<?php $wp_version = VERSION;").is_err());
    }
}
