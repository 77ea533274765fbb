//! Policies as Editions before 2026-3 read them: rules by their spelling at the beginning of a line.
//!
//! Recorded Cases of those Editions keep their bytes, so nothing is mended here. What would end the process, or answer
//! otherwise each time, is refused by [`guard`](super::guard): such a Case cannot be judged again.

mod annotations;
mod circles;
mod evaluate;

pub(crate) use annotations::{PolicySource, Rule, read_file};
pub(crate) use evaluate::evaluate;

use super::{KINDS, Kind, PolicyError};
