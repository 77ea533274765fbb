//! Node versions (Semantic Versioning 2.0.0, section 11), by the `semver` crate.

use std::cmp::Ordering;

use semver::Version;

pub(super) fn compare<'a>(a: &'a str, b: &'a str) -> Result<Ordering, &'a str> {
    let parse =
        |version: &'a str| Version::parse(version.trim().trim_start_matches(['v', '='])).map_err(|_| version);
    Ok(parse(a)?.cmp_precedence(&parse(b)?))
}
