//! Which subjects of an issuer an identity stands for: one exactly, or a pattern that covers the whole of it.

use std::fmt;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::Look;
use serde::{Deserialize, Serialize};

use crate::limits;

/// Deepest nesting of a regular expression.
const NESTING: u32 = 20;

/// A subject, or a pattern for subjects. Patterns always cover the whole subject: one that matched a part would let
/// `evil-example.com` in for `example.com` (GHSA-46mp-8w32-6g94).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// This one.
    Exact(String),
    /// `*` stands for any characters but `/`, `**` for any characters.
    Glob(String),
    /// A regular expression that begins with `^` and ends with `$`.
    Regex(String),
}

/// Why a subject is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Nothing, too much, or unprintable.
    #[error("a subject has 1 to {limit} printable characters", limit = limits::NAME_CHARS)]
    Text,
    /// It would cover everyone.
    #[error("`{0}` covers everyone whom the issuer knows: name at least the organisation")]
    Everyone(String),
    /// It has no star.
    #[error("`{0}` has no `*`: give it as an exact subject")]
    NoStar(String),
    /// The expression is malformed.
    #[error("`{pattern}` is no regular expression: {why}")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// Why, in one line.
        why: String,
    },
    /// It could match a part.
    #[error("`{0}` must begin with `^` and end with `$`, in every alternative: write ^(?:one|other)$")]
    NotAnchored(String),
}

impl Subject {
    /// Whether it is well made.
    pub fn check(&self) -> Result<(), SubjectError> {
        let text = self.as_str();
        if text.is_empty() || text.chars().count() > limits::NAME_CHARS || text.chars().any(char::is_control)
        {
            return Err(SubjectError::Text);
        }
        match self {
            Self::Exact(_) => Ok(()),
            Self::Glob(glob) if !glob.contains('*') => Err(SubjectError::NoStar(glob.clone())),
            Self::Glob(glob) => {
                // What stands before the first star must say whose it is.
                let head = glob.split('*').next().unwrap_or_default();
                let scheme = head.split_once("://").map_or(head, |(_, rest)| rest);
                let tail = glob.rsplit('*').next().unwrap_or_default();
                if scheme.trim_matches('/').is_empty() && !tail.contains('@') {
                    return Err(SubjectError::Everyone(glob.clone()));
                }
                Ok(())
            }
            Self::Regex(pattern) => check_regex(pattern),
        }
    }

    /// Which of the three it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Glob(_) => "glob",
            Self::Regex(_) => "regex",
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Glob(text) | Self::Regex(text) => text,
        }
    }
}

fn check_regex(pattern: &str) -> Result<(), SubjectError> {
    let parsed = ParserBuilder::new().nest_limit(NESTING).build().parse(pattern).map_err(|error| {
        let text = error.to_string();
        let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        SubjectError::Malformed { pattern: pattern.to_owned(), why }
    })?;
    // Not the text but the parsed expression: `^a|b$` begins and ends right, and is not anchored.
    let (properties, prefix) = (parsed.properties(), parsed.properties().look_set_prefix());
    if !prefix.contains(Look::Start) || !properties.look_set_suffix().contains(Look::End) {
        return Err(SubjectError::NotAnchored(pattern.to_owned()));
    }
    let free = pattern.trim_start_matches('^').trim_end_matches('$');
    if matches!(free, ".*" | ".+" | "(.*)" | "(.+)" | "(?:.*)" | "(?:.+)" | "[^ ]*" | "\\S*" | "\\S+") {
        return Err(SubjectError::Everyone(pattern.to_owned()));
    }
    Ok(())
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Glob(text) => write!(f, "glob {text}"),
            Self::Regex(text) => write!(f, "regex {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_covers_the_whole_subject() {
        let good = [
            Subject::Exact("https://github.com/acme/web/.github/workflows/build.yml@refs/heads/main".into()),
            Subject::Glob("https://github.com/acme/*/.github/workflows/build.yml@refs/tags/**".into()),
            Subject::Glob("*@acme.example".into()),
            Subject::Regex("^https://github\\.com/acme/[a-z]+$".into()),
            Subject::Regex("^(?:ann|bob)@acme\\.example$".into()),
            Subject::Regex("^ann@acme\\.example$|^bob@acme\\.example$".into()),
        ];
        for subject in good {
            subject.check().unwrap();
        }
    }

    #[test]
    fn refuses_what_could_let_others_in() {
        let long = "a".repeat(limits::NAME_CHARS + 1);
        for text in ["", "a\nb", long.as_str()] {
            assert_eq!(Subject::Exact(text.into()).check(), Err(SubjectError::Text), "{text:.20}");
        }
        for glob in ["*", "**", "https://*", "https://**/x", "/*"] {
            assert!(matches!(Subject::Glob(glob.into()).check(), Err(SubjectError::Everyone(_))), "{glob}");
        }
        assert!(matches!(Subject::Glob("ann".into()).check(), Err(SubjectError::NoStar(_))));
        for pattern in ["ann", "^ann", "ann$", "^ann|bob$", "(?m)^ann$", "^ann\\$", "x*^ann$", "^(ann$)?"] {
            let refused = Subject::Regex(pattern.into()).check();
            assert!(matches!(refused, Err(SubjectError::NotAnchored(_))), "{pattern}: {refused:?}");
        }
        assert!(matches!(Subject::Regex("^.*$".into()).check(), Err(SubjectError::Everyone(_))));
        let deep = format!("^{}{}$", "(".repeat(30), ")".repeat(30));
        for pattern in ["^(ann$", "^[$", deep.as_str()] {
            let refused = Subject::Regex(pattern.into()).check();
            assert!(matches!(refused, Err(SubjectError::Malformed { .. })), "{pattern}: {refused:?}");
        }
    }
}
