//! Versions of any text, in every order, and ranges of them; an order says the same from both sides.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_scan::version::{VersionRange, compare};

fuzz_target!(|pair: (&str, &str)| {
    let orders = ["Debian", "Alpine", "AlmaLinux", "PyPI", "npm", "Maven", "RubyGems", "Go", "NuGet", "Packagist", "crates.io"];
    if let Ok(range) = VersionRange::read(pair.0) {
        drop(range.contains(pair.1));
    }
    for ecosystem in orders {
        let (there, back) = (compare(ecosystem, pair.0, pair.1), compare(ecosystem, pair.1, pair.0));
        assert_eq!(there.ok(), back.ok().map(std::cmp::Ordering::reverse), "{ecosystem}");
    }
});
