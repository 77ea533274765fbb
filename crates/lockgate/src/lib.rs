//! The `lockgate` command as a library: configuration, commands, output. `main` runs it.
#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

/// Prints a line of an answer: one, whatever is in the values.
macro_rules! say {
    () => { $crate::show::line(format_args!("")) };
    ($($text:tt)*) => { $crate::show::line(format_args!($($text)*)) };
}

pub mod commands;
pub mod config;
pub mod failure;
pub mod policies;
pub mod printable;
pub mod report;
pub mod sample_images;
pub mod session;
pub mod show;
pub mod signing;
pub mod sources;
pub mod starter;
pub mod tuf;

mod trust;
