//! Escapes control, format and invisible characters (general categories C* and Z* of Unicode but the space,
//! `Default_Ignorable_Code_Point`, UAX #44): names, versions, paths and reasons come from images, registries, evidence and
//! feeds, and none of them may colour a terminal, move its cursor, turn the direction of a line or begin one of its own.

use std::borrow::Cow;

/// Most combining marks on one letter: a stack of them is drawn over other lines.
const MARKS: usize = 2;

/// Ranges of characters that Unicode calls printable and that draw nothing: the `Default_Ignorable_Code_Point`s that are
/// letters or marks, and the empty Braille pattern.
const UNSEEN: [(char, char); 9] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// How a character is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    /// By itself.
    Alone,
    /// Over the character before it.
    OnAnother,
    /// Not at all, or it does something else than being drawn.
    Never,
}

fn drawn(one: char) -> Drawn {
    if one.is_ascii() {
        return if one == ' ' || one.is_ascii_graphic() { Drawn::Alone } else { Drawn::Never };
    }
    // What the standard library escapes behind another character is not printable; what it escapes only in front is a mark.
    let behind = format!("a{one}");
    if UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&one))
        || behind.escape_debug().nth(1) != Some(one)
    {
        Drawn::Never
    } else if one.escape_debug().next() != Some(one) {
        Drawn::OnAnother
    } else {
        Drawn::Alone
    }
}

/// The characters of `text`, each with whether it may be printed as it is.
pub(crate) fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    // What marks may stand on, and how many do.
    let mut base = None;
    text.chars().map(move |one| {
        let printed = match (drawn(one), base) {
            (Drawn::Alone, _) => {
                base = (one.is_alphanumeric()).then_some(0);
                true
            }
            (Drawn::OnAnother, Some(marks)) if marks < MARKS => {
                base = Some(marks + 1);
                true
            }
            _ => {
                base = None;
                false
            }
        };
        (one, printed)
    })
}

/// Whether `text` is printed as it is.
pub fn is_printable(text: &str) -> bool {
    let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.bytes().all(plain) || characters(text).all(|(_, printed)| printed)
}

/// The text, with everything that is not printed as it is written as Rust writes it: `\n`, `\u{1b}`.
///
/// What comes out is printable, and comes out again unchanged.
pub fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for (one, printed) in characters(text) {
        match one {
            _ if printed => escaped.push(one),
            '\n' | '\r' | '\t' => escaped.extend(one.escape_default()),
            _ => escaped.extend(one.escape_unicode()),
        }
    }
    Cow::Owned(escaped)
}

/// Text that people wrote as several lines, as one: each run of white space is a space. What else is not printable is
/// escaped.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    printable(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_something_else_than_being_drawn_is_escaped() {
        for (text, escaped) in [
            ("libssl3 3.0.11-1~deb12u2+b1", "libssl3 3.0.11-1~deb12u2+b1"),
            ("x\x1b[31mred\x07\n\rfake", "x\\u{1b}[31mred\\u{7}\\n\\rfake"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}", "a\\u{202e}b\\u{2066}c\\u{200f}d\\u{61c}"),
            (
                "a\u{200b}b\u{200d}c\u{feff}d\u{ad}e\u{2060}",
                "a\\u{200b}b\\u{200d}c\\u{feff}d\\u{ad}e\\u{2060}",
            ),
            ("\u{7f}\u{85}\u{9b}31m\u{2028}\u{2029}", "\\u{7f}\\u{85}\\u{9b}31m\\u{2028}\\u{2029}"),
            (
                "a\u{a0}b\u{3000}c\u{3164}d\u{2800}e\u{fe0f}",
                "a\\u{a0}b\\u{3000}c\\u{3164}d\\u{2800}e\\u{fe0f}",
            ),
            ("\u{e0041}\u{e000}\u{fff9}\u{378}", "\\u{e0041}\\u{e000}\\u{fff9}\\u{378}"),
            // Names and sentences of people.
            (
                "Grüße, 日本語, Привет, עברית, ไทยที่, हिन्दी, 🚀 – “x”…",
                "Grüße, 日本語, Привет, עברית, ไทยที่, हिन्दी, 🚀 – “x”…",
            ),
            ("e\u{301}", "e\u{301}"),
            ("\u{301}e-\u{301}", "\\u{301}e-\\u{301}"),
            ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}\\u{301}\\u{301}"),
        ] {
            assert_eq!(printable(text), escaped);
        }
        assert_eq!(one_line(" a\n\n  b\tc \u{1b}"), "a b c \\u{1b}");
    }

    proptest! {
        #[test]
        fn unseen_characters_are_escaped_wherever_they_stand(
            before in "[ -~é]{0,3}",
            unseen in "[\\p{Cc}\\p{Cf}\\p{Co}\\p{Zl}\\p{Zp}[\\p{Zs}--[ ]]\\p{Default_Ignorable_Code_Point}]",
            after in "[ -~é]{0,3}",
        ) {
            let printed = printable(&format!("{before}{unseen}{after}")).into_owned();
            prop_assert!(!printed.contains(&unseen), "{printed:?}");
            prop_assert!(printed.starts_with(&before) && printed.ends_with(&after), "{printed:?}");
        }

        #[test]
        fn what_is_printable_stays_as_it_is(text in "(\\PC|[\\p{C}\\p{M}]|[ -~]){0,60}") {
            let printed = printable(&text).into_owned();
            prop_assert!(!printed.chars().any(char::is_control));
            prop_assert!(is_printable(&printed));
            prop_assert_eq!(printable(&printed).into_owned(), printed.clone());
            prop_assert!(one_line(&printed).len() <= printed.len());
            if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
                prop_assert_eq!(printed, text);
            }
        }
    }
}
