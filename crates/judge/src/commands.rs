//! The commands that bring a package to a version. A Decision has them as texts, with the names as they are; people copy
//! what is made of them here, where each name is quoted for a POSIX shell (IEEE 1003.1, Shell Command Language, 2.2).

use std::borrow::Cow;

/// Of ecosystems, without their releases, the command: a name and a version are put in their places.
const COMMANDS: [(&[&str], &str); 10] = [
    (&["Alpine"], "apk add --upgrade {name}"),
    (&["Debian", "Ubuntu"], "apt-get install --only-upgrade {name}"),
    (&["PyPI"], "pip install '{name}>={to}'"),
    (&["npm"], "npm install {name}@{to}"),
    (&["Go"], "go get {name}@v{to}"),
    (&["crates.io"], "cargo update -p {name} --precise {to}"),
    (&["RubyGems"], "bundle update {name}"),
    (&["Packagist"], "composer require '{name}:^{to}'"),
    (&["NuGet"], "dotnet add package {name} --version {to}"),
    (
        &["AlmaLinux", "Rocky Linux", "Red Hat", "Fedora", "Amazon Linux", "Oracle Linux"],
        "dnf upgrade {name}",
    ),
];

/// The command that brings a package of an ecosystem to a version, as Decisions have it.
pub(crate) fn command(family: &str, name: &str, to: &str) -> Option<String> {
    if family == "Go" && name == "stdlib" {
        return Some(format!("build with Go {to}"));
    }
    let (_, command) = COMMANDS.iter().find(|(families, _)| families.contains(&family))?;
    Some(filled(command, name, to))
}

/// A text in which the commands about a package and a version may be copied: names that a shell would read otherwise are
/// quoted. What a program would take for an option is no command.
pub(crate) fn copyable<'a>(text: &'a str, name: &str, to: &str) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for (_, command) in COMMANDS {
        let raw = filled(command, name, to);
        let safe = if name.starts_with('-') {
            "no command can be given for a package of this name".to_owned()
        } else {
            let words = command
                .split(' ')
                .map(|word| quoted(&filled(&word.replace('\'', ""), name, to)).into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        if safe != raw && text.contains(&raw) {
            text = Cow::Owned(text.replace(&raw, &safe));
        }
    }
    text
}

/// The text with a name and a version in their places; what they hold themselves stays.
fn filled(text: &str, name: &str, to: &str) -> String {
    text.split("{name}").map(|part| part.replace("{to}", to)).collect::<Vec<_>>().join(name)
}

/// A word as a POSIX shell reads it back: quoted where it has more than letters, digits and what no shell minds.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |one: char| one.is_ascii_alphanumeric() || "_@%+=:,./-~".contains(one);
    // At its beginning a tilde is a home folder.
    if !word.is_empty() && word.chars().all(plain) && !word.starts_with('~') {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_names_are_told_as_they_are() {
        for (families, _) in COMMANDS {
            for (name, to) in [("aiohttp", "3.14.1"), ("@s/b", "1.0.0-rc.1+build"), ("g++", "2:1.0~rc1-1")] {
                let told = command(families[0], name, to).unwrap();
                assert_eq!(copyable(&told, name, to), told);
            }
        }
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let names = [
            "x; touch /tmp/y",
            "$(id)",
            "`id`",
            "a b",
            "it's",
            "~root",
            "",
            "a\nb",
            "x'$(id)'y",
            "*",
            "{name}",
            "é",
        ];
        for name in names {
            let script = format!("printf '%s' {}", quoted(name));
            #[expect(clippy::disallowed_methods, reason = "a real shell says what it reads")]
            let read = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), name, "{script}");
        }
    }

    #[test]
    fn names_of_others_stay_one_word_of_a_command() {
        for (family, name, to, told) in [
            ("npm", "x; id", "1", "npm install 'x; id@1'"),
            ("npm", "x", "$(id)", "npm install 'x@$(id)'"),
            ("PyPI", "x'; id; '", "1", r"pip install 'x'\''; id; '\''>=1'"),
            ("Alpine", "{to}", "$(id)", "apk add --upgrade '{to}'"),
            ("crates.io", "a", "1 || id", "cargo update -p a --precise '1 || id'"),
            ("Debian", "-o=x", "1", "no command can be given for a package of this name"),
        ] {
            let raw = format!("upgrade it: {}; or rebuild", command(family, name, to).unwrap());
            assert_eq!(copyable(&raw, name, to), format!("upgrade it: {told}; or rebuild"));
        }
    }
}
