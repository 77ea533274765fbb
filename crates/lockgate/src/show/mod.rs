//! What commands print: tables and words for people, one JSON document for machines.

mod compared;
mod decision;
mod evidence;
mod feeds;
mod keyring;
pub(crate) mod noted;
mod out;
mod plan;
mod progress;
mod provenance;
mod records;
mod scanned;
mod table;

pub use compared::compared;
pub use decision::{decision, plan};
pub use evidence::evidence;
pub use feeds::{affected, feed, feed_change, feeds, imported};
pub use keyring::{blast_radius, member, members};
pub use out::{json, line, lines, warn_lines, write_json};
pub use progress::progress;
pub use provenance::provenance;
pub use records::{entries, history, status, verified};
pub use scanned::scanned;

use out::{Colour, Line};

use crate::failure::Failure;

/// Prints why a command stopped, what caused it, and what to do.
pub fn failure(failure: &Failure) {
    let (said, help) = (failure.lines(), failure.help());
    let (first, more) = said.split_first().map_or(("", &[][..]), |(first, more)| (first.as_str(), more));
    Line::default().coloured("error:", Colour::Red).text(format_args!(" {first}")).warn();
    for line in more {
        Line::of(format_args!("{line}")).warn();
    }
    let mut source = std::error::Error::source(failure);
    let mut said = failure.to_string();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            Line::of(format_args!("  caused by: {text}")).warn();
        }
        said = text;
        source = cause.source();
    }
    if !help.is_empty() {
        Line::of(format_args!("  help: {help}")).warn();
    }
}
