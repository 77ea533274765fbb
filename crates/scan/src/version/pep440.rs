//! Python versions (PEP 440), by the `pep440_rs` crate.

use std::cmp::Ordering;
use std::str::FromStr;

use pep440_rs::Version;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let (left, right) = (Version::from_str(a).map_err(|_| a)?, Version::from_str(b).map_err(|_| b)?);
    Ok(left.cmp(&right))
}
