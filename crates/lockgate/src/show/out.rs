//! Standard output and standard error: the one place that writes to them. What others wrote is escaped here
//! ([`crate::printable`]), so that no command can forget it: a line break or an escape sequence that reaches the stream
//! is our own.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::printable::{characters, printable};

#[expect(clippy::disallowed_methods, reason = "this is the one place that writes to it")]
fn stdout() -> io::Stdout {
    io::stdout()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that writes to it")]
fn stderr() -> io::Stderr {
    io::stderr()
}

/// Whether somebody watches standard error.
pub(super) fn is_watched() -> bool {
    stderr().is_terminal()
}

/// Bytes of an answer that are written at once.
const ANSWER_PIECE: usize = 64 << 10;

/// The colours of words (ECMA-48, SGR); only on a terminal, and not where `NO_COLOR` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Red,
    Yellow,
    Green,
    Bold,
    Faint,
}

impl Colour {
    fn code(self) -> u8 {
        match self {
            Self::Red => 31,
            Self::Yellow => 33,
            Self::Green => 32,
            Self::Bold => 1,
            Self::Faint => 2,
        }
    }
}

/// One line of output. Whatever text is added, it stays one line and has no colours but those that are asked for.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    /// Which bytes of the text have a colour, in order.
    coloured: Vec<(std::ops::Range<usize>, Colour)>,
}

impl Line {
    /// A line with this text.
    pub(super) fn of(text: fmt::Arguments<'_>) -> Self {
        Self::default().text(text)
    }

    /// Adds text.
    pub(super) fn text(mut self, text: fmt::Arguments<'_>) -> Self {
        // Writing to a string fails only where somebody's Display does: then the line ends there.
        let _written = Escaping(&mut self.text).write_fmt(text);
        self
    }

    /// Adds a word in a colour.
    pub(super) fn coloured(mut self, text: &str, colour: Colour) -> Self {
        let from = self.text.len();
        self = self.text(format_args!("{text}"));
        self.coloured.push((from..self.text.len(), colour));
        self
    }

    /// What it says, without colours.
    pub(super) fn said(&self) -> &str {
        &self.text
    }

    /// Prints it to standard output.
    pub(super) fn print(&self) {
        written(writeln!(stdout(), "{}", self.styled(has_colours(&stdout()))));
    }

    /// Prints it to standard error.
    pub(super) fn warn(&self) {
        // Where even this cannot be written, nobody is left to tell.
        let _written = writeln!(stderr(), "{}", self.styled(has_colours(&stderr())));
    }

    fn styled(&self, colours: bool) -> String {
        if !colours || self.coloured.is_empty() {
            return self.text.clone();
        }
        let (mut styled, mut at) = (String::with_capacity(self.text.len() + 16), 0);
        for (range, colour) in &self.coloured {
            styled.push_str(self.text.get(at..range.start).unwrap_or_default());
            let word = self.text.get(range.clone()).unwrap_or_default();
            styled.push_str(&format!("\x1b[{}m{word}\x1b[0m", colour.code()));
            at = range.end;
        }
        styled.push_str(self.text.get(at..).unwrap_or_default());
        styled
    }
}

/// Escapes what is written to it.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(&printable(text));
        Ok(())
    }
}

fn has_colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a line. Whoever reads may stop reading: then nobody is left to tell anything, and the process ends as one that
/// did not do what it was asked.
pub fn line(text: fmt::Arguments<'_>) {
    Line::of(text).print();
}

/// Prints a text of several lines, as [`line`] does.
pub fn lines(text: &str) {
    for text in text.lines() {
        line(format_args!("{text}"));
    }
}

/// Prints a text of several lines to standard error.
pub fn warn_lines(text: &str) {
    for text in text.lines() {
        Line::of(format_args!("{text}")).warn();
    }
}

