//! The `lockgate` command as a library: configuration, commands, output. `main` runs it.
#![forbid(unsafe_code)]

/// Prints a line of an answer.
macro_rules! say {
    ($($text:tt)*) => { $crate::show::line(format_args!($($text)*)) };
}

pub mod commands;
pub mod config;
pub mod failure;
pub mod policies;
pub mod report;
pub mod sample_images;
pub mod session;
pub mod show;
pub mod signing;
pub mod sources;
pub mod starter;
pub mod tuf;

mod trust;
