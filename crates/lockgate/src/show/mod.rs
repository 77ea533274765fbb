//! What commands print: tables and words for people, one JSON document for machines.

mod compared;
mod decision;
mod evidence;
mod feeds;
mod keyring;
mod progress;
mod provenance;
mod records;
mod table;

use std::io::{self, Write};

use serde::Serialize;

pub use compared::compared;
pub use decision::{decision, plan};
pub use evidence::evidence;
pub use feeds::{affected, feed, feed_change, feeds, imported, scanned};
pub use keyring::{blast_radius, member, members};
pub use progress::progress;
pub use provenance::provenance;
pub use records::{entries, history, status, verified};

/// Bytes of an answer that are written at once.
const ANSWER_PIECE: usize = 64 << 10;

/// Prints a line. Whoever reads may stop reading: then nobody is left to tell anything, and the process ends as one that
/// did not do what it was asked.
pub fn line(text: std::fmt::Arguments<'_>) {
    raw(format_args!("{text}\n"));
}

/// Prints text as it is, as [`line`] does.
pub fn raw(text: std::fmt::Arguments<'_>) {
    written(io::stdout().write_fmt(text));
}

fn written(outcome: io::Result<()>) {
    if let Err(failed) = outcome {
        if failed.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("{} the answer cannot be written: {failed}", paint("error:", Colour::Red));
        }
        std::process::exit(crate::commands::ERROR.into());
    }
}

/// Prints a document for machines.
pub fn json<T: Serialize>(value: &T) {
    // Inventories are large: their text is never held whole.
    let mut out = io::BufWriter::with_capacity(ANSWER_PIECE, io::stdout().lock());
    let outcome = serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from);
    written(outcome.and_then(|()| writeln!(out)).and_then(|()| out.flush()));
}

/// Prints an error, its causes, and what to do.
pub fn error(error: &dyn std::error::Error, help: &str) {
    eprintln!("{} {error}", paint("error:", Colour::Red));
    let mut source = error.source();
    let mut said = error.to_string();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            eprintln!("  caused by: {text}");
        }
        said = text;
        source = cause.source();
    }
    if !help.is_empty() {
        eprintln!("  help: {help}");
    }
}

/// The colours of words; only on a terminal, and not where `NO_COLOR` is set.
#[derive(Clone, Copy)]
enum Colour {
    Red,
    Yellow,
    Green,
}

fn paint(text: &str, colour: Colour) -> String {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
    {
        return text.to_owned();
    }
    let code = match colour {
        Colour::Red => 31,
        Colour::Yellow => 33,
        Colour::Green => 32,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