fn written(outcome: io::Result<()>) {
    if let Err(failed) = outcome {
        if failed.kind() != io::ErrorKind::BrokenPipe {
            let said = Line::default().coloured("error:", Colour::Red);
            said.text(format_args!(" the answer cannot be written: {failed}")).warn();
        }
        std::process::exit(crate::commands::ERROR.into());
    }
}

/// Prints a document for machines.
pub fn json<T: Serialize>(value: &T) {
    // Inventories are large: their text is never held whole.
    let mut out = io::BufWriter::with_capacity(ANSWER_PIECE, stdout().lock());
    written(write_json(&mut out, value).and_then(|()| writeln!(out)).and_then(|()| out.flush()));
}

/// Writes indented JSON in which the characters that are not printed as they are have the form `\uXXXX` (RFC 8259,
/// section 7): the same values, and safe to look at.
pub fn write_json<T: Serialize>(out: impl io::Write, value: &T) -> io::Result<()> {
    let formatter = Printable(PrettyFormatter::new());
    let mut serializer = serde_json::Serializer::with_formatter(out, formatter);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Writes JSON as [`PrettyFormatter`] does, with characters escaped.
struct Printable(PrettyFormatter<'static>);

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        if crate::printable::is_printable(text) {
            return out.write_all(text.as_bytes());
        }
        for (one, printed) in characters(text) {
            if printed {
                write!(out, "{one}")?;
            } else {
                for unit in one.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// The columns that a line may have: those of the terminal, or of `COLUMNS` where that is set. Nothing in a pipe, where
/// lines are as long as what they say.
pub(super) fn width() -> Option<usize> {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.filter(|columns| *columns > 0)
        .or_else(|| terminal_size::terminal_size_of(stdout()).map(|(width, _)| width.0.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text without the codes of our own colours.
    fn without_colours(text: &str) -> String {
        [31, 33, 32, 1, 2, 0]
            .iter()
            .fold(text.to_owned(), |text, code| text.replace(&format!("\x1b[{code}m"), ""))
    }

    #[test]
    fn words_have_their_colours() {
        let line = Line::default().coloured("pass", Colour::Green).text(format_args!("  {}", "x\x1b[31m"));
        assert_eq!(line.styled(false), "pass  x\\u{1b}[31m");
        assert_eq!(line.styled(true), "\x1b[32mpass\x1b[0m  x\\u{1b}[31m");
    }

    proptest! {
        #[test]
        fn no_text_adds_a_line_or_a_colour(
            pieces in prop::collection::vec("(\\PC|[\\p{C}\\p{Z}\\p{M}]|\\x1b\\[3[0-7]m|[ -~]){0,12}", 1..6),
        ) {
            let mut line = Line::of(format_args!("{}", pieces[0]));
            for (at, piece) in pieces.iter().enumerate() {
                line = line.coloured(piece, Colour::Red).text(format_args!("{at} {piece}"));
            }
            let plain = line.styled(false);
            prop_assert!(crate::printable::is_printable(&plain), "{plain:?}");
            // Each word that was given a colour has it, and nothing else has one.
            let styled = line.styled(true);
            prop_assert_eq!(styled.matches("\x1b[31m").count(), pieces.len());
            prop_assert_eq!(without_colours(&styled), plain);
        }

        #[test]
        fn json_means_the_same_and_is_printable(text in "(\\PC|[\\p{C}\\p{Z}\\p{M}]|[ -~]){0,40}") {
            let value = serde_json::json!({"key": [&text, 1, {}], text.clone(): null});
            let mut written = Vec::new();
            write_json(&mut written, &value).unwrap();
            let written = String::from_utf8(written).unwrap();
            prop_assert!(written.lines().all(crate::printable::is_printable), "{written:?}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value.clone());
            // What needs no escaping is as serde_json writes it.
            if crate::printable::is_printable(&text) {
                prop_assert_eq!(written, serde_json::to_string_pretty(&value).unwrap());
            }
        }
    }
}
